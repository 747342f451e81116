//! Shows findings in the file as it was written, but for the secrets: of a line that is shown, only what is known to be no
//! secret can be read. Of a text that is no TOML nothing is known, so that only a line whose key is known is shown.

use super::finding::Finding;
use super::given::Origin;
use super::keys::{KEYS, Key, Kind};
use crate::excerpt::excerpt;
use crate::finding::{Title, rendered};
use annotate_snippets::{AnnotationKind, Element, Origin as Place, Renderer, Snippet};
use std::ops::Range;

/// A text whose lines can be shown.
pub(super) struct Source<'a> {
    /// As somebody called the file.
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) is_toml: bool,
    /// In the order of the text.
    pub(super) hidden: &'a [Range<usize>],
}

/// Where something begins, counted from 1; columns are characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Source<'_> {
    /// A finding with the line that it is about, or who else said it.
    pub(super) fn shown(&self, renderer: &Renderer, finding: &Finding) -> String {
        let rule = finding.rule.to_string();
        let title = Title {
            is_error: finding.is_error(),
            rule: &rule,
            message: &finding.message,
        };
        let note = self.elsewhere(&finding.origin);
        rendered(
            renderer,
            &title,
            self.place(&finding.origin),
            finding.help.as_deref(),
            note.as_deref(),
        )
    }

    /// Of what the file says.
    pub(super) fn position(&self, origin: &Origin) -> Option<Position> {
        let Origin::File(range) = origin else {
            return None;
        };
        let line = self.line(range.start);
        let start = self.text.floor_char_boundary(range.start.min(line.end));
        let column = self.text[line.start..start].chars().count() + 1;
        Some(Position {
            line: self.text[..line.start].matches('\n').count() + 1,
            column,
        })
    }

    /// Who said it, in a few characters.
    pub(super) fn who(&self, origin: &Origin) -> String {
        match (origin, self.position(origin)) {
            (_, Some(position)) => format!("{}:{}", self.name, position.line),
            (Origin::Environment(variable), _) => excerpt(variable),
            (Origin::Flag(path), _) => format!("--set {path}"),
            _ => "default".to_owned(),
        }
    }

    fn elsewhere(&self, origin: &Origin) -> Option<String> {
        let elsewhere = matches!(origin, Origin::Environment(_) | Origin::Flag(_));
        elsewhere.then(|| format!("given by {}", self.who(origin)))
    }

    fn place(&self, origin: &Origin) -> Option<Element<'_>> {
        let (Origin::File(range), position) = (origin, self.position(origin)?) else {
            return None;
        };
        let line = self.line(range.start);
        if !self.is_toml && !is_known(&self.text[line.clone()]) {
            return Some(
                Place::path(self.name)
                    .line(position.line)
                    .char_column(position.column)
                    .into(),
            );
        }
        let (text, place) = self.readable(&line, range);
        let snippet = Snippet::source(text)
            .path(self.name)
            .line_start(position.line);
        Some(
            snippet
                .annotation(AnnotationKind::Primary.span(place))
                .into(),
        )
    }

    /// The line around a byte, without its end.
    fn line(&self, at: usize) -> Range<usize> {
        let at = self.text.floor_char_boundary(at);
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = self.text[start..]
            .find(['\r', '\n'])
            .map_or(self.text.len(), |length| start + length);
        start..end
    }

    /// A line without what is hidden, and where a place in it has gone. What is hidden before the place keeps its width,
    /// so that the caret's column is the one in the file; of the rest not even that is told.
    fn readable(&self, line: &Range<usize>, place: &Range<usize>) -> (String, Range<usize>) {
        let clipped = |at: usize| {
            self.text
                .floor_char_boundary(at.clamp(line.start, line.end))
        };
        let (mut text, mut at) = (String::new(), line.start);
        let (mut start, mut end) = (None, None);
        for hidden in self
            .hidden
            .iter()
            .filter(|hidden| hidden.start < line.end && hidden.end > line.start)
        {
            let hidden = clipped(hidden.start).max(at)..clipped(hidden.end).max(at);
            self.copy(&mut text, at..hidden.start, place, (&mut start, &mut end));
            let width = if hidden.end <= place.start {
                self.text[hidden.clone()].chars().count()
            } else {
                STARS
            };
            text.extend(std::iter::repeat_n('*', width));
            at = hidden.end;
        }
        self.copy(&mut text, at..line.end, place, (&mut start, &mut end));
        let start = start.unwrap_or(text.len());
        let end = end.unwrap_or(text.len()).max(start);
        (text, start..end)
    }

    /// Copies what may be read, and tells where the ends of the place have gone, if it has reached them.
    fn copy(
        &self,
        text: &mut String,
        from: Range<usize>,
        place: &Range<usize>,
        (start, end): (&mut Option<usize>, &mut Option<usize>),
    ) {
        let offset =
            |at: usize| text.len() + self.text.floor_char_boundary(at).saturating_sub(from.start);
        if start.is_none() && place.start <= from.end {
            *start = Some(offset(place.start));
        }
        if end.is_none() && place.end <= from.end {
            *end = Some(offset(place.end));
        }
        text.push_str(&self.text[from]);
    }
}

/// Whether a line of a text that is no TOML begins with a table or with a key that is no secret, and names no secret.
fn is_known(line: &str) -> bool {
    let line = line.trim();
    if line.starts_with('[') {
        return !line.contains(['=', '"', '\'']) && !names_a_secret(line);
    }
    let key = line.split('=').next().unwrap_or_default().trim();
    let name = key.rsplit('.').next().unwrap_or_default();
    KEYS.iter()
        .any(|key| key.kind != Kind::Secret && key.name() == name)
        && !names_a_secret(line)
}

/// Of a secret itself; the name of its file may be seen.
fn names_a_secret(line: &str) -> bool {
    let secrets = KEYS.iter().filter(|key| key.kind == Kind::Secret);
    let itself = |name: &str| {
        line.split(name)
            .skip(1)
            .any(|rest| !rest.starts_with("_file"))
    };
    secrets.map(Key::name).any(itself)
}

/// However long what is hidden is.
const STARS: usize = 3;

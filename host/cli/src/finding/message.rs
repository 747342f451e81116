//! Draws what is wrong with a message, or risky about it, where it is in the JSON that was written: the same for `rbm check` and
//! for what a gateway answers. Finds nothing itself.

use super::place::Document;
use super::{Title, rendered};
use annotate_snippets::{AnnotationKind, Element, Origin, Renderer, Snippet};
use rbm_json::finding::FindingView;

/// A message as it was written.
pub(crate) struct Written<'a> {
    /// What the file is called.
    name: String,
    document: Document<'a>,
}

impl<'a> Written<'a> {
    /// In the file of this name.
    pub(crate) fn new(name: String, text: &'a str) -> Self {
        Self {
            name,
            document: Document::parse(text),
        }
    }

    fn snippet<'s>(&'s self, finding: &'s FindingView) -> Option<Element<'s>> {
        let place = match finding.rule.as_str() {
            "unknown-field" => self.document.name(&finding.path),
            "not-json" => self.document.fault(),
            _ => self.document.find(&finding.path),
        }?;
        let label = finding
            .limit
            .as_deref()
            .map(|limit| format!("allowed: {limit}"));
        let annotation = AnnotationKind::Primary.span(place).label(label);
        let snippet = Snippet::source(self.document.text)
            .path(&self.name)
            .annotation(annotation);
        Some(snippet.into())
    }
}

/// Each finding and an empty line. Where nobody wrote JSON, the path alone is the place.
pub(crate) fn drawn(
    renderer: &Renderer,
    written: Option<&Written<'_>>,
    findings: &[FindingView],
) -> String {
    let one = |finding: &FindingView| {
        let title = Title {
            is_error: is_error(finding),
            rule: &finding.rule,
            message: &finding.message,
        };
        let place = match written {
            Some(written) => written.snippet(finding),
            None => path(finding),
        };
        let finding = rendered(
            renderer,
            &title,
            place,
            finding.hint.as_deref(),
            finding.source.as_deref(),
        );
        format!("{finding}\n\n")
    };
    findings.iter().map(one).collect()
}

fn path(finding: &FindingView) -> Option<Element<'_>> {
    let is_there = !finding.path.is_empty();
    is_there.then(|| Origin::path(finding.path.as_str()).into())
}

/// Whether it keeps the message from being sent.
pub(crate) fn is_error(finding: &FindingView) -> bool {
    finding.severity == "error"
}

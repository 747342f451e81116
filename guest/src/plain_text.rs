//! The best form of a message in plain text, for a channel that has nothing else, with what it takes as SMS.
//!
//! What a person can read or act on is kept, each link once. What nobody can act on without a button is left out: a request
//! to share a location that has no fallback, and an uploaded file, whose name only the platform can follow.

use gateway_channel::{
    Action, CalendarEvent, Card, CardMedia, Content, FileSource, Message, Place, PlainForm,
    Suggestion, TextEncoding,
};
use rbm_wire::time::unix_seconds;

/// Text, cards and files line by line, then what the suggestions offered. The words of its own are `Reply:` and `UTC`.
///
/// No segments mean that there is no SMS: nothing is left to say, or more than the parts of one SMS can carry.
pub fn plain_text(message: &Message) -> PlainForm {
    let mut lines = Lines(String::new());
    match &message.content {
        Content::Text(text) => lines.say(text),
        Content::File(file) => lines.file("", &file.source),
        Content::Card(standalone) => lines.card(&standalone.card),
        Content::Carousel(carousel) => lines.cards(&carousel.cards),
    }
    lines.suggestions(&message.suggestions);
    let text = lines.0;
    let (encoding, segments) = sms(&text);
    PlainForm {
        text,
        encoding,
        segments,
    }
}

/// What was said so far. No line is empty, but for those within a text.
struct Lines(String);

impl Lines {
    fn say(&mut self, text: &str) {
        append(&mut self.0, "\n", text);
    }

    /// Numbered, because nothing else tells where a card begins.
    fn cards(&mut self, cards: &[Card]) {
        let mut number = 0;
        for card in cards {
            let end = self.0.len();
            self.card(card);
            if self.0.len() > end {
                number += 1;
                let line_break = usize::from(end > 0);
                self.0.insert_str(end + line_break, &format!("{number}. "));
            }
        }
    }

    fn card(&mut self, card: &Card) {
        self.say(card.title.as_deref().unwrap_or_default());
        self.say(card.description.as_deref().unwrap_or_default());
        if let Some(CardMedia {
            file,
            alternative_text,
            ..
        }) = &card.media
        {
            self.file(
                alternative_text.as_deref().unwrap_or_default(),
                &file.source,
            );
        }
        self.suggestions(&card.suggestions);
    }

    fn file(&mut self, words: &str, source: &FileSource) {
        match source {
            FileSource::Url(url) => self.offer(words, self.new_link(url)),
            FileSource::Uploaded(_) => self.say(words),
        }
    }

    fn suggestions(&mut self, suggestions: &[Suggestion]) {
        let mut replies = String::new();
        for suggestion in suggestions {
            match suggestion.action {
                Action::Reply => append(&mut replies, " / ", &suggestion.text),
                _ => self.action(suggestion),
            }
        }
        self.offer("Reply", &replies);
    }

    fn action(&mut self, suggestion: &Suggestion) {
        let mut what = match &suggestion.action {
            Action::Reply | Action::ShareLocation => String::new(),
            Action::Dial(phone) => phone.clone(),
            Action::OpenUrl(page) => self.new_link(&page.url).into(),
            Action::ViewLocation(place) => where_it_is(place),
            Action::CreateCalendarEvent(event) => when_it_is(event),
            Action::ComposeText(compose) => [&compose.phone, ", \"", &compose.text, "\""].concat(),
            Action::ComposeRecording(compose) => compose.phone.clone(),
        };
        let fallback = suggestion.fallback_url.as_deref().unwrap_or_default();
        if what != fallback {
            append(&mut what, ", ", self.new_link(fallback));
        }
        self.offer(&suggestion.text, &what);
    }

    /// Nothing, if there is nothing behind the label: a label alone would be a button that does nothing.
    fn offer(&mut self, label: &str, what: &str) {
        let label = label.trim();
        if label.is_empty() || what.is_empty() {
            self.say(what);
        } else {
            self.say(&[label, ": ", what].concat());
        }
    }

    /// The link, or nothing if it was said before.
    fn new_link<'a>(&self, url: &'a str) -> &'a str {
        let around = |character| {
            matches!(
                character,
                '(' | ')' | '<' | '>' | '"' | '\'' | '.' | ',' | ';' | ':' | '!' | '?'
            )
        };
        let said = self
            .0
            .split_whitespace()
            .any(|word| word == url || word.trim_matches(around) == url);
        if said { "" } else { url }
    }
}

/// Coordinates too, where there are words: a map finds only what the whole world calls so.
fn where_it_is(place: &Place) -> String {
    let mut text = String::new();
    append(&mut text, "", place.label.as_deref().unwrap_or_default());
    append(&mut text, ", ", place.query.as_deref().unwrap_or_default());
    if let Some(at) = &place.coordinates {
        append(
            &mut text,
            ", ",
            &[degrees(at.latitude), degrees(at.longitude)].join(","),
        );
    }
    text
}

fn when_it_is(event: &CalendarEvent) -> String {
    let times = match (wall_clock(&event.start), wall_clock(&event.end)) {
        (Some([date, from, zone]), Some([end_date, to, end_zone]))
            if (date, zone) == (end_date, end_zone) =>
        {
            [date, " ", from, "-", to, " UTC", zone].concat()
        }
        (Some([date, from, zone]), Some([end_date, to, end_zone])) => [
            date, " ", from, " UTC", zone, " - ", end_date, " ", to, " UTC", end_zone,
        ]
        .concat(),
        _ => [&event.start, " - ", &event.end].concat(),
    };
    let mut text = String::new();
    append(&mut text, "", &event.title);
    append(&mut text, ", ", &times);
    append(
        &mut text,
        ", ",
        event.description.as_deref().unwrap_or_default(),
    );
    text
}

/// Date, hours and minutes, and offset of an RFC 3339 time, which has a fixed width up to its fraction.
fn wall_clock(time: &str) -> Option<[&str; 3]> {
    unix_seconds(time)?;
    let offset = time
        .get(19..)?
        .trim_start_matches(|character: char| character == '.' || character.is_ascii_digit());
    Some([
        time.get(..10)?,
        time.get(11..16)?,
        offset.trim_end_matches(['Z', 'z']),
    ])
}

fn append(text: &mut String, separator: &str, part: &str) {
    let part = part.trim();
    if !text.is_empty() && !part.is_empty() {
        text.push_str(separator);
    }
    text.push_str(part);
}

/// As JSON writes it: formatting a number in a second way would add a tenth to the component.
fn degrees(number: f64) -> String {
    serde_json::to_string(&number).unwrap_or_default()
}

/// Segments as 3GPP TS 23.038 and 23.040 count them: alone 160 septets or 70 units, joined 153 or 67.
fn sms(text: &str) -> (TextEncoding, u32) {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    let (encoding, weights, alone, joined) = match septets {
        Some(septets) => (TextEncoding::Gsm7, septets, 160, 153),
        None => (
            TextEncoding::Ucs2,
            text.chars().map(char::len_utf16).collect(),
            70,
            67,
        ),
    };
    let total: usize = weights.iter().sum();
    let parts = joined_segments(&weights, joined);
    let segments = match total {
        0 => 0,
        _ if total <= alone => 1,
        _ if parts <= PARTS_MAX => parts,
        _ => 0,
    };
    (encoding, segments)
}

/// No character is split between two segments.
fn joined_segments(weights: &[usize], capacity: usize) -> u32 {
    let mut segments = 1;
    let mut used = 0;
    for weight in weights {
        if used + weight > capacity {
            segments += 1;
            used = 0;
        }
        used += weight;
    }
    segments
}

/// One for the default alphabet, two for its extension, none for what it does not have.
fn septets(character: char) -> Option<usize> {
    if GSM7.chars().any(|known| known == character) {
        Some(1)
    } else if GSM7_EXTENSION.chars().any(|known| known == character) {
        Some(2)
    } else {
        None
    }
}

/// 3GPP TS 23.040 §9.2.3.24.1: one byte says how many there are.
const PARTS_MAX: u32 = 255;
/// 3GPP TS 23.038 §6.2.1
const GSM7: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// 3GPP TS 23.038 §6.2.1.1
const GSM7_EXTENSION: &str = "\u{c}^{}\\[~]|€";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_counted_as_the_standard_counts_them() {
        for (text, encoding, segments) in [
            (String::new(), TextEncoding::Gsm7, 0),
            ("a".into(), TextEncoding::Gsm7, 1),
            ("a".repeat(160), TextEncoding::Gsm7, 1),
            ("a".repeat(161), TextEncoding::Gsm7, 2),
            ("a".repeat(306), TextEncoding::Gsm7, 2),
            ("a".repeat(307), TextEncoding::Gsm7, 3),
            ("€".repeat(80), TextEncoding::Gsm7, 1),
            ("€".repeat(81), TextEncoding::Gsm7, 2),
            // 76 in the first segment of 153, because none is split.
            ("€".repeat(153), TextEncoding::Gsm7, 3),
            ("ы".repeat(70), TextEncoding::Ucs2, 1),
            ("ы".repeat(71), TextEncoding::Ucs2, 2),
            ("😀".repeat(35), TextEncoding::Ucs2, 1),
            ("😀".repeat(36), TextEncoding::Ucs2, 2),
            // 33 in a segment of 67, because none is split.
            ("😀".repeat(66), TextEncoding::Ucs2, 2),
            ("😀".repeat(67), TextEncoding::Ucs2, 3),
            ("^{}\\[~]|€\u{c}".repeat(8), TextEncoding::Gsm7, 1),
            (
                format!("{}a", "^{}\\[~]|€\u{c}".repeat(8)),
                TextEncoding::Gsm7,
                2,
            ),
            ("`".into(), TextEncoding::Ucs2, 1),
            ("a".repeat(255 * 153), TextEncoding::Gsm7, 255),
            ("a".repeat(255 * 153 + 1), TextEncoding::Gsm7, 0),
            ("ы".repeat(255 * 67), TextEncoding::Ucs2, 255),
            ("ы".repeat(255 * 67 + 1), TextEncoding::Ucs2, 0),
        ] {
            assert_eq!(
                sms(&text),
                (encoding, segments),
                "{} characters",
                text.chars().count()
            );
        }
    }

    /// 128 positions, of which one is the escape to the extension.
    #[test]
    fn the_alphabet_has_127_characters_and_its_extension_10() {
        assert_eq!(
            (GSM7.chars().count(), GSM7_EXTENSION.chars().count()),
            (127, 10)
        );
        let all: std::collections::BTreeSet<char> =
            GSM7.chars().chain(GSM7_EXTENSION.chars()).collect();
        assert_eq!(all.len(), 137, "none twice");
    }
}

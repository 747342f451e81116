//! The best form of a message in plain text, for a channel that has nothing else, with what it takes as SMS.

use gateway_channel::{Action, Attachment, Card, Content, FileSource, Message, PlainForm, Suggestion, TextEncoding};

/// Text, cards and files line by line, then what the suggestions offered.
pub fn plain_text(message: &Message) -> PlainForm {
    let mut lines = Vec::new();
    match &message.content {
        Content::Text(text) => lines.push(text.clone()),
        Content::File(file) => lines.extend(address(file)),
        Content::Card(standalone) => card_lines(&standalone.card, &mut lines),
        Content::Carousel(carousel) => carousel.cards.iter().for_each(|card| card_lines(card, &mut lines)),
    }
    lines.extend(message.suggestions.iter().filter_map(offer));
    let text = lines.join("\n");
    let (encoding, segments) = sms(&text);
    PlainForm { text, encoding, segments }
}

fn card_lines(card: &Card, lines: &mut Vec<String>) {
    lines.extend(card.title.clone());
    lines.extend(card.description.clone());
    lines.extend(card.media.as_ref().and_then(|media| address(&media.file)));
    lines.extend(card.suggestions.iter().filter_map(offer));
}

/// An uploaded file has a name that only the platform can follow.
fn address(file: &Attachment) -> Option<String> {
    match &file.source {
        FileSource::Url(url) => Some(url.clone()),
        FileSource::Uploaded(_) => None,
    }
}

/// What still makes sense without a button to tap.
fn offer(suggestion: &Suggestion) -> Option<String> {
    let text = &suggestion.text;
    match &suggestion.action {
        Action::Reply => Some(format!("- {text}")),
        Action::Dial(phone) => Some(format!("{text}: {phone}")),
        Action::OpenUrl(page) => Some(format!("{text}: {}", page.url)),
        Action::ViewLocation(place) => {
            let place_words = place.label.clone().or_else(|| place.query.clone());
            let coordinates =
                place.coordinates.as_ref().map(|at| format!("{},{}", degrees(at.latitude), degrees(at.longitude)));
            place_words.or(coordinates).map(|place| format!("{text}: {place}"))
        }
        Action::CreateCalendarEvent(event) => {
            Some(format!("{text}: {}, {} to {}", event.title, event.start, event.end))
        }
        Action::ComposeText(compose) => Some(format!("{text}: {}", compose.phone)),
        Action::ComposeRecording(compose) => Some(format!("{text}: {}", compose.phone)),
        Action::ShareLocation => suggestion.fallback_url.as_ref().map(|url| format!("{text}: {url}")),
    }
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
        None => (TextEncoding::Ucs2, text.chars().map(char::len_utf16).collect(), 70, 67),
    };
    let total: usize = weights.iter().sum();
    let segments = if total <= alone { 1 } else { joined_segments(&weights, joined) };
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
    if GSM7.contains(character) {
        Some(1)
    } else if GSM7_EXTENSION.contains(character) {
        Some(2)
    } else {
        None
    }
}

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
            (String::new(), TextEncoding::Gsm7, 1),
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
        ] {
            assert_eq!(sms(&text), (encoding, segments), "{} characters", text.chars().count());
        }
    }
}

//! How a message to or from an American number is charged. (carriers/billing/us-billing-model)

use super::country;
use crate::fidelity::{Basis, Behaviour};
use rbm_wire::callback::Notice;
use rbm_wire::message::{ContentMessage, RichMessageClassification, SuggestedAction, Suggestion};
use rbm_wire::name::PhoneNumber;

/// None for other numbers.
pub(super) fn of_message(
    number: &PhoneNumber,
    content: &ContentMessage,
) -> Option<RichMessageClassification> {
    let text = content
        .text
        .as_deref()
        .filter(|_| content.suggestions.iter().all(is_plain));
    country::is_american(number).then(|| text.map_or_else(media, rich))
}

/// Texts and taps are rich, files are media; a location is taken for rich, which no page says.
pub(super) fn of_notice(
    number: &PhoneNumber,
    notice: &Notice,
) -> Option<RichMessageClassification> {
    let of = || {
        if notice.user_file.is_some() {
            media()
        } else {
            rich(notice.text.as_deref().unwrap_or_default())
        }
    };
    country::is_american(number).then(of)
}

/// Replies, dialling, and a page in the browser.
fn is_plain(suggestion: &Suggestion) -> bool {
    let Some(action) = &suggestion.action else {
        return true;
    };
    let SuggestedAction {
        dial_action,
        open_url_action,
        ..
    } = action;
    let in_browser = |application: Option<&str>| application != Some("WEBVIEW");
    dial_action.is_some()
        || open_url_action
            .as_ref()
            .is_some_and(|open| in_browser(open.application.as_deref()))
}

/// In segments of 160 bytes, rounded up: the billing page counts bytes, a comment in a client characters.
fn rich(text: &str) -> RichMessageClassification {
    let segments = text.len().div_ceil(SEGMENT_BYTES).max(1);
    RichMessageClassification {
        classification_type: Some("RICH_MESSAGE".to_owned()),
        segment_count: Some(u32::try_from(segments).unwrap_or(u32::MAX)),
    }
}

fn media() -> RichMessageClassification {
    RichMessageClassification {
        classification_type: Some("RICH_MEDIA_MESSAGE".to_owned()),
        segment_count: None,
    }
}

const SEGMENT_BYTES: usize = 160;

pub(super) const BEHAVIOURS: &[&Behaviour] = &[&Behaviour {
    id: "classification",
    what: "To and from American numbers, texts and taps are RICH_MESSAGE with segments of 160 bytes, as long as all that can be \
           tapped is replies, dialling and pages in the browser; everything else is RICH_MEDIA_MESSAGE",
    basis: Basis::Documented,
    source: "carriers/billing/us-billing-model; a comment in Google's clients counts characters; a location is taken for rich, \
             which no page says",
    switch: None,
    test: "a_message_is_rich_or_media_and_rich_ones_have_segments",
}];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_is_rich_or_media_and_rich_ones_have_segments() {
        let american = PhoneNumber::parse("+15550100001").expect("a number");
        let chip =
            |action: &str| json!([{ "action": { "text": "x", "postbackData": "x", action: {} } }]);
        let page = |application: &str| {
            json!([{ "action": { "text": "x", "postbackData": "x",
            "openUrlAction": { "url": "https://x.example", "application": application } } }])
        };
        for (content, segments) in [
            (json!({ "text": "a".repeat(160) }), Some(1)),
            (json!({ "text": "a".repeat(161) }), Some(2)),
            (json!({ "text": "é".repeat(81) }), Some(2)),
            (
                json!({ "text": "a", "suggestions": [{ "reply": { "text": "x".repeat(25), "postbackData": "x".repeat(900) } }] }),
                Some(1),
            ),
            (
                json!({ "text": "a", "suggestions": page("BROWSER") }),
                Some(1),
            ),
            (json!({ "text": "a", "suggestions": page("WEBVIEW") }), None),
            (
                json!({ "text": "a", "suggestions": chip("shareLocationAction") }),
                None,
            ),
            (
                json!({ "richCard": { "standaloneCard": { "cardContent": { "title": "a" } } } }),
                None,
            ),
        ] {
            let content: ContentMessage = serde_json::from_value(content).expect("a content");
            let class = of_message(&american, &content).expect("American");
            let kind = if segments.is_some() {
                "RICH_MESSAGE"
            } else {
                "RICH_MEDIA_MESSAGE"
            };
            assert_eq!(
                (class.classification_type.as_deref(), class.segment_count),
                (Some(kind), segments),
                "{content:?}"
            );
        }
        let german = PhoneNumber::parse("+4915100000001").expect("a number");
        assert_eq!(of_message(&german, &ContentMessage::default()), None);
    }
}

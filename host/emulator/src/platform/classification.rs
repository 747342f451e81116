//! How a message to or from an American number is charged. (carriers/billing/us-billing-model)

use super::country;
use rbm_wire::callback::Notice;
use rbm_wire::message::{ContentMessage, RichMessageClassification, SuggestedAction, Suggestion};
use rbm_wire::name::PhoneNumber;

/// None for other numbers.
pub(super) fn of_message(number: &PhoneNumber, content: &ContentMessage) -> Option<RichMessageClassification> {
    let text = content.text.as_deref().filter(|_| content.suggestions.iter().all(is_plain));
    country::is_american(number).then(|| text.map_or_else(media, rich))
}

/// Texts and taps are rich, files are media; a location is taken for rich, which no page says.
pub(super) fn of_notice(number: &PhoneNumber, notice: &Notice) -> Option<RichMessageClassification> {
    let of = || if notice.user_file.is_some() { media() } else { rich(notice.text.as_deref().unwrap_or_default()) };
    country::is_american(number).then(of)
}

/// Replies, dialling, and a page in the browser.
fn is_plain(suggestion: &Suggestion) -> bool {
    let Some(action) = &suggestion.action else { return true };
    let SuggestedAction { dial_action, open_url_action, .. } = action;
    let in_browser = |application: Option<&str>| application != Some("WEBVIEW");
    dial_action.is_some() || open_url_action.as_ref().is_some_and(|open| in_browser(open.application.as_deref()))
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
    RichMessageClassification { classification_type: Some("RICH_MEDIA_MESSAGE".to_owned()), segment_count: None }
}

const SEGMENT_BYTES: usize = 160;

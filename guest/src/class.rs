//! What a message would count as on the bill. An estimate before sending: the platform's answer is what counts.

use gateway_channel::{Action, Content, Message, Suggestion, UrlView};
use rbm_wire::limits::BASIC_MESSAGE_BYTES;

/// The class in the platform's words, and the segments where the class has them.
pub fn message_class(message: &Message) -> (&'static str, Option<u32>) {
    // +1 is also Canada's and the Caribbean's; how Google bills those is unconfirmed.
    if message.recipient.starts_with("+1") {
        us_class(message)
    } else {
        class(message)
    }
}

/// carriers/billing/us-billing-model. It counts UTF-8 bytes, where a comment in Google's client says characters.
fn us_class(message: &Message) -> (&'static str, Option<u32>) {
    match &message.content {
        Content::Text(text) if message.suggestions.iter().all(is_rich) => {
            let segments = text.len().div_ceil(BASIC_MESSAGE_BYTES.most());
            ("RICH_MESSAGE", u32::try_from(segments).ok())
        }
        _ => ("RICH_MEDIA_MESSAGE", None),
    }
}

/// Replies, and of the actions only dialling and pages in the browser, do not make a message a media message.
fn is_rich(suggestion: &Suggestion) -> bool {
    match &suggestion.action {
        Action::Reply | Action::Dial(_) => true,
        Action::OpenUrl(page) => page.view == UrlView::Browser,
        _ => false,
    }
}

/// guides/learn/rbm-billing-faq
fn class(message: &Message) -> (&'static str, Option<u32>) {
    match &message.content {
        Content::Text(text)
            if text.len() <= BASIC_MESSAGE_BYTES.most() && message.suggestions.is_empty() =>
        {
            ("BASIC_MESSAGE", None)
        }
        _ => ("SINGLE_MESSAGE", None),
    }
}

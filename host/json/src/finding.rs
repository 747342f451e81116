//! Findings as callers read them.

use crate::path;
use gateway_channel::{Finding, Message, Severity};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What is wrong, or risky, about one field.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FindingView {
    /// `error` or `warning`
    pub severity: Cow<'static, str>,
    /// Where, as a path into the JSON that the caller sent.
    pub path: String,
    /// A stable name.
    pub rule: String,
    /// With its unit, where the rule has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The value met, with its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The page that states the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Something that is wrong at this path of the JSON, by the contract: what a platform says is a plugin's to find.
pub fn error(path: &str, rule: &str, message: String) -> Finding {
    Finding {
        severity: Severity::Error,
        path: path.to_owned(),
        rule: rule.to_owned(),
        limit: None,
        actual: None,
        message,
        hint: None,
        source: Some(CONTRACT.to_owned()),
    }
}

/// A finding about the shape of the JSON itself.
pub fn of_shape(finding: Finding) -> FindingView {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    FindingView {
        severity: severity.into(),
        path: finding.path,
        rule: finding.rule,
        limit: finding.limit,
        actual: finding.actual,
        message: finding.message,
        hint: finding.hint,
        source: finding.source,
    }
}

/// What is wrong with the shape of the JSON, and what a plugin finds about the message that could be made of it. Where both
/// find something, the plugin's follows from the other.
pub fn all_of_message(
    shape: Vec<Finding>,
    found: Vec<Finding>,
    message: &Message,
) -> Vec<FindingView> {
    let mut views: Vec<FindingView> = shape.into_iter().map(of_shape).collect();
    let known: Vec<String> = views.iter().map(|view| view.path.clone()).collect();
    let found = found
        .into_iter()
        .map(|finding| of_message(finding, message));
    views.extend(found.filter(|view| !known.contains(&view.path)));
    views
}

/// A plugin's finding about a message, whose paths are the contract's.
pub fn of_message(finding: Finding, message: &Message) -> FindingView {
    let path = path::to_json(&finding.path, message);
    let sentence = finding.message.replacen(&finding.path, &path, 1);
    of_shape(Finding {
        path,
        message: sentence,
        ..finding
    })
}

/// What states which fields there are, and what they may be.
const CONTRACT: &str = "gateway:channel@0.1.0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;
    use serde_json::json;

    #[test]
    fn a_plugins_paths_become_paths_into_what_the_caller_sent() {
        let chips = json!([{ "reply": { "text": "a" } }, { "open_url": { "text": "b", "url": "https://x.example" } }]);
        let text = json!({ "to": "+12", "content": { "text": "x" }, "suggestions": chips, "lifetime_seconds": 1 });
        let card = json!({ "to": "+12", "content": { "card": { "title": "x", "suggestions": chips } }, "expires_at": "x" });
        let cards = json!({ "to": "+12", "content": { "carousel": { "cards": [{ "title": "x" }, { "suggestions": chips }] } } });
        let file = json!({ "to": "+12", "content": { "file": { "uploaded": "files/x" } } });
        let picture = json!({ "media": { "file": { "url": "https://x.example/a", "thumbnail_uploaded": "files/x" } } });
        let pictures = json!({ "to": "+12", "content": { "carousel": { "cards": [{ "title": "x" }, picture] } } });
        let place = json!({ "view_location": { "text": "a", "latitude": 91, "longitude": 0 } });
        let place = json!({ "to": "+12", "content": { "text": "x" }, "suggestions": [place] });
        for (body, path, expected) in [
            (&text, "recipient", "to"),
            (&text, "expiry", "lifetime_seconds"),
            (&card, "expiry", "expires_at"),
            (&text, "content.text", "content.text"),
            (&text, "suggestions", "suggestions"),
            (&text, "suggestions[0].text", "suggestions[0].reply.text"),
            (
                &text,
                "suggestions[1].action.url",
                "suggestions[1].open_url.url",
            ),
            (
                &text,
                "suggestions[1].fallback-url",
                "suggestions[1].open_url.fallback_url",
            ),
            (&text, "suggestions[9].text", "suggestions[9].text"),
            (&card, "content.card.card.title", "content.card.title"),
            (
                &card,
                "content.card.card.media.alternative-text",
                "content.card.media.alternative_text",
            ),
            (
                &card,
                "content.card.card.suggestions[0].postback",
                "content.card.suggestions[0].reply.postback",
            ),
            (
                &cards,
                "content.carousel.cards[1].suggestions[1].text",
                "content.carousel.cards[1].suggestions[1].open_url.text",
            ),
            (&file, "content.file.source", "content.file.uploaded"),
            (
                &place,
                "suggestions[0].action.coordinates.latitude",
                "suggestions[0].view_location.latitude",
            ),
            (
                &pictures,
                "content.carousel.cards[1].media.file.source",
                "content.carousel.cards[1].media.file.url",
            ),
            (
                &pictures,
                "content.carousel.cards[1].media.file.thumbnail",
                "content.carousel.cards[1].media.file.thumbnail_uploaded",
            ),
        ] {
            let draft = message::read("id", body).expect("a message");
            assert_eq!(path::to_json(path, &draft.message), expected, "{path}");
        }
    }
}

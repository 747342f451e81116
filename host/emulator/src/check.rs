//! Reads and checks what a client hands in, strictly: every field that is unknown, too long or out of place is named.

use crate::excerpt::{excerpt, remark};
use crate::refusal::violation;
use jiff::{SignedDuration, Timestamp};
use rbm_wire::limits;
use rbm_wire::message::{AgentEvent, AgentMessage, CardContent, ContentMessage, RichCard, Suggestion, TrafficType};
use rbm_wire::problem::FieldViolation;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// Reads a body that is an object whose every field must be known.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Vec<FieldViolation>> {
    // Serde takes the fields of a struct from a list too.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(vec![violation("", "the body is a list, and must be an object")]);
    }
    let mut unknown = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| {
        let path = unknown_field(&path);
        unknown.push(violation(&path, format!("Unknown name \"{path}\": Cannot find field.")));
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let value = serde_ignored::deserialize(tracked, &mut note);
    let value = value.map_err(|problem| vec![violation(field(&track.path()), remark(problem))])?;
    json.end().map_err(|problem| vec![violation("", remark(problem))])?;
    if unknown.is_empty() { Ok(value) } else { Err(unknown) }
}

/// `contentMessage.suggestions[1].colour`
fn unknown_field(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", unknown_field(parent)),
        Path::Map { parent, key } => below(&unknown_field(parent), key),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            unknown_field(parent)
        }
    }
}

/// `users[1]`; empty for the whole body.
fn field(path: &serde_path_to_error::Path) -> String {
    path.iter().fold(String::new(), |path, segment| match segment {
        Segment::Seq { index } => format!("{path}[{index}]"),
        Segment::Map { key } => below(&path, key),
        Segment::Enum { .. } | Segment::Unknown => path,
    })
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { excerpt(name) } else { format!("{path}.{}", excerpt(name)) }
}

/// Everything that is wrong with a message, and when it runs out.
pub(crate) fn message(
    message: &AgentMessage,
    bytes: usize,
    now: Timestamp,
) -> Result<Option<Timestamp>, Vec<FieldViolation>> {
    let mut wrong = Vec::new();
    if bytes > limits::MESSAGE_BYTES.most() {
        wrong.push(violation(
            "",
            format!("the message has {bytes} bytes, the limit is {}", limits::MESSAGE_BYTES.most()),
        ));
    }
    if let Some(word) = &message.message_traffic_type {
        let known =
            TrafficType::ALL.iter().any(|kind| kind.as_str() == word) || word == "MESSAGE_TRAFFIC_TYPE_UNSPECIFIED";
        wrong.extend(
            (!known).then(|| violation("messageTrafficType", format!("there is no traffic type {:?}", excerpt(word)))),
        );
    }
    content(&message.content_message, &mut wrong);
    let expires_at = expiry(message, now).unwrap_or_else(|problem| {
        wrong.push(problem);
        None
    });
    if wrong.is_empty() { Ok(expires_at) } else { Err(wrong) }
}

/// Everything that is wrong with an event.
pub(crate) fn event(event: &AgentEvent) -> Result<(), Vec<FieldViolation>> {
    let problem = match (event.event_type.as_deref(), event.message_id.as_deref()) {
        (Some("IS_TYPING"), None) => return Ok(()),
        (Some("IS_TYPING"), Some(_)) => violation("messageId", "messageId goes with READ only"),
        (Some("READ"), None | Some("")) => violation("messageId", "READ needs the messageId of a user message"),
        (Some("READ"), Some(id)) => match id.chars().count() {
            ..=USER_MESSAGE_ID_LENGTH_MAX => return Ok(()),
            count => {
                let limit = USER_MESSAGE_ID_LENGTH_MAX;
                violation("messageId", format!("messageId has {count} characters, the limit is {limit}"))
            }
        },
        (None, _) => violation("eventType", "eventType is required, and must be IS_TYPING or READ"),
        (Some(word), _) => {
            violation("eventType", format!("eventType is {:?}, and must be IS_TYPING or READ", excerpt(word)))
        }
    };
    Err(vec![problem])
}

fn content(content: &ContentMessage, wrong: &mut Vec<FieldViolation>) {
    let path = "contentMessage";
    let members = [
        content.text.is_some(),
        content.file_name.is_some(),
        content.uploaded_rbm_file.is_some(),
        content.rich_card.is_some(),
        content.content_info.is_some(),
    ];
    let count = members.iter().filter(|member| **member).count();
    if count != 1 {
        wrong.push(violation(path, format!("exactly one content is needed, and there are {count}")));
    }
    if let Some(text) = &content.text {
        characters(&format!("{path}.text"), text, 1, limits::TEXT_LENGTH.most(), wrong);
    }
    if content.suggestions.len() > limits::SUGGESTIONS_COUNT.most() {
        let message = format!(
            "there are {} suggestions, the limit is {}",
            content.suggestions.len(),
            limits::SUGGESTIONS_COUNT.most()
        );
        wrong.push(violation(format!("{path}.suggestions"), message));
    }
    suggestions(path, &content.suggestions, wrong);
    if let Some(rich) = &content.rich_card {
        rich_card(&format!("{path}.richCard"), rich, wrong);
    }
}

fn rich_card(path: &str, rich: &RichCard, wrong: &mut Vec<FieldViolation>) {
    match (&rich.standalone_card, &rich.carousel_card) {
        (Some(standalone), None) => {
            card(&format!("{path}.standaloneCard.cardContent"), &standalone.card_content, wrong);
        }
        (None, Some(carousel)) => {
            let (path, count) = (format!("{path}.carouselCard.cardContents"), carousel.card_contents.len());
            if !limits::CAROUSEL_CARDS.allows_count(count) {
                wrong.push(violation(&path, format!("a carousel has 2 to 10 cards, and this one has {count}")));
            }
            for (index, content) in carousel.card_contents.iter().enumerate() {
                card(&format!("{path}[{index}]"), content, wrong);
            }
        }
        _ => wrong.push(violation(path, "exactly one of standaloneCard and carouselCard is needed")),
    }
}

fn card(path: &str, card: &CardContent, wrong: &mut Vec<FieldViolation>) {
    if card.title.is_none() && card.description.is_none() && card.media.is_none() {
        wrong.push(violation(path, "a card needs a title, a description or media"));
    }
    suggestions(path, &card.suggestions, wrong);
}

fn suggestions(path: &str, suggestions: &[Suggestion], wrong: &mut Vec<FieldViolation>) {
    for (index, suggestion) in suggestions.iter().enumerate() {
        let path = format!("{path}.suggestions[{index}]");
        let (kind, text, postback) = match suggestion {
            Suggestion { reply: Some(reply), action: None } => ("reply", &reply.text, &reply.postback_data),
            Suggestion { reply: None, action: Some(action) } => ("action", &action.text, &action.postback_data),
            _ => {
                wrong.push(violation(&path, "exactly one of reply and action is needed"));
                continue;
            }
        };
        characters(&format!("{path}.{kind}.text"), text, 1, limits::SUGGESTION_TEXT_LENGTH.most(), wrong);
        characters(&format!("{path}.{kind}.postbackData"), postback, 0, limits::POSTBACK_LENGTH.most(), wrong);
    }
}

fn characters(path: &str, text: &str, fewest: usize, most: usize, wrong: &mut Vec<FieldViolation>) {
    let count = text.chars().count();
    if !(fewest..=most).contains(&count) {
        wrong.push(violation(path, format!("{path} has {count} characters, and takes {fewest} to {most}")));
    }
}

/// `ttl` and `expireTime` exclude each other; both end 15 days after submission at the latest.
fn expiry(message: &AgentMessage, now: Timestamp) -> Result<Option<Timestamp>, FieldViolation> {
    let (field, time) = match (&message.ttl, &message.expire_time) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(violation("ttl", "ttl and expireTime exclude each other")),
        (Some(ttl), None) => {
            let seconds = ttl.strip_suffix('s').and_then(|text| text.parse::<f64>().ok());
            let duration = seconds.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
            let duration = duration
                .ok_or_else(|| violation("ttl", format!("ttl is {:?}, and must be like \"600s\"", excerpt(ttl))))?;
            ("ttl", now.checked_add(duration).map_err(|problem| violation("ttl", problem.to_string()))?)
        }
        (None, Some(text)) => {
            let rule = || format!("expireTime is {:?}, and must be like \"2026-11-24T10:00:00Z\"", excerpt(text));
            ("expireTime", text.parse::<Timestamp>().map_err(|_| violation("expireTime", rule()))?)
        }
    };
    let lifetime = time.duration_since(now);
    if lifetime <= SignedDuration::ZERO
        || lifetime > SignedDuration::from_secs(limits::LIFETIME.maximum.unwrap_or(i64::MAX))
    {
        let rule =
            format!("a message runs out within 15 days of now, and this one after {} seconds", lifetime.as_secs());
        return Err(violation(field, rule));
    }
    Ok(Some(time))
}

/// Assumed: no page gives the ids of user messages a length. That there is such a message is not asked, because nobody
/// keeps here what phones have written.
const USER_MESSAGE_ID_LENGTH_MAX: usize = 256;

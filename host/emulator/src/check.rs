//! Reads and checks what a client hands in, strictly: every field that is unknown, too long or out of place is named.

use crate::excerpt::{excerpt, remark};
use crate::fidelity::{Basis, Behaviour};
use crate::json::Json;
use crate::refusal::{Invalid, violation};
use crate::schema::API;
use jiff::{SignedDuration, Timestamp};
use rbm_wire::file::CreateFile;
use rbm_wire::limits;
use rbm_wire::message::{
    AgentEvent, AgentMessage, CardContent, ContentMessage, RichCard, Suggestion,
};
use rbm_wire::problem::FieldViolation;
use rbm_wire::reach::BatchGetUsers;
use rbm_wire::tester::Tester;
use serde::de::DeserializeOwned;

/// What a client hands in.
pub(crate) trait Message: DeserializeOwned {
    /// What the discovery document calls it.
    const SCHEMA: &str;
}

impl Message for AgentMessage {
    const SCHEMA: &str = "AgentMessage";
}

impl Message for AgentEvent {
    const SCHEMA: &str = "AgentEvent";
}

impl Message for Tester {
    const SCHEMA: &str = "Tester";
}

impl Message for CreateFile {
    const SCHEMA: &str = "CreateFileRequest";
}

impl Message for BatchGetUsers {
    const SCHEMA: &str = "BatchGetUsersRequest";
}

/// Reads a body that is an object whose every field must be known. An empty body is an empty object.
pub(crate) fn read<T: Message>(body: &[u8]) -> Result<T, Invalid> {
    let wrong = |problem: String| {
        Invalid::Payload(vec![violation(
            "",
            format!("Invalid JSON payload received. {problem}"),
        )])
    };
    let json = Json::read(body).map_err(|problem| wrong(problem.to_string()))?;
    let value = API.read(T::SCHEMA, json).map_err(Invalid::Payload)?;
    serde_json::from_value(value).map_err(|problem| wrong(remark(problem)))
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
            format!(
                "the message has {bytes} bytes, the limit is {}",
                limits::MESSAGE_BYTES.most()
            ),
        ));
    }
    content(&message.content_message, &mut wrong);
    let expires_at = expiry(message, now).unwrap_or_else(|problem| {
        wrong.push(problem);
        None
    });
    if wrong.is_empty() {
        Ok(expires_at)
    } else {
        Err(wrong)
    }
}

/// Everything that is wrong with an event.
pub(crate) fn event(event: &AgentEvent) -> Result<(), Vec<FieldViolation>> {
    let problem = match (event.event_type.as_deref(), event.message_id.as_deref()) {
        (Some("IS_TYPING"), None) => return Ok(()),
        (Some("IS_TYPING"), Some(_)) => violation("messageId", "messageId goes with READ only"),
        (Some("READ"), None | Some("")) => {
            violation("messageId", "READ needs the messageId of a user message")
        }
        (Some("READ"), Some(id)) => match id.chars().count() {
            ..=USER_MESSAGE_ID_LENGTH_MAX => return Ok(()),
            count => {
                let limit = USER_MESSAGE_ID_LENGTH_MAX;
                violation(
                    "messageId",
                    format!("messageId has {count} characters, the limit is {limit}"),
                )
            }
        },
        (None, _) => violation(
            "eventType",
            "eventType is required, and must be IS_TYPING or READ",
        ),
        // The schema has no other but the one that says nothing.
        (Some(_), _) => violation("eventType", "eventType must be IS_TYPING or READ"),
    };
    Err(vec![problem])
}

/// Everything that is wrong with what a message says that was taken before.
pub(crate) fn stored(said: &ContentMessage) -> Vec<FieldViolation> {
    let mut wrong = Vec::new();
    content(said, &mut wrong);
    wrong
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
        wrong.push(violation(
            path,
            format!("exactly one content is needed, and there are {count}"),
        ));
    }
    if let Some(text) = &content.text {
        characters(
            &format!("{path}.text"),
            text,
            1,
            limits::TEXT_LENGTH.most(),
            wrong,
        );
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
            card(
                &format!("{path}.standaloneCard.cardContent"),
                &standalone.card_content,
                wrong,
            );
        }
        (None, Some(carousel)) => {
            let (path, count) = (
                format!("{path}.carouselCard.cardContents"),
                carousel.card_contents.len(),
            );
            if !limits::CAROUSEL_CARDS.allows_count(count) {
                wrong.push(violation(
                    &path,
                    format!("a carousel has 2 to 10 cards, and this one has {count}"),
                ));
            }
            for (index, content) in carousel.card_contents.iter().enumerate() {
                card(&format!("{path}[{index}]"), content, wrong);
            }
        }
        _ => wrong.push(violation(
            path,
            "exactly one of standaloneCard and carouselCard is needed",
        )),
    }
}

fn card(path: &str, card: &CardContent, wrong: &mut Vec<FieldViolation>) {
    if card.title.is_none() && card.description.is_none() && card.media.is_none() {
        wrong.push(violation(
            path,
            "a card needs a title, a description or media",
        ));
    }
    suggestions(path, &card.suggestions, wrong);
}

fn suggestions(path: &str, suggestions: &[Suggestion], wrong: &mut Vec<FieldViolation>) {
    for (index, suggestion) in suggestions.iter().enumerate() {
        let path = format!("{path}.suggestions[{index}]");
        let (kind, text, postback) = match suggestion {
            Suggestion {
                reply: Some(reply),
                action: None,
            } => ("reply", &reply.text, &reply.postback_data),
            Suggestion {
                reply: None,
                action: Some(action),
            } => ("action", &action.text, &action.postback_data),
            _ => {
                wrong.push(violation(
                    &path,
                    "exactly one of reply and action is needed",
                ));
                continue;
            }
        };
        characters(
            &format!("{path}.{kind}.text"),
            text,
            1,
            limits::SUGGESTION_TEXT_LENGTH.most(),
            wrong,
        );
        characters(
            &format!("{path}.{kind}.postbackData"),
            postback,
            0,
            limits::POSTBACK_LENGTH.most(),
            wrong,
        );
    }
}

fn characters(path: &str, text: &str, fewest: usize, most: usize, wrong: &mut Vec<FieldViolation>) {
    let count = text.chars().count();
    if !(fewest..=most).contains(&count) {
        wrong.push(violation(
            path,
            format!("{path} has {count} characters, and takes {fewest} to {most}"),
        ));
    }
}

/// `ttl` and `expireTime` exclude each other; both end 15 days after submission at the latest.
fn expiry(message: &AgentMessage, now: Timestamp) -> Result<Option<Timestamp>, FieldViolation> {
    let (field, time) = match (&message.ttl, &message.expire_time) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(violation("ttl", "ttl and expireTime exclude each other"));
        }
        (Some(ttl), None) => {
            let seconds = ttl
                .strip_suffix('s')
                .and_then(|text| text.parse::<f64>().ok());
            let duration =
                seconds.and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok());
            let duration = duration.ok_or_else(|| {
                violation(
                    "ttl",
                    format!("ttl is {:?}, and must be like \"600s\"", excerpt(ttl)),
                )
            })?;
            (
                "ttl",
                now.checked_add(duration)
                    .map_err(|problem| violation("ttl", problem.to_string()))?,
            )
        }
        (None, Some(text)) => {
            let rule = || {
                format!(
                    "expireTime is {:?}, and must be like \"2026-11-24T10:00:00Z\"",
                    excerpt(text)
                )
            };
            (
                "expireTime",
                text.parse::<Timestamp>()
                    .map_err(|_| violation("expireTime", rule()))?,
            )
        }
    };
    let lifetime = time.duration_since(now);
    if lifetime <= SignedDuration::ZERO
        || lifetime > SignedDuration::from_secs(limits::LIFETIME.maximum.unwrap_or(i64::MAX))
    {
        let rule = format!(
            "a message runs out within 15 days of now, and this one after {} seconds",
            lifetime.as_secs()
        );
        return Err(violation(field, rule));
    }
    Ok(Some(time))
}

/// Assumed: no page gives the ids of user messages a length. That there is such a message is not asked, because nobody
/// keeps here what phones have written.
const USER_MESSAGE_ID_LENGTH_MAX: usize = 256;

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "limits",
        what: "Texts, suggestions, postbacks and carousels that are longer or more than the guide allows are refused, and what has \
               not exactly one content: all of it at once, with its path",
        basis: Basis::Documented,
        source: "guides/build/messages/send; the texts are ours",
        switch: None,
        test: "each_refusal_has_googles_shape_and_names_the_field",
    },
    &Behaviour {
        id: "lifetime",
        what: "A ttl or an expireTime ends within 15 days, and after now",
        basis: Basis::Documented,
        source: "guides/build/messages/send; that a time that has passed is refused is assumed",
        switch: None,
        test: "each_refusal_has_googles_shape_and_names_the_field",
    },
    &Behaviour {
        id: "read-event-id",
        what: "READ names a message by 1 to 256 characters, which need not be one that a person has sent",
        basis: Basis::Assumed,
        source: "no page gives these ids a length",
        switch: None,
        test: "a_person_has_read_only_a_message_that_has_a_name",
    },
    &Behaviour {
        id: "limits-of-cards",
        what: "Titles, descriptions, addresses, dates, places and numbers to dial are taken whatever their length, and any \
               number of suggestions on a card",
        basis: Basis::Assumed,
        source: "guides/build/messages/send has limits for them, and two for suggestions on a card (4, and 10 in Google's \
                 clients); not checked here",
        switch: None,
        test: "what_has_a_limit_that_is_not_checked_is_taken",
    },
    &Behaviour {
        id: "check-order",
        what: "The token is looked at before the body, the body before the agent, and all of them before the phone",
        basis: Basis::Assumed,
        source: "no page says; without a token nothing else may matter",
        switch: None,
        test: "a_body_is_looked_at_after_the_token_and_before_the_agent",
    },
    &Behaviour {
        id: "id-form",
        what: "A messageId or an eventId is 1 to 64 letters, digits, -, _ and dots; it need not be a UUID",
        basis: Basis::SecondHand,
        source: "reference/rest/v1/phones.agentMessages/create asks for a UUID, and Google's own scripts send 123456661; that \
                 64 is the limit is assumed",
        switch: None,
        test: "an_id_need_not_be_a_uuid_and_fits_an_address",
    },
    &Behaviour {
        id: "excerpts",
        what: "An error repeats at most 64 characters of a value",
        basis: Basis::Assumed,
        source: "ours: what Google repeats is not known",
        switch: None,
        test: "an_error_repeats_only_the_beginning_of_what_was_sent",
    },
];

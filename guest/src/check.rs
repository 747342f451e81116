//! Finds what is wrong with a message before it is sent: everything at once, each with its place, rule, limit and page.

use crate::finding::{error, warning, with_hint, with_limit};
use crate::{class, compose};
use gateway_channel::{Card, Content, Context, Expiry, Finding, Message, Report, Suggestion};
use rbm_wire::limits;
use rbm_wire::name::{MessageId, PhoneNumber};
use rbm_wire::time::unix_seconds;

/// What is wrong with the message, and what it would count as.
pub fn check(context: &Context, message: &Message) -> Report {
    let (class, segments) = class::message_class(message);
    Report {
        findings: findings(context, message),
        message_class: Some(class.to_owned()),
        segments,
        payload_bytes: u32::try_from(compose::json(message).len()).unwrap_or(u32::MAX),
    }
}

/// What is wrong with the message.
pub(crate) fn findings(context: &Context, message: &Message) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(PhoneNumber::parse(&message.recipient).err().map(|problem| {
        with_hint(
            error("recipient", "phone-e164", problem.to_string(), CREATE),
            "write the number with its country code",
        )
    }));
    findings.extend(
        MessageId::parse(&message.id).err().map(|problem| error("id", "message-id", problem.to_string(), CREATE)),
    );
    check_content(&message.content, &mut findings);
    check_count("suggestions", message.suggestions.len(), &mut findings);
    check_suggestions("suggestions", &message.suggestions, &mut findings);
    findings.extend(message.expiry.as_ref().and_then(|expiry| check_expiry(expiry, &context.now)));
    findings.extend(message.options.iter().map(|option| {
        error(format!("options.{}", option.name), "option-unknown", format!("there is no option {:?}", option.name), "")
    }));
    findings.extend(check_size(message));
    findings
}

fn check_content(content: &Content, findings: &mut Vec<Finding>) {
    match content {
        Content::Text(text) => {
            findings.extend(characters("content.text", "text-length", text, 1, limits::TEXT_CHARACTERS_MAX));
        }
        Content::File(_) => {}
        Content::Card(standalone) => check_card("content.card.card", &standalone.card, findings),
        Content::Carousel(carousel) => {
            findings.extend(check_carousel(carousel.cards.len()));
            for (index, card) in carousel.cards.iter().enumerate() {
                check_card(&format!("content.carousel.cards[{index}]"), card, findings);
            }
        }
    }
}

fn check_card(path: &str, card: &Card, findings: &mut Vec<Finding>) {
    check_suggestions(&format!("{path}.suggestions"), &card.suggestions, findings);
}

fn check_carousel(cards: usize) -> Option<Finding> {
    let (fewest, most) = (limits::CAROUSEL_CARDS.start(), limits::CAROUSEL_CARDS.end());
    let message = format!("the carousel has {cards} cards, and takes {fewest} to {most}");
    let finding = error("content.carousel.cards", "carousel-cards", message, SEND);
    let finding = with_limit(
        finding,
        format!("{fewest} to {most} cards"),
        format!("{cards} cards"),
        "send one card alone as a card",
    );
    (!limits::CAROUSEL_CARDS.contains(&cards)).then_some(finding)
}

fn check_count(path: &str, suggestions: usize, findings: &mut Vec<Finding>) {
    let most = limits::SUGGESTIONS_MAX;
    if suggestions > most {
        let message = format!("there are {suggestions} suggestions, the limit is {most}");
        let finding = error(path, "suggestions-count", message, SEND);
        let (limit, actual) = (format!("{most} suggestions"), format!("{suggestions} suggestions"));
        findings.push(with_limit(finding, limit, actual, "leave out the least likely ones"));
    }
}

fn check_suggestions(path: &str, suggestions: &[Suggestion], findings: &mut Vec<Finding>) {
    for (index, suggestion) in suggestions.iter().enumerate() {
        let text = format!("{path}[{index}].text");
        findings.extend(characters(
            &text,
            "suggestion-text-length",
            &suggestion.text,
            1,
            limits::SUGGESTION_TEXT_CHARACTERS_MAX,
        ));
        let postback = format!("{path}[{index}].postback");
        findings.extend(characters(
            &postback,
            "postback-length",
            &suggestion.postback,
            0,
            limits::POSTBACK_CHARACTERS_MAX,
        ));
    }
}

/// Characters are Unicode scalar values.
fn characters(path: &str, rule: &str, text: &str, fewest: usize, most: usize) -> Option<Finding> {
    let count = text.chars().count();
    if (fewest..=most).contains(&count) {
        return None;
    }
    let (message, hint) = if count > most {
        (format!("{path} has {count} characters, the limit is {most}"), "shorten it")
    } else {
        (format!("{path} is empty, and needs at least {fewest} character"), "write something, or leave the whole out")
    };
    let limit = format!("{fewest} to {most} characters");
    Some(with_limit(error(path, rule, message, SEND), limit, format!("{count} characters"), hint))
}

fn check_expiry(expiry: &Expiry, now: &str) -> Option<Finding> {
    match expiry {
        Expiry::AfterSeconds(seconds) => check_lifetime(i64::from(*seconds)),
        Expiry::At(text) => {
            let Some(at) = unix_seconds(text) else {
                let message = format!("expiry is {text:?}, and must be an RFC 3339 time such as 2026-12-01T10:00:00Z");
                return Some(error("expiry", "expiry-time", message, SEND));
            };
            let Some(now) = unix_seconds(now) else {
                return Some(error("expiry", "host-time", format!("the host's time {now:?} is not RFC 3339"), ""));
            };
            check_lifetime(at - now)
        }
    }
}

fn check_lifetime(seconds: i64) -> Option<Finding> {
    let (most, advised) = (i64::from(limits::LIFETIME_SECONDS_MAX), i64::from(limits::LIFETIME_SECONDS_ADVISED_MIN));
    let actual = format!("{seconds} seconds");
    if seconds > most {
        let message = format!("the lifetime is {seconds} seconds, the limit is {most} (15 days)");
        let finding = error("expiry", "lifetime", message, SEND);
        return Some(with_limit(finding, format!("{most} seconds"), actual, "choose an earlier time"));
    }
    if seconds <= 0 {
        let finding = error("expiry", "lifetime", "the message has run out already", SEND);
        return Some(with_limit(finding, "1 second".to_owned(), actual, "choose a later time"));
    }
    let message =
        format!("the lifetime is {seconds} seconds: below {advised}, a message may be both revoked and delivered");
    let finding = warning("expiry", "lifetime-short", message, SEND);
    (seconds < advised).then(|| with_limit(finding, format!("{advised} seconds"), actual, "give it more time"))
}

fn check_size(message: &Message) -> Option<Finding> {
    let (bytes, most) = (compose::json(message).len(), limits::MESSAGE_BYTES_MAX);
    let finding =
        error("content", "message-bytes", format!("the message has {bytes} bytes, the limit is {most}"), SEND);
    (bytes > most).then(|| with_limit(finding, format!("{most} bytes"), format!("{bytes} bytes"), "send less at once"))
}

const SEND: &str = "guides/build/messages/send";
const CREATE: &str = "reference/rest/v1/phones.agentMessages/create";

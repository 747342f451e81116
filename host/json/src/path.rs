//! Turns a path of the contract's fields into one of this JSON's, where the two differ.

use crate::suggestion;
use gateway_channel::{Attachment, Card, Content, Expiry, FileSource, Message, Suggestion};

/// `suggestions[2].text` becomes `suggestions[2].reply.text`, for a message whose third suggestion is a reply.
pub(crate) fn to_json(path: &str, message: &Message) -> String {
    match path {
        "recipient" => "to".to_owned(),
        "expiry" => match message.expiry {
            Some(Expiry::AfterSeconds(_)) => "lifetime_seconds".to_owned(),
            _ => "expires_at".to_owned(),
        },
        _ => in_parts(path, message),
    }
}

fn in_parts(path: &str, message: &Message) -> String {
    // A standalone card is wrapped in the contract, and not here.
    let path = path
        .replacen("content.card.card", "content.card", 1)
        .replace('-', "_");
    let path = in_file(path, message);
    let Some(start) = path.find("suggestions[") else {
        return path;
    };
    let (before, rest) = path.split_at(start);
    let Some((element, field)) = rest.split_once(']') else {
        return path;
    };
    let index = element
        .trim_start_matches("suggestions[")
        .parse::<usize>()
        .ok();
    let Some(suggestion) = index.and_then(|index| suggestions(before, message)?.get(index)) else {
        return path;
    };
    let field = field.strip_prefix(".action").unwrap_or(field);
    let field = field.strip_prefix(".coordinates").unwrap_or(field);
    format!(
        "{before}{element}].{}{field}",
        suggestion::kind(&suggestion.action)
    )
}

/// The suggestions that the path before them means: the message's or a card's.
fn suggestions<'a>(before: &str, message: &'a Message) -> Option<&'a [Suggestion]> {
    if before.is_empty() {
        return Some(&message.suggestions);
    }
    Some(&card(before, message)?.suggestions)
}

/// The contract's `source` and `thumbnail` have a name for each place that a file can be in here.
fn in_file(path: String, message: &Message) -> String {
    let Some((before, field)) = path.split_once("file.") else {
        return path;
    };
    let file = match &message.content {
        Content::File(file) => Some(file),
        _ => card(before, message)
            .and_then(|card| card.media.as_ref())
            .map(|media| &media.file),
    };
    let name = match (field, file) {
        ("source", Some(file)) => file_name(&file.source, "url", "uploaded"),
        (
            "thumbnail",
            Some(Attachment {
                thumbnail: Some(thumbnail),
                ..
            }),
        ) => file_name(thumbnail, "thumbnail_url", "thumbnail_uploaded"),
        _ => return path,
    };
    format!("{before}file.{name}")
}

fn file_name(source: &FileSource, url: &'static str, uploaded: &'static str) -> &'static str {
    match source {
        FileSource::Url(_) => url,
        FileSource::Uploaded(_) => uploaded,
    }
}

/// The card that a path leads into.
fn card<'a>(path: &str, message: &'a Message) -> Option<&'a Card> {
    match &message.content {
        Content::Card(standalone) => Some(&standalone.card),
        Content::Carousel(carousel) => {
            let index = path
                .trim_start_matches("content.carousel.cards[")
                .split_once(']')?
                .0
                .parse::<usize>()
                .ok()?;
            carousel.cards.get(index)
        }
        _ => None,
    }
}

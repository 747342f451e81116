//! Turns a path of the contract's fields into one of this JSON's, where the two differ.

use crate::suggestion;
use gateway_channel::{Card, Content, Expiry, FileSource, Message, Suggestion};

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
    let path = path.replacen("content.card.card", "content.card", 1).replace('-', "_");
    let path = match &message.content {
        Content::File(file) if path == "content.file.source" => match file.source {
            FileSource::Url(_) => "content.file.url".to_owned(),
            FileSource::Uploaded(_) => "content.file.uploaded".to_owned(),
        },
        _ => path,
    };
    let Some(start) = path.find("suggestions[") else { return path };
    let (before, rest) = path.split_at(start);
    let Some((element, field)) = rest.split_once(']') else { return path };
    let index = element.trim_start_matches("suggestions[").parse::<usize>().ok();
    let Some(suggestion) = index.and_then(|index| suggestions(before, message)?.get(index)) else { return path };
    let field = field.strip_prefix(".action").unwrap_or(field);
    format!("{before}{element}].{}{field}", suggestion::kind(&suggestion.action))
}

/// The suggestions that the path before them means: the message's or a card's.
fn suggestions<'a>(before: &str, message: &'a Message) -> Option<&'a [Suggestion]> {
    if before.is_empty() {
        return Some(&message.suggestions);
    }
    let card: &Card = match &message.content {
        Content::Card(standalone) => &standalone.card,
        Content::Carousel(carousel) => {
            let index =
                before.trim_start_matches("content.carousel.cards[").split_once(']')?.0.parse::<usize>().ok()?;
            carousel.cards.get(index)?
        }
        _ => return None,
    };
    Some(&card.suggestions)
}

//! A message as its caller could have written it, for whoever asks what was sent: what [`crate::message::read`] reads. Fields that
//! have their default are left out, as callers do.

use crate::event::fields;
use crate::message::{HEIGHTS, LAYOUTS, WIDTHS, purpose_word};
use crate::suggestion::{self, RECORDINGS, VIEWS};
use gateway_channel::{
    Action, Attachment, CalendarEvent, Card, CardLayout, CardMedia, CardWidth, Carousel,
    ComposeRecording, ComposeText, Content, Expiry, FileSource, Message, OpenUrl, Place,
    RecordingKind, Setting, StandaloneCard, Suggestion, UrlView,
};
use serde_json::{Map, Value, json};

/// All of it but its id, which the gateway chose.
pub fn message(message: &Message) -> Map<String, Value> {
    let Message {
        id: _,
        recipient,
        content,
        suggestions,
        purpose,
        expiry,
        options,
    } = message;
    let (lifetime_seconds, expires_at) = match expiry {
        None => (None, None),
        Some(Expiry::AfterSeconds(seconds)) => (Some(seconds), None),
        Some(Expiry::At(text)) => (None, Some(text)),
    };
    fields([
        ("to", json!(recipient)),
        ("content", write_content(content)),
        ("suggestions", write_suggestions(suggestions)),
        ("purpose", json!(purpose.map(purpose_word))),
        ("lifetime_seconds", json!(lifetime_seconds)),
        ("expires_at", json!(expires_at)),
        ("options", some_of(options.iter().map(write_option))),
    ])
}

fn write_content(content: &Content) -> Value {
    match content {
        Content::Text(text) => json!({ "text": text }),
        Content::File(file) => json!({ "file": write_file(file) }),
        Content::Card(card) => json!({ "card": write_standalone(card) }),
        Content::Carousel(carousel) => json!({ "carousel": write_carousel(carousel) }),
    }
}

fn write_file(file: &Attachment) -> Map<String, Value> {
    let Attachment {
        source,
        thumbnail,
        force_refresh,
    } = file;
    let (url, uploaded) = either(Some(source));
    let (thumbnail_url, thumbnail_uploaded) = either(thumbnail.as_ref());
    fields([
        ("url", url),
        ("uploaded", uploaded),
        ("thumbnail_url", thumbnail_url),
        ("thumbnail_uploaded", thumbnail_uploaded),
        ("force_refresh", json!(force_refresh.then_some(true))),
    ])
}

/// An address, or the name of what was uploaded.
fn either(source: Option<&FileSource>) -> (Value, Value) {
    match source {
        None => (Value::Null, Value::Null),
        Some(FileSource::Url(url)) => (json!(url), Value::Null),
        Some(FileSource::Uploaded(name)) => (Value::Null, json!(name)),
    }
}

fn write_standalone(standalone: &StandaloneCard) -> Map<String, Value> {
    let StandaloneCard { layout, card } = standalone;
    let mut written = write_card(card);
    let layout = word(&LAYOUTS, layout, &CardLayout::Vertical);
    written.extend(fields([("layout", layout)]));
    written
}

fn write_carousel(carousel: &Carousel) -> Map<String, Value> {
    let Carousel { width, cards } = carousel;
    let cards: Vec<_> = cards.iter().map(write_card).collect();
    fields([
        ("width", word(&WIDTHS, width, &CardWidth::Medium)),
        ("cards", json!(cards)),
    ])
}

fn write_card(card: &Card) -> Map<String, Value> {
    let Card {
        title,
        description,
        media,
        suggestions,
    } = card;
    fields([
        ("title", json!(title)),
        ("description", json!(description)),
        ("media", json!(media.as_ref().map(write_media))),
        ("suggestions", write_suggestions(suggestions)),
    ])
}

fn write_media(media: &CardMedia) -> Map<String, Value> {
    let CardMedia {
        file,
        height,
        alternative_text,
    } = media;
    let height = height.and_then(|height| {
        let mut heights = HEIGHTS.into_iter();
        heights.find_map(|(word, known)| (known == height).then_some(word))
    });
    fields([
        ("file", json!(write_file(file))),
        ("height", json!(height)),
        ("alternative_text", json!(alternative_text)),
    ])
}

fn write_suggestions(suggestions: &[Suggestion]) -> Value {
    some_of(suggestions.iter().map(write_suggestion))
}

fn write_suggestion(suggestion: &Suggestion) -> Map<String, Value> {
    let Suggestion {
        text,
        postback,
        action,
        fallback_url,
    } = suggestion;
    let mut written = write_action(action);
    let postback = (!postback.is_empty()).then_some(postback);
    written.extend(fields([
        ("text", json!(text)),
        ("postback", json!(postback)),
        ("fallback_url", json!(fallback_url)),
    ]));
    fields([(suggestion::kind(action), written.into())])
}

fn write_action(action: &Action) -> Map<String, Value> {
    match action {
        Action::Reply | Action::ShareLocation => Map::new(),
        Action::Dial(phone) => fields([("phone", json!(phone))]),
        Action::OpenUrl(OpenUrl {
            url,
            view,
            description,
        }) => fields([
            ("url", json!(url)),
            ("view", word(&VIEWS, view, &UrlView::Browser)),
            ("description", json!(description)),
        ]),
        Action::ViewLocation(Place {
            coordinates,
            label,
            query,
        }) => fields([
            (
                "latitude",
                json!(coordinates.as_ref().map(|at| at.latitude)),
            ),
            (
                "longitude",
                json!(coordinates.as_ref().map(|at| at.longitude)),
            ),
            ("label", json!(label)),
            ("query", json!(query)),
        ]),
        Action::CreateCalendarEvent(CalendarEvent {
            start,
            end,
            title,
            description,
        }) => fields([
            ("start", json!(start)),
            ("end", json!(end)),
            ("title", json!(title)),
            ("description", json!(description)),
        ]),
        Action::ComposeText(ComposeText { phone, text }) => {
            fields([("phone", json!(phone)), ("message", json!(text))])
        }
        Action::ComposeRecording(ComposeRecording { phone, kind }) => fields([
            ("phone", json!(phone)),
            ("kind", word(&RECORDINGS, kind, &RecordingKind::Audio)),
        ]),
    }
}

fn write_option(option: &Setting) -> Map<String, Value> {
    let Setting { name, value } = option;
    fields([("name", json!(name)), ("value", json!(value))])
}

/// Null for the default.
fn word<T: PartialEq>(words: &[(&str, T)], value: &T, default: &T) -> Value {
    let known = words.iter().filter(|(_, known)| known != default);
    let mut found = known.filter(|(_, known)| known == value);
    json!(found.next().map(|(word, _)| word))
}

/// Null for none.
fn some_of(items: impl Iterator<Item = Map<String, Value>>) -> Value {
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        Value::Null
    } else {
        json!(items)
    }
}

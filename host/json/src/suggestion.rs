//! Suggestions as callers write them: an object with one field, whose name is the kind.

use crate::fields::{Fields, Findings};
use gateway_channel::{
    Action, CalendarEvent, ComposeRecording, ComposeText, Coordinates, OpenUrl, Place,
    RecordingKind, Suggestion, UrlView,
};
use serde_json::Value;

/// The suggestions of a message or a card.
pub(crate) fn read_all(fields: &Fields<'_>, findings: &Findings) -> Vec<Suggestion> {
    fields
        .list("suggestions")
        .into_iter()
        .filter_map(|(path, value)| read(&path, value, findings))
        .collect()
}

/// The name under which a suggestion of this kind stands.
pub(crate) fn kind(action: &Action) -> &'static str {
    match action {
        Action::Reply => "reply",
        Action::Dial(_) => "dial",
        Action::OpenUrl(_) => "open_url",
        Action::ViewLocation(_) => "view_location",
        Action::ShareLocation => "share_location",
        Action::CreateCalendarEvent(_) => "calendar_event",
        Action::ComposeText(_) => "compose_text",
        Action::ComposeRecording(_) => "compose_recording",
    }
}

fn read(path: &str, value: &Value, findings: &Findings) -> Option<Suggestion> {
    let kinds = KINDS.map(|(kind, _)| kind);
    let outer = Fields::new(path, value, &kinds, findings)?;
    let (kind, value) = outer.exactly_one("suggestion-exactly-one-kind", &kinds)?;
    let own = KINDS
        .iter()
        .find(|(name, _)| *name == kind)
        .map(|(_, own)| *own)
        .unwrap_or_default();
    let names: Vec<&str> = COMMON.iter().chain(own).copied().collect();
    let fields = Fields::new(&outer.at(kind), value, &names, findings)?;
    Some(Suggestion {
        text: fields.required_text("text"),
        postback: fields.text("postback").unwrap_or_default(),
        action: read_action(kind, &fields),
        fallback_url: fields.text("fallback_url"),
    })
}

fn read_action(kind: &str, fields: &Fields<'_>) -> Action {
    match kind {
        "dial" => Action::Dial(fields.required_text("phone")),
        "open_url" => Action::OpenUrl(OpenUrl {
            url: fields.required_text("url"),
            view: fields.choice("view", &VIEWS).unwrap_or(UrlView::Browser),
            description: fields.text("description"),
        }),
        "view_location" => Action::ViewLocation(Place {
            coordinates: read_coordinates(fields),
            label: fields.text("label"),
            query: fields.text("query"),
        }),
        "share_location" => Action::ShareLocation,
        "calendar_event" => Action::CreateCalendarEvent(CalendarEvent {
            start: fields.required_text("start"),
            end: fields.required_text("end"),
            title: fields.required_text("title"),
            description: fields.text("description"),
        }),
        "compose_text" => Action::ComposeText(ComposeText {
            phone: fields.required_text("phone"),
            text: fields.required_text("message"),
        }),
        "compose_recording" => Action::ComposeRecording(ComposeRecording {
            phone: fields.required_text("phone"),
            kind: fields
                .choice("kind", &RECORDINGS)
                .unwrap_or(RecordingKind::Audio),
        }),
        _ => Action::Reply,
    }
}

fn read_coordinates(fields: &Fields<'_>) -> Option<Coordinates> {
    match (fields.number("latitude"), fields.number("longitude")) {
        (Some(latitude), Some(longitude)) => Some(Coordinates {
            latitude,
            longitude,
        }),
        // What is there and no number is found already.
        _ if fields.get("latitude").is_some() == fields.get("longitude").is_some() => None,
        _ => {
            let message = format!(
                "{} has one of latitude and longitude, and needs both or neither",
                fields.path
            );
            fields
                .findings
                .add(&fields.path, "coordinates-both", message, None);
            None
        }
    }
}

const COMMON: [&str; 3] = ["text", "postback", "fallback_url"];
const KINDS: [(&str, &[&str]); 8] = [
    ("reply", &[]),
    ("dial", &["phone"]),
    ("open_url", &["url", "view", "description"]),
    (
        "view_location",
        &["latitude", "longitude", "label", "query"],
    ),
    ("share_location", &[]),
    ("calendar_event", &["start", "end", "title", "description"]),
    ("compose_text", &["phone", "message"]),
    ("compose_recording", &["phone", "kind"]),
];
pub(crate) const VIEWS: [(&str, UrlView); 4] = [
    ("browser", UrlView::Browser),
    ("webview_full", UrlView::WebviewFull),
    ("webview_half", UrlView::WebviewHalf),
    ("webview_tall", UrlView::WebviewTall),
];
pub(crate) const RECORDINGS: [(&str, RecordingKind); 2] = [
    ("audio", RecordingKind::Audio),
    ("video", RecordingKind::Video),
];

//! Every content and suggestion as a caller writes it, and every way of writing it wrong.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use gateway_channel::{
    Action, Attachment, CalendarEvent, Card, CardLayout, CardMedia, CardWidth, Carousel,
    ComposeRecording, ComposeText, Content, Coordinates, Expiry, FileSource, ImageSide,
    MediaHeight, OpenUrl, Place, Purpose, RecordingKind, StandaloneCard, Suggestion, UrlView,
};
use rbm_json::message::{Draft, read};
use rbm_json::written;
use serde_json::{Value, json};

#[test]
fn every_content_is_read() {
    let file = json!({ "url": "https://x.example/f", "thumbnail_uploaded": "files/t", "force_refresh": true });
    let attachment = Attachment {
        source: FileSource::Url("https://x.example/f".into()),
        thumbnail: Some(FileSource::Uploaded("files/t".into())),
        force_refresh: true,
    };
    let card = json!({ "title": "t", "description": "d", "media": { "file": file, "height": "tall", "alternative_text": "a" } });
    let expected = Card {
        title: Some("t".into()),
        description: Some("d".into()),
        media: Some(CardMedia {
            file: attachment.clone(),
            height: Some(MediaHeight::Tall),
            alternative_text: Some("a".into()),
        }),
        suggestions: vec![],
    };
    let mut standing = card.clone();
    standing["layout"] = json!("horizontal_right");
    for (content, expected) in [
        (json!({ "text": "x" }), Content::Text("x".into())),
        (json!({ "file": file }), Content::File(attachment)),
        (
            json!({ "card": standing }),
            Content::Card(StandaloneCard {
                layout: CardLayout::Horizontal(ImageSide::Right),
                card: expected.clone(),
            }),
        ),
        (
            json!({ "carousel": { "width": "small", "cards": [card, card] } }),
            Content::Carousel(Carousel {
                width: CardWidth::Small,
                cards: vec![expected.clone(), expected],
            }),
        ),
    ] {
        assert_eq!(
            draft(&json!({ "to": "+12", "content": content }))
                .message
                .content,
            expected
        );
    }
}

#[test]
fn every_suggestion_is_read() {
    for (suggestion, action) in [
        (json!({ "reply": {} }), Action::Reply),
        (
            json!({ "dial": { "phone": "*1#" } }),
            Action::Dial("*1#".into()),
        ),
        (
            json!({ "open_url": { "url": "https://x.example", "view": "webview_half", "description": "d" } }),
            Action::OpenUrl(OpenUrl {
                url: "https://x.example".into(),
                view: UrlView::WebviewHalf,
                description: Some("d".into()),
            }),
        ),
        (
            json!({ "view_location": { "latitude": 1.5, "longitude": -2, "label": "l" } }),
            Action::ViewLocation(Place {
                coordinates: Some(Coordinates {
                    latitude: 1.5,
                    longitude: -2.0,
                }),
                label: Some("l".into()),
                query: None,
            }),
        ),
        (
            json!({ "view_location": { "query": "q" } }),
            Action::ViewLocation(Place {
                coordinates: None,
                label: None,
                query: Some("q".into()),
            }),
        ),
        (json!({ "share_location": {} }), Action::ShareLocation),
        (
            json!({ "calendar_event": { "start": "s", "end": "e", "title": "t", "description": "d" } }),
            Action::CreateCalendarEvent(CalendarEvent {
                start: "s".into(),
                end: "e".into(),
                title: "t".into(),
                description: Some("d".into()),
            }),
        ),
        (
            json!({ "compose_text": { "phone": "+1", "message": "m" } }),
            Action::ComposeText(ComposeText {
                phone: "+1".into(),
                text: "m".into(),
            }),
        ),
        (
            json!({ "compose_recording": { "phone": "+1", "kind": "video" } }),
            Action::ComposeRecording(ComposeRecording {
                phone: "+1".into(),
                kind: RecordingKind::Video,
            }),
        ),
    ] {
        let mut suggestion = suggestion;
        for fields in suggestion.as_object_mut().unwrap().values_mut() {
            fields["text"] = json!("Go");
            fields["postback"] = json!("pb");
            fields["fallback_url"] = json!("https://f.example");
        }
        let expected = Suggestion {
            text: "Go".into(),
            postback: "pb".into(),
            action,
            fallback_url: Some("https://f.example".into()),
        };
        let read =
            draft(&json!({ "to": "+12", "content": { "text": "x" }, "suggestions": [suggestion] }));
        assert_eq!(read.message.suggestions, [expected]);
    }
}

#[test]
fn the_rest_of_a_message_is_read_and_null_is_the_same_as_missing() {
    let read = draft(
        &json!({ "agent": "demo", "to": "+12", "content": { "text": "x", "file": null }, "purpose": "service_request",
        "lifetime_seconds": 600, "expires_at": null, "options": [{ "name": "n", "value": "v" }] }),
    );
    assert_eq!(read.agent.as_deref(), Some("demo"));
    assert_eq!(
        (read.message.id.as_str(), read.message.recipient.as_str()),
        ("id", "+12")
    );
    assert_eq!(
        (read.message.purpose, read.message.expiry),
        (
            Some(Purpose::ServiceRequest),
            Some(Expiry::AfterSeconds(600))
        )
    );
    assert_eq!(read.message.options.len(), 1);
    let at = draft(
        &json!({ "to": "+12", "content": { "text": "x" }, "expires_at": "2026-12-01T10:00:00Z" }),
    );
    assert_eq!(
        at.message.expiry,
        Some(Expiry::At("2026-12-01T10:00:00Z".into()))
    );
    assert_eq!((read.send_at, at.send_at), (None, None));
    let later = draft(
        &json!({ "to": "+12", "content": { "text": "x" }, "send_at": "2026-12-01T10:00:00+01:00" }),
    );
    assert_eq!(later.send_at.unwrap().to_string(), "2026-12-01T09:00:00Z");
}

#[test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
fn each_wrong_shape_is_found_at_its_path() {
    let text = json!({ "text": "x" });
    let chip =
        |chip: Value| json!({ "to": "+12", "content": { "text": "x" }, "suggestions": [chip] });
    for (body, path, rule) in [
        (json!([]), "", "type"),
        (json!({ "to": "+12" }), "content", "content-exactly-one"),
        (
            json!({ "to": "+12", "content": {} }),
            "content",
            "content-exactly-one",
        ),
        (
            json!({ "to": "+12", "content": { "text": "x", "file": { "url": "u" } } }),
            "content",
            "content-exactly-one",
        ),
        (
            json!({ "to": "+12", "content": { "text": 5 } }),
            "content.text",
            "type",
        ),
        (json!({ "to": "+12", "content": "x" }), "content", "type"),
        (json!({ "content": text }), "to", "required"),
        (json!({ "to": 12, "content": text }), "to", "type"),
        (
            json!({ "to": "+12", "content": text, "sugestions": [] }),
            "sugestions",
            "unknown-field",
        ),
        (
            json!({ "to": "+12", "content": text, "purpose": "spam" }),
            "purpose",
            "choice",
        ),
        (
            json!({ "to": "+12", "content": text, "lifetime_seconds": -1 }),
            "lifetime_seconds",
            "type",
        ),
        (
            json!({ "to": "+12", "content": text, "lifetime_seconds": 1, "expires_at": "x" }),
            "",
            "expiry-at-most-one",
        ),
        (
            json!({ "to": "+12", "content": text, "send_at": 1 }),
            "send_at",
            "type",
        ),
        (
            json!({ "to": "+12", "content": text, "send_at": "tomorrow" }),
            "send_at",
            "send-at-time",
        ),
        (
            json!({ "to": "+12", "content": text, "send_at": "2026-12-01T10:00:00" }),
            "send_at",
            "send-at-time",
        ),
        (
            json!({ "to": "+12", "content": text, "send_at": "2026-12-01T10:00:00Z", "expires_at": "2026-12-01T10:00:00Z" }),
            "expires_at",
            "expiry-before-send-at",
        ),
        (
            json!({ "to": "+12", "content": { "file": {} } }),
            "content.file",
            "file-exactly-one-source",
        ),
        (
            json!({ "to": "+12", "content": { "file": { "url": "u", "uploaded": "x" } } }),
            "content.file",
            "file-exactly-one-source",
        ),
        (
            json!({ "to": "+12", "content": { "card": { "layout": "diagonal" } } }),
            "content.card.layout",
            "choice",
        ),
        (
            json!({ "to": "+12", "content": { "card": { "media": {} } } }),
            "content.card.media.file",
            "required",
        ),
        (
            json!({ "to": "+12", "content": { "carousel": { "cards": [{}, 5] } } }),
            "content.carousel.cards[1]",
            "type",
        ),
        (
            json!({ "to": "+12", "content": { "carousel": { "cards": {} } } }),
            "content.carousel.cards",
            "type",
        ),
        (
            chip(json!({})),
            "suggestions[0]",
            "suggestion-exactly-one-kind",
        ),
        (
            chip(json!({ "reply": { "text": "a" }, "dial": { "text": "a", "phone": "1" } })),
            "suggestions[0]",
            "suggestion-exactly-one-kind",
        ),
        (
            chip(json!({ "reply": {} })),
            "suggestions[0].reply.text",
            "required",
        ),
        (
            chip(json!({ "dial": { "text": "a" } })),
            "suggestions[0].dial.phone",
            "required",
        ),
        (
            chip(json!({ "view_location": { "text": "a", "latitude": 1 } })),
            "suggestions[0].view_location",
            "coordinates-both",
        ),
    ] {
        let findings = read("id", &body).unwrap_err();
        let found: Vec<_> = findings
            .iter()
            .map(|finding| (finding.path.as_str(), finding.rule.as_str()))
            .collect();
        assert_eq!(found, [(path, rule)], "{body}");
    }
}

#[test]
fn everything_wrong_is_found_at_once_with_the_nearest_name() {
    let findings = read(
        "id",
        &json!({ "too": "+12", "content": { "text": 1 }, "purpose": 7 }),
    )
    .unwrap_err();
    assert_eq!(findings.len(), 4);
    assert_eq!(findings[0].hint.as_deref(), Some("did you mean `to`?"));
    assert!(findings[0].message.starts_with(
        "there is no field \"too\" in the message; its fields are agent, to, content"
    ));
}

/// Whoever asks what was sent is told what could be sent again.
#[test]
fn what_is_written_of_a_message_is_read_as_the_same() {
    for (body, expected) in written_bodies() {
        let message = draft(&body).message;
        let written = Value::from(written::message(&message));
        assert_eq!(written, expected);
        assert_eq!(draft(&written).message, message);
    }
}

/// What a caller wrote, and what is written of it.
fn written_bodies() -> Vec<(Value, Value)> {
    let mut bodies: Vec<(Value, Value)> = include_str!("../MESSAGES.md")
        .split("```json\n")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .map(|body: Value| (body.clone(), body))
        .collect();
    assert!(bodies.len() >= 7, "{}", bodies.len());
    for (_, expected) in &mut bodies {
        let fields = expected.as_object_mut().unwrap();
        // The gateway keeps it beside the message.
        fields.remove("send_at");
        if let Some(card) = fields["content"].get_mut("card") {
            card.as_object_mut().unwrap().remove("layout");
        }
    }
    let all = |own: Value| {
        let mut fields =
            json!({ "text": "Go", "postback": "pb", "fallback_url": "https://f.example" });
        let own = own.as_object().unwrap().clone();
        fields.as_object_mut().unwrap().extend(own);
        fields
    };
    let suggestions = json!([
        { "reply": { "text": "a" } },
        { "dial": all(json!({ "phone": "*1#" })) },
        { "open_url": all(json!({ "url": "u", "view": "webview_full" })) },
        { "open_url": all(json!({ "url": "u", "view": "webview_half", "description": "d" })) },
        { "view_location": all(json!({ "latitude": 1.5, "longitude": -2.0, "label": "l", "query": "q" })) },
        { "share_location": all(json!({})) },
        { "calendar_event": all(json!({ "start": "s", "end": "e", "title": "t" })) },
        { "compose_text": all(json!({ "phone": "+1", "message": "m" })) },
        { "compose_recording": all(json!({ "phone": "+1" })) },
        { "compose_recording": all(json!({ "phone": "+1", "kind": "video" })) },
    ]);
    let media = |height: &str| json!({ "file": { "uploaded": "files/f" }, "height": height });
    let card = json!({ "title": "", "media": media("tall"), "suggestions": suggestions });
    for content in [
        json!({ "text": "" }),
        json!({ "file": { "url": "u", "thumbnail_uploaded": "files/t", "force_refresh": true } }),
        json!({ "file": { "uploaded": "files/f", "thumbnail_url": "u" } }),
        json!({ "card": {} }),
        json!({ "card": { "layout": "horizontal_left", "media": { "file": { "url": "u" } } } }),
        json!({ "card": { "layout": "horizontal_right", "description": "d", "media": media("short") } }),
        json!({ "carousel": { "cards": [] } }),
        json!({ "carousel": { "width": "small", "cards": [card, {}] } }),
    ] {
        let body = json!({ "to": "+12", "content": content, "suggestions": suggestions, "purpose": "promotion",
            "lifetime_seconds": 600, "options": [{ "name": "n", "value": "v" }] });
        bodies.push((body.clone(), body));
    }
    let defaults = json!({ "agent": "demo", "to": "+12", "content": { "carousel": { "width": "medium", "cards": [] } },
        "suggestions": [{ "open_url": { "text": "a", "url": "u", "view": "browser", "postback": "" } }],
        "purpose": null, "expires_at": "2026-12-01T10:00:00Z", "options": [] });
    let least = json!({ "to": "+12", "content": { "carousel": { "cards": [] } },
        "suggestions": [{ "open_url": { "text": "a", "url": "u" } }], "expires_at": "2026-12-01T10:00:00Z" });
    bodies.push((defaults, least));
    bodies
}

fn draft(body: &Value) -> Draft {
    read("id", body).unwrap()
}

//! What plugins are given: the ordinary, the wrong and the absurd.

use crate::call::{ID, RECIPIENT};
use gateway_channel::{
    Action, Attachment, Card, CardLayout, CardWidth, Carousel, Content, Expiry, FileBytes,
    FileSource, Header, Message, NewFile, NewFileSource, Payload, Purpose, Setting, StandaloneCard,
    Suggestion, WebhookRequest,
};

/// One that any channel could carry.
pub(crate) fn plain_message() -> Message {
    message(Content::Text("Your parcel is on its way".to_owned()))
}

/// The ordinary and what no platform takes.
pub(crate) fn messages() -> Vec<Message> {
    let card = |text: &str| Card {
        title: Some(text.to_owned()),
        description: None,
        media: None,
        suggestions: vec![suggestion(text)],
    };
    let file = |url: &str| Attachment {
        source: FileSource::Url(url.to_owned()),
        thumbnail: Some(FileSource::Uploaded(url.to_owned())),
        force_refresh: true,
    };
    let contents = [
        Content::Text("Your parcel is on its way".to_owned()),
        Content::Text(String::new()),
        Content::Text("\u{0}\u{fffd}\u{202e}\u{1f469}\u{200d}\u{1f4bb}".to_owned()),
        Content::Text("x".repeat(LONG)),
        Content::File(file("https://files.example/a.png")),
        Content::File(file("not an address")),
        Content::Card(StandaloneCard {
            layout: CardLayout::Vertical,
            card: card("A card"),
        }),
        Content::Card(StandaloneCard {
            layout: CardLayout::Vertical,
            card: card(""),
        }),
        Content::Carousel(Carousel {
            width: CardWidth::Small,
            cards: vec![card("one"), card("two")],
        }),
        Content::Carousel(Carousel {
            width: CardWidth::Medium,
            cards: Vec::new(),
        }),
        Content::Carousel(Carousel {
            width: CardWidth::Medium,
            cards: vec![card("many"); MANY],
        }),
    ];
    let ordinary = contents.into_iter().map(message);
    let odd = [
        Message {
            id: String::new(),
            ..plain_message()
        },
        Message {
            recipient: "nobody".to_owned(),
            ..plain_message()
        },
        Message {
            recipient: "+1".repeat(LONG),
            ..plain_message()
        },
        Message {
            suggestions: vec![suggestion("Yes"); MANY],
            ..plain_message()
        },
        Message {
            suggestions: vec![suggestion(&"x".repeat(LONG))],
            ..plain_message()
        },
        Message {
            purpose: Some(Purpose::Promotion),
            expiry: Some(Expiry::AfterSeconds(0)),
            ..plain_message()
        },
        Message {
            expiry: Some(Expiry::AfterSeconds(u32::MAX)),
            ..plain_message()
        },
        Message {
            expiry: Some(Expiry::At("yesterday".to_owned())),
            ..plain_message()
        },
        Message {
            options: vec![setting("no-such-option", "x"); MANY],
            ..plain_message()
        },
    ];
    ordinary.chain(odd).collect()
}

/// None of which anybody has signed.
pub(crate) fn requests() -> Vec<WebhookRequest> {
    let bodies = [
        Vec::new(),
        b"{}".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe not text".to_vec(),
        br#"{"message":{"data":"e30="}}"#.to_vec(),
        "[".repeat(LONG).into_bytes(),
        vec![b'x'; BODY_BYTES],
    ];
    let headers = [
        Vec::new(),
        vec![
            ("X-Goog-Signature", "AAAA"),
            ("X-Hub-Signature-256", "sha256=00"),
            ("Authorization", "Bearer x"),
        ],
        vec![("X-Goog-Signature", ""), ("X-Goog-Signature", "\u{fffd}")],
    ];
    let request = |method: &str, headers: &[(&str, &str)], body: &[u8]| WebhookRequest {
        method: method.to_owned(),
        url: "/webhooks/x?a=b".to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| header(name, value))
            .collect(),
        body: body.to_vec(),
    };
    let mut requests = vec![request("GET", &[], b""), request("", &[], b"")];
    requests.push(request("POST", &vec![("x", "y"); MANY], b"{}"));
    for body in &bodies {
        requests.extend(headers.iter().map(|headers| request("POST", headers, body)));
    }
    requests
}

pub(crate) fn file() -> NewFile {
    let bytes = FileBytes {
        mime_type: "image/png".to_owned(),
        bytes: Payload::Inline(vec![0; LONG]),
    };
    NewFile {
        source: NewFileSource::Bytes(bytes),
        thumbnail_url: None,
    }
}

fn message(content: Content) -> Message {
    let (id, recipient) = (ID.to_owned(), RECIPIENT.to_owned());
    Message {
        id,
        recipient,
        content,
        suggestions: Vec::new(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    }
}

fn suggestion(text: &str) -> Suggestion {
    Suggestion {
        text: text.to_owned(),
        postback: text.to_owned(),
        action: Action::Reply,
        fallback_url: None,
    }
}

fn setting(name: &str, value: &str) -> Setting {
    Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

/// Longer than any platform's limit for a text, and far from a host's limits.
const LONG: usize = 100_000;
const MANY: usize = 1_000;
/// The longest body that a host hands on unless it is told otherwise.
const BODY_BYTES: usize = 1 << 20;

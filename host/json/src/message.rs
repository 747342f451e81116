//! Messages as callers write them.

use crate::fields::{Fields, Findings};
use crate::{schedule, suggestion};
use gateway_channel::{
    Attachment, Card, CardLayout, CardMedia, CardWidth, Carousel, Content, Expiry, FileSource,
    Finding, ImageSide, MediaHeight, Message, Purpose, Setting, StandaloneCard,
};
use jiff::Timestamp;
use serde_json::Value;

/// A message, and which of the gateway's agents is to send it.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// May be left out where there is only one.
    pub agent: Option<String>,
    /// Its id is what the gateway chose.
    pub message: Message,
    /// It is not sent before.
    pub send_at: Option<Timestamp>,
}

/// What could be made of a body, and all that is wrong with its shape.
#[derive(Clone, Debug)]
pub struct Reading {
    /// There although something is wrong, if what is wrong could be left out: so that a plugin may say what else is.
    pub draft: Option<Draft>,
    /// Nothing if it can be sent, as far as its shape goes.
    pub findings: Vec<Finding>,
}

/// Reads the body of `POST /v1/messages` as far as that goes.
pub fn read_all(id: &str, body: &Value) -> Reading {
    let findings = Findings::default();
    let draft = read_draft(id, body, &findings);
    Reading {
        draft,
        findings: findings.into_inner(),
    }
}

/// The same: the message, or everything that is wrong with its shape.
pub fn read(id: &str, body: &Value) -> Result<Draft, Vec<Finding>> {
    match read_all(id, body) {
        Reading {
            draft: Some(draft),
            findings,
        } if findings.is_empty() => Ok(draft),
        Reading { findings, .. } => Err(findings),
    }
}

/// How a body says what a message is for.
pub const fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Authentication => "authentication",
        Purpose::Transaction => "transaction",
        Purpose::Promotion => "promotion",
        Purpose::ServiceRequest => "service_request",
        Purpose::Acknowledgement => "acknowledgement",
    }
}

fn read_draft(id: &str, body: &Value, findings: &Findings) -> Option<Draft> {
    let fields = Fields::new("", body, &FIELDS, findings)?;
    let content = match fields.get("content") {
        Some(content) => read_content(content, findings),
        None => {
            let hint = Some(format!("give one of {}", CONTENTS.join(", ")));
            findings.add(
                "content",
                "content-exactly-one",
                "the message has no content".to_owned(),
                hint,
            );
            None
        }
    };
    let (agent, recipient) = (fields.text("agent"), fields.required_text("to"));
    let suggestions = suggestion::read_all(&fields, findings);
    let (purpose, expiry) = (fields.choice("purpose", &PURPOSES), read_expiry(&fields));
    let send_at = schedule::read(&fields, expiry.as_ref());
    let options = fields
        .list("options")
        .into_iter()
        .filter_map(|(path, value)| read_option(&path, value, findings))
        .collect();
    let message = Message {
        id: id.to_owned(),
        recipient,
        content: content?,
        suggestions,
        purpose,
        expiry,
        options,
    };
    Some(Draft {
        agent,
        message,
        send_at,
    })
}

fn read_content(value: &Value, findings: &Findings) -> Option<Content> {
    let fields = Fields::new("content", value, &CONTENTS, findings)?;
    let (kind, value) = fields.exactly_one("content-exactly-one", &CONTENTS)?;
    match kind {
        "text" => fields.text("text").map(Content::Text),
        "file" => read_file("content.file", value, findings).map(Content::File),
        "card" => read_standalone(value, findings).map(Content::Card),
        _ => read_carousel(value, findings).map(Content::Carousel),
    }
}

fn read_file(path: &str, value: &Value, findings: &Findings) -> Option<Attachment> {
    let names = [
        "url",
        "uploaded",
        "thumbnail_url",
        "thumbnail_uploaded",
        "force_refresh",
    ];
    let fields = Fields::new(path, value, &names, findings)?;
    let source = fields.exactly_one("file-exactly-one-source", &["url", "uploaded"]);
    let thumbnail = fields.at_most_one(
        "thumbnail-at-most-one-source",
        &["thumbnail_url", "thumbnail_uploaded"],
    );
    let read = |name: &str| {
        let text = fields.text(name)?;
        Some(if name.ends_with("url") {
            FileSource::Url(text)
        } else {
            FileSource::Uploaded(text)
        })
    };
    Some(Attachment {
        source: source.and_then(|(name, _)| read(name))?,
        thumbnail: thumbnail.and_then(|(name, _)| read(name)),
        force_refresh: fields.bool("force_refresh").unwrap_or_default(),
    })
}

fn read_standalone(value: &Value, findings: &Findings) -> Option<StandaloneCard> {
    let fields = Fields::new(
        "content.card",
        value,
        &["layout", "title", "description", "media", "suggestions"],
        findings,
    )?;
    let layout = fields.choice("layout", &LAYOUTS);
    Some(StandaloneCard {
        layout: layout.unwrap_or(CardLayout::Vertical),
        card: read_card(&fields, findings),
    })
}

fn read_carousel(value: &Value, findings: &Findings) -> Option<Carousel> {
    let fields = Fields::new("content.carousel", value, &["width", "cards"], findings)?;
    let width = fields.choice("width", &WIDTHS).unwrap_or(CardWidth::Medium);
    let names = ["title", "description", "media", "suggestions"];
    let card = |(path, value): (String, &Value)| {
        Fields::new(&path, value, &names, findings).map(|fields| read_card(&fields, findings))
    };
    Some(Carousel {
        width,
        cards: fields.list("cards").into_iter().filter_map(card).collect(),
    })
}

fn read_card(fields: &Fields<'_>, findings: &Findings) -> Card {
    Card {
        title: fields.text("title"),
        description: fields.text("description"),
        media: fields
            .get("media")
            .and_then(|value| read_media(&fields.at("media"), value, findings)),
        suggestions: suggestion::read_all(fields, findings),
    }
}

fn read_media(path: &str, value: &Value, findings: &Findings) -> Option<CardMedia> {
    let fields = Fields::new(
        path,
        value,
        &["file", "height", "alternative_text"],
        findings,
    )?;
    let (height, alternative_text) = (
        fields.choice("height", &HEIGHTS),
        fields.text("alternative_text"),
    );
    let Some(file) = fields.get("file") else {
        findings.add(
            &fields.at("file"),
            "required",
            format!("{path}.file is missing"),
            None,
        );
        return None;
    };
    Some(CardMedia {
        file: read_file(&fields.at("file"), file, findings)?,
        height,
        alternative_text,
    })
}

fn read_expiry(fields: &Fields<'_>) -> Option<Expiry> {
    let (name, _) =
        fields.at_most_one("expiry-at-most-one", &["lifetime_seconds", "expires_at"])?;
    match name {
        "lifetime_seconds" => fields.whole(name).map(Expiry::AfterSeconds),
        _ => fields.text(name).map(Expiry::At),
    }
}

fn read_option(path: &str, value: &Value, findings: &Findings) -> Option<Setting> {
    let fields = Fields::new(path, value, &["name", "value"], findings)?;
    Some(Setting {
        name: fields.required_text("name"),
        value: fields.required_text("value"),
    })
}

const fn purpose(purpose: Purpose) -> (&'static str, Purpose) {
    (purpose_word(purpose), purpose)
}

const FIELDS: [&str; 9] = [
    "agent",
    "to",
    "content",
    "suggestions",
    "purpose",
    "send_at",
    "lifetime_seconds",
    "expires_at",
    "options",
];
const CONTENTS: [&str; 4] = ["text", "file", "card", "carousel"];
pub(crate) const LAYOUTS: [(&str, CardLayout); 3] = [
    ("vertical", CardLayout::Vertical),
    ("horizontal_left", CardLayout::Horizontal(ImageSide::Left)),
    ("horizontal_right", CardLayout::Horizontal(ImageSide::Right)),
];
pub(crate) const WIDTHS: [(&str, CardWidth); 2] =
    [("small", CardWidth::Small), ("medium", CardWidth::Medium)];
pub(crate) const HEIGHTS: [(&str, MediaHeight); 3] = [
    ("short", MediaHeight::Short),
    ("medium", MediaHeight::Medium),
    ("tall", MediaHeight::Tall),
];
const PURPOSES: [(&str, Purpose); 5] = [
    purpose(Purpose::Authentication),
    purpose(Purpose::Transaction),
    purpose(Purpose::Promotion),
    purpose(Purpose::ServiceRequest),
    purpose(Purpose::Acknowledgement),
];

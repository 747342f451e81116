//! Events as applications read them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_channel::{Fact, Inbound, ReceivedContent, ReceivedMessage, RemoteFile, Setting};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventView {
    /// Its place: ask for what comes after it.
    pub cursor: String,
    /// What happened.
    pub kind: &'static str,
    /// Whose word it is: `platform` or `gateway`.
    pub source: &'static str,
    /// The gateway's name of the agent.
    pub agent: String,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Of the gateway's message that it is about, or of the person's message that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// When it happened, if the platform said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// When the gateway heard of it.
    pub received_at: String,
    /// What only this kind has.
    #[serde(flatten)]
    pub own: Map<String, Value>,
    /// What only this platform says.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// The signed document itself, so that nothing in it is lost; `raw_base64` where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// See `raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_base64: Option<String>,
}

/// A webhook of the platform.
pub fn view(cursor: String, agent: &str, received_at: String, inbound: &Inbound) -> EventView {
    let (raw, raw_base64) = match std::str::from_utf8(&inbound.raw) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(STANDARD.encode(&inbound.raw))),
    };
    EventView {
        cursor,
        kind: kind(&inbound.fact),
        source: "platform",
        agent: agent.to_owned(),
        phone: inbound.phone.clone(),
        message_id: message_id(inbound).map(str::to_owned),
        at: inbound.at.clone(),
        received_at,
        own: own(&inbound.fact),
        details: details(&inbound.details),
        raw,
        raw_base64,
    }
}

/// The word for what happened.
pub fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::Received(_) => "message",
        Fact::Delivered(_) => "delivered",
        Fact::Read(_) => "read",
        Fact::ExpiredAndRevoked(_) => "expired",
        Fact::ExpiredNotRevoked(_) => "revoke_failed",
        Fact::Typing => "typing",
        Fact::Unsubscribed => "unsubscribed",
        Fact::Resubscribed => "subscribed",
        Fact::AgentStatus(_) => "agent_status",
        Fact::Capabilities(_) => "capabilities",
        Fact::Unrecognised(_) => "unrecognised",
    }
}

fn message_id(inbound: &Inbound) -> Option<&str> {
    match &inbound.fact {
        Fact::Received(message) => Some(&message.id),
        Fact::Delivered(id)
        | Fact::Read(id)
        | Fact::ExpiredAndRevoked(id)
        | Fact::ExpiredNotRevoked(id) => Some(id),
        // Of an event that the plugin does not know, which may be about one.
        Fact::Unrecognised(_) => {
            let mut details = inbound.details.iter();
            let detail = details.find(|detail| detail.name == "message-id")?;
            Some(&detail.value)
        }
        _ => None,
    }
}

fn own(fact: &Fact) -> Map<String, Value> {
    match fact {
        Fact::Received(message) => received(message),
        Fact::AgentStatus(status) => fields([
            ("region", json!(status.region)),
            ("before", json!(status.before)),
            ("after", json!(status.after)),
            ("by", json!(status.by)),
            ("comment", json!(status.comment)),
        ]),
        Fact::Capabilities(answer) => fields([
            ("reachable", json!(answer.reachable)),
            ("features", json!(answer.features)),
            ("carrier", json!(answer.carrier)),
            ("request_id", json!(answer.request_id)),
        ]),
        Fact::Unrecognised(word) => fields([("platform_kind", json!(word))]),
        Fact::ExpiredAndRevoked(_) => fields([
            ("reason", json!("not_delivered")),
            (
                "detail",
                json!("the platform could not deliver it in time, and revoked it"),
            ),
        ]),
        _ => Map::new(),
    }
}

fn received(message: &ReceivedMessage) -> Map<String, Value> {
    let content = match &message.content {
        ReceivedContent::Text(text) => json!({ "text": text }),
        ReceivedContent::File(file) => {
            let mut payload = remote_file(&file.payload);
            payload.extend(
                file.thumbnail
                    .iter()
                    .map(|thumbnail| ("thumbnail".to_owned(), remote_file(thumbnail).into())),
            );
            json!({ "file": payload })
        }
        ReceivedContent::Location(at) => {
            json!({ "location": { "latitude": at.latitude, "longitude": at.longitude } })
        }
        ReceivedContent::Tap(tap) => {
            json!({ "tap": fields([("postback", json!(tap.postback)), ("text", json!(tap.text)), ("kind", json!(tap.kind))]) })
        }
        ReceivedContent::Other(word) => json!({ "other": word }),
    };
    fields([
        ("content", content),
        ("message_class", json!(message.message_class)),
        ("segments", json!(message.segments)),
        ("carrier", json!(message.carrier)),
    ])
}

fn remote_file(file: &RemoteFile) -> Map<String, Value> {
    fields([
        ("url", json!(file.url)),
        ("mime_type", json!(file.mime_type)),
        ("size_bytes", json!(file.size_bytes)),
        ("name", json!(file.name)),
    ])
}

/// An object; what is not known is left out.
pub fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Names in this JSON's spelling.
fn details(details: &[Setting]) -> Map<String, Value> {
    details
        .iter()
        .map(|detail| (detail.name.replace('-', "_"), json!(detail.value)))
        .collect()
}

//! What Google posts to a webhook: the handshake, the envelope, and what is in it.
//!
//! guides/integrate/webhooks; reference/rest/v1/`UserMessage`, `UserEvent`, `ServerEvent`, `AgentLaunchEvent`.

use crate::json::{Json, Object};
use crate::message::{LatLong, RichMessageClassification};
use crate::number::{Double, Whole};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Carries the signature of an event.
pub const SIGNATURE_HEADER: &str = "X-Goog-Signature";

/// Says what kind of callback it is, since 2026-07-13. Not signed.
pub const TYPE_HEADER: &str = "X-Goog-Webhook-Type";

/// `attributes.type` of a callback about an agent's launch.
pub const LAUNCH_ATTRIBUTE: &str = "agent_launch_event";

/// The body of a webhook request: an envelope around signed data, or a handshake. Unknown fields are passed over.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Body<'a> {
    /// An event.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub message: Option<PushMessage<'a>>,
    /// `projects/…/subscriptions/…`. Not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Cow<'a, str>>,
    /// Handshake: the token that both sides know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_token: Option<Cow<'a, str>>,
    /// Handshake: what to answer with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Cow<'a, str>>,
}

impl<'a> Body<'a> {
    /// Reads what a receiver goes by. Nothing else here is signed, so nothing else may cost an event.
    pub fn read(mut json: Object<'a>) -> Self {
        Self {
            message: json.object("message").map(PushMessage::read),
            client_token: json.take("clientToken").and_then(Json::into_borrowed_text),
            secret: json.take("secret").and_then(Json::into_borrowed_text),
            ..Self::default()
        }
    }

    /// For [`crate::json::parse`].
    pub fn has_field(name: &str) -> bool {
        matches!(
            name,
            "message" | "clientToken" | "secret" | "data" | "attributes" | "type"
        )
    }
}

/// A Cloud Pub/Sub message. Only `data` is signed.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PushMessage<'a> {
    /// Standard base64 of a UTF-8 JSON document.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub data: Option<Base64Text<'a>>,
    /// Hints that nothing vouches for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes<'a>>,
    /// The publication's id, not the message's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Cow<'a, str>>,
    /// The same again.
    #[serde(rename = "message_id", skip_serializing_if = "Option::is_none")]
    pub message_id_again: Option<Cow<'a, str>>,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_time: Option<Cow<'a, str>>,
    /// The same again.
    #[serde(rename = "publish_time", skip_serializing_if = "Option::is_none")]
    pub publish_time_again: Option<Cow<'a, str>>,
}

impl<'a> PushMessage<'a> {
    fn read(mut json: Object<'a>) -> Self {
        Self {
            data: json
                .take("data")
                .and_then(Json::into_borrowed_text)
                .map(Base64Text),
            attributes: json.object("attributes").map(Attributes::read),
            ..Self::default()
        }
    }
}

/// Base64 text, borrowed from the body where it has no escapes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Base64Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The attributes of a Pub/Sub message, as captured in 2022. Not signed.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Attributes<'a> {
    /// The partner's project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_number: Option<Cow<'a, str>>,
    /// `RBM`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<Cow<'a, str>>,
    /// `TEXT`; other values are unconfirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_type: Option<Cow<'a, str>>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_id: Option<Cow<'a, str>>,
    /// `message`, or [`LAUNCH_ATTRIBUTE`]; other values are unconfirmed.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'a, str>>,
    /// Launch callbacks: the new state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<Cow<'a, str>>,
}

impl<'a> Attributes<'a> {
    fn read(mut json: Object<'a>) -> Self {
        Self {
            kind: json.take("type").and_then(Json::into_borrowed_text),
            ..Self::default()
        }
    }
}

/// The signed document: the fields of all its kinds together, because only the fields tell the kind.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Notice {
    /// The agent, with `@rbm.goog`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The person: user messages and user events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_phone_number: Option<String>,
    /// The person: server events and capability callbacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// User messages: their own id, opaque. DELIVERED, READ and server events: the agent message's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Events: their own id. Some pages show messages with it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Some of Google's samples leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_time: Option<String>,
    /// An [`EventType`] as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,

    /// User message: one of the contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// User message: one of the contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_file: Option<UserFile>,
    /// User message: one of the contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<LatLong>,
    /// User message: one of the contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion_response: Option<SuggestionResponse>,
    /// User message, US numbers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rich_message_classification: Option<RichMessageClassification>,
    /// User message, US numbers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,

    /// Launch: the agent's name as people see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_display_name: Option<String>,
    /// Launch: the brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand_id: Option<String>,
    /// Launch: the brand's name as people see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand_display_name: Option<String>,
    /// Launch: the carrier, `/v1/regions/fi-rcs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region_id: Option<String>,
    /// Launch: the state that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_launch_state: Option<String>,
    /// Launch: the state that is, without the management API's `LAUNCH_STATE_`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_launch_state: Option<String>,
    /// Launch: who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting_party: Option<String>,
    /// Launch: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,

    /// Capability callback (retired): the id of the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Capability callback (retired): whether the phone speaks RCS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rbm_enabled: Option<bool>,
    /// Capability callback (retired): what it can show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
}

impl Notice {
    /// Reads what is there; what is of another kind than Google's pages say counts as missing.
    pub fn read(json: Object<'_>) -> Self {
        let mut notice = Self::default();
        for (name, value) in json {
            match &*name {
                "agentId" => notice.agent_id = value.into_text(),
                "senderPhoneNumber" => notice.sender_phone_number = value.into_text(),
                "phoneNumber" => notice.phone_number = value.into_text(),
                "messageId" => notice.message_id = value.into_text(),
                "eventId" => notice.event_id = value.into_text(),
                "sendTime" => notice.send_time = value.into_text(),
                "eventType" => notice.event_type = value.into_text(),
                "text" => notice.text = value.into_text(),
                "userFile" => notice.user_file = value.into_object().map(UserFile::read),
                "location" => notice.location = value.into_object().and_then(read_location),
                "suggestionResponse" => {
                    notice.suggestion_response = value.into_object().map(SuggestionResponse::read);
                }
                "richMessageClassification" => {
                    notice.rich_message_classification =
                        value.into_object().map(RichMessageClassification::read);
                }
                "carrier" => notice.carrier = value.into_text(),
                "botDisplayName" => notice.bot_display_name = value.into_text(),
                "brandId" => notice.brand_id = value.into_text(),
                "brandDisplayName" => notice.brand_display_name = value.into_text(),
                "regionId" => notice.region_id = value.into_text(),
                "oldLaunchState" => notice.old_launch_state = value.into_text(),
                "newLaunchState" => notice.new_launch_state = value.into_text(),
                "actingParty" => notice.acting_party = value.into_text(),
                "comment" => notice.comment = value.into_text(),
                "requestId" => notice.request_id = value.into_text(),
                "rbmEnabled" => notice.rbm_enabled = value.into_bool(),
                "features" => {
                    notice.features = value
                        .into_list()
                        .map(|features| features.into_iter().filter_map(Json::into_text).collect());
                }
                _ => (),
            }
        }
        notice
    }

    /// For [`crate::json::parse`]. By length first, because every field of every event comes by here.
    pub fn has_field(name: &str) -> bool {
        match name.len() {
            4 => matches!(name, "text" | "type"),
            7 => matches!(
                name,
                "agentId" | "eventId" | "carrier" | "brandId" | "comment" | "payload" | "fileUri"
            ),
            8 => matches!(
                name,
                "sendTime"
                    | "userFile"
                    | "location"
                    | "regionId"
                    | "features"
                    | "mimeType"
                    | "fileName"
                    | "latitude"
            ),
            9 => matches!(
                name,
                "messageId" | "eventType" | "requestId" | "thumbnail" | "longitude"
            ),
            10 => matches!(name, "rbmEnabled"),
            11 => matches!(name, "phoneNumber" | "actingParty"),
            12 => matches!(name, "postbackData" | "segmentCount"),
            13 => matches!(name, "fileSizeBytes"),
            14 => matches!(name, "botDisplayName" | "oldLaunchState" | "newLaunchState"),
            16 => matches!(name, "brandDisplayName"),
            17 => matches!(name, "senderPhoneNumber"),
            18 => matches!(name, "suggestionResponse" | "classificationType"),
            25 => matches!(name, "richMessageClassification"),
            _ => false,
        }
    }
}

/// A coordinate that is 0 may be left out (`ProtoJSON`). One that cannot be read is not 0: there is no place then.
fn read_location(mut json: Object<'_>) -> Option<LatLong> {
    let mut degrees = |name| {
        json.take(name)
            .map_or(Some(0.0), Json::into_number)
            .map(Double)
    };
    Some(LatLong {
        latitude: degrees("latitude")?,
        longitude: degrees("longitude")?,
    })
}

/// The `eventType`s of user events and server events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    /// The phone has the agent's message.
    Delivered,
    /// The person opened the conversation after that.
    Read,
    /// The person is typing.
    IsTyping,
    /// The person wants no more.
    Unsubscribe,
    /// The person wants more again.
    Subscribe,
    /// The message ran out and was taken off the queue.
    ExpirationRevoked,
    /// The message ran out and could not be taken off the queue.
    ExpirationRevokeFailed,
}

impl EventType {
    /// As Google spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "DELIVERED",
            Self::Read => "READ",
            Self::IsTyping => "IS_TYPING",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::Subscribe => "SUBSCRIBE",
            Self::ExpirationRevoked => "TTL_EXPIRATION_REVOKED",
            Self::ExpirationRevokeFailed => "TTL_EXPIRATION_REVOKE_FAILED",
        }
    }

    /// None for a word that no page has.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "DELIVERED" => Some(Self::Delivered),
            "READ" => Some(Self::Read),
            "IS_TYPING" => Some(Self::IsTyping),
            "UNSUBSCRIBE" => Some(Self::Unsubscribe),
            "SUBSCRIBE" => Some(Self::Subscribe),
            "TTL_EXPIRATION_REVOKED" => Some(Self::ExpirationRevoked),
            "TTL_EXPIRATION_REVOKE_FAILED" => Some(Self::ExpirationRevokeFailed),
            _ => None,
        }
    }
}

/// A file that a person sent.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct UserFile {
    /// The file.
    pub payload: FileInfo,
    /// A small picture of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<FileInfo>,
}

impl UserFile {
    fn read(mut json: Object<'_>) -> Self {
        Self {
            payload: json
                .object("payload")
                .map(FileInfo::read)
                .unwrap_or_default(),
            thumbnail: json.object("thumbnail").map(FileInfo::read),
        }
    }
}

/// One file that Google holds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FileInfo {
    /// `image/gif`
    pub mime_type: String,
    /// A whole number, in quotes or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size_bytes: Option<Whole>,
    /// Where to fetch it.
    pub file_uri: String,
    /// What it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
}

impl FileInfo {
    fn read(mut json: Object<'_>) -> Self {
        Self {
            mime_type: json.text("mimeType").unwrap_or_default(),
            file_size_bytes: json.whole("fileSizeBytes").map(Whole),
            file_uri: json.text("fileUri").unwrap_or_default(),
            file_name: json.text("fileName"),
        }
    }
}

/// A tap on a suggestion.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SuggestionResponse {
    /// What the agent gave with the suggestion.
    pub postback_data: String,
    /// What the person saw. Left out of some taps on actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `REPLY` or `ACTION`; the members are unconfirmed.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

impl SuggestionResponse {
    fn read(mut json: Object<'_>) -> Self {
        Self {
            postback_data: json.text("postbackData").unwrap_or_default(),
            text: json.text("text"),
            kind: json.text("type"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    /// Whoever adds a field adds it here too, because all of them are written out: to `read` as well as to `has_field`.
    #[test]
    fn every_field_that_is_written_is_read() {
        let text = |text: &str| Some(text.to_owned());
        let file = |name: &str| FileInfo {
            mime_type: "image/gif".to_owned(),
            file_size_bytes: Some(Whole(7)),
            file_uri: "https://x.example".to_owned(),
            file_name: text(name),
        };
        let notice = Notice {
            agent_id: text("a"),
            sender_phone_number: text("b"),
            phone_number: text("c"),
            message_id: text("d"),
            event_id: text("e"),
            send_time: text("f"),
            event_type: text("g"),
            text: text("h"),
            user_file: Some(UserFile {
                payload: file("i"),
                thumbnail: Some(file("j")),
            }),
            location: Some(LatLong {
                latitude: Double(1.5),
                longitude: Double(-2.0),
            }),
            suggestion_response: Some(SuggestionResponse {
                postback_data: "k".to_owned(),
                text: text("l"),
                kind: text("m"),
            }),
            rich_message_classification: Some(RichMessageClassification {
                classification_type: text("n"),
                segment_count: Some(3),
            }),
            carrier: text("o"),
            bot_display_name: text("p"),
            brand_id: text("q"),
            brand_display_name: text("r"),
            region_id: text("s"),
            old_launch_state: text("t"),
            new_launch_state: text("u"),
            acting_party: text("v"),
            comment: text("w"),
            request_id: text("x"),
            rbm_enabled: Some(true),
            features: Some(vec!["y".to_owned()]),
        };
        let document = serde_json::to_vec(&notice).expect("strings and numbers always serialise");
        assert_eq!(
            json::parse(&document, Notice::has_field)
                .map(Notice::read)
                .expect("JSON"),
            notice
        );
    }
}

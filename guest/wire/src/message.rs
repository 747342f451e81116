//! What a business sends: `AgentMessage` and all in it, field by field as in reference/rest/v1/phones.agentMessages.
//!
//! The shapes are the JSON's, where one-of is several optional fields; who builds a message sets exactly one of them, who
//! reads one counts them.

use crate::json::{Fields, Json, Kind, Object};
use crate::number::Double;
use serde::{Deserialize, Serialize};

/// A message from an agent to a phone, as submitted and as answered.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentMessage {
    /// Output only: `phones/{E.164}/agentMessages/{messageId}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Output only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_time: Option<String>,
    /// What the phone shows.
    pub content_message: ContentMessage,
    /// A [`TrafficType`], as text: a reader must survive one that it does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_traffic_type: Option<String>,
    /// Input and output; excludes `ttl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<String>,
    /// Input only, seconds with an `s`: `"600s"`; excludes `expire_time`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
    /// Output only, US numbers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rich_message_classification: Option<RichMessageClassification>,
    /// Output only, a whole number in quotes; what it counts is unconfirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_payload_size_bytes: Option<String>,
    /// Output only, US numbers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
}

/// What Google says about a message that it took. The rest of its answer repeats what was sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accepted {
    /// `phones/{E.164}/agentMessages/{messageId}`
    pub name: Option<String>,
    /// When it was taken.
    pub send_time: Option<String>,
    /// When it runs out.
    pub expire_time: Option<String>,
    /// US numbers only.
    pub rich_message_classification: Option<RichMessageClassification>,
    /// What it counts is unconfirmed.
    pub total_payload_size_bytes: Option<u64>,
    /// US numbers only.
    pub carrier: Option<String>,
}

impl Accepted {
    /// For [`crate::json::parse_strictly`]. Only the name says which message was taken.
    pub const FIELDS: Fields = &[("name", Kind::Text)];

    /// Reads what is there.
    pub fn read(mut json: Object<'_>) -> Self {
        Self {
            name: json.text("name"),
            send_time: json.text("sendTime"),
            expire_time: json.text("expireTime"),
            rich_message_classification: json
                .object("richMessageClassification")
                .map(RichMessageClassification::read),
            total_payload_size_bytes: json.whole("totalPayloadSizeBytes"),
            carrier: json.text("carrier"),
        }
    }

    /// For [`crate::json::parse`].
    pub fn has_field(name: &str) -> bool {
        matches!(
            name,
            "name"
                | "sendTime"
                | "expireTime"
                | "richMessageClassification"
                | "classificationType"
                | "segmentCount"
                | "totalPayloadSizeBytes"
                | "carrier"
        )
    }
}

/// How a message to or from a US number is charged. carriers/billing/us-billing-model
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RichMessageClassification {
    /// `RICH_MESSAGE` or `RICH_MEDIA_MESSAGE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification_type: Option<String>,
    /// Segments of 160 units; `RICH_MESSAGE` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_count: Option<u32>,
}

impl RichMessageClassification {
    /// Reads what is there.
    pub fn read(mut json: Object<'_>) -> Self {
        Self {
            classification_type: json.text("classificationType"),
            segment_count: json
                .whole("segmentCount")
                .and_then(|count| u32::try_from(count).ok()),
        }
    }
}

/// Why a message is sent. guides/build/messages/send
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TrafficType {
    /// A code to prove who somebody is.
    Authentication,
    /// About something that the person ordered or has.
    Transaction,
    /// Advertising.
    Promotion,
    /// An answer to what the person asked for. One word, as Google writes it.
    ServiceRequest,
    /// Confirms that the person has unsubscribed.
    Acknowledgement,
}

impl TrafficType {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::Authentication,
        Self::Transaction,
        Self::Promotion,
        Self::ServiceRequest,
        Self::Acknowledgement,
    ];

    /// As Google spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "AUTHENTICATION",
            Self::Transaction => "TRANSACTION",
            Self::Promotion => "PROMOTION",
            Self::ServiceRequest => "SERVICEREQUEST",
            Self::Acknowledgement => "ACKNOWLEDGEMENT",
        }
    }
}

/// One content and the chips under it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContentMessage {
    /// One of the contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// One of the contents; deprecated, a name from `files.create`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// One of the contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_rbm_file: Option<UploadedRbmFile>,
    /// One of the contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rich_card: Option<RichCard>,
    /// One of the contents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_info: Option<ContentInfo>,
    /// Chips: beside the content, not in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

/// A file that was uploaded before.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UploadedRbmFile {
    /// A name from `files.create`.
    pub file_name: String,
    /// The name of a thumbnail that was uploaded apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail_name: Option<String>,
}

/// A file at a public address.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContentInfo {
    /// Where Google fetches it; no redirects.
    pub file_url: String,
    /// Where Google fetches its thumbnail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<String>,
    /// Fetch again although there is a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_refresh: Option<bool>,
}

/// One of two kinds of card.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RichCard {
    /// One card alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standalone_card: Option<StandaloneCard>,
    /// Several side by side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carousel_card: Option<CarouselCard>,
}

impl RichCard {
    /// All cards, of either kind.
    pub fn cards(&self) -> impl Iterator<Item = &CardContent> {
        let standalone = self.standalone_card.iter().map(|card| &card.card_content);
        standalone.chain(
            self.carousel_card
                .iter()
                .flat_map(|carousel| &carousel.card_contents),
        )
    }
}

/// One card alone.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StandaloneCard {
    /// `HORIZONTAL` or `VERTICAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_orientation: Option<String>,
    /// `LEFT` or `RIGHT`; horizontal cards only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail_image_alignment: Option<String>,
    /// The card.
    pub card_content: CardContent,
}

/// Several cards side by side.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CarouselCard {
    /// `SMALL` or `MEDIUM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_width: Option<String>,
    /// The cards, in order.
    pub card_contents: Vec<CardContent>,
}

/// What is on one card; at least one of title, description and media.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CardContent {
    /// In bold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Under the title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Picture or video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// On the card.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

/// The picture or video of a card: one of the three sources.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Media {
    /// Deprecated: a name from `files.create`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Uploaded before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_rbm_file: Option<UploadedRbmFile>,
    /// At a public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_info: Option<ContentInfo>,
    /// `SHORT`, `MEDIUM` or `TALL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<String>,
    /// What a screen reader says; since 2026-11-04.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_description: Option<String>,
}

/// A reply or an action to tap.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Suggestion {
    /// Answers with its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<SuggestedReply>,
    /// Does something on the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<SuggestedAction>,
}

/// A reply to tap.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SuggestedReply {
    /// What the person sees and sends.
    pub text: String,
    /// Comes back with the tap, as it is: called base64 in the reference, plain text in every example.
    pub postback_data: String,
}

/// An action to tap: one of the kinds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SuggestedAction {
    /// What the person sees.
    pub text: String,
    /// Comes back with the tap.
    pub postback_data: String,
    /// Opened where the action is not supported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_url: Option<String>,
    /// Opens the dialler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_action: Option<DialAction>,
    /// Opens a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view_location_action: Option<ViewLocationAction>,
    /// Opens the calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_calendar_event_action: Option<CreateCalendarEventAction>,
    /// Opens a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_url_action: Option<OpenUrlAction>,
    /// Asks for a location: `{}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_location_action: Option<ShareLocationAction>,
    /// Opens another conversation. Its roll-out is paused, its documentation withdrawn 2025-06-05.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_action: Option<ComposeAction>,
}

/// Opens the dialler.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DialAction {
    /// Digits, `+`, `*`, `#`.
    pub phone_number: String,
}

/// Opens a map at a place, or searching for one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ViewLocationAction {
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lat_long: Option<LatLong>,
    /// What the pin is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Instead of `lat_long`; Google Messages only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// Degrees. Zero may be left out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct LatLong {
    /// −90 to 90.
    pub latitude: Double,
    /// −180 to 180.
    pub longitude: Double,
}

/// Opens the calendar.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CreateCalendarEventAction {
    /// RFC 3339.
    pub start_time: String,
    /// RFC 3339.
    pub end_time: String,
    /// Required.
    pub title: String,
    /// May be left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Opens a page.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OpenUrlAction {
    /// RFC 3986.
    pub url: String,
    /// `BROWSER` or `WEBVIEW`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// `FULL`, `HALF` or `TALL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webview_view_mode: Option<String>,
    /// What a screen reader says of a web view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Asks for a location; it has no fields.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ShareLocationAction {}

/// Opens another conversation: one of the two.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ComposeAction {
    /// A text to somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_text_message: Option<ComposeTextMessage>,
    /// A recording for somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compose_recording_message: Option<ComposeRecordingMessage>,
}

/// A text to somebody.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ComposeTextMessage {
    /// To whom.
    pub phone_number: String,
    /// What.
    pub text: String,
}

/// A recording for somebody.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ComposeRecordingMessage {
    /// To whom.
    pub phone_number: String,
    /// `AUDIO` or `VIDEO`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What an agent shows besides messages. reference/rest/v1/phones.agentEvents
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentEvent {
    /// Output only: `phones/{E.164}/agentEvents/{eventId}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `IS_TYPING` or `READ`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// `READ` only: the person's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Output only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_time: Option<String>,
}

/// What a phone can show. reference/rest/v1/phones/getCapabilities
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Capabilities {
    /// `RICHCARD_CAROUSEL` and so on. An empty list may be left out (`ProtoJSON`).
    pub features: Vec<String>,
    /// US numbers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
}

impl Capabilities {
    /// For [`crate::json::parse_strictly`].
    pub const FIELDS: Fields = &[("features", Kind::Texts), ("carrier", Kind::Text)];

    /// Reads what is there.
    pub fn read(mut json: Object<'_>) -> Self {
        let features = json.list("features").unwrap_or_default();
        Self {
            features: features.into_iter().filter_map(Json::into_text).collect(),
            carrier: json.text("carrier"),
        }
    }

    /// For [`crate::json::parse`].
    pub fn has_field(name: &str) -> bool {
        matches!(name, "features" | "carrier")
    }
}

//! The records, variants and enums of `../types.wit` as plain Rust, one for one and in the same order.
//!
//! Written by hand rather than generated so that code without a WebAssembly runtime (the plugin's own logic, the HTTP
//! JSON) can use them too. They cannot drift: a host compares them with the contract when it compiles, and with
//! each component when it loads one.

#![expect(
    missing_docs,
    reason = "a field or case without a sentence in the contract says all in its name"
)]

use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};
#[cfg(feature = "wasmtime")]
use wasmtime::component::{ComponentType, Lift, Lower};

/// One named value: of a plugin's settings, such as a sender id or a webhook token (`describe` lists the names),
/// or of what only one platform knows. A name may occur more than once.
#[derive(Clone, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Setting {
    pub name: String,
    pub value: String,
}

/// What every call carries: a plugin keeps nothing between calls and has no clock of its own.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Context {
    pub settings: Vec<Setting>,
    /// The host's time, in UTC.
    pub now: String,
}

/// Bytes, here or held by the host under a name (so that large files never pass through a plugin).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
pub enum Payload {
    /// The bytes themselves.
    #[cfg_attr(feature = "wasmtime", component(name = "inline"))]
    Inline(Vec<u8>),
    /// A name under which the host holds them.
    #[cfg_attr(feature = "wasmtime", component(name = "held"))]
    Held(String),
}

/// One HTTP header. Names compare without regard to case.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// Who a plugin is.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Description {
    pub name: String,
    pub version: String,
    pub settings: Vec<SettingDescription>,
    /// The functions of `channel` that do more than answer `unsupported`, by their names here, and the message options it knows.
    pub features: Vec<String>,
}

/// One setting that a plugin understands.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct SettingDescription {
    pub name: String,
    pub documentation: String,
    pub required: bool,
    /// Never to be logged or shown.
    pub secret: bool,
    /// May occur more than once, as two tokens do while they are rotated.
    pub many: bool,
    pub default: Option<String>,
}

/// What is wrong, or risky, about one field of a message or one setting.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Finding {
    pub severity: Severity,
    /// Where, as a path of this contract's fields: `suggestions[2].text`. The host translates it into its own shape.
    pub path: String,
    /// A stable name of the rule: `suggestion-text-length`.
    pub rule: String,
    /// The limit, with its unit, where the rule has one: `25 characters`.
    pub limit: Option<String>,
    /// The value met, with its unit: `31 characters`.
    pub actual: Option<String>,
    /// One sentence for a person.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The page that states the rule.
    pub source: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[repr(u8)]
pub enum Severity {
    /// The platform would not take it.
    #[cfg_attr(feature = "wasmtime", component(name = "error"))]
    Error,
    /// The platform takes it, and it may not come out as meant.
    #[cfg_attr(feature = "wasmtime", component(name = "warning"))]
    Warning,
}

/// What `check` found, and what the message would count as.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Report {
    pub findings: Vec<Finding>,
    /// How the platform would charge for it, in its own words.
    #[cfg_attr(feature = "wasmtime", component(name = "message-class"))]
    pub message_class: Option<String>,
    pub segments: Option<u32>,
    /// Bytes of the message as it would be sent.
    #[cfg_attr(feature = "wasmtime", component(name = "payload-bytes"))]
    pub payload_bytes: u32,
}

/// A message as plain text, with what it takes as SMS.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct PlainForm {
    pub text: String,
    pub encoding: TextEncoding,
    pub segments: u32,
}

/// How an SMS carries its text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[repr(u8)]
pub enum TextEncoding {
    /// The 7-bit default alphabet: 160 units, or 153 in each of several segments.
    #[cfg_attr(feature = "wasmtime", component(name = "gsm7"))]
    Gsm7,
    /// UTF-16 units: 70, or 67 in each of several segments.
    #[cfg_attr(feature = "wasmtime", component(name = "ucs2"))]
    Ucs2,
}

/// A message to one person.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Message {
    /// Chosen by the host before the first attempt; every attempt uses the same.
    pub id: String,
    pub recipient: String,
    pub content: Content,
    /// Offered under the message: replies and actions to tap.
    pub suggestions: Vec<Suggestion>,
    /// Why it is sent. Some senders must say.
    pub purpose: Option<Purpose>,
    /// When it stops being worth delivering.
    pub expiry: Option<Expiry>,
    /// What only one platform knows; `describe` lists the names. This is how the contract grows without breaking.
    pub options: Vec<Setting>,
}

/// What a message shows. Exactly one of these.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum Content {
    #[cfg_attr(feature = "wasmtime", component(name = "text"))]
    Text(String),
    #[cfg_attr(feature = "wasmtime", component(name = "file"))]
    File(Attachment),
    #[cfg_attr(feature = "wasmtime", component(name = "card"))]
    Card(StandaloneCard),
    #[cfg_attr(feature = "wasmtime", component(name = "carousel"))]
    Carousel(Carousel),
}

/// A file to show.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Attachment {
    pub source: FileSource,
    /// A small picture that stands for the file until it is opened.
    pub thumbnail: Option<FileSource>,
    /// Fetch it again although the platform has a copy.
    #[cfg_attr(feature = "wasmtime", component(name = "force-refresh"))]
    pub force_refresh: bool,
}

/// Where the platform gets a file.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum FileSource {
    /// A public address that the platform fetches.
    #[cfg_attr(feature = "wasmtime", component(name = "url"))]
    Url(String),
    /// The name that `upload` returned.
    #[cfg_attr(feature = "wasmtime", component(name = "uploaded"))]
    Uploaded(String),
}

/// One card that stands alone.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct StandaloneCard {
    pub layout: CardLayout,
    pub card: Card,
}

/// How a standalone card arranges its picture and its text.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum CardLayout {
    /// Picture above text.
    #[cfg_attr(feature = "wasmtime", component(name = "vertical"))]
    Vertical,
    /// Picture beside text.
    #[cfg_attr(feature = "wasmtime", component(name = "horizontal"))]
    Horizontal(ImageSide),
}

/// On which side of a horizontal card the picture is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
#[repr(u8)]
pub enum ImageSide {
    #[cfg_attr(feature = "wasmtime", component(name = "left"))]
    Left,
    #[cfg_attr(feature = "wasmtime", component(name = "right"))]
    Right,
}

/// Cards side by side, to be swiped through.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Carousel {
    pub width: CardWidth,
    pub cards: Vec<Card>,
}

/// How wide the cards of a carousel are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
#[repr(u8)]
pub enum CardWidth {
    #[cfg_attr(feature = "wasmtime", component(name = "small"))]
    Small,
    #[cfg_attr(feature = "wasmtime", component(name = "medium"))]
    Medium,
}

/// One card. It has at least a title, a description or media.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Card {
    pub title: Option<String>,
    pub description: Option<String>,
    pub media: Option<CardMedia>,
    /// Offered on the card itself.
    pub suggestions: Vec<Suggestion>,
}

/// The picture or video of a card.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct CardMedia {
    pub file: Attachment,
    pub height: Option<MediaHeight>,
    /// What a screen reader says.
    #[cfg_attr(feature = "wasmtime", component(name = "alternative-text"))]
    pub alternative_text: Option<String>,
}

/// How tall the media of a card is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
#[repr(u8)]
pub enum MediaHeight {
    #[cfg_attr(feature = "wasmtime", component(name = "short"))]
    Short,
    #[cfg_attr(feature = "wasmtime", component(name = "medium"))]
    Medium,
    #[cfg_attr(feature = "wasmtime", component(name = "tall"))]
    Tall,
}

/// Something to tap.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Suggestion {
    /// What the person sees.
    pub text: String,
    /// Comes back with the tap.
    pub postback: String,
    pub action: Action,
    /// Opened where the device cannot do the action.
    #[cfg_attr(feature = "wasmtime", component(name = "fallback-url"))]
    pub fallback_url: Option<String>,
}

/// What a tap does on the person's device.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum Action {
    /// Answers with the suggestion's text.
    #[cfg_attr(feature = "wasmtime", component(name = "reply"))]
    Reply,
    /// Opens the dialler with this number.
    #[cfg_attr(feature = "wasmtime", component(name = "dial"))]
    Dial(String),
    #[cfg_attr(feature = "wasmtime", component(name = "open-url"))]
    OpenUrl(OpenUrl),
    #[cfg_attr(feature = "wasmtime", component(name = "view-location"))]
    ViewLocation(Place),
    /// Asks the person for a location.
    #[cfg_attr(feature = "wasmtime", component(name = "share-location"))]
    ShareLocation,
    #[cfg_attr(feature = "wasmtime", component(name = "create-calendar-event"))]
    CreateCalendarEvent(CalendarEvent),
    #[cfg_attr(feature = "wasmtime", component(name = "compose-text"))]
    ComposeText(ComposeText),
    #[cfg_attr(feature = "wasmtime", component(name = "compose-recording"))]
    ComposeRecording(ComposeRecording),
}

/// A page to open.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct OpenUrl {
    pub url: String,
    pub view: UrlView,
    /// What a screen reader says of the view inside the conversation.
    pub description: Option<String>,
}

/// Where a page opens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
#[repr(u8)]
pub enum UrlView {
    /// In the person's browser.
    #[cfg_attr(feature = "wasmtime", component(name = "browser"))]
    Browser,
    /// Inside the conversation, full height.
    #[cfg_attr(feature = "wasmtime", component(name = "webview-full"))]
    WebviewFull,
    /// Inside the conversation, half height.
    #[cfg_attr(feature = "wasmtime", component(name = "webview-half"))]
    WebviewHalf,
    /// Inside the conversation, three quarters high.
    #[cfg_attr(feature = "wasmtime", component(name = "webview-tall"))]
    WebviewTall,
}

/// A place on a map: coordinates, or words to search for.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Place {
    pub coordinates: Option<Coordinates>,
    pub label: Option<String>,
    pub query: Option<String>,
}

/// Degrees: latitude from -90 to 90, longitude from -180 to 180.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Coordinates {
    pub latitude: f64,
    pub longitude: f64,
}

/// An entry that the person may put into a calendar.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct CalendarEvent {
    pub start: String,
    pub end: String,
    pub title: String,
    pub description: Option<String>,
}

/// A text message that the person may send to somebody else.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct ComposeText {
    pub phone: String,
    pub text: String,
}

/// A recording that the person may make for somebody else.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct ComposeRecording {
    pub phone: String,
    pub kind: RecordingKind,
}

/// What is recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
#[repr(u8)]
pub enum RecordingKind {
    #[cfg_attr(feature = "wasmtime", component(name = "audio"))]
    Audio,
    #[cfg_attr(feature = "wasmtime", component(name = "video"))]
    Video,
}

/// Why a message is sent. Platforms charge and permit by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
#[repr(u8)]
pub enum Purpose {
    /// A code to prove who somebody is.
    #[cfg_attr(feature = "wasmtime", component(name = "authentication"))]
    Authentication,
    /// About something that the person ordered or has.
    #[cfg_attr(feature = "wasmtime", component(name = "transaction"))]
    Transaction,
    /// Advertising.
    #[cfg_attr(feature = "wasmtime", component(name = "promotion"))]
    Promotion,
    /// An answer to what the person asked for.
    #[cfg_attr(feature = "wasmtime", component(name = "service-request"))]
    ServiceRequest,
    /// Confirms that the person has unsubscribed.
    #[cfg_attr(feature = "wasmtime", component(name = "acknowledgement"))]
    Acknowledgement,
}

/// When a message stops being worth delivering.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum Expiry {
    /// So many seconds after the platform took it.
    #[cfg_attr(feature = "wasmtime", component(name = "after-seconds"))]
    AfterSeconds(u32),
    /// At this time.
    #[cfg_attr(feature = "wasmtime", component(name = "at"))]
    At(String),
}

/// The platform took the message. It says nothing yet about delivery.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Receipt {
    pub id: String,
    /// When the platform took it, if it said so.
    #[cfg_attr(feature = "wasmtime", component(name = "accepted-at"))]
    pub accepted_at: Option<String>,
    #[cfg_attr(feature = "wasmtime", component(name = "expires-at"))]
    pub expires_at: Option<String>,
    /// How the platform will charge for it, in its own words, if it said so.
    #[cfg_attr(feature = "wasmtime", component(name = "message-class"))]
    pub message_class: Option<String>,
    pub segments: Option<u32>,
    pub carrier: Option<String>,
    /// What only one platform says.
    pub details: Vec<Setting>,
}

/// Why a call to the platform did not succeed, and above all what to do next.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct ChannelFailure {
    pub code: FailureCode,
    /// One sentence for a person.
    pub message: String,
    /// Seconds to wait, where the platform named them.
    #[cfg_attr(feature = "wasmtime", component(name = "retry-after-seconds"))]
    pub retry_after_seconds: Option<u32>,
    /// The platform's HTTP status, where it answered.
    #[cfg_attr(feature = "wasmtime", component(name = "http-status"))]
    pub http_status: Option<u16>,
    /// The platform's own word for what happened.
    #[cfg_attr(feature = "wasmtime", component(name = "platform-status"))]
    pub platform_status: Option<String>,
    /// The platform's own text.
    #[cfg_attr(feature = "wasmtime", component(name = "platform-message"))]
    pub platform_message: Option<String>,
    /// What was wrong with the message, field by field, where known.
    pub findings: Vec<Finding>,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[repr(u8)]
pub enum FailureCode {
    /// The platform will never take this as it is.
    #[cfg_attr(feature = "wasmtime", component(name = "refused"))]
    Refused,
    /// Not now: try the same again later.
    #[cfg_attr(feature = "wasmtime", component(name = "later"))]
    Later,
    /// The outcome is not known: try the same id again.
    #[cfg_attr(feature = "wasmtime", component(name = "unknown"))]
    Unknown,
    /// This person cannot be reached on this channel: use another.
    #[cfg_attr(feature = "wasmtime", component(name = "unreachable"))]
    Unreachable,
    /// Settings or credentials are wrong: a person must act.
    #[cfg_attr(feature = "wasmtime", component(name = "misconfigured"))]
    Misconfigured,
    /// This plugin cannot do that.
    #[cfg_attr(feature = "wasmtime", component(name = "unsupported"))]
    Unsupported,
}

/// What to show the person. `read` names the person's message.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
pub enum SignalKind {
    #[cfg_attr(feature = "wasmtime", component(name = "typing"))]
    Typing,
    #[cfg_attr(feature = "wasmtime", component(name = "read"))]
    Read(String),
}

/// What became of a message that was to be taken back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[repr(u8)]
pub enum Revocation {
    /// The platform says that it will not be delivered.
    #[cfg_attr(feature = "wasmtime", component(name = "taken-back"))]
    TakenBack,
    /// Delivered already, or never known to the platform. Not a reason to use another channel.
    #[cfg_attr(feature = "wasmtime", component(name = "too-late"))]
    TooLate,
}

/// Which of the people asked about can be reached.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct ReachAnswer {
    pub reachable: Vec<String>,
    /// How many of the people asked about the platform drew for its estimate of reach over all carriers.
    pub sampled: u32,
    /// How many of those can be reached.
    #[cfg_attr(feature = "wasmtime", component(name = "sampled-reachable"))]
    pub sampled_reachable: u32,
    #[cfg_attr(feature = "wasmtime", component(name = "by-carrier"))]
    pub by_carrier: Vec<CarrierReach>,
}

/// The people reachable through one carrier.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct CarrierReach {
    pub carrier: String,
    pub reachable: Vec<String>,
}

/// A file for the platform to keep.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct NewFile {
    pub source: NewFileSource,
    #[cfg_attr(feature = "wasmtime", component(name = "thumbnail-url"))]
    pub thumbnail_url: Option<String>,
}

/// Where a file to keep comes from.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
pub enum NewFileSource {
    /// A public address that the platform fetches.
    #[cfg_attr(feature = "wasmtime", component(name = "url"))]
    Url(String),
    #[cfg_attr(feature = "wasmtime", component(name = "bytes"))]
    Bytes(FileBytes),
}

/// A file in bytes.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct FileBytes {
    #[cfg_attr(feature = "wasmtime", component(name = "mime-type"))]
    pub mime_type: String,
    pub bytes: Payload,
}

/// A file that the platform keeps.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct UploadedFile {
    /// What a message says to show it.
    pub name: String,
    #[cfg_attr(feature = "wasmtime", component(name = "expires-at"))]
    pub expires_at: Option<String>,
    /// What only one platform says.
    pub details: Vec<Setting>,
}

/// An HTTP request as it came to the gateway's webhook.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct WebhookRequest {
    pub method: String,
    /// Path and query, as the client sent them.
    pub url: String,
    pub headers: Vec<Header>,
    pub body: Vec<u8>,
}

/// What to answer to a webhook request.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct WebhookResponse {
    pub status: u16,
    pub headers: Vec<Header>,
    pub body: Vec<u8>,
}

/// Whether to believe a request, what to answer, and what it meant. A request that is not authentic is a
/// reaction too: its answer, its verdict, and nothing inbound.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Reaction {
    pub verdict: Verdict,
    pub response: WebhookResponse,
    pub inbound: Vec<Inbound>,
}

/// One fact that a webhook request reported.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Inbound {
    /// The same for every delivery of the same fact. Made of signed fields only. Where an id was made finer, its first line is
    /// the key of before, which a host that keeps keys of an earlier version looks for too.
    #[cfg_attr(feature = "wasmtime", component(name = "dedupe-key"))]
    pub dedupe_key: String,
    /// The sender identity of the gateway's side; empty where the platform did not say.
    pub agent: String,
    /// The person.
    pub phone: Option<String>,
    /// When it happened, if the platform said so.
    pub at: Option<String>,
    pub fact: Fact,
    /// What only one platform says.
    pub details: Vec<Setting>,
    /// The signed bytes it came from.
    pub raw: Vec<u8>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum Fact {
    /// The person wrote, sent or tapped something.
    #[cfg_attr(feature = "wasmtime", component(name = "received"))]
    Received(ReceivedMessage),
    /// The message of this id, which the gateway sent, is on the person's device.
    #[cfg_attr(feature = "wasmtime", component(name = "delivered"))]
    Delivered(String),
    /// The person has seen the message of this id.
    #[cfg_attr(feature = "wasmtime", component(name = "read"))]
    Read(String),
    /// The message of this id ran out and was taken back: it was not delivered.
    #[cfg_attr(feature = "wasmtime", component(name = "expired-and-revoked"))]
    ExpiredAndRevoked(String),
    /// The message of this id ran out and could not be taken back: it may or may not have been delivered.
    #[cfg_attr(feature = "wasmtime", component(name = "expired-not-revoked"))]
    ExpiredNotRevoked(String),
    /// The person is typing.
    #[cfg_attr(feature = "wasmtime", component(name = "typing"))]
    Typing,
    /// The person wants no more messages.
    #[cfg_attr(feature = "wasmtime", component(name = "unsubscribed"))]
    Unsubscribed,
    /// The person wants messages again.
    #[cfg_attr(feature = "wasmtime", component(name = "resubscribed"))]
    Resubscribed,
    #[cfg_attr(feature = "wasmtime", component(name = "agent-status"))]
    AgentStatus(AgentStatus),
    #[cfg_attr(feature = "wasmtime", component(name = "capabilities"))]
    Capabilities(CapabilityAnswer),
    /// Well signed, but not of a kind that this plugin knows: the platform's word for it, if it has one. Keep it.
    #[cfg_attr(feature = "wasmtime", component(name = "unrecognised"))]
    Unrecognised(Option<String>),
}

/// What a person wrote, sent or tapped.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct ReceivedMessage {
    /// Opaque, assigned by the person's side.
    pub id: String,
    pub content: ReceivedContent,
    /// How the platform charges for it, in its own words, if it said so.
    #[cfg_attr(feature = "wasmtime", component(name = "message-class"))]
    pub message_class: Option<String>,
    pub segments: Option<u32>,
    pub carrier: Option<String>,
}

/// The content of a person's message.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(variant)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum ReceivedContent {
    #[cfg_attr(feature = "wasmtime", component(name = "text"))]
    Text(String),
    #[cfg_attr(feature = "wasmtime", component(name = "file"))]
    File(ReceivedFile),
    #[cfg_attr(feature = "wasmtime", component(name = "location"))]
    Location(Coordinates),
    #[cfg_attr(feature = "wasmtime", component(name = "tap"))]
    Tap(Tap),
    /// Of a kind that this plugin does not know, in the platform's word: the raw bytes have it.
    #[cfg_attr(feature = "wasmtime", component(name = "other"))]
    Other(String),
}

/// A file that a person sent.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct ReceivedFile {
    pub payload: RemoteFile,
    pub thumbnail: Option<RemoteFile>,
}

/// A file that the platform holds for the gateway to fetch.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct RemoteFile {
    pub url: String,
    #[cfg_attr(feature = "wasmtime", component(name = "mime-type"))]
    pub mime_type: String,
    #[cfg_attr(feature = "wasmtime", component(name = "size-bytes"))]
    pub size_bytes: Option<u32>,
    pub name: Option<String>,
}

/// A suggestion that a person tapped.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct Tap {
    pub postback: String,
    pub text: Option<String>,
    /// The platform's word, such as `REPLY`.
    pub kind: Option<String>,
}

/// Whether a sender may send through one carrier.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct AgentStatus {
    /// The carrier or country it concerns.
    pub region: String,
    /// The status that was, in the platform's word.
    pub before: String,
    /// The status that is.
    pub after: String,
    /// Who changed it.
    pub by: Option<String>,
    pub comment: Option<String>,
}

/// What a person's device can show.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
#[cfg_attr(
    feature = "serde",
    derive(Serialize, Deserialize),
    serde(rename_all = "kebab-case")
)]
pub struct CapabilityAnswer {
    #[cfg_attr(feature = "wasmtime", component(name = "request-id"))]
    pub request_id: Option<String>,
    pub reachable: bool,
    pub features: Vec<String>,
    pub carrier: Option<String>,
}

/// Whether a webhook request is really the platform's.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(record)
)]
pub struct Verdict {
    pub outcome: VerdictOutcome,
    /// Which of the configured tokens matched, counted from 0.
    pub token: Option<u32>,
    /// A stable name of the rule that was broken: `signature-mismatch`.
    pub rule: Option<String>,
    /// Why not, for a person.
    pub reason: Option<String>,
}

/// The outcomes of a check of a webhook request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(
    feature = "wasmtime",
    derive(ComponentType, Lift, Lower),
    component(enum)
)]
#[repr(u8)]
pub enum VerdictOutcome {
    /// The platform's, with nothing changed.
    #[cfg_attr(feature = "wasmtime", component(name = "authentic"))]
    Authentic,
    /// Signed, but not by a configured token.
    #[cfg_attr(feature = "wasmtime", component(name = "forged"))]
    Forged,
    /// Not signed.
    #[cfg_attr(feature = "wasmtime", component(name = "unsigned"))]
    Unsigned,
    /// Not a webhook request of this platform at all.
    #[cfg_attr(feature = "wasmtime", component(name = "malformed"))]
    Malformed,
    /// The platform asks whether this address is the gateway's, and knows a configured token.
    #[cfg_attr(feature = "wasmtime", component(name = "handshake"))]
    Handshake,
}

/// Hides the value: any setting may be a secret.
impl fmt::Debug for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Setting")
            .field("name", &self.name)
            .field("value", &"***")
            .finish()
    }
}

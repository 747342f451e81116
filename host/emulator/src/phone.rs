//! The phones: whose each is, what it can do, and what the person does by habit.

use jiff::SignedDuration;
use rbm_wire::name::PhoneNumber;
use serde::Deserialize;

/// One phone, and the person who has it.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent switches of a phone")]
pub struct Phone {
    /// Whose it is.
    pub number: PhoneNumber,
    /// Whether RCS is on at all; without it a message is answered 404.
    pub rcs: bool,
    /// Whether it is reachable now; if not, messages wait.
    pub online: bool,
    /// The carrier, by the name that launches go by.
    pub carrier: String,
    /// What it can show, in Google's words.
    pub features: Vec<String>,
    /// Whether the person lets senders know what was read.
    pub read_receipts: bool,
    /// From acceptance to delivery, if it is not as on all phones.
    pub latency: Option<Latency>,
    /// What happens when a message runs out before it is delivered.
    pub expiry: Expiry,
    /// Whether taking a message back comes too late though it is answered 200: the message is delivered nevertheless.
    pub late_revoke: bool,
    /// What the person does when a message comes, in this order.
    pub habits: Vec<Habit>,
}

/// How long something takes: at least, and at most. What it is in between is drawn by the seed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Latency {
    /// At least.
    pub least: SignedDuration,
    /// At most.
    pub most: SignedDuration,
}

/// What the platform says and does about a message that has run out. (guides/build/messages/send, "message expiration")
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// It says that it was taken off the queue, and so it is.
    #[default]
    Revoked,
    /// It says that it could not be taken off the queue, and it is still to be delivered.
    RevokeFailed,
    /// It says that it was taken off the queue, and it is delivered all the same. Very rare, says the page.
    Both,
    /// It says nothing, and the message is gone. Very rare too.
    Neither,
}

/// Something that the person does whenever a message has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Habit {
    /// Only where the message's text has this in it.
    pub containing: Option<String>,
    /// How long after the delivery.
    pub after: SignedDuration,
    /// What.
    pub act: Act,
}

/// What a person does with a phone.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Opens the conversation: everything in it is read.
    Read,
    /// Types.
    Type,
    /// Writes.
    Text(String),
    /// Taps the suggestion with this postback, of any message that is on the phone.
    Tap(String),
    /// Taps the first suggestion of the last message, or answers one that has none in words.
    Answer,
    /// Sends where the phone is.
    Location(Place),
    /// Sends a file.
    File(SentFile),
    /// Wants no more messages: says so in a text, and the platform in an event.
    Unsubscribe,
    /// Wants messages again, likewise.
    Resubscribe,
    /// Switches the phone off or on.
    Online(bool),
    /// Switches RCS off or on.
    Rcs(bool),
    /// Puts the number on another carrier.
    Carrier(String),
    /// Accepts or declines the invitation to be a tester.
    Tester(bool),
}

/// Degrees.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// −90 to 90.
    pub latitude: f64,
    /// −180 to 180.
    pub longitude: f64,
}

/// A file that a person sends. The platform keeps it where it says.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SentFile {
    /// `photo.jpg`
    pub name: String,
    /// `image/jpeg`
    pub mime_type: String,
    /// How long it is.
    pub bytes: u32,
    /// Where it is to be had.
    pub url: String,
}

impl Phone {
    /// Online, and its person reads without an answer: what any number is that nobody listed.
    pub fn quiet(number: PhoneNumber) -> Self {
        Self {
            number,
            rcs: true,
            online: true,
            carrier: CARRIER.to_owned(),
            features: FEATURES.map(str::to_owned).to_vec(),
            read_receipts: true,
            latency: None,
            expiry: Expiry::Revoked,
            late_revoke: false,
            habits: vec![Habit::reads()],
        }
    }

    /// The person taps the first suggestion, or answers a message that has none.
    pub fn talkative(number: PhoneNumber) -> Self {
        let mut phone = Self::quiet(number);
        phone.habits.push(Habit::new(READING + REPLYING, Act::Type));
        phone.habits.push(Habit::new(READING + REPLYING + REPLYING, Act::Answer));
        phone
    }
}

impl Habit {
    /// Whatever the message says.
    pub fn new(after: SignedDuration, act: Act) -> Self {
        Self { containing: None, after, act }
    }

    /// The person reads each message soon.
    pub fn reads() -> Self {
        Self::new(READING, Act::Read)
    }
}

/// `+15550100001` answers, `…2` hides what it read, `…3` is offline, `…4` has no RCS.
pub fn demo() -> Vec<Phone> {
    let number = |last: u8| PhoneNumber::parse(&format!("+1555010000{last}")).expect("a plus sign and eleven digits");
    vec![
        Phone::talkative(number(1)),
        Phone { read_receipts: false, ..Phone::quiet(number(2)) },
        Phone { online: false, ..Phone::quiet(number(3)) },
        Phone { rcs: false, ..Phone::quiet(number(4)) },
    ]
}

/// The carrier of every phone that is not put on another.
pub const CARRIER: &str = "/v1/regions/emulated-carrier";

/// reference/rest/v1/phones/getCapabilities; `PDF_IN_RICH_CARDS` is only in a sample, and on no phone here unless it is listed.
pub const FEATURES: [&str; 8] = [
    "RICHCARD_STANDALONE",
    "RICHCARD_CAROUSEL",
    "ACTION_CREATE_CALENDAR_EVENT",
    "ACTION_DIAL",
    "ACTION_OPEN_URL",
    "ACTION_SHARE_LOCATION",
    "ACTION_VIEW_LOCATION",
    "ACTION_OPEN_URL_IN_WEBVIEW",
];

/// From delivery to reading.
const READING: SignedDuration = SignedDuration::from_millis(500);
/// From reading to typing, and from typing to the answer.
const REPLYING: SignedDuration = SignedDuration::from_millis(300);

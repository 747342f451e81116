//! The phones: whose each is, what it can do, and what the person does by habit.

mod latency;

pub use latency::Latency;

use crate::length;
use crate::named::Named;
use crate::platform::testers::Invitation;
use crate::scenario::PhoneSettings;
use jiff::SignedDuration;
use rbm_wire::message::{ContentMessage, RichCard, Suggestion};
use rbm_wire::name::{AgentId, PhoneNumber};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One phone, and the person who has it. As JSON it is its number and its settings, as `GET /emulator/phones` lists it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(from = "Listed", into = "Listed")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent switches of a phone"
)]
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
    /// Of which agents the person is a tester, or is asked to be one.
    pub tester_of: BTreeMap<AgentId, Invitation>,
    /// What the person does when a message comes, in this order.
    pub habits: Vec<Habit>,
    /// What the person does once, from when the phone is there.
    pub script: Vec<Step>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    number: PhoneNumber,
    settings: PhoneSettings,
}

impl From<Listed> for Phone {
    fn from(listed: Listed) -> Self {
        listed.settings.phone(listed.number)
    }
}

impl From<Phone> for Listed {
    fn from(phone: Phone) -> Self {
        Self {
            settings: PhoneSettings::from(&phone),
            number: phone.number,
        }
    }
}

/// What the platform says and does about a message that has run out. (guides/build/messages/send, "message expiration")
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Habit {
    /// After which messages.
    pub when: When,
    /// One after the other.
    pub steps: Vec<Step>,
}

/// Which messages: those that have all of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// A part of its text, or of the title or the description of one of its cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The postback of a suggestion in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postback: Option<String>,
    /// What a suggestion in it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Named<AgentId>>,
}

/// Something that the person does.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// How long after the step before; the first after the delivery, or in a script after its beginning.
    #[serde(default, with = "length::signed")]
    pub after: SignedDuration,
    /// What.
    #[serde(rename = "do")]
    pub act: Act,
}

/// What a person does with a phone.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// −90 to 90.
    pub latitude: f64,
    /// −180 to 180.
    pub longitude: f64,
}

/// A file that a person sends. The platform keeps it where it says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
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
            tester_of: BTreeMap::new(),
            habits: vec![Habit::reads()],
            script: Vec::new(),
        }
    }

    /// The person taps the first suggestion, or answers a message that has none.
    pub fn talkative(number: PhoneNumber) -> Self {
        let mut phone = Self::quiet(number);
        phone.habits.push(Habit::new(READING + REPLYING, Act::Type));
        phone
            .habits
            .push(Habit::new(READING + REPLYING + REPLYING, Act::Answer));
        phone
    }
}

impl When {
    /// Whether a message of an agent is one of these.
    pub(crate) fn matches(&self, agent: &AgentId, content: &ContentMessage) -> bool {
        let cards = || content.rich_card.iter().flat_map(RichCard::cards);
        let said = cards()
            .flat_map(|card| card.title.iter().chain(&card.description))
            .chain(&content.text);
        let of_cards = cards().flat_map(|card| &card.suggestions);
        let offered: Vec<(&str, &str)> = content
            .suggestions
            .iter()
            .chain(of_cards)
            .filter_map(offer)
            .collect();
        self.text
            .as_ref()
            .is_none_or(|part| said.into_iter().any(|text| text.contains(part)))
            && self
                .postback
                .as_ref()
                .is_none_or(|postback| offered.iter().any(|(_, known)| known == postback))
            && self
                .suggestion
                .as_ref()
                .is_none_or(|text| offered.iter().any(|(known, _)| known == text))
            && self
                .agent
                .as_ref()
                .is_none_or(|Named(wanted)| wanted == agent)
    }
}

/// What a suggestion shows, and its postback.
fn offer(suggestion: &Suggestion) -> Option<(&str, &str)> {
    match suggestion {
        Suggestion {
            reply: Some(reply), ..
        } => Some((&reply.text, &reply.postback_data)),
        Suggestion {
            action: Some(action),
            ..
        } => Some((&action.text, &action.postback_data)),
        _ => None,
    }
}

impl Habit {
    /// Whatever the message says.
    pub fn new(after: SignedDuration, act: Act) -> Self {
        Self {
            when: When::default(),
            steps: vec![Step { after, act }],
        }
    }

    /// The person reads each message soon.
    pub fn reads() -> Self {
        Self::new(READING, Act::Read)
    }
}

/// `+15550100001` answers, `…2` hides what it read, `…3` is offline, `…4` has no RCS.
pub fn demo() -> Vec<Phone> {
    let number = |last: u8| {
        PhoneNumber::parse(&format!("+1555010000{last}")).expect("a plus sign and eleven digits")
    };
    vec![
        Phone::talkative(number(1)),
        Phone {
            read_receipts: false,
            ..Phone::quiet(number(2))
        },
        Phone {
            online: false,
            ..Phone::quiet(number(3))
        },
        Phone {
            rcs: false,
            ..Phone::quiet(number(4))
        },
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

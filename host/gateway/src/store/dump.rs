//! All that a store keeps, as items that know nothing of how it keeps them, so that one store can go on where another left
//! off: on another machine, or of another kind.
//!
//! Only what was heard or decided is an item. What follows from that, such as the state of a message, the queue it waits in
//! or whether somebody has opted out, is found again by whoever takes the items. [`lines`] is their form in a file.

mod form;
pub mod lines;

use super::consent::{Heard, Reason, Wish};
use super::consumer::Disabled;
use super::event::EventContent;
use super::quarantine::{QuarantineId, StoredQuarantined};
use super::record::Record;
use super::tester::StoredTester;
use super::{
    AgentIdentity, Cursor, Entry, NewEvent, StoreProblem, StoredEvent, StoredMessage, Upload,
};
use crate::lifecycle::{Fact, Facts};
use async_trait::async_trait;
use form::ContentForm;
pub use form::Hex;
use gateway_channel::Header;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

/// Gives all of it away, and takes it.
#[async_trait]
pub trait Dump: Send + Sync {
    /// Sends everything as it is at one moment: what comes first is first in [`Item`], and within a kind messages are in the
    /// order in which they came, events in that of their cursors, and all others in an order that is the same whenever the
    /// same is kept. Ends early if nobody receives any more.
    async fn dump(&self, to: Sender<Item>) -> Result<(), StoreProblem>;
    /// Keeps items, in one commit. For a store that was empty, which is given all items of a dump in their order, in as many
    /// calls as one likes: then it goes on as the first store would have. What is there already is a problem.
    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreProblem>;
}

/// One thing that is kept.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Item {
    /// The last names that were given, so that none is given twice.
    Last(Last),
    /// An agent, and what its rows go by.
    Agent(AgentIdentity),
    /// A message.
    Message(Box<Message>),
    /// What an event said of a message that is not here, or not yet.
    Orphan(Orphan),
    /// That an event is known.
    Seen(Seen),
    /// An event.
    Event(Box<Event>),
    /// A line of the ledger of consent.
    Consent(Consent),
    /// How far a consumer of events has got. What it is owed comes after it, and then what was given up.
    Consumer(Consumer),
    /// What a consumer is owed.
    Delivery(Delivery),
    /// What a consumer was owed, and was given up.
    DeadLetter(DeadLetter),
    /// A request that was put aside.
    Quarantined(Quarantined),
    /// A file that the platform keeps.
    Upload(Upload),
    /// Somebody who was invited to be a tester.
    Tester(Tester),
}

impl Item {
    /// Its word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Last(_) => "last",
            Self::Agent(_) => "agent",
            Self::Message(_) => "message",
            Self::Orphan(_) => "orphan",
            Self::Seen(_) => "seen",
            Self::Event(_) => "event",
            Self::Consent(_) => "consent",
            Self::Consumer(_) => "consumer",
            Self::Delivery(_) => "delivery",
            Self::DeadLetter(_) => "dead_letter",
            Self::Quarantined(_) => "quarantined",
            Self::Upload(_) => "upload",
            Self::Tester(_) => "tester",
        }
    }
}

/// The last names that were given; none where there never was one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Last {
    /// Of an event, which may be forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Cursor>,
    /// Of a request that was put aside, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<QuarantineId>,
    /// Of an event that was removed for its age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned: Option<Cursor>,
    /// Whether rows go by the names of agents, as in a store that is older than [`Item::Agent`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub legacy_names: bool,
}

/// A message with what its attempts need.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Message {
    /// What the agent's rows go by.
    pub agent: String,
    /// As every attempt sends it.
    pub message: gateway_channel::Message,
    /// Of what the caller wrote.
    pub body_hash: Hex<32>,
    /// When the gateway took it.
    pub accepted_at: Timestamp,
    /// It is not sent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Timestamp>,
    /// After this it is not sent any more. Older dumps have none for a message without an expiry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Of the latest attempt, counted from 1.
    pub attempt: u32,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// An attempt is under way, and its lease ends then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lent_until: Option<Timestamp>,
    /// Everything that happened, as it was heard of.
    pub history: Vec<Entry>,
    /// How many entries of it were left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub history_omitted: u32,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What an event said of a message that is not here, or not yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Orphan {
    /// The digest of agent, recipient and id.
    pub about: Hex<16>,
    /// The digest of whose it is; none where that was not noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Hex<16>>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
    /// When the gateway heard of it.
    pub received_at: Timestamp,
}

/// That an event is known.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Seen {
    /// The digest of agent and dedupe key.
    pub event: Hex<16>,
    /// When the gateway heard of it.
    pub received_at: Timestamp,
}

/// An event.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Event {
    /// Where it stands.
    pub cursor: Cursor,
    /// What the agent's rows go by.
    pub agent: String,
    /// When the gateway heard of it.
    pub received_at: Timestamp,
    /// What happened.
    #[serde(with = "ContentForm")]
    pub content: EventContent,
}

/// A line of the ledger of consent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Consent {
    /// What the agent's rows go by.
    pub agent: String,
    /// Who.
    pub phone: String,
    /// Since when.
    pub at: Timestamp,
    /// What.
    pub wish: Wish,
    /// How the gateway knows.
    pub reason: Reason,
    /// The event that said so; none if a caller did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Cursor>,
}

/// How far a consumer has got.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Consumer {
    /// Which.
    pub name: String,
    /// Up to here every event was taken, or is owed, or was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
    /// Nothing is delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
}

/// What a consumer is owed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delivery {
    /// Which consumer.
    pub consumer: String,
    /// Which event.
    pub cursor: Cursor,
    /// What is delivered in order, if this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// How many were made.
    pub attempts: u32,
    /// Why the latest was of no use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the next is; none while it waits for another of its conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// What was given up.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DeadLetter {
    /// Which consumer.
    pub consumer: String,
    /// Which event.
    pub cursor: Cursor,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was given up.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// A request that was put aside.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Quarantined {
    /// Its name.
    pub id: QuarantineId,
    /// When it came.
    pub at: Timestamp,
    /// The path that it came to.
    pub path: String,
    /// A stable name of the rule that it broke.
    pub rule: String,
    /// Why, in a sentence.
    pub reason: String,
    /// Names and values, in the order in which they came. None if they were too long to be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Vec<(String, String)>>,
    /// The body, or its beginning.
    #[serde(with = "form::bytes")]
    pub body: Vec<u8>,
    /// How many it had.
    pub body_bytes: u64,
}

/// Somebody who was invited to be a tester.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tester {
    /// What the agent's rows go by.
    pub agent: String,
    /// Who.
    pub phone: String,
    /// When.
    pub invited_at: Timestamp,
    /// The platform's latest word of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl Consumer {
    /// One that is ahead of every event would be given none of those to come.
    pub fn check(&self, newest: Option<Cursor>) -> Result<(), StoreProblem> {
        let Self { name, after, .. } = self;
        match after.filter(|after| Some(*after) > newest) {
            None => Ok(()),
            Some(after) => Err(StoreProblem(format!(
                "the consumer {name} has got to {after}, and the newest event is {}",
                newest.unwrap_or(Cursor(0))
            ))),
        }
    }
}

impl From<Record> for Message {
    fn from(record: Record) -> Self {
        let Record {
            stored,
            attempt,
            lent_until,
            ends_at,
            ..
        } = record;
        let StoredMessage {
            agent,
            message,
            body_hash,
            accepted_at,
            facts: _,
            history,
            history_omitted,
            send_at,
            next_at,
        } = stored;
        let body_hash = Hex(body_hash);
        Self {
            agent,
            message,
            body_hash,
            accepted_at,
            send_at,
            expires_at: Some(ends_at),
            attempt,
            next_at,
            lent_until,
            history,
            history_omitted,
        }
    }
}

impl From<Message> for Record {
    fn from(message: Message) -> Self {
        let ends_at = message.expires_at.unwrap_or_else(|| {
            Self::end_without_expiry(message.accepted_at, message.send_at, &message.history)
        });
        let stored = StoredMessage {
            agent: message.agent,
            message: message.message,
            body_hash: message.body_hash.0,
            accepted_at: message.accepted_at,
            facts: Facts::of(&message.history),
            history: message.history,
            history_omitted: message.history_omitted,
            send_at: message.send_at,
            next_at: message.next_at,
        };
        Self::kept(stored, message.attempt, message.lent_until, ends_at)
    }
}

impl From<StoredEvent> for Event {
    fn from(StoredEvent { cursor, event }: StoredEvent) -> Self {
        let NewEvent {
            agent,
            received_at,
            content,
            consent: _,
        } = event;
        Self {
            cursor,
            agent,
            received_at,
            content,
        }
    }
}

impl From<Event> for StoredEvent {
    fn from(
        Event {
            cursor,
            agent,
            received_at,
            content,
        }: Event,
    ) -> Self {
        Self {
            cursor,
            event: NewEvent {
                agent,
                received_at,
                content,
                consent: None,
            },
        }
    }
}

impl Consent {
    /// Of a person.
    pub fn of(agent: String, phone: String, heard: &Heard) -> Self {
        let Heard { consent, event } = heard;
        let (wish, reason) = (consent.wish(), consent.reason().clone());
        Self {
            agent,
            phone,
            at: consent.at(),
            wish,
            reason,
            event: *event,
        }
    }

    /// Of whoever it is.
    pub fn heard(&self) -> Heard {
        let consent = super::consent::Consent::new(self.wish, self.at, self.reason.clone());
        Heard {
            consent,
            event: self.event,
        }
    }
}

impl From<StoredQuarantined> for Quarantined {
    fn from(
        StoredQuarantined {
            id,
            is_whole: _,
            request,
        }: StoredQuarantined,
    ) -> Self {
        let super::quarantine::Quarantined {
            at,
            path,
            rule,
            reason,
            headers,
            body,
            body_bytes,
        } = request;
        let headers =
            headers.map(|headers| headers.into_iter().map(|it| (it.name, it.value)).collect());
        Self {
            id,
            at,
            path,
            rule,
            reason,
            headers,
            body,
            body_bytes,
        }
    }
}

impl From<Quarantined> for StoredQuarantined {
    fn from(item: Quarantined) -> Self {
        let Quarantined {
            id,
            at,
            path,
            rule,
            reason,
            headers,
            body,
            body_bytes,
        } = item;
        let header = |(name, value)| Header { name, value };
        let headers = headers.map(|pairs| pairs.into_iter().map(header).collect());
        let request = super::quarantine::Quarantined {
            at,
            path,
            rule,
            reason,
            headers,
            body,
            body_bytes,
        };
        Self {
            id,
            is_whole: request.is_whole(),
            request,
        }
    }
}

impl From<Delivery> for super::consumer::Delivery {
    fn from(
        Delivery {
            consumer: _,
            cursor,
            conversation,
            attempts,
            reason,
            next_at,
        }: Delivery,
    ) -> Self {
        Self {
            cursor,
            conversation,
            attempts,
            reason,
            next_at,
        }
    }
}

impl From<Tester> for StoredTester {
    fn from(
        Tester {
            agent: _,
            phone,
            invited_at,
            answer,
        }: Tester,
    ) -> Self {
        Self {
            phone,
            invited_at,
            answer,
        }
    }
}

//! What the gateway must not lose, as a trait: few calls, each of which may be made again.
//!
//! Every `Ok` means that it is kept as long as this store keeps anything. Facts are joined, never overwritten. [`conformance`]
//! is the proof that an implementation must pass.

use crate::lifecycle::{Fact, Facts, State};
use async_trait::async_trait;
use consent::{Consent, Consents};
use consumer::Consumers;
use dump::Dump;
use event::{AgentHold, EventContent, PlatformAnswer, ReasonCode};
use gateway_channel::{Expiry, Message};
use jiff::Timestamp;
use lane::{Share, Stage};
use quarantine::Quarantine;
use retention::{Erased, Pruned, Retention};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::time::Duration;
use tester::{Counted, NewTester, StoredTester, TesterQuota};

pub mod conformance;
pub mod consent;
pub mod consumer;
pub mod digest;
pub mod dump;
pub mod event;
pub mod lane;
pub mod quarantine;
pub mod record;
pub mod retention;
pub mod tester;

/// Where messages and events are kept.
#[async_trait]
pub trait Store: Consents + Consumers + Dump + Quarantine + Send + Sync {
    /// Keeps a message to be sent. The id decides: the same message again is the same, another under the same id is not.
    async fn accept(&self, message: NewMessage) -> Result<Accepted, StoreProblem>;
    /// Keeps events, joins what they say to their messages, and what they say of consent to the ledger, in one commit. A fact
    /// that is known is a duplicate.
    async fn ingest(&self, events: Vec<NewEvent>) -> Result<Vec<Ingested>, StoreProblem>;
    /// Takes messages whose time has come, for each agent as many as its share allows, notes that an attempt begins, and lends
    /// them out: who does not settle one before the lease ends has lost it to the next, and what became of that attempt is then
    /// unknown. Of what may not be sent to somebody who has opted out no attempt begins: it has its fate then, up to
    /// [`consent::REFUSED_AT_ONCE`] of a lane at once. Costs nothing for what no share allows.
    async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        shares: &[Share],
    ) -> Result<Claims, StoreProblem>;
    /// Ends all leases: those of a process that is no more. For a gateway that starts and has the store to itself; tells how
    /// many attempts were lost.
    async fn recover(&self, now: Timestamp) -> Result<usize, StoreProblem>;
    /// Ends the attempts of up to `most` messages whose time is over, of any agent; tells what each has come to. One that is under
    /// way is left to whoever has it. `holds`: what keeps an agent from sending, by the agent's key.
    async fn expire(
        &self,
        now: Timestamp,
        most: usize,
        holds: &Holds,
    ) -> Result<Vec<Fact>, StoreProblem>;
    /// Notes how an attempt ended. False if the lease had ended and somebody else has it: then only the facts are joined. False
    /// too if the message was erased meanwhile.
    async fn settle(
        &self,
        id: &str,
        attempt: u32,
        settlement: Settlement,
    ) -> Result<bool, StoreProblem>;
    /// Takes back an attempt that was not made, with all traces of it. False if its lease had ended, or the message was erased.
    async fn unclaim(
        &self,
        id: &str,
        attempt: u32,
        retry_at: Timestamp,
    ) -> Result<bool, StoreProblem>;
    /// Ends a message's attempts because somebody wants it back, and tells what else has to be done for that. Revokes it if
    /// nothing of it can have reached the platform.
    async fn withdraw(&self, id: &str, now: Timestamp) -> Result<Withdrawn, StoreProblem>;
    /// Puts a message that was given up back among those to be sent.
    async fn requeue(&self, id: &str, now: Timestamp) -> Result<Requeued, StoreProblem>;
    /// Joins a fact that no webhook brought.
    async fn note(&self, id: &str, entry: Entry) -> Result<(), StoreProblem>;
    /// When the next message is due that one of these shares allows.
    async fn next_due(&self, shares: &[Share]) -> Result<Option<Timestamp>, StoreProblem>;
    /// What holds those agents of which the last event says that they are held.
    async fn held_agents(&self) -> Result<BTreeMap<String, AgentHold>, StoreProblem>;
    /// Tells what the rows of each agent go by, also of agents of earlier configurations. The `key` of an agent that is given is its
    /// name in the configuration: where an earlier version kept rows under it, they go on to be that agent's. All others go by the
    /// platform's id.
    async fn register_agents(
        &self,
        agents: Vec<AgentIdentity>,
    ) -> Result<Vec<AgentIdentity>, StoreProblem>;
    /// One message.
    async fn message(&self, id: &str) -> Result<Option<StoredMessage>, StoreProblem>;
    /// Messages, newest first unless the filter says otherwise.
    async fn find(&self, filter: &Filter) -> Result<Vec<StoredMessage>, StoreProblem>;
    /// Events after a place, oldest first.
    async fn read(
        &self,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<StoredEvent>, StoreProblem>;
    /// Tries whether it can be written, and counts what waits.
    async fn health(&self) -> Result<Health, StoreProblem>;
    /// Keeps the name of a file that the platform has.
    async fn keep_upload(&self, upload: Upload) -> Result<(), StoreProblem>;
    /// An agent's files that the platform still has, newest first.
    async fn uploads(&self, agent: &str, now: Timestamp) -> Result<Vec<Upload>, StoreProblem>;
    /// Counts a person among an agent's testers, unless it has as many as it may. Somebody who is counted is not counted again.
    async fn count_tester(
        &self,
        tester: NewTester,
        quota: TesterQuota,
    ) -> Result<Counted, StoreProblem>;
    /// Notes how somebody who is counted has answered. None if the platform did not take the invitation: then it counts for
    /// nothing.
    async fn settle_tester(
        &self,
        agent: &str,
        phone: &str,
        answer: Option<String>,
    ) -> Result<(), StoreProblem>;
    /// An agent's testers, newest first.
    async fn testers(&self, agent: &str) -> Result<Vec<StoredTester>, StoreProblem>;
    /// Removes some of what is too old, and says whether there is more. A message that may yet be sent stays, whatever its age.
    async fn prune(&self, now: Timestamp, retention: &Retention) -> Result<Pruned, StoreProblem>;
    /// Removes all that is kept about a person, also what is still to be sent, so that not even its bytes stay. That an event
    /// is known stays, so that none comes back. A problem may come when a part is done: it is to be asked for again.
    async fn erase(&self, phone: &str) -> Result<Erased, StoreProblem>;
}

/// Why a store did not do it. Nothing was done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store: {0}")]
pub struct StoreProblem(pub String);

/// An agent, whatever it is called in a configuration.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AgentIdentity {
    /// What its rows go by.
    pub key: String,
    /// What the platform calls it.
    pub platform_id: String,
}

impl AgentIdentity {
    /// As it is kept. `goes_by_name`: rows of an earlier version do.
    #[must_use]
    pub fn with_key(self, goes_by_name: bool) -> Self {
        if goes_by_name {
            self
        } else {
            Self {
                key: self.platform_id.clone(),
                ..self
            }
        }
    }
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// What the agent's rows go by: [`AgentIdentity::key`].
    pub agent: String,
    /// As every attempt will send it.
    pub message: Message,
    /// Of what the caller wrote: tells the same again from another.
    pub body_hash: [u8; 32],
    /// When the gateway took it.
    pub at: Timestamp,
    /// It is not sent before.
    pub send_at: Option<Timestamp>,
    /// After this it is not sent any more.
    pub expires_at: Option<Timestamp>,
}

/// What became of a message that was to be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Accepted {
    /// It is new.
    New,
    /// It was there already.
    Same(State),
    /// Another one is there under this id.
    Conflict,
}

/// An event to be kept.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// What the agent's rows go by: [`AgentIdentity::key`].
    pub agent: String,
    /// When the gateway heard of it.
    pub received_at: Timestamp,
    /// What happened.
    pub content: EventContent,
    /// What it says of the person's consent. Only on its way in: the ledger has it afterwards.
    pub consent: Option<Consent>,
}

/// What became of an event that was to be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ingested {
    /// It is new, and stands here.
    New(Cursor),
    /// It is known.
    Duplicate,
}

/// A place among the events. Its text is one word of letters and digits.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Cursor(pub u64);

impl Cursor {
    /// None for what no cursor looks like.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('e')?;
        let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty();
        canonical.then(|| digits.parse().ok()).flatten().map(Self)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "e{}", self.0)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format_args!("{text:?} is no cursor, such as e17")))
    }
}

/// What a claim brought.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// What may be sent now.
    pub lent: Vec<Claimed>,
    /// What became known of each message that may not, because the person has opted out.
    pub ended: Vec<Fact>,
}

/// What keeps agents from sending, by the agent's key.
pub type Holds = BTreeMap<String, Hold>;

/// What keeps an agent from sending.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hold {
    /// For programs.
    pub reason: ReasonCode,
    /// In a sentence.
    pub detail: String,
}

/// A message that is lent out for one attempt.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// What the agent's rows go by: [`AgentIdentity::key`].
    pub agent: String,
    /// What to send.
    pub message: Message,
    /// Counted from 1; what settles it must name it.
    pub attempt: u32,
    /// Which kind of attempt it is.
    pub stage: Stage,
    /// After this it is not sent any more.
    pub ends_at: Timestamp,
    /// What is known.
    pub facts: Facts,
}

/// How an attempt ended.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// What is known now.
    pub entry: Option<Entry>,
    /// When to try again, unless somebody wants the message back meanwhile; none if there is nothing more to try.
    pub retry_at: Option<Timestamp>,
    /// What the platform answered, for the event that tells of an end.
    pub answer: Option<PlatformAnswer>,
    /// Whether an event tells that the platform has accepted it.
    pub accepted_events: bool,
}

/// How far a message that somebody wants back has got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Withdrawn {
    /// Not to the platform, so it is revoked now.
    Unsent,
    /// The last attempt is under way: come again when it has ended.
    Underway,
    /// The platform has it, or may have it: only the platform can take it back.
    Submitted,
    /// Its fate was known already.
    Settled(State),
}

/// What became of a message that somebody wants to be tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Requeued {
    /// It is tried again.
    Queued,
    /// It was not given up.
    NotFailed(State),
    /// Somebody wanted it back.
    WantedBack,
    /// It is not worth sending any more.
    RunOut,
}

/// One line of a message's history.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Entry {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
    /// Counted from 1, for what an attempt brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Why, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// Why, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Entry {
    /// What was heard of a message, and nothing more.
    pub fn new(at: Timestamp, fact: Fact) -> Self {
        Self {
            at,
            fact,
            attempt: None,
            reason: None,
            detail: None,
        }
    }
}

/// A message and all that is known of it.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// What the agent's rows go by: [`AgentIdentity::key`].
    pub agent: String,
    /// As every attempt sends it.
    pub message: Message,
    /// Of what the caller wrote.
    pub body_hash: [u8; 32],
    /// When the gateway took it.
    pub accepted_at: Timestamp,
    /// What is known.
    pub facts: Facts,
    /// What happened, as it was heard of: of a long history the first entries and the last ones, and the first of each fact.
    pub history: Vec<Entry>,
    /// How many entries were left out.
    pub history_omitted: u32,
    /// It is not sent before.
    pub send_at: Option<Timestamp>,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
}

impl StoredMessage {
    /// Why it failed; none if it did not.
    pub fn failure(&self) -> Option<&Entry> {
        let mut latest_first = self.history.iter().rev();
        latest_first.find(|entry| entry.fact == Fact::Failed)
    }

    /// What becomes of a wish to try it again.
    pub fn requeued(&self, now: Timestamp) -> Requeued {
        let state = self.facts.state();
        if state != State::Failed {
            Requeued::NotFailed(state)
        } else if self.facts.has(Fact::RevokeRequested) {
            Requeued::WantedBack
        } else if self.expires_at().is_some_and(|at| at <= now) {
            Requeued::RunOut
        } else {
            Requeued::Queued
        }
    }

    /// Its own expiry, which is a time from when it was accepted on.
    fn expires_at(&self) -> Option<Timestamp> {
        match &self.message.expiry {
            Some(Expiry::At(text)) => text.parse().ok(),
            _ => None,
        }
    }
}

/// Which messages.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// What the agent's rows go by: [`AgentIdentity::key`].
    pub agent: Option<String>,
    /// The recipient.
    pub recipient: Option<String>,
    /// Where they are.
    pub state: Option<State>,
    /// Only those that come after this one.
    pub after: Option<String>,
    /// Oldest first, and not newest first.
    pub oldest_first: bool,
    /// How many at most.
    pub most: usize,
}

impl Filter {
    /// Whether it is one of these; its place is another matter.
    pub fn takes(&self, stored: &StoredMessage) -> bool {
        self.agent
            .as_ref()
            .is_none_or(|agent| *agent == stored.agent)
            && self
                .recipient
                .as_ref()
                .is_none_or(|recipient| *recipient == stored.message.recipient)
            && self.state.is_none_or(|state| state == stored.facts.state())
    }
}

/// An event and its place.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// Where it stands.
    pub cursor: Cursor,
    /// What it is.
    pub event: NewEvent,
}

/// How much waits in a store that can be written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Health {
    /// Messages that are to be sent, by the agent's key, also of one that it no longer has.
    pub waiting: BTreeMap<String, u64>,
    /// When the next of them is due.
    pub oldest_due: Option<Timestamp>,
    /// Requests that were put aside.
    pub quarantined: u64,
}

/// A file that the platform keeps.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Upload {
    /// The key of the agent whose it is.
    pub agent: String,
    /// What a message says to show it.
    pub name: String,
    /// What it is: an address, or a type.
    pub what: String,
    /// When the gateway gave it to the platform.
    pub at: Timestamp,
    /// Until when the platform has it, if that is known.
    pub expires_at: Option<Timestamp>,
}

//! What the platform and its phones do, as one function without I/O: [`Platform::apply`] takes a command and the time, and gives
//! the command's own answer and what webhooks are to be told. The same commands at the same times with the same seed do the same.
//!
//! Whatever is due happens before a command does, at the time at which it was due, so that it makes no difference when somebody
//! looks.

pub(crate) mod business;
mod capability;
mod classification;
mod country;
mod delivery;
mod files;
pub mod launch;
mod listing;
mod notice;
mod person;
mod quota;
mod reach;
mod revoke;
mod schedule;
mod signal;
mod state;
mod submit;
pub mod testers;

use crate::entries;
use crate::fidelity::{Basis, Behaviour};
use crate::length;
use crate::phone::{Act, Habit, Phone};
use business::{Business, Pending, Rewiring};
pub use capability::AskCapabilities;
use files::Files;
pub use files::{AdoptFile, KeepFile};
pub use launch::{Agent, Launch, LaunchState, LaunchStep, SetLaunch, UseCase};
pub use listing::{ListPhone, UnlistPhone};
pub use person::{Do, PhoneProblem};
use quota::Quota;
pub use reach::AskReach;
pub use revoke::{Revoke, RevokeReading, Revoked};
use schedule::{Key, Schedule};
pub use signal::Signal;
pub(crate) use state::{COUNT_MAX, Flaw};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
pub use submit::{NotSent, Submit, Submitted};
pub use testers::Invite;
use testers::{Invitation, Testers};

use jiff::{SignedDuration, Timestamp};
use rbm_wire::callback::Notice;
use rbm_wire::message::{AgentEvent, AgentMessage, ContentMessage};
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Something that is done to the platform.
pub trait Command {
    /// What the one who does it is told.
    type Answer;

    /// Does it. Only [`Platform::apply`] calls it.
    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer;
}

/// Something that a webhook is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// By whose webhook.
    pub agent: AgentId,
    /// What.
    pub notice: Notice,
}

/// Where Google's pages leave something open, or disagree.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// From acceptance to delivery, on phones that have no latency of their own.
    #[serde(with = "length::signed")]
    pub delivery: SignedDuration,
    /// How long a message waits for a phone that is offline: 30 days by one page, 31 by another.
    #[serde(with = "length::signed")]
    pub queued_for: SignedDuration,
    /// What taking a message back is answered.
    pub revoke: RevokeReading,
    /// What an agent that is launched nowhere is answered when it asks about somebody who is no tester.
    pub unlaunched_capabilities: Unlaunched,
    /// Messages that an agent may send in any second. No page has a number.
    pub sends_per_second_max: Option<u32>,
    /// From the answer of the management API to the effect of what was changed. No page has a number.
    #[serde(with = "length::signed")]
    pub propagation: SignedDuration,
    /// Characters of an agent's name: 40 by the reference, 100 by clients of 2025.
    pub agent_name_length_max: usize,
    /// What people do whose phones nobody has listed.
    pub habits: Vec<Habit>,
}

/// What an agent that is launched nowhere is answered about somebody who is no tester.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unlaunched {
    /// 404, by the newer pages.
    NotFound,
    /// 403, by the older ones.
    PermissionDenied,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            delivery: SignedDuration::from_millis(200),
            queued_for: SignedDuration::from_hours(30 * 24),
            revoke: RevokeReading::Current,
            unlaunched_capabilities: Unlaunched::NotFound,
            sends_per_second_max: None,
            propagation: SignedDuration::from_secs(5),
            agent_name_length_max: 40,
            habits: vec![Habit::reads()],
        }
    }
}

impl Rules {
    /// A phone that nobody has listed.
    fn stranger(&self, number: &PhoneNumber) -> Phone {
        Phone {
            habits: self.habits.clone(),
            ..Phone::quiet(number.clone())
        }
    }
}

/// The platform: its agents, its phones, and everything that is still to happen. As JSON it is the heart of the emulator's
/// state; one that was read does as the one that was written would have done, if its parts fit together.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    rules: Rules,
    #[serde(with = "entries")]
    agents: BTreeMap<AgentId, AgentState>,
    #[serde(with = "entries")]
    phones: HashMap<PhoneNumber, PhoneState>,
    files: Files,
    business: Business,
    #[serde(serialize_with = "state::without_webhooks")]
    schedule: Schedule<Step>,
    /// None between two commands.
    #[serde(skip)]
    effects: Vec<Effect>,
    #[serde(skip)]
    rewirings: Vec<Rewiring>,
    /// The time of the last command. In the emulator's state it is the clock's.
    #[serde(skip)]
    now: Timestamp,
    seed: Uuid,
    /// Names so far.
    named: u64,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AgentState {
    agent: Agent,
    /// Messages and events of an agent share one space of ids. (reference/rest/v1/phones.agentMessages/create)
    #[serde(with = "entries")]
    ids: HashMap<MessageId, Known>,
    /// Ids of which nothing else is kept.
    #[serde(serialize_with = "state::in_order")]
    past: HashSet<Uuid>,
    sent: VecDeque<Timestamp>,
    testers: Testers,
    questions: Quota,
}

/// What an id stands for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Known {
    Message(Box<Stored>),
    Event,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    phone: PhoneNumber,
    message: AgentMessage,
    state: State,
    /// What is to happen to it while it is queued.
    timers: Vec<Key>,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted, and waiting for the phone.
    Queued,
    /// On the phone.
    Delivered,
    /// Seen.
    Read,
    /// Ran out before it was delivered.
    Expired,
    /// Taken back before it was delivered.
    Revoked,
    /// Waited too long for a phone that was offline.
    Dropped,
}

impl State {
    /// As phones are shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Dropped => "dropped",
        }
    }
}

/// A phone and what is on it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PhoneState {
    phone: Phone,
    /// When it was last connected, if it is not now.
    seen_at: Option<Timestamp>,
    /// The messages of all agents, in order of acceptance, also those that are not on it yet.
    messages: VecDeque<(AgentId, MessageId)>,
    waiting: BTreeSet<(AgentId, MessageId)>,
    /// What was read while it was offline, and not yet told.
    unsent_receipts: Vec<(AgentId, MessageId)>,
    said: VecDeque<Said>,
    signals: VecDeque<AgentEvent>,
    /// Signals that wait for it.
    waiting_signals: Vec<(Timestamp, AgentEvent)>,
    /// Until when it shows that an agent types.
    #[serde(with = "entries")]
    typing_until: BTreeMap<AgentId, Timestamp>,
    /// Whether somebody said what it is like.
    listed: bool,
    /// What is left of its script.
    script: Vec<Key>,
}

/// What a person said.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// To whom.
    pub agent: AgentId,
    /// What the webhook was told.
    pub notice: Notice,
    /// Whether the agent has said that it read this.
    pub read: bool,
}

/// What a phone shows of one message.
#[derive(Debug)]
pub struct Shown<'a> {
    /// Whose.
    pub agent: &'a AgentId,
    /// Its id.
    pub id: &'a MessageId,
    /// Where it is.
    pub state: State,
    /// What it says.
    pub content: &'a ContentMessage,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Deliver(AgentId, MessageId),
    Expire(AgentId, MessageId),
    GiveUp(AgentId, MessageId),
    Habit(AgentId, MessageId, Act),
    Script(PhoneNumber, Act),
    Launch(Box<SetLaunch>),
    TakeEffect(Box<Pending>),
}

/// Lets time pass, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Pass;

impl Command for Pass {
    type Answer = ();

    fn run(self, _: &mut Platform, _: Timestamp) {}
}

impl Platform {
    /// Nothing has been sent yet.
    pub fn new(
        agents: Vec<Agent>,
        phones: Vec<Phone>,
        rules: Rules,
        seed: Uuid,
        now: Timestamp,
    ) -> Self {
        let mut platform = Self {
            rules,
            agents: BTreeMap::new(),
            phones: HashMap::new(),
            files: Files::default(),
            business: Business::adopting(&seed, &agents),
            schedule: Schedule::default(),
            effects: Vec::new(),
            rewirings: Vec::new(),
            now,
            seed,
            named: 0,
        };
        for agent in agents {
            platform.plan_launches(now, &agent);
            platform
                .agents
                .insert(agent.id.clone(), AgentState::new(agent));
        }
        phones
            .into_iter()
            .for_each(|phone| platform.list(now, phone));
        platform
    }

    /// Does what is due, then the command. A clock that goes back is not followed.
    pub fn apply<C: Command>(&mut self, now: Timestamp, command: C) -> (C::Answer, Vec<Effect>) {
        let now = now.max(self.now);
        while let Some((due, step)) = self.schedule.take_due(now) {
            self.now = due.max(self.now);
            self.step(self.now, step);
        }
        self.now = now;
        let answer = command.run(self, now);
        (answer, std::mem::take(&mut self.effects))
    }

    /// When something happens next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.schedule.next_due()
    }

    /// How many deliveries and acts of people are planned, and when the first of them is due. Not that a message runs out.
    pub fn under_way(&self) -> Option<(usize, Timestamp)> {
        let moves = |step: &Step| matches!(step, Step::Deliver(..) | Step::Habit(..));
        let mut moving = self.schedule.planned().filter(|(_, step)| moves(step));
        let (first, _) = moving.next()?;
        Some((1 + moving.count(), first))
    }

    /// Whether there is this agent.
    pub fn knows(&self, agent: &AgentId) -> bool {
        self.agents.contains_key(agent)
    }

    /// A phone as it is now.
    pub fn phone(&self, number: &PhoneNumber) -> Cow<'_, Phone> {
        let listed = self
            .phones
            .get(number)
            .map(|state| Cow::Borrowed(&state.phone));
        listed.unwrap_or_else(|| Cow::Owned(self.rules.stranger(number)))
    }

    /// What a phone has been sent, in order; of messages that have come to their end only the last thousand.
    pub fn shown<'a>(
        &'a self,
        number: &PhoneNumber,
    ) -> impl DoubleEndedIterator<Item = Shown<'a>> + use<'a> {
        let messages = self
            .phones
            .get(number)
            .into_iter()
            .flat_map(|state| &state.messages);
        messages.filter_map(|(agent, id)| {
            let stored = self.stored_in(agent, id)?;
            Some(Shown {
                agent,
                id,
                state: stored.state,
                content: &stored.message.content_message,
            })
        })
    }

    /// What its person said, in order: the last thousand.
    pub fn said(&self, number: &PhoneNumber) -> impl Iterator<Item = &Said> {
        self.phones
            .get(number)
            .into_iter()
            .flat_map(|state| &state.said)
    }

    /// The events that a phone has been shown, in order: the last thousand.
    pub fn signals(&self, number: &PhoneNumber) -> impl Iterator<Item = &AgentEvent> {
        self.phones
            .get(number)
            .into_iter()
            .flat_map(|state| &state.signals)
    }

    /// The carriers of the phones that are listed.
    pub(crate) fn carriers(&self) -> BTreeSet<&str> {
        self.phones
            .values()
            .map(|state| state.phone.carrier.as_str())
            .collect()
    }

    /// Says which agents there are.
    pub fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.agents.keys()
    }

    /// Whether a phone shows that an agent types.
    pub fn is_typing(&self, number: &PhoneNumber, agent: &AgentId, now: Timestamp) -> bool {
        self.phones
            .get(number)
            .and_then(|state| state.typing_until.get(agent))
            .is_some_and(|until| *until > now)
    }

    /// How a person has answered the invitation to be a tester of an agent, if there is one.
    pub fn invitation(&self, agent: &AgentId, number: &PhoneNumber) -> Option<Invitation> {
        self.agents.get(agent)?.testers.of(number)
    }

    fn step(&mut self, now: Timestamp, step: Step) {
        match step {
            Step::Deliver(agent, id) => self.deliver(now, &agent, &id),
            Step::Expire(agent, id) => self.expire(now, &agent, &id),
            Step::GiveUp(agent, id) => self.give_up(&agent, &id),
            Step::Habit(agent, id, act) => self.follow_habit(now, &agent, &id, act),
            Step::Script(phone, act) => self.follow_script(now, phone, act),
            Step::Launch(change) => {
                change.run(self, now);
            }
            Step::TakeEffect(pending) => self.take_effect(*pending),
        }
    }

    fn phone_state(&mut self, number: &PhoneNumber) -> &mut PhoneState {
        let (now, rules) = (self.now, &self.rules);
        self.phones
            .entry(number.clone())
            .or_insert_with(|| PhoneState::new(rules.stranger(number), now))
    }

    fn stored_in(&self, agent: &AgentId, id: &MessageId) -> Option<&Stored> {
        match self.agents.get(agent)?.ids.get(id)? {
            Known::Message(stored) => Some(stored),
            Known::Event => None,
        }
    }

    fn stored(&mut self, agent: &AgentId, id: &MessageId) -> Option<&mut Stored> {
        match self.agents.get_mut(agent)?.ids.get_mut(id)? {
            Known::Message(stored) => Some(stored),
            Known::Event => None,
        }
    }

    /// The queue has no part in it any longer.
    fn leave_queue(&mut self, agent: &AgentId, id: &MessageId, state: State) {
        let Some(stored) = self.stored(agent, id) else {
            return;
        };
        stored.state = state;
        let (timers, number) = (std::mem::take(&mut stored.timers), stored.phone.clone());
        timers
            .into_iter()
            .for_each(|timer| self.schedule.cancel(timer));
        self.phone_state(&number)
            .waiting
            .remove(&(agent.clone(), id.clone()));
        self.forget_the_oldest(&number);
    }

    /// What a phone shows is bounded; that an id was used is never forgotten.
    fn forget_the_oldest(&mut self, number: &PhoneNumber) {
        while self.phone_state(number).messages.len() > KEPT_PER_PHONE {
            let Some((agent, id)) = self.phone_state(number).messages.front().cloned() else {
                return;
            };
            if self
                .stored_in(&agent, &id)
                .is_some_and(|stored| stored.state == State::Queued)
            {
                return;
            }
            self.phone_state(number).messages.pop_front();
            let hash = self.hash(&id);
            if let Some(state) = self.agents.get_mut(&agent) {
                state.ids.remove(&id);
                state.past.insert(hash);
            }
        }
    }

    fn hash(&self, id: &MessageId) -> Uuid {
        Uuid::new_v5(&self.seed, id.as_str().as_bytes())
    }

    /// A new name, the same in each run with the same seed.
    fn name(&mut self) -> Uuid {
        self.named += 1;
        Uuid::new_v5(&self.seed, &self.named.to_be_bytes())
    }
}

impl AgentState {
    fn new(agent: Agent) -> Self {
        Self {
            agent,
            ids: HashMap::new(),
            past: HashSet::new(),
            sent: VecDeque::new(),
            testers: Testers::default(),
            questions: Quota::default(),
        }
    }
}

impl PhoneState {
    fn new(phone: Phone, now: Timestamp) -> Self {
        // One that is offline from the start was there until then.
        let seen_at = (!phone.online).then_some(now);
        Self {
            phone,
            seen_at,
            messages: VecDeque::new(),
            waiting: BTreeSet::new(),
            unsent_receipts: Vec::new(),
            said: VecDeque::new(),
            signals: VecDeque::new(),
            waiting_signals: Vec::new(),
            typing_until: BTreeMap::new(),
            listed: false,
            script: Vec::new(),
        }
    }
}

/// Adds one, and lets the oldest go where there are too many.
fn push_bounded<T>(list: &mut VecDeque<T>, item: T) {
    if list.len() == KEPT_PER_PHONE {
        list.pop_front();
    }
    list.push_back(item);
}

const KEPT_PER_PHONE: usize = 1_000;

const OWN: &[&Behaviour] = &[
    &Behaviour {
        id: "unlisted-phone",
        what: "A number that nobody has listed is a phone that is online and has RCS, and whose person reads each message half a \
               second after it came",
        basis: Basis::Assumed,
        source: "ours, so that any number can be tried",
        switch: Some("habits"),
        test: "a_number_that_nobody_listed_is_a_phone_that_reads",
    },
    &Behaviour {
        id: "ids-per-agent",
        what: "Ids are an agent's own: two agents may use the same, and one agent may not for two phones",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones.agentMessages/create",
        switch: None,
        test: "each_agent_has_ids_of_its_own",
    },
    &Behaviour {
        id: "kept-per-phone",
        what: "A phone shows its last 1,000 messages. Of older ones only the id is known: it is answered 409",
        basis: Basis::Assumed,
        source: "ours, so that memory has an end",
        switch: None,
        test: "an_id_is_remembered_when_nothing_else_of_its_message_is",
    },
    &Behaviour {
        id: "seed",
        what: "The ids of events and of people's messages follow from the seed and from what was done, in which order",
        basis: Basis::Assumed,
        source: "ours, so that a run can be repeated: Google's are random",
        switch: Some("seed"),
        test: "a_message_is_delivered_read_and_answered_in_that_order",
    },
];

/// What is said of all that is decided here.
pub(crate) const BEHAVIOURS: &[&[&Behaviour]] = &[
    OWN,
    capability::BEHAVIOURS,
    classification::BEHAVIOURS,
    delivery::BEHAVIOURS,
    files::BEHAVIOURS,
    launch::BEHAVIOURS,
    listing::BEHAVIOURS,
    person::BEHAVIOURS,
    reach::BEHAVIOURS,
    revoke::BEHAVIOURS,
    submit::BEHAVIOURS,
    signal::BEHAVIOURS,
    testers::BEHAVIOURS,
];

#[cfg(test)]
mod tests;

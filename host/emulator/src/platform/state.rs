//! The platform as JSON, and read again: what it knows, what is still to happen, and how far its counters are. So the one that is
//! read does what the one that was written would have done, with the same ids.
//!
//! Whoever wrote it may have written anything: what does not fit together is found before anything is done with it.

use super::business::Pending;
use super::schedule::{Key, Schedule};
use super::{KEPT_PER_PHONE, Known, PhoneState, Platform, State, Step, Stored};
use crate::check;
use jiff::Timestamp;
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};
use serde::{Serialize, Serializer};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use uuid::Uuid;

/// Something that does not fit together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Flaw {
    /// Where: `platform.phones.+15550100001.waiting`
    pub(crate) place: String,
    /// What is wrong there.
    pub(crate) rule: String,
}

/// A set as a list, always in the same order.
pub(super) fn in_order<S: Serializer>(
    past: &HashSet<Uuid>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    past.iter().collect::<BTreeSet<_>>().serialize(serializer)
}

impl Platform {
    /// What ids and draws follow from.
    pub(crate) fn seed(&self) -> Uuid {
        self.seed
    }

    /// The time of the last command.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// One that was read, at the time at which it was written.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    /// Everything that does not fit together. There is nothing unless somebody else has written it.
    pub(crate) fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Flaws(Vec::new());
        self.check_counters(&mut flaws);
        self.check_agents(&mut flaws);
        self.check_phones(&mut flaws);
        self.check_schedule(&mut flaws);
        self.check_business(&mut flaws);
        flaws.0
    }

    fn check_counters(&self, flaws: &mut Flaws) {
        for (place, count) in [
            ("named", self.named),
            ("schedule.count", self.schedule.count()),
        ] {
            if count > COUNT_MAX {
                flaws.add(
                    place,
                    format_args!("it is {count}, and at most {COUNT_MAX}"),
                );
            }
        }
    }

    fn check_agents(&self, flaws: &mut Flaws) {
        let listed: BTreeSet<(&AgentId, &MessageId)> = self
            .phones
            .values()
            .flat_map(|state| &state.messages)
            .map(|(agent, id)| (agent, id))
            .collect();
        for (id, state) in &self.agents {
            let place = format!("agents.{}", id.bare());
            if state.agent.id != *id {
                flaws.add(
                    &format!("{place}.agent.id"),
                    format_args!("it is {:?}", state.agent.id.bare()),
                );
            }
            if let Some(late) = state
                .sent
                .iter()
                .chain(state.questions.times())
                .find(|time| **time > self.now)
            {
                flaws.add(
                    &place,
                    format_args!(
                        "{late} counts for a quota, and the clock is at {}",
                        self.now
                    ),
                );
            }
            for (message, stored) in messages(&state.ids) {
                let place = format!("{place}.ids.{}.message", message.as_str());
                self.check_message(&place, id, message, stored, flaws);
                if !listed.contains(&(id, message)) {
                    let rule = format_args!("it is not among the messages of {}", stored.phone);
                    flaws.add(&format!("{place}.phone"), rule);
                }
            }
        }
    }

    fn check_message(
        &self,
        place: &str,
        agent: &AgentId,
        id: &MessageId,
        stored: &Stored,
        flaws: &mut Flaws,
    ) {
        if stored.state != State::Queued && !stored.timers.is_empty() {
            flaws.add(
                &format!("{place}.timers"),
                format_args!("it is {}, and has timers", stored.state.as_str()),
            );
        }
        for key in &stored.timers {
            self.check_key(&format!("{place}.timers"), key, flaws);
            if self
                .schedule
                .at(key)
                .is_some_and(|step| step.of_queue() != Some((agent, id)))
            {
                flaws.add(
                    &format!("{place}.timers"),
                    format_args!("{}, {} is something else's", key.0, key.1),
                );
            }
        }
        for violation in check::stored(&stored.message.content_message) {
            flaws.add(
                &format!("{place}.message.{}", violation.field),
                format_args!("{}", violation.description),
            );
        }
    }

    fn check_phones(&self, flaws: &mut Flaws) {
        let mut numbers: Vec<&PhoneNumber> = self.phones.keys().collect();
        numbers.sort();
        for number in numbers {
            self.check_phone(
                &format!("phones.{number}"),
                number,
                &self.phones[number],
                flaws,
            );
        }
    }

    fn check_phone(
        &self,
        place: &str,
        number: &PhoneNumber,
        state: &PhoneState,
        flaws: &mut Flaws,
    ) {
        if state.phone.number != *number {
            flaws.add(
                &format!("{place}.phone.number"),
                format_args!("it is {}", state.phone.number),
            );
        }
        if state.phone.online && state.seen_at.is_some() {
            flaws.add(
                &format!("{place}.seen_at"),
                format_args!("it is online, so it is seen now"),
            );
        }
        let mut seen = BTreeSet::new();
        for (index, (agent, id)) in state.messages.iter().enumerate() {
            let place = format!("{place}.messages[{index}]");
            if self
                .stored_in(agent, id)
                .is_none_or(|stored| stored.phone != *number)
            {
                let rule = format_args!(
                    "agent {:?} has no message {:?} to it",
                    agent.bare(),
                    id.as_str()
                );
                flaws.add(&place, rule);
            }
            if !seen.insert((agent, id)) {
                flaws.add(
                    &place,
                    format_args!(
                        "message {:?} of {:?} is there twice",
                        id.as_str(),
                        agent.bare()
                    ),
                );
            }
        }
        let queued = |(agent, id): &&(AgentId, MessageId)| {
            self.stored_in(agent, id)
                .is_some_and(|it| it.state == State::Queued)
        };
        if !state
            .messages
            .iter()
            .filter(queued)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .eq(&state.waiting)
        {
            flaws.add(
                &format!("{place}.waiting"),
                format_args!("it is not what is queued for the phone"),
            );
        }
        for (name, count) in [("said", state.said.len()), ("signals", state.signals.len())] {
            if count > KEPT_PER_PHONE {
                flaws.add(
                    &format!("{place}.{name}"),
                    format_args!("there are {count}, and at most {KEPT_PER_PHONE}"),
                );
            }
        }
        let named = state
            .unsent_receipts
            .iter()
            .map(|(agent, _)| agent)
            .chain(state.typing_until.keys());
        for agent in named
            .chain(state.said.iter().map(|said| &said.agent))
            .filter(|agent| !self.knows(agent))
        {
            flaws.add(place, format_args!("there is no agent {:?}", agent.bare()));
        }
        state
            .script
            .iter()
            .for_each(|key| self.check_key(&format!("{place}.script"), key, flaws));
        let strange = |key: &&Key| {
            self.schedule
                .at(key)
                .is_some_and(|step| !matches!(step, Step::Script(phone, _) if phone == number))
        };
        for key in state.script.iter().filter(strange) {
            flaws.add(
                &format!("{place}.script"),
                format_args!("{}, {} is something else's", key.0, key.1),
            );
        }
    }

    fn check_business(&self, flaws: &mut Flaws) {
        for (id, managed) in &self.business.agents {
            let place = format!("business.agents.{}", id.bare());
            if !self.knows(id) {
                flaws.add(&place, format_args!("there is no agent {:?}", id.bare()));
            }
            if self.business.brand(managed.brand).is_err() {
                flaws.add(
                    &format!("{place}.brand"),
                    format_args!("there is no brand {}", managed.brand),
                );
            }
            let questionnaire = managed.questionnaire.as_ref();
            for (name, document) in [
                ("document", Some(&managed.document)),
                ("questionnaire", questionnaire),
            ] {
                if document.is_some_and(|document| !document.is_object()) {
                    flaws.add(&format!("{place}.{name}"), format_args!("it is no object"));
                }
            }
        }
        if !self.business.partner.document.is_object() {
            flaws.add("business.partner.document", format_args!("it is no object"));
        }
    }

    fn check_schedule(&self, flaws: &mut Flaws) {
        for (index, (key, step)) in self.schedule.entries().enumerate() {
            let place = format!("schedule.planned[{index}]");
            self.check_key(&place, key, flaws);
            if let Some((agent, id)) = step.of_queue()
                && self
                    .stored_in(agent, id)
                    .is_none_or(|stored| !stored.timers.contains(key))
            {
                let rule = format_args!(
                    "message {:?} of {:?} has no such timer",
                    id.as_str(),
                    agent.bare()
                );
                flaws.add(&place, rule);
            }
            match step {
                Step::Habit(agent, ..) if !self.knows(agent) => {
                    flaws.add(&place, format_args!("there is no agent {:?}", agent.bare()));
                }
                Step::Launch(change) if !self.knows(&change.agent) => {
                    flaws.add(
                        &place,
                        format_args!("there is no agent {:?}", change.agent.bare()),
                    );
                }
                Step::Script(phone, _)
                    if !self
                        .phones
                        .get(phone)
                        .is_some_and(|state| state.script.contains(key)) =>
                {
                    flaws.add(
                        &place,
                        format_args!("{phone} has no such step in its script"),
                    );
                }
                _ => {}
            }
        }
    }

    /// What is planned later gets a higher number, so none of those may be taken.
    fn check_key(&self, place: &str, key: &Key, flaws: &mut Flaws) {
        let count = self.schedule.count();
        if key.1 > count {
            flaws.add(
                place,
                format_args!("its number is {}, and schedule.count is {count}", key.1),
            );
        }
    }
}

impl Step {
    /// The message in the queue that it is about.
    fn of_queue(&self) -> Option<(&AgentId, &MessageId)> {
        match self {
            Self::Deliver(agent, id) | Self::Expire(agent, id) | Self::GiveUp(agent, id) => {
                Some((agent, id))
            }
            Self::Habit(..) | Self::Script(..) | Self::Launch(_) | Self::TakeEffect(_) => None,
        }
    }
}

/// What is planned, but for webhooks: whose they are and what signs for them is not in a state.
pub(super) fn without_webhooks<S: Serializer>(
    schedule: &Schedule<Step>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let is_webhook = |step: &Step| matches!(step, Step::TakeEffect(pending) if matches!(**pending, Pending::Rewire(_)));
    schedule
        .only(|step| !is_webhook(step))
        .serialize(serializer)
}

fn messages<'a>(
    ids: &'a HashMap<MessageId, Known>,
) -> impl Iterator<Item = (&'a MessageId, &'a Stored)> {
    let message = |(id, known): (&'a MessageId, &'a Known)| match known {
        Known::Message(stored) => Some((id, &**stored)),
        Known::Event => None,
    };
    let mut messages: Vec<(&MessageId, &Stored)> = ids.iter().filter_map(message).collect();
    messages.sort_by_key(|(id, _)| *id);
    messages.into_iter()
}

struct Flaws(Vec<Flaw>);

impl Flaws {
    fn add(&mut self, place: &str, rule: fmt::Arguments<'_>) {
        self.0.push(Flaw {
            place: format!("platform.{place}"),
            rule: rule.to_string(),
        });
    }
}

/// What every reader of JSON reads exactly: 2⁵³ − 1. (RFC 8259 §6)
pub(crate) const COUNT_MAX: u64 = (1 << 53) - 1;

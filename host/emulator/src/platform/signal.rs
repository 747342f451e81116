//! An agent shows that it types, or that it has read. (reference/rest/v1/phones.agentEvents)

use super::launch::Barrier;
use super::{Command, Known, NotSent, PhoneState, Platform, push_bounded};
use crate::fidelity::{Basis, Behaviour};
use jiff::{SignedDuration, Timestamp};
use rbm_wire::message::AgentEvent;
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};

/// An event for a phone, checked before.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Who sends.
    pub agent: AgentId,
    /// To whom.
    pub phone: PhoneNumber,
    /// The sender's id for it.
    pub id: MessageId,
    /// What.
    pub event: AgentEvent,
}

impl Command for Signal {
    /// Whether it is new; an id that was used before is ignored.
    type Answer = Result<bool, NotSent>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        match platform.barrier(&self.agent, &self.phone, now) {
            Some(Barrier::Unreachable) => return Err(NotSent::Unreachable),
            Some(Barrier::NotATester) => return Err(NotSent::NotATester),
            None => {}
        }
        let hash = platform.hash(&self.id);
        let Some(agent) = platform.agents.get_mut(&self.agent) else {
            return Ok(false);
        };
        if agent.past.contains(&hash) || agent.ids.contains_key(&self.id) {
            return Ok(false);
        }
        agent.ids.insert(self.id, Known::Event);
        let types = self.event.event_type.as_deref() == Some("IS_TYPING");
        let phone = platform.phone_state(&self.phone);
        match (phone.phone.online, types) {
            (true, true) => {
                phone.typing_until.insert(
                    self.agent,
                    now.saturating_add(TYPING_TIME).unwrap_or(Timestamp::MAX),
                );
                push_bounded(&mut phone.signals, self.event);
            }
            (true, false) => phone.show_read(self.event),
            // It is gone.
            (false, true) => {}
            (false, false) => phone.waiting_signals.push((now, self.event)),
        }
        Ok(true)
    }
}

impl PhoneState {
    /// What has waited is shown, unless it has waited too long.
    pub(super) fn show_waiting_signals(&mut self, now: Timestamp, queued_for: SignedDuration) {
        for (sent_at, event) in std::mem::take(&mut self.waiting_signals) {
            if now.duration_since(sent_at) < queued_for {
                self.show_read(event);
            }
        }
    }

    fn show_read(&mut self, event: AgentEvent) {
        let said = self
            .said
            .iter_mut()
            .find(|said| said.notice.message_id == event.message_id);
        if let Some(said) = said.filter(|said| said.notice.message_id.is_some()) {
            said.read = true;
        }
        push_bounded(&mut self.signals, event);
    }
}

/// guides/build/events/send-events: "around 20 seconds".
const TYPING_TIME: SignedDuration = SignedDuration::from_secs(20);

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "agent-types",
        what: "That an agent types is shown for 20 seconds or until its next message, and never waits for a phone",
        basis: Basis::Documented,
        source: "guides/build/events/send-events",
        switch: None,
        test: "an_agent_types_for_twenty_seconds",
    },
    &Behaviour {
        id: "agent-reads",
        what: "That an agent has read waits for a phone that is offline, as long as messages do",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones.agentEvents/create",
        switch: Some("queued_for"),
        test: "that_an_agent_has_read_waits_for_the_phone",
    },
    &Behaviour {
        id: "repeated-event-id",
        what: "An event with an id that was used before is answered as if it were new, and not shown",
        basis: Basis::Assumed,
        source: "reference/rest/v1/phones.agentEvents/create says that it is ignored, not what is answered",
        switch: None,
        test: "an_event_is_answered_with_its_name_and_time",
    },
    &Behaviour {
        id: "event-output",
        what: "The answer to an event has its name and its sendTime",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones.agentEvents",
        switch: None,
        test: "an_event_is_answered_with_its_name_and_time",
    },
];

//! What becomes of a message in the queue: delivered, run out, or given up.

use super::{Platform, State, Step};
use crate::fidelity::{Basis, Behaviour};
use crate::phone::{Expiry, Latency};
use jiff::{SignedDuration, Timestamp};
use rbm_wire::callback::EventType;
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};

impl Platform {
    pub(super) fn plan_delivery(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        id: &MessageId,
    ) {
        let fixed = Latency {
            least: self.rules.delivery,
            most: self.rules.delivery,
        };
        let latency = self.phone(number).latency.unwrap_or(fixed);
        let at = now
            .saturating_add(self.draw(latency))
            .unwrap_or(Timestamp::MAX);
        let timer = self
            .schedule
            .plan(at, Step::Deliver(agent.clone(), id.clone()));
        if let Some(stored) = self.stored(agent, id) {
            stored.timers.push(timer);
        }
    }

    /// Nothing if the phone has gone offline meanwhile; it is planned again when it comes back.
    pub(super) fn deliver(&mut self, now: Timestamp, agent: &AgentId, id: &MessageId) {
        let Some(stored) = self
            .stored(agent, id)
            .filter(|stored| stored.state == State::Queued)
        else {
            return;
        };
        let (number, content) = (stored.phone.clone(), stored.message.content_message.clone());
        let phone = self.phone(&number);
        if !phone.online || !phone.rcs {
            return;
        }
        let habits = phone.habits.clone();
        self.leave_queue(agent, id, State::Delivered);
        self.phone_state(&number).typing_until.remove(agent);
        self.tell_about(now, agent, &number, EventType::Delivered, id);
        for habit in habits
            .into_iter()
            .filter(|habit| habit.when.matches(agent, &content))
        {
            let mut at = now;
            for step in habit.steps {
                at = at.saturating_add(step.after).unwrap_or(Timestamp::MAX);
                self.schedule
                    .plan(at, Step::Habit(agent.clone(), id.clone(), step.act));
            }
        }
    }

    pub(super) fn expire(&mut self, now: Timestamp, agent: &AgentId, id: &MessageId) {
        let Some(stored) = self
            .stored(agent, id)
            .filter(|stored| stored.state == State::Queued)
        else {
            return;
        };
        let number = stored.phone.clone();
        let (event, gone) = match self.phone(&number).expiry {
            Expiry::Revoked => (Some(EventType::ExpirationRevoked), true),
            Expiry::RevokeFailed => (Some(EventType::ExpirationRevokeFailed), false),
            Expiry::Both => (Some(EventType::ExpirationRevoked), false),
            Expiry::Neither => (None, true),
        };
        if gone {
            self.leave_queue(agent, id, State::Expired);
        }
        if let Some(event) = event {
            self.tell_of_expiry(now, agent, &number, event, id);
        }
    }

    pub(super) fn give_up(&mut self, agent: &AgentId, id: &MessageId) {
        if self
            .stored(agent, id)
            .is_some_and(|stored| stored.state == State::Queued)
        {
            self.leave_queue(agent, id, State::Dropped);
        }
    }

    /// Something between the two, by the seed.
    fn draw(&mut self, Latency { least, most }: Latency) -> SignedDuration {
        let span = u128::try_from(most.as_millis() - least.as_millis()).unwrap_or_default();
        if span == 0 {
            return least;
        }
        let drawn = self.name().as_u128() % (span + 1);
        least + SignedDuration::from_millis(i64::try_from(drawn).unwrap_or(i64::MAX))
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "offline-queue",
        what: "A message for a phone that is offline waits for 30 days and is dropped then, of which nobody is told",
        basis: Basis::Documented,
        source: "guides/build/messages/send; guides/build/capabilities says 31 days; that nobody is told is assumed from \
                 silence",
        switch: Some("queued_for"),
        test: "a_message_waits_thirty_days_for_a_phone",
    },
    &Behaviour {
        id: "expiry",
        what: "A message that runs out before it is delivered is taken off the queue, and the webhook is told so",
        basis: Basis::Documented,
        source: "guides/build/messages/send, reference/rest/v1/ServerEvent",
        switch: Some("expiry"),
        test: "a_message_that_runs_out_ends_as_its_phone_says",
    },
    &Behaviour {
        id: "expiry-races",
        what: "By the phone's setting: the revoke fails and the message is delivered later; or it is told as revoked and \
               delivered all the same; or nothing is told and it is gone",
        basis: Basis::Documented,
        source: "guides/build/events/receive-events (very rarely both, or neither)",
        switch: Some("expiry"),
        test: "a_message_that_runs_out_ends_as_its_phone_says",
    },
    &Behaviour {
        id: "delivered-once",
        what: "DELIVERED of one message has one event id, however often it arrives",
        basis: Basis::Assumed,
        source: "reference/rest/v1/UserEvent: the id is the event's, and deliveries may be repeated",
        switch: None,
        test: "a_message_is_delivered_read_and_answered_in_that_order",
    },
    &Behaviour {
        id: "delivery-latency",
        what: "An accepted message is on a phone that is online 200 ms later, unless the phone has a latency of its own",
        basis: Basis::Assumed,
        source: "ours: no page has a number",
        switch: Some("delivery"),
        test: "a_message_takes_as_long_as_the_rules_or_its_phone_say",
    },
    &Behaviour {
        id: "rcs-off-later",
        what: "A message that was accepted waits while RCS is off, and is delivered when it is on again",
        basis: Basis::Assumed,
        source: "guides/build/messages/send knows phones that are offline only",
        switch: None,
        test: "what_waits_is_delivered_when_rcs_is_on_again",
    },
];

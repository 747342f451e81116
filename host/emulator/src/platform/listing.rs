//! Somebody says what a phone is like, and what its person does by itself. What is on it stays.

use super::{Command, Do, PhoneState, Platform, Step};
use crate::fidelity::{Basis, Behaviour};
use crate::phone::{Act, Phone};
use jiff::Timestamp;
use rbm_wire::name::PhoneNumber;

/// A phone is like this from now on, and its script begins.
#[derive(Clone, Debug)]
pub struct ListPhone(pub Phone);

/// A phone is one again that nobody has listed.
#[derive(Clone, Debug)]
pub struct UnlistPhone(pub PhoneNumber);

impl Command for ListPhone {
    type Answer = ();

    fn run(self, platform: &mut Platform, now: Timestamp) {
        platform.list(now, self.0);
    }
}

impl Command for UnlistPhone {
    /// False if it is not listed.
    type Answer = bool;

    fn run(self, platform: &mut Platform, now: Timestamp) -> bool {
        let listed = platform
            .phones
            .get(&self.0)
            .is_some_and(|state| state.listed);
        if listed {
            let stranger = platform.rules.stranger(&self.0);
            platform.list(now, stranger);
            platform.phone_state(&self.0).listed = false;
        }
        listed
    }
}

impl Platform {
    /// The phones that somebody has listed, in order.
    pub fn listed(&self) -> impl Iterator<Item = &Phone> {
        let mut phones: Vec<&Phone> = self
            .phones
            .values()
            .filter(|state| state.listed)
            .map(|state| &state.phone)
            .collect();
        phones.sort_by(|one, other| one.number.cmp(&other.number));
        phones.into_iter()
    }

    /// What waits for it moves if it is there now and was not before. What was begun by habit goes on.
    pub(super) fn list(&mut self, now: Timestamp, phone: Phone) {
        let (number, online, rcs) = (phone.number.clone(), phone.online, phone.rcs);
        let known = self.phones.contains_key(&number);
        let state = self
            .phones
            .entry(number.clone())
            .or_insert_with(|| PhoneState::new(phone.clone(), now));
        let before = (state.phone.online, state.phone.rcs);
        state.phone = Phone {
            online: before.0,
            rcs: before.1,
            ..phone
        };
        state.listed = true;
        let (begun, script) = (
            std::mem::take(&mut state.script),
            state.phone.script.clone(),
        );
        let testers = state.phone.tester_of.clone();
        begun.into_iter().for_each(|key| self.schedule.cancel(key));
        for (agent, answer) in testers {
            if let Some(agent) = self.agents.get_mut(&agent) {
                agent.testers.admit(now, &number, answer);
            }
        }
        if known {
            self.set_rcs(now, &number, rcs);
            self.set_online(now, &number, online);
        }
        let mut at = now;
        for step in script {
            at = at.saturating_add(step.after).unwrap_or(Timestamp::MAX);
            let key = self
                .schedule
                .plan(at, Step::Script(number.clone(), step.act));
            self.phone_state(&number).script.push(key);
        }
    }

    /// What cannot be done is left: nobody is there who could be told.
    pub(super) fn follow_script(&mut self, now: Timestamp, phone: PhoneNumber, act: Act) {
        let _ = Do {
            phone,
            agent: None,
            act,
        }
        .run(self, now);
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "habits-and-scripts",
        what: "People do what their habits say after each message, and what their scripts say once; what a phone cannot do then \
               is left out",
        basis: Basis::Assumed,
        source: "ours, so that a test needs nobody who taps",
        switch: Some("habits"),
        test: "a_habit_is_for_some_messages_and_its_steps_follow_each_other",
    },
    &Behaviour {
        id: "listed-again",
        what: "A phone that is listed again keeps what is on it and what waits for it; its script begins anew, and messages that \
               wait come if it is there now",
        basis: Basis::Assumed,
        source: "ours: Google has no such thing",
        switch: None,
        test: "a_phone_that_is_listed_again_keeps_what_is_on_it",
    },
];

//! The people that the agent has invited, and how many it may.

use super::{Command, Platform};
use crate::entries;
use crate::fidelity::{Basis, Behaviour};
use jiff::{SignedDuration, Timestamp};
use rbm_wire::name::{AgentId, PhoneNumber};
use rbm_wire::tester::{PER_DAY_MAX, TOTAL_MAX};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// How a person has answered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Invitation {
    /// Not yet.
    Pending,
    /// The person may receive.
    Accepted,
    /// The person does not want to.
    Declined,
}

impl Invitation {
    /// As Google spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Accepted => "ACCEPTED",
            Self::Declined => "DECLINED",
        }
    }
}

/// An agent invites a person.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Who invites.
    pub agent: AgentId,
    /// Whom.
    pub phone: PhoneNumber,
}

/// Why nobody was invited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotInvited {
    /// The phone has no RCS.
    Unreachable,
    /// The agent has invited as many as it may.
    TooMany,
}

impl Command for Invite {
    type Answer = Result<Invitation, NotInvited>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        // Testers are there for agents that are not launched, so only what the phone can do counts.
        if !platform.phone(&self.phone).rcs {
            return Err(NotInvited::Unreachable);
        }
        let state = platform
            .agents
            .get_mut(&self.agent)
            .ok_or(NotInvited::Unreachable)?;
        state
            .testers
            .invite(now, &self.phone)
            .ok_or(NotInvited::TooMany)
    }
}

/// A person is no tester of an agent any more.
#[derive(Clone, Debug)]
pub(crate) struct Dismiss {
    /// Whose.
    pub(crate) agent: AgentId,
    /// Who.
    pub(crate) phone: PhoneNumber,
}

impl Command for Dismiss {
    /// False if there is no such tester.
    type Answer = bool;

    fn run(self, platform: &mut Platform, _: Timestamp) -> bool {
        platform
            .agents
            .get_mut(&self.agent)
            .is_some_and(|state| state.testers.remove(&self.phone))
    }
}

impl Platform {
    /// The testers of an agent, by their numbers.
    pub(crate) fn testers(&self, agent: &AgentId) -> BTreeMap<&PhoneNumber, Invitation> {
        let testers = self
            .agents
            .get(agent)
            .into_iter()
            .flat_map(|state| &state.testers.0);
        testers
            .map(|(phone, tester)| (phone, tester.answer))
            .collect()
    }
}

/// Everybody who was ever invited.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Testers(#[serde(with = "entries")] HashMap<PhoneNumber, Tester>);

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Tester {
    invited_at: Timestamp,
    answer: Invitation,
}

impl Testers {
    /// None if the agent has invited as many as it may. That a second invitation of a person counts for nothing, and that a
    /// day is the 24 hours before, is assumed.
    pub(super) fn invite(&mut self, now: Timestamp, phone: &PhoneNumber) -> Option<Invitation> {
        if let Some(tester) = self.0.get(phone) {
            return Some(tester.answer);
        }
        let day = SignedDuration::from_hours(24);
        let today = self
            .0
            .values()
            .filter(|tester| now.duration_since(tester.invited_at) < day)
            .count();
        if today >= PER_DAY_MAX || self.0.len() >= TOTAL_MAX {
            return None;
        }
        self.0.insert(
            phone.clone(),
            Tester {
                invited_at: now,
                answer: Invitation::Pending,
            },
        );
        Some(Invitation::Pending)
    }

    /// A tester from before.
    pub(super) fn admit(&mut self, now: Timestamp, phone: &PhoneNumber, answer: Invitation) {
        self.0.insert(
            phone.clone(),
            Tester {
                invited_at: now,
                answer,
            },
        );
    }

    /// The person's answer. False if nobody invited this person.
    pub(super) fn answer(&mut self, phone: &PhoneNumber, answer: Invitation) -> bool {
        self.0
            .get_mut(phone)
            .map(|tester| tester.answer = answer)
            .is_some()
    }

    /// False if there is no such tester.
    fn remove(&mut self, phone: &PhoneNumber) -> bool {
        self.0.remove(phone).is_some()
    }

    pub(super) fn has_accepted(&self, phone: &PhoneNumber) -> bool {
        self.of(phone) == Some(Invitation::Accepted)
    }

    pub(super) fn of(&self, phone: &PhoneNumber) -> Option<Invitation> {
        self.0.get(phone).map(|tester| tester.answer)
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "testers",
        what: "An agent invites 20 people in 24 hours and 200 altogether; more are answered 429. Who accepts gets its messages \
               before it is launched",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones.testers/create; that the day slides, and that a second invitation counts for \
                 nothing, is assumed",
        switch: None,
        test: "an_agent_invites_20_a_day_and_200_altogether",
    },
    &Behaviour {
        id: "tester-dismissed",
        what: "Who is deleted is no tester any more, at once, and may be invited again; then the invitation counts anew",
        basis: Basis::Documented,
        source: "reference/business-communications/rest/v1/testers; that it is at once and frees the quota is assumed",
        switch: None,
        test: "testers_are_invited_listed_and_deleted",
    },
    &Behaviour {
        id: "tester-answer",
        what: "How a person has answered an invitation is told to no webhook",
        basis: Basis::Assumed,
        source: "no page has such an event",
        switch: None,
        test: "an_agent_that_is_launched_nowhere_reaches_testers_only",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_invites_20_a_day_and_200_altogether() {
        let number =
            |index: usize| PhoneNumber::parse(&format!("+1555{index:07}")).expect("a number");
        let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let mut testers = Testers::default();
        let mut invited = 0;
        for day in 0..12 {
            let of_this_day = (0..25).filter(|_| {
                let invitation = testers.invite(at(day * 24), &number(invited));
                invited += usize::from(invitation.is_some());
                invitation.is_some()
            });
            assert_eq!(
                of_this_day.count(),
                if day < 10 { 20 } else { 0 },
                "on day {day}"
            );
        }
        assert_eq!(
            testers.invite(at(999), &number(0)),
            Some(Invitation::Pending),
            "who was invited stays so"
        );
        assert!(
            testers.answer(&number(0), Invitation::Accepted)
                && !testers.answer(&number(999), Invitation::Accepted)
        );
        assert_eq!(
            (testers.of(&number(0)), testers.of(&number(999))),
            (Some(Invitation::Accepted), None)
        );
    }
}

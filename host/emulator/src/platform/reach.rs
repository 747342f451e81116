//! Which of many people can be reached. (reference/rest/v1/users/batchGet)

use super::{Command, Platform, country};
use crate::fidelity::{Basis, Behaviour};
use jiff::Timestamp;
use rbm_wire::name::{AgentId, PhoneNumber};
use rbm_wire::reach::{CarrierReach, Reach, SAMPLED_FROM};
use std::collections::{BTreeMap, BTreeSet};

/// A question about many people.
#[derive(Clone, Debug)]
pub struct AskReach {
    /// Who asks.
    pub agent: AgentId,
    /// About whom.
    pub phones: BTreeSet<PhoneNumber>,
}

impl Command for AskReach {
    /// None if there were too many questions.
    type Answer = Option<Reach>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Option<Reach> {
        let agent = platform.agents.get_mut(&self.agent)?;
        agent
            .questions
            .admit(now)
            .then(|| platform.reach(&self.agent, &self.phones, now))
    }
}

impl Platform {
    /// About three quarters are sampled, and the same ones each time: a sample that is random would make tests so.
    fn reach(&self, agent: &AgentId, asked: &BTreeSet<PhoneNumber>, now: Timestamp) -> Reach {
        let reachable: BTreeSet<&PhoneNumber> = asked
            .iter()
            .filter(|number| self.barrier(agent, number, now).is_none())
            .collect();
        let sampled = if asked.len() < SAMPLED_FROM {
            0
        } else {
            asked.len() * 3 / 4
        };
        let on_any_carrier = asked
            .iter()
            .take(sampled)
            .filter(|number| self.phone(number).rcs)
            .count();
        let mut carriers: BTreeMap<String, CarrierReach> = BTreeMap::new();
        for number in reachable
            .iter()
            .filter(|number| country::is_american(number))
        {
            carriers
                .entry(self.phone(number).carrier.clone())
                .or_default()
                .reachable_users
                .push(number.to_string());
        }
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Reach {
            reachable_users: reachable.iter().map(ToString::to_string).collect(),
            total_random_sample_user_count: count(sampled),
            reachable_random_sample_user_count: count(on_any_carrier),
            reachable_users_map: carriers.into_iter().collect(),
        }
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "reach",
        what: "users.batchGet names those whom the agent reaches, for American numbers by carrier too, and samples three \
               quarters of 500 and more, over all carriers",
        basis: Basis::Documented,
        source: "reference/rest/v1/users/batchGet; that the sample is the same each time is ours",
        switch: None,
        test: "a_sample_is_taken_of_500_and_more",
    },
    &Behaviour {
        id: "reach-quota",
        what: "More than 600 questions in a minute are answered 429",
        basis: Basis::Documented,
        source: "reference/rest/v1/users/batchGet; that the minute slides is assumed",
        switch: None,
        test: "six_hundred_questions_a_minute_are_answered",
    },
    &Behaviour {
        id: "reach-form",
        what: "users.batchGet takes 1 to 10,000 numbers, of which one that occurs twice counts once, and the agent in the body \
               or in the query; counts are JSON integers",
        basis: Basis::Documented,
        source: "reference/rest/v1/users/batchGet; guides/build/capabilities has the agent in the query and counts as strings",
        switch: None,
        test: "reach_is_answered_for_everybody_at_once",
    },
];

//! What was ordered, on its way to where it has its effect. (guides/management-api/synchronous-asynchronous-operations)

use super::super::{Launch, LaunchState, Platform, Step, UseCase};
use super::agents::Names;
use crate::fidelity::{Basis, Behaviour};
use crate::phone::CARRIER;
use crate::push::SecretAnswer;
use jiff::Timestamp;
use rbm_wire::name::AgentId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;

/// What was ordered, and has no effect yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in super::super) enum Pending {
    /// Where people get its messages.
    Launch {
        agent: AgentId,
        carrier: String,
        state: LaunchState,
    },
    /// What a message without a traffic type is.
    UseCase(AgentId, UseCase),
    /// What webhooks are told that it is called.
    Names(AgentId, Names),
    /// Who is told.
    #[serde(skip)]
    Rewire(Rewiring),
}

/// Another webhook is called from now on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rewiring {
    /// Of which agent; the partner's if none.
    pub(crate) agent: Option<AgentId>,
    /// Which. None if there is none any more.
    pub(crate) to: Option<Webhook>,
}

/// A webhook that has answered the handshake.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Webhook {
    pub(crate) url: String,
    pub(crate) client_token: ClientToken,
    pub(crate) answer: SecretAnswer,
}

/// What signs the calls of a webhook.
#[derive(Clone, PartialEq)]
pub(crate) struct ClientToken(pub(crate) String);

impl ClientToken {
    /// One that nobody guesses who does not know the seed.
    pub(super) fn drawn(seed: &Uuid) -> Self {
        Self(Uuid::new_v5(seed, b"client token").simple().to_string())
    }
}

impl fmt::Debug for ClientToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl Platform {
    /// Plans what was ordered for when it has its effect.
    pub(super) fn take_effect_later(&mut self, now: Timestamp, pending: Pending) {
        let at = now
            .saturating_add(self.rules.propagation)
            .unwrap_or(Timestamp::MAX);
        self.schedule.plan(at, Step::TakeEffect(Box::new(pending)));
    }

    pub(in super::super) fn take_effect(&mut self, pending: Pending) {
        match pending {
            Pending::Launch {
                agent,
                carrier,
                state,
            } => {
                let was = self
                    .agents
                    .get_mut(&agent)
                    .map(|known| &mut known.agent.launch);
                if let Some(launch @ Launch::Everywhere) = was {
                    *launch = Launch::On(BTreeMap::from([(
                        CARRIER.to_owned(),
                        LaunchState::Launched,
                    )]));
                }
                self.put_on_carrier(&agent, carrier, state);
            }
            Pending::UseCase(agent, use_case) => {
                if let Some(state) = self.agents.get_mut(&agent) {
                    state.agent.use_case = use_case;
                }
            }
            Pending::Names(agent, names) => {
                if let Some(managed) = self.business.agents.get_mut(&agent) {
                    managed.shown = names;
                }
            }
            Pending::Rewire(rewiring) => self.rewirings.push(rewiring),
        }
    }

    /// Where messages find the agent. One that was launched everywhere is from now on where it was said to be.
    pub(in super::super) fn put_on_carrier(
        &mut self,
        agent: &AgentId,
        carrier: String,
        state: LaunchState,
    ) {
        let Some(known) = self.agents.get_mut(agent) else {
            return;
        };
        if known.agent.launch == Launch::Everywhere {
            known.agent.launch = Launch::On(BTreeMap::new());
        }
        if let Launch::On(carriers) = &mut known.agent.launch {
            carriers.insert(carrier, state);
        }
    }

    /// Somebody has put the agent elsewhere with this carrier meanwhile, at once.
    pub(in super::super) fn forget_pending_launches(&mut self, agent: &AgentId, carrier: &str) {
        let is_of = |pending: &Pending| match pending {
            Pending::Launch {
                agent: of,
                carrier: on,
                ..
            } => of == agent && on == carrier,
            _ => false,
        };
        self.schedule
            .retain(|step| !matches!(step, Step::TakeEffect(pending) if is_of(pending)));
    }

    /// Who is to be called otherwise than before.
    pub(crate) fn take_rewirings(&mut self) -> Vec<Rewiring> {
        std::mem::take(&mut self.rewirings)
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "business-propagation",
        what: "What is changed is read back at once, and has its effect on messages and webhooks 5 s later, by the emulator's \
               clock: an agent's use case and names, a launch, a webhook and that there is none any more",
        basis: Basis::Documented,
        source: "guides/management-api/synchronous-asynchronous-operations says after a short time, without a number; the T-GLIF \
                 study has some 30 minutes from LAUNCHED on; that each of these waits, and 5 s, is assumed",
        switch: Some("propagation"),
        test: "what_is_ordered_has_its_effect_after_the_delay",
    },
    &Behaviour {
        id: "business-created-at-once",
        what: "A new agent is known to the messaging API at once: it reaches its testers",
        basis: Basis::Assumed,
        source: "the page speaks of updates; whether a new agent waits too is not stated",
        switch: None,
        test: "a_new_agent_reaches_its_testers",
    },
    &Behaviour {
        id: "business-superseded",
        what: "Where a scenario puts an agent with a carrier counts at once, and what was ordered before for this carrier is void",
        basis: Basis::Assumed,
        source: "ours",
        switch: None,
        test: "a_step_of_a_scenario_voids_what_was_ordered_before",
    },
];

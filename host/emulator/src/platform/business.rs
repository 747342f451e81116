//! What partners and carriers manage: brands, agents, launches, webhooks. (reference/business-communications/rest/v1)
//!
//! What is changed is seen here at once, and has its effect on messages and webhooks after a delay (guides/management-api/
//! synchronous-asynchronous-operations): so an agent is kept twice, here as it was ordered, and in [`super::AgentState`] as
//! messages find it. Nothing here asks a webhook: who orders one has had its handshake.

pub(crate) mod agents;
pub(crate) mod brands;
mod effects;
pub(crate) mod integrations;
pub(crate) mod launches;
mod limits;
pub(crate) mod partner;
pub(crate) mod verification;

use super::{Agent, Platform, SetLaunch, UseCase};
use crate::fidelity::Behaviour;
use agents::Managed;
use brands::Brand;
pub(super) use effects::Pending;
pub(crate) use effects::{ClientToken, Rewiring, Webhook};
use jiff::Timestamp;
use partner::Partner;
use rbm_wire::name::AgentId;
use rbm_wire::problem::FieldViolation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Everything that is managed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Business {
    pub(crate) brands: BTreeMap<Uuid, Brand>,
    pub(crate) agents: BTreeMap<AgentId, Managed>,
    pub(crate) partner: Partner,
}

/// Why something was not done.
#[derive(Debug, PartialEq)]
pub(crate) enum Refused {
    /// There is no resource of this name.
    Unknown(String),
    /// There is one already.
    Exists(String),
    /// It is not the time for it.
    NotNow(String),
    /// It says what it must not.
    Invalid(Vec<FieldViolation>),
}

/// `brands/{brand}/agents/{agent}`
#[derive(Clone, Debug)]
pub(crate) struct AgentName {
    /// None for `brands/-`: carriers do not know whose an agent is.
    pub(crate) brand: Option<Uuid>,
    pub(crate) agent: AgentId,
}

impl Business {
    /// With the agents that there are from the start, as those of one brand.
    pub(super) fn adopting(seed: &Uuid, agents: &[Agent]) -> Self {
        let brand = Uuid::new_v5(seed, b"brand");
        let managed = |agent: &Agent| (agent.id.clone(), Managed::adopted(brand, agent));
        Self {
            brands: BTreeMap::from([(
                brand,
                Brand {
                    display_name: ADOPTING_BRAND.to_owned(),
                },
            )]),
            agents: agents.iter().map(managed).collect(),
            partner: Partner::new(seed),
        }
    }

    /// An agent, by the name that a client wrote.
    pub(crate) fn agent(&self, name: &AgentName) -> Result<&Managed, Refused> {
        let found = self.agents.get(&name.agent);
        found
            .filter(|agent| name.brand.is_none_or(|brand| brand == agent.brand))
            .ok_or_else(|| name.unknown())
    }

    fn agent_mut(&mut self, name: &AgentName) -> Result<&mut Managed, Refused> {
        let found = self.agents.get_mut(&name.agent);
        found
            .filter(|agent| name.brand.is_none_or(|brand| brand == agent.brand))
            .ok_or_else(|| name.unknown())
    }

    /// A brand.
    pub(crate) fn brand(&self, brand: Uuid) -> Result<&Brand, Refused> {
        self.brands
            .get(&brand)
            .ok_or_else(|| Refused::Unknown(brand_name(brand)))
    }

    /// The agent is no longer launched everywhere, which stood here as one carrier.
    pub(super) fn forget_launches(&mut self, agent: &AgentId) {
        if let Some(managed) = self.agents.get_mut(agent) {
            managed.launches.clear();
        }
    }

    /// Where an agent was put by somebody who is no client of this API.
    pub(super) fn note_launch(&mut self, change: &SetLaunch, now: Timestamp) {
        if let Some(managed) = self.agents.get_mut(&change.agent) {
            let launch =
                launches::CarrierLaunch::new(change.state, change.comment.clone(), Some(now));
            managed.launches.insert(change.carrier.clone(), launch);
        }
    }
}

impl AgentName {
    fn unknown(&self) -> Refused {
        let brand = self
            .brand
            .map_or_else(|| "-".to_owned(), |brand| brand.to_string());
        Refused::Unknown(format!("brands/{brand}/agents/{}", self.agent.bare()))
    }
}

impl Platform {
    /// What is managed, as it was ordered.
    pub(crate) fn business(&self) -> &Business {
        &self.business
    }

    /// Of the partner's webhook, unless it was registered with another one. The API has no field for it.
    pub(crate) fn partner_client_token(&self) -> ClientToken {
        ClientToken::drawn(&self.seed)
    }

    /// What an agent and its brand are called, as webhooks are told it now.
    pub(super) fn names_of(&self, agent: &AgentId) -> Option<&agents::Names> {
        self.business
            .agents
            .get(agent)
            .map(|managed| &managed.shown)
    }
}

/// `brands/{uuid}`
pub(crate) fn brand_name(brand: Uuid) -> String {
    format!("brands/{brand}")
}

impl UseCase {
    const ALL: [Self; 4] = [
        Self::Otp,
        Self::Transactional,
        Self::Promotional,
        Self::MultiUse,
    ];

    /// As the API has it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "OTP",
            Self::Transactional => "TRANSACTIONAL",
            Self::Promotional => "PROMOTIONAL",
            Self::MultiUse => "MULTI_USE",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Of the agents that there are from the start.
const ADOPTING_BRAND: &str = "Emulator";

/// What is said of all that is decided here.
pub(crate) const BEHAVIOURS: &[&[&Behaviour]] = &[
    brands::BEHAVIOURS,
    agents::BEHAVIOURS,
    limits::BEHAVIOURS,
    verification::BEHAVIOURS,
    launches::BEHAVIOURS,
    integrations::BEHAVIOURS,
    partner::BEHAVIOURS,
    effects::BEHAVIOURS,
];

#[cfg(test)]
mod tests;

//! Agents as their partner describes them. (reference/business-communications/rest/v1/brands.agents)

use super::super::{Agent, Command, Launch, LaunchState, Platform, UseCase};
use super::integrations::Integration;
use super::launches::{CarrierLaunch, Verification, VerificationState};
use super::{AgentName, Pending, Refused, limits};
use crate::fidelity::{Basis, Behaviour};
use crate::update_mask::UpdateMask;
use jiff::Timestamp;
use rbm_wire::name::AgentId;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// An agent as it was ordered.
#[derive(Clone, Debug)]
pub(crate) struct Managed {
    pub(crate) brand: Uuid,
    /// What its partner says of it, as the API has it. Most of it is only kept.
    pub(crate) document: Value,
    pub(crate) verification: Verification,
    pub(crate) launches: BTreeMap<String, CarrierLaunch>,
    pub(crate) questionnaire: Option<Value>,
    pub(crate) integration: Option<Integration>,
    /// The names that webhooks are told: its own, and its brand's.
    pub(super) shown: Names,
}

/// What an agent and its brand are called.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(super) agent: String,
    pub(super) brand: String,
}

impl Managed {
    /// One that was there from the start. It was verified if it is launched.
    pub(super) fn adopted(brand: Uuid, agent: &Agent) -> Self {
        let launches: BTreeMap<String, CarrierLaunch> = match &agent.launch {
            Launch::Everywhere => BTreeMap::new(),
            Launch::On(carriers) => {
                carriers.iter().map(|(carrier, state)| (carrier.clone(), CarrierLaunch::from(*state))).collect()
            }
        };
        let is_launched = agent.launch == Launch::Everywhere
            || launches.values().any(|launch| launch.state == LaunchState::Launched);
        let state = if is_launched { VerificationState::Verified } else { VerificationState::Unverified };
        let name = agent.id.bare();
        Self {
            brand,
            document: json!({ "displayName": name, "isArchived": false,
                "rcsBusinessMessagingAgent": { "agentUseCase": agent.use_case.as_str() } }),
            verification: Verification { state, contact: None },
            launches,
            questionnaire: None,
            integration: None,
            shown: Names { agent: name.to_owned(), brand: "Emulator".to_owned() },
        }
    }

    pub(crate) fn display_name(&self) -> &str {
        self.document["displayName"].as_str().unwrap_or_default()
    }

    pub(crate) fn is_archived(&self) -> bool {
        self.document["isArchived"] == true
    }

    /// Of an agent that says nothing, it is assumed that it sends what people ordered or have.
    pub(super) fn use_case(&self) -> UseCase {
        let text = self.document["rcsBusinessMessagingAgent"]["agentUseCase"].as_str();
        text.and_then(UseCase::parse).unwrap_or(UseCase::Transactional)
    }
}

/// A new agent.
#[derive(Debug)]
pub(crate) struct CreateAgent {
    pub(crate) brand: Uuid,
    pub(crate) document: Value,
}

impl Command for CreateAgent {
    type Answer = Result<AgentId, Refused>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        let brand = platform.business.brand(self.brand)?.display_name.clone();
        limits::agent(&self.document, platform.rules.agent_name_length_max)?;
        let mut document = self.document;
        document["isArchived"] = false.into();
        let display_name = document["displayName"].as_str().unwrap_or_default().to_owned();
        let agent = new_id(&display_name, platform.name());
        let managed = Managed {
            brand: self.brand,
            document,
            verification: Verification { state: VerificationState::Unverified, contact: None },
            launches: BTreeMap::new(),
            questionnaire: None,
            integration: None,
            shown: Names { agent: display_name, brand },
        };
        let use_case = managed.use_case();
        platform.business.agents.insert(agent.clone(), managed);
        platform.take_effect_later(now, Pending::Admit(agent.clone(), use_case));
        Ok(agent)
    }
}

/// An agent is described otherwise.
#[derive(Debug)]
pub(crate) struct PatchAgent {
    pub(crate) name: AgentName,
    pub(crate) body: Value,
    pub(crate) mask: UpdateMask,
}

impl Command for PatchAgent {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        let name_length_max = platform.rules.agent_name_length_max;
        let everywhere = platform.is_launched_everywhere(&self.name.agent);
        let managed = platform.business.agent_mut(&self.name)?;
        if managed.verification.state != VerificationState::Unverified && !self.mask.is_within(&["isArchived"]) {
            let state = managed.verification.state.as_str();
            let rule = format!("The agent is {state}: from the request for verification on, only isArchived changes.");
            return Err(Refused::NotNow(rule));
        }
        let mut document = managed.document.clone();
        self.mask.apply(&mut document, &self.body);
        document["isArchived"] = (document["isArchived"] == true).into();
        limits::agent(&document, name_length_max)?;
        limits::hosting_region_stays(&managed.document, &document)?;
        if document["isArchived"] == true {
            managed.may_be_archived(everywhere)?;
        }
        managed.document = document;
        platform.show_agent(&self.name.agent, now);
        Ok(())
    }
}

impl Managed {
    fn may_be_archived(&self, everywhere: bool) -> Result<(), Refused> {
        let busy = |state| matches!(state, LaunchState::Pending | LaunchState::Launched);
        let carrier = self.launches.iter().find(|(_, launch)| busy(launch.state));
        match carrier {
            Some((carrier, launch)) => Err(Refused::NotNow(format!(
                "The agent is {} on {carrier}: it is archived only if it is UNLAUNCHED, SUSPENDED or REJECTED everywhere.",
                launch.state.as_str()
            ))),
            None if everywhere => Err(Refused::NotNow("The agent is LAUNCHED everywhere, and cannot be archived.".to_owned())),
            None => Ok(()),
        }
    }
}

/// `Growing Tree Bank` becomes `growing_tree_bank_1a2b3c4d_agent`.
fn new_id(display_name: &str, unique: Uuid) -> AgentId {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '_' };
    let words: String = display_name.chars().take(ID_WORDS_LENGTH_MAX).map(plain).collect();
    let unique: String = unique.simple().to_string().chars().take(8).collect();
    AgentId::parse(&format!("{words}_{unique}_agent")).expect("letters, digits and underscores")
}

const ID_WORDS_LENGTH_MAX: usize = 40;

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "business-agents",
        what: "Agents are made, read, listed and patched; archived ones are listed only when asked for, launch data likewise",
        basis: Basis::Documented,
        source: "reference/business-communications/rest/v1/brands.agents; that get has launch data always is assumed",
        switch: None,
        test: "agents_are_made_changed_and_listed",
    },
    &Behaviour {
        id: "business-agent-id",
        what: "A new agent's id is its name in small letters, eight digits and _agent; it is the last part of the agent's name",
        basis: Basis::SecondHand,
        source: "names of agents in samples end in _agent; how the rest is made is assumed",
        switch: None,
        test: "agents_are_made_changed_and_listed",
    },
    &Behaviour {
        id: "business-agent-fields",
        what: "What is in an agent's contacts, privacy and termsConditions is kept as it came, and pictures are not looked at",
        basis: Basis::Assumed,
        source: "the reference at hand does not name the fields in them; sizes of pictures are the console's to check",
        switch: None,
        test: "agents_are_made_changed_and_listed",
    },
    &Behaviour {
        id: "business-agent-fixed",
        what: "From the request for verification on, an agent is not changed but archived: 400",
        basis: Basis::Documented,
        source: "guides/build/agents/edit-agent; the answer is assumed",
        switch: None,
        test: "an_agent_is_fixed_once_it_is_to_be_verified",
    },
    &Behaviour {
        id: "business-agent-archive",
        what: "An agent is archived by a patch of isArchived, if no carrier has launched it or looks at it; it is never deleted",
        basis: Basis::Documented,
        source: "guides/build/agents/manage-agents; that messages do not notice, and the code 400 for delete, is assumed",
        switch: None,
        test: "an_agent_is_archived_when_it_is_launched_nowhere",
    },
    &Behaviour {
        id: "business-adopted",
        what: "Agents that there are from the start belong to a brand called Emulator, and are verified if they are launched",
        basis: Basis::Assumed,
        source: "ours, so that webhooks can be registered for them",
        switch: None,
        test: "agents_from_the_start_have_a_brand",
    },
];

//! Agents as their partner describes them. (reference/business-communications/rest/v1/brands.agents)

use super::super::{Agent, AgentState, Command, Launch, LaunchState, Platform, UseCase};
use super::integrations::Integration;
use super::launches::CarrierLaunch;
use super::limits::PROFILE;
use super::verification::{Verification, VerificationState};
use super::{ADOPTING_BRAND, AgentName, Pending, Refused, brand_name, limits};
use crate::fidelity::{Basis, Behaviour};
use crate::phone::CARRIER;
use crate::update_mask::UpdateMask;
use jiff::Timestamp;
use rbm_wire::name::AgentId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// An agent as it was ordered.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Managed {
    pub(crate) brand: Uuid,
    /// What its partner says of it, as the API has it. Most of it is only kept.
    pub(crate) document: Value,
    pub(crate) verification: Verification,
    pub(crate) launches: BTreeMap<String, CarrierLaunch>,
    pub(crate) questionnaire: Option<Value>,
    /// Like every webhook it is not in a state.
    #[serde(skip)]
    pub(crate) integration: Option<Integration>,
    /// What webhooks are told that it is called, which lags behind.
    pub(in super::super) shown: Names,
}

/// What an agent and its brand are called.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Names {
    pub(in super::super) agent: String,
    pub(in super::super) brand: String,
    pub(in super::super) brand_id: Uuid,
}

impl Managed {
    fn new(brand: Uuid, document: Value, shown: Names) -> Self {
        Self {
            brand,
            document,
            verification: Verification {
                state: VerificationState::Unverified,
                contact: None,
            },
            launches: BTreeMap::new(),
            questionnaire: None,
            integration: None,
            shown,
        }
    }

    /// One that was there from the start. It was verified if it is launched.
    pub(super) fn adopted(brand: Uuid, agent: &Agent) -> Self {
        let states = match &agent.launch {
            Launch::Everywhere => BTreeMap::from([(CARRIER.to_owned(), LaunchState::Launched)]),
            Launch::On(carriers) => carriers.clone(),
        };
        let is_launched = states.values().any(|state| *state == LaunchState::Launched);
        let state = if is_launched {
            VerificationState::Verified
        } else {
            VerificationState::Unverified
        };
        let launch = |(carrier, state)| (carrier, CarrierLaunch::new(state, None, None));
        let name = agent.id.bare();
        let profile = json!({ "agentUseCase": agent.use_case.as_str() });
        let document = json!({ "displayName": name, "isArchived": false, PROFILE: profile });
        let shown = Names {
            agent: name.to_owned(),
            brand: ADOPTING_BRAND.to_owned(),
            brand_id: brand,
        };
        Self {
            verification: Verification {
                state,
                contact: None,
            },
            launches: states.into_iter().map(launch).collect(),
            ..Self::new(brand, document, shown)
        }
    }

    /// `brands/{brand}/agents/{agent}`
    pub(crate) fn name(&self, agent: &AgentId) -> String {
        format!("{}/agents/{}", brand_name(self.brand), agent.bare())
    }

    pub(crate) fn is_archived(&self) -> bool {
        self.document["isArchived"] == true
    }

    pub(super) fn display_name(&self) -> &str {
        self.document["displayName"].as_str().unwrap_or_default()
    }

    pub(super) fn has_a_labelled_contact(&self) -> bool {
        let contacts = CONTACTS
            .iter()
            .filter_map(|kind| self.document[PROFILE][kind].as_array())
            .flatten();
        contacts.into_iter().any(|contact| {
            contact["label"]
                .as_str()
                .is_some_and(|label| !label.trim().is_empty())
        })
    }

    /// Of an agent that says nothing, it is assumed that it sends what people ordered or have.
    fn use_case(&self) -> UseCase {
        let text = self.document[PROFILE]["agentUseCase"].as_str();
        text.and_then(UseCase::parse)
            .unwrap_or(UseCase::Transactional)
    }

    fn may_be_archived(&self) -> Result<(), Refused> {
        let busy = |state| matches!(state, LaunchState::Pending | LaunchState::Launched);
        let Some((carrier, launch)) = self.launches.iter().find(|(_, launch)| busy(launch.state))
        else {
            return Ok(());
        };
        let state = launch.state.as_str();
        let rule = "it is archived only if it is UNLAUNCHED, SUSPENDED or REJECTED everywhere";
        Err(Refused::NotNow(format!(
            "The agent is {state} on {carrier}: {rule}."
        )))
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

    fn run(self, platform: &mut Platform, _: Timestamp) -> Self::Answer {
        let brand = platform.business.brand(self.brand)?.display_name.clone();
        let mut document = self.document;
        document["isArchived"] = false.into();
        limits::agent(&document, platform.rules.agent_name_length_max)?;
        let display_name = document["displayName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let id = new_id(&display_name, platform.name());
        let shown = Names {
            agent: display_name,
            brand,
            brand_id: self.brand,
        };
        let managed = Managed::new(self.brand, document, shown);
        let (use_case, launch) = (managed.use_case(), Launch::On(BTreeMap::new()));
        let agent = Agent {
            id: id.clone(),
            use_case,
            launch,
            script: Vec::new(),
        };
        platform.agents.insert(id.clone(), AgentState::new(agent));
        platform.business.agents.insert(id.clone(), managed);
        Ok(id)
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
        let managed = platform.business.agent_mut(&self.name)?;
        let mut document = managed.document.clone();
        self.mask.apply(&mut document, &self.body);
        document["isArchived"] = (document["isArchived"] == true).into();
        managed.may_become(&document)?;
        limits::agent(&document, name_length_max)?;
        limits::hosting_region_stays(&managed.document, &document)?;
        let before = managed.use_case();
        managed.document = document;
        let use_case = managed.use_case();
        if use_case != before {
            platform.take_effect_later(now, Pending::UseCase(self.name.agent.clone(), use_case));
        }
        platform.show_names(&self.name.agent, now);
        Ok(())
    }
}

impl Managed {
    /// Whether the rules let it be described so now.
    fn may_become(&self, document: &Value) -> Result<(), Refused> {
        let described = |document: &Value| {
            let mut document = document.clone();
            document["isArchived"] = false.into();
            document
        };
        let state = self.verification.state;
        if state != VerificationState::Unverified
            && described(document) != described(&self.document)
        {
            let state = state.as_str();
            let rule = format!(
                "The agent is {state}: from the request for verification on, only isArchived changes."
            );
            return Err(Refused::NotNow(rule));
        }
        if document["isArchived"] == true {
            self.may_be_archived()
        } else {
            Ok(())
        }
    }
}

impl Platform {
    /// Webhooks are told the names that an agent and its brand have now, later.
    pub(super) fn show_names(&mut self, agent: &AgentId, now: Timestamp) {
        let Some(managed) = self.business.agents.get(agent) else {
            return;
        };
        let Some(brand) = self.business.brands.get(&managed.brand) else {
            return;
        };
        let (agent_name, brand_id) = (managed.display_name().to_owned(), managed.brand);
        let names = Names {
            agent: agent_name,
            brand: brand.display_name.clone(),
            brand_id,
        };
        self.take_effect_later(now, Pending::Names(agent.clone(), names));
    }
}

/// `Growing Tree Bank` becomes `growing_tree_bank_1a2b3c4d_agent`.
fn new_id(display_name: &str, unique: Uuid) -> AgentId {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() {
            character.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let words: String = display_name
        .chars()
        .take(ID_WORDS_LENGTH_MAX)
        .map(plain)
        .collect();
    let unique: String = unique.simple().to_string().chars().take(8).collect();
    AgentId::parse(&format!("{words}_{unique}_agent")).expect("letters, digits and underscores")
}

const ID_WORDS_LENGTH_MAX: usize = 40;
const CONTACTS: [&str; 3] = ["phoneNumbers", "emails", "websites"];

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
        what: "An agent is archived by a patch of isArchived, if no carrier has launched it or looks at it; to delete it is \
               answered 400",
        basis: Basis::Documented,
        source: "guides/build/agents/manage-agents; that messages do not notice, and the code 400, is assumed",
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

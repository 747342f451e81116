//! Who sends through this gateway, and whom to believe. All of it can be replaced while the gateway runs; what was begun with
//! what there was before is also ended with it.

use crate::store::{AgentIdentity, Store, StoreProblem};
use crate::{Manner, StartProblem, request};
use rbm_host::Channel;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// One sender.
pub struct Agent {
    /// What callers call it, and what its webhook path ends in.
    pub name: String,
    /// What the platform calls it in what it signs: each spelling.
    pub platform_ids: Vec<String>,
    /// How to send as it, and whom to believe about it.
    pub channel: Channel,
    /// How fast, and when.
    pub manner: Manner,
    key: OnceLock<String>,
}

impl Agent {
    /// `platform_id` is what the platform calls it, and `other_ids` are other spellings of that in what it signs. What is stored of
    /// an agent goes by `platform_id`: a new name changes nothing, and another `platform_id` is another agent.
    pub fn new(
        name: String,
        platform_id: String,
        other_ids: Vec<String>,
        channel: Channel,
        manner: Manner,
    ) -> Self {
        Self {
            name,
            platform_ids: [vec![platform_id], other_ids].concat(),
            channel,
            manner,
            key: OnceLock::new(),
        }
    }

    /// What its rows in the store go by.
    pub(crate) fn key(&self) -> &str {
        self.key.get().unwrap_or(&self.name)
    }
}

/// What agents are called, by what their rows in the store go by: the name in the configuration, or the platform's id of one that
/// is not configured any more.
#[derive(Debug, Default)]
pub struct AgentNames(RwLock<BTreeMap<String, String>>);

impl AgentNames {
    /// A row that is older than the names of agents goes by its name.
    pub(crate) fn of(&self, key: &str) -> String {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get(key).map_or(key, String::as_str).to_owned()
    }

    /// The other way round.
    pub(crate) fn key_of(&self, name: &str) -> Option<String> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys = names.iter().filter(|(_, known)| *known == name);
        keys.next().map(|(key, _)| key.clone())
    }

    fn set(&self, names: BTreeMap<String, String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names;
    }
}

/// Everybody who sends.
pub struct Senders {
    /// At least one.
    pub agents: Vec<Arc<Agent>>,
    /// Whom to believe on the webhook that all agents share, if there is one.
    pub partner: Option<Channel>,
}

impl Senders {
    pub(crate) fn check(&self) -> Result<(), StartProblem> {
        if self.agents.is_empty() {
            Err(StartProblem::NoAgent)
        } else {
            Ok(())
        }
    }

    /// Finds out what the rows of each agent go by, and what agents are called from now on.
    pub(crate) async fn identify(
        &self,
        store: &dyn Store,
        names: &AgentNames,
    ) -> Result<(), StoreProblem> {
        let identity = |agent: &Arc<Agent>| AgentIdentity {
            key: agent.name.clone(),
            platform_id: agent.platform_ids.first().cloned().unwrap_or_default(),
        };
        let mut known = BTreeMap::new();
        for AgentIdentity { key, platform_id } in store
            .register_agents(self.agents.iter().map(identity).collect())
            .await?
        {
            let mut configured = self.agents.iter();
            let agent = configured.find(|agent| agent.platform_ids.first() == Some(&platform_id));
            if let Some(agent) = agent {
                agent.key.get_or_init(|| key.clone());
            }
            let name = agent.map_or(platform_id, |agent| agent.name.clone());
            known.insert(key, name);
        }
        names.set(known);
        Ok(())
    }

    /// By what its rows in the store go by.
    pub(crate) fn by_key(&self, key: &str) -> Option<&Arc<Agent>> {
        self.agents.iter().find(|agent| agent.key() == key)
    }

    /// By the gateway's name or any of the platform's. A name may be what the platform calls another agent, and goes first.
    pub(crate) fn agent(&self, name: &str) -> Option<&Arc<Agent>> {
        let named = self.agents.iter().find(|agent| agent.name == name);
        named.or_else(|| {
            let mut agents = self.agents.iter();
            agents.find(|agent| agent.platform_ids.iter().any(|id| id == name))
        })
    }

    /// By its name, or the only one; else the rule that was broken, and a sentence.
    pub(crate) fn choose(&self, name: Option<&str>) -> Result<Arc<Agent>, (&'static str, String)> {
        let names = || {
            self.agents
                .iter()
                .map(|agent| agent.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match (name, self.agents.as_slice()) {
            (Some(name), _) => self.agent(name).cloned().ok_or_else(|| {
                (
                    "agent-unknown",
                    format!(
                        "there is no agent {}; the agents are {}",
                        request::shown(name),
                        names()
                    ),
                )
            }),
            (None, [only]) => Ok(only.clone()),
            (None, _) => Err((
                "agent-required",
                format!("agent is missing, and must be one of {}", names()),
            )),
        }
    }
}

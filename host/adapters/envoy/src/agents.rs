//! Whose webhooks are judged here.

use rbm_host::Channel;
use rbm_wire::name::AgentId;
use std::collections::BTreeMap;

/// One of them: its webhook is `/webhooks/rbm/{id}`, without `@rbm.goog`.
#[derive(Clone)]
pub struct Agent {
    /// By the platform's name.
    pub id: AgentId,
    /// The plugin with this agent's settings.
    pub channel: Channel,
}

/// All of them.
#[derive(Clone)]
pub struct Agents(BTreeMap<String, Agent>);

/// Why agents cannot be served together.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum AgentsProblem {
    /// Every request would be refused.
    #[error("there is no agent")]
    None,
    /// Their webhooks would be the same.
    #[error("the agent {0} is given twice")]
    Twice(String),
}

impl Agents {
    /// At least one, and none twice.
    pub fn new(agents: impl IntoIterator<Item = Agent>) -> Result<Self, AgentsProblem> {
        let mut by_name = BTreeMap::new();
        for agent in agents {
            let name = agent.id.bare().to_owned();
            if by_name.insert(name.clone(), agent).is_some() {
                return Err(AgentsProblem::Twice(name));
            }
        }
        if by_name.is_empty() {
            Err(AgentsProblem::None)
        } else {
            Ok(Self(by_name))
        }
    }

    /// By the path of its webhook, which may have a query.
    pub(crate) fn at(&self, path: &str) -> Option<&Agent> {
        let path = path.split('?').next().unwrap_or_default();
        self.0.get(path.strip_prefix(PATH)?)
    }
}

/// The same as the gateway's.
const PATH: &str = "/webhooks/rbm/";

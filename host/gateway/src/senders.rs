//! Who sends through this gateway, and whom to believe. All of it can be replaced while the gateway runs; what was begun with
//! what there was before is also ended with it.

use crate::{Manner, StartProblem, request};
use rbm_host::Channel;
use std::sync::Arc;

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

    /// By the gateway's name or any of the platform's.
    pub(crate) fn agent(&self, name: &str) -> Option<&Arc<Agent>> {
        self.agents
            .iter()
            .find(|agent| agent.name == name || agent.platform_ids.iter().any(|id| id == name))
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

//! The check of who is behind an agent. (brands.agents.requestVerification, getVerification, updateVerification)

use super::super::{Command, Platform};
use super::{AgentName, Refused, limits};
use crate::fidelity::{Basis, Behaviour};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far the check is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verification {
    pub(crate) state: VerificationState,
    /// `agentVerificationContact`, as it was handed in.
    pub(crate) contact: Option<Value>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VerificationState {
    Unverified,
    Pending,
    Verified,
}

impl VerificationState {
    const ALL: [Self; 3] = [Self::Unverified, Self::Pending, Self::Verified];

    /// Without `VERIFICATION_STATE_`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "UNVERIFIED",
            Self::Pending => "PENDING",
            Self::Verified => "VERIFIED",
        }
    }

    /// As the API has it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("VERIFICATION_STATE_")?;
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// A partner says who is behind an agent.
#[derive(Debug)]
pub(crate) struct RequestVerification {
    pub(crate) name: AgentName,
    pub(crate) contact: Value,
}

impl Command for RequestVerification {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, _: Timestamp) -> Self::Answer {
        let managed = platform.business.agent_mut(&self.name)?;
        limits::verification_contact(&self.contact)?;
        if managed.verification.state != VerificationState::Unverified {
            let state = managed.verification.state.as_str();
            return Err(Refused::NotNow(format!(
                "The agent is {state}: its verification is asked for once."
            )));
        }
        managed.verification = Verification {
            state: VerificationState::Pending,
            contact: Some(self.contact),
        };
        Ok(())
    }
}

/// Who checks it says how far the check is.
#[derive(Debug)]
pub(crate) struct SetVerification {
    pub(crate) name: AgentName,
    pub(crate) state: VerificationState,
}

impl Command for SetVerification {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, _: Timestamp) -> Self::Answer {
        platform.business.agent_mut(&self.name)?.verification.state = self.state;
        Ok(())
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "business-verification",
        what: "A request for verification makes an agent PENDING, and updateVerification what it says; no webhook is told",
        basis: Basis::Documented,
        source: "reference/business-communications/rest/v1/brands.agents; that there are these three states, that a request needs \
                 all of the contact and comes once, and that any state may follow any other, is assumed",
        switch: None,
        test: "an_agent_is_verified_and_then_launched",
    },
    &Behaviour {
        id: "business-both-sides",
        what: "The service account is partner and carrier: it asks for a launch, and says yes or no to it",
        basis: Basis::Assumed,
        source: "both use this API; on one's own machine there is nobody else to say yes",
        switch: None,
        test: "an_agent_is_verified_and_then_launched",
    },
];

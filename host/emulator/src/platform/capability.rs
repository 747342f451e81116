//! What phones say they can show. (reference/rest/v1/phones/getCapabilities)

use super::launch::Barrier;
use super::{Command, NotSent, Platform, Unlaunched, country};
use crate::fidelity::{Basis, Behaviour};
use jiff::Timestamp;
use rbm_wire::message::Capabilities;
use rbm_wire::name::{AgentId, PhoneNumber};

/// A question about one phone.
#[derive(Clone, Debug)]
pub struct AskCapabilities {
    /// Who asks.
    pub agent: AgentId,
    /// About whom.
    pub phone: PhoneNumber,
}

impl Command for AskCapabilities {
    type Answer = Result<Capabilities, NotSent>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        match (platform.barrier(&self.agent, &self.phone, now), platform.rules.unlaunched_capabilities) {
            (Some(Barrier::NotATester), Unlaunched::PermissionDenied) => return Err(NotSent::NotATester),
            (Some(_), _) => return Err(NotSent::Unreachable),
            (None, _) => {}
        }
        let phone = platform.phone(&self.phone).into_owned();
        let carrier = country::is_american(&self.phone).then_some(phone.carrier);
        Ok(Capabilities { features: phone.features, carrier })
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "capabilities",
        what: "A phone's features are told, and of an American number its carrier; a request id that is repeated is answered \
               again",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones/getCapabilities; what a repeated requestId is answered is assumed",
        switch: None,
        test: "an_agent_reaches_carriers_that_launched_it_and_testers",
    },
    &Behaviour {
        id: "unlaunched-capabilities",
        what: "An agent that is launched nowhere is answered 404 about somebody who is no tester",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones/getCapabilities; older pages say 403",
        switch: Some("unlaunched_capabilities"),
        test: "an_agent_reaches_carriers_that_launched_it_and_testers",
    },
];

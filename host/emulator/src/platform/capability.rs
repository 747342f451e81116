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
        match (
            platform.barrier(&self.agent, &self.phone, now),
            platform.rules.unlaunched_capabilities,
        ) {
            (Some(Barrier::NotATester), Unlaunched::PermissionDenied) => {
                return Err(NotSent::NotATester);
            }
            (Some(_), _) => return Err(NotSent::Unreachable),
            (None, _) => {}
        }
        let phone = platform.phone(&self.phone).into_owned();
        let carrier = country::is_american(&self.phone).then_some(phone.carrier);
        Ok(Capabilities {
            features: phone.features,
            carrier,
        })
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "capabilities",
        what: "A phone's features are told, and of an American number its carrier, also while it is offline",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones/getCapabilities",
        switch: None,
        test: "what_a_phone_cannot_show_is_refused",
    },
    &Behaviour {
        id: "unlaunched-capabilities",
        what: "An agent that is launched nowhere is answered 404 about somebody who is no tester",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones/getCapabilities; older pages say 403",
        switch: Some("unlaunched_capabilities"),
        test: "an_agent_reaches_carriers_that_launched_it_and_testers",
    },
    &Behaviour {
        id: "phone-features",
        what: "A phone has every feature that the reference names; PDF_IN_RICH_CARDS, which only a sample names, is on none \
               that is not told so",
        basis: Basis::Documented,
        source: "reference/rest/v1/phones/getCapabilities; that a phone has all of them is ours",
        switch: Some("features"),
        test: "a_number_that_nobody_listed_is_a_phone_that_reads",
    },
    &Behaviour {
        id: "request-id",
        what: "A requestId need not be a UUID, and one that is repeated is answered again",
        basis: Basis::SecondHand,
        source: "reference/rest/v1/phones/getCapabilities asks for a UUID, and Google's own scripts send 1234; what a repeated \
                 one is answered is assumed",
        switch: None,
        test: "an_id_need_not_be_a_uuid_and_fits_an_address",
    },
];

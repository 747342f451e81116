//! Brands: what agents belong to. (reference/business-communications/rest/v1/brands)

use super::super::{Command, Platform};
use super::{Managed, Refused, brand_name, limits};
use crate::fidelity::{Basis, Behaviour};
use jiff::Timestamp;
use rbm_wire::name::AgentId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A brand.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Brand {
    pub(crate) display_name: String,
}

/// A new brand.
#[derive(Debug)]
pub(crate) struct CreateBrand {
    pub(crate) display_name: String,
}

impl Command for CreateBrand {
    type Answer = Result<Uuid, Refused>;

    fn run(self, platform: &mut Platform, _: Timestamp) -> Self::Answer {
        limits::brand(&self.display_name)?;
        let id = platform.name();
        platform.business.brands.insert(
            id,
            Brand {
                display_name: self.display_name,
            },
        );
        Ok(id)
    }
}

/// A brand is called otherwise.
#[derive(Debug)]
pub(crate) struct RenameBrand {
    pub(crate) brand: Uuid,
    pub(crate) display_name: String,
}

impl Command for RenameBrand {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        platform.business.brand(self.brand)?;
        limits::brand(&self.display_name)?;
        platform.business.brands.insert(
            self.brand,
            Brand {
                display_name: self.display_name,
            },
        );
        let of_brand = |(agent, managed): (&AgentId, &Managed)| {
            (managed.brand == self.brand).then(|| agent.clone())
        };
        let agents: Vec<AgentId> = platform
            .business
            .agents
            .iter()
            .filter_map(of_brand)
            .collect();
        agents
            .iter()
            .for_each(|agent| platform.show_names(agent, now));
        Ok(())
    }
}

/// A brand goes.
#[derive(Debug)]
pub(crate) struct DeleteBrand {
    pub(crate) brand: Uuid,
    pub(crate) with: DeleteWith,
}

/// What goes with a brand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DeleteWith {
    /// It must have no agents.
    Nothing,
    /// Its agents, which must be archived.
    ArchivedAgents,
}

impl Command for DeleteBrand {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, _: Timestamp) -> Self::Answer {
        let business = &mut platform.business;
        business.brand(self.brand)?;
        let mut own = business
            .agents
            .iter()
            .filter(|(_, agent)| agent.brand == self.brand);
        let in_the_way =
            own.find(|(_, agent)| self.with == DeleteWith::Nothing || !agent.is_archived());
        if let Some((agent, _)) = in_the_way {
            let name = brand_name(self.brand);
            let rule = match self.with {
                DeleteWith::Nothing => "only with force=true, and when all its agents are archived",
                DeleteWith::ArchivedAgents => "only when all its agents are archived",
            };
            return Err(Refused::NotNow(format!(
                "{name} has the agent {}: it is deleted {rule}.",
                agent.bare()
            )));
        }
        business.agents.retain(|_, agent| agent.brand != self.brand);
        business.brands.remove(&self.brand);
        Ok(())
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "business-brands",
        what: "Brands are made, read, listed, renamed and deleted; a name has 1 to 100 characters",
        basis: Basis::Documented,
        source: "reference/business-communications/rest/v1/brands; that a name is required is assumed",
        switch: None,
        test: "brands_are_made_changed_listed_and_removed",
    },
    &Behaviour {
        id: "business-brand-force",
        what: "A brand with agents is deleted only with force=true, and only if they are archived; messages know them still",
        basis: Basis::Assumed,
        source: "the reference has the parameter and does not say what it does, and says that agents cannot be deleted",
        switch: None,
        test: "a_brand_goes_with_archived_agents_only",
    },
];

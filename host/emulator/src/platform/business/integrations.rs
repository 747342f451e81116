//! Webhooks of single agents. (guides/management-api/webhooks; brands.agents.integrations)

use super::super::{Command, Platform};
use super::{AgentName, Managed, Pending, Refused, Rewiring, Webhook};
use crate::fidelity::{Basis, Behaviour};
use jiff::Timestamp;
use uuid::Uuid;

/// An agent's own webhook, as it was ordered.
#[derive(Clone, Debug)]
pub(crate) struct Integration {
    pub(crate) id: Uuid,
    pub(crate) webhook: Webhook,
}

impl Managed {
    /// The integration of this id.
    pub(crate) fn integration(&self, name: &AgentName, id: &str) -> Result<&Integration, Refused> {
        let found = self
            .integration
            .as_ref()
            .filter(|integration| integration.id.to_string() == id);
        found.ok_or_else(|| {
            Refused::Unknown(format!("{}/integrations/{id}", self.name(&name.agent)))
        })
    }

    /// That a second one would be one too many.
    pub(crate) fn has_room_for_an_integration(&self, name: &AgentName) -> Result<(), Refused> {
        let Some(integration) = &self.integration else {
            return Ok(());
        };
        let name = self.name(&name.agent);
        Err(Refused::Exists(format!(
            "{name} has a webhook already: {name}/integrations/{}.",
            integration.id
        )))
    }
}

/// A webhook that has answered the handshake becomes the agent's own.
#[derive(Debug)]
pub(crate) struct CreateIntegration {
    pub(crate) name: AgentName,
    pub(crate) webhook: Webhook,
}

impl Command for CreateIntegration {
    type Answer = Result<Uuid, Refused>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        platform
            .business
            .agent(&self.name)?
            .has_room_for_an_integration(&self.name)?;
        let id = platform.name();
        let integration = Integration {
            id,
            webhook: self.webhook.clone(),
        };
        platform.business.agent_mut(&self.name)?.integration = Some(integration);
        platform.rewire_later(now, self.name, Some(self.webhook));
        Ok(id)
    }
}

/// Another one takes its place.
#[derive(Debug)]
pub(crate) struct PatchIntegration {
    pub(crate) name: AgentName,
    pub(crate) id: String,
    pub(crate) webhook: Webhook,
}

impl Command for PatchIntegration {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        let managed = platform.business.agent_mut(&self.name)?;
        let id = managed.integration(&self.name, &self.id)?.id;
        managed.integration = Some(Integration {
            id,
            webhook: self.webhook.clone(),
        });
        platform.rewire_later(now, self.name, Some(self.webhook));
        Ok(())
    }
}

/// The agent has none of its own any more.
#[derive(Debug)]
pub(crate) struct DeleteIntegration {
    pub(crate) name: AgentName,
    pub(crate) id: String,
}

impl Command for DeleteIntegration {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        let managed = platform.business.agent_mut(&self.name)?;
        managed.integration(&self.name, &self.id)?;
        managed.integration = None;
        platform.rewire_later(now, self.name, None);
        Ok(())
    }
}

impl Platform {
    fn rewire_later(&mut self, now: Timestamp, name: AgentName, to: Option<Webhook>) {
        self.take_effect_later(
            now,
            Pending::Rewire(Rewiring {
                agent: Some(name.agent),
                to,
            }),
        );
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "business-integrations",
        what: "A webhook integration is made, read, listed, patched and deleted; it is ENABLED, and its verificationToken, which \
               is the client token, is never shown",
        basis: Basis::Documented,
        source: "guides/management-api/webhooks, reference/business-communications/rest/v1/brands.agents.integrations; that both \
                 fields are required is assumed",
        switch: None,
        test: "an_integration_is_made_shown_changed_and_deleted",
    },
    &Behaviour {
        id: "business-integration-handshake",
        what: "An integration is made, and its address or token changed, only if the webhook answers the handshake: otherwise \
               400, with what it did",
        basis: Basis::Documented,
        source: "guides/management-api/webhooks: the address must answer already; the code and the text are assumed",
        switch: None,
        test: "a_webhook_that_fails_the_handshake_is_not_registered",
    },
    &Behaviour {
        id: "business-dialogflow",
        what: "A Dialogflow integration is answered 400",
        basis: Basis::Assumed,
        source: "the reference has them; here no agent has Dialogflow",
        switch: None,
        test: "what_an_integration_must_not_say_is_named",
    },
];

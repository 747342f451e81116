//! The partner, whose service account everybody here has, and its webhook. (reference/business-communications/rest/v1/partners)

use super::super::{Command, Platform};
use super::{Pending, Refused, Rewiring, Webhook};
use crate::fidelity::{Basis, Behaviour};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// The partner.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Partner {
    pub(crate) id: Uuid,
    /// What it says of itself, as the API has it.
    pub(crate) document: Value,
}

impl Partner {
    pub(super) fn new(seed: &Uuid) -> Self {
        Self {
            id: Uuid::new_v5(seed, b"partner"),
            document: json!({ "displayName": "Emulator" }),
        }
    }

    /// `partners/{uuid}`
    pub(crate) fn name(&self) -> String {
        format!("partners/{}", self.id)
    }
}

/// The address of the webhook that a partner says it has.
pub(crate) fn webhook_url(document: &Value) -> Option<&str> {
    let capabilities = document["productCapabilities"].as_array()?;
    let url = |capability: &'_ Value| {
        capability
            .pointer("/rcsBusinessMessagingCapability/webhookUrl")
            .is_some()
    };
    let capability = capabilities.iter().find(|capability| url(capability))?;
    capability
        .pointer("/rcsBusinessMessagingCapability/webhookUrl")?
        .as_str()
        .filter(|url| !url.is_empty())
}

/// The partner says something else of itself.
#[derive(Debug)]
pub(crate) struct PatchPartner {
    pub(crate) document: Value,
    pub(crate) webhook: PartnerWebhook,
}

/// What becomes of the partner's webhook.
#[derive(Debug)]
pub(crate) enum PartnerWebhook {
    Stays,
    /// It has answered the handshake.
    Becomes(Webhook),
    Goes,
}

impl Command for PatchPartner {
    type Answer = Result<(), Refused>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        platform.business.partner.document = self.document;
        let to = match self.webhook {
            PartnerWebhook::Stays => return Ok(()),
            PartnerWebhook::Becomes(webhook) => Some(webhook),
            PartnerWebhook::Goes => None,
        };
        platform.take_effect_later(now, Pending::Rewire(Rewiring { agent: None, to }));
        Ok(())
    }
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "business-partner",
        what: "There is one partner, which is read and patched; agents name it",
        basis: Basis::Documented,
        source: "reference/business-communications/rest/v1/partners; that there is one, and its id, is ours",
        switch: None,
        test: "the_partners_webhook_is_called_for_agents_without_their_own",
    },
    &Behaviour {
        id: "business-partner-webhook",
        what: "The webhookUrl of the partner must answer the handshake, and is called for agents that have no integration; \
               without one, the webhook goes",
        basis: Basis::Documented,
        source: "reference/business-communications/rest/v1/partners, guides/integrate/webhooks; that a patch asks for the \
                 handshake is assumed",
        switch: None,
        test: "the_partners_webhook_is_called_for_agents_without_their_own",
    },
    &Behaviour {
        id: "business-partner-token",
        what: "The partner's client token is the one that its webhook was registered with at /emulator/webhooks, or else the \
               one that GET /emulator/webhooks shows",
        basis: Basis::Assumed,
        source: "the reference has no field for it; older guides have the console show it, the newest has the partner enter it",
        switch: None,
        test: "the_partners_webhook_is_called_for_agents_without_their_own",
    },
];

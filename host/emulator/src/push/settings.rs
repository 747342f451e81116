//! How webhooks are called, where Google's pages say nothing or disagree, or where a test wants it otherwise.

use super::faults::{self, WebhookFaults};
use crate::length;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How webhooks are called.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// How the signed document is written.
    pub data: DataLayout,
    /// Whether calls say what they are about in `X-Goog-Webhook-Type`, as they do since 2026-07-13.
    pub type_header: bool,
    /// Whether launch events are signed. Unconfirmed.
    pub launch_signature: bool,
    /// Who hears of launches, on which pages disagree.
    pub launches_to: LaunchesTo,
    /// Which answers to the handshake do.
    pub secret: SecretRule,
    /// Whether an address must begin with `https`, as Google's must. On one machine plain HTTP does.
    pub https_only: bool,
    /// How long a webhook may take to answer, in real time. Unconfirmed.
    #[serde(with = "length::unsigned")]
    pub answer_time_max: Duration,
    /// How long is waited after the first failure; each further one doubles it, up to 600 s. Unconfirmed.
    #[serde(with = "length::unsigned")]
    pub first_delay: Duration,
    /// So many notices wait at most. Beyond that the oldest is dropped and counted, so that memory has an end.
    pub queue_length_max: usize,
    /// What goes wrong from the start.
    #[serde(deserialize_with = "faults::sensible")]
    pub faults: WebhookFaults,
}

/// How the signed document is written. It means the same either way.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataLayout {
    /// Over many lines, as captured in 2022: who writes it anew before checking the signature gets that wrong.
    Pretty,
    /// On one line.
    Compact,
}

/// Who hears of launches.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchesTo {
    /// The agent's own webhook if it has one, as with everything else.
    #[default]
    Agent,
    /// The partner's webhook only.
    Partner,
}

/// Which answers to the handshake do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRule {
    /// The bare secret, and what two samples of Google's answer instead.
    Samples,
    /// The bare secret only, as the guide has it.
    BareOnly,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            data: DataLayout::Pretty,
            type_header: true,
            launch_signature: true,
            launches_to: LaunchesTo::Agent,
            secret: SecretRule::Samples,
            https_only: false,
            answer_time_max: Duration::from_secs(30),
            first_delay: Duration::from_secs(1),
            queue_length_max: 100_000,
            faults: WebhookFaults::default(),
        }
    }
}

//! What a webhook's answer to the handshake says of it. Pure: the answer is an argument.
//!
//! guides/integrate/webhooks: 200 and the bare secret. Two samples of Google's own answer otherwise; whether the platform takes
//! that is unconfirmed.

use super::doctor::Complaint;
use super::settings::SecretRule;
use super::targets::Level;
use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// How a webhook was registered.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// For whom.
    pub level: Level,
    /// Where it is.
    pub url: String,
    /// What it answered with 200.
    pub answer: SecretAnswer,
    /// How long that took, in real time.
    pub took: Duration,
}

/// What a webhook answered with 200 when it was asked for the secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretAnswer {
    /// The bare secret.
    Bare,
    /// `secret: …`, as a sample of Google's for Node does.
    Prefixed,
    /// `{"secret": …}`, as a sample of Google's for Python does.
    Json,
    /// The secret as a JSON string.
    Quoted,
    /// The secret with white space around it, such as a new line at the end.
    Spaced,
    /// The secret among other text.
    Among(String),
    /// The client token.
    Token,
    /// A status, as the body: Express 5 sends 200 for the guide's `res.send(400)`.
    Status(u16),
    /// Nothing.
    Empty,
    /// Something else, of which this is the beginning.
    Other(String),
}

/// Why a webhook was not registered. If there was another one, it stays.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WebhookProblem {
    /// Nothing can be asked there.
    #[error("{url:?} is no address of a webhook: {reason}")]
    Address {
        /// What was to be the address.
        url: String,
        /// Why it is none.
        reason: String,
    },
    /// It did not answer the handshake with 200.
    #[error("the webhook {url} is not registered: it {complaint}{}", .complaint.advice_about_a_handshake())]
    Call {
        /// Where.
        url: String,
        /// What was wrong.
        complaint: Complaint,
    },
    /// It did not answer with the bare secret.
    #[error("the webhook {url} is not registered: it {answer}")]
    WrongAnswer {
        /// Where.
        url: String,
        /// What it answered.
        answer: SecretAnswer,
    },
}

impl SecretAnswer {
    pub(super) fn judge(secret: &str, client_token: &str, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Value>(&text) {
            _ if text == secret => Self::Bare,
            _ if text.strip_prefix("secret: ") == Some(secret) => Self::Prefixed,
            Ok(Value::Object(fields))
                if fields.get("secret").is_some_and(|value| value == secret) =>
            {
                Self::Json
            }
            Ok(Value::String(value)) if value == secret => Self::Quoted,
            _ if text.trim() == secret => Self::Spaced,
            _ if text.trim().is_empty() => Self::Empty,
            _ if text.contains(secret) => Self::Among(excerpt(&text)),
            _ if text.contains(client_token) => Self::Token,
            Ok(Value::Number(number))
                if (100..600).contains(&number.as_u64().unwrap_or_default()) =>
            {
                Self::Status(
                    number
                        .as_u64()
                        .and_then(|number| number.try_into().ok())
                        .unwrap_or_default(),
                )
            }
            _ => Self::Other(excerpt(&text)),
        }
    }

    pub(super) fn does(&self, rule: SecretRule) -> bool {
        match self {
            Self::Bare => true,
            Self::Prefixed | Self::Json => rule == SecretRule::Samples,
            _ => false,
        }
    }

    /// A name that does not change, for scripts.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Bare => "bare-secret",
            Self::Prefixed => "secret-with-prefix",
            Self::Json => "secret-in-json",
            Self::Quoted => "secret-in-quotes",
            Self::Spaced => "secret-with-white-space",
            Self::Among(_) => "secret-among-text",
            Self::Token => "client-token",
            Self::Status(_) => "status-in-body",
            Self::Empty => "empty",
            Self::Other(_) => "other-text",
        }
    }
}

impl fmt::Display for SecretAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = "and the guide wants the bare secret";
        match self {
            Self::Bare => write!(formatter, "answered 200 and the bare secret"),
            Self::Prefixed => {
                write!(
                    formatter,
                    "answered `secret: ` before the secret, as a sample of Google's for Node does, {wanted}"
                )
            }
            Self::Json => {
                write!(
                    formatter,
                    "answered the secret in JSON, as a sample of Google's for Python does, {wanted}"
                )
            }
            Self::Quoted => write!(formatter, "answered the secret in quotes, {wanted}"),
            Self::Spaced => write!(
                formatter,
                "answered the secret with white space around it, such as a new line at the end, {wanted}"
            ),
            Self::Among(text) => write!(
                formatter,
                "answered the secret among other text, {text:?}, {wanted}"
            ),
            // The token is not repeated.
            Self::Token => write!(
                formatter,
                "answered the clientToken in place of the secret, {wanted}"
            ),
            Self::Status(status) => write!(
                formatter,
                "answered 200 and {status} as the body, as Express 5 does for `res.send({status})`, {wanted}"
            ),
            Self::Empty => write!(formatter, "answered 200 without a body, {wanted}"),
            Self::Other(text) => write!(formatter, "answered {text:?}, {wanted}"),
        }
    }
}

impl WebhookProblem {
    /// A name that does not change, for scripts.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Address { .. } => "no-address",
            Self::Call { complaint, .. } => complaint.slug(),
            Self::WrongAnswer { answer, .. } => answer.slug(),
        }
    }
}

/// An answer to the handshake is read as far as this. A secret has 32.
pub(super) const ANSWER_BYTES_MAX: usize = 4 << 10;

const HANDSHAKE: &Behaviour = &Behaviour {
    id: "webhook-handshake",
    what: "A webhook is registered when it answers {clientToken, secret} with 200 and the bare secret, and not otherwise",
    basis: Basis::Documented,
    source: "guides/integrate/webhooks",
    switch: None,
    test: "a_webhook_is_registered_only_with_the_secret_and_each_other_answer_is_named",
};
const SAMPLES: &Behaviour = &Behaviour {
    id: "webhook-handshake-samples",
    what: "`secret: …` and {\"secret\": …} do as well, and are reported",
    basis: Basis::Assumed,
    source: "github rcs-business-messaging/rbm-api-examples answers so; the guide wants the bare secret",
    switch: Some("webhooks.secret"),
    test: "a_webhook_is_registered_only_with_the_secret_and_each_other_answer_is_named",
};
const UNSIGNED: &Behaviour = &Behaviour {
    id: "webhook-handshake-unsigned",
    what: "The handshake has no signature",
    basis: Basis::Assumed,
    source: "the token is in its body; no page says whether it is signed",
    switch: None,
    test: "the_handshake_is_as_the_guide_has_it",
};
const HTTP: &Behaviour = &Behaviour {
    id: "webhook-http",
    what: "A webhook may have an address with http",
    basis: Basis::Assumed,
    source: "ours, for one machine: guides/integrate/webhooks wants https",
    switch: Some("webhooks.https_only"),
    test: "what_is_no_address_is_not_called",
};

pub(super) const BEHAVIOURS: &[&Behaviour] = &[HANDSHAKE, SAMPLES, UNSIGNED, HTTP];

//! What a configuration says once nothing is wrong with it. Whoever has a `Config` need not check anything of it again;
//! only what can change while it runs may still fail, such as an address that is taken or a file that is replaced.
//! Nothing is read or decided in this file.

use gateway_channel::Setting;
use ipnet::IpNet;
use rbm_gateway::callback::StartFrom;
use rbm_gateway::{Keyword, Pace, QuietHours};
use rbm_host::Credentials;
use rbm_wire::name::AgentId;
use rustls::ServerConfig;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use url::Url;

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) admin: Admin,
    pub(crate) store: Store,
    pub(crate) retention: Retention,
    pub(crate) platform: Platform,
    /// The webhook that all agents share. None: there is none.
    pub(crate) partner: Option<Partner>,
    /// At least one; in the order of their names, which differ, and so do their ids.
    pub(crate) agents: Vec<AgentConfig>,
    /// In the order of their names.
    pub(crate) callbacks: Vec<CallbackConfig>,
    /// Whether an event tells of each message that the platform has accepted.
    pub(crate) accepted_events: bool,
    pub(crate) opt_out: OptOut,
    pub(crate) log: Log,
}

/// Where messages come in, events go out and webhooks come in.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    /// Each of them is enough for `/v1`; two while one replaces the other. Empty only on loopback: nobody needs one.
    pub(crate) api_tokens: Vec<SecretString>,
    /// From where plain HTTP is taken on a listener that is not loopback.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// None: plain HTTP, which is for loopback or for `trusted_proxies`.
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// Where `/healthz`, `/readyz` and `/metrics` are.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    pub(crate) listen: SocketAddr,
    /// None only on loopback: nobody needs one.
    pub(crate) token: Option<SecretString>,
}

/// Where messages and events are kept.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// It need not exist yet.
    pub(crate) directory: PathBuf,
}

/// How long what is done with is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_field_names, reason = "a number says its unit")]
pub(crate) struct Retention {
    /// The ids of what was seen, 14 or more.
    pub(crate) seen_days: u32,
    pub(crate) events_days: u32,
    pub(crate) messages_days: u32,
    pub(crate) quarantine_days: u32,
}

/// How the platform is reached.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    /// A scheme, a host and perhaps a port. None: Google's, which the plugin knows.
    pub(crate) api_origin: Option<String>,
    pub(crate) allow_private_addresses: bool,
    /// 1 to 60 s, after which nobody knows whether it was done; a large body has a second more for each megabyte.
    pub(crate) request_time_max: Duration,
}

/// The webhook that all agents share.
#[derive(Clone, Debug)]
pub(crate) struct Partner {
    /// One, or two while one replaces the other.
    pub(crate) client_tokens: Vec<SecretString>,
}

/// An agent.
#[derive(Clone, Debug)]
pub(crate) struct AgentConfig {
    /// What callers call it, and what its webhook's path ends in: letters, digits, `-` and `_`.
    pub(crate) name: String,
    pub(crate) agent_id: AgentId,
    /// One, or two while one replaces the other; the newer one last.
    pub(crate) client_tokens: Vec<SecretString>,
    /// What calls of the platform are made with.
    pub(crate) credentials: Credentials,
    /// `us`, `europe` or `asia`. None: the global address.
    pub(crate) region: Option<&'static str>,
    /// `otp`, `transactional`, `promotional` or `multi-use`. None: nobody said, and it is not checked.
    pub(crate) use_case: Option<&'static str>,
    /// 1 to 10.
    pub(crate) card_suggestions_max: u32,
    pub(crate) pace: Pace,
    /// None: it may send at any time.
    pub(crate) quiet_hours: Option<QuietHours>,
}

impl AgentConfig {
    /// The plugin's settings that make it this agent.
    pub(crate) fn settings(&self, platform: &Platform) -> Vec<Setting> {
        let setting = |name: &str, value: &str| Setting {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let mut settings = vec![
            setting("agent-id", self.agent_id.bare()),
            setting(
                "card-suggestions-max",
                &self.card_suggestions_max.to_string(),
            ),
        ];
        settings.extend(
            self.client_tokens
                .iter()
                .map(|token| setting("client-token", token.expose_secret())),
        );
        settings.extend(self.region.map(|region| setting("region", region)));
        settings.extend(self.use_case.map(|use_case| setting("use-case", use_case)));
        settings.extend(
            platform
                .api_origin
                .as_deref()
                .map(|origin| setting("api-origin", origin)),
        );
        settings
    }
}

/// An address of an application that events are posted to.
#[derive(Clone, Debug)]
pub(crate) struct CallbackConfig {
    /// Letters, digits, `-` and `_`.
    pub(crate) name: String,
    /// https, or http if private addresses are allowed; without a user, a password and a fragment.
    pub(crate) url: Url,
    /// As Standard Webhooks writes them, `whsec_` and base64; one, or two while one replaces the other, the newer one last.
    pub(crate) secrets: Vec<SecretString>,
    /// The names of the agents whose events it takes; empty for all of them.
    pub(crate) agents: Vec<String>,
    /// With which events it begins when its name is new.
    pub(crate) from: StartFrom,
    /// Whether an event waits for those before it of the same conversation.
    pub(crate) order: bool,
    pub(crate) allow_private_addresses: bool,
}

/// How people say that they want no more messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct OptOut {
    /// Whether words such as STOP count, besides the platform's own button.
    pub(crate) keywords: bool,
    /// These count too; none of them is one of Google's that opts in.
    pub(crate) added: Vec<Keyword>,
    /// Of Google's words, these do not count.
    pub(crate) removed: Vec<Keyword>,
}

/// What is logged to stderr. `RBM_LOG` overrules the level.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Log {
    pub(crate) level: LevelFilter,
    pub(crate) format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

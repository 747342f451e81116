//! The plugin's settings, parsed once a call into types that cannot be wrong afterwards.

use crate::finding;
use gateway_channel::{ChannelFailure, Context, FailureCode, Finding, SettingDescription};
use rbm_wire::name::AgentId;
use rbm_wire::origin as address;
use rbm_wire::quoted::Quoted;
use std::fmt;

/// Where and as whom to send.
#[derive(Debug)]
pub struct Sender {
    /// The agent that sends.
    pub agent: AgentId,
    /// `https://europe-rcsbusinessmessaging.googleapis.com`, without a slash at the end.
    pub origin: String,
}

impl Sender {
    /// Whether calls go to where one region's agents are hosted. Another address than Google's is whatever it wants to be.
    pub(crate) fn is_regional(&self) -> bool {
        self.origin != address::GLOBAL
    }

    /// Reads `agent-id`, `region` and `api-origin`.
    pub fn parse(context: &Context) -> Result<Self, ChannelFailure> {
        match (agent(context), origin(context)) {
            (Ok(agent), Ok(origin)) => Ok(Self { agent, origin }),
            (agent, origin) => Err(misconfigured(
                agent.err().into_iter().chain(origin.err()).collect(),
            )),
        }
    }
}

/// How webhook requests are believed.
pub struct Receiver<'a> {
    /// The client tokens, in the order of the settings; at least one.
    pub tokens: Vec<&'a str>,
    /// The HTTP status for what is not signed as it should be.
    pub unverified_status: u16,
}

impl<'a> Receiver<'a> {
    /// Reads `client-token` and `unverified-status`.
    pub fn parse(context: &'a Context) -> Result<Self, ChannelFailure> {
        match (tokens(context), unverified_status(context)) {
            (Ok(tokens), Ok(unverified_status)) => Ok(Self {
                tokens,
                unverified_status,
            }),
            (tokens, status) => Err(misconfigured(
                tokens.err().into_iter().chain(status.err()).collect(),
            )),
        }
    }
}

/// What an agent may send, as far as only whoever registered it knows.
#[derive(Debug)]
pub struct Policy {
    /// How many suggestions a card may have: Google's pages say 4, and its generated clients 10.
    pub card_suggestions_max: i64,
    /// What the agent was registered for.
    pub use_case: Option<UseCase>,
}

impl Policy {
    /// Reads `card-suggestions-max` and `use-case`.
    pub fn parse(context: &Context) -> Result<Self, ChannelFailure> {
        match (card_suggestions_max(context), use_case(context)) {
            (Ok(card_suggestions_max), Ok(use_case)) => Ok(Self {
                card_suggestions_max,
                use_case,
            }),
            (most, use_case) => Err(misconfigured(
                most.err().into_iter().chain(use_case.err()).collect(),
            )),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            card_suggestions_max: CARD_SUGGESTIONS_MAX_DEFAULT,
            use_case: None,
        }
    }
}

/// What an agent is registered for, which decides the purposes of its messages. guides/build/messages/send
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UseCase {
    /// Sends one-time passwords.
    Otp,
    /// About what people ordered or have.
    Transactional,
    /// Advertises.
    Promotional,
    /// Several of these.
    MultiUse,
}

impl UseCase {
    const ALL: [Self; 4] = [
        Self::Otp,
        Self::Transactional,
        Self::Promotional,
        Self::MultiUse,
    ];

    /// As the setting says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Transactional => "transactional",
            Self::Promotional => "promotional",
            Self::MultiUse => "multi-use",
        }
    }
}

/// Tokens are secret: only how many there are is shown.
impl fmt::Debug for Receiver<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Receiver {{ tokens: {} × ***, unverified_status: {} }}",
            self.tokens.len(),
            self.unverified_status
        )
    }
}

/// Everything that is wrong with the settings, all at once.
pub fn check_settings(context: &Context) -> Vec<Finding> {
    let wrong = [
        agent(context).err(),
        origin(context).err(),
        tokens(context).err(),
        unverified_status(context).err(),
        card_suggestions_max(context).err(),
        use_case(context).err(),
    ];
    wrong
        .into_iter()
        .flatten()
        .chain(unknown(context))
        .chain(repeated(context))
        .collect()
}

/// What the settings are, for whoever configures the plugin.
pub fn descriptions() -> Vec<SettingDescription> {
    let setting = |name: &str, documentation: &str| SettingDescription {
        name: name.to_owned(),
        documentation: documentation.to_owned(),
        required: false,
        secret: false,
        many: false,
        default: None,
    };
    vec![
        SettingDescription {
            required: true,
            ..setting(AGENT_ID, "The agent that sends, with or without @rbm.goog.")
        },
        SettingDescription {
            required: true,
            secret: true,
            many: true,
            ..setting(
                CLIENT_TOKEN,
                "The webhook's client token. Give the old and the new one while it is rotated.",
            )
        },
        setting(
            REGION,
            "Where the agent is hosted: us, europe or asia. Without it the global address is used.",
        ),
        setting(
            API_ORIGIN,
            "Another address than Google's, for an emulator: http://127.0.0.1:8788.",
        ),
        SettingDescription {
            default: Some(UNVERIFIED_STATUS_DEFAULT.to_string()),
            ..setting(
                UNVERIFIED_STATUS,
                "The HTTP status that answers a webhook request whose signature is wrong.",
            )
        },
        SettingDescription {
            default: Some(CARD_SUGGESTIONS_MAX_DEFAULT.to_string()),
            ..setting(
                CARD_SUGGESTIONS_MAX,
                "How many suggestions a card may have: 4 by Google's pages, up to 10 by its clients.",
            )
        },
        setting(
            USE_CASE,
            "What the agent is registered for: otp, transactional, promotional or multi-use.",
        ),
    ]
}

fn agent(context: &Context) -> Result<AgentId, Finding> {
    let text = value(context, AGENT_ID).ok_or_else(|| {
        finding::error(
            AGENT_ID,
            "setting-required",
            "`agent-id` is missing: messages need an agent to come from",
            "",
        )
    })?;
    AgentId::parse(text)
        .map_err(|problem| finding::error(AGENT_ID, "agent-id", problem.to_string(), ""))
}

fn origin(context: &Context) -> Result<String, Finding> {
    if let Some(origin) = value(context, API_ORIGIN) {
        return explicit_origin(origin);
    }
    let region = value(context, REGION);
    address::of(region).map(str::to_owned).ok_or_else(|| {
        let message = format!(
            "`region` is {}, and must be us, europe or asia",
            Quoted(region.unwrap_or_default())
        );
        finding::error(
            REGION,
            "region",
            message,
            "guides/build/agents/create-agent",
        )
    })
}

fn explicit_origin(given: &str) -> Result<String, Finding> {
    let origin = given.strip_suffix('/').unwrap_or(given);
    let rest = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    let authority = rest.unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(plain) {
        let message = format!(
            "`api-origin` is {}, and must be a scheme, a host and perhaps a port",
            Quoted(given)
        );
        return Err(finding::error(API_ORIGIN, "api-origin", message, ""));
    }
    Ok(origin.to_owned())
}

fn tokens(context: &Context) -> Result<Vec<&str>, Finding> {
    let tokens: Vec<&str> = values(context, CLIENT_TOKEN).collect();
    if tokens.is_empty() {
        let message = "`client-token` is missing: without it no webhook request can be believed";
        return Err(finding::error(
            CLIENT_TOKEN,
            "setting-required",
            message,
            "guides/integrate/webhooks",
        ));
    }
    if tokens.iter().any(|token| token.is_empty()) {
        let message = "`client-token` is empty: anybody could sign with an empty token";
        return Err(finding::error(
            CLIENT_TOKEN,
            "client-token-empty",
            message,
            "guides/integrate/webhooks",
        ));
    }
    Ok(tokens)
}

fn unverified_status(context: &Context) -> Result<u16, Finding> {
    let Some(text) = value(context, UNVERIFIED_STATUS) else {
        return Ok(UNVERIFIED_STATUS_DEFAULT);
    };
    match text.parse() {
        Ok(status @ 200..=599) => Ok(status),
        _ => {
            let message = format!(
                "`unverified-status` is {}, and must be an HTTP status from 200 to 599",
                Quoted(text)
            );
            Err(finding::error(
                UNVERIFIED_STATUS,
                "unverified-status",
                message,
                "",
            ))
        }
    }
}

fn card_suggestions_max(context: &Context) -> Result<i64, Finding> {
    let Some(text) = value(context, CARD_SUGGESTIONS_MAX) else {
        return Ok(CARD_SUGGESTIONS_MAX_DEFAULT);
    };
    match text.parse() {
        Ok(most @ 1..=10) => Ok(most),
        _ => {
            let message = format!(
                "`card-suggestions-max` is {}, and must be a number from 1 to 10",
                Quoted(text)
            );
            Err(finding::error(
                CARD_SUGGESTIONS_MAX,
                "card-suggestions-max",
                message,
                "guides/build/messages/send",
            ))
        }
    }
}

fn use_case(context: &Context) -> Result<Option<UseCase>, Finding> {
    let Some(text) = value(context, USE_CASE) else {
        return Ok(None);
    };
    UseCase::ALL
        .into_iter()
        .find(|use_case| use_case.as_str() == text)
        .map(Some)
        .ok_or_else(|| {
            let message = format!(
                "`use-case` is {}, and must be otp, transactional, promotional or multi-use",
                Quoted(text)
            );
            finding::error(USE_CASE, "use-case", message, "guides/build/messages/send")
        })
}

fn unknown(context: &Context) -> impl Iterator<Item = Finding> {
    let unknown = context
        .settings
        .iter()
        .filter(|setting| !NAMES.contains(&setting.name.as_str()));
    unknown.map(|setting| {
        let message = format!(
            "there is no setting {}; the settings are {}",
            Quoted(&setting.name),
            NAMES.join(", ")
        );
        finding::error(setting.name.clone(), "setting-unknown", message, "")
    })
}

fn repeated(context: &Context) -> impl Iterator<Item = Finding> {
    let single = NAMES.into_iter().filter(|name| *name != CLIENT_TOKEN);
    single
        .filter(|name| values(context, name).count() > 1)
        .map(|name| {
            finding::error(
                name,
                "setting-repeated",
                format!("`{name}` is given more than once, and can have one value"),
                "",
            )
        })
}

fn misconfigured(findings: Vec<Finding>) -> ChannelFailure {
    let messages: Vec<&str> = findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    ChannelFailure {
        code: FailureCode::Misconfigured,
        message: messages.join("; "),
        retry_after_seconds: None,
        http_status: None,
        platform_status: None,
        platform_message: None,
        findings,
    }
}

fn value<'a>(context: &'a Context, name: &str) -> Option<&'a str> {
    values(context, name).next()
}

fn values<'a>(context: &'a Context, name: &str) -> impl Iterator<Item = &'a str> {
    context
        .settings
        .iter()
        .filter(move |setting| setting.name == name)
        .map(|setting| setting.value.as_str())
}

const AGENT_ID: &str = "agent-id";
const CLIENT_TOKEN: &str = "client-token";
const REGION: &str = "region";
const API_ORIGIN: &str = "api-origin";
const UNVERIFIED_STATUS: &str = "unverified-status";
const CARD_SUGGESTIONS_MAX: &str = "card-suggestions-max";
const USE_CASE: &str = "use-case";
const NAMES: [&str; 7] = [
    AGENT_ID,
    CLIENT_TOKEN,
    REGION,
    API_ORIGIN,
    UNVERIFIED_STATUS,
    CARD_SUGGESTIONS_MAX,
    USE_CASE,
];
const CARD_SUGGESTIONS_MAX_DEFAULT: i64 = 4;
const UNVERIFIED_STATUS_DEFAULT: u16 = 401;

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_channel::Setting;

    fn context(settings: &[(&str, &str)]) -> Context {
        let setting = |(name, value): &(&str, &str)| Setting {
            name: (*name).into(),
            value: (*value).into(),
        };
        Context {
            settings: settings.iter().map(setting).collect(),
            now: "2026-11-24T10:00:00Z".into(),
        }
    }

    #[test]
    fn a_region_decides_the_address() {
        for (region, host) in [
            (None, "https://rcsbusinessmessaging.googleapis.com"),
            (Some("us"), "https://us-rcsbusinessmessaging.googleapis.com"),
            (
                Some("europe"),
                "https://europe-rcsbusinessmessaging.googleapis.com",
            ),
            (
                Some("asia"),
                "https://asia-rcsbusinessmessaging.googleapis.com",
            ),
        ] {
            let settings: Vec<_> = [("agent-id", "demo")]
                .into_iter()
                .chain(region.map(|name| ("region", name)))
                .collect();
            assert_eq!(
                Sender::parse(&context(&settings)).map(|sender| sender.origin),
                Ok(host.to_owned())
            );
        }
    }

    #[test]
    fn every_wrong_setting_is_found_at_once() {
        let findings = check_settings(&context(&[
            ("agent-id", "a/b"),
            ("region", "mars"),
            ("client-token", ""),
            ("unverified-status", "99"),
            ("colour", "red"),
            ("region", "us"),
            ("card-suggestions-max", "11"),
            ("use-case", "fun"),
        ]));
        let rules: Vec<_> = findings
            .iter()
            .map(|finding| finding.rule.as_str())
            .collect();
        let expected = [
            "agent-id",
            "region",
            "client-token-empty",
            "unverified-status",
            "card-suggestions-max",
            "use-case",
            "setting-unknown",
            "setting-repeated",
        ];
        assert_eq!(rules, expected);
    }

    #[test]
    fn an_origin_has_nothing_after_its_port() {
        for bad in [
            "ftp://x",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://user@a",
            "127.0.0.1:1",
        ] {
            assert!(explicit_origin(bad).is_err(), "{bad}");
        }
        assert_eq!(
            explicit_origin("http://127.0.0.1:8788/"),
            Ok("http://127.0.0.1:8788".to_owned())
        );
    }

    #[test]
    fn tokens_are_not_shown() {
        let context = context(&[("client-token", "canary")]);
        assert!(!format!("{:?} {context:?}", Receiver::parse(&context)).contains("canary"));
    }
}

//! The keys that a configuration may have: one row a key, from which the file, the environment and flags are read, and which
//! the schema and `rbm config show` are made of. What a value must look like beyond its kind is said where it is read.

use self::Kind::{Boolean, Choice, List, Path, Secret, Text, Whole};
use crate::excerpt::excerpt;
use rbm_json::nearest;

/// A key.
pub(super) struct Key {
    /// `server.listen`; in `agents.*.region` the star stands for any name.
    pub(super) pattern: &'static str,
    pub(super) kind: Kind,
    /// As the environment would say it.
    pub(super) default: Option<&'static str>,
    /// For editors.
    pub(super) documentation: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    /// Never shown. The key that is called the same with `_file` at its end names a file that holds it.
    Secret,
    /// The path of a file or of a directory, relative to the file of the configuration.
    Path,
    /// A whole number from the one to the other.
    Whole(u32, u32),
    Boolean,
    Choice(&'static [&'static str]),
    /// Several texts; in the environment with commas between them.
    List,
}

impl Key {
    /// The last part.
    pub(super) fn name(&self) -> &'static str {
        self.pattern.rsplit('.').next().unwrap_or(self.pattern)
    }

    /// The key of a pattern.
    pub(super) fn of(pattern: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.pattern == pattern)
    }
}

/// What may stand below a pattern, `""` being the whole: names, or a star for any. Nothing below a key.
pub(super) fn below(pattern: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for key in KEYS {
        let rest = if pattern.is_empty() {
            Some(key.pattern)
        } else {
            key.pattern
                .strip_prefix(pattern)
                .and_then(|rest| rest.strip_prefix('.'))
        };
        let name = rest.and_then(|rest| rest.split('.').next());
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

/// The patterns of the keys that a key excludes: the other ways to say the same.
pub(super) fn rivals(pattern: &str) -> Vec<String> {
    if let Some(name) = pattern
        .strip_prefix("agents.*.")
        .filter(|name| CREDENTIALS.contains(name))
    {
        return CREDENTIALS
            .iter()
            .filter(|other| **other != name)
            .map(|other| format!("agents.*.{other}"))
            .collect();
    }
    let other = match pattern.strip_suffix("_file") {
        Some(secret) => secret.to_owned(),
        None => format!("{pattern}_file"),
    };
    let of_a_secret = |pattern: &str| Key::of(pattern).is_some_and(|key| key.kind == Kind::Secret);
    let rival = Key::of(&other).is_some() && (of_a_secret(pattern) || of_a_secret(&other));
    if rival { vec![other] } else { Vec::new() }
}

/// `a.b`, or `b` where `a` is the whole.
pub(super) fn join(table: &str, name: &str) -> String {
    if table.is_empty() {
        name.to_owned()
    } else {
        format!("{table}.{name}")
    }
}

/// Whether an agent or a callback can be called so: it becomes part of an address and of a variable's name.
pub(super) fn is_name(text: &str) -> bool {
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let joined = |pair: &[u8]| pair.iter().any(u8::is_ascii_alphanumeric);
    (1..=NAME_BYTES_MAX).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
        && end(bytes.first())
        && end(bytes.last())
        && bytes.windows(2).all(joined)
}

/// The same for names that the environment cannot tell apart.
pub(super) fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// What is said about a name that is none, and which may have been meant.
pub(super) fn unknown(table: &str, name: &str, names: &[&str]) -> (String, Option<String>) {
    let place = if table.is_empty() {
        "the configuration"
    } else {
        table
    };
    let (what, name) = (
        if table.is_empty() { "section" } else { "key" },
        excerpt(name),
    );
    let message = format!(
        "there is no {what} {name:?} in {place}; there are {}",
        names.join(", ")
    );
    let help =
        nearest(names.iter().copied(), &name).map(|nearest| format!("did you mean `{nearest}`?"));
    (message, help)
}

const fn key(
    pattern: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    documentation: &'static str,
) -> Key {
    Key {
        pattern,
        kind,
        default,
        documentation,
    }
}

/// What a name must look like.
pub(super) const NAME_RULE: &str = "1 to 64 letters, digits, - and _, a letter or a digit first and last, and no two of - and _ in a row";
/// The same for a schema.
pub(super) const NAME_PATTERN: &str = "^(?=.{1,64}$)[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$";
const NAME_BYTES_MAX: usize = 64;

/// The ways to say with what calls of the platform are made.
pub(super) const CREDENTIALS: [&str; 4] = [
    "service_account",
    "service_account_file",
    "bearer_token",
    "bearer_token_file",
];
pub(super) const REGIONS: &[&str] = &["us", "europe", "asia"];
pub(super) const USE_CASES: &[&str] = &["otp", "transactional", "promotional", "multi-use"];
pub(super) const CALLBACK_FROM: &[&str] = &["now", "oldest"];
pub(super) const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
pub(super) const FORMATS: &[&str] = &["text", "json"];

/// Events come again for 7 days, and a client may send its message again later than that.
const SEEN_DAYS_MIN: u32 = 14;
const DAYS_MAX: u32 = 3650;

/// All of them, in the order in which they are shown.
pub(super) const KEYS: &[Key] = &[
    key(
        "server.listen",
        Text,
        Some("127.0.0.1:8787"),
        "Where messages and webhooks come in: an address and a port.",
    ),
    key(
        "server.api_token",
        Secret,
        None,
        "What callers of /v1 must know. Needed where others reach it.",
    ),
    key(
        "server.api_token_file",
        Path,
        None,
        "A file that holds api_token.",
    ),
    key(
        "server.next_api_token",
        Secret,
        None,
        "A second api_token while the first is replaced.",
    ),
    key(
        "server.next_api_token_file",
        Path,
        None,
        "A file that holds next_api_token.",
    ),
    key(
        "server.trusted_proxies",
        List,
        Some(""),
        "Networks from which plain HTTP is taken, because TLS ends there.",
    ),
    key(
        "server.tls.certificate_file",
        Path,
        None,
        "The certificate and those that lead to its root, in PEM.",
    ),
    key(
        "server.tls.key_file",
        Path,
        None,
        "The certificate's private key, in PEM.",
    ),
    key(
        "admin.listen",
        Text,
        Some("127.0.0.1:8789"),
        "Where /healthz, /readyz and /metrics are.",
    ),
    key(
        "admin.token",
        Secret,
        None,
        "What they ask for. Needed where others than this machine reach them.",
    ),
    key("admin.token_file", Path, None, "A file that holds token."),
    key(
        "store.directory",
        Path,
        Some("/var/lib/rbm"),
        "Where messages and events are kept.",
    ),
    key(
        "retention.seen_days",
        Whole(SEEN_DAYS_MIN, DAYS_MAX),
        Some("30"),
        "How long a repetition is known to be one.",
    ),
    key(
        "retention.events_days",
        Whole(1, DAYS_MAX),
        Some("30"),
        "How long events can be asked for.",
    ),
    key(
        "retention.messages_days",
        Whole(1, DAYS_MAX),
        Some("90"),
        "How long messages that are done with are kept.",
    ),
    key(
        "retention.quarantine_days",
        Whole(1, DAYS_MAX),
        Some("30"),
        "How long what could not be understood is kept.",
    ),
    key(
        "platform.api_origin",
        Text,
        None,
        "Another platform than Google's, for tests: https://host:port.",
    ),
    key(
        "platform.allow_private_addresses",
        Boolean,
        Some("false"),
        "Takes private addresses, and plain HTTP.",
    ),
    key(
        "platform.request_seconds_max",
        Whole(1, 60),
        Some("30"),
        "How long it may take to answer a request.",
    ),
    key(
        "partner.client_token",
        Secret,
        None,
        "The client token of the webhook that all agents share.",
    ),
    key(
        "partner.client_token_file",
        Path,
        None,
        "A file that holds client_token.",
    ),
    key(
        "partner.next_client_token",
        Secret,
        None,
        "A second client_token while the first is replaced.",
    ),
    key(
        "partner.next_client_token_file",
        Path,
        None,
        "A file that holds next_client_token.",
    ),
    key(
        "agents.*.agent_id",
        Text,
        None,
        "The agent's id, with or without @rbm.goog.",
    ),
    key(
        "agents.*.client_token",
        Secret,
        None,
        "The client token of its webhook. The partner's without it.",
    ),
    key(
        "agents.*.client_token_file",
        Path,
        None,
        "A file that holds client_token.",
    ),
    key(
        "agents.*.next_client_token",
        Secret,
        None,
        "A second client_token while the first is replaced.",
    ),
    key(
        "agents.*.next_client_token_file",
        Path,
        None,
        "A file that holds next_client_token.",
    ),
    key(
        "agents.*.service_account",
        Secret,
        None,
        "The JSON key of the service account that sends.",
    ),
    key(
        "agents.*.service_account_file",
        Path,
        None,
        "The file that Google's console gave out.",
    ),
    key(
        "agents.*.bearer_token",
        Secret,
        None,
        "A fixed token instead of a service account, for tests.",
    ),
    key(
        "agents.*.bearer_token_file",
        Path,
        None,
        "A file that holds bearer_token.",
    ),
    key(
        "agents.*.region",
        Choice(REGIONS),
        None,
        "Where the agent is hosted. The global address is used without it.",
    ),
    key(
        "agents.*.use_case",
        Choice(USE_CASES),
        None,
        "What it is registered for: which purposes messages have.",
    ),
    key(
        "agents.*.card_suggestions_max",
        Whole(1, 10),
        Some("4"),
        "How many a card may have: 4 by Google's pages.",
    ),
    key(
        "agents.*.messages_per_second",
        Whole(1, 10_000),
        Some("100"),
        "How many messages are sent in a second.",
    ),
    key(
        "agents.*.burst",
        Whole(1, 10_000),
        Some("10"),
        "How many messages may go at once after a pause.",
    ),
    key(
        "agents.*.quiet_hours.from",
        Text,
        None,
        "When it stops to send, such as 22:00.",
    ),
    key(
        "agents.*.quiet_hours.to",
        Text,
        None,
        "When it sends again, such as 07:00.",
    ),
    key(
        "agents.*.quiet_hours.time_zone",
        Text,
        None,
        "By the clocks of which place, such as Europe/Berlin.",
    ),
    key("callbacks.*.url", Text, None, "Where events are posted to."),
    key(
        "callbacks.*.secret",
        Secret,
        None,
        "What they are signed with: whsec_ and base64 of 24 to 64 bytes.",
    ),
    key(
        "callbacks.*.secret_file",
        Path,
        None,
        "A file that holds secret.",
    ),
    key(
        "callbacks.*.next_secret",
        Secret,
        None,
        "A second secret while the first is replaced; both sign.",
    ),
    key(
        "callbacks.*.next_secret_file",
        Path,
        None,
        "A file that holds next_secret.",
    ),
    key(
        "callbacks.*.agents",
        List,
        None,
        "Whose events are posted. All agents' without it.",
    ),
    key(
        "callbacks.*.from",
        Choice(CALLBACK_FROM),
        Some("now"),
        "With which events a callback of a new name begins: those from now on, or the oldest one that is kept.",
    ),
    key(
        "callbacks.*.order",
        Boolean,
        Some("false"),
        "Keeps the order within a conversation.",
    ),
    key(
        "callbacks.*.allow_private_addresses",
        Boolean,
        Some("false"),
        "Takes private addresses, and plain HTTP.",
    ),
    key(
        "events.accepted",
        Boolean,
        Some("false"),
        "Whether an event tells of each message that the platform has accepted.",
    ),
    key(
        "opt_out.keywords",
        Boolean,
        Some("true"),
        "Whether words such as STOP count as a wish for no more messages.",
    ),
    key(
        "opt_out.words",
        List,
        Some(""),
        "Words that count too, such as END; one of Google's with a minus before it does not count.",
    ),
    key(
        "log.level",
        Choice(LEVELS),
        Some("info"),
        "What is logged. RBM_LOG overrules it.",
    ),
    key(
        "log.format",
        Choice(FORMATS),
        Some("text"),
        "How: for people, or as a line of JSON each.",
    ),
];

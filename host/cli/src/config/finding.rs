//! Something that is wrong with a configuration, and who said it where. A finding never repeats a secret.

use super::given::Origin;
use Severity::{Error, Warning};
use std::fmt;

/// What is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) rule: Rule,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) origin: Origin,
}

/// Whether the gateway starts all the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Severity {
    Error,
    Warning,
}

/// What it offends against.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Rule {
    Syntax,
    UnknownKey,
    UnknownVariable,
    UnknownFlag,
    Name,
    Kind,
    Range,
    Choice,
    Required,
    Excluded,
    Alike,
    Address,
    Network,
    Url,
    AgentId,
    Time,
    SecretFile,
    SecretMode,
    Secret,
    Exposed,
    Reference,
    Certificate,
    Word,
}

impl Finding {
    /// The gateway does not start.
    pub(super) fn error(rule: Rule, message: String, origin: Origin) -> Self {
        Self {
            severity: Severity::Error,
            rule,
            message,
            help: None,
            origin,
        }
    }

    /// The gateway starts.
    pub(super) fn warning(rule: Rule, message: String, origin: Origin) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(rule, message, origin)
        }
    }

    /// With what to do about it.
    pub(super) fn with_help(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }

    /// Whether it keeps the gateway from starting.
    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(RULES[*self as usize].0)
    }
}

/// The names of all rules.
pub(crate) fn rules() -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.into_iter().map(|(name, _, about)| (name, about))
}

/// What a rule says, by its name.
pub(crate) fn explained(rule: &str) -> Option<String> {
    let (name, severity, about) = RULES.into_iter().find(|(name, ..)| *name == rule)?;
    let severity = if severity == Severity::Error {
        "error"
    } else {
        "warning"
    };
    Some(format!("{name} ({severity})\n{about}\n"))
}

/// In the order of [`Rule`].
const RULES: [(&str, Severity, &str); 23] = [
    ("config-syntax", Error, "The file is TOML."),
    (
        "config-unknown-key",
        Error,
        "Only keys that there are stand in the file: one that is misspelt would change nothing.",
    ),
    (
        "config-unknown-variable",
        Error,
        "A variable of the environment that begins with RBM_ and has two underscores in a row names a key. One that only looks \
         as if it were to name one is warned of, and left alone.",
    ),
    (
        "config-unknown-flag",
        Error,
        "What follows --set is KEY=VALUE, and the key is one that there is, and no secret.",
    ),
    (
        "config-name",
        Error,
        "The name of an agent or of a callback becomes part of an address and of the names of variables, and is fit for both.",
    ),
    (
        "config-kind",
        Error,
        "A value is of the kind that its key takes: a text, a whole number, true or false, a list, a table.",
    ),
    (
        "config-range",
        Error,
        "A number is within the limits of its key.",
    ),
    (
        "config-choice",
        Error,
        "A key that takes one of some words has one of them.",
    ),
    (
        "config-required",
        Error,
        "What the gateway cannot do its work without is there.",
    ),
    (
        "config-excluded",
        Error,
        "A thing is said in one way, where there are several: a secret, or a file that holds it.",
    ),
    (
        "config-alike",
        Error,
        "What must be told apart differs: names, ids, secrets, addresses to listen on.",
    ),
    (
        "config-address",
        Error,
        "What is listened on is an address of this machine and a port.",
    ),
    (
        "config-network",
        Error,
        "A trusted proxy is an address or a network, and not everybody.",
    ),
    (
        "config-url",
        Error,
        "Where the gateway sends to is https and public, unless private addresses are allowed, and has no user in it.",
    ),
    (
        "config-agent-id",
        Error,
        "An agent's id is one that the platform gives, with or without @rbm.goog.",
    ),
    (
        "config-time",
        Error,
        "Quiet hours are from one time of day to another, by the clocks of a place that IANA knows.",
    ),
    (
        "config-secret-file",
        Error,
        "A file that is named is there, can be read, and holds what it is to hold.",
    ),
    (
        "config-secret-mode",
        Warning,
        "A file that holds a secret can be read by its owner only: chmod 600.",
    ),
    (
        "config-secret",
        Error,
        "A secret has the form that it needs. What is wrong with it is said without repeating it.",
    ),
    (
        "config-exposed",
        Error,
        "What others than this machine reach asks for a token, and is encrypted by the gateway or by a proxy that is named.",
    ),
    (
        "config-reference",
        Error,
        "What a name refers to is there, once.",
    ),
    (
        "config-certificate",
        Error,
        "A certificate and its private key are in PEM, and belong together.",
    ),
    (
        "config-word",
        Error,
        "What opts out is a word or a short phrase, and does not opt in. With a minus before it, it is one of Google's words.",
    ),
];

const _: () = assert!(
    RULES.len() == Rule::Word as usize + 1,
    "each rule is in the table"
);

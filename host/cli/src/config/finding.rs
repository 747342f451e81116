//! Something that is wrong with a configuration, and who said it where. A finding never repeats a secret.

use super::given::Origin;
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
}

impl Finding {
    /// The gateway does not start.
    pub(super) fn error(rule: Rule, message: String, origin: Origin) -> Self {
        Self { severity: Severity::Error, rule, message, help: None, origin }
    }

    /// The gateway starts.
    pub(super) fn warning(rule: Rule, message: String, origin: Origin) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, message, origin) }
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
        formatter.write_str(match self {
            Self::Syntax => "config-syntax",
            Self::UnknownKey => "config-unknown-key",
            Self::UnknownVariable => "config-unknown-variable",
            Self::UnknownFlag => "config-unknown-flag",
            Self::Name => "config-name",
            Self::Kind => "config-kind",
            Self::Range => "config-range",
            Self::Choice => "config-choice",
            Self::Required => "config-required",
            Self::Excluded => "config-excluded",
            Self::Alike => "config-alike",
            Self::Address => "config-address",
            Self::Network => "config-network",
            Self::Url => "config-url",
            Self::AgentId => "config-agent-id",
            Self::Time => "config-time",
            Self::SecretFile => "config-secret-file",
            Self::SecretMode => "config-secret-mode",
            Self::Secret => "config-secret",
            Self::Exposed => "config-exposed",
            Self::Reference => "config-reference",
        })
    }
}

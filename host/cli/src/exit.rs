//! How a subcommand ends: with what it says on stderr and the exit code that a script can act on.

use crate::excerpt::excerpt;
use crate::gateway::GatewayError;
use clap::error::{ContextKind, ContextValue};
use std::fmt::Display;
use std::process::ExitCode;

/// Why a subcommand did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was tried and did not succeed: exit code 1.
    Failed(anyhow::Error),
    /// It was asked for wrongly: exit code 2.
    Usage(anyhow::Error),
    /// It may succeed later: exit code 3.
    Later(anyhow::Error),
    /// The gateway does not let one in: exit code 4.
    Denied(anyhow::Error),
}

impl Failure {
    /// Asked for wrongly.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::Usage(anyhow::anyhow!("{message}"))
    }

    /// Why.
    pub(crate) fn reason(&self) -> &anyhow::Error {
        let (Self::Failed(reason)
        | Self::Usage(reason)
        | Self::Later(reason)
        | Self::Denied(reason)) = self;
        reason
    }

    /// What a gateway found is about the message in this file.
    pub(crate) fn about(mut self, name: String, text: String) -> Self {
        let (Self::Failed(reason)
        | Self::Usage(reason)
        | Self::Later(reason)
        | Self::Denied(reason)) = &mut self;
        if let Some(error) = reason.downcast_mut::<GatewayError>() {
            error.about(name, text);
        }
        self
    }

    /// Prints what a gateway found, then the reason, outermost first, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (reason, code) = match self {
            Self::Failed(reason) => (reason, 1),
            Self::Usage(reason) => (reason, 2),
            Self::Later(reason) => (reason, 3),
            Self::Denied(reason) => (reason, 4),
        };
        if let Some(error) = reason.downcast_ref::<GatewayError>() {
            eprint!("{}", error.findings());
        }
        eprintln!("error: {reason:#}");
        ExitCode::from(code)
    }
}

/// What fails without saying more is an operation that failed.
impl From<anyhow::Error> for Failure {
    fn from(reason: anyhow::Error) -> Self {
        Self::Failed(reason)
    }
}

/// The same, repeating less of arguments that are long.
pub(crate) fn bounded(mut problem: clap::Error) -> clap::Error {
    let context = problem.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) => Some((kind, text.clone())),
        _ => None,
    });
    let context: Vec<(ContextKind, String)> = context.collect();
    for (kind, text) in context {
        let shown = excerpt(&text);
        if shown != text {
            problem.insert(kind, ContextValue::String(shown));
            // It repeats the argument, already put together.
            problem.remove(ContextKind::Suggested);
        }
    }
    problem
}

//! The log, on stderr. `RBM_LOG` takes the directives of tracing-subscriber's `EnvFilter`: `info`, `rbm_gateway=debug`, `trace`;
//! it wins over what a configuration says.

use crate::config;
use crate::excerpt::{excerpt, remark};
use crate::exit::Failure;
use std::io::{IsTerminal as _, stderr};
use tracing_subscriber::EnvFilter;

/// What to log, and how.
pub(crate) struct Settings {
    directives: String,
    format: config::LogFormat,
}

impl Settings {
    pub(crate) fn of(log: &config::Log) -> Self {
        Self {
            directives: log.level.to_string(),
            format: log.format,
        }
    }
}

/// For people at a terminal: warnings.
impl Default for Settings {
    fn default() -> Self {
        Self {
            directives: "warn".to_owned(),
            format: config::LogFormat::Text,
        }
    }
}

/// Once in a process.
pub(crate) fn start(settings: &Settings) -> Result<(), Failure> {
    let directives = std::env::var("RBM_LOG").unwrap_or_else(|_| settings.directives.clone());
    let filter = EnvFilter::try_new(&directives).map_err(|problem| {
        let (directives, problem) = (excerpt(&directives), remark(problem));
        Failure::usage(format!(
            "RBM_LOG is {directives:?}, which is no filter: {problem}"
        ))
    })?;
    let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(colour)
        .with_env_filter(filter);
    match settings.format {
        config::LogFormat::Text => log.init(),
        config::LogFormat::Json => log.json().init(),
    }
    Ok(())
}

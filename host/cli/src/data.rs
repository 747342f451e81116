//! Which directory a subcommand is to work on that needs the gateway to be stopped.

use crate::config;
use crate::excerpt;
use crate::exit::Failure;
use anyhow::anyhow;
use rbm_sqlite::OpenProblem;
use std::path::PathBuf;

/// The directory, or the configuration that names it.
#[derive(clap::Args)]
pub(crate) struct Data {
    /// The gateway's directory. Without it the configuration names it, as store.directory.
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["config", "set"])]
    data: Option<PathBuf>,
    #[command(flatten)]
    config: config::Arguments,
}

impl Data {
    pub(crate) fn directory(&self) -> Result<PathBuf, Failure> {
        match &self.data {
            Some(directory) => Ok(directory.clone()),
            None => Ok(config::load(&self.config)?.store.directory),
        }
    }

    /// By what somebody could do about it.
    pub(crate) fn unusable(&self, problem: &OpenProblem) -> Failure {
        let key = if self.data.is_some() {
            "--data"
        } else {
            "store.directory"
        };
        match problem {
            OpenProblem::Directory { path, reason } => Failure::usage(format!(
                "{key} {} cannot be used: {reason}",
                excerpt::path(path)
            )),
            OpenProblem::Missing { path } => {
                Failure::usage(format!("{key} {} has no store", excerpt::path(path)))
            }
            OpenProblem::Used { path } => {
                let hint = "name another directory, or move that one away";
                Failure::usage(format!(
                    "{key} {} has a store already\nhelp: {hint}",
                    excerpt::path(path)
                ))
            }
            OpenProblem::InUse { path } => {
                let hint = "stop the gateway that runs there";
                Failure::Later(anyhow!(
                    "{key} {} is in use by another process\nhelp: {hint}",
                    excerpt::path(path)
                ))
            }
            problem => Failure::Failed(anyhow!("{key}: {problem}")),
        }
    }
}

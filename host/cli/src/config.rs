//! `rbm.toml`: what the gateway is told before it starts, and `rbm config`, which tells what is wrong with it. Flags win over
//! the environment, the environment over the file, the file over defaults; everything that is wrong is found at once, and
//! secrets are never shown.

mod agents;
mod callbacks;
mod environment;
mod file;
mod files;
mod finding;
mod given;
mod keys;
mod opt_out;
mod read;
mod reading;
mod render;
pub(crate) mod scenario;
mod schema;
mod secret;
mod server;
mod show;
mod tls;
mod validated;

use crate::exit::Failure;
use crate::finding::{counted, renderer};
use crate::output;
use finding::Finding;
use read::{Outcome, Sources};
use render::Source;
use serde_json::{Value, json};

pub(crate) use files::Arguments;
pub(crate) use finding::{explained, rules};
pub(crate) use validated::{
    AgentConfig, CallbackConfig, Config, Log, LogFormat, OptOut, Partner, Platform, Retention,
};

/// What can be asked about a configuration.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Finds everything that is wrong with a configuration. Starts nothing.
    Check(Asked),
    /// Shows what is in effect and who said it: the file, the environment, a flag or nobody. Secrets are stars.
    Show(Asked),
    /// Prints the JSON schema of the file, for editors.
    Schema,
    /// Prints a configuration with every key and what it means.
    Example,
}

/// About which, and how to answer.
#[derive(clap::Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    arguments: Arguments,
    /// Prints one line of JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Check(asked) => check(&asked),
        Command::Show(asked) => show(&asked),
        Command::Schema => Ok(output::line(format!("{:#}", schema::schema()))?),
        Command::Example => Ok(output::bytes(EXAMPLE.as_bytes())?),
    }
}

/// The configuration for a gateway that is to start. What is wrong with it goes to stderr.
pub(crate) fn load(arguments: &Arguments) -> Result<Config, Failure> {
    with(arguments, |source, outcome| {
        eprint!("{}", shown(source, &outcome.findings, &std::io::stderr()));
        outcome
            .config
            .ok_or_else(|| refused(source, &outcome.findings))
    })
}

fn check(asked: &Asked) -> Result<(), Failure> {
    with(&asked.arguments, |source, outcome| {
        let findings = &outcome.findings;
        if asked.json {
            let findings: Vec<Value> = findings
                .iter()
                .map(|finding| as_json(source, finding))
                .collect();
            output::line(json!({ "file": source.name, "findings": findings }))?;
        } else {
            let shown = shown(source, findings, &std::io::stdout());
            output::line(format!("{shown}{}: {}", source.name, summary(findings)))?;
        }
        outcome
            .config
            .map(|_| ())
            .ok_or_else(|| refused(source, findings))
    })
}

/// Of what is wrong not everything is in effect, so that it is told instead.
fn show(asked: &Asked) -> Result<(), Failure> {
    with(&asked.arguments, |source, outcome| {
        eprint!("{}", shown(source, &outcome.findings, &std::io::stderr()));
        if outcome.config.is_none() {
            return Err(refused(source, &outcome.findings));
        }
        if asked.json {
            output::line(show::json(&outcome.givens, source))?;
        } else {
            output::bytes(show::toml(&outcome.givens, source).as_bytes())?;
        }
        Ok(())
    })
}

fn with<T>(
    arguments: &Arguments,
    then: impl FnOnce(&Source<'_>, Outcome) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let found = files::find(arguments)?;
    let outcome = read::read(&Sources {
        text: &found.text,
        directory: &found.directory,
        variables: &found.variables,
        flags: &found.flags,
        read_file: &files::read,
    });
    let hidden = outcome.hidden.clone();
    let source = Source {
        name: &found.name,
        text: &found.text,
        is_toml: outcome.is_toml,
        hidden: &hidden,
    };
    then(&source, outcome)
}

/// Each finding with its place, and an empty line after it.
fn shown(source: &Source<'_>, findings: &[Finding], output: &impl std::io::IsTerminal) -> String {
    let renderer = renderer(output);
    findings
        .iter()
        .map(|finding| format!("{}\n\n", source.shown(&renderer, finding)))
        .collect()
}

fn as_json(source: &Source<'_>, finding: &Finding) -> Value {
    let position = source.position(&finding.origin);
    json!({
        "severity": if finding.is_error() { "error" } else { "warning" },
        "rule": finding.rule.to_string(),
        "message": finding.message,
        "help": finding.help,
        "from": source.who(&finding.origin),
        "line": position.map(|position| position.line),
        "column": position.map(|position| position.column),
    })
}

fn refused(source: &Source<'_>, findings: &[Finding]) -> Failure {
    Failure::usage(format!(
        "{} is no configuration to start with: {}",
        source.name,
        summary(findings)
    ))
}

fn summary(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    format!(
        "{}, {}",
        counted(errors, "error"),
        counted(findings.len() - errors, "warning")
    )
}

const EXAMPLE: &str = include_str!("config/example.toml");

#[cfg(test)]
mod tests;

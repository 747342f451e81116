//! `rbm`: the binary. Thin: one file a subcommand, each of which prints its data to stdout and what it has to say to people
//! to stderr. Exit codes: 0 done, 1 the operation failed, 2 used wrongly, 3 try again later.

mod ask;
mod check;
mod component;
mod config;
mod dev;
mod excerpt;
mod exit;
mod explain;
mod finding;
mod gateway;
mod input;
mod output;
mod send;
mod sign;
mod verify;

use clap::{Parser, Subcommand};
use excerpt::{excerpt, remark};
use exit::Failure;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// RCS Business Messaging for message gateways.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a gateway and a stand-in for Google's platform on this machine, with a phone that answers.
    Dev(dev::Arguments),
    /// Sends a message through a gateway.
    Send(send::Arguments),
    #[command(flatten)]
    Ask(ask::Command),
    /// Finds what is wrong with messages before anything is sent.
    Check(check::Arguments),
    /// Finds what is wrong with the configuration of a gateway, and shows what it comes to.
    #[command(subcommand)]
    Config(config::Command),
    /// Says what a rule means that a finding names, and who says so.
    Explain(explain::Arguments),
    /// Prints the X-Goog-Signature of the bytes on stdin.
    Sign(sign::Arguments),
    /// Tells whether the webhook body on stdin is signed by one of the tokens.
    Verify(verify::Arguments),
    /// Writes the plugin that is built into this binary, a WebAssembly component.
    Component(component::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|problem| exit::bounded(problem).exit());
    match run(arguments.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    log_to_stderr()?;
    match command {
        Command::Dev(arguments) => dev::run(arguments).await,
        Command::Send(arguments) => send::run(arguments).await,
        Command::Ask(command) => ask::run(command).await,
        Command::Check(arguments) => check::run(arguments).await,
        Command::Config(command) => config::run(command),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Sign(arguments) => sign::run(&arguments),
        Command::Verify(arguments) => verify::run(arguments).await,
        Command::Component(arguments) => component::run(&arguments),
    }
}

/// `RBM_LOG` takes the directives of tracing-subscriber's `EnvFilter`: `info`, `rbm_gateway=debug`, `trace`.
fn log_to_stderr() -> Result<(), Failure> {
    let directives = std::env::var("RBM_LOG").unwrap_or_else(|_| "warn".to_owned());
    let filter = EnvFilter::try_new(&directives).map_err(|problem| {
        let (directives, problem) = (excerpt(&directives), remark(problem));
        Failure::usage(format!("RBM_LOG is {directives:?}, which is no filter: {problem}"))
    })?;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colour).with_env_filter(filter).init();
    Ok(())
}

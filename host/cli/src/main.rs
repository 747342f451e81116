//! `rbm`: the binary. Thin: one file a subcommand, each of which prints its data to stdout and what it has to say to people
//! to stderr. Exit codes: 0 done, 1 the operation failed, 2 used wrongly, 3 try again later, 4 not let in.

mod ask;
mod callbacks;
mod capacity;
mod check;
mod component;
mod config;
mod conform;
mod data;
mod dev;
mod emulate;
#[cfg(feature = "envoy")]
mod envoy;
mod erase;
mod events;
mod excerpt;
mod exit;
mod explain;
mod export;
mod finding;
mod gateway;
mod import;
mod input;
#[cfg(not(all(feature = "envoy", feature = "package")))]
mod left_out;
mod listing;
mod log;
mod loopback;
mod messages;
mod opt_out;
mod output;
#[cfg(feature = "package")]
mod package;
mod plugin;
mod quarantine;
mod send;
mod serve;
mod sign;
mod signals;
mod table;
mod verify;

use clap::{Parser, Subcommand};
use exit::Failure;
use std::process::ExitCode;

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
    /// Runs the stand-in for Google's platform alone, for any client of Google's API.
    Emulate(emulate::Arguments),
    /// Runs a gateway as a configuration says, until it is told to stop.
    Serve(serve::Arguments),
    /// Judges webhooks for an Envoy before an application: external authorization and external processing.
    #[cfg(feature = "envoy")]
    Envoy(envoy::Arguments),
    /// Not in this build: cargo build --locked --features envoy
    #[cfg(not(feature = "envoy"))]
    #[command(hide = true)]
    Envoy(left_out::Arguments),
    /// Sends a message through a gateway.
    Send(send::Arguments),
    #[command(flatten)]
    Ask(ask::Command),
    /// Tells of messages, and tries them again.
    #[command(subcommand)]
    Messages(messages::Command),
    /// Tells of events, also as they come.
    #[command(subcommand)]
    Events(events::Command),
    /// Tells where events are posted, and sets that going again.
    #[command(subcommand)]
    Callbacks(callbacks::Command),
    /// Tells of events that nobody took, and posts them again.
    #[command(subcommand)]
    DeadLetters(callbacks::DeadLetters),
    /// Tells of webhook requests that were put aside, and judges them again.
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// Forgets a person: removes every message, every event and whatever else there is about a number.
    Erase(erase::Arguments),
    /// Writes all that a stopped gateway keeps, as lines of JSON: to move it, to keep a copy, or to look into it.
    Export(export::Arguments),
    /// Makes a gateway's directory of what an export wrote, all of it or nothing.
    Import(import::Arguments),
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
    /// Prints the description of a gateway's HTTP API, in the form of openapi 3.1.
    Openapi,
    /// Writes the plugin that is built into this binary, a WebAssembly component.
    Component(component::Arguments),
    /// Holds a plugin, of any channel, to what the contract promises.
    Conform(conform::Arguments),
    /// Writes what other hosts load: the plugin, joined with adapters where they have `wasi:http`, and the contract.
    #[cfg(feature = "package")]
    Package(package::Arguments),
    /// Not in this build: cargo build --locked --features package
    #[cfg(not(feature = "package"))]
    #[command(hide = true)]
    Package(left_out::Arguments),
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
    // Which logs as its configuration says.
    if !matches!(command, Command::Serve(_)) {
        log::start(&log::Settings::default())?;
    }
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Dev(arguments) => dev::run(arguments).await,
        Command::Emulate(arguments) => emulate::run(arguments).await,
        #[cfg(feature = "envoy")]
        Command::Envoy(arguments) => envoy::run(arguments).await,
        #[cfg(not(feature = "envoy"))]
        Command::Envoy(_) => Err(left_out::refuse("envoy")),
        Command::Send(arguments) => send::run(arguments).await,
        Command::Ask(command) => ask::run(command).await,
        Command::Messages(command) => messages::run(command).await,
        Command::Events(command) => events::run(command).await,
        Command::Callbacks(command) => callbacks::run(command).await,
        Command::DeadLetters(command) => callbacks::run_dead_letters(command).await,
        Command::Quarantine(command) => quarantine::run(command).await,
        Command::Erase(arguments) => erase::run(arguments).await,
        Command::Export(arguments) => export::run(arguments).await,
        Command::Import(arguments) => import::run(arguments).await,
        Command::Check(arguments) => check::run(arguments).await,
        Command::Config(command) => config::run(command),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Sign(arguments) => sign::run(&arguments),
        Command::Verify(arguments) => verify::run(arguments).await,
        Command::Openapi => Ok(output::bytes(rbm_gateway::OPENAPI.as_bytes())?),
        Command::Component(arguments) => component::run(&arguments),
        Command::Conform(arguments) => conform::run(arguments).await,
        #[cfg(feature = "package")]
        Command::Package(arguments) => package::run(&arguments),
        #[cfg(not(feature = "package"))]
        Command::Package(_) => Err(left_out::refuse("package")),
    }
}

//! `rbm events`: what a gateway heard, as a list, or as it comes.

mod sse;
mod tail;

use crate::exit::Failure;
use crate::listing::Listing;
use crate::table::Column;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists events, oldest first.
    List {
        /// Only this agent's.
        #[arg(long)]
        agent: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Prints events as they come, and goes on where it was when the gateway was away.
    Tail(tail::Arguments),
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List { agent, listing } => {
            listing
                .print(
                    "/v1/events",
                    "events",
                    &[("agent", agent.as_ref())],
                    &COLUMNS,
                )
                .await
        }
        Command::Tail(arguments) => tail::run(arguments).await,
    }
}

const COLUMNS: [Column; 6] = [
    ("CURSOR", &["/cursor"]),
    ("RECEIVED", &["/received_at"]),
    ("KIND", &["/kind"]),
    ("AGENT", &["/agent"]),
    ("PHONE", &["/phone"]),
    ("WHAT", &["/message_id", "/content"]),
];

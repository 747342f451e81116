//! `rbm events`: what a gateway heard, as a list, or as it comes.

mod sse;
mod tail;

use crate::exit::Failure;
use crate::listing::Listing;
use crate::table::Column;
use clap::Subcommand;
use serde_json::Value;

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
            let filters = [("agent", agent.as_ref())];
            listing
                .print_as("/v1/events", "events", &filters, &COLUMNS, shown)
                .await
        }
        Command::Tail(arguments) => tail::run(arguments).await,
    }
}

/// An event with what is worth reading of it in a word: the text or the tapped chip of a person, or the message that it is about,
/// and why.
fn shown(event: &Value) -> Value {
    let content = &event["content"];
    let tap = [&content["tap"]["text"], &content["tap"]["postback"]];
    let tapped = tap.iter().find_map(|value| value.as_str());
    let said = content["text"]
        .as_str()
        .map(str::to_owned)
        .or_else(|| tapped.map(|text| format!("tapped {text:?}")))
        .or_else(|| event["message_id"].as_str().map(str::to_owned));
    let reason = event["reason"].as_str().map(str::to_owned);
    let what: Vec<String> = said.into_iter().chain(reason).collect();
    let mut shown = event.clone();
    shown["what"] = if what.is_empty() {
        Value::Null
    } else {
        what.join(": ").into()
    };
    shown
}

/// Of a list and of a stream.
const COLUMNS: [Column; 6] = [
    ("CURSOR", &["/cursor"]),
    ("RECEIVED", &["/received_at"]),
    ("KIND", &["/kind"]),
    ("AGENT", &["/agent"]),
    ("PHONE", &["/phone"]),
    ("WHAT", &["/what"]),
];

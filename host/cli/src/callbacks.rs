//! `rbm callbacks` and `rbm dead-letters`: how events get to applications, and those that did not.

use crate::ask::{name, path};
use crate::exit::Failure;
use crate::gateway::Gateway;
use crate::listing::{Form, Listing};
use crate::table::Column;
use clap::Subcommand;
use reqwest::Method;
use serde_json::Value;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists where events are posted, and how that goes.
    List(Form),
    /// Sets a callback going again, and tries at once what is owed to it.
    Enable {
        /// As the list has it.
        #[arg(value_parser = name)]
        callback: String,
        #[command(flatten)]
        form: Form,
    },
}

#[derive(Subcommand)]
pub(crate) enum DeadLetters {
    /// Lists events that a callback did not take, oldest first.
    List {
        /// Whose, where there are several.
        #[arg(long, value_name = "NAME")]
        callback: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Posts one of them again, or all.
    Replay {
        /// Whose.
        #[arg(value_parser = name)]
        callback: String,
        /// Which, as the list has it, such as e17; all of them if left out.
        #[arg(value_parser = name)]
        cursor: Option<String>,
        #[command(flatten)]
        form: Form,
    },
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List(form) => {
            let answer = Gateway::at(&form.gateway)?.get("/v1/callbacks").await?;
            let callbacks = answer["callbacks"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            Ok(form.print_all(&CALLBACK, callbacks)?)
        }
        Command::Enable { callback, form } => {
            post(&form, &path(["callbacks", &callback, "enable"])).await
        }
    }
}

pub(crate) async fn run_dead_letters(command: DeadLetters) -> Result<(), Failure> {
    match command {
        DeadLetters::List { callback, listing } => {
            listing
                .print(
                    "/v1/dead-letters",
                    "dead_letters",
                    &[("callback", callback.as_ref())],
                    &DEAD_LETTER,
                )
                .await
        }
        DeadLetters::Replay {
            callback,
            cursor: Some(cursor),
            form,
        } => post(&form, &path(["dead-letters", &callback, &cursor, "replay"])).await,
        DeadLetters::Replay {
            callback,
            cursor: None,
            form,
        } => post(&form, &path(["dead-letters", &callback, "replay"])).await,
    }
}

async fn post(form: &Form, path: &str) -> Result<(), Failure> {
    let gateway = Gateway::at(&form.gateway)?;
    let answer: Value = gateway.ask(gateway.request(Method::POST, path)).await?;
    Ok(form.print(&answer)?)
}

const CALLBACK: [Column; 7] = [
    ("NAME", &["/name"]),
    ("ENABLED", &["/enabled"]),
    ("UNDELIVERED", &["/undelivered"]),
    ("RETRYING", &["/retrying"]),
    ("DEAD LETTERS", &["/dead_letters"]),
    ("LAST ANSWER", &["/last_answer/status", "/last_answer"]),
    ("URL", &["/url"]),
];
const DEAD_LETTER: [Column; 6] = [
    ("CALLBACK", &["/callback"]),
    ("CURSOR", &["/cursor"]),
    ("GIVEN UP", &["/at"]),
    ("ATTEMPTS", &["/attempts"]),
    ("KIND", &["/event/kind"]),
    ("REASON", &["/reason"]),
];

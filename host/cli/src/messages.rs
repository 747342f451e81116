//! `rbm messages`: list, show and retry messages.

mod retry;

use crate::ask::{name, path};
use crate::exit::Failure;
use crate::gateway::Gateway;
use crate::listing::{Form, Listing};
use crate::table::Column;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists messages, newest first.
    List {
        /// Only this agent's.
        #[arg(long)]
        agent: Option<String>,
        /// Only to this person: E.164 with the plus sign.
        #[arg(long, value_name = "PHONE")]
        to: Option<String>,
        /// Only in this state, such as failed.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Shows a message and its history.
    Show {
        /// As the gateway gave it.
        #[arg(value_parser = name)]
        id: String,
        #[command(flatten)]
        form: Form,
    },
    /// Retry failed messages: one by its id, or all that a filter finds.
    Retry(retry::Arguments),
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    let (form, message) = match command {
        Command::List {
            agent,
            to,
            state,
            listing,
        } => {
            let filters = [
                ("agent", agent.as_ref()),
                ("to", to.as_ref()),
                ("state", state.as_ref()),
            ];
            return listing
                .print("/v1/messages", "messages", &filters, &COLUMNS)
                .await;
        }
        Command::Show { id, form } => {
            let message = Gateway::at(&form.gateway)?
                .get(&path(["messages", &id]))
                .await?;
            (form, message)
        }
        Command::Retry(arguments) => return retry::run(arguments).await,
    };
    Ok(form.print(&message)?)
}

const COLUMNS: [Column; 6] = [
    ("ID", &["/id"]),
    ("ACCEPTED", &["/history/0/at"]),
    ("STATE", &["/state"]),
    ("TO", &["/to"]),
    ("AGENT", &["/agent"]),
    ("NEXT TRY", &["/next_at"]),
];

//! `rbm quarantine`: webhook requests that were put aside, and another judgement of them.

use crate::ask::{name, path};
use crate::exit::Failure;
use crate::gateway::Gateway;
use crate::listing::{Form, Listing};
use crate::table::Column;
use clap::Subcommand;
use reqwest::Method;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the requests, newest first.
    List(Listing),
    /// Shows a request as far as it was kept.
    Show {
        /// As the list has it, such as q17.
        #[arg(value_parser = name)]
        id: String,
        #[command(flatten)]
        form: Form,
    },
    /// Judges a request again by the configuration of now; what is believed becomes events.
    Replay {
        /// As the list has it, such as q17.
        #[arg(value_parser = name)]
        id: String,
        #[command(flatten)]
        form: Form,
    },
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    let (form, answer) = match command {
        Command::List(listing) => {
            return listing
                .print("/v1/quarantine", "quarantine", &[], &COLUMNS)
                .await;
        }
        Command::Show { id, form } => {
            let request = Gateway::at(&form.gateway)?
                .get(&path(["quarantine", &id]))
                .await?;
            (form, request)
        }
        Command::Replay { id, form } => {
            let gateway = Gateway::at(&form.gateway)?;
            let taken = gateway
                .ask(gateway.request(Method::POST, &path(["quarantine", &id, "replay"])))
                .await?;
            (form, taken)
        }
    };
    Ok(form.print(&answer)?)
}

const COLUMNS: [Column; 7] = [
    ("ID", &["/id"]),
    ("CAME", &["/at"]),
    ("PATH", &["/path"]),
    ("RULE", &["/rule"]),
    ("BYTES", &["/body_bytes"]),
    ("WHOLE", &["/whole"]),
    ("REASON", &["/reason"]),
];

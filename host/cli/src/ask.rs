//! The subcommands that ask a gateway for one thing each, and print its answer as one line of JSON.

mod upload;

use crate::exit::Failure;
use crate::gateway::{Address, Gateway, header};
use crate::{input, output};
use clap::Subcommand;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use std::path::Path;
use url::Url;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Takes a message back that is not delivered yet.
    Revoke {
        /// As the gateway gave it.
        #[arg(value_parser = name)]
        id: String,
        #[command(flatten)]
        gateway: Address,
    },
    /// Shows a person that the agent types.
    Typing {
        /// Whom: E.164 with the plus sign.
        #[arg(value_parser = name)]
        phone: String,
        #[command(flatten)]
        via: Via,
    },
    /// Shows a person that a message of theirs was read.
    Read {
        /// Whom: E.164 with the plus sign.
        #[arg(value_parser = name)]
        phone: String,
        /// The message's id, as its event has it.
        message_id: String,
        #[command(flatten)]
        via: Via,
    },
    /// Asks what a phone can show.
    Capabilities {
        /// Whose: E.164 with the plus sign.
        #[arg(value_parser = name)]
        phone: String,
        #[command(flatten)]
        via: Via,
    },
    /// Asks which of many people can be reached; 500 and more also get an estimate over all carriers.
    Reach {
        /// E.164 with the plus sign; without any, they are read from stdin, one a line.
        phones: Vec<String>,
        #[command(flatten)]
        via: Via,
    },
    /// Gives a file to the platform, to be sent many times.
    Upload {
        /// A file, or a public address that the platform fetches.
        file: String,
        /// What it is, such as image/png; guessed from the file's name if left out.
        #[arg(long = "type", value_name = "MIME", value_parser = header)]
        mime_type: Option<HeaderValue>,
        /// The public address of a small picture that stands for it. For a file given by its address only.
        #[arg(long, value_name = "URL")]
        thumbnail_url: Option<String>,
        #[command(flatten)]
        via: Via,
    },
    /// Invites a person to receive messages of an agent that is not launched yet.
    Invite {
        /// Whom: E.164 with the plus sign.
        phone: String,
        #[command(flatten)]
        via: Via,
    },
}

/// Through which gateway, and as which of its agents.
#[derive(clap::Args)]
pub(crate) struct Via {
    #[command(flatten)]
    gateway: Address,
    /// The agent, where the gateway has several.
    #[arg(long)]
    agent: Option<String>,
}

impl Via {
    /// The fields that a request has in any case.
    fn body(&self) -> Value {
        self.agent
            .as_ref()
            .map_or_else(|| json!({}), |agent| json!({ "agent": agent }))
    }

    /// The same where there is no JSON.
    fn query(&self) -> String {
        let agent = self.agent.iter().map(|agent| ("agent", agent));
        url::form_urlencoded::Serializer::for_suffix(String::from("?"), 1)
            .extend_pairs(agent)
            .finish()
    }

    async fn post(&self, path: &str, fields: &[(&str, Value)]) -> Result<Value, Failure> {
        let mut body = self.body();
        for (name, value) in fields {
            body[*name] = value.clone();
        }
        Gateway::at(&self.gateway)?.post(path, &body).await
    }
}

pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    let answer = match command {
        Command::Revoke { id, gateway } => {
            let gateway = Gateway::at(&gateway)?;
            gateway
                .ask(gateway.request(Method::DELETE, &path(["messages", &id])))
                .await
        }
        Command::Typing { phone, via } => {
            via.post(&path(["conversations", &phone, "typing"]), &[])
                .await
        }
        Command::Read {
            phone,
            message_id,
            via,
        } => {
            via.post(
                &path(["conversations", &phone, "read"]),
                &[("message_id", json!(message_id))],
            )
            .await
        }
        Command::Capabilities { phone, via } => {
            let gateway = Gateway::at(&via.gateway)?;
            gateway
                .get(&format!(
                    "{}{}",
                    path(["phones", &phone, "capabilities"]),
                    via.query()
                ))
                .await
        }
        Command::Reach { phones, via } => {
            let phones = if phones.is_empty() {
                phones_on_stdin()?
            } else {
                phones
            };
            via.post("/v1/reach", &[("phones", json!(phones))]).await
        }
        Command::Upload {
            file,
            mime_type,
            thumbnail_url,
            via,
        } => upload::upload(&file, mime_type, thumbnail_url, &via).await,
        Command::Invite { phone, via } => via.post("/v1/testers", &[("phone", json!(phone))]).await,
    }?;
    // What has no answer but that it is done prints nothing.
    if answer.is_null() {
        Ok(())
    } else {
        Ok(output::line(answer)?)
    }
}

/// What can be one step of an address. A dot or two lead elsewhere however they are escaped, and so does nothing at all; tabs
/// and ends of lines are dropped, which could leave one of these.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    if matches!(text, "" | "." | "..") || text.contains(char::is_control) {
        return Err(
            "it becomes part of an address, and cannot be empty, `.`, `..` or have control characters",
        );
    }
    Ok(text.to_owned())
}

/// Whatever else might lead elsewhere is escaped.
pub(crate) fn path<const N: usize>(names: [&str; N]) -> String {
    let mut url = Url::parse("http://gateway").expect("an http address");
    url.path_segments_mut()
        .expect("an http address has a path")
        .push("v1")
        .extend(names);
    url.path().to_owned()
}

fn phones_on_stdin() -> Result<Vec<String>, Failure> {
    let text = input::text(Path::new("-")).map_err(Failure::Usage)?;
    // Written by people, some of whose editors begin with it.
    let text = text.strip_prefix(input::BYTE_ORDER_MARK).unwrap_or(&text);
    Ok(text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}

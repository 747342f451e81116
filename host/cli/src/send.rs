//! `rbm send`: hands a message to a gateway and, if asked to, waits and prints what becomes of it.

use crate::exit::Failure;
use crate::finding::{Written, drawn, renderer};
use crate::gateway::{Address, Gateway, header};
use crate::{input, output};
use anyhow::{Context as _, anyhow};
use rbm_json::finding::FindingView;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::Deserialize as _;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::stderr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    gateway: Address,
    /// Who receives it: E.164 with the plus sign.
    #[arg(long, required_unless_present = "message", conflicts_with = "message")]
    to: Option<String>,
    /// What it says.
    #[arg(long, required_unless_present = "message", conflicts_with = "message")]
    text: Option<String>,
    /// A reply to offer; may be given several times. It comes back as its own postback.
    #[arg(long, conflicts_with = "message")]
    reply: Vec<String>,
    /// A file with the whole message as JSON, as `POST /v1/messages` takes it; `-` for stdin.
    #[arg(long)]
    message: Option<PathBuf>,
    /// Sending twice with the same key sends once.
    #[arg(long, value_parser = header)]
    key: Option<HeaderValue>,
    /// Waits up to so many seconds for it to be read, and prints each fact as it arrives.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "10")]
    wait: Option<u64>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let body = body(&arguments)?;
    let gateway = Gateway::at(&arguments.gateway)?;
    let file = arguments.message.map(|file| file.display().to_string());
    let accepted = submit(&gateway, arguments.key, body.clone()).await;
    let accepted = accepted.map_err(|failure| match &file {
        Some(file) => failure.about(file.clone(), body.clone()),
        None => failure,
    })?;
    warn(file, &body, &accepted)?;
    output::line(&accepted)?;
    match (arguments.wait, accepted["id"].as_str()) {
        (Some(seconds), Some(id)) => wait(&gateway, id, Duration::from_secs(seconds)).await,
        _ => Ok(()),
    }
}

/// A message to begin with, which has something to tap.
pub(crate) async fn hello(gateway: &str, to: &str) -> Result<(), Failure> {
    let replies = ["Yes", "No"]
        .map(|text| json!({ "reply": { "text": text, "postback": text.to_lowercase() } }));
    let body = json!({ "to": to, "content": { "text": "Hello! Can you read this?" }, "suggestions": replies });
    submit(&Gateway::new(gateway)?, None, body.to_string())
        .await
        .map(drop)
}

/// What may go wrong although the message was accepted, drawn in the file if it came from one.
fn warn(file: Option<String>, body: &str, accepted: &Value) -> Result<(), Failure> {
    let Some(warnings) = accepted.get("warnings") else {
        return Ok(());
    };
    let warnings =
        Vec::<FindingView>::deserialize(warnings).context("the gateway's warnings are none")?;
    let written = file.map(|file| Written::new(file, body));
    eprint!(
        "{}",
        drawn(&renderer(&stderr()), written.as_ref(), &warnings)
    );
    Ok(())
}

async fn submit(
    gateway: &Gateway,
    key: Option<HeaderValue>,
    body: String,
) -> Result<Value, Failure> {
    let request = gateway
        .request(Method::POST, "/v1/messages")
        .header("content-type", "application/json")
        .body(body);
    gateway
        .ask(key.into_iter().fold(request, |request, key| {
            request.header("idempotency-key", key)
        }))
        .await
}

fn body(arguments: &Arguments) -> Result<String, Failure> {
    if let Some(file) = &arguments.message {
        return input::text(file).map_err(Failure::Usage);
    }
    let reply = |text: &String| json!({ "reply": { "text": text, "postback": text } });
    let replies: Vec<Value> = arguments.reply.iter().map(reply).collect();
    Ok(json!({ "to": arguments.to, "content": { "text": arguments.text }, "suggestions": replies }).to_string())
}

/// Prints each fact once, until the message is read or nothing more can come of it.
async fn wait(gateway: &Gateway, id: &str, most: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + most;
    let mut printed = HashSet::new();
    loop {
        let message = gateway.get(&format!("/v1/messages/{id}")).await?;
        for fact in message["history"].as_array().into_iter().flatten() {
            if printed.insert(fact.to_string()) {
                output::line(fact)?;
            }
        }
        match message["state"].as_str().unwrap_or_default() {
            "read" => return Ok(()),
            state @ ("expired" | "revoked" | "refused" | "failed") => {
                return Err(Failure::Failed(anyhow!("the message is {state}")));
            }
            state if Instant::now() >= deadline => {
                return Err(Failure::Later(anyhow!(
                    "after {} s the message is {state}, not read",
                    most.as_secs()
                )));
            }
            _ => sleep(POLL_EVERY).await,
        }
    }
}

const POLL_EVERY: Duration = Duration::from_millis(100);

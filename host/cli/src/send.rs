//! `rbm send`: hands a message to a gateway and, if asked to, waits and prints what becomes of it.

use crate::exit::Failure;
use crate::output;
use anyhow::{Context as _, anyhow};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The gateway's address.
    #[arg(long, default_value = "http://127.0.0.1:8787")]
    gateway: String,
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
    #[arg(long)]
    key: Option<String>,
    /// Waits up to so many seconds for it to be read, and prints each fact as it arrives.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "10")]
    wait: Option<u64>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let body = body(&arguments)?;
    let client = client()?;
    let gateway = arguments.gateway.trim_end_matches('/');
    let accepted = submit(&client, gateway, arguments.key.as_deref(), body).await?;
    output::line(&accepted)?;
    match (arguments.wait, accepted["id"].as_str()) {
        (Some(seconds), Some(id)) => wait(&client, gateway, id, Duration::from_secs(seconds)).await,
        _ => Ok(()),
    }
}

/// A message to begin with, which has something to tap.
pub(crate) async fn hello(gateway: &str, to: &str) -> Result<(), Failure> {
    let replies = ["Yes", "No"].map(|text| json!({ "reply": { "text": text, "postback": text.to_lowercase() } }));
    let body = json!({ "to": to, "content": { "text": "Hello! Can you read this?" }, "suggestions": replies });
    submit(&client()?, gateway, None, body.to_string()).await.map(drop)
}

fn client() -> anyhow::Result<Client> {
    Client::builder().no_proxy().timeout(ANSWER_TIME_MAX).build().context("no HTTP client")
}

async fn submit(client: &Client, gateway: &str, key: Option<&str>, body: String) -> Result<Value, Failure> {
    let request = client.post(format!("{gateway}/v1/messages")).header("content-type", "application/json").body(body);
    let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
    read(request.send().await.map_err(|problem| unreachable(gateway, &problem))?).await
}

fn body(arguments: &Arguments) -> Result<String, Failure> {
    if let Some(file) = &arguments.message {
        return read_message(file).map_err(Failure::Usage);
    }
    let reply = |text: &String| json!({ "reply": { "text": text, "postback": text } });
    let replies: Vec<Value> = arguments.reply.iter().map(reply).collect();
    Ok(json!({ "to": arguments.to, "content": { "text": arguments.text }, "suggestions": replies }).to_string())
}

fn read_message(file: &PathBuf) -> anyhow::Result<String> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).context("stdin could not be read")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("{} could not be read", file.display()))?;
    }
    Ok(text)
}

/// Prints each fact once, until the message is read or nothing more can come of it.
async fn wait(client: &Client, gateway: &str, id: &str, most: Duration) -> Result<(), Failure> {
    let deadline = Instant::now() + most;
    let mut printed = HashSet::new();
    loop {
        let response = client.get(format!("{gateway}/v1/messages/{id}")).send().await;
        let message = read(response.map_err(|problem| unreachable(gateway, &problem))?).await?;
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
                return Err(Failure::Later(anyhow!("after {} s the message is {state}, not read", most.as_secs())));
            }
            _ => sleep(POLL_EVERY).await,
        }
    }
}

/// The answer as JSON; an answer that is an error says in its own words what is wrong.
async fn read(response: Response) -> Result<Value, Failure> {
    let status = response.status();
    let text = response.text().await.context("the gateway's answer broke off")?;
    if status.is_success() {
        let value =
            serde_json::from_str(&text).with_context(|| format!("the gateway answered {text:?}, which is not JSON"));
        return Ok(value?);
    }
    let reason = anyhow!("the gateway answered {status}: {text}");
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Failure::Later(reason),
        _ => Failure::Failed(reason),
    })
}

fn unreachable(gateway: &str, problem: &reqwest::Error) -> Failure {
    Failure::Later(anyhow!("no gateway answers at {gateway}: {problem}\nhint: `rbm dev` runs one"))
}

const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(100);

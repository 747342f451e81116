//! The gateway that the subcommands talk to, and what its answers mean for the exit code.

use crate::exit::Failure;
use anyhow::{Context as _, anyhow};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// Where the gateway is.
#[derive(clap::Args)]
pub(crate) struct Address {
    /// The gateway's address.
    #[arg(long = "gateway", value_name = "URL", default_value = "http://127.0.0.1:8787")]
    origin: String,
}

/// A gateway at this address, which may answer or not.
pub(crate) struct Gateway {
    client: Client,
    origin: String,
}

impl Gateway {
    pub(crate) fn new(origin: &str) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().build().context("no HTTP client")?;
        Ok(Self { client, origin: origin.trim_end_matches('/').to_owned() })
    }

    pub(crate) fn at(address: &Address) -> anyhow::Result<Self> {
        Self::new(&address.origin)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin)).timeout(ANSWER_TIME_MAX)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.ask(request.body(body.to_string())).await
    }

    /// The answer as JSON, null where it is empty; an answer that is an error says in its own words what is wrong.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let response = request.send().await.map_err(|problem| self.unreachable(&problem))?;
        read(response).await
    }

    fn unreachable(&self, problem: &reqwest::Error) -> Failure {
        let origin = &self.origin;
        Failure::Later(anyhow!("no gateway answers at {origin}: {problem}\nhint: `rbm dev` runs one"))
    }
}

async fn read(response: Response) -> Result<Value, Failure> {
    let status = response.status();
    let text = response.text().await.context("the gateway's answer broke off")?;
    if status.is_success() {
        let text = if text.is_empty() { "null" } else { &text };
        let value =
            serde_json::from_str(text).with_context(|| format!("the gateway answered {text:?}, which is not JSON"));
        return Ok(value?);
    }
    let reason = anyhow!("the gateway answered {status}: {text}");
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Failure::Later(reason),
        _ => Failure::Failed(reason),
    })
}

pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

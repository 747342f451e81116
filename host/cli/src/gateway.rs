//! The gateway that the subcommands talk to, and what its answers mean for the exit code.

mod error;
mod token;

pub(crate) use error::GatewayError;

use crate::excerpt::{excerpt, remark};
use crate::exit::Failure;
use anyhow::{Context as _, anyhow};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use std::error::Error as _;
use std::time::Duration;
use url::Url;

/// Where the gateway is, and what lets one in.
#[derive(clap::Args)]
pub(crate) struct Address {
    /// The gateway's address.
    #[arg(long = "gateway", value_name = "URL", default_value = "http://127.0.0.1:8787", value_parser = origin)]
    origin: String,
    #[command(flatten)]
    token: token::Token,
}

/// What a path can follow: of the web, and nothing after the path.
fn origin(text: &str) -> Result<String, String> {
    let url = Url::parse(text)
        .map_err(|problem| format!("{problem}; it must be like http://127.0.0.1:8787"))?;
    if !matches!(url.scheme(), "http" | "https")
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err("it must be like http://127.0.0.1:8787".to_owned());
    }
    Ok(url.into())
}

/// For arguments that become headers.
pub(crate) fn header(text: &str) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_str(text)
        .map_err(|_| "it becomes a header, and cannot have control characters")
}

/// A gateway at this address, which may answer or not.
pub(crate) struct Gateway {
    client: Client,
    origin: String,
}

impl Gateway {
    /// One that wants no token.
    pub(crate) fn new(origin: &str) -> anyhow::Result<Self> {
        Self::with(origin, None)
    }

    pub(crate) fn at(address: &Address) -> Result<Self, Failure> {
        Ok(Self::with(&address.origin, address.token.authorization()?)?)
    }

    fn with(origin: &str, authorization: Option<HeaderValue>) -> anyhow::Result<Self> {
        let headers = HeaderMap::from_iter(authorization.map(|value| (AUTHORIZATION, value)));
        let client = Client::builder()
            .no_proxy()
            .default_headers(headers)
            .build()
            .context("no HTTP client")?;
        Ok(Self {
            client,
            origin: origin.trim_end_matches('/').to_owned(),
        })
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.origin))
            .timeout(ANSWER_TIME_MAX)
    }

    /// For an answer that does not end, read piece by piece; one that is an error is one here too.
    pub(crate) async fn open(&self, path: &str, headers: HeaderMap) -> Result<Response, Failure> {
        let asked = self
            .client
            .get(format!("{}{path}", self.origin))
            .headers(headers)
            .send();
        let response = tokio::time::timeout(ANSWER_TIME_MAX, asked).await;
        let response = response
            .map_err(|_| {
                Failure::Later(anyhow!(
                    "the gateway at {} did not answer",
                    excerpt(&self.origin)
                ))
            })?
            .map_err(|problem| self.unanswered(&problem, ANSWER_TIME_MAX))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let text = self.read(response, ANSWER_TIME_MAX).await?;
        Err(GatewayError::new(status, &headers, &text).into_failure())
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = self
            .request(Method::POST, path)
            .header("content-type", "application/json");
        self.ask(request.body(body.to_string())).await
    }

    /// The answer as JSON, null where it is empty; an answer that is an error says in its own words what is wrong.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let request = request
            .build()
            .map_err(|problem| self.unanswered(&problem, ANSWER_TIME_MAX))?;
        let time_max = request.timeout().copied().unwrap_or(ANSWER_TIME_MAX);
        let response = self
            .client
            .execute(request)
            .await
            .map_err(|problem| self.unanswered(&problem, time_max))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = self.read(response, time_max).await?;
        if status.is_success() {
            understand(&text)
        } else {
            Err(GatewayError::new(status, &headers, &text).into_failure())
        }
    }

    async fn read(&self, response: Response, time_max: Duration) -> Result<String, Failure> {
        response.text().await.map_err(|problem| match problem {
            problem if problem.is_timeout() => self.unanswered(&problem, time_max),
            problem => Failure::Failed(anyhow!(
                "the gateway's answer broke off: {}",
                last_words(&problem)
            )),
        })
    }

    /// Only what is wrong over there may be better later.
    fn unanswered(&self, problem: &reqwest::Error, time_max: Duration) -> Failure {
        let (origin, reason) = (excerpt(&self.origin), last_words(problem));
        if problem.is_builder() {
            return Failure::usage(format!("{origin} cannot be asked this: {reason}"));
        }
        Failure::Later(match problem {
            problem if problem.is_timeout() => {
                anyhow!(
                    "the gateway at {origin} did not answer within {} s",
                    time_max.as_secs()
                )
            }
            problem if problem.is_connect() => {
                anyhow!("no gateway answers at {origin}: {reason}\nhelp: `rbm dev` runs one")
            }
            _ => anyhow!("the gateway at {origin} did not answer: {reason}"),
        })
    }
}

fn understand(text: &str) -> Result<Value, Failure> {
    let text = if text.is_empty() { "null" } else { text };
    let value = serde_json::from_str(text);
    Ok(value.with_context(|| {
        format!(
            "the gateway answered {:?}, which is not JSON",
            excerpt(text)
        )
    })?)
}

/// The cause of all causes: what surrounds it repeats the address and names the library's layers.
fn last_words(problem: &reqwest::Error) -> String {
    let causes = std::iter::successors(problem.source(), |cause| (*cause).source());
    causes.last().map_or_else(|| remark(problem), remark)
}

pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn what_takes_too_long_is_told_from_what_cannot_be_asked_at_all() {
        // Takes connections, and says nothing.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = Gateway::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let impatient = silent
            .request(Method::GET, "/")
            .timeout(Duration::from_secs(1));
        let slow = silent.ask(impatient).await.unwrap_err();
        assert!(
            matches!(&slow, Failure::Later(reason) if reason.to_string().ends_with("did not answer within 1 s"))
        );
        let broken = silent
            .ask(
                silent
                    .request(Method::GET, "/")
                    .header("idempotency-key", "a\nb"),
            )
            .await
            .unwrap_err();
        assert!(
            matches!(&broken, Failure::Usage(reason) if reason.to_string().ends_with("header value")),
            "{broken:?}"
        );
        let nowhere = Gateway::new("nonsense")
            .unwrap()
            .get("/")
            .await
            .unwrap_err();
        assert!(matches!(&nowhere, Failure::Usage(_)), "{nowhere:?}");
    }
}

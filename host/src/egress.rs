//! The one place where the host opens outgoing connections: to listed origins only, with credentials that the plugin never
//! sees, without redirects, within limits of size and time.

mod address;
mod credentials;

use crate::http_client::{FetchFailure, FetchFailureCode, HttpClient, HttpRequest, HttpResponse, denied};
use address::PublicOnly;
use async_trait::async_trait;
use bytes::Bytes;
use credentials::TokenProblem;
pub use credentials::{Credentials, KeyProblem, ServiceAccount};
use gateway_channel::{Header, Payload};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use reqwest::{Client, redirect};
use std::collections::HashMap;
use std::time::Duration;
use url::{Host, Origin, Url};

/// Makes a plugin's requests over the network.
pub struct Egress {
    client: Client,
    origins: HashMap<Origin, Credentials>,
    response_bytes_max: usize,
    timeout: Duration,
    private_addresses: bool,
}

/// Says where requests may go.
pub struct EgressBuilder {
    origins: Vec<(String, Credentials)>,
    response_bytes_max: usize,
    timeout: Duration,
    private_addresses: bool,
}

/// Why there is no egress.
#[derive(Debug, thiserror::Error)]
pub enum EgressProblem {
    /// An entry of the allow-list is no origin.
    #[error("{origin:?} is not an origin: {rule}")]
    Origin {
        /// As given.
        origin: String,
        /// What an origin is.
        rule: &'static str,
    },
    /// The HTTP client could not be set up.
    #[error("no HTTP client: {reason}")]
    Client {
        /// In the library's words.
        reason: String,
    },
}

impl Egress {
    /// Nothing is allowed yet.
    pub fn builder() -> EgressBuilder {
        EgressBuilder {
            origins: Vec::new(),
            response_bytes_max: 1 << 20,
            timeout: Duration::from_secs(30),
            private_addresses: false,
        }
    }

    /// Where a request goes, if it may: the parsed address and the credentials for it.
    fn admit(&self, url: &str) -> Result<(Url, &Credentials), FetchFailure> {
        let parsed = Url::parse(url).map_err(|problem| denied(format!("{url:?} is not an address: {problem}")))?;
        let Some(credentials) = self.origins.get(&parsed.origin()) else {
            return Err(denied(format!("{} is not on this host's list", parsed.origin().ascii_serialization())));
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(denied("an address with a user in it is not taken".to_owned()));
        }
        // What the library made of the path must be what the plugin wrote: no dot segments, no second slash.
        if !url.ends_with(&parsed[url::Position::BeforePath..]) {
            return Err(denied(format!("{url:?} is not written in its normal form")));
        }
        if !self.private_addresses && is_private(&parsed) {
            return Err(denied(format!("{} is not a public address", parsed.origin().ascii_serialization())));
        }
        Ok((parsed, credentials))
    }

    async fn authorized(&self, credentials: &Credentials) -> Result<Option<HeaderValue>, FetchFailure> {
        credentials.header(&self.client).await.map_err(|problem| {
            let code = match problem {
                TokenProblem::Refused(_) => FetchFailureCode::NoCredentials,
                TokenProblem::Unreachable(_) => FetchFailureCode::NotSent,
            };
            FetchFailure { code, message: problem.to_string() }
        })
    }

    async fn exchange(
        &self,
        outgoing: &Outgoing,
        authorization: Option<HeaderValue>,
    ) -> Result<HttpResponse, FetchFailure> {
        let mut request = self.client.request(outgoing.method.clone(), outgoing.url.clone()).timeout(outgoing.timeout);
        request = request.headers(outgoing.headers.clone()).body(outgoing.body.clone());
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let mut response = request.send().await.map_err(|problem| not_answered(&problem))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|problem| not_answered(&problem))? {
            if body.len() + chunk.len() > self.response_bytes_max {
                let message = format!("the answer has more than {} bytes", self.response_bytes_max);
                return Err(FetchFailure { code: FetchFailureCode::NoAnswer, message });
            }
            body.extend_from_slice(&chunk);
        }
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            value.to_str().ok().map(|value| Header { name: name.as_str().to_owned(), value: value.to_owned() })
        };
        let headers = response.headers().iter().filter_map(header).collect();
        Ok(HttpResponse { status: response.status().as_u16(), headers, body })
    }
}

#[async_trait]
impl HttpClient for Egress {
    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchFailure> {
        let (url, credentials) = self.admit(&request.url)?;
        let outgoing = Outgoing::new(request, url, self.timeout)?;
        let authorization = self.authorized(credentials).await?;
        let answer = self.exchange(&outgoing, authorization.clone()).await?;
        // A token may be revoked before it runs out: a new one is worth one more try.
        let Some(refused) = authorization.filter(|_| answer.status == StatusCode::UNAUTHORIZED) else {
            return Ok(answer);
        };
        if !credentials.drop_token(&refused).await {
            return Ok(answer);
        }
        let authorization = self.authorized(credentials).await?;
        self.exchange(&outgoing, authorization).await
    }
}

impl EgressBuilder {
    /// Allows requests to one origin, `https://host` or `https://host:port`, and says what is added to them.
    #[must_use]
    pub fn origin(mut self, origin: &str, credentials: Credentials) -> Self {
        self.origins.push((origin.to_owned(), credentials));
        self
    }

    /// Allows hosts whose addresses are not public, such as an emulator on this machine.
    #[must_use]
    pub fn allow_private_addresses(mut self) -> Self {
        self.private_addresses = true;
        self
    }

    /// Bytes of an answer; a longer one counts as none. 1 MiB unless set.
    #[must_use]
    pub fn response_bytes_max(mut self, bytes: usize) -> Self {
        self.response_bytes_max = bytes;
        self
    }

    /// From the first byte sent to the last received. 30 s unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets up the client.
    pub fn build(self) -> Result<Egress, EgressProblem> {
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIME_MAX)
            .pool_idle_timeout(IDLE_TIME_MAX);
        if !self.private_addresses {
            client = client.dns_resolver(PublicOnly);
        }
        let client = client.build().map_err(|problem| EgressProblem::Client { reason: problem.to_string() })?;
        let origins = self.origins.into_iter().map(|(origin, credentials)| Ok((parse_origin(&origin)?, credentials)));
        Ok(Egress {
            client,
            origins: origins.collect::<Result<_, EgressProblem>>()?,
            response_bytes_max: self.response_bytes_max,
            timeout: self.timeout,
            private_addresses: self.private_addresses,
        })
    }
}

fn parse_origin(text: &str) -> Result<Origin, EgressProblem> {
    let problem = || EgressProblem::Origin {
        origin: text.to_owned(),
        rule: "a scheme (https or http), a host and perhaps a port",
    };
    let url = Url::parse(text).map_err(|_| problem())?;
    let bare = matches!(url.scheme(), "https" | "http")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if bare { Ok(url.origin()) } else { Err(problem()) }
}

fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !address::is_public(address.into()),
        Some(Host::Ipv6(address)) => !address::is_public(address.into()),
        // A name is looked at when it is resolved.
        _ => false,
    }
}

/// A request that may go out, in a form that can go out twice.
struct Outgoing {
    method: Method,
    url: Url,
    headers: http::HeaderMap,
    body: Bytes,
    timeout: Duration,
}

impl Outgoing {
    fn new(request: HttpRequest, url: Url, timeout: Duration) -> Result<Self, FetchFailure> {
        let method =
            request.method.parse().map_err(|_| denied(format!("{:?} is not an HTTP method", request.method)))?;
        let mut headers = http::HeaderMap::new();
        for header in request.headers {
            let name: Result<HeaderName, _> = header.name.parse();
            let (Ok(name), Ok(value)) = (name, header.value.parse()) else {
                return Err(denied(format!("the header {:?} is not well formed", header.name)));
            };
            headers.append(name, value);
        }
        let body = match request.body {
            Payload::Inline(bytes) => bytes.into(),
            Payload::Held(name) => return Err(denied(format!("there is no held payload {name:?}"))),
        };
        let wanted = request.timeout_ms.map_or(timeout, |milliseconds| Duration::from_millis(milliseconds.into()));
        Ok(Self { method, url, headers, body, timeout: timeout.min(wanted) })
    }
}

/// What an error of the client says about the request. Only where no connection was made is it certain that nothing was sent.
fn not_answered(problem: &reqwest::Error) -> FetchFailure {
    let code = if problem.is_connect() {
        FetchFailureCode::NotSent
    } else if problem.is_builder() {
        FetchFailureCode::Denied
    } else {
        FetchFailureCode::NoAnswer
    };
    FetchFailure { code, message: reasons(problem) }
}

/// The error and what caused it, without the address, which has a phone number in it.
fn reasons(problem: &reqwest::Error) -> String {
    let mut reasons =
        vec![if problem.is_timeout() { "it took too long".to_owned() } else { "it broke off".to_owned() }];
    let mut cause = std::error::Error::source(problem);
    while let Some(error) = cause {
        reasons.push(error.to_string());
        cause = error.source();
    }
    reasons.join(": ")
}

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Google's addresses change every 300 s (guides/learn/best-practices); a pool must not outlive them.
const IDLE_TIME_MAX: Duration = Duration::from_secs(240);

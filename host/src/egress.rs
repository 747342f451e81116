//! The one place where the host opens outgoing connections: to listed origins only, with credentials that the plugin never
//! sees, without redirects, within limits of size and time.

pub mod address;
mod credentials;
mod pool;
mod token;

use crate::http_client::{
    FetchFailure, FetchFailureCode, HttpClient, HttpRequest, HttpResponse, denied, transfer_time,
};
use address::is_private;
use async_trait::async_trait;
use bytes::Bytes;
pub use credentials::{Credentials, KeyProblem, ServiceAccount};
use gateway_channel::{Header, Payload};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use pool::Pool;
use std::collections::HashMap;
use std::time::Duration;
use url::{Origin, Url};

/// Makes a plugin's requests over the network.
pub struct Egress {
    pool: Pool,
    origins: HashMap<Origin, Credentials>,
    response_bytes_max: usize,
    private_addresses: bool,
}

/// Says where requests may go.
pub struct EgressBuilder {
    origins: Vec<(String, Credentials)>,
    response_bytes_max: usize,
    timeout: Duration,
    connection_lifetime: Duration,
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
    /// Whoever listens on the way would have the credentials.
    #[error(
        "credentials would go to {origin} in the clear, and must not without private addresses being allowed"
    )]
    InTheClear {
        /// Of a request or of a token endpoint.
        origin: String,
    },
    /// A key file may come from anybody, so it does not decide alone where this host connects to.
    #[error(
        "the key file's `token_uri` is at {origin}, which is neither Google's nor a public address on the list"
    )]
    TokenEndpoint {
        /// Of the token endpoint.
        origin: String,
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
            connection_lifetime: CONNECTION_LIFETIME_MAX,
            private_addresses: false,
        }
    }

    /// Where a request goes, if it may: the parsed address and the credentials for it.
    fn admit(&self, url: &str) -> Result<(Url, &Credentials), FetchFailure> {
        let parsed = Url::parse(url)
            .map_err(|problem| denied(format!("{url:?} is not an address: {problem}")))?;
        let Some(credentials) = self.origins.get(&parsed.origin()) else {
            return Err(denied(format!(
                "{} is not on this host's list",
                parsed.origin().ascii_serialization()
            )));
        };
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(denied(
                "an address with a user in it is not taken".to_owned(),
            ));
        }
        // What the library made of the path must be what the plugin wrote: no dot segments, no backslashes, no tabs.
        if written_path(url) != Some(&parsed[url::Position::BeforePath..]) {
            return Err(denied(format!("{url:?} is not written in its normal form")));
        }
        if !self.private_addresses && is_private(&parsed) {
            return Err(denied(format!(
                "{} is not a public address",
                parsed.origin().ascii_serialization()
            )));
        }
        Ok((parsed, credentials))
    }

    async fn authorized(
        &self,
        credentials: &Credentials,
    ) -> Result<Option<HeaderValue>, FetchFailure> {
        // Also where the token endpoint is only away: it concerns every message of the agent, and none by itself.
        credentials
            .header(&self.pool)
            .await
            .map_err(|problem| FetchFailure {
                code: FetchFailureCode::NoCredentials,
                message: problem.to_string(),
            })
    }

    async fn exchange(
        &self,
        outgoing: &Outgoing,
        authorization: Option<HeaderValue>,
    ) -> Result<HttpResponse, FetchFailure> {
        let mut headers = outgoing.headers.clone();
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        let request = self
            .pool
            .client()
            .request(outgoing.method.clone(), outgoing.url.clone());
        let request = request
            .timeout(outgoing.timeout)
            .headers(headers)
            .body(outgoing.body.clone());
        let answer = pool::exchange(request, self.response_bytes_max).await?;
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            value.to_str().ok().map(|value| Header {
                name: name.as_str().to_owned(),
                value: value.to_owned(),
            })
        };
        let headers = answer.headers.iter().filter_map(header).collect();
        Ok(HttpResponse {
            status: answer.status.as_u16(),
            headers,
            body: answer.body,
        })
    }

    /// Secrets go to listed places only, and in the clear only where private addresses are allowed.
    fn check_credentials(&self) -> Result<(), EgressProblem> {
        for (origin, credentials) in &self.origins {
            if !credentials.are_none() {
                self.check_secrecy(origin)?;
            }
            if let Some(token_uri) = credentials.token_uri() {
                self.check_token_endpoint(token_uri)?;
            }
        }
        Ok(())
    }

    fn check_secrecy(&self, origin: &Origin) -> Result<(), EgressProblem> {
        let text = origin.ascii_serialization();
        if self.private_addresses || text.starts_with("https:") {
            Ok(())
        } else {
            Err(EgressProblem::InTheClear { origin: text })
        }
    }

    fn check_token_endpoint(&self, token_uri: &Url) -> Result<(), EgressProblem> {
        let origin = token_uri.origin();
        let text = origin.ascii_serialization();
        let listed =
            GOOGLE_TOKEN_ORIGINS.contains(&text.as_str()) || self.origins.contains_key(&origin);
        if listed && (self.private_addresses || !is_private(token_uri)) {
            self.check_secrecy(&origin)
        } else {
            Err(EgressProblem::TokenEndpoint { origin: text })
        }
    }
}

#[async_trait]
impl HttpClient for Egress {
    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, FetchFailure> {
        let (url, credentials) = self.admit(&request.url)?;
        let outgoing = Outgoing::new(request, url, self.pool.timeout)?;
        let authorization = self.authorized(credentials).await?;
        let answer = self.exchange(&outgoing, authorization.clone()).await?;
        // A token may be revoked before it runs out: a new one is worth one more try.
        let Some(refused) = authorization.filter(|_| answer.status == StatusCode::UNAUTHORIZED)
        else {
            return Ok(answer);
        };
        if !credentials.drop_token(&refused) {
            return Ok(answer);
        }
        let authorization = self.authorized(credentials).await?;
        self.exchange(&outgoing, authorization).await
    }

    /// Of several tokens, the one that runs out first.
    fn token_expires_in(&self) -> Option<Duration> {
        self.origins
            .values()
            .filter_map(Credentials::token_expires_in)
            .min()
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

    /// From the first byte sent to the last received, in each exchange of a request or a token. 30 s unless set; a large
    /// body has a second more for each megabyte.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a connection is used, however busy it is. 4 minutes unless set: Google's addresses change every 300 s
    /// (guides/learn/best-practices).
    #[must_use]
    pub fn connection_lifetime(mut self, lifetime: Duration) -> Self {
        self.connection_lifetime = lifetime;
        self
    }

    /// Sets up the client, and checks where credentials would go.
    pub fn build(self) -> Result<Egress, EgressProblem> {
        let pool = Pool::new(
            self.connection_lifetime,
            self.timeout,
            self.private_addresses,
        );
        let pool = pool.map_err(|problem| EgressProblem::Client {
            reason: problem.to_string(),
        })?;
        let origins = self
            .origins
            .into_iter()
            .map(|(origin, credentials)| Ok((parse_origin(&origin)?, credentials)));
        let egress = Egress {
            pool,
            origins: origins.collect::<Result<_, EgressProblem>>()?,
            response_bytes_max: self.response_bytes_max,
            private_addresses: self.private_addresses,
        };
        egress.check_credentials()?;
        Ok(egress)
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
    if bare {
        Ok(url.origin())
    } else {
        Err(problem())
    }
}

/// Everything after the host and the port, as it was written.
fn written_path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.find(['/', '\\', '?', '#']).map(|start| &rest[start..])
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
        let method = METHODS
            .into_iter()
            .find(|method| method.as_str() == request.method);
        let method = method.ok_or_else(|| {
            denied(format!(
                "{:?} is not a method that is let out",
                request.method
            ))
        })?;
        let mut headers = http::HeaderMap::new();
        for header in request.headers {
            let name: Result<HeaderName, _> = header.name.parse();
            let (Ok(name), Ok(value)) = (name, header.value.parse()) else {
                return Err(denied(format!(
                    "the header {:?} is not well formed",
                    header.name
                )));
            };
            headers.append(name, value);
        }
        let body: Bytes = match request.body {
            Payload::Inline(bytes) => bytes.into(),
            Payload::Held(name) => {
                return Err(denied(format!("there is no held payload {name:?}")));
            }
        };
        let timeout = timeout + transfer_time(body.len());
        let wanted = request.timeout_ms.map_or(timeout, |milliseconds| {
            Duration::from_millis(milliseconds.into())
        });
        Ok(Self {
            method,
            url,
            headers,
            body,
            timeout: timeout.min(wanted),
        })
    }
}

/// Not `TRACE`, whose answer has the credentials in it, nor `CONNECT`, which leads elsewhere.
const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];
/// Of `token_uri` in the key files that Google has given out over the years.
const GOOGLE_TOKEN_ORIGINS: [&str; 3] = [
    "https://oauth2.googleapis.com",
    "https://accounts.google.com",
    "https://www.googleapis.com",
];
/// Leaves the last answer a minute.
const CONNECTION_LIFETIME_MAX: Duration = Duration::from_mins(4);

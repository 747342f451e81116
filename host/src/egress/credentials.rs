//! What is added to a request so that the platform knows who asks: nothing, a fixed token, or one that a Google service
//! account's key buys (developers.google.com/identity/protocols/oauth2/service-account). Secrets are never shown.

use http::HeaderValue;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::{Client, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// Credentials for one origin. Cloning shares the token.
#[derive(Clone, Debug)]
pub struct Credentials(Kind);

#[derive(Clone, Debug)]
enum Kind {
    None,
    Bearer(SecretString),
    ServiceAccount(Arc<ServiceAccount>),
}

impl Credentials {
    /// Nothing is added.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// This token is added to every request.
    pub fn bearer(token: SecretString) -> Self {
        Self(Kind::Bearer(token))
    }

    /// Tokens are fetched with this key, kept until shortly before they run out, and replaced when one is refused.
    pub fn service_account(account: ServiceAccount) -> Self {
        Self(Kind::ServiceAccount(Arc::new(account)))
    }

    /// The value of the `Authorization` header.
    pub(super) async fn header(&self, client: &Client) -> Result<Option<HeaderValue>, TokenProblem> {
        match &self.0 {
            Kind::None => Ok(None),
            Kind::Bearer(token) => bearer(token.expose_secret()).map(Some),
            Kind::ServiceAccount(account) => account.token(client).await.map(Some),
        }
    }

    /// Forgets a token that was refused. True if another one can be had.
    pub(super) async fn drop_token(&self, refused: &HeaderValue) -> bool {
        match &self.0 {
            Kind::None | Kind::Bearer(_) => false,
            Kind::ServiceAccount(account) => {
                let mut state = account.state.lock().await;
                // Somebody else may have replaced it meanwhile.
                if matches!(&*state, State::Token { value, .. } if value == refused) {
                    *state = State::Nothing;
                }
                true
            }
        }
    }
}

/// A Google service account's key, and the token that it bought last.
pub struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: EncodingKey,
    token_uri: Url,
    scope: String,
    state: Mutex<State>,
}

enum State {
    Nothing,
    Token {
        value: HeaderValue,
        renew_at: Instant,
    },
    /// Everybody who waits for a token hears of a failure at once, instead of trying in turn.
    Failed {
        problem: TokenProblem,
        until: Instant,
    },
}

/// Why a key file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// Not the JSON that Google's console writes.
    #[error("not a service account's key file: {0}")]
    NotAKeyFile(String),
    /// Another kind of credentials.
    #[error("the key file's `type` is {0:?}, and must be \"service_account\"")]
    OtherKind(String),
    /// The key itself.
    #[error("the key file's `private_key` is not an RSA key in PEM")]
    NotAnRsaKey,
    /// Where tokens are to be had.
    #[error("the key file's `token_uri` is {0:?}, which is not an http(s) address")]
    TokenUri(String),
}

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum TokenProblem {
    /// It will not be otherwise until a person acts.
    #[error("no token: {0}")]
    Refused(String),
    /// It may be otherwise soon.
    #[error("the token endpoint cannot be used: {0}")]
    Unreachable(String),
}

impl ServiceAccount {
    /// Reads the JSON file that Google's console gives out, for tokens of this scope.
    pub fn from_json(file: &str, scope: &str) -> Result<Self, KeyProblem> {
        // Serde's errors quote values, and a value here may be the key.
        let file: KeyFile = serde_json::from_str(file).map_err(|problem| {
            KeyProblem::NotAKeyFile(format!("line {}, column {}", problem.line(), problem.column()))
        })?;
        if file.kind != "service_account" {
            return Err(KeyProblem::OtherKind(file.kind));
        }
        let key = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes());
        let token_uri = Url::parse(&file.token_uri).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        Ok(Self {
            email: file.client_email,
            key_id: file.private_key_id,
            key: key.map_err(|_| KeyProblem::NotAnRsaKey)?,
            token_uri: token_uri.ok_or(KeyProblem::TokenUri(file.token_uri))?,
            scope: scope.to_owned(),
            state: Mutex::new(State::Nothing),
        })
    }

    /// The lock is held while a token is fetched, so that a thousand requests fetch one.
    async fn token(&self, client: &Client) -> Result<HeaderValue, TokenProblem> {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        match &*state {
            State::Token { value, renew_at } if now < *renew_at => return Ok(value.clone()),
            State::Failed { problem, until } if now < *until => return Err(problem.clone()),
            _ => {}
        }
        let fetched = self.fetch(client).await;
        *state = match &fetched {
            Ok((value, lifetime)) => State::Token { value: value.clone(), renew_at: now + renew_after(*lifetime) },
            Err(problem) => State::Failed { problem: problem.clone(), until: Instant::now() + FAILURE_KEPT },
        };
        fetched.map(|(value, _)| value)
    }

    async fn fetch(&self, client: &Client) -> Result<(HeaderValue, Duration), TokenProblem> {
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &self.assertion()?)];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = client.post(self.token_uri.clone()).timeout(TOKEN_TIME_MAX).body(body);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = request.send().await.map_err(|problem| TokenProblem::Unreachable(super::reasons(&problem)))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|problem| TokenProblem::Unreachable(super::reasons(&problem)))?;
        if status == StatusCode::OK { read_token(&body) } else { Err(refusal(status, &body)) }
    }

    /// The signed claim that is exchanged for a token.
    fn assertion(&self) -> Result<String, TokenProblem> {
        let now = Timestamp::now().as_second();
        let claims = Claims {
            iss: &self.email,
            scope: &self.scope,
            aud: self.token_uri.as_str(),
            iat: now - CLOCK_SKEW_SECONDS,
            exp: now - CLOCK_SKEW_SECONDS + ASSERTION_SECONDS,
        };
        let header = jsonwebtoken::Header { kid: self.key_id.clone(), ..jsonwebtoken::Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|problem| TokenProblem::Refused(format!("the key does not sign: {problem}")))
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceAccount")
            .field("email", &self.email)
            .field("key", &"***")
            .finish_non_exhaustive()
    }
}

fn read_token(body: &[u8]) -> Result<(HeaderValue, Duration), TokenProblem> {
    let answer: TokenAnswer = serde_json::from_slice(body)
        .map_err(|_| TokenProblem::Unreachable("it answered 200 with something that is no token".to_owned()))?;
    Ok((bearer(answer.access_token.expose_secret())?, Duration::from_secs(answer.expires_in)))
}

/// 4xx is the key's fault or the clock's, anything else the endpoint's.
fn refusal(status: StatusCode, body: &[u8]) -> TokenProblem {
    let said: TokenError = serde_json::from_slice(body).unwrap_or_default();
    let reason = format!("{status} {} {}", said.error, said.error_description).trim_end().to_owned();
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        TokenProblem::Refused(reason)
    } else {
        TokenProblem::Unreachable(reason)
    }
}

fn bearer(token: &str) -> Result<HeaderValue, TokenProblem> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| TokenProblem::Refused("the token is not fit for a header".to_owned()))?;
    // Keeps it out of the HTTP client's own logs.
    value.set_sensitive(true);
    Ok(value)
}

/// Five minutes early, or at four fifths of a short life.
fn renew_after(lifetime: Duration) -> Duration {
    lifetime
        .saturating_sub(Duration::from_mins(5))
        .max(lifetime.mul_f64(0.8).min(lifetime.saturating_sub(Duration::from_secs(1))))
}

#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key: SecretString,
    private_key_id: Option<String>,
    token_uri: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenError {
    error: String,
    error_description: String,
}

/// The longest that Google takes.
const ASSERTION_SECONDS: i64 = 3600;
/// Clocks differ, and a claim from the future is refused.
const CLOCK_SKEW_SECONDS: i64 = 10;
const TOKEN_TIME_MAX: Duration = Duration::from_secs(15);
const FAILURE_KEPT: Duration = Duration::from_secs(1);

//! What is added to a request so that the platform knows who asks: nothing, a fixed token, or one that a Google service
//! account's key buys (developers.google.com/identity/protocols/oauth2/service-account). Secrets are never shown.

use super::pool::{self, Answer, Pool};
use super::token::{Known, TokenProblem};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jsonwebtoken::{Algorithm, EncodingKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync;
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
    pub(super) async fn header(&self, pool: &Pool) -> Result<Option<HeaderValue>, TokenProblem> {
        match &self.0 {
            Kind::None => Ok(None),
            Kind::Bearer(token) => bearer(token.expose_secret()).map(Some),
            Kind::ServiceAccount(account) => account.token(pool).await.map(Some),
        }
    }

    /// Forgets a token that was refused. True if another one can be had.
    pub(super) fn drop_token(&self, refused: &HeaderValue) -> bool {
        let Kind::ServiceAccount(account) = &self.0 else {
            return false;
        };
        // Somebody else may have replaced it meanwhile.
        account
            .known()
            .token
            .take_if(|token| token.value == refused);
        true
    }

    /// How long the token is good for that was bought last, if one was.
    pub(super) fn token_expires_in(&self) -> Option<Duration> {
        let Kind::ServiceAccount(account) = &self.0 else {
            return None;
        };
        account
            .known()
            .token
            .as_ref()
            .map(|token| token.until.saturating_duration_since(Instant::now()))
    }

    pub(super) fn are_none(&self) -> bool {
        matches!(self.0, Kind::None)
    }

    /// Where its tokens are to be had.
    pub(super) fn token_uri(&self) -> Option<&Url> {
        match &self.0 {
            Kind::None | Kind::Bearer(_) => None,
            Kind::ServiceAccount(account) => Some(&account.token_uri),
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
    known: Mutex<Known>,
    /// Held by whoever fetches a token, so that a thousand requests fetch one.
    turn: sync::Mutex<()>,
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
    /// It was cut down.
    #[error("the key file has no `{0}`")]
    Missing(&'static str),
    /// The key itself.
    #[error("the key file's `private_key` is not an RSA key in PEM of 2048 bits or more")]
    NotAnRsaKey,
    /// Where tokens are to be had.
    #[error("the key file's `token_uri` is {0:?}, which is not an http(s) address")]
    TokenUri(String),
}

impl ServiceAccount {
    /// Reads the JSON file that Google's console gives out, for tokens of this scope.
    pub fn from_json(file: &str, scope: &str) -> Result<Self, KeyProblem> {
        // Serde's errors quote values, and a value here may be the key.
        let file: KeyFile = serde_json::from_str(file).map_err(|problem| {
            KeyProblem::NotAKeyFile(format!(
                "line {}, column {}",
                problem.line(),
                problem.column()
            ))
        })?;
        file.check()?;
        let key = EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes());
        let token_uri = Url::parse(&file.token_uri)
            .ok()
            .filter(|url| matches!(url.scheme(), "https" | "http"));
        let account = Self {
            email: file.client_email,
            key_id: file.private_key_id,
            key: key.map_err(|_| KeyProblem::NotAnRsaKey)?,
            token_uri: token_uri.ok_or(KeyProblem::TokenUri(file.token_uri))?,
            scope: scope.to_owned(),
            known: Mutex::default(),
            turn: sync::Mutex::default(),
        };
        // What is in the PEM is looked at only when it signs.
        account.assertion().map_err(|_| KeyProblem::NotAnRsaKey)?;
        Ok(account)
    }

    /// A token that is due serves everybody but the one who renews it, and that one too if it cannot be renewed.
    async fn token(&self, pool: &Pool) -> Result<HeaderValue, TokenProblem> {
        if let Some(answer) = self.known().answer() {
            return answer;
        }
        let old = self.known().usable();
        let _turn = match (self.turn.try_lock(), old) {
            (Ok(turn), _) => turn,
            (Err(_), Some(old)) => return Ok(old),
            (Err(_), None) => self.turn.lock().await,
        };
        if let Some(answer) = self.known().answer() {
            return answer;
        }
        let asked_at = Instant::now();
        match self.fetch(pool).await {
            Ok((value, lifetime)) => Ok(self.known().keep(value, asked_at, lifetime)),
            Err(problem) => self.known().fail(problem),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, pool: &Pool) -> Result<(HeaderValue, Duration), TokenProblem> {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &self.assertion()?),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = pool
            .client()
            .post(self.token_uri.clone())
            .timeout(pool.timeout.min(TOKEN_TIME_MAX))
            .body(body);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = pool::exchange(request, TOKEN_BYTES_MAX).await;
        let answer = answer.map_err(|failure| TokenProblem::Unreachable(failure.message))?;
        if answer.status == StatusCode::OK {
            read_token(&answer.body)
        } else {
            Err(refusal(&answer))
        }
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
        let header = jsonwebtoken::Header {
            kid: self.key_id.clone(),
            ..jsonwebtoken::Header::new(Algorithm::RS256)
        };
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

impl KeyFile {
    /// Another kind of credentials lacks these fields too, and that it is another kind says more.
    fn check(&self) -> Result<(), KeyProblem> {
        if self.kind != "service_account" {
            return Err(KeyProblem::OtherKind(self.kind.clone()));
        }
        let needed = [
            ("client_email", self.client_email.as_str()),
            ("private_key", self.private_key.expose_secret()),
            ("token_uri", self.token_uri.as_str()),
        ];
        match needed.into_iter().find(|(_, value)| value.is_empty()) {
            Some((name, _)) => Err(KeyProblem::Missing(name)),
            None => Ok(()),
        }
    }
}

fn read_token(body: &[u8]) -> Result<(HeaderValue, Duration), TokenProblem> {
    let no_token =
        || TokenProblem::Unreachable("it answered 200 with something that is no token".to_owned());
    let answer: TokenAnswer = serde_json::from_slice(body).map_err(|_| no_token())?;
    if answer.access_token.expose_secret().is_empty() {
        return Err(no_token());
    }
    let lifetime = Duration::from_secs(answer.expires_in).min(LIFETIME_MAX);
    Ok((bearer(answer.access_token.expose_secret())?, lifetime))
}

/// 3xx and 4xx are the key's fault or the clock's, anything else is the endpoint's.
fn refusal(answer: &Answer) -> TokenProblem {
    let said: TokenError = serde_json::from_slice(&answer.body).unwrap_or_default();
    let mut reason = format!(
        "{} {} {}",
        answer.status, said.error, said.error_description
    )
    .trim_end()
    .to_owned();
    // Enough for a sentence, and too little for the assertion, should it be sent back.
    reason = reason
        .chars()
        .filter(|character| !character.is_control())
        .take(REASON_CHARACTERS_MAX)
        .collect();
    match answer.status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            TokenProblem::Unreachable(reason)
        }
        status if status.is_redirection() => TokenProblem::Refused(format!(
            "{reason}, a redirect, which is not followed: is `token_uri` right?"
        )),
        status if status.is_client_error() => TokenProblem::Refused(
            reason + &clock_offset(&answer.headers, Timestamp::now()).unwrap_or_default(),
        ),
        _ => TokenProblem::Unreachable(reason),
    }
}

/// Google refuses a claim that is not of now, and does not say by how much it is off.
fn clock_offset(headers: &HeaderMap, now: Timestamp) -> Option<String> {
    let theirs = rfc2822::parse(headers.get(header::DATE)?.to_str().ok()?)
        .ok()?
        .timestamp();
    let seconds = now.as_second() - theirs.as_second();
    let side = if seconds > 0 { "ahead of" } else { "behind" };
    let told = seconds.abs() > CLOCK_OFFSET_SECONDS_TOLD;
    told.then(|| {
        format!(
            "; this machine's clock is {} s {side} the endpoint's",
            seconds.abs()
        )
    })
}

fn bearer(token: &str) -> Result<HeaderValue, TokenProblem> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value =
        value.map_err(|_| TokenProblem::Refused("the token is not fit for a header".to_owned()))?;
    // Keeps it out of the HTTP client's own logs.
    value.set_sensitive(true);
    Ok(value)
}

#[derive(Default, Deserialize)]
#[serde(default)]
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
/// A clock that is off by less has been allowed for by everybody.
const CLOCK_OFFSET_SECONDS_TOLD: i64 = 60;
const TOKEN_TIME_MAX: Duration = Duration::from_secs(15);
/// Google's tokens have up to 2,048 (Google's OAuth 2.0 guide, "Token size").
const TOKEN_BYTES_MAX: usize = 64 << 10;
/// A time further off would be past the end of the clock.
const LIFETIME_MAX: Duration = Duration::from_hours(24);
const REASON_CHARACTERS_MAX: usize = 200;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::egress::token::Token;

    #[tokio::test]
    async fn a_token_that_is_being_renewed_serves_everybody_else() {
        let account = account(due());
        let _turn = account.turn.lock().await;
        assert_eq!(account.token(&pool()).await.unwrap(), "Bearer old");
    }

    #[tokio::test]
    async fn a_token_that_cannot_be_renewed_is_used_to_its_end() {
        let account = account(due());
        for _ in 0..2 {
            assert_eq!(account.token(&pool()).await.unwrap(), "Bearer old");
        }
        assert!(account.known().failure.is_some(), "it was tried");
        account.known().token.as_mut().unwrap().until = Instant::now();
        assert!(account.token(&pool()).await.is_err());
    }

    /// Its key signs nothing, so no token can be had.
    fn account(token: Token) -> ServiceAccount {
        ServiceAccount {
            email: String::new(),
            key_id: None,
            key: EncodingKey::from_rsa_der(b""),
            token_uri: Url::parse("http://127.0.0.1:9").unwrap(),
            scope: String::new(),
            known: Mutex::new(Known {
                token: Some(token),
                failure: None,
            }),
            turn: sync::Mutex::default(),
        }
    }

    fn due() -> Token {
        let now = Instant::now();
        Token {
            value: bearer("old").unwrap(),
            renew_at: now,
            until: now + Duration::from_hours(1),
        }
    }

    fn pool() -> Pool {
        Pool::new(Duration::MAX, Duration::MAX, true).unwrap()
    }
}

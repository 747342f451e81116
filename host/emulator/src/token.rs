//! The token endpoint: a service account's key, made at start, buys access tokens that run out.
//!
//! developers.google.com/identity/protocols/oauth2/service-account. The key is RSA because Google's are; aws-lc makes one in
//! a fraction of a second. It lives as long as the emulator and is nowhere on disk. No token is remembered: each carries its
//! scopes and its end, and a code that nobody else can make.

use crate::excerpt::{excerpt, remark};
use crate::fidelity::{Basis, Behaviour};
use crate::refusal::Challenge;
use crate::schema::Method;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rbm_clock::Clock;
use rbm_wire::auth::SCOPE;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Gives out tokens, and knows those it gave.
pub(crate) struct TokenService {
    origin: String,
    private_key_pem: String,
    key_id: String,
    public_key: DecodingKey,
    token_key: hmac::Key,
    lifetime_seconds: AtomicU64,
    clock: Clock,
}

/// An API that tokens are for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audience {
    /// The OAuth scope of its methods.
    pub(crate) scope: &'static str,
    /// Its address, which an assertion may name that is used as a token.
    pub(crate) address: &'static str,
}

/// The RBM API.
pub(crate) const MESSAGING: Audience = Audience {
    scope: SCOPE,
    address: "https://rcsbusinessmessaging.googleapis.com/",
};

/// The Business Communications API.
pub(crate) const MANAGEMENT: Audience = Audience {
    scope: "https://www.googleapis.com/auth/businesscommunications",
    address: "https://businesscommunications.googleapis.com/",
};

impl Audience {
    /// Whose tokens a method takes.
    pub(crate) fn of(method: &Method) -> Self {
        if method.service() == "businesscommunications" {
            MANAGEMENT
        } else {
            MESSAGING
        }
    }

    /// `rcsbusinessmessaging.googleapis.com`
    pub(crate) fn host(self) -> &'static str {
        self.address
            .trim_start_matches("https://")
            .trim_end_matches('/')
    }
}

/// What a client posts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TokenRequest {
    grant_type: Option<String>,
    assertion: Option<String>,
}

/// An error as OAuth has it. (RFC 6749 §5.2)
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct TokenProblem {
    error: &'static str,
    error_description: String,
}

impl TokenProblem {
    pub(crate) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            error,
            error_description: description.into(),
        }
    }

    fn grant(description: impl Into<String>) -> Self {
        Self::new("invalid_grant", description)
    }
}

/// What an assertion says.
#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    scope: Option<String>,
    aud: Option<Value>,
    iat: Option<i64>,
    exp: Option<i64>,
}

/// What a token says.
#[derive(Deserialize, Serialize)]
struct Grant<'a> {
    scope: &'a str,
    exp: i64,
    /// So that no two tokens are the same.
    id: &'a str,
}

impl TokenService {
    /// Makes the keys, on a thread that may block.
    pub(crate) async fn new(
        origin: &str,
        lifetime: Duration,
        clock: Clock,
    ) -> Result<Self, String> {
        let key = tokio::task::spawn_blocking(make_key)
            .await
            .map_err(|problem| problem.to_string())??;
        let token_key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self {
            origin: origin.to_owned(),
            private_key_pem: key.0,
            key_id: Uuid::new_v4().simple().to_string(),
            public_key: DecodingKey::from_rsa_der(&key.1),
            token_key: token_key.map_err(|problem| problem.to_string())?,
            lifetime_seconds: lifetime.as_secs().into(),
            clock,
        })
    }

    /// The key file.
    pub(crate) fn service_account(&self) -> String {
        json!({
            "type": "service_account",
            "project_id": "rbm-emulator",
            "private_key_id": self.key_id,
            "private_key": self.private_key_pem,
            "client_email": EMAIL,
            "client_id": "100000000000000000000",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": self.token_uri(),
            "universe_domain": "googleapis.com",
        })
        .to_string()
    }

    /// A token, or the error that says why not.
    pub(crate) fn exchange(&self, request: &TokenRequest) -> Result<Value, TokenProblem> {
        let missing = |name| {
            TokenProblem::new(
                "invalid_request",
                format!("Required parameter is missing: {name}"),
            )
        };
        let grant_type = request
            .grant_type
            .as_deref()
            .ok_or_else(|| missing("grant_type"))?;
        if grant_type != GRANT_TYPE {
            let description = format!("Invalid grant_type: {}", excerpt(grant_type));
            return Err(TokenProblem::new("unsupported_grant_type", description));
        }
        let assertion = request
            .assertion
            .as_deref()
            .ok_or_else(|| missing("assertion"))?;
        let claims = self.claims(assertion)?;
        let token_uri = self.token_uri();
        // Google's own libraries name its endpoint whatever the key file says, so who stands in for it takes that too.
        if !claims.names(&[&token_uri]) && !claims.names(&GOOGLES_TOKEN_ENDPOINTS) {
            return Err(TokenProblem::grant(format!(
                "Invalid JWT: Failed audience check. The right audience is {token_uri}"
            )));
        }
        if claims
            .sub
            .as_deref()
            .is_some_and(|subject| subject != EMAIL)
        {
            let description = "Client is unauthorized to retrieve access tokens using this method, or client not \
                               authorized for any of the scopes requested.";
            return Err(TokenProblem::new("unauthorized_client", description));
        }
        let scope = claims.scope.unwrap_or_default();
        if !is_scope_list(&scope) {
            return Err(TokenProblem::new(
                "invalid_scope",
                "Invalid OAuth scope or ID token audience provided.",
            ));
        }
        Ok(
            json!({ "access_token": self.token(&scope), "expires_in": self.seconds(), "token_type": "Bearer" }),
        )
    }

    /// A token with these scopes, for whoever need not ask for it.
    pub(crate) fn token(&self, scope: &str) -> String {
        let id = Uuid::new_v4().simple().to_string();
        self.seal(&Grant {
            scope,
            exp: self.now().saturating_add(self.seconds()),
            id: &id,
        })
    }

    /// Of tokens that are yet to be given out.
    pub(crate) fn set_lifetime(&self, lifetime: Duration) {
        self.lifetime_seconds
            .store(lifetime.as_secs(), Ordering::Relaxed);
    }

    /// How long a token lasts.
    fn seconds(&self) -> i64 {
        i64::try_from(self.lifetime_seconds.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
    }

    /// Whether this token opens this API: one that was given out, or an assertion of the account for the API itself.
    /// (developers.google.com/identity/protocols/oauth2/service-account#jwt-auth)
    pub(crate) fn check(&self, token: Option<&str>, audience: Audience) -> Result<(), Challenge> {
        let token = token.ok_or(Challenge::Missing)?;
        let Some(sealed) = token.strip_prefix(TOKEN_PREFIX) else {
            return self.check_assertion(token, audience);
        };
        let opened = self.open(sealed).ok_or(Challenge::Invalid)?;
        let grant: Grant<'_> = serde_json::from_slice(&opened).map_err(|_| Challenge::Invalid)?;
        if grant.exp <= self.now() {
            return Err(Challenge::Invalid);
        }
        if has_scope(grant.scope, audience) {
            Ok(())
        } else {
            Err(Challenge::Scope)
        }
    }

    fn check_assertion(&self, assertion: &str, audience: Audience) -> Result<(), Challenge> {
        let claims = self.claims(assertion).map_err(|_| Challenge::Invalid)?;
        let here = format!("{}/", self.origin);
        if claims.sub.as_deref() != Some(EMAIL) {
            return Err(Challenge::Invalid);
        }
        match &claims.scope {
            Some(scope) if has_scope(scope, audience) => Ok(()),
            Some(_) => Err(Challenge::Scope),
            None if claims.names(&[audience.address, &here]) => Ok(()),
            None => Err(Challenge::Invalid),
        }
    }

    /// What a true assertion of the account says that has not run out.
    fn claims(&self, assertion: &str) -> Result<Claims, TokenProblem> {
        let header =
            jsonwebtoken::decode_header(assertion).map_err(|problem| malformed(problem.kind()))?;
        if header.alg != Algorithm::RS256 {
            return Err(TokenProblem::grant(format!(
                "Invalid JWT: the algorithm is {:?}, and must be RS256",
                header.alg
            )));
        }
        if header.kid.is_some_and(|id| id != self.key_id) {
            return Err(TokenProblem::grant("Invalid JWT Signature."));
        }
        let mut validation = Validation::new(Algorithm::RS256);
        // Its times are compared with our clock, which is not always the machine's, and the rest is told apart below.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(assertion, &self.public_key, &validation);
        let claims = claims.map_err(|problem| malformed(problem.kind()))?.claims;
        if claims.iss.as_deref() != Some(EMAIL) {
            return Err(TokenProblem::grant("Invalid grant: account not found"));
        }
        let unset = |name| TokenProblem::grant(format!("Invalid JWT: {name} is not set."));
        let issued_at = claims.iat.ok_or_else(|| unset("iat (issued at)"))?;
        let expires_at = claims.exp.ok_or_else(|| unset("exp (expiration time)"))?;
        let now = self.now();
        let lasts = expires_at.saturating_sub(issued_at);
        if expires_at <= now - SKEW_SECONDS
            || issued_at > now + SKEW_SECONDS
            || lasts > ASSERTION_SECONDS_MAX
        {
            let description = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                               Check your iat and exp values in the JWT claim.";
            return Err(TokenProblem::grant(description));
        }
        Ok(claims)
    }

    fn seal(&self, grant: &Grant<'_>) -> String {
        let grant = serde_json::to_vec(grant).unwrap_or_default();
        let code = hmac::sign(&self.token_key, &grant);
        format!(
            "{TOKEN_PREFIX}{}.{}",
            URL_SAFE_NO_PAD.encode(&grant),
            URL_SAFE_NO_PAD.encode(code.as_ref())
        )
    }

    fn open(&self, sealed: &str) -> Option<Vec<u8>> {
        let (grant, code) = sealed.split_once('.')?;
        let (grant, code) = (
            URL_SAFE_NO_PAD.decode(grant).ok()?,
            URL_SAFE_NO_PAD.decode(code).ok()?,
        );
        hmac::verify(&self.token_key, &grant, &code).ok()?;
        Some(grant)
    }

    fn token_uri(&self) -> String {
        format!("{}/token", self.origin)
    }

    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }
}

impl Claims {
    /// Whether its audience is, or has among others, one of these.
    fn names(&self, audiences: &[&str]) -> bool {
        let one = |audience: &Value| {
            audience
                .as_str()
                .is_some_and(|audience| audiences.contains(&audience))
        };
        match &self.aud {
            Some(Value::Array(list)) => list.iter().any(one),
            Some(audience) => one(audience),
            None => false,
        }
    }
}

/// Scopes of Google's, apart by spaces. Which of them an account may have is asked when they are used.
fn is_scope_list(scope: &str) -> bool {
    let is_scope = |scope: &str| {
        scope
            .strip_prefix("https://www.googleapis.com/auth/")
            .is_some_and(|name| !name.is_empty())
    };
    !scope.is_empty() && scope.len() <= SCOPE_BYTES_MAX && scope.split(' ').all(is_scope)
}

fn has_scope(list: &str, audience: Audience) -> bool {
    list.split(' ').any(|scope| scope == audience.scope)
}

/// The private key as PEM and the public key as PKCS#1.
fn make_key() -> Result<(String, Vec<u8>), String> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|problem| problem.to_string())?;
    let private: Pkcs8V1Der<'_> = key.as_der().map_err(|problem| problem.to_string())?;
    let encoded = STANDARD.encode(private.as_ref());
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap_or_default())
        .collect();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    );
    Ok((pem, key.public_key().as_ref().to_vec()))
}

fn malformed(kind: &ErrorKind) -> TokenProblem {
    match kind {
        ErrorKind::InvalidSignature => TokenProblem::grant("Invalid JWT Signature."),
        other => TokenProblem::grant(format!(
            "Invalid JWT: {}",
            remark(format_args!("{other:?}"))
        )),
    }
}

/// As Google's tokens begin.
const TOKEN_PREFIX: &str = "ya29.emulated.";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EMAIL: &str = "emulator@rbm-emulator.iam.gserviceaccount.com";
/// As Google's tokens last.
pub(crate) const TOKEN_LIFETIME: Duration = Duration::from_secs(3599);
/// The present one, and those before it.
const GOOGLES_TOKEN_ENDPOINTS: [&str; 3] = [
    "https://oauth2.googleapis.com/token",
    "https://www.googleapis.com/oauth2/v4/token",
    "https://accounts.google.com/o/oauth2/token",
];
const ASSERTION_SECONDS_MAX: i64 = 3600;
/// Assumed.
const SKEW_SECONDS: i64 = 300;
/// A token carries them, and an HTTP header has its limits.
const SCOPE_BYTES_MAX: usize = 2_048;

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "token-assertion",
        what: "An assertion signed by the account's key with RS256, for the token endpoint and at most an hour long, buys a \
               token",
        basis: Basis::Documented,
        source: "developers.google.com/identity/protocols/oauth2/service-account",
        switch: None,
        test: "only_a_true_assertion_buys_a_token",
    },
    &Behaviour {
        id: "token-audience",
        what: "An assertion is for the token endpoint of the key file, or for Google's",
        basis: Basis::SecondHand,
        source: "google-auth for Python names oauth2.googleapis.com/token whatever the key file says; that the older addresses \
                 count too is assumed",
        switch: None,
        test: "only_a_true_assertion_buys_a_token",
    },
    &Behaviour {
        id: "token-refusals",
        what: "What is wrong with an assertion is said by invalid_grant, invalid_scope, unauthorized_client and their texts",
        basis: Basis::SecondHand,
        source: "developers.google.com/identity/protocols/oauth2/service-account#error-codes for some; texts from the issues \
                 of Google's and others' clients; for another algorithm and a missing iat assumed",
        switch: None,
        test: "only_a_true_assertion_buys_a_token",
    },
    &Behaviour {
        id: "token-skew",
        what: "Clocks may be 300 seconds apart",
        basis: Basis::Assumed,
        source: "Google says only that a clock must be right",
        switch: None,
        test: "clocks_may_be_a_little_apart",
    },
    &Behaviour {
        id: "token-lifetime",
        what: "A token lasts 3,599 seconds, and says so",
        basis: Basis::SecondHand,
        source: "Google's answers in the wild; the page says an hour",
        switch: Some("token_lifetime"),
        test: "a_token_runs_out_when_it_says",
    },
    &Behaviour {
        id: "token-scopes",
        what: "A token is good for the APIs of its scopes; any scope of Google's is given",
        basis: Basis::Assumed,
        source: "developers.google.com/identity/protocols/oauth2/scopes says that tokens have scopes, not who gets which",
        switch: None,
        test: "a_token_is_good_for_the_apis_of_its_scopes",
    },
    &Behaviour {
        id: "token-self-signed",
        what: "An assertion for the API's own address, or with its scope, is taken as a token",
        basis: Basis::Documented,
        source: "developers.google.com/identity/protocols/oauth2/service-account#jwt-auth; whether this API takes it is assumed",
        switch: None,
        test: "an_assertion_for_the_api_is_a_token",
    },
    &Behaviour {
        id: "token-request",
        what: "The endpoint takes a form by POST only; other bodies are answered 415, other methods 405",
        basis: Basis::Assumed,
        source: "RFC 6749, section 3.2",
        switch: None,
        test: "the_token_endpoint_takes_a_form_by_post",
    },
    &Behaviour {
        id: "token-clock",
        what: "Tokens and assertions go by the machine's clock, also when the emulator's is moved",
        basis: Basis::Assumed,
        source: "ours: a client signs and counts by its own clock",
        switch: None,
        test: "fifteen_days_pass_when_the_clock_jumps",
    },
    &Behaviour {
        id: "service-account",
        what: "The key file at /emulator/service-account.json has the fields of Google's; its key is made at every start",
        basis: Basis::Documented,
        source: "developers.google.com/identity/protocols/oauth2/service-account; where it is to be had is ours",
        switch: None,
        test: "the_key_file_is_shaped_as_googles",
    },
];

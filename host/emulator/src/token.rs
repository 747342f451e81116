//! The token endpoint: a service account's key, made at start, buys access tokens that run out.
//!
//! developers.google.com/identity/protocols/oauth2/service-account. The key is RSA because Google's are; aws-lc makes one in
//! a fraction of a second. It lives as long as the emulator and is nowhere on disk.

use crate::excerpt::{excerpt, remark};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rbm_clock::Clock;
use rbm_wire::auth::SCOPE;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// Gives out tokens, and knows those it gave.
pub(crate) struct TokenService {
    token_uri: String,
    private_key_pem: String,
    key_id: String,
    public_key: DecodingKey,
    clock: Clock,
    /// When each runs out, in seconds since 1970.
    tokens: Mutex<HashMap<String, i64>>,
}

/// What a client posts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TokenRequest {
    grant_type: String,
    assertion: String,
}

#[derive(Deserialize)]
struct Claims {
    scope: String,
    iat: i64,
    exp: i64,
}

impl TokenService {
    /// Makes the key, on a thread that may block.
    pub(crate) async fn new(origin: &str, clock: Clock) -> Result<Self, String> {
        let key = tokio::task::spawn_blocking(make_key).await.map_err(|problem| problem.to_string())??;
        Ok(Self {
            token_uri: format!("{origin}/token"),
            private_key_pem: key.0,
            key_id: Uuid::new_v4().simple().to_string(),
            public_key: DecodingKey::from_rsa_der(&key.1),
            clock,
            tokens: Mutex::default(),
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
            "token_uri": self.token_uri,
        })
        .to_string()
    }

    /// A token, or the error that says why not.
    pub(crate) fn exchange(&self, request: &TokenRequest) -> Result<Value, Value> {
        if request.grant_type != GRANT_TYPE {
            let description = format!("Invalid grant_type: {}", excerpt(&request.grant_type));
            return Err(json!({ "error": "unsupported_grant_type", "error_description": description }));
        }
        self.check(&request.assertion).map_err(|why| json!({ "error": "invalid_grant", "error_description": why }))?;
        let token = format!("emulated.{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let now = self.now();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, until| *until > now);
        tokens.insert(token.clone(), now + TOKEN_SECONDS);
        Ok(json!({ "access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer" }))
    }

    /// Whether this `Authorization` header has a token that was given and has not run out.
    pub(crate) fn knows(&self, authorization: Option<&str>) -> bool {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).is_some_and(|until| *until > self.now())
    }

    fn check(&self, assertion: &str) -> Result<(), String> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[&self.token_uri]);
        validation.set_issuer(&[EMAIL]);
        validation.set_required_spec_claims(&["aud", "exp", "iss"]);
        // Its times are compared with our clock, which is not always the machine's.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(assertion, &self.public_key, &validation);
        let claims = claims.map_err(|problem| reason(problem.kind()))?.claims;
        let now = self.now();
        if claims.exp <= now - SKEW_SECONDS
            || claims.iat > now + SKEW_SECONDS
            || claims.exp - claims.iat > ASSERTION_SECONDS_MAX
        {
            return Err("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                        Check your iat and exp values in the JWT claim."
                .to_owned());
        }
        if !claims.scope.split(' ').any(|scope| scope == SCOPE) {
            return Err(format!("Invalid scope: {:?} lacks {SCOPE}", excerpt(&claims.scope)));
        }
        Ok(())
    }

    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }
}

/// The private key as PEM and the public key as PKCS#1.
fn make_key() -> Result<(String, Vec<u8>), String> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|problem| problem.to_string())?;
    let private: Pkcs8V1Der<'_> = key.as_der().map_err(|problem| problem.to_string())?;
    let encoded = STANDARD.encode(private.as_ref());
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    Ok((pem, key.public_key().as_ref().to_vec()))
}

fn reason(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::InvalidSignature => "Invalid JWT Signature.".to_owned(),
        ErrorKind::InvalidAudience => "Invalid JWT: Failed audience check.".to_owned(),
        ErrorKind::InvalidIssuer => "Invalid grant: account not found".to_owned(),
        other => format!("Invalid JWT: {}", remark(format_args!("{other:?}"))),
    }
}

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EMAIL: &str = "emulator@rbm-emulator.iam.gserviceaccount.com";
const TOKEN_SECONDS: i64 = 3599;
const ASSERTION_SECONDS_MAX: i64 = 3600;
/// Assumed.
const SKEW_SECONDS: i64 = 300;

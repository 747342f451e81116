//! A platform that wants tokens: its API, its token endpoint, and an egress that is allowed to use both.

use crate::fetch::{fetch, get, outcome};
use crate::key::credentials;
use crate::server::{Answer, Seen, Server, response, says};
use axum::body::Body;
use axum::response::Response;
use rbm_host::http_client::{FetchFailure, FetchFailureCode};
use rbm_host::{Credentials, Egress, EgressBuilder};
use serde_json::json;

pub(crate) struct Platform {
    pub(crate) api: Server,
    pub(crate) tokens: Server,
    pub(crate) egress: Egress,
}

impl Platform {
    /// With an API that takes everything.
    pub(crate) async fn with_tokens(
        script: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::new(Server::content().await, Server::start(script).await)
    }

    /// With tokens for an hour, `token-1` the first.
    pub(crate) async fn with_api(
        script: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let tokens = Server::start(|before, _| Answer::Now(token(before + 1, 3600))).await;
        Self::new(Server::start(script).await, tokens)
    }

    fn new(api: Server, tokens: Server) -> Self {
        let egress = allowed(&api, &tokens).build().unwrap();
        Self {
            api,
            tokens,
            egress,
        }
    }

    /// One request to the API: its status or the failure's code.
    pub(crate) async fn outcome(&self) -> Result<u16, FetchFailureCode> {
        outcome(&self.egress, get(&self.api.url("/"))).await
    }

    /// One request to the API that fails.
    pub(crate) async fn failure(&self) -> FetchFailure {
        fetch(&self.egress, get(&self.api.url("/")))
            .await
            .expect_err("there is no answer")
    }
}

/// An egress to be, for an API with tokens from this endpoint.
pub(crate) fn allowed(api: &Server, tokens: &Server) -> EgressBuilder {
    let egress = Egress::builder()
        .allow_private_addresses()
        .origin(&tokens.origin, Credentials::none());
    egress.origin(&api.origin, credentials(&tokens.url("/token")))
}

/// What a token endpoint answers.
pub(crate) fn token(number: usize, seconds: u64) -> Response<Body> {
    let token = json!({ "access_token": format!("token-{number}"), "expires_in": seconds, "token_type": "Bearer" });
    response(
        200,
        &[("content-type", "application/json")],
        token.to_string(),
    )
}

/// What an API answers that takes none but these tokens.
pub(crate) fn takes(
    tokens: &'static [&'static str],
) -> impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static {
    move |_, seen| {
        let bearer = seen.headers.get("authorization").unwrap().to_str().unwrap();
        says(if tokens.contains(&bearer) { 200 } else { 401 }, &[], "")
    }
}

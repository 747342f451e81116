//! What a request says before a method looks at it: whose token it has, the names in its path, its query, its body. What
//! axum would refuse in plain text is refused in Google's shape here.

use crate::Shared;
use crate::refusal::{Refusal, violation};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use rbm_wire::name::AgentId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Somebody with a token that was given out and has not run out. It comes first among the arguments of a method of Google's,
/// because without it nothing else is looked at.
pub(super) struct Authenticated;

impl FromRequestParts<Arc<Shared>> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if shared.tokens.knows(authorization) { Ok(Self) } else { Err(Refusal::unauthenticated()) }
    }
}

/// The names in the path, unescaped.
pub(super) struct PathNames<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathNames<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let names = Path::from_request_parts(parts, state).await;
        names.map(|Path(names)| Self(names)).map_err(|problem| invalid(&problem.body_text()))
    }
}

/// The query parameters of all methods. Those that every Google API has (`alt`, `prettyPrint`…) are taken and change nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "Google's names")]
pub(super) struct Parameters {
    agent_id: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) event_id: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Parameters {
    /// 403 unless the agent is the one that there is.
    pub(super) fn check_agent(&self, shared: &Shared) -> Result<(), Refusal> {
        let named = self.agent_id.as_deref();
        let known = named.is_some_and(|agent| AgentId::parse(agent).as_ref() == Ok(&shared.agent));
        if known { Ok(()) } else { Err(Refusal::unknown_agent(named)) }
    }

    /// Where another place names the agent, that one counts.
    pub(super) fn with_agent(self, agent_id: Option<String>) -> Self {
        Self { agent_id: agent_id.or(self.agent_id), ..self }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Refusal;

    /// That a parameter that is given twice is refused is assumed.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let parameters = Query::from_request_parts(parts, state).await;
        parameters.map(|Query(parameters)| parameters).map_err(|problem| invalid(&problem.body_text()))
    }
}

/// The whole body, of at most so many bytes.
pub(super) struct Body<const BYTES_MAX: usize = BODY_BYTES_MAX>(pub(super) Bytes);

impl<const BYTES_MAX: usize, S: Send + Sync> FromRequest<S> for Body<BYTES_MAX> {
    type Rejection = Refusal;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Refusal> {
        DefaultBodyLimit::max(BYTES_MAX).apply(&mut request);
        Bytes::from_request(request, state).await.map(Self).map_err(|problem| match problem.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large(BYTES_MAX),
            _ => invalid(&problem.body_text()),
        })
    }
}

fn invalid(reason: &str) -> Refusal {
    Refusal::invalid(vec![violation("", reason)])
}

/// More than a message may have, so that one that is too long is told so.
const BODY_BYTES_MAX: usize = 1 << 20;

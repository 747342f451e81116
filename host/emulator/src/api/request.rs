//! What a request says before a method looks at it: whose token it has, the names in its path, its query, its body. What
//! axum would refuse in plain text is refused in Google's shape here.

use super::relay::Shadow;
use super::surface::{self, Called};
use crate::Shared;
use crate::excerpt::{excerpt, remark};
use crate::fidelity::{Basis, Behaviour};
use crate::json::{Json, JsonSyntax};
use crate::refusal::{Invalid, Refusal, violation};
use crate::region::Region;
use crate::schema::{API, Method, proto_name, unknown_name};
use crate::token::{Audience, MESSAGING};
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{
    DefaultBodyLimit, FromRequest, FromRequestParts, OriginalUri, Path, Query, Request,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use flate2::read::GzDecoder;
use rbm_wire::name::AgentId;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::io::Read as _;
use std::sync::Arc;

/// Somebody with a token that was given out and has not run out. It comes first among the arguments of a method of Google's,
/// because without it nothing else is looked at.
pub(super) struct Authenticated;

impl FromRequestParts<Arc<Shared>> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        if parts.extensions.get::<Shadow>().is_some() {
            return Ok(Self);
        }
        let query = QueryPairs::of(&parts.uri);
        let token = bearer(&parts.headers)
            .or_else(|| query.system("access_token"))
            .or_else(|| query.system("oauth_token"));
        let called = parts
            .extensions
            .get::<Called>()
            .map(|Called(method)| *method);
        let audience = called.map_or(MESSAGING, Audience::of);
        let checked = shared.tokens.check(token, audience);
        let method = called.map_or("", Method::id);
        checked
            .map(|()| Self)
            .map_err(|challenge| Refusal::unauthenticated(challenge, audience, method))
    }
}

/// The name of the scheme is in any case. (RFC 9110 §11.1)
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

/// The names in the path, unescaped.
pub(super) struct PathNames<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathNames<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let names = Path::from_request_parts(parts, state).await;
        names
            .map(|Path(names)| Self(names))
            .map_err(|problem| invalid(&problem.body_text()))
    }
}

/// The query, one pair after the other.
#[derive(Debug, Default)]
pub(super) struct QueryPairs(Vec<(String, String)>);

impl QueryPairs {
    pub(super) fn of(uri: &Uri) -> Self {
        Query::try_from_uri(uri)
            .map(|Query(pairs)| Self(pairs))
            .unwrap_or_default()
    }

    /// The first of this name.
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Of the parameters that every method takes: with the names that the reference has.
    pub(super) fn system_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(|(name, value)| Some((system_name(name)?, value.as_str())))
    }

    /// The same by its name.
    pub(super) fn system(&self, name: &str) -> Option<&str> {
        self.system_pairs()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

/// Each may have a dollar sign before it. (cloud.google.com/apis/docs/system-parameters)
fn system_name(name: &str) -> Option<&str> {
    let bare = if name.starts_with("$.") {
        name
    } else {
        name.strip_prefix('$').unwrap_or(name)
    };
    API.is_system_parameter(bare).then_some(bare)
}

/// The query parameters of all methods, as far as the one that is called takes them.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    agent_id: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) event_id: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) message_id_prefix: Option<String>,
    pub(super) upload_id: Option<String>,
}

impl Parameters {
    /// Who asks; 403 for an agent that there is not.
    pub(super) fn agent(&self, shared: &Shared) -> Result<AgentId, Refusal> {
        let named = self.agent_id.as_deref();
        let agent = named.and_then(|agent| AgentId::parse(agent).ok());
        agent
            .filter(|agent| shared.platform().knows(agent))
            .ok_or_else(|| Refusal::unknown_agent(named))
    }

    /// Where another place names the agent, that one counts.
    pub(super) fn with_agent(self, agent_id: Option<String>) -> Self {
        Self {
            agent_id: agent_id.or(self.agent_id),
            ..self
        }
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "agentId" => &mut self.agent_id,
            "messageId" => &mut self.message_id,
            "eventId" => &mut self.event_id,
            "requestId" => &mut self.request_id,
            "messageIdPrefix" => &mut self.message_id_prefix,
            UPLOAD_ID => &mut self.upload_id,
            _ => return None,
        })
    }

    /// Takes a parameter, whose name may be that of Google's `.proto` files.
    fn take(&mut self, Called(method): Called, name: &str, value: String) -> Result<(), Refusal> {
        let named = NAMES
            .into_iter()
            .find(|known| *known == name || proto_name(known) == name);
        let taken =
            named.filter(|known| method.takes(known) || *known == UPLOAD_ID && method.uploads());
        let Some(place) = taken.and_then(|known| self.place(known)) else {
            return Err(unknown_parameter(name));
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(given_twice(name)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let mut parameters = Self::default();
        let Some(called) = parts.extensions.get::<Called>().copied() else {
            return Ok(parameters);
        };
        for (name, value) in own_pairs(called, parts)? {
            parameters.take(called, &name, value)?;
        }
        Ok(parameters)
    }
}

/// The pairs of a query that are the method's own, when those that all methods take are in order.
pub(super) fn own_pairs(
    Called(method): Called,
    parts: &Parts,
) -> Result<Vec<(String, String)>, Refusal> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(pairs) = pairs.map_err(|problem| invalid(&problem.body_text()))?;
    let query = QueryPairs(pairs);
    if let Some(wrong) = surface::check(method, &query, &parts.headers) {
        return Err(Refusal::invalid(Invalid::Payload(vec![wrong])));
    }
    Ok(query
        .0
        .into_iter()
        .filter(|(name, _)| system_name(name).is_none())
        .collect())
}

pub(super) fn unknown_parameter(name: &str) -> Refusal {
    let shown = excerpt(name);
    let rule = format!(
        "Cannot bind query parameter. Field '{shown}' could not be found in request message."
    );
    Refusal::invalid(Invalid::Payload(vec![unknown_name("", name, &rule)]))
}

pub(super) fn given_twice(name: &str) -> Refusal {
    invalid(&format!("The parameter {name} is given twice."))
}

/// Where a request was sent to.
pub(super) struct Address {
    /// As the client sees it, without what a method adds: `http://127.0.0.1:8788/us`.
    pub(super) base: String,
    pub(super) region: Option<Region>,
    pub(super) service: Service,
}

/// Which of Google's APIs an address belongs to. The paths of their methods differ, so this tells their discovery documents
/// apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Service {
    Messaging,
    Management,
}

impl Service {
    /// Of a `Host` header, with a port or without.
    fn of_host(host: &str) -> Self {
        let name = host.split(':').next().unwrap_or_default();
        if name.eq_ignore_ascii_case("businesscommunications.googleapis.com") {
            Self::Management
        } else {
            Self::Messaging
        }
    }
}

impl FromRequestParts<Arc<Shared>> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let origin = host.map_or_else(|| shared.origin.clone(), |host| format!("http://{host}"));
        let prefix = parts
            .extensions
            .get::<OriginalUri>()
            .and_then(|uri| uri.path().strip_suffix(parts.uri.path()));
        let region = parts
            .extensions
            .get::<Region>()
            .copied()
            .or_else(|| host.and_then(Region::of_host));
        let service = parts.extensions.get::<Service>().copied();
        let service = service.unwrap_or_else(|| host.map_or(Service::Messaging, Service::of_host));
        Ok(Self {
            base: format!("{origin}{}", prefix.unwrap_or_default()),
            region,
            service,
        })
    }
}

/// The whole body as it came, of at most so many bytes.
pub(super) struct Raw<const BYTES_MAX: usize>(pub(super) Bytes);

impl<const BYTES_MAX: usize, S: Send + Sync> FromRequest<S> for Raw<BYTES_MAX> {
    type Rejection = Refusal;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Refusal> {
        let compressed = request
            .headers()
            .get(header::CONTENT_ENCODING)
            .is_some_and(|coding| coding == "gzip");
        DefaultBodyLimit::max(BYTES_MAX).apply(&mut request);
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|problem| match problem.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large(BYTES_MAX),
                _ => invalid(&problem.body_text()),
            })?;
        if compressed {
            uncompressed::<BYTES_MAX>(&body).map(Self)
        } else {
            Ok(Self(body))
        }
    }
}

/// Google's Java client compresses what it sends, unless told otherwise.
fn uncompressed<const BYTES_MAX: usize>(body: &[u8]) -> Result<Bytes, Refusal> {
    let mut plain = Vec::new();
    let limit = u64::try_from(BYTES_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let read = GzDecoder::new(body).take(limit).read_to_end(&mut plain);
    read.map_err(|problem| invalid(&format!("The body is not gzip: {problem}.")))?;
    if plain.len() > BYTES_MAX {
        Err(Refusal::too_large(BYTES_MAX))
    } else {
        Ok(plain.into())
    }
}

/// A body of JSON, strict whatever the client wrote.
pub(super) struct Body(pub(super) Bytes);

impl FromRequest<Arc<Shared>> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        let syntax = match request
            .headers()
            .get(SYNTAX_HEADER)
            .map(|value| value.to_str().unwrap_or_default())
        {
            Some(name) => JsonSyntax::parse(name)
                .ok_or_else(|| invalid("X-Emulator-Json is strict or lenient."))?,
            None => shared.answering().json,
        };
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let is_form = kind
            .to_ascii_lowercase()
            .starts_with("application/x-www-form-urlencoded");
        let Raw(body) = Raw::<BODY_BYTES_MAX>::from_request(request, shared).await?;
        if is_form && !body.is_empty() {
            let name = String::from_utf8_lossy(&body).into_owned();
            let rule = "Cannot bind query parameter. The body is sent as a form: its Content-Type must be application/json.";
            return Err(Refusal::invalid(Invalid::Payload(vec![unknown_name(
                "", &name, rule,
            )])));
        }
        if syntax == JsonSyntax::Strict {
            return Ok(Self(body));
        }
        let json = Json::read_leniently(&body).map_err(|problem| unreadable(&problem))?;
        Ok(Self(serde_json::to_vec(&json).unwrap_or_default().into()))
    }
}

/// What is written for the emulator itself. Of an object only: serde takes a list for one as well.
pub(super) fn of_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    let fields: Map<String, Value> = serde_json::from_slice(body)?;
    serde_json::from_value(fields.into())
}

/// A query that is for the emulator itself.
pub(super) fn readable<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Refusal> {
    query.map(|Query(wanted)| wanted).map_err(|problem| {
        let said = problem.body_text();
        invalid(&remark(
            said.strip_prefix("Failed to deserialize query string: ")
                .unwrap_or(&said),
        ))
    })
}

fn unreadable(problem: &impl ToString) -> Refusal {
    let rule = format!("Invalid JSON payload received. {}", problem.to_string());
    Refusal::invalid(Invalid::Payload(vec![violation("", rule)]))
}

fn invalid(reason: &str) -> Refusal {
    Refusal::invalid(vec![violation("", reason)])
}

/// Chooses how strict the reading of one request's JSON is.
const SYNTAX_HEADER: &str = "x-emulator-json";
/// More than a message may have, so that one that is too long is told so.
const BODY_BYTES_MAX: usize = 1 << 20;
const UPLOAD_ID: &str = "upload_id";
const NAMES: [&str; 6] = [
    "agentId",
    "messageId",
    "eventId",
    "requestId",
    "messageIdPrefix",
    UPLOAD_ID,
];

pub(super) const QUERY: &Behaviour = &Behaviour {
    id: "unknown-parameter",
    what: "A query parameter that the method does not take is refused, and one that is given twice",
    basis: Basis::SecondHand,
    source: "text as other APIs of Google's answer it; for a parameter that is given twice assumed",
    switch: None,
    test: "a_query_has_only_known_parameters",
};
pub(super) const TOKEN_PLACES: &Behaviour = &Behaviour {
    id: "token-places",
    what: "A token stands in the Authorization header, or else in access_token or oauth_token",
    basis: Basis::Documented,
    source: "cloud.google.com/apis/docs/system-parameters; that the header counts where there are two is assumed",
    switch: None,
    test: "a_token_stands_in_the_header_or_the_query",
};
pub(super) const FORM: &Behaviour = &Behaviour {
    id: "form-body",
    what: "A body that is sent as a form, as curl does unless told otherwise, is refused",
    basis: Basis::SecondHand,
    source: "other APIs of Google's take its fields for query parameters; the end of the text is ours",
    switch: None,
    test: "a_body_is_sent_as_json",
};
pub(super) const GZIP: &Behaviour = &Behaviour {
    id: "gzip-body",
    what: "A body may be compressed by gzip",
    basis: Basis::SecondHand,
    source: "Google's client library for Java does so by default",
    switch: None,
    test: "a_body_may_be_compressed_and_never_too_large",
};

pub(super) const SPELLINGS: &Behaviour = &Behaviour {
    id: "spellings",
    what: "An agent is known with and without @rbm.goog, and the plus sign of a phone as + and as %2B",
    basis: Basis::SecondHand,
    source: "Google's samples and webhooks have the two spellings of agents, clients those of phones",
    switch: None,
    test: "an_agent_has_two_spellings_and_a_phone_too",
};
pub(super) const PARAMETER_NAMES: &Behaviour = &Behaviour {
    id: "parameter-names",
    what: "A query parameter may have its proto name, and a system parameter a dollar sign before it",
    basis: Basis::SecondHand,
    source: "cloud.google.com/apis/docs/system-parameters for the dollar sign; other APIs of Google's take proto names",
    switch: None,
    test: "a_query_has_only_known_parameters",
};

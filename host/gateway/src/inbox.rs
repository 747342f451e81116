//! Takes webhook requests: the plugin judges, the store keeps, and only then is there an answer. What is not believed, or
//! concerns nobody here, is put aside with the reason and reaches no application.

use crate::body::read_body;
use crate::metrics::WebhookOutcome;
use crate::problem;
use crate::request::PathName;
use crate::store::event::EventContent;
use crate::store::quarantine::Quarantined;
use crate::store::{Ingested, NewEvent, StoreProblem};
use crate::{Agent, Senders, Shared};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use gateway_channel::{Header, Inbound, Verdict, VerdictOutcome};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use jiff::Timestamp;
use rbm_host::Channel;
use rbm_host::webhook::{self, Outcome};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// `POST /webhooks/rbm/{agent}`
pub(crate) async fn agent(
    State(shared): State<Arc<Shared>>,
    PathName(name): PathName,
    request: Request<Body>,
) -> Response {
    match for_agent(&shared.senders(), &name) {
        Some(receiver) => receive(&shared, receiver, request).await,
        None => problem::not_found(&format!("there is no agent {name:?}")).into_response(),
    }
}

/// `POST /webhooks/rbm`, where what is signed says which agent it concerns.
pub(crate) async fn partner(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    match for_partner(&shared.senders()) {
        Some(receiver) => receive(&shared, receiver, request).await,
        None => problem::not_found("there is no partner webhook here").into_response(),
    }
}

/// Who judges what comes, and whom it may concern.
pub(crate) type Receiver<'a> = (&'a Channel, &'a [Arc<Agent>]);

/// By the path that something came to.
pub(crate) fn receiver<'a>(senders: &'a Senders, path: &str) -> Option<Receiver<'a>> {
    match path.strip_prefix("/webhooks/rbm")?.strip_prefix('/') {
        None => for_partner(senders),
        Some(name) => for_agent(senders, name),
    }
}

fn for_partner(senders: &Senders) -> Option<Receiver<'_>> {
    senders
        .partner
        .as_ref()
        .map(|channel| (channel, senders.agents.as_slice()))
}

fn for_agent<'a>(senders: &'a Senders, name: &str) -> Option<Receiver<'a>> {
    let agent = senders.agents.iter().find(|agent| agent.name == name)?;
    Some((&agent.channel, std::slice::from_ref(agent)))
}

async fn receive(shared: &Shared, receiver: Receiver<'_>, request: Request<Body>) -> Response {
    let begun = Instant::now();
    let (response, outcome) = judge(shared, receiver, request).await;
    shared.metrics.webhook(outcome, begun.elapsed());
    response
}

async fn judge(
    shared: &Shared,
    (channel, serves): Receiver<'_>,
    request: Request<Body>,
) -> (Response, WebhookOutcome) {
    let (parts, body) = request.into_parts();
    let body = match read_body(&parts.headers, body).await {
        Ok(body) => body,
        Err(problem) => return (problem.into_response(), WebhookOutcome::Malformed),
    };
    let came = Came {
        uri: parts.uri.clone(),
        headers: parts.headers.clone(),
        body: body.clone(),
    };
    let request = Request::from_parts(parts, body);
    match webhook::receive(channel, &webhook::Limits::default(), shared.now(), request).await {
        Ok(outcome) => commit(shared, serves, &came, outcome).await,
        Err(problem) => {
            tracing::error!(%problem, "a webhook request could not be judged");
            (
                try_again("the request could not be judged"),
                WebhookOutcome::Unavailable,
            )
        }
    }
}

/// Never an answer of 200 before what it acknowledges is kept: the platform forgets what was answered so.
async fn commit(
    shared: &Shared,
    serves: &[Arc<Agent>],
    came: &Came,
    outcome: Outcome,
) -> (Response, WebhookOutcome) {
    let kept = timeout(STORE_TIME_MAX, keep(shared, serves, came, &outcome)).await;
    let reason = match kept {
        Ok(Ok(())) => {
            return (
                outcome.response.map(Body::from),
                what_it_came_to(outcome.verdict.as_ref()),
            );
        }
        Ok(Err(problem)) => {
            tracing::error!(%problem, "a webhook request is not kept");
            "the store did not take it"
        }
        Err(_) => "the store is too slow",
    };
    (try_again(reason), WebhookOutcome::Unavailable)
}

fn what_it_came_to(verdict: Option<&Verdict>) -> WebhookOutcome {
    match verdict.map(|verdict| verdict.outcome) {
        Some(VerdictOutcome::Handshake) => WebhookOutcome::Handshake,
        Some(VerdictOutcome::Authentic) => WebhookOutcome::Taken,
        Some(VerdictOutcome::Malformed) | None => WebhookOutcome::Malformed,
        Some(_) => WebhookOutcome::NotBelieved,
    }
}

/// A request as it came, for the case that it is put aside; its parts are shared until then.
struct Came {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

async fn keep(
    shared: &Shared,
    serves: &[Arc<Agent>],
    came: &Came,
    outcome: &Outcome,
) -> Result<(), StoreProblem> {
    let (at, path) = (shared.now(), came.uri.path());
    let put_aside = |rule: &str, reason: &str, body: &[u8]| Quarantined {
        at,
        path: path.to_owned(),
        rule: rule.to_owned(),
        reason: reason.to_owned(),
        headers: headers_to_keep(&came.headers),
        body: body.to_vec(),
        body_bytes: came.body.len() as u64,
    };
    if let Some((rule, reason)) = outcome.verdict.as_ref().and_then(why_not_believed) {
        tracing::warn!(path, rule, reason, "a webhook request was not believed");
        return shared
            .store
            .quarantine(put_aside(rule, reason, beginning(&came.body)))
            .await;
    }
    let mut events = Vec::new();
    for inbound in &outcome.inbound {
        match concerned(serves, inbound) {
            Some(agent) => events.push(heard(shared, agent, inbound.clone(), at)),
            None => {
                let reason = not_served(inbound);
                tracing::warn!(path, reason, "a webhook request was put aside");
                shared
                    .store
                    .quarantine(put_aside(NOT_SERVED, &reason, &came.body))
                    .await?;
            }
        }
    }
    ingest(shared, events).await.map(drop)
}

/// An event of an agent, with what it says of consent.
pub(crate) fn heard(shared: &Shared, agent: &Agent, inbound: Inbound, at: Timestamp) -> NewEvent {
    let consent = shared.opt_out.read(&inbound, at);
    NewEvent {
        agent: agent.key().to_owned(),
        received_at: at,
        content: EventContent::Platform(inbound),
        consent,
    }
}

/// Keeps events, and tells everybody who waits for some.
pub(crate) async fn ingest(
    shared: &Shared,
    events: Vec<NewEvent>,
) -> Result<Vec<Ingested>, StoreProblem> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let facts: Vec<_> = events
        .iter()
        .map(|event| event.content.fact_about().map(|(_, fact)| fact))
        .collect();
    let ingested = shared.store.ingest(events).await?;
    for (ingested, fact) in ingested.iter().zip(facts) {
        match (ingested, fact) {
            (Ingested::Duplicate, _) => shared.metrics.duplicate(),
            (Ingested::New(_), Some(fact)) => shared.metrics.message(fact),
            (Ingested::New(_), None) => {}
        }
    }
    // Not the outbox: no event makes anything due, and a look at the store for each of them would cost as much as the event.
    shared.events.notify_waiters();
    Ok(ingested)
}

/// The rule that it broke, and why; none if it is believed.
pub(crate) fn why_not_believed(verdict: &Verdict) -> Option<(&str, &str)> {
    match verdict.outcome {
        VerdictOutcome::Authentic | VerdictOutcome::Handshake => None,
        _ => Some((
            verdict.rule.as_deref().unwrap_or("unverified"),
            verdict
                .reason
                .as_deref()
                .unwrap_or("the plugin did not believe it"),
        )),
    }
}

pub(crate) fn not_served(inbound: &Inbound) -> String {
    format!(
        "it is signed, and concerns the agent {:?}, which is not served here",
        inbound.agent
    )
}

/// By what is signed. Where that names nobody, it can only be the one agent who is served.
pub(crate) fn concerned<'a>(serves: &'a [Arc<Agent>], inbound: &Inbound) -> Option<&'a Arc<Agent>> {
    match (inbound.agent.as_str(), serves) {
        ("", [only]) => Some(only),
        ("", _) => None,
        (id, serves) => serves
            .iter()
            .find(|agent| agent.platform_ids.iter().any(|own| own == id)),
    }
}

/// Anybody may send what is not believed, so little of it is kept.
fn beginning(body: &Bytes) -> &[u8] {
    &body[..body.len().min(UNBELIEVED_BYTES_KEPT)]
}

/// What a plugin may look at, and nothing that lets anybody in. None if that is too long.
fn headers_to_keep(headers: &HeaderMap) -> Option<Vec<Header>> {
    let kept: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !CREDENTIALS.contains(name))
        .collect();
    let bytes: usize = kept
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    // What is no text matches nothing, neither now nor later.
    let header = |(name, value): (&HeaderName, &HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    (bytes <= HEADER_BYTES_KEPT).then(|| kept.into_iter().map(header).collect())
}

/// The platform sends again what was answered so.
fn try_again(reason: &str) -> Response {
    let mut response =
        problem::Problem::new(StatusCode::SERVICE_UNAVAILABLE, "try-again", reason).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

const STORE_TIME_MAX: Duration = Duration::from_secs(2);
/// Enough for the longest text that a person can write, in base64 in its envelope: what a thousand of them take is 16 MB.
const UNBELIEVED_BYTES_KEPT: usize = 16 << 10;
const HEADER_BYTES_KEPT: usize = 4 << 10;
const CREDENTIALS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
];
pub(crate) const NOT_SERVED: &str = "agent-not-served";

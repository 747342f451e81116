//! What whoever looks after the gateway asks it, on an address of its own: does it live, can it work, and how much does it do.
//! Nothing here changes anything, and nothing of a message is here.

use crate::Shared;
use crate::guard::{Guard, keepers_only};
use crate::metrics::Waiting;
use crate::outbox::Condition;
use crate::problem::{Problem, not_found};
use crate::request::parse_query;
use crate::store::Health;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use http::{HeaderValue, StatusCode, Uri, header};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// `/healthz` and `/readyz` are for anybody who reaches the address; the rest is for those who know the token.
pub(crate) fn router(shared: Arc<Shared>, guard: Arc<Guard>) -> Router {
    let kept = Router::new()
        .route("/metrics", get(metrics))
        .layer(middleware::from_fn_with_state(guard, keepers_only));
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .merge(kept)
        .fallback(
            |uri: Uri| async move { not_found(&format!("there is nothing at {}", uri.path())) },
        )
        .with_state(shared)
}

/// 200 if messages and events can be taken, 503 if not; with `?verbose`, what was looked at.
async fn ready(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let verbose = parse_query(query.as_deref(), &["verbose"])?.contains_key("verbose");
    let store = look_at_store(&shared).await.map(|_| ());
    let running = if shared.is_stopping() {
        Err("the gateway is stopping".to_owned())
    } else {
        Ok(())
    };
    let is_ready = store.is_ok() && running.is_ok();
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    if !verbose {
        return Ok((status, if is_ready { "ready\n" } else { "not ready\n" }).into_response());
    }
    let word =
        |looked: Result<(), String>| looked.map_or_else(|reason| reason, |()| "ok".to_owned());
    Ok((
        status,
        Json(json!({ "store": word(store), "running": word(running), "agents": agents(&shared) })),
    )
        .into_response())
}

/// An agent that cannot send makes the gateway no less ready: it takes messages and events as ever.
fn agents(shared: &Shared) -> BTreeMap<String, String> {
    let condition = |condition: &Condition| match &condition.hold {
        Some(hold) => format!("held: {}", hold.error),
        None if condition.breaker_is_open() => "circuit breaker open".to_owned(),
        None => "ok".to_owned(),
    };
    shared
        .conditions()
        .iter()
        .map(|(agent, it)| (agent.clone(), condition(it)))
        .collect()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    // A store that does not answer is a reason to look at the other numbers.
    let health = look_at_store(&shared).await.unwrap_or_default();
    let overdue = health
        .oldest_due
        .map(|due| Duration::try_from(shared.now().duration_since(due)).unwrap_or_default());
    let senders = shared.senders();
    let mut messages: BTreeMap<_, _> = senders
        .agents
        .iter()
        .map(|agent| (agent.name.clone(), 0))
        .collect();
    for (key, waiting) in health.waiting {
        *messages.entry(shared.names.of(&key)).or_default() += waiting;
    }
    let waiting = Waiting {
        messages,
        oldest_due: overdue.unwrap_or_default(),
        quarantined: health.quarantined,
    };
    let tokens = senders
        .agents
        .iter()
        .filter_map(|agent| Some((agent.name.clone(), agent.channel.token_expires_in()?)));
    let conditions = shared.conditions();
    let mut response = Response::new(Body::from(shared.metrics.text(
        waiting,
        &conditions,
        tokens,
    )));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
    Ok(response)
}

/// Once a second at most, however many ask: it writes.
async fn look_at_store(shared: &Shared) -> Result<Health, String> {
    let mut looked = shared.health.lock().await;
    let looked = match looked.take().filter(|(at, _)| at.elapsed() < LOOK_EVERY) {
        Some(recently) => looked.insert(recently),
        None => {
            let health = timeout(STORE_TIME_MAX, shared.store.health()).await;
            let health = health.map_err(|_| "it does not answer".to_owned());
            let health = health.and_then(|health| health.map_err(|problem| problem.to_string()));
            looked.insert((tokio::time::Instant::now(), health))
        }
    };
    looked.1.clone()
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const LOOK_EVERY: Duration = Duration::from_secs(1);
const STORE_TIME_MAX: Duration = Duration::from_secs(2);

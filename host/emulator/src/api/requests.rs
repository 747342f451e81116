//! `/emulator/requests`: which requests came in, and what was answered.

use super::request::readable;
use crate::Shared;
use crate::record::{Exchange, RequestFilter};
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use rbm_wire::name::{AgentId, PhoneNumber};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::sync::Arc;

/// Which requests, in a query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    after: u64,
    method: Option<String>,
    agent: Option<AgentId>,
    #[serde(default, deserialize_with = "phone")]
    phone: Option<PhoneNumber>,
    status: Option<u16>,
    #[serde(default = "limit")]
    limit: usize,
}

pub(super) async fn show_requests(
    State(shared): State<Arc<Shared>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Refusal> {
    let Wanted {
        after,
        method,
        agent,
        phone,
        status,
        limit,
    } = readable(wanted)?;
    let filter = RequestFilter {
        after,
        method,
        agent,
        phone,
        status,
    };
    let records = shared.records();
    // One more, to know whether there is one.
    let mut found: Vec<_> = records
        .matching(&filter)
        .take(limit.min(LIMIT_MAX).saturating_add(1))
        .cloned()
        .collect();
    let (last, forgotten) = (records.last(), records.forgotten());
    drop(records);
    let more = found.len() > limit.min(LIMIT_MAX);
    found.truncate(limit.min(LIMIT_MAX));
    let found: Vec<Exchange> = found.iter().map(|record| record.exchange()).collect();
    Ok(Json(
        json!({ "requests": found, "more": more, "last": last, "forgotten": forgotten }),
    ))
}

pub(super) async fn forget_requests(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.records().forget();
    StatusCode::NO_CONTENT
}

/// A plus sign that nobody has escaped is a space in a query.
pub(super) fn phone<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PhoneNumber>, D::Error> {
    let text = String::deserialize(deserializer)?;
    PhoneNumber::parse(&text.replacen(' ', "+", 1))
        .map(Some)
        .map_err(D::Error::custom)
}

fn limit() -> usize {
    100
}

const LIMIT_MAX: usize = 1_000;

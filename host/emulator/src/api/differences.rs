//! `/emulator/differences`: where the twin would have answered otherwise than its upstream.

use super::request::readable;
use crate::Shared;
use crate::refusal::Refusal;
use crate::upstream::RELAYED;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Which, in a query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    after: u64,
    #[serde(default = "limit")]
    limit: usize,
}

/// Differences and failures are counted together, so `after` is for both; `limit` is for each.
pub(super) async fn show_differences(
    State(shared): State<Arc<Shared>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Refusal> {
    let Wanted { after, limit } = readable(wanted)?;
    // So that nobody takes a comparison that never was for one without differences.
    let Some(upstream) = &shared.upstream else {
        return Err(Refusal::not_found(
            RELAYED,
            "There is no upstream to differ from: `rbm emulate --upstream` has one.",
        ));
    };
    let report = upstream.report();
    let limit = limit.min(LIMIT_MAX);
    let differences: Vec<_> = report.differences(after).take(limit).collect();
    let failures: Vec<_> = report.failures(after).take(limit).collect();
    let more = report.differences(after).nth(limit).is_some()
        || report.failures(after).nth(limit).is_some();
    Ok(Json(json!({
        "comparison": report.comparison(),
        "differences": differences,
        "failures": failures,
        "more": more,
        "forgotten": report.forgotten(),
    })))
}

fn limit() -> usize {
    100
}

const LIMIT_MAX: usize = 1_000;

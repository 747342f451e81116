//! `/emulator/faults`: what goes wrong with requests of Google's methods.

use super::request::{Body, of_object};
use crate::Shared;
use crate::excerpt::remark;
use crate::faults::RequestFaults;
use crate::refusal::{Refusal, violation};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn show_faults(State(shared): State<Arc<Shared>>) -> Json<RequestFaults> {
    Json(shared.faults().faults().clone())
}

/// In place of those before.
pub(super) async fn set_faults(
    State(shared): State<Arc<Shared>>,
    Body(body): Body,
) -> Result<Json<RequestFaults>, Refusal> {
    let refused = |rule: String| Refusal::invalid(vec![violation("", rule)]);
    let faults: RequestFaults = of_object(&body).map_err(|problem| {
        let rule = "faults are such as {\"faults\": [{\"fault\": \"unavailable\", \"dose\": {\"next\": 1, \"rate\": 0.1}, \"method\": \
                    \"phones.agentMessages.create\", \"phone\": \"+15550100001\", \"agent\": \"demo\"}, {\"fault\": \
                    {\"too_many_for_seconds\": 5}, \"dose\": {\"next\": 1}}]}";
        refused(format!("{rule}: {}", remark(problem)))
    })?;
    shared
        .set_faults(faults)
        .map_err(|problem| refused(problem.to_string()))?;
    Ok(show_faults(State(shared)).await)
}

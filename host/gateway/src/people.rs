//! Forgets people: everything about a number, but that its owner wants no messages, which is what keeps it from getting any.

use crate::Shared;
use crate::problem::Problem;
use crate::request::{PathName, parse_phone, parse_query};
use crate::store::retention::Erased;
use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use std::sync::Arc;

/// `DELETE /v1/people/{phone}`: 200 with how much there was. A redelivery brings none of it back.
pub(crate) async fn erase(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    parse_query(query.as_deref(), &[])?;
    let phone = parse_phone("phone", &phone)?;
    let Erased {
        messages,
        events,
        orphans,
        quarantined,
        testers,
    } = shared.store.erase(&phone).await?;
    tracing::info!(
        messages,
        events,
        orphans,
        quarantined,
        testers,
        "somebody was forgotten"
    );
    Ok(Json(json!({
        "messages": messages, "events": events, "facts_of_unknown_messages": orphans, "quarantined": quarantined,
        "testers": testers,
    })))
}

//! `/emulator/state`: everything that the platform knows, to be kept and put back; and `/emulator/reset`.

use super::files::UPLOAD_BYTES_MAX;
use super::request::Raw;
use crate::Shared;
use crate::refusal::{Refusal, violation};
use crate::state::{reset, restore, save};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

pub(super) async fn show_state(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], save(&shared)).into_response()
}

/// All or nothing. Everything that is wrong is named, up to the hundredth.
pub(super) async fn set_state(
    State(shared): State<Arc<Shared>>,
    Raw(body): Raw<UPLOAD_BYTES_MAX>,
) -> Result<StatusCode, Refusal> {
    restore(&shared, &body).map_err(|problem| {
        let violations = problem
            .flaws()
            .take(SHOWN_MAX)
            .map(|(place, rule)| violation(place, rule));
        Refusal::invalid(violations.collect::<Vec<_>>())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn reset_state(State(shared): State<Arc<Shared>>) -> StatusCode {
    reset(&shared);
    StatusCode::NO_CONTENT
}

const SHOWN_MAX: usize = 100;

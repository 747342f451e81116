//! Tries again what the gateway gave up, such as after a person has put the agent's settings right. Never what the platform
//! refused: it would refuse it again.

use crate::Shared;
use crate::api::find_message;
use crate::problem::Problem;
use crate::request::PathName;
use crate::store::Requeued;
use crate::view::MessageView;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use std::sync::Arc;

/// `POST /v1/messages/{id}/retry`: 202 and the message if it is tried again, 409 if it is not one to be tried again.
pub(crate) async fn retry(
    State(shared): State<Arc<Shared>>,
    PathName(id): PathName,
) -> Result<Response, Problem> {
    find_message(&shared, &id).await?;
    let (code, detail) = match shared.store.requeue(&id, shared.now()).await? {
        Requeued::Queued => {
            tracing::info!(message_id = id, "message queued again");
            shared.outbox.notify_one();
            let view = MessageView::new(find_message(&shared, &id).await?);
            return Ok((StatusCode::ACCEPTED, Json(view)).into_response());
        }
        Requeued::NotFailed(state) => (
            "not-failed",
            format!(
                "the message is {}, and only one that has failed is tried again",
                state.as_str()
            ),
        ),
        Requeued::WantedBack => ("too-late", "somebody wanted the message back".to_owned()),
        Requeued::RunOut => ("too-late", "the message has run out".to_owned()),
    };
    Err(Problem::new(StatusCode::CONFLICT, code, &detail))
}

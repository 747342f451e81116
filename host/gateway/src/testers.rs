//! Invites people to receive messages of an agent that is not launched yet.

use crate::Shared;
use crate::api::named_agent;
use crate::problem::{Problem, answered};
use crate::request::{check_phone, read_fields, required_text, text};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::Request;
use rbm_host::Invitation;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/testers` with `{"agent","phone"}`. Inviting somebody again does no harm.
pub(crate) async fn invite(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Result<Json<Value>, Problem> {
    let body = read_fields(request, &["agent", "phone"]).await?;
    let agent = named_agent(&shared, text(&body, "agent")?)?;
    let phone = required_text(&body, "phone", "the phone number of whom to invite")?;
    check_phone("phone", phone)?;
    let invitation = match answered(agent.channel.invite(shared.now(), phone).await)? {
        Invitation::Pending => Some("pending"),
        Invitation::Accepted => Some("accepted"),
        Invitation::Declined => Some("declined"),
        Invitation::Unstated => None,
    };
    Ok(Json(json!({ "phone": phone, "invitation": invitation })))
}

//! What happens beside messages: shows a person that somebody types or has read, and asks what a phone can show.

use crate::api::{agent_in_query, named_agent};
use crate::problem::{Problem, answered};
use crate::request::{
    PathName, parse_phone, read_fields, read_optional_fields, required_text, text,
};
use crate::{Agent, Shared};
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use gateway_channel::SignalKind;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// `POST /v1/conversations/{phone}/typing` with `{"agent"}` or nothing: the agent types.
pub(crate) async fn typing(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    request: Request<Body>,
) -> Result<StatusCode, Problem> {
    let phone = parse_phone("phone", &phone)?;
    let body = read_optional_fields(request, &["agent"]).await?;
    let agent = named_agent(&shared, text(&body, "agent")?)?;
    show(&shared, &agent, &phone, &SignalKind::Typing).await
}

/// `POST /v1/conversations/{phone}/read` with `{"agent","message_id"}`: the person's message of this id was read.
pub(crate) async fn read(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    request: Request<Body>,
) -> Result<StatusCode, Problem> {
    let (phone, body) = (
        parse_phone("phone", &phone)?,
        read_fields(request, &["agent", "message_id"]).await?,
    );
    let agent = named_agent(&shared, text(&body, "agent")?)?;
    let message = required_text(
        &body,
        "message_id",
        "the id of a message that the person sent, as its event has it",
    )?;
    show(
        &shared,
        &agent,
        &phone,
        &SignalKind::Read(message.to_owned()),
    )
    .await
}

/// `GET /v1/phones/{phone}/capabilities?agent=`
pub(crate) async fn capabilities(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let phone = parse_phone("phone", &phone)?;
    let agent = agent_in_query(&shared, query.as_deref())?;
    let found = answered(
        agent
            .channel
            .capabilities(shared.now(), &phone, &Uuid::new_v4().to_string())
            .await,
    )?;
    Ok(Json(json!({
        "phone": phone, "reachable": found.reachable, "features": found.features, "carrier": found.carrier,
    })))
}

async fn show(
    shared: &Shared,
    agent: &Agent,
    phone: &str,
    kind: &SignalKind,
) -> Result<StatusCode, Problem> {
    answered(
        agent
            .channel
            .signal(shared.now(), phone, &Uuid::new_v4().to_string(), kind)
            .await,
    )?;
    Ok(StatusCode::NO_CONTENT)
}

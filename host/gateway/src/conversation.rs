//! What happens beside messages: shows a person that somebody types or has read, and asks what a phone can show.

use crate::api::{choose_agent, parse_phone, parse_query, read_json};
use crate::problem::{PathName, Problem, bad_request, unavailable};
use crate::{Agent, Shared};
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use gateway_channel::{ChannelFailure, FailureCode, SignalKind};
use http::{Request, StatusCode};
use rbm_host::CallProblem;
use rbm_json::finding;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// `POST /v1/conversations/{phone}/typing` with `{"agent"}`: the agent types.
pub(crate) async fn typing(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    request: Request<Body>,
) -> Result<StatusCode, Problem> {
    let (phone, body) = (parse_phone("phone", &phone)?, read_fields(request, &["agent"]).await?);
    show(&shared, &body, &phone, &SignalKind::Typing).await
}

/// `POST /v1/conversations/{phone}/read` with `{"agent","message_id"}`: the person's message of this id was read.
pub(crate) async fn read(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    request: Request<Body>,
) -> Result<StatusCode, Problem> {
    let (phone, body) = (parse_phone("phone", &phone)?, read_fields(request, &["agent", "message_id"]).await?);
    let message = body.get("message_id").and_then(Value::as_str).filter(|id| !id.is_empty()).ok_or_else(|| {
        bad_request("message-id", "message_id must be the id of a message that the person sent, as its event has it")
    })?;
    show(&shared, &body, &phone, &SignalKind::Read(message.to_owned())).await
}

/// `GET /v1/phones/{phone}/capabilities?agent=`
pub(crate) async fn capabilities(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let phone = parse_phone("phone", &phone)?;
    let query = parse_query(query.as_deref(), &["agent"])?;
    let agent = agent(&shared, &json!(query))?;
    let answer = agent.channel.capabilities(shared.now(), &phone, &Uuid::new_v4().to_string()).await;
    let found = answered(answer)?;
    Ok(Json(json!({
        "phone": phone, "reachable": found.reachable, "features": found.features, "carrier": found.carrier,
    })))
}

async fn show(shared: &Shared, body: &Value, phone: &str, kind: &SignalKind) -> Result<StatusCode, Problem> {
    let agent = agent(shared, body)?;
    let id = Uuid::new_v4().to_string();
    answered(agent.channel.signal(shared.now(), phone, &id, kind).await)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read_fields(request: Request<Body>, names: &[&str]) -> Result<Value, Problem> {
    let (parts, body) = request.into_parts();
    let body = read_json(&parts.headers, body).await?;
    let Some(fields) = body.as_object() else { return Err(bad_request("type", "the body must be an object")) };
    if let Some(unknown) = fields.keys().find(|name| !names.contains(&name.as_str())) {
        let detail = format!("there is no field {unknown:?}; the fields are {}", names.join(", "));
        return Err(bad_request("unknown-field", &detail));
    }
    if let Some((name, _)) = fields.iter().find(|(_, value)| !value.is_string()) {
        return Err(bad_request("type", &format!("{name} must be a string")));
    }
    Ok(body)
}

fn agent<'a>(shared: &'a Shared, named: &Value) -> Result<&'a Agent, Problem> {
    choose_agent(shared, named).map_err(|finding| Problem::not_sendable(vec![finding::of_shape(finding)]))
}

/// What the platform said, or a problem with its own words.
fn answered<T>(answer: Result<Result<T, ChannelFailure>, CallProblem>) -> Result<T, Problem> {
    let failure = match answer {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(failure)) => failure,
        Err(problem) => return Err(unavailable(&problem.to_string())),
    };
    let (status, code) = match failure.code {
        FailureCode::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
        FailureCode::Unreachable => (StatusCode::NOT_FOUND, "unreachable"),
        FailureCode::Later => (StatusCode::SERVICE_UNAVAILABLE, "later"),
        FailureCode::Unsupported => (StatusCode::NOT_IMPLEMENTED, "unsupported"),
        FailureCode::Unknown | FailureCode::Misconfigured => (StatusCode::BAD_GATEWAY, "platform"),
    };
    Err(Problem::new(status, code, &failure.message))
}

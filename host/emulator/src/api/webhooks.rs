//! `/emulator/webhooks`: the webhooks, how they are doing, and what goes wrong on the way to them.

use super::business::client_token;
use super::request::{Body, of_object};
use crate::Shared;
use crate::excerpt::remark;
use crate::push::{
    Delivery, Handshake, Level, Registering, Status, TargetStatus, WebhookFaults, WebhookProblem,
};
use crate::refusal::{Refusal, violation};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rbm_wire::name::AgentId;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A webhook to register.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    url: String,
    client_token: String,
    /// The partner's if left out.
    agent: Option<String>,
}

pub(super) async fn show_webhooks(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let mut shown = shown(&shared.push.status());
    let partner = shared.platform().business().partner.clone();
    // As the console that older guides have: the management API takes no token for this webhook.
    shown["partner"] = json!({ "name": partner.name(), "client_token": client_token(&shared).0 });
    Json(shown)
}

pub(super) async fn register_webhook(
    State(shared): State<Arc<Shared>>,
    Body(body): Body,
) -> Result<Response, Refusal> {
    let wanted: Wanted = of_object(&body).map_err(|problem| {
        let rule =
            "{\"url\": \"…\", \"client_token\": \"…\"}, and for one agent \"agent\", is needed";
        Refusal::invalid(vec![violation("", format!("{rule}: {}", remark(problem)))])
    })?;
    let level = match wanted.agent.as_deref().map(AgentId::parse).transpose() {
        Ok(agent) => agent.map_or(Level::Partner, Level::Agent),
        Err(problem) => {
            return Err(Refusal::invalid(vec![violation(
                "agent",
                problem.to_string(),
            )]));
        }
    };
    let result = shared
        .push
        .register(level, &wanted.url, wanted.client_token.into())
        .await;
    let status = if result.is_ok() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    Ok((status, Json(result_shown(&result))).into_response())
}

pub(super) async fn show_faults(State(shared): State<Arc<Shared>>) -> Json<WebhookFaults> {
    Json(shared.push.faults())
}

pub(super) async fn set_faults(
    State(shared): State<Arc<Shared>>,
    Body(body): Body,
) -> Result<Json<WebhookFaults>, Refusal> {
    let refused = |rule: String| Refusal::invalid(vec![violation("", rule)]);
    let faults: WebhookFaults = of_object(&body).map_err(|problem| {
        let rule = "faults are such as {\"doses\": {\"duplicate\": {\"next\": 1}, \"late\": {\"rate\": 0.1}}, \"late_seconds\": 60}";
        refused(format!("{rule}: {}", remark(problem)))
    })?;
    shared
        .push
        .set_faults(faults)
        .map_err(|problem| refused(problem.to_string()))?;
    Ok(Json(shared.push.faults()))
}

fn shown(status: &Status) -> Value {
    json!({
        "webhooks": status.targets.iter().map(target).collect::<Vec<_>>(),
        "queue": {
            "calling": status.calling,
            "waiting": status.waiting,
            "held": status.held,
            "length_max": status.length_max,
            "taken": status.counts.taken,
            "expired": status.counts.expired,
            "overflowed": status.overflowed,
            "without_webhook": status.counts.without_webhook,
            "lost": status.counts.lost,
        },
        "deliveries": status.deliveries.iter().map(delivery).collect::<Vec<_>>(),
        "handshakes": status.registerings.iter().map(registering).collect::<Vec<_>>(),
    })
}

fn target(target: &TargetStatus) -> Value {
    json!({
        "agent": agent(&target.level),
        "url": target.url,
        "handshake": { "verdict": target.answer.slug(), "said": target.answer.to_string() },
        "waiting": target.waiting,
        "failures": target.failures,
        "next_attempt": target.next_attempt.map(|time| time.to_string()),
    })
}

fn delivery(delivery: &Delivery) -> Value {
    json!({
        "at": delivery.at.to_string(),
        "agent": delivery.agent.full(),
        "url": delivery.url,
        "publication_id": delivery.publication_id,
        "attempt": delivery.attempt,
        "faults": delivery.faults,
        "verdict": delivery.verdict.slug(),
        "said": delivery.verdict.said(),
        "then": delivery.verdict.then(),
        "took_ms": milliseconds(delivery.took),
        "notice": *delivery.notice,
    })
}

fn registering(registering: &Registering) -> Value {
    let mut shown = result_shown(&registering.result);
    shown["at"] = json!(registering.at.to_string());
    shown["agent"] = json!(agent(&registering.level));
    shown["url"] = json!(registering.url);
    shown
}

fn result_shown(result: &Result<Handshake, WebhookProblem>) -> Value {
    match result {
        Ok(handshake) => json!({
            "verdict": handshake.answer.slug(),
            "said": handshake.answer.to_string(),
            "then": "the webhook is registered, and called from now on",
            "took_ms": milliseconds(handshake.took),
        }),
        Err(problem) => json!({
            "verdict": problem.slug(),
            "said": problem.to_string(),
            "then": "what was registered before stays, and the platform does not ask again",
        }),
    }
}

/// None for the partner.
fn agent(level: &Level) -> Option<String> {
    match level {
        Level::Partner => None,
        Level::Agent(agent) => Some(agent.full()),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

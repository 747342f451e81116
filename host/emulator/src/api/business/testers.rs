//! `testers`: the same people as the messaging API's `phones.testers`.

use super::super::request::{Authenticated, Body, PathNames};
use super::parameters::{Query, invalid};
use super::read;
use crate::Shared;
use crate::platform::testers::{Dismiss, Invitation, NotInvited};
use crate::platform::{Invite, Platform};
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use rbm_wire::name::{AgentId, PhoneNumber};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    _: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let body = read("Tester", &body)?;
    let agent = agent(&shared.platform(), body["agentId"].as_str())?;
    let number = body["phoneNumber"].as_str().unwrap_or_default();
    let phone = PhoneNumber::parse(number)
        .map_err(|problem| invalid("phoneNumber", &problem.to_string()))?;
    let invited = shared.apply(Invite {
        agent: agent.clone(),
        phone: phone.clone(),
    });
    let answer = invited.map_err(|problem| match problem {
        NotInvited::Unreachable => Refusal::unreachable_phone(),
        NotInvited::TooMany => {
            Refusal::exhausted("The agent has invited as many testers as it may.")
        }
    })?;
    Ok(Json(written(&agent, &phone, answer)))
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let platform = shared.platform();
    let agent = agent(&platform, query.text("agentId"))?;
    let testers = platform.testers(&agent).into_iter();
    let item = |(phone, answer): (&PhoneNumber, Invitation)| {
        (phone.to_string(), written(&agent, phone, answer))
    };
    query.page("testers", testers.map(item)).map(Json)
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(number): PathNames<String>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let platform = shared.platform();
    let agent = agent(&platform, query.text("agentId"))?;
    let phone = named(&number)?;
    let answer = platform
        .invitation(&agent, &phone)
        .ok_or_else(|| unknown(&number))?;
    Ok(Json(written(&agent, &phone, answer)))
}

pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(number): PathNames<String>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let agent = agent(&shared.platform(), query.text("agentId"))?;
    if shared.apply(Dismiss {
        agent,
        phone: named(&number)?,
    }) {
        Ok(Json(json!({})))
    } else {
        Err(unknown(&number))
    }
}

/// Whose testers; 404 for an agent that there is not.
fn agent(platform: &Platform, id: Option<&str>) -> Result<AgentId, Refusal> {
    let id = id.ok_or_else(|| invalid("agentId", "agentId is required"))?;
    let agent = AgentId::parse(id)
        .ok()
        .filter(|agent| platform.knows(agent));
    agent.ok_or_else(|| Refusal::no_such_resource(&format!("agent {id}")))
}

fn named(number: &str) -> Result<PhoneNumber, Refusal> {
    PhoneNumber::parse(number).map_err(|_| unknown(number))
}

fn unknown(number: &str) -> Refusal {
    Refusal::no_such_resource(&format!("testers/{number}"))
}

fn written(agent: &AgentId, phone: &PhoneNumber, answer: Invitation) -> Value {
    json!({
        "name": format!("testers/{phone}"),
        "phoneNumber": phone.as_str(),
        "agentId": agent.bare(),
        "inviteStatus": answer.as_str(),
    })
}

//! `brands.agents`: verification and launch; `regions`, which are the carriers.

use super::super::request::{Authenticated, Body, PathNames};
use super::super::surface::Called;
use super::parameters::{Query, invalid};
use super::{agent_name, read};
use crate::Shared;
use crate::phone::CARRIER;
use crate::platform::LaunchState;
use crate::platform::business::AgentName;
use crate::platform::business::agents::Managed;
use crate::platform::business::launches::{CarrierLaunch, Change, RequestLaunch, UpdateLaunch};
use crate::platform::business::verification::{
    RequestVerification, SetVerification, VerificationState,
};
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A verb behind the name of an agent.
pub(super) async fn request(
    State(shared): State<Arc<Shared>>,
    Called(method): Called,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    _: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    // The verb is a part of the name, as axum reads the path.
    let (bare, _) = agent.split_once(':').unwrap_or((&agent, ""));
    let name = agent_name(&brand, bare)?;
    match method.name() {
        "brands.agents.requestVerification" => request_verification(&shared, &name, &body),
        _ => request_launch(&shared, &name, &body),
    }
}

fn request_verification(
    shared: &Shared,
    name: &AgentName,
    body: &[u8],
) -> Result<Json<Value>, Refusal> {
    let mut body = read("RequestAgentVerificationRequest", body)?;
    let contact = body["agentVerificationContact"].take();
    shared.apply(RequestVerification {
        name: name.clone(),
        contact,
    })?;
    verification(shared, name)
}

fn request_launch(shared: &Shared, name: &AgentName, body: &[u8]) -> Result<Json<Value>, Refusal> {
    let mut body = read("RequestAgentLaunchRequest", body)?;
    let asked = body["agentLaunch"]["rcsBusinessMessaging"].take();
    let carriers: BTreeSet<String> = asked["launchDetails"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().cloned())
        .collect();
    let questionnaire = asked.get("questionnaire").cloned();
    shared.apply(RequestLaunch {
        name: name.clone(),
        carriers,
        questionnaire,
    })?;
    launch(shared, name)
}

pub(super) async fn show_verification(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    _: Query,
) -> Result<Json<Value>, Refusal> {
    verification(&shared, &agent_name(&brand, &agent)?)
}

pub(super) async fn change_verification(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    query: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let name = agent_name(&brand, &agent)?;
    let body = read("AgentVerification", &body)?;
    let mask = query.mask("AgentVerification", &body)?;
    if let Some(field) = mask.outside(&["name", "verificationState"]) {
        return Err(invalid(
            "updateMask",
            &format!("{field} is handed in with the request, and stays"),
        ));
    }
    let state = body["verificationState"]
        .as_str()
        .and_then(VerificationState::parse);
    let state =
        state.ok_or_else(|| invalid("verificationState", "verificationState is required"))?;
    shared.apply(SetVerification {
        name: name.clone(),
        state,
    })?;
    verification(&shared, &name)
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    _: Query,
) -> Result<Json<Value>, Refusal> {
    launch(&shared, &agent_name(&brand, &agent)?)
}

pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    query: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let name = agent_name(&brand, &agent)?;
    let body = read("AgentLaunch", &body)?;
    let mask = query.mask("AgentLaunch", &body)?;
    let wanted = |field: &str| {
        let touched = mask.touches(&format!("rcsBusinessMessaging.{field}"));
        body["rcsBusinessMessaging"].get(field).filter(|_| touched)
    };
    let details = wanted("launchDetails")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let changes: BTreeMap<String, Change> = details.map(change_of).collect::<Result<_, _>>()?;
    let questionnaire = wanted("questionnaire").cloned();
    let acting_party = query.text("actingParty").map(str::to_owned);
    shared.apply(UpdateLaunch {
        name: name.clone(),
        changes,
        questionnaire,
        acting_party,
    })?;
    launch(&shared, &name)
}

fn change_of((carrier, detail): (&String, &Value)) -> Result<(String, Change), Refusal> {
    let state = detail["launchState"].as_str().and_then(LaunchState::parse);
    let field = format!("rcsBusinessMessaging.launchDetails[{carrier:?}].launchState");
    let state = state.ok_or_else(|| {
        invalid(
            &field,
            "a state of a launch is required, such as LAUNCH_STATE_LAUNCHED",
        )
    })?;
    Ok((
        carrier.clone(),
        Change {
            state,
            comment: detail["comment"].as_str().map(str::to_owned),
        },
    ))
}

pub(super) async fn list_regions(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    _: Query,
) -> Result<Json<Value>, Refusal> {
    let platform = shared.platform();
    let launches = platform
        .business()
        .agents
        .values()
        .flat_map(|agent| agent.launches.keys());
    let mut names: BTreeSet<&str> = platform.carriers();
    names.extend(launches.map(String::as_str).chain([CARRIER]));
    let region = |name: &str| {
        let display_name = name.strip_prefix("/v1/regions/").unwrap_or(name);
        json!({ "name": name, "displayName": display_name, "managementType": "CARRIER_MANAGED" })
    };
    Ok(Json(
        json!({ "regions": names.into_iter().map(region).collect::<Vec<_>>() }),
    ))
}

fn verification(shared: &Shared, name: &AgentName) -> Result<Json<Value>, Refusal> {
    let platform = shared.platform();
    let agent = platform.business().agent(name)?;
    let mut answer = json!({
        "name": format!("{}/verification", agent.name(&name.agent)),
        "verificationState": format!("VERIFICATION_STATE_{}", agent.verification.state.as_str()),
    });
    if let Some(contact) = &agent.verification.contact {
        answer["agentVerificationContact"] = contact.clone();
    }
    Ok(Json(answer))
}

fn launch(shared: &Shared, name: &AgentName) -> Result<Json<Value>, Refusal> {
    let platform = shared.platform();
    let agent = platform.business().agent(name)?;
    let mut launch = json!({ "launchDetails": details(agent) });
    if let Some(questionnaire) = &agent.questionnaire {
        launch["questionnaire"] = questionnaire.clone();
    }
    Ok(Json(
        json!({ "name": format!("{}/launch", agent.name(&name.agent)), "rcsBusinessMessaging": launch }),
    ))
}

/// Where an agent is, by the carriers.
pub(super) fn details(agent: &Managed) -> Value {
    let detail = |(carrier, launch): (&String, &CarrierLaunch)| {
        let mut detail =
            json!({ "launchState": format!("LAUNCH_STATE_{}", launch.state.as_str()) });
        if let Some(comment) = &launch.comment {
            detail["comment"] = json!(comment);
        }
        if let Some(time) = launch.updated_at {
            detail["updateTime"] = json!(time.to_string());
        }
        (carrier.clone(), detail)
    };
    Value::Object(agent.launches.iter().map(detail).collect())
}

//! `brands.agents`

use super::super::request::{Authenticated, Body, PathNames};
use super::launches::details;
use super::parameters::{Query, invalid};
use super::{ANY_BRAND, agent_name, brand, read};
use crate::Shared;
use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::platform::LaunchState;
use crate::platform::business::agents::{CreateAgent, Managed, PatchAgent};
use crate::platform::business::{AgentName, Business};
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use rbm_wire::name::AgentId;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(name): PathNames<String>,
    _: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let brand = brand(&name)?;
    let document = described(read("Agent", &body)?);
    let agent = shared.apply(CreateAgent { brand, document })?;
    shown(
        &shared,
        &AgentName {
            brand: Some(brand),
            agent,
        },
    )
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(name): PathNames<String>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let of: Option<Uuid> = if name == ANY_BRAND {
        None
    } else {
        Some(brand(&name)?)
    };
    let archived = query.flag("includeArchived")?;
    let with_launches = query.flag("includeLaunchData")?;
    let state = query
        .text("launchStateFilter")
        .map(launch_state)
        .transpose()?;
    let platform = shared.platform();
    let business = platform.business();
    of.map(|of| business.brand(of)).transpose()?;
    let is_wanted = |agent: &Managed| {
        of.is_none_or(|of| agent.brand == of)
            && (archived || !agent.is_archived())
            && state.is_none_or(|state| agent.launches.values().any(|launch| launch.state == state))
    };
    let wanted = business.agents.iter().filter(|(_, agent)| is_wanted(agent));
    let item = |(id, agent): (&AgentId, &Managed)| {
        let mut written = written(business, id, agent);
        if !with_launches && let Some(profile) = written[PROFILE].as_object_mut() {
            profile.remove("launchDetails");
        }
        (id.bare().to_owned(), written)
    };
    query.page("agents", wanted.map(item)).map(Json)
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    _: Query,
) -> Result<Json<Value>, Refusal> {
    shown(&shared, &agent_name(&brand, &agent)?)
}

pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    query: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let name = agent_name(&brand, &agent)?;
    let body = read("Agent", &body)?;
    let mask = query.mask("Agent", &body)?.without(&OUTPUT_ONLY);
    shared.apply(PatchAgent {
        name: name.clone(),
        body,
        mask,
    })?;
    shown(&shared, &name)
}

pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    _: Query,
) -> Result<Json<Value>, Refusal> {
    shared
        .platform()
        .business()
        .agent(&agent_name(&brand, &agent)?)?;
    Err(Refusal::precondition(
        "Agents cannot be deleted: archive it by a patch of isArchived.",
    ))
}

fn shown(shared: &Shared, name: &AgentName) -> Result<Json<Value>, Refusal> {
    let platform = shared.platform();
    let business = platform.business();
    Ok(Json(written(business, &name.agent, business.agent(name)?)))
}

/// What a partner may say of an agent.
fn described(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.remove("name");
    }
    document
}

fn written(business: &Business, id: &AgentId, agent: &Managed) -> Value {
    let mut document = agent.document.clone();
    document["name"] = json!(agent.name(id));
    if let Ok(brand) = business.brand(agent.brand) {
        document["brandName"] = json!(brand.display_name);
    }
    let profile = &mut document[PROFILE];
    profile["partner"] = json!(business.partner.name());
    profile["launchDetails"] = details(agent);
    document
}

fn launch_state(text: &str) -> Result<LaunchState, Refusal> {
    let rule = || {
        format!(
            "{:?} is no state of a launch, such as LAUNCH_STATE_LAUNCHED",
            excerpt(text)
        )
    };
    LaunchState::parse(text).ok_or_else(|| invalid("launchStateFilter", &rule()))
}

const PROFILE: &str = "rcsBusinessMessagingAgent";
const OUTPUT_ONLY: [&str; 4] = [
    "name",
    "brandName",
    "rcsBusinessMessagingAgent.partner",
    "rcsBusinessMessagingAgent.launchDetails",
];

pub(super) const LISTING: &Behaviour = &Behaviour {
    id: "business-agent-list",
    what: "Agents are listed by brand or, with brands/-, all; archived ones only with includeArchived, where they are launched \
           only with includeLaunchData, and with launchStateFilter those that some carrier has in this state",
    basis: Basis::Documented,
    source: "reference/business-communications/rest/v1/brands.agents/list; what the filter may say is assumed",
    switch: None,
    test: "agents_are_made_changed_and_listed",
};

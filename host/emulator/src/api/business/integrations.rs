//! `brands.agents.integrations`: webhooks of single agents.

use super::super::request::{Authenticated, Body, PathNames};
use super::parameters::Query;
use super::{agent_name, read, shake_hands};
use crate::Shared;
use crate::platform::business::agents::Managed;
use crate::platform::business::integrations::{
    CreateIntegration, DeleteIntegration, Integration, PatchIntegration,
};
use crate::platform::business::{AgentName, ClientToken};
use crate::push::Level;
use crate::refusal::{Refusal, violation};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    _: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let name = agent_name(&brand, &agent)?;
    // Nobody is called in vain.
    shared
        .platform()
        .business()
        .agent(&name)?
        .has_room_for_an_integration(&name)?;
    let (url, token) = wanted(&read("Integration", &body)?)?;
    let webhook = shake_hands(&shared, Level::Agent(name.agent.clone()), URL, &url, token).await?;
    let id = shared.apply(CreateIntegration {
        name: name.clone(),
        webhook,
    })?;
    shown(&shared, &name, &id.to_string())
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent)): PathNames<(String, String)>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let name = agent_name(&brand, &agent)?;
    let platform = shared.platform();
    let managed = platform.business().agent(&name)?;
    let item = |integration: &Integration| {
        (
            integration.id.to_string(),
            written(managed, &name, integration),
        )
    };
    query
        .page("integrations", managed.integration.iter().map(item))
        .map(Json)
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent, id)): PathNames<(String, String, String)>,
    _: Query,
) -> Result<Json<Value>, Refusal> {
    shown(&shared, &agent_name(&brand, &agent)?, &id)
}

pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent, id)): PathNames<(String, String, String)>,
    query: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let name = agent_name(&brand, &agent)?;
    let body = read("Integration", &body)?;
    let mask = query
        .mask("Integration", &body)?
        .without(&["name", "status"]);
    let before = shared
        .platform()
        .business()
        .agent(&name)?
        .integration(&name, &id)?
        .webhook
        .clone();
    let mut document = json!({ WEBHOOK: { "webhookUri": before.url, "verificationToken": before.client_token.0 } });
    mask.apply(&mut document, &body);
    let (url, token) = wanted(&document)?;
    let webhook = shake_hands(&shared, Level::Agent(name.agent.clone()), URL, &url, token).await?;
    shared.apply(PatchIntegration {
        name: name.clone(),
        id: id.clone(),
        webhook,
    })?;
    shown(&shared, &name, &id)
}

pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((brand, agent, id)): PathNames<(String, String, String)>,
    _: Query,
) -> Result<Json<Value>, Refusal> {
    shared.apply(DeleteIntegration {
        name: agent_name(&brand, &agent)?,
        id,
    })?;
    Ok(Json(json!({})))
}

/// The address and the token, if it is a webhook and nothing else.
fn wanted(document: &Value) -> Result<(String, ClientToken), Refusal> {
    for other in ["dialogflowEsIntegration", "dialogflowCxIntegration"] {
        if document.get(other).is_some() {
            let rule = format!(
                "{other}: no agent of this emulator has Dialogflow, only {WEBHOOK} is taken"
            );
            return Err(Refusal::invalid(vec![violation(other, rule)]));
        }
    }
    let text = |field: &str| {
        document[WEBHOOK][field]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    match (text("webhookUri"), text("verificationToken")) {
        (Some(url), Some(token)) => Ok((url, ClientToken(token))),
        (url, token) => {
            let missing = [(URL, url.is_none()), (TOKEN, token.is_none())]
                .into_iter()
                .filter(|(_, missing)| *missing);
            let wrong: Vec<_> = missing
                .map(|(field, _)| violation(field, format!("{field} is required")))
                .collect();
            Err(Refusal::invalid(wrong))
        }
    }
}

fn shown(shared: &Shared, name: &AgentName, id: &str) -> Result<Json<Value>, Refusal> {
    let platform = shared.platform();
    let managed = platform.business().agent(name)?;
    Ok(Json(written(managed, name, managed.integration(name, id)?)))
}

/// Without the token, which is input only.
fn written(managed: &Managed, name: &AgentName, integration: &Integration) -> Value {
    json!({
        "name": format!("{}/integrations/{}", managed.name(&name.agent), integration.id),
        "status": "ENABLED",
        WEBHOOK: { "webhookUri": integration.webhook.url },
    })
}

const WEBHOOK: &str = "agentWebhookIntegration";
const URL: &str = "agentWebhookIntegration.webhookUri";
const TOKEN: &str = "agentWebhookIntegration.verificationToken";

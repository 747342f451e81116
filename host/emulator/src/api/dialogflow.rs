//! Two methods that few agents ever had a use for: events for Dialogflow, and capabilities by callback.

use super::parse_phone;
use super::request::{Authenticated, Body, Parameters, PathNames};
use crate::fidelity::{Basis, Behaviour};
use crate::refusal::{Refusal, violation};
use crate::{Shared, check};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What is looked at of one. (reference/rest/v1/phones.dialogflowMessages)
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DialogflowEvent {
    event_name: String,
}

impl check::Message for DialogflowEvent {
    const SCHEMA: &str = "DialogflowEvent";
}

/// No agent of this platform has a Dialogflow project.
pub(super) async fn create_dialogflow_message(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(phone): PathNames<String>,
    parameters: Parameters,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let event: DialogflowEvent = check::read(&body).map_err(Refusal::invalid)?;
    parameters.agent(&shared)?;
    parse_phone(&phone)?;
    if event.event_name.is_empty() {
        return Err(Refusal::invalid(vec![violation(
            "eventName",
            "eventName is required",
        )]));
    }
    Err(Refusal::no_dialogflow())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CapabilityCallback {
    request_id: String,
}

impl check::Message for CapabilityCallback {
    const SCHEMA: &str = "RequestCapabilityCallbackRequest";
}

/// Takes the question, and never answers it.
pub(super) async fn request_capability_callback(
    State(_): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(phone): PathNames<String>,
    _: Parameters,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let asked: CapabilityCallback = check::read(&body).map_err(Refusal::invalid)?;
    parse_phone(&phone)?;
    if asked.request_id.is_empty() {
        return Err(Refusal::invalid(vec![violation(
            "requestId",
            "requestId is required",
        )]));
    }
    Ok(Json(json!({})))
}

pub(super) const CALLBACK: &Behaviour = &Behaviour {
    id: "capability-callback",
    what: "A question for capabilities by callback is answered {}, and no callback follows",
    basis: Basis::Assumed,
    source: "the method is gone from reference/rest, and the page of its callback calls it no longer used; whether it answers \
             at all is unconfirmed",
    switch: None,
    test: "dialogflow_is_not_there_and_no_capability_is_called_back",
};

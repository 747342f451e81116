//! The part of the Business Communications API that people script. (reference/business-communications/rest/v1)
//!
//! A client that knows one address finds it below `/businesscommunications`, one that keeps Google's host names by the `Host`
//! header; its paths are no other API's, so they answer without either too. What is managed is [`crate::platform::business`]'s;
//! here it is only read and written.

mod agents;
mod brands;
mod integrations;
mod launches;
mod parameters;
mod partners;
mod testers;

pub(super) use partners::client_token;

use super::discovery;
use super::request::{Address, Service};
use super::surface::{by_verb, management as method};
use crate::Shared;
use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::json::Json;
use crate::platform::business::{AgentName, ClientToken, Refused, Webhook};
use crate::push::Level;
use crate::refusal::{Invalid, Refusal, violation};
use crate::schema::BUSINESS;
use axum::Router;
use axum::routing::{delete, get, patch, post};
use rbm_wire::name::AgentId;
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// Google's methods, as the discovery document names them.
pub(super) fn management() -> Router<Arc<Shared>> {
    let integrations = "/v1/brands/{brand}/agents/{agent}/integrations";
    Router::new()
        .route(
            "/v1/brands",
            method("brands.create", post(brands::create))
                .merge(method("brands.list", get(brands::list))),
        )
        .route(
            "/v1/brands/{brand}",
            method("brands.get", get(brands::show))
                .merge(method("brands.patch", patch(brands::change)))
                .merge(method("brands.delete", delete(brands::remove))),
        )
        .route(
            "/v1/brands/{brand}/agents",
            method("brands.agents.create", post(agents::create))
                .merge(method("brands.agents.list", get(agents::list))),
        )
        .route(
            "/v1/brands/{brand}/agents/{agent}",
            method("brands.agents.get", get(agents::show))
                .merge(method("brands.agents.patch", patch(agents::change)))
                .merge(method("brands.agents.delete", delete(agents::remove)))
                .merge(by_verb(&AGENT_VERBS, post(launches::request))),
        )
        .route(
            "/v1/brands/{brand}/agents/{agent}/verification",
            method(
                "brands.agents.getVerification",
                get(launches::show_verification),
            )
            .merge(method(
                "brands.agents.updateVerification",
                patch(launches::change_verification),
            )),
        )
        .route(
            "/v1/brands/{brand}/agents/{agent}/launch",
            method("brands.agents.getLaunch", get(launches::show)).merge(method(
                "brands.agents.updateLaunch",
                patch(launches::change),
            )),
        )
        .route(
            integrations,
            method(
                "brands.agents.integrations.create",
                post(integrations::create),
            )
            .merge(method(
                "brands.agents.integrations.list",
                get(integrations::list),
            )),
        )
        .route(
            &format!("{integrations}/{{id}}"),
            method("brands.agents.integrations.get", get(integrations::show))
                .merge(method(
                    "brands.agents.integrations.patch",
                    patch(integrations::change),
                ))
                .merge(method(
                    "brands.agents.integrations.delete",
                    delete(integrations::remove),
                )),
        )
        .route(
            "/v1/partners/{partner}",
            method("partners.get", get(partners::show))
                .merge(method("partners.patch", patch(partners::change))),
        )
        .route(
            "/v1/regions",
            method("regions.list", get(launches::list_regions)),
        )
        .route(
            "/v1/testers",
            method("testers.create", post(testers::create))
                .merge(method("testers.list", get(testers::list))),
        )
        .route(
            "/v1/testers/{phone}",
            method("testers.get", get(testers::show))
                .merge(method("testers.delete", delete(testers::remove))),
        )
}

/// Below an address of its own, with its own discovery document.
pub(super) fn apart() -> Router<Arc<Shared>> {
    let document = |address: Address, uri| {
        discovery::discovery(
            Address {
                service: Service::Management,
                ..address
            },
            uri,
        )
    };
    management().route("/$discovery/rest", get(document))
}

/// A body of this schema. An empty one is an empty object.
fn read(schema: &str, body: &[u8]) -> Result<Value, Refusal> {
    let json = Json::read(body).map_err(|problem| {
        let rule = format!("Invalid JSON payload received. {problem}");
        Refusal::invalid(Invalid::Payload(vec![violation("", rule)]))
    })?;
    BUSINESS
        .read(schema, json)
        .map_err(|wrong| Refusal::invalid(Invalid::Payload(wrong)))
}

/// `brands/{brand}`, where only one brand will do.
fn brand(text: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(text).map_err(|_| Refusal::no_such_resource(&format!("brands/{text}")))
}

/// `brands/{brand}/agents/{agent}`, where any brand does as `-`.
fn agent_name(brand: &str, agent: &str) -> Result<AgentName, Refusal> {
    let unknown = || Refusal::no_such_resource(&format!("brands/{brand}/agents/{agent}"));
    let agent = AgentId::parse(agent).map_err(|_| unknown())?;
    let brand = if brand == ANY_BRAND {
        None
    } else {
        Some(Uuid::parse_str(brand).map_err(|_| unknown())?)
    };
    Ok(AgentName { brand, agent })
}

/// Asks a webhook for the secret. One that does not answer with it is not registered.
async fn shake_hands(
    shared: &Shared,
    level: Level,
    field: &str,
    url: &str,
    client_token: ClientToken,
) -> Result<Webhook, Refusal> {
    let shaken = shared
        .push
        .shake_hands(level, url, &client_token.0.clone().into())
        .await;
    let handshake =
        shaken.map_err(|problem| Refusal::invalid(vec![violation(field, problem.to_string())]))?;
    Ok(Webhook {
        url: handshake.url,
        client_token,
        answer: handshake.answer,
    })
}

/// What the platform did not do, as this API answers it.
impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unknown(name) => Self::no_such_resource(&excerpt(&name)),
            Refused::Exists(rule) => Self::there_is_one(&rule),
            Refused::NotNow(rule) => Self::precondition(&rule),
            Refused::Invalid(wrong) => Self::invalid(wrong),
        }
    }
}

/// Where it is for a client that knows one address only.
pub(super) const PREFIX: &str = "/businesscommunications";
const ANY_BRAND: &str = "-";
const AGENT_VERBS: [(&str, &str); 2] = [
    ("requestVerification", "brands.agents.requestVerification"),
    ("requestLaunch", "brands.agents.requestLaunch"),
];

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "business-address",
        what: "The Business Communications API answers below /businesscommunications and by its Host header, and for its own \
               paths at every address; its discovery document is at the first two",
        basis: Basis::Assumed,
        source: "reference/business-communications/rest has the host; the path is ours, for who knows one address only",
        switch: None,
        test: "the_api_has_a_host_and_the_beginning_of_a_path",
    },
    &Behaviour {
        id: "business-scope",
        what: "Its methods need a token of the scope businesscommunications, and one of the messaging API is answered 403",
        basis: Basis::Documented,
        source: "reference/business-communications/rest; that the scopes are no substitutes for each other is assumed",
        switch: None,
        test: "the_api_has_a_host_and_the_beginning_of_a_path",
    },
    &Behaviour {
        id: "business-part",
        what: "Methods for analytics, subscribers, critical agents and survey questions are not there; with an upstream, the \
               twin still answers for itself alone",
        basis: Basis::Assumed,
        source: "ours: what is here is what has an effect on messages and webhooks",
        switch: None,
        test: "the_management_document_has_every_method_and_field",
    },
    parameters::PAGES,
    parameters::VALUES,
    agents::LISTING,
];

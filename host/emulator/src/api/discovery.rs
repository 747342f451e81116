//! The discovery document, from which clients are generated. (developers.google.com/discovery/v1/reference/apis)

use super::request::{Address, QueryPairs, Service};
use crate::fidelity::{Basis, Behaviour};
use crate::json::Json;
use crate::refusal::{Refusal, violation};
use crate::schema::{BUSINESS_DISCOVERY, DISCOVERY};
use axum::http::Uri;

/// The document, with the address that it was asked for at.
pub(super) async fn discovery(address: Address, uri: Uri) -> Result<axum::Json<Json>, Refusal> {
    if QueryPairs::of(&uri).named("version") != Some("v1") {
        return Err(Refusal::invalid(vec![violation(
            "version",
            "this API has the version v1 only",
        )]));
    }
    let root = format!("{}/", address.base);
    let at = |(name, value): (String, Json)| match name.as_str() {
        "rootUrl" | "baseUrl" => (name, Json::Text(root.clone())),
        _ => (name, value),
    };
    let document = match address.service {
        Service::Messaging => DISCOVERY,
        Service::Management => BUSINESS_DISCOVERY,
    };
    let Ok(Json::Object(document)) = Json::read(document.as_bytes()) else {
        return Err(Refusal::not_found(
            DOCUMENT,
            "There is no discovery document.",
        ));
    };
    Ok(axum::Json(Json::Object(
        document.into_iter().map(at).collect(),
    )))
}

pub(super) const DOCUMENT: &Behaviour = &Behaviour {
    id: "discovery",
    what: "The discovery document at /$discovery/rest?version=v1 has what the reference has, and the address that it was asked \
           for at",
    basis: Basis::Documented,
    source: "developers.google.com/discovery/v1/reference/apis for the form; the document is not Google's",
    switch: None,
    test: "the_discovery_document_has_every_method_and_field",
};

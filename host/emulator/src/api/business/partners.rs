//! `partners`

use super::super::request::{Authenticated, Body, PathNames};
use super::parameters::Query;
use super::{read, shake_hands};
use crate::Shared;
use crate::platform::business::ClientToken;
use crate::platform::business::partner::{Partner, PartnerWebhook, PatchPartner, webhook_url};
use crate::push::Level;
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(id): PathNames<String>,
    _: Query,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(written(&partner(&shared, &id)?)))
}

pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(id): PathNames<String>,
    query: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let before = partner(&shared, &id)?;
    let body = read("Partner", &body)?;
    let mut document = before.document.clone();
    query
        .mask("Partner", &body)?
        .without(&["name"])
        .apply(&mut document, &body);
    let webhook = match webhook_url(&document) {
        now if now == webhook_url(&before.document) => PartnerWebhook::Stays,
        None => PartnerWebhook::Goes,
        Some(url) => {
            let token = client_token(&shared);
            PartnerWebhook::Becomes(shake_hands(&shared, Level::Partner, URL, url, token).await?)
        }
    };
    shared.apply(PatchPartner { document, webhook })?;
    Ok(Json(written(&partner(&shared, &id)?)))
}

/// That of the webhook that there is counts, because the API has no field for another.
pub(in super::super) fn client_token(shared: &Shared) -> ClientToken {
    let registered = shared.push.client_token(&Level::Partner);
    registered.map_or_else(
        || shared.platform().partner_client_token(),
        |token| ClientToken(token.expose_secret().to_owned()),
    )
}

fn partner(shared: &Shared, id: &str) -> Result<Partner, Refusal> {
    let partner = shared.platform().business().partner.clone();
    let found = (partner.id.to_string() == id).then_some(partner);
    found.ok_or_else(|| Refusal::no_such_resource(&format!("partners/{id}")))
}

fn written(partner: &Partner) -> Value {
    let mut document = partner.document.clone();
    document["name"] = json!(partner.name());
    document
}

const URL: &str = "productCapabilities.rcsBusinessMessagingCapability.webhookUrl";

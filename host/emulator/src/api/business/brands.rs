//! `brands`

use super::super::request::{Authenticated, Body, PathNames};
use super::parameters::Query;
use super::{brand, read};
use crate::Shared;
use crate::platform::business::brand_name;
use crate::platform::business::brands::{Brand, CreateBrand, DeleteBrand, DeleteWith, RenameBrand};
use crate::refusal::Refusal;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    _: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let body = read("Brand", &body)?;
    let display_name = body["displayName"].as_str().unwrap_or_default().to_owned();
    let id = shared.apply(CreateBrand { display_name })?;
    shown(&shared, id)
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let platform = shared.platform();
    let brands = platform.business().brands.iter();
    query
        .page(
            "brands",
            brands.map(|(id, brand)| (id.to_string(), written(*id, brand))),
        )
        .map(Json)
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(name): PathNames<String>,
    _: Query,
) -> Result<Json<Value>, Refusal> {
    shown(&shared, brand(&name)?)
}

pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(name): PathNames<String>,
    query: Query,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let id = brand(&name)?;
    let body = read("Brand", &body)?;
    let mask = query.mask("Brand", &body)?;
    let Json(mut document) = shown(&shared, id)?;
    mask.apply(&mut document, &body);
    let display_name = document["displayName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    shared.apply(RenameBrand {
        brand: id,
        display_name,
    })?;
    shown(&shared, id)
}

pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(name): PathNames<String>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let with = if query.flag("force")? {
        DeleteWith::ArchivedAgents
    } else {
        DeleteWith::Nothing
    };
    shared.apply(DeleteBrand {
        brand: brand(&name)?,
        with,
    })?;
    Ok(Json(json!({})))
}

fn shown(shared: &Shared, id: Uuid) -> Result<Json<Value>, Refusal> {
    Ok(Json(written(id, shared.platform().business().brand(id)?)))
}

fn written(id: Uuid, brand: &Brand) -> Value {
    json!({ "name": brand_name(id), "displayName": brand.display_name })
}

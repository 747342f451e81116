//! Files to keep, by their address or in bytes.

use super::{Parameters, admit};
use crate::refusal::{Refusal, violation};
use crate::{Shared, check};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use rbm_wire::file::{CreateFile, File, is_media_type};
use rbm_wire::problem::FieldViolation;
use reqwest::Url;
use std::sync::Arc;

/// Nothing is fetched: the file counts as one that could be.
pub(super) async fn create_file(
    State(shared): State<Arc<Shared>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<File>, Refusal> {
    let file = check::read::<CreateFile>(&body);
    let agent = file.as_ref().ok().and_then(|file| file.agent_id.clone());
    admit(&shared, &headers, &parameters.with_agent(agent))?;
    let file = file.map_err(Refusal::invalid)?;
    let addresses = [("fileUrl", Some(&file.file_url)), ("thumbnailUrl", file.thumbnail_url.as_ref())];
    let wrong: Vec<FieldViolation> = addresses
        .into_iter()
        .filter(|(_, url)| url.is_some_and(|url| !is_web(url)))
        .map(|(field, url)| violation(field, format!("{field} is {url:?}, and must be an http or https address")))
        .collect();
    if wrong.is_empty() { Ok(Json(keep(&shared))) } else { Err(Refusal::invalid(wrong)) }
}

fn is_web(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// A file in bytes, of the type that the header says.
pub(super) async fn upload_file(
    State(shared): State<Arc<Shared>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<File>, Refusal> {
    admit(&shared, &headers, &parameters)?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut wrong = Vec::new();
    if !is_media_type(kind) {
        wrong.push(violation("Content-Type", format!("files of type {kind:?} are not taken")));
    }
    if body.is_empty() {
        wrong.push(violation("", "the file has no bytes"));
    }
    if wrong.is_empty() { Ok(Json(keep(&shared))) } else { Err(Refusal::invalid(wrong)) }
}

fn keep(shared: &Shared) -> File {
    shared.act(|platform, now| File { name: platform.keep_file(now) })
}

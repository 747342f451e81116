//! Files to keep, by their address or in bytes.

use super::request::{Authenticated, Body, Parameters};
use crate::excerpt::excerpt;
use crate::refusal::{Refusal, violation};
use crate::{Shared, check};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use rbm_wire::file::{BYTES_MAX, CreateFile, File, is_media_type};
use rbm_wire::problem::FieldViolation;
use reqwest::Url;
use std::sync::Arc;

/// Nothing is fetched: the file counts as one that could be.
pub(super) async fn create_file(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    parameters: Parameters,
    Body(body): Body,
) -> Result<Json<File>, Refusal> {
    let file: CreateFile = check::read(&body).map_err(Refusal::invalid)?;
    parameters.with_agent(file.agent_id).check_agent(&shared)?;
    let addresses = [("fileUrl", Some(file.file_url)), ("thumbnailUrl", file.thumbnail_url)];
    let addresses = addresses.into_iter().filter_map(|(field, url)| Some((field, url?)));
    let wrong: Vec<FieldViolation> = addresses.filter_map(|(field, url)| address(field, &url)).collect();
    if wrong.is_empty() { Ok(Json(keep(&shared))) } else { Err(Refusal::invalid(wrong)) }
}

/// What is wrong with an address in this field.
fn address(field: &str, url: &str) -> Option<FieldViolation> {
    let is_web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let rule = || format!("{field} is {:?}, and must be an http or https address", excerpt(url));
    (!is_web).then(|| violation(field, rule()))
}

/// A file in bytes, of the type that the header says. Google's generated clients can also upload as multipart, and in parts
/// that are resumed (`uploadType`); that is not imitated.
pub(super) async fn upload_file(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    parameters: Parameters,
    headers: HeaderMap,
    Body(body): Body<BYTES_MAX>,
) -> Result<Json<File>, Refusal> {
    parameters.check_agent(&shared)?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut wrong = Vec::new();
    if !is_media_type(kind) {
        wrong.push(violation("Content-Type", format!("files of type {:?} are not taken", excerpt(kind))));
    }
    if body.is_empty() {
        wrong.push(violation("", "the file has no bytes"));
    }
    if wrong.is_empty() { Ok(Json(keep(&shared))) } else { Err(Refusal::invalid(wrong)) }
}

fn keep(shared: &Shared) -> File {
    shared.act(|platform, now| File { name: platform.keep_file(now) })
}

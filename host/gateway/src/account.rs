//! Gives files to the platform, and invites testers.

use crate::api::named_agent;
use crate::problem::{Problem, answered, bad_request, unavailable};
use crate::request::{content_type, is_json, parse_phone, parse_query, read_fields, read_long_body, text};
use crate::{Agent, Shared};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use gateway_channel::{ChannelFailure, FileBytes, Finding, NewFile, NewFileSource, Payload};
use http::{Request, StatusCode};
use rbm_host::Invitation;
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /v1/files`: as JSON `{"agent","url","thumbnail_url"}`, or `?agent=` with the bytes and their content-type. Uploading
/// twice makes two files, so it may be done again after any error.
pub(crate) async fn upload(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Result<Response, Problem> {
    if is_json(request.headers()) {
        let body = read_fields(request, &["agent", "url", "thumbnail_url"]).await?;
        let agent = named_agent(&shared, text(&body, "agent")?)?;
        let url =
            text(&body, "url")?.ok_or_else(|| bad_request("url", "url must be the public address of the file"))?;
        let thumbnail_url = text(&body, "thumbnail_url")?.map(str::to_owned);
        return hand_over(&shared, agent, NewFile { source: NewFileSource::Url(url.to_owned()), thumbnail_url }).await;
    }
    // Whoever waits here has sent no body yet, or only its beginning.
    let _turn = shared.uploads.acquire().await.map_err(|_| unavailable("the gateway takes no more files"))?;
    let (parts, body) = request.into_parts();
    let query = parse_query(parts.uri.query(), &["agent"])?;
    let agent = named_agent(&shared, query.get("agent").map(String::as_str))?;
    let mime_type = content_type(&parts.headers).to_owned();
    if mime_type.is_empty() {
        let detail = "content-type is missing, and must be the type of the file, or application/json with its url";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", detail));
    }
    let bytes = read_long_body(&parts.headers, body, shared.capacity.file_bytes_max).await?;
    if bytes.is_empty() {
        return Err(bad_request("body-empty", "the file has no bytes"));
    }
    let file = FileBytes { mime_type, bytes: Payload::Inline(bytes.into()) };
    hand_over(&shared, agent, NewFile { source: NewFileSource::Bytes(file), thumbnail_url: None }).await
}

async fn hand_over(shared: &Shared, agent: &Agent, file: NewFile) -> Result<Response, Problem> {
    let by_address = matches!(file.source, NewFileSource::Url(_));
    let answer = agent.channel.upload(shared.now(), file).await;
    let kept = answered(answer.map(|kept| kept.map_err(|failure| as_asked(failure, by_address))))?;
    let view = json!({ "name": kept.name, "expires_at": kept.expires_at });
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Findings name what the caller sent.
fn as_asked(failure: ChannelFailure, by_address: bool) -> ChannelFailure {
    let findings = failure.findings.into_iter().map(|finding| {
        let path = match finding.path.as_str() {
            "source" if by_address => "url",
            "source.mime-type" => "content-type",
            "thumbnail-url" => "thumbnail_url",
            other => other,
        };
        let message = finding.message.replacen(&finding.path, path, 1);
        Finding { path: path.to_owned(), message, ..finding }
    });
    ChannelFailure { findings: findings.collect(), ..failure }
}

/// `POST /v1/testers` with `{"agent","phone"}`. Inviting somebody again does no harm.
pub(crate) async fn invite(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Result<Json<Value>, Problem> {
    let body = read_fields(request, &["agent", "phone"]).await?;
    let agent = named_agent(&shared, text(&body, "agent")?)?;
    let phone = parse_phone("phone", text(&body, "phone")?.unwrap_or_default())?;
    let invitation = match answered(agent.channel.invite(shared.now(), &phone).await)? {
        Invitation::Pending => Some("pending"),
        Invitation::Accepted => Some("accepted"),
        Invitation::Declined => Some("declined"),
        Invitation::Unstated => None,
    };
    Ok(Json(json!({ "phone": phone, "invitation": invitation })))
}

/// Files in memory at once: as many times the largest file.
pub(crate) const UPLOADS_MAX: usize = 4;

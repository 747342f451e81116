//! Gives files to the platform. A file is in memory while it goes through, so only so many megabytes do at once.

use crate::api::{agent_in_query, named_agent};
use crate::body::{content_length, content_type, is_json, read_long_body};
use crate::problem::{Problem, answered, bad_request, busy, unavailable};
use crate::request::{read_fields, required_text, text};
use crate::store::Upload;
use crate::{Agent, Shared};
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use gateway_channel::{ChannelFailure, FileBytes, Finding, NewFile, NewFileSource, Payload};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

/// `POST /v1/files`: as JSON `{"agent","url","thumbnail_url"}`, or `?agent=` with the bytes and their content-type. Uploading
/// twice makes two files, of which the platform forgets the one that nobody sends.
pub(crate) async fn upload(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    match content_type(request.headers())? {
        Some(kind) if is_json(Some(&kind)) => by_address(&shared, request).await,
        Some(kind) => in_bytes(&shared, kind, request).await,
        None => {
            let detail = "content-type is missing, and must be the type of the file, or application/json with its url";
            Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content-type",
                detail,
            ))
        }
    }
}

async fn by_address(shared: &Shared, request: Request<Body>) -> Result<Response, Problem> {
    let body = read_fields(request, &["agent", "url", "thumbnail_url"]).await?;
    let agent = named_agent(shared, text(&body, "agent")?)?;
    let url = required_text(&body, "url", "the public address of the file")?.to_owned();
    let thumbnail_url = text(&body, "thumbnail_url")?.map(str::to_owned);
    hand_over(
        shared,
        &agent,
        NewFile {
            source: NewFileSource::Url(url),
            thumbnail_url,
        },
    )
    .await
}

async fn in_bytes(
    shared: &Shared,
    mime_type: String,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let agent = agent_in_query(shared, parts.uri.query())?;
    let bytes_max = shared.capacity.file_bytes_max;
    let _room = room(
        shared,
        content_length(&parts.headers)
            .unwrap_or(bytes_max)
            .min(bytes_max),
    )
    .await?;
    let bytes = read_long_body(&parts.headers, body, bytes_max).await?;
    if bytes.is_empty() {
        return Err(bad_request("body-empty", "the file has no bytes"));
    }
    let file = FileBytes {
        mime_type,
        bytes: Payload::Inline(bytes.into()),
    };
    hand_over(
        shared,
        &agent,
        NewFile {
            source: NewFileSource::Bytes(file),
            thumbnail_url: None,
        },
    )
    .await
}

/// Waits a little for others to be done; nobody's connection waits longer for a file than others wait for a connection.
async fn room(shared: &Shared, bytes: usize) -> Result<SemaphorePermit<'_>, Problem> {
    let megabytes =
        u32::try_from(bytes.div_ceil(1_000_000).clamp(1, MEGABYTES_MAX)).unwrap_or(u32::MAX);
    let room = timeout(ROOM_TIME_MAX, shared.uploads.acquire_many(megabytes)).await;
    let room = room.map_err(|_| busy("other files are on their way; try again", ROOM_TIME_MAX))?;
    room.map_err(|_| unavailable("the gateway takes no more files"))
}

async fn hand_over(shared: &Shared, agent: &Agent, file: NewFile) -> Result<Response, Problem> {
    let now = shared.now();
    let (by_address, what) = match &file.source {
        NewFileSource::Url(url) => (true, url.clone()),
        NewFileSource::Bytes(file) => (false, file.mime_type.clone()),
    };
    let answer = agent.channel.upload(now, file).await;
    let kept = answered(answer.map(|kept| kept.map_err(|failure| as_asked(failure, by_address))))?;
    let view = json!({ "name": kept.name, "expires_at": kept.expires_at });
    let expires_at = kept.expires_at.and_then(|text| text.parse().ok());
    let upload = Upload {
        agent: agent.key().to_owned(),
        name: kept.name,
        what,
        at: now,
        expires_at,
    };
    // The caller has the name in any case: the list is a help, not the truth.
    if let Err(problem) = shared.store.keep_upload(upload).await {
        tracing::error!(%problem, "the name of a file was not kept");
    }
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// `GET /v1/files?agent=`: those that the platform still has, newest first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let agent = agent_in_query(&shared, query.as_deref())?;
    let files = shared.store.uploads(agent.key(), shared.now()).await?.into_iter().map(|upload| {
        json!({ "name": upload.name, "what": upload.what, "uploaded_at": upload.at, "expires_at": upload.expires_at })
    });
    Ok(Json(json!({ "files": files.collect::<Vec<_>>() })))
}

/// Findings, and what is said of them, name what the caller sent.
fn as_asked(failure: ChannelFailure, by_address: bool) -> ChannelFailure {
    let mut sentence = failure.message;
    let findings = failure.findings.into_iter().map(|finding| {
        let path = match finding.path.as_str() {
            "source" if by_address => "url",
            "source.mime-type" => "content-type",
            "thumbnail-url" => "thumbnail_url",
            other => other,
        };
        let message = finding.message.replacen(&finding.path, path, 1);
        sentence = sentence.replacen(&finding.message, &message, 1);
        Finding {
            path: path.to_owned(),
            message,
            ..finding
        }
    });
    let findings = findings.collect();
    ChannelFailure {
        findings,
        message: sentence,
        ..failure
    }
}

/// Four of the largest files of the largest platform, or many small ones.
pub(crate) const MEGABYTES_MAX: usize = 420;
const ROOM_TIME_MAX: Duration = Duration::from_secs(5);

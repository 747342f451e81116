//! Files to keep, by their address or in bytes.

use super::request::{Address, Authenticated, Body, Parameters, QueryPairs, Raw};
use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::platform::KeepFile;
use crate::refusal::{Refusal, violation};
use crate::upload::{GRANULE_BYTES, PIECES, Piece, PieceProblem, Progress, related};
use crate::{Shared, check};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rbm_wire::file::{BYTES_MAX, CreateFile, File, is_media_type};
use rbm_wire::problem::FieldViolation;
use reqwest::Url;
use std::sync::Arc;
use uuid::Uuid;

/// Nothing is fetched: the file counts as one that could be.
pub(super) async fn create_file(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    parameters: Parameters,
    Body(body): Body,
) -> Result<Json<File>, Refusal> {
    let file: CreateFile = check::read(&body).map_err(Refusal::invalid)?;
    parameters.with_agent(file.agent_id).agent(&shared)?;
    let addresses = [
        ("fileUrl", Some(file.file_url)),
        ("thumbnailUrl", file.thumbnail_url),
    ];
    let addresses = addresses
        .into_iter()
        .filter_map(|(field, url)| Some((field, url?)));
    let wrong: Vec<FieldViolation> = addresses
        .filter_map(|(field, url)| address(field, &url))
        .collect();
    if wrong.is_empty() {
        Ok(Json(keep(&shared)))
    } else {
        Err(Refusal::invalid(wrong))
    }
}

/// What is wrong with an address in this field.
fn address(field: &str, url: &str) -> Option<FieldViolation> {
    let is_web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let rule = || {
        format!(
            "{field} is {:?}, and must be an http or https address",
            excerpt(url)
        )
    };
    (!is_web).then(|| violation(field, rule()))
}

/// A file in bytes, by any of Google's protocols. What is sent to the address of a session needs no token: the address is one.
pub(super) async fn upload_file(
    State(shared): State<Arc<Shared>>,
    authenticated: Result<Authenticated, Refusal>,
    parameters: Parameters,
    address: Address,
    uri: Uri,
    headers: HeaderMap,
    Raw(body): Raw<UPLOAD_BYTES_MAX>,
) -> Result<Response, Refusal> {
    if let Some(id) = &parameters.upload_id {
        return resume(&shared, id, &headers, &body);
    }
    let _ = authenticated?;
    match Protocol::of(&uri, &headers)? {
        Protocol::Raw => {
            parameters.agent(&shared)?;
            let kind = text(&headers, header::CONTENT_TYPE);
            check_media(kind, &body)?;
            Ok(Json(keep(&shared)).into_response())
        }
        Protocol::Multipart => {
            let parts = related(text(&headers, header::CONTENT_TYPE), &body);
            let parts = parts.map_err(|rule| Refusal::invalid(vec![violation("", rule)]))?;
            check_metadata(&shared, parameters, parts.metadata)?;
            check_media(&parts.kind, &parts.media)?;
            Ok(Json(keep(&shared)).into_response())
        }
        Protocol::Resumable => {
            check_metadata(&shared, parameters, &body)?;
            let dialect = Dialect::of(&headers);
            check_kind(text(&headers, dialect.kind_header()))?;
            let id = Uuid::new_v4().simple().to_string();
            shared.uploads().begin(id.clone());
            let query = uri
                .query()
                .map(|query| format!("{query}&"))
                .unwrap_or_default();
            Ok(dialect.begun(
                &format!("{}{}?{query}upload_id={id}", address.base, uri.path()),
                &id,
            ))
        }
    }
}

/// Gives up an upload that is under way.
pub(super) async fn cancel_upload(
    State(shared): State<Arc<Shared>>,
    parameters: Parameters,
) -> Result<StatusCode, Refusal> {
    let cancelled = parameters
        .upload_id
        .is_some_and(|id| shared.uploads().cancel(&id));
    if cancelled {
        Ok(client_closed_request())
    } else {
        Err(refusal(&PieceProblem::Unknown))
    }
}

fn resume(
    shared: &Shared,
    id: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Refusal> {
    let dialect = Dialect::of(headers);
    if dialect == Dialect::Commands && commands(headers).any(|command| command == "cancel") {
        let cancelled = shared.uploads().cancel(id);
        let cancelled = cancelled.then(|| with_status("cancelled", StatusCode::OK.into_response()));
        return cancelled.ok_or_else(|| refusal(&PieceProblem::Unknown));
    }
    let piece = dialect.piece(headers, body.len() as u64)?;
    let mut uploads = shared.uploads();
    let name = match uploads
        .take(id, piece)
        .map_err(|problem| refusal(&problem))?
    {
        Progress::Incomplete(received) => return Ok(dialect.incomplete(received)),
        Progress::Done(name) => name,
        Progress::Complete => {
            let name = keep(shared).name;
            uploads.finish(id, &name);
            name
        }
    };
    Ok(dialect.done(Json(File { name }).into_response()))
}

/// How a file comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Protocol {
    /// As it is.
    Raw,
    /// With metadata before it.
    Multipart,
    /// To an address that is given out first.
    Resumable,
}

impl Protocol {
    /// By the header of the newer protocol, the two parameters, or else by what the body is.
    fn of(uri: &Uri, headers: &HeaderMap) -> Result<Self, Refusal> {
        let query = QueryPairs::of(uri);
        let named = headers
            .get(&UPLOAD_PROTOCOL)
            .and_then(|value| value.to_str().ok());
        let named = named
            .or_else(|| query.system("upload_protocol"))
            .or_else(|| query.system("uploadType"));
        let kind = text(headers, header::CONTENT_TYPE).to_ascii_lowercase();
        let told = if kind.starts_with("multipart/related") {
            "multipart"
        } else {
            "raw"
        };
        match named.unwrap_or(told) {
            "raw" | "media" => Ok(Self::Raw),
            "multipart" => Ok(Self::Multipart),
            "resumable" => Ok(Self::Resumable),
            other => {
                let rule = format!("there is no upload protocol {:?}", excerpt(other));
                Err(Refusal::invalid(vec![violation("uploadType", rule)]))
            }
        }
    }
}

/// The two ways in which clients resume.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Dialect {
    /// By `Location`, `Content-Range` and 308.
    Ranges,
    /// By `X-Goog-Upload-Command`.
    Commands,
}

impl Dialect {
    fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(&UPLOAD_COMMAND) {
            Self::Commands
        } else {
            Self::Ranges
        }
    }

    fn kind_header(self) -> HeaderName {
        match self {
            Self::Ranges => HeaderName::from_static("x-upload-content-type"),
            Self::Commands => HeaderName::from_static("x-goog-upload-header-content-type"),
        }
    }

    fn begun(self, address: &str, id: &str) -> Response {
        let mut response = StatusCode::OK.into_response();
        let headers = response.headers_mut();
        let mut set = |name, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        set(HeaderName::from_static("x-guploader-uploadid"), id);
        match self {
            Self::Ranges => set(header::LOCATION, address),
            Self::Commands => {
                set(HeaderName::from_static("x-goog-upload-url"), address);
                set(
                    HeaderName::from_static("x-goog-upload-chunk-granularity"),
                    &GRANULE_BYTES.to_string(),
                );
                set(UPLOAD_STATUS, "active");
            }
        }
        response
    }

    fn piece(self, headers: &HeaderMap, count: u64) -> Result<Piece, Refusal> {
        let invalid = |name: &str, rule: &str| Refusal::invalid(vec![violation(name, rule)]);
        if self == Self::Ranges {
            let range = headers
                .get(header::CONTENT_RANGE)
                .map(|value| value.to_str().unwrap_or_default());
            let piece = Piece::of_range(range, count);
            return piece.ok_or_else(|| {
                invalid("Content-Range", "it is malformed, or does not fit the body")
            });
        }
        let (mut upload, mut finalize) = (false, false);
        for command in commands(headers) {
            match command {
                "query" => return Ok(Piece::Query { total: None }),
                "upload" => upload = true,
                "finalize" => finalize = true,
                _ => {
                    return Err(invalid(
                        "X-Goog-Upload-Command",
                        "it is upload, finalize, query, cancel or start",
                    ));
                }
            }
        }
        if !upload && count > 0 {
            return Err(invalid(
                "X-Goog-Upload-Command",
                "without upload there are no bytes",
            ));
        }
        let start = match text(headers, HeaderName::from_static("x-goog-upload-offset")) {
            "" if count == 0 => Ok(0),
            offset => offset.parse::<u64>(),
        };
        let start = start.map_err(|_| {
            invalid(
                "X-Goog-Upload-Offset",
                "it is the number of bytes before these",
            )
        })?;
        // Who uploads by commands takes a piece for taken as a whole.
        if !finalize && !count.is_multiple_of(GRANULE_BYTES) {
            let rule =
                format!("a piece that is not the last has a multiple of {GRANULE_BYTES} bytes");
            return Err(invalid("", &rule));
        }
        Ok(Piece::Bytes {
            start,
            count,
            last: finalize,
        })
    }

    fn incomplete(self, received: u64) -> Response {
        match self {
            Self::Ranges => {
                let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
                if let Some(last) = received.checked_sub(1) {
                    let range = HeaderValue::try_from(format!("bytes=0-{last}")).expect("ASCII");
                    response.headers_mut().insert(header::RANGE, range);
                }
                response
            }
            Self::Commands => {
                let mut response = with_status("active", StatusCode::OK.into_response());
                response
                    .headers_mut()
                    .insert(SIZE_RECEIVED, received.into());
                response
            }
        }
    }

    fn done(self, response: Response) -> Response {
        match self {
            Self::Ranges => response,
            Self::Commands => with_status("final", response),
        }
    }
}

fn commands(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let commands = headers
        .get(&UPLOAD_COMMAND)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    commands.split(',').map(str::trim)
}

fn with_status(status: &'static str, mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(UPLOAD_STATUS, HeaderValue::from_static(status));
    response
}

/// The agent may stand in what is said of a file, too. A file that comes in bytes needs no address.
fn check_metadata(shared: &Shared, parameters: Parameters, metadata: &[u8]) -> Result<(), Refusal> {
    let file: CreateFile = check::read(metadata).map_err(Refusal::invalid)?;
    parameters.with_agent(file.agent_id).agent(shared).map(drop)
}

fn check_kind(kind: &str) -> Result<(), Refusal> {
    let rule = || format!("files of type {:?} are not taken", excerpt(kind));
    if is_media_type(kind) {
        Ok(())
    } else {
        Err(Refusal::invalid(vec![violation("Content-Type", rule())]))
    }
}

fn check_media(kind: &str, bytes: &[u8]) -> Result<(), Refusal> {
    check_kind(kind)?;
    match bytes.len() {
        0 => Err(refusal(&PieceProblem::Empty)),
        1..=BYTES_MAX => Ok(()),
        _ => Err(refusal(&PieceProblem::TooLarge)),
    }
}

fn refusal(problem: &PieceProblem) -> Refusal {
    match problem {
        PieceProblem::Unknown => Refusal::not_found(PIECES, &problem.to_string()),
        PieceProblem::TooLarge => Refusal::too_large(BYTES_MAX),
        PieceProblem::Gap { .. } | PieceProblem::Empty => {
            Refusal::invalid(vec![violation("", problem.to_string())])
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// What Google answers to the end of an upload. (cloud.google.com/storage/docs/performing-resumable-uploads)
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).expect("three digits")
}

fn keep(shared: &Shared) -> File {
    File {
        name: shared.apply(KeepFile),
    }
}

/// A file, and what is said of it.
pub(super) const UPLOAD_BYTES_MAX: usize = BYTES_MAX + (1 << 16);
const UPLOAD_PROTOCOL: HeaderName = HeaderName::from_static("x-goog-upload-protocol");
const UPLOAD_COMMAND: HeaderName = HeaderName::from_static("x-goog-upload-command");
const UPLOAD_STATUS: HeaderName = HeaderName::from_static("x-goog-upload-status");
const SIZE_RECEIVED: HeaderName = HeaderName::from_static("x-goog-upload-size-received");

pub(super) const LINKED: &Behaviour = &Behaviour {
    id: "file-by-address",
    what: "A file that is named by its address is not fetched: it counts as one that could be",
    basis: Basis::Assumed,
    source: "Google fetches it, and follows one redirect (reference/rest/v1/files/create); nothing leaves this machine",
    switch: None,
    test: "googles_published_requests_are_taken",
};
pub(super) const TYPES: &Behaviour = &Behaviour {
    id: "file-types",
    what: "A file of a type that the guide does not list is refused, and one without bytes",
    basis: Basis::Documented,
    source: "guides/build/messages/send; when it is refused, and how, is assumed",
    switch: None,
    test: "a_file_is_uploaded_as_it_is",
};

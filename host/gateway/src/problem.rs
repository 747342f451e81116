//! Answers that are errors: problem details (RFC 9457), each with a stable code, a sentence, and findings where there are any.
//! And the parts of a request that may be wrong before anybody knows what they are for: a name in its path, and its body.

use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use rbm_json::finding::FindingView;
use serde::Serialize;
use std::time::Duration;
use tokio::time::timeout;

/// An error on its way to the caller.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(skip)]
    http_status: StatusCode,
    r#type: &'static str,
    title: &'static str,
    status: u16,
    /// A stable name.
    code: &'static str,
    /// One sentence.
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<FindingView>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: &str) -> Self {
        Self {
            http_status: status,
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.to_owned(),
            findings: Vec::new(),
        }
    }

    /// 422: the caller's message is not one that can be sent.
    pub(crate) fn not_sendable(findings: Vec<FindingView>) -> Self {
        let errors = findings.iter().filter(|finding| finding.severity == "error").count();
        let noun = if errors == 1 { "error" } else { "errors" };
        let detail = format!("the message has {errors} {noun}");
        Self { findings, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not-sendable", &detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("strings always serialise");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.http_status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// 404
pub(crate) fn not_found(detail: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}

/// 400
pub(crate) fn bad_request(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}

/// 503 for a store that does not answer.
pub(crate) fn unavailable(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
}

/// The one name in the path of a request.
pub(crate) struct PathName(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for PathName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let name = Path::from_request_parts(parts, &()).await;
        name.map(|Path(name)| Self(name))
            .map_err(|_| bad_request("path", &format!("{} is no path in UTF-8", parts.uri.path())))
    }
}

/// 431 for headers that are long altogether. The server's own limit is that of its buffer, which may have grown before.
pub(crate) async fn bound_headers(request: Request<Body>, next: Next) -> Response {
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes <= HEADER_BYTES_MAX {
        return next.run(request).await;
    }
    let detail = format!("the headers have {bytes} bytes, the limit is {HEADER_BYTES_MAX}");
    Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-length", &detail).into_response()
}

/// The whole body, unless it is too long, too slow or in an encoding.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let body = timeout(BODY_TIME_MAX, collect(body)).await;
    let body = body.map_err(|_| {
        let seconds = BODY_TIME_MAX.as_secs();
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body-slow", &format!("the body took more than {seconds} s"))
    })??;
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "a body with a content-encoding is not taken";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding", detail));
    }
    Ok(body)
}

async fn collect(mut body: Body) -> Result<Bytes, Problem> {
    match Limited::new(&mut body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(problem) if problem.is::<LengthLimitError>() => {
            // Whoever is still sending does not hear an answer, so some of what is too long is read to its end.
            let mut rest = Limited::new(body, PASSED_OVER_BYTES_MAX);
            while let Some(Ok(_)) = rest.frame().await {}
            let detail = format!("the body has more than {BODY_BYTES_MAX} bytes");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-length", &detail))
        }
        Err(_) => Err(bad_request("body-broken", "the body broke off")),
    }
}

pub(crate) const HEADER_BYTES_MAX: usize = 16 << 10;
const BODY_BYTES_MAX: usize = 1 << 20;
const PASSED_OVER_BYTES_MAX: usize = 16 << 20;
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

//! Answers that are errors: problem details (RFC 9457), each with a stable code, a sentence, and findings where there are any.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use gateway_channel::{ChannelFailure, FailureCode};
use http::{HeaderValue, StatusCode, header};
use rbm_host::CallProblem;
use rbm_json::finding::{self, FindingView};
use serde::Serialize;
use std::time::Duration;

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
    /// In the platform's own words, where it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Box<PlatformAnswer>>,
    #[serde(skip)]
    retry_after_seconds: Option<u32>,
}

/// What the platform answered to the gateway.
#[derive(Debug, Serialize)]
struct PlatformAnswer {
    http_status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
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
            platform: None,
            retry_after_seconds: None,
        }
    }

    /// With what is wrong, one by one.
    pub(crate) fn with_findings(self, findings: Vec<FindingView>) -> Self {
        Self { findings, ..self }
    }

    /// When to come again.
    pub(crate) fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_seconds: Some(seconds), ..self }
    }

    /// Something that the platform did not do. What is not known to have failed may be asked for again.
    pub(crate) fn of_failure(failure: ChannelFailure) -> Self {
        let (status, code) = match failure.code {
            FailureCode::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            FailureCode::Unreachable => (StatusCode::NOT_FOUND, "unreachable"),
            FailureCode::Later => (StatusCode::SERVICE_UNAVAILABLE, "later"),
            FailureCode::Unknown => (StatusCode::BAD_GATEWAY, "unknown"),
            // A person must act, and it is not the caller.
            FailureCode::Misconfigured => (StatusCode::INTERNAL_SERVER_ERROR, "misconfigured"),
            FailureCode::Unsupported => (StatusCode::NOT_IMPLEMENTED, "unsupported"),
        };
        let answer = |http_status| {
            Box::new(PlatformAnswer { http_status, status: failure.platform_status, message: failure.platform_message })
        };
        Self {
            findings: failure.findings.into_iter().map(finding::of_shape).collect(),
            platform: failure.http_status.map(answer),
            retry_after_seconds: failure.retry_after_seconds,
            ..Self::new(status, code, &failure.message)
        }
    }

    /// 422: the caller's message is not one that can be sent.
    pub(crate) fn not_sendable(findings: Vec<FindingView>) -> Self {
        let errors = findings.iter().filter(|finding| finding.severity == "error").count();
        let noun = if errors == 1 { "error" } else { "errors" };
        let detail = format!("the message has {errors} {noun}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not-sendable", &detail).with_findings(findings)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("strings always serialise");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.http_status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
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

/// What a plugin's call came to, or the problem.
pub(crate) fn answered<T>(answer: Result<Result<T, ChannelFailure>, CallProblem>) -> Result<T, Problem> {
    answer.map_err(|problem| unavailable(&problem.to_string()))?.map_err(Problem::of_failure)
}

/// 503 for what can be done soon.
pub(crate) fn busy(detail: &str, again_after: Duration) -> Problem {
    let seconds = u32::try_from(again_after.as_secs()).unwrap_or(u32::MAX);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(seconds)
}

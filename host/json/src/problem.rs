//! Errors as callers read them: problem details (RFC 9457), each with a stable code, a sentence, and findings where there
//! are any.

use crate::finding::{self, FindingView};
use gateway_channel::{ChannelFailure, FailureCode};
use http::StatusCode;
use serde::Serialize;

/// An error on its way to the caller.
#[derive(Debug, Serialize)]
pub struct ProblemView {
    r#type: &'static str,
    title: &'static str,
    /// That it is answered with.
    pub status: u16,
    /// A stable name.
    pub code: &'static str,
    /// One sentence.
    pub detail: String,
    /// What is wrong, one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
    /// Where to go on, for who asks for events that are no longer kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_after: Option<String>,
    /// In the platform's own words, where it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Box<PlatformAnswer>>,
    /// When to come again, which a header says.
    #[serde(skip)]
    pub retry_after_seconds: Option<u32>,
}

/// What the platform answered.
#[derive(Debug, Serialize)]
struct PlatformAnswer {
    http_status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl ProblemView {
    /// Without findings.
    pub fn new(status: StatusCode, code: &'static str, detail: &str) -> Self {
        Self {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.to_owned(),
            findings: Vec::new(),
            resume_after: None,
            platform: None,
            retry_after_seconds: None,
        }
    }

    /// Something that the platform did not do. What is not known to have failed may be asked for again.
    pub fn of_failure(failure: ChannelFailure) -> Self {
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
            Box::new(PlatformAnswer {
                http_status,
                status: failure.platform_status,
                message: failure.platform_message,
            })
        };
        Self {
            findings: failure
                .findings
                .into_iter()
                .map(finding::of_shape)
                .collect(),
            platform: failure.http_status.map(answer),
            retry_after_seconds: failure.retry_after_seconds,
            ..Self::new(status, code, &failure.message)
        }
    }

    /// 422: the caller's message is not one that can be sent.
    pub fn not_sendable(findings: Vec<FindingView>) -> Self {
        let errors = findings
            .iter()
            .filter(|finding| finding.severity == "error")
            .count();
        let noun = if errors == 1 { "error" } else { "errors" };
        let detail = format!("the message has {errors} {noun}");
        Self {
            findings,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not-sendable", &detail)
        }
    }
}

/// Of each of them.
pub const MEDIA_TYPE: &str = "application/problem+json";

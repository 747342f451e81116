//! An answer of a gateway that is an error, in people's words: what failed, the status and the code by which it is looked up, and
//! what to do about it. Never shows an answer as it came: what is no problem of a gateway is cut and escaped.

use crate::excerpt::excerpt;
use crate::exit::Failure;
use crate::finding::{Written, drawn, renderer};
use crate::table::visible;
use rbm_json::finding::FindingView;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use std::fmt;
use std::io::stderr;

/// What a gateway answered in place of what it was asked for.
#[derive(Debug)]
pub(crate) struct GatewayError {
    status: StatusCode,
    retry_after_seconds: Option<u64>,
    body: Body,
    /// The name and the text of the file that the findings are about.
    written: Option<(String, String)>,
}

#[derive(Debug)]
enum Body {
    Problem(Box<Problem>),
    /// Somebody between here and the gateway may have written it.
    Other(String),
}

/// As far as it is shown. (RFC 9457)
#[derive(Debug, Deserialize)]
struct Problem {
    code: String,
    detail: String,
    #[serde(default)]
    findings: Vec<FindingView>,
    resume_after: Option<String>,
    platform: Option<PlatformAnswer>,
}

#[derive(Debug, Deserialize)]
struct PlatformAnswer {
    http_status: u16,
    status: Option<String>,
    message: Option<String>,
}

impl GatewayError {
    pub(super) fn new(status: StatusCode, headers: &HeaderMap, text: &str) -> Self {
        let retry_after = headers
            .get(RETRY_AFTER)
            .and_then(|seconds| seconds.to_str().ok());
        let body = serde_json::from_str(text).map_or_else(
            |_| Body::Other(excerpt(text.trim())),
            |problem| Body::Problem(Box::new(problem)),
        );
        Self {
            status,
            retry_after_seconds: retry_after.and_then(|seconds| seconds.parse().ok()),
            body,
            written: None,
        }
    }

    /// With the exit code that its status means.
    pub(super) fn into_failure(self) -> Failure {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Failure::Later(self.into())
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::Denied(self.into()),
            _ => Failure::Failed(self.into()),
        }
    }

    /// The findings are about the message in this file.
    pub(crate) fn about(&mut self, name: String, text: String) {
        self.written = Some((name, text));
    }

    /// As `rbm check` draws them; nothing if there are none.
    pub(crate) fn findings(&self) -> String {
        let Body::Problem(problem) = &self.body else {
            return String::new();
        };
        let written = self.written.as_ref();
        let written = written.map(|(name, text)| Written::new(name.clone(), text));
        drawn(&renderer(&stderr()), written.as_ref(), &problem.findings)
    }

    fn help(&self, problem: &Problem) -> Option<String> {
        if self.status == StatusCode::UNAUTHORIZED {
            return Some("--token-file or RBM_TOKEN gives the token".to_owned());
        }
        if let Some(cursor) = &problem.resume_after {
            let cursor = visible(cursor);
            return Some(format!(
                "--after {cursor} goes on with the oldest event that is kept"
            ));
        }
        if problem.code == "idempotency-key-reused" {
            return Some("give another --key, or the same message again".to_owned());
        }
        self.retry_after_seconds
            .map(|seconds| format!("try again in {seconds} s"))
    }
}

impl std::error::Error for GatewayError {}

impl fmt::Display for GatewayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match &self.body {
            Body::Problem(problem) => problem,
            Body::Other(text) if text.is_empty() => {
                return write!(formatter, "the gateway answered {}", self.status);
            }
            Body::Other(text) => {
                return write!(formatter, "the gateway answered {}: {text:?}", self.status);
            }
        };
        let (detail, code) = (visible(&problem.detail), visible(&problem.code));
        write!(formatter, "{detail} ({} {code})", self.status.as_u16())?;
        if let Some(platform) = &problem.platform {
            write!(formatter, "\nnote: {platform}")?;
        }
        match self.help(problem) {
            Some(help) => write!(formatter, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for PlatformAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the platform answered {}", self.http_status)?;
        if let Some(status) = &self.status {
            write!(formatter, " {}", visible(status))?;
        }
        match &self.message {
            Some(message) => write!(formatter, ": {}", visible(message)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;
    use serde_json::json;

    fn problem(more: &serde_json::Value) -> String {
        let mut problem =
            json!({ "type": "about:blank", "title": "T", "code": "c", "detail": "d" });
        let fields = problem.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        problem.to_string()
    }

    #[test]
    fn an_error_says_what_failed_by_which_status_and_code_and_what_to_do() {
        for (status, retry_after, body, expected) in [
            (404, None, problem(&json!({})), "d (404 c)"),
            (
                401,
                None,
                problem(&json!({})),
                "d (401 c)\nhelp: --token-file or RBM_TOKEN gives the token",
            ),
            (
                503,
                Some("12"),
                problem(&json!({})),
                "d (503 c)\nhelp: try again in 12 s",
            ),
            (
                503,
                Some("Wed, 02 Dec 2026 08:00:00 GMT"),
                problem(&json!({})),
                "d (503 c)",
            ),
            (
                410,
                None,
                problem(&json!({ "resume_after": "e17" })),
                "d (410 c)\nhelp: --after e17 goes on with the oldest event that is kept",
            ),
            (
                409,
                None,
                problem(&json!({ "code": "idempotency-key-reused" })),
                "d (409 idempotency-key-reused)\nhelp: give another --key, or the same message again",
            ),
            (
                500,
                None,
                problem(
                    &json!({ "platform": { "http_status": 403, "status": "DENIED", "message": "no\u{1b}[2J" } }),
                ),
                "d (500 c)\nnote: the platform answered 403 DENIED: no\\u{1b}[2J",
            ),
            (
                500,
                None,
                problem(&json!({ "platform": { "http_status": 403 } })),
                "d (500 c)\nnote: the platform answered 403",
            ),
            (
                400,
                None,
                problem(&json!({ "detail": "a\nb\u{1b}" })),
                "a\\nb\\u{1b} (400 c)",
            ),
            (
                502,
                None,
                String::new(),
                "the gateway answered 502 Bad Gateway",
            ),
            (
                502,
                Some("5"),
                format!("<html>\n{}", "x".repeat(100)),
                &format!(
                    "the gateway answered 502 Bad Gateway: \"<html>\\n{}…\"",
                    "x".repeat(57)
                ),
            ),
            (
                404,
                None,
                json!({ "error": "no route" }).to_string(),
                "the gateway answered 404 Not Found: \"{\\\"error\\\":\\\"no route\\\"}\"",
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(retry_after.map(|it| (RETRY_AFTER, HeaderValue::from_static(it))));
            let status = StatusCode::from_u16(status).expect("a status");
            let error = GatewayError::new(status, &headers, &body);
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.findings(), "");
        }
    }
}

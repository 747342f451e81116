//! Answers that are errors: `rbm_json`'s problems, over HTTP.

use crate::store::Cursor;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use gateway_channel::ChannelFailure;
use http::{HeaderValue, StatusCode, header};
use rbm_host::CallProblem;
use rbm_json::finding::FindingView;
use rbm_json::problem::{MEDIA_TYPE, ProblemView};
use std::time::Duration;

/// An error on its way to the caller.
#[derive(Debug)]
pub(crate) struct Problem(ProblemView);

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: &str) -> Self {
        Self(ProblemView::new(status, code, detail))
    }

    /// With what is wrong, one by one.
    pub(crate) fn with_findings(mut self, findings: Vec<FindingView>) -> Self {
        self.0.findings = findings;
        self
    }

    /// Where to go on.
    pub(crate) fn resume_after(mut self, cursor: Cursor) -> Self {
        self.0.resume_after = Some(cursor.to_string());
        self
    }

    /// When to come again.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// Something that the platform did not do.
    pub(crate) fn of_failure(failure: ChannelFailure) -> Self {
        Self(ProblemView::of_failure(failure))
    }

    /// 422: the caller's message is not one that can be sent.
    pub(crate) fn not_sendable(findings: Vec<FindingView>) -> Self {
        Self(ProblemView::not_sendable(findings))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let body = serde_json::to_vec(&problem).expect("strings always serialise");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(problem.status).expect("made of one");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = problem.retry_after_seconds {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
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
pub(crate) fn answered<T>(
    answer: Result<Result<T, ChannelFailure>, CallProblem>,
) -> Result<T, Problem> {
    answer
        .map_err(|problem| unavailable(&problem.to_string()))?
        .map_err(Problem::of_failure)
}

/// 503 for what can be done soon.
pub(crate) fn busy(detail: &str, again_after: Duration) -> Problem {
    let seconds = u32::try_from(again_after.as_secs()).unwrap_or(u32::MAX);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(seconds)
}

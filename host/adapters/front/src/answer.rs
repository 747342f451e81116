//! What is answered: JSON, a problem, or what the plugin says.

use http::StatusCode;
use rbm_json::problem::{MEDIA_TYPE, ProblemView};
use serde::Serialize;

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self::of_kind(status.as_u16(), "application/json", body)
    }

    fn of_kind(status: u16, kind: &str, body: &impl Serialize) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self {
            status,
            headers,
            body: serde_json::to_vec(body).expect("strings and numbers always serialise"),
        }
    }

    fn with(mut self, name: &str, value: String) -> Self {
        self.headers.push((name.to_owned(), value));
        self
    }
}

impl From<ProblemView> for Answer {
    fn from(problem: ProblemView) -> Self {
        let answer = Self::of_kind(problem.status, MEDIA_TYPE, &problem);
        match (problem.status, problem.retry_after_seconds) {
            (401, _) => answer.with("www-authenticate", "Bearer".to_owned()),
            (405, _) => answer.with("allow", "POST".to_owned()),
            (_, Some(seconds)) => answer.with("retry-after", seconds.to_string()),
            _ => answer,
        }
    }
}

/// An error with a code and a sentence.
pub(crate) fn problem(status: StatusCode, code: &'static str, detail: &str) -> ProblemView {
    ProblemView::new(status, code, detail)
}

/// 503: the same may be asked for again.
pub(crate) fn unavailable(detail: &str) -> ProblemView {
    problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
}

/// 500: a person must act, and it is not the caller.
pub(crate) fn misconfigured(detail: &str) -> ProblemView {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured", detail)
}

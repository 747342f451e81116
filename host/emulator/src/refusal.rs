//! Answers that are errors, in the shape of Google's APIs. (cloud.google.com/apis/design/errors, "v2" format)

use crate::excerpt::excerpt;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rbm_wire::problem::{Detail, ErrorBody, FieldViolation, Problem};

/// An error on its way to the client.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    violations: Vec<FieldViolation>,
}

impl Refusal {
    /// 400, with the fields that are wrong.
    pub(crate) fn invalid(violations: Vec<FieldViolation>) -> Self {
        let said = |violation: &FieldViolation| match violation.field.as_str() {
            "" => violation.description.clone(),
            field => format!("at '{field}': {}", violation.description),
        };
        let said: Vec<String> = violations.iter().map(said).collect();
        let message = format!("Request contains an invalid argument: {}", said.join("; "));
        Self { violations, ..Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", &message) }
    }

    /// 413. The text is other APIs' of Google's, which answer 400 with it; that this one answers 413 is assumed.
    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let message = format!("Request payload size exceeds the limit: {bytes_max} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "INVALID_ARGUMENT", &message)
    }

    /// 401. The exact text is unconfirmed.
    pub(crate) fn unauthenticated() -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token.";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
    }

    /// 403, with the text that Google's own issue tracker shows (rbm-api-examples, issue 24).
    pub(crate) fn unknown_agent(agent: Option<&str>) -> Self {
        let message = format!(
            "There was an error looking up the RBM agent (ID: {}) that corresponds to the Google Cloud Platform (GCP) \
             project you're authenticating with.",
            agent.map_or_else(|| "null".to_owned(), excerpt)
        );
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", &message)
    }

    /// 404, with the text that is seen in the wild.
    pub(crate) fn unreachable_phone() -> Self {
        let message = "The specified phone number cannot be reached by RBM at this time.";
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// 404 for a message that was delivered, or that nobody knows. The text is assumed.
    pub(crate) fn not_revocable(id: &str) -> Self {
        let message = format!("The message {id} was delivered already, or does not exist.");
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", &message)
    }

    /// 404 for an address that no method has.
    pub(crate) fn no_such_method(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", &format!("No method has the address {}.", excerpt(path)))
    }

    /// 409. Assumed.
    pub(crate) fn already_exists(id: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "ALREADY_EXISTS", &format!("The id {id} was used before."))
    }

    /// 429. The text is assumed, and that there is no `Retry-After`.
    pub(crate) fn exhausted(message: &str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", message)
    }

    fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), violations: Vec::new() }
    }
}

/// One field that is wrong.
pub(crate) fn violation(field: impl Into<String>, description: impl Into<String>) -> FieldViolation {
    FieldViolation { field: field.into(), description: description.into() }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let bad_request = Detail {
            kind: "type.googleapis.com/google.rpc.BadRequest".to_owned(),
            field_violations: self.violations.clone(),
        };
        let details = if self.violations.is_empty() { Vec::new() } else { vec![bad_request] };
        let problem =
            Problem { code: self.status.as_u16(), message: self.message, status: self.code.to_owned(), details };
        (self.status, Json(ErrorBody { error: problem })).into_response()
    }
}

//! Answers that are errors, in the shapes of Google's APIs. (cloud.google.com/apis/design/errors)

use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rbm_wire::auth::SCOPE;
use rbm_wire::problem::FieldViolation;
use serde::Serialize;
use std::collections::BTreeMap;

/// An error on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    detail: Option<Detail>,
    challenge: Option<Challenge>,
}

/// What is wrong with a request.
#[derive(Debug)]
pub(crate) enum Invalid {
    /// It cannot be read: each violation is a sentence of its own.
    Payload(Vec<FieldViolation>),
    /// It can be read, and says what it must not.
    Argument(Vec<FieldViolation>),
}

impl From<Vec<FieldViolation>> for Invalid {
    fn from(violations: Vec<FieldViolation>) -> Self {
        Self::Argument(violations)
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "@type")]
enum Detail {
    #[serde(rename = "type.googleapis.com/google.rpc.BadRequest", rename_all = "camelCase")]
    BadRequest { field_violations: Vec<Violation> },
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    ErrorInfo { reason: &'static str, domain: &'static str, metadata: BTreeMap<&'static str, String> },
}

/// A violation as Google writes it: without a field for the whole body.
#[derive(Clone, Debug, Serialize)]
struct Violation {
    #[serde(skip_serializing_if = "String::is_empty")]
    field: String,
    description: String,
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Challenge {
    /// There is none.
    Missing,
    /// It was never given out, or has run out.
    Invalid,
    /// It is for another API.
    Scope,
}

impl Refusal {
    /// 400, with the fields that are wrong.
    pub(crate) fn invalid(problem: impl Into<Invalid>) -> Self {
        let said = |violation: &FieldViolation| match violation.field.as_str() {
            "" => violation.description.clone(),
            field => format!("at '{field}': {}", violation.description),
        };
        let (message, violations) = match problem.into() {
            Invalid::Payload(violations) => {
                let said: Vec<&str> = violations.iter().map(|violation| violation.description.as_str()).collect();
                (said.join("\n"), violations)
            }
            Invalid::Argument(violations) => {
                let said: Vec<String> = violations.iter().map(said).collect();
                (format!("Request contains an invalid argument: {}", said.join("; ")), violations)
            }
        };
        let written = |FieldViolation { field, description }| Violation { field, description };
        let detail = Detail::BadRequest { field_violations: violations.into_iter().map(written).collect() };
        Self { detail: Some(detail), ..Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", &message) }
    }

    /// 413. The text is other APIs' of Google's, which answer 400 with it; that this one answers 413 is assumed.
    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let message = format!("Request payload size exceeds the limit: {bytes_max} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "INVALID_ARGUMENT", &message)
    }

    /// 401, or 403 for a token of another API.
    pub(crate) fn unauthenticated(challenge: Challenge, method: &str) -> Self {
        let expected = "Expected OAuth 2 access token, login cookie or other valid authentication credential. See \
                        https://developers.google.com/identity/sign-in/web/devconsole-project.";
        let (status, code, message, reason) = match challenge {
            Challenge::Missing => (
                StatusCode::UNAUTHORIZED,
                "UNAUTHENTICATED",
                format!("Request is missing required authentication credential. {expected}"),
                Some("CREDENTIALS_MISSING"),
            ),
            Challenge::Invalid => (
                StatusCode::UNAUTHORIZED,
                "UNAUTHENTICATED",
                format!("Request had invalid authentication credentials. {expected}"),
                None,
            ),
            Challenge::Scope => (
                StatusCode::FORBIDDEN,
                "PERMISSION_DENIED",
                "Request had insufficient authentication scopes.".to_owned(),
                Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
            ),
        };
        let detail = reason.map(|reason| Detail::ErrorInfo {
            reason,
            domain: "googleapis.com",
            metadata: BTreeMap::from([
                ("method", method.to_owned()),
                ("service", "rcsbusinessmessaging.googleapis.com".to_owned()),
            ]),
        });
        Self { detail, challenge: Some(challenge), ..Self::new(status, code, &message) }
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

    /// 403 for an event for Dialogflow. The text is assumed.
    pub(crate) fn no_dialogflow() -> Self {
        let message = "The agent has no Dialogflow integration.";
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message)
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

    /// 404 for an address that no method has, and for a method of HTTP that no method at this address has.
    pub(crate) fn no_such_method(path: &str) -> Self {
        Self::not_found(&format!("No method has the address {}.", excerpt(path)))
    }

    /// 404 for something else.
    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
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
        Self { status, code, message: message.to_owned(), detail: None, challenge: None }
    }

    /// The body in the older format too. (`$.xgafv=1`)
    fn body(&self, format: ErrorFormat) -> ErrorBody<'_> {
        let reason = || match self.challenge {
            Some(Challenge::Missing) => "required",
            Some(Challenge::Invalid) => "authError",
            Some(Challenge::Scope) => "insufficientPermissions",
            None => match self.code {
                "INVALID_ARGUMENT" => "badRequest",
                "PERMISSION_DENIED" => "forbidden",
                "NOT_FOUND" => "notFound",
                "ALREADY_EXISTS" => "alreadyExists",
                "RESOURCE_EXHAUSTED" => "rateLimitExceeded",
                _ => "backendError",
            },
        };
        let errors = match format {
            ErrorFormat::V1 => vec![OldError { message: &self.message, domain: "global", reason: reason() }],
            ErrorFormat::V2 => Vec::new(),
        };
        let details = self.detail.as_slice();
        ErrorBody {
            error: Problem { code: self.status.as_u16(), message: &self.message, errors, status: self.code, details },
        }
    }

    /// The answer, in one of the formats.
    pub(crate) fn answer(&self, format: ErrorFormat) -> Response {
        let mut response = (self.status, Json(self.body(format))).into_response();
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.header());
        }
        response
    }
}

impl Challenge {
    fn header(self) -> HeaderValue {
        let realm = r#"Bearer realm="https://accounts.google.com/""#;
        let text = match self {
            Self::Missing => realm.to_owned(),
            Self::Invalid => format!(r#"{realm}, error="invalid_token""#),
            Self::Scope => format!(r#"{realm}, error="insufficient_scope", scope="{SCOPE}""#),
        };
        HeaderValue::try_from(text).expect("ASCII without line breaks")
    }
}

/// How the body of an error looks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum ErrorFormat {
    /// With a list of `errors`.
    V1,
    /// Without.
    #[default]
    V2,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: Problem<'a>,
}

#[derive(Serialize)]
struct Problem<'a> {
    code: u16,
    message: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<OldError<'a>>,
    status: &'a str,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    details: &'a [Detail],
}

#[derive(Serialize)]
struct OldError<'a> {
    message: &'a str,
    domain: &'a str,
    reason: &'a str,
}

/// One field that is wrong.
pub(crate) fn violation(field: impl Into<String>, description: impl Into<String>) -> FieldViolation {
    FieldViolation { field: field.into(), description: description.into() }
}

/// In the newer format. The error itself goes along, for who writes the older one instead.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.answer(ErrorFormat::V2);
        response.extensions_mut().insert(self);
        response
    }
}

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "error-format",
        what: "Errors are {error: {code, message, status, details}}; with $.xgafv=1 they have errors: [{message, domain, reason}] \
               too",
        basis: Basis::Documented,
        source: "cloud.google.com/apis/design/errors, cloud.google.com/apis/docs/system-parameters; the reasons are those of \
                 other APIs of Google's",
        switch: None,
        test: "errors_have_two_formats",
    },
    &Behaviour {
        id: "unauthenticated",
        what: "A missing or invalid token is answered 401, one of another API 403, each with a WWW-Authenticate header",
        basis: Basis::SecondHand,
        source: "texts, details and headers as other APIs of Google's answer them; for this API unconfirmed",
        switch: None,
        test: "a_token_is_asked_for_in_googles_words",
    },
    &Behaviour {
        id: "unknown-agent",
        what: "An agent that is missing or unknown is answered 403 with a text that names it",
        basis: Basis::Documented,
        source: "github rcs-business-messaging/rbm-api-examples, issue 24; the end of the text is not known",
        switch: None,
        test: "an_agent_has_two_spellings_and_a_phone_too",
    },
    &Behaviour {
        id: "no-such-method",
        what: "An address or a method of HTTP that the API does not have is answered 404 in JSON",
        basis: Basis::Assumed,
        source: "Google answers a web page there, which tells a developer less",
        switch: None,
        test: "what_the_api_does_not_have_is_answered_404",
    },
    &Behaviour {
        id: "too-large",
        what: "A body of more than 1 MiB is answered 413, a file of more than 100 MiB too",
        basis: Basis::Assumed,
        source: "the text is that of other APIs of Google's",
        switch: None,
        test: "a_body_may_be_compressed_and_never_too_large",
    },
];

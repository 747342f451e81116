//! Answers that are errors, in the shapes of Google's APIs. (cloud.google.com/apis/design/errors)

use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::token::Audience;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
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
    challenge: Option<(Challenge, Audience)>,
    retry_after_seconds: Option<u32>,
    behaviour: &'static Behaviour,
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
    #[serde(
        rename = "type.googleapis.com/google.rpc.BadRequest",
        rename_all = "camelCase"
    )]
    BadRequest { field_violations: Vec<Violation> },
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    ErrorInfo {
        reason: &'static str,
        domain: &'static str,
        metadata: BTreeMap<&'static str, String>,
    },
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
        let (behaviour, message, violations) = match problem.into() {
            Invalid::Payload(violations) => {
                let said: Vec<&str> = violations
                    .iter()
                    .map(|violation| violation.description.as_str())
                    .collect();
                (UNREADABLE, said.join("\n"), violations)
            }
            Invalid::Argument(violations) => {
                let said: Vec<String> = violations.iter().map(said).collect();
                (
                    INVALID,
                    format!("Request contains an invalid argument: {}", said.join("; ")),
                    violations,
                )
            }
        };
        let written = |FieldViolation { field, description }| Violation { field, description };
        let detail = Detail::BadRequest {
            field_violations: violations.into_iter().map(written).collect(),
        };
        Self {
            detail: Some(detail),
            ..Self::new(
                behaviour,
                StatusCode::BAD_REQUEST,
                "INVALID_ARGUMENT",
                &message,
            )
        }
    }

    /// 413.
    pub(crate) fn too_large(bytes_max: usize) -> Self {
        let message = format!("Request payload size exceeds the limit: {bytes_max} bytes.");
        Self::new(
            TOO_LARGE,
            StatusCode::PAYLOAD_TOO_LARGE,
            "INVALID_ARGUMENT",
            &message,
        )
    }

    /// 401, or 403 for a token of another API.
    pub(crate) fn unauthenticated(challenge: Challenge, audience: Audience, method: &str) -> Self {
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
                ("service", audience.host().to_owned()),
            ]),
        });
        Self {
            detail,
            challenge: Some((challenge, audience)),
            ..Self::new(UNAUTHENTICATED, status, code, &message)
        }
    }

    /// 403 for an agent that is missing, or not the caller's.
    pub(crate) fn unknown_agent(agent: Option<&str>) -> Self {
        let message = format!(
            "There was an error looking up the RBM agent (ID: {}) that corresponds to the Google Cloud Platform (GCP) \
             project you're authenticating with.",
            agent.map_or_else(|| "null".to_owned(), excerpt)
        );
        Self::new(
            UNKNOWN_AGENT,
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            &message,
        )
    }

    /// 403 for an event for Dialogflow.
    pub(crate) fn no_dialogflow() -> Self {
        let message = "The agent has no Dialogflow integration.";
        Self::new(
            NO_DIALOGFLOW,
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            message,
        )
    }

    /// 404 for a phone without RCS.
    pub(crate) fn unreachable_phone() -> Self {
        let message = "The specified phone number cannot be reached by RBM at this time.";
        Self::not_found(UNREACHABLE, message)
    }

    /// 403 for a message of an agent that is launched nowhere to somebody who is no tester.
    pub(crate) fn not_a_tester() -> Self {
        let message = "This operation is blocked because the RBM agent has not launched and the recipient has not been \
                       invited and accepted the invitation to become a tester.";
        Self::new(
            NOT_A_TESTER,
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            message,
        )
    }

    /// 404 for a message that was delivered, or that nobody knows.
    pub(crate) fn not_revocable(id: &str) -> Self {
        Self::not_found(
            NOT_REVOCABLE,
            &format!("The message {id} was delivered already, or does not exist."),
        )
    }

    /// 404 for an address that no method has, and for a method of HTTP that no method at this address has.
    pub(crate) fn no_such_method(path: &str) -> Self {
        Self::not_found(
            NO_SUCH_METHOD,
            &format!("No method has the address {}.", excerpt(path)),
        )
    }

    /// 404 for something else.
    pub(crate) fn not_found(behaviour: &'static Behaviour, message: &str) -> Self {
        Self::new(behaviour, StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// 404 for a name of the management API.
    pub(crate) fn no_such_resource(name: &str) -> Self {
        Self::not_found(NO_SUCH_RESOURCE, &format!("There is no {}.", excerpt(name)))
    }

    /// 400 for what is well formed, and not the time for it.
    pub(crate) fn precondition(message: &str) -> Self {
        Self::new(
            PRECONDITION,
            StatusCode::BAD_REQUEST,
            "FAILED_PRECONDITION",
            message,
        )
    }

    /// 409 for a thing of which there is one already.
    pub(crate) fn there_is_one(message: &str) -> Self {
        Self::new(
            THERE_IS_ONE,
            StatusCode::CONFLICT,
            "ALREADY_EXISTS",
            message,
        )
    }

    /// 409 for an id that was used before.
    pub(crate) fn already_exists(id: &str) -> Self {
        Self::new(
            ALREADY_EXISTS,
            StatusCode::CONFLICT,
            "ALREADY_EXISTS",
            &format!("The id {id} was used before."),
        )
    }

    /// 429 for a quota that is used up.
    pub(crate) fn exhausted(message: &str) -> Self {
        Self::new(
            EXHAUSTED,
            StatusCode::TOO_MANY_REQUESTS,
            "RESOURCE_EXHAUSTED",
            message,
        )
    }

    /// Any other.
    pub(crate) fn new(
        behaviour: &'static Behaviour,
        status: StatusCode,
        code: &'static str,
        message: &str,
    ) -> Self {
        let message = message.to_owned();
        Self {
            status,
            code,
            message,
            detail: None,
            challenge: None,
            retry_after_seconds: None,
            behaviour,
        }
    }

    /// With a header that says when to come again.
    pub(crate) fn with_retry_after(self, seconds: u32) -> Self {
        Self {
            retry_after_seconds: Some(seconds),
            ..self
        }
    }

    /// The body in the older format too. (`$.xgafv=1`)
    fn body(&self, format: ErrorFormat) -> ErrorBody<'_> {
        let reason = || match self.challenge.map(|(challenge, _)| challenge) {
            Some(Challenge::Missing) => "required",
            Some(Challenge::Invalid) => "authError",
            Some(Challenge::Scope) => "insufficientPermissions",
            None => match self.code {
                "INVALID_ARGUMENT" => "badRequest",
                "PERMISSION_DENIED" => "forbidden",
                "NOT_FOUND" => "notFound",
                "ALREADY_EXISTS" => "alreadyExists",
                "FAILED_PRECONDITION" => "failedPrecondition",
                "RESOURCE_EXHAUSTED" => "rateLimitExceeded",
                _ => "backendError",
            },
        };
        let errors = match format {
            ErrorFormat::V1 => vec![OldError {
                message: &self.message,
                domain: "global",
                reason: reason(),
            }],
            ErrorFormat::V2 => Vec::new(),
        };
        let details = self.detail.as_slice();
        ErrorBody {
            error: Problem {
                code: self.status.as_u16(),
                message: &self.message,
                errors,
                status: self.code,
                details,
            },
        }
    }

    /// The answer, in one of the formats.
    pub(crate) fn answer(&self, format: ErrorFormat) -> Response {
        let label = [(
            BEHAVIOUR_HEADER,
            HeaderValue::from_static(self.behaviour.id),
        )];
        let mut response = (self.status, label, Json(self.body(format))).into_response();
        if let Some((challenge, audience)) = self.challenge {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge.header(audience.scope));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl Challenge {
    fn header(self, scope: &str) -> HeaderValue {
        let realm = r#"Bearer realm="https://accounts.google.com/""#;
        let text = match self {
            Self::Missing => realm.to_owned(),
            Self::Invalid => format!(r#"{realm}, error="invalid_token""#),
            Self::Scope => format!(r#"{realm}, error="insufficient_scope", scope="{scope}""#),
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
pub(crate) fn violation(
    field: impl Into<String>,
    description: impl Into<String>,
) -> FieldViolation {
    FieldViolation {
        field: field.into(),
        description: description.into(),
    }
}

/// In the newer format. The error itself goes along, for who writes the older one instead.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.answer(ErrorFormat::V2);
        response.extensions_mut().insert(self);
        response
    }
}

/// Says which behaviour an error is. Google has none.
pub(crate) const BEHAVIOUR_HEADER: HeaderName = HeaderName::from_static("x-emulator-behaviour");

const UNREADABLE: &Behaviour = &Behaviour {
    id: "unreadable",
    what: "A body or a query that cannot be read is answered 400, with a sentence for each thing that is wrong with it",
    basis: Basis::SecondHand,
    source: "as other APIs of Google's answer it",
    switch: None,
    test: "a_query_has_only_known_parameters",
};
const INVALID: &Behaviour = &Behaviour {
    id: "invalid-argument",
    what: "What is read and not allowed is answered 400 INVALID_ARGUMENT, with each field that is wrong in details",
    basis: Basis::Documented,
    source: "cloud.google.com/apis/design/errors; the texts are ours",
    switch: None,
    test: "each_refusal_has_googles_shape_and_names_the_field",
};
const TOO_LARGE: &Behaviour = &Behaviour {
    id: "too-large",
    what: "A body of more than 1 MiB is answered 413, a file of more than 100 MiB too",
    basis: Basis::Assumed,
    source: "the text is that of other APIs of Google's",
    switch: None,
    test: "a_body_may_be_compressed_and_never_too_large",
};
const UNAUTHENTICATED: &Behaviour = &Behaviour {
    id: "unauthenticated",
    what: "A missing or invalid token is answered 401, one of another API 403, each with a WWW-Authenticate header",
    basis: Basis::SecondHand,
    source: "texts, details and headers as other APIs of Google's answer them; for this API unconfirmed",
    switch: None,
    test: "a_token_is_asked_for_in_googles_words",
};
const UNKNOWN_AGENT: &Behaviour = &Behaviour {
    id: "unknown-agent",
    what: "An agent that is missing or unknown is answered 403 with a text that names it",
    basis: Basis::Documented,
    source: "github rcs-business-messaging/rbm-api-examples, issue 24; the end of the text is not known",
    switch: None,
    test: "an_agent_has_two_spellings_and_a_phone_too",
};
const NO_DIALOGFLOW: &Behaviour = &Behaviour {
    id: "dialogflow",
    what: "An event for Dialogflow is answered 403: no agent has a Dialogflow integration",
    basis: Basis::Documented,
    source: "reference/rest/v1/phones.dialogflowMessages/create; the text is assumed",
    switch: None,
    test: "dialogflow_is_not_there_and_no_capability_is_called_back",
};
const UNREACHABLE: &Behaviour = &Behaviour {
    id: "unreachable-phone",
    what: "A phone without RCS is answered 404",
    basis: Basis::Documented,
    source: "reference/rest/v1/phones.agentMessages/create; the text is seen in vendors' documentation",
    switch: None,
    test: "each_refusal_has_googles_shape_and_names_the_field",
};
const NOT_A_TESTER: &Behaviour = &Behaviour {
    id: "not-a-tester",
    what: "A message of an agent that is launched nowhere to somebody who is no tester is answered 403",
    basis: Basis::SecondHand,
    source: "the text is in vendors' documentation; the code is inferred",
    switch: None,
    test: "an_agent_that_is_launched_nowhere_reaches_testers_only",
};
const NOT_REVOCABLE: &Behaviour = &Behaviour {
    id: "not-revocable",
    what: "Taking back a message that was delivered is answered 404, and so is one that has run out or never was",
    basis: Basis::Documented,
    source: "reference/rest/v1/phones.agentMessages/delete; for a message that has run out or never was, and the text, \
             assumed; older pages answer 200 always",
    switch: None,
    test: "a_phone_is_used_by_hand_and_a_message_is_taken_back",
};
const NO_SUCH_METHOD: &Behaviour = &Behaviour {
    id: "no-such-method",
    what: "An address or a method of HTTP that the API does not have is answered 404 in JSON",
    basis: Basis::Assumed,
    source: "Google answers a web page there, which tells a developer less",
    switch: None,
    test: "what_the_api_does_not_have_is_answered_404",
};
const NO_SUCH_RESOURCE: &Behaviour = &Behaviour {
    id: "no-such-resource",
    what: "A brand, an agent, an integration, a partner or a tester that there is not is answered 404 with its name",
    basis: Basis::Assumed,
    source: "cloud.google.com/apis/design/errors; the text is ours",
    switch: None,
    test: "brands_are_made_changed_listed_and_removed",
};
const PRECONDITION: &Behaviour = &Behaviour {
    id: "failed-precondition",
    what: "What the management API does not do now is answered 400 FAILED_PRECONDITION with the reason",
    basis: Basis::Assumed,
    source: "cloud.google.com/apis/design/errors; the reference has the rules, and for some of them the 400",
    switch: None,
    test: "an_agent_is_fixed_once_it_is_to_be_verified",
};
const THERE_IS_ONE: &Behaviour = &Behaviour {
    id: "one-webhook-integration",
    what: "A second webhook integration of an agent is answered 409",
    basis: Basis::Assumed,
    source: "guides/management-api/webhooks: one per agent in practice; what a second is answered is not stated",
    switch: None,
    test: "an_integration_registers_a_webhook_that_is_called_after_a_delay",
};
const ALREADY_EXISTS: &Behaviour = &Behaviour {
    id: "already-exists",
    what: "An id that an event has used is answered 409, and if the option says so one that a message has used",
    basis: Basis::Assumed,
    source: "reference/rest/v1/phones.agentMessages/create says that it is ignored, not what is answered",
    switch: Some("repeated_id"),
    test: "an_id_that_was_used_may_be_a_conflict",
};
const EXHAUSTED: &Behaviour = &Behaviour {
    id: "exhausted",
    what: "A quota that is used up is answered 429 without Retry-After",
    basis: Basis::Documented,
    source: "reference/rest/v1/users/batchGet, reference/rest/v1/phones.testers; the texts, and that there is no \
             Retry-After, are assumed",
    switch: None,
    test: "a_tester_is_invited_and_answers",
};
const FORMAT: &Behaviour = &Behaviour {
    id: "error-format",
    what: "Errors are {error: {code, message, status, details}}; with $.xgafv=1 they have errors: [{message, domain, reason}] \
           too",
    basis: Basis::Documented,
    source: "cloud.google.com/apis/design/errors, cloud.google.com/apis/docs/system-parameters; the reasons are those of \
             other APIs of Google's",
    switch: None,
    test: "errors_have_two_formats",
};
const LABEL: &Behaviour = &Behaviour {
    id: "error-label",
    what: "An error has a header, X-Emulator-Behaviour, with the name of the behaviour that it is",
    basis: Basis::Assumed,
    source: "ours: Google has no such header",
    switch: None,
    test: "errors_have_two_formats",
};

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    UNREADABLE,
    INVALID,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNKNOWN_AGENT,
    NO_DIALOGFLOW,
    UNREACHABLE,
    NOT_A_TESTER,
    NOT_REVOCABLE,
    NO_SUCH_METHOD,
    NO_SUCH_RESOURCE,
    PRECONDITION,
    THERE_IS_ONE,
    ALREADY_EXISTS,
    EXHAUSTED,
    FORMAT,
    LABEL,
];

//! What every method of Google's APIs has in common: the parameters that all of them take, and how an answer is written.
//! (cloud.google.com/apis/docs/system-parameters)

use super::exchange::exchange;
use super::files::UPLOAD_BYTES_MAX;
use super::relay::{Relayed, relay};
use super::request::QueryPairs;
use crate::Shared;
use crate::faults::TOKEN;
use crate::fidelity::{Basis, Behaviour};
use crate::json::Json;
use crate::mask::Mask;
use crate::refusal::{ErrorFormat, Refusal, violation};
use crate::schema::{API, BUSINESS, Method};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use rbm_wire::problem::FieldViolation;
use std::sync::Arc;

/// Which method a request calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called(pub(super) &'static Method);

/// Where a name in the path says which, it may be none.
impl<S: Send + Sync> FromRequestParts<S> for Called {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let called = parts.extensions.get::<Self>().copied();
        called.ok_or_else(|| Refusal::no_such_method(parts.uri.path()))
    }
}

/// A method of the API: `phones.agentMessages.create`, as the discovery document calls it.
pub(super) fn method(name: &str, handler: MethodRouter<Arc<Shared>>) -> MethodRouter<Arc<Shared>> {
    called(
        API.method(name)
            .expect("the discovery document has the method"),
        handler.layer(from_fn(relay)),
    )
}

/// A method of the API that manages brands and agents. It is never asked of an upstream, which is one of the other API.
pub(super) fn management(
    name: &str,
    handler: MethodRouter<Arc<Shared>>,
) -> MethodRouter<Arc<Shared>> {
    called(
        BUSINESS
            .method(name)
            .expect("the discovery document has the method"),
        handler,
    )
}

/// Methods whose verb stands behind a name: `…/agents/demo:requestLaunch`. The handler sees which is called, if any is.
pub(super) fn by_verb(
    names: &'static [(&str, &str)],
    handler: MethodRouter<Arc<Shared>>,
) -> MethodRouter<Arc<Shared>> {
    handler.layer(from_fn(move |mut request: Request, next: Next| {
        let verb = request.uri().path().rsplit_once(':').map(|(_, verb)| verb);
        let found = names.iter().find(|(known, _)| Some(*known) == verb);
        let method = found.and_then(|(_, name)| BUSINESS.method(name));
        if let Some(method) = method {
            request.extensions_mut().insert(Called(method));
        }
        answer(method, request, next)
    }))
}

fn called(
    method: &'static Method,
    handler: MethodRouter<Arc<Shared>>,
) -> MethodRouter<Arc<Shared>> {
    handler.layer(from_fn(move |mut request: Request, next: Next| {
        request.extensions_mut().insert(Called(method));
        answer(Some(method), request, next)
    }))
}

/// The token endpoint, whose answers are not of this form.
pub(super) fn token(handler: MethodRouter<Arc<Shared>>) -> MethodRouter<Arc<Shared>> {
    handler.layer(from_fn(|request: Request, next: Next| {
        exchange(Some(TOKEN), None, request, next)
    }))
}

/// What is no method of the API is answered in the same form.
pub(super) async fn no_method(request: Request, next: Next) -> Response {
    answer(None, request, next).await
}

async fn answer(method: Option<&'static Method>, request: Request, next: Next) -> Response {
    let form = Form::of(method, &QueryPairs::of(request.uri()), request.headers());
    exchange(method.map(Method::name), Some(form), request, next).await
}

/// Reads a body whatever becomes of the request: a connection with a body that nobody has read cannot be used again, and
/// clients take its end for a failure.
pub(super) async fn read_body(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match to_bytes(body, UPLOAD_BYTES_MAX).await {
        Ok(body) => next.run(Request::from_parts(parts, body.into())).await,
        Err(_) => Refusal::too_large(UPLOAD_BYTES_MAX).into_response(),
    }
}

/// How a client wants its answer. What it wants of that, and cannot have, is refused by [`check`].
#[derive(Debug, Default)]
pub(super) struct Form {
    compact: bool,
    errors: ErrorFormat,
    mask: Option<Mask>,
}

impl Form {
    pub(super) fn of(
        method: Option<&'static Method>,
        query: &QueryPairs,
        headers: &HeaderMap,
    ) -> Self {
        let errors = if query.system("$.xgafv") == Some("1") {
            ErrorFormat::V1
        } else {
            ErrorFormat::V2
        };
        let compact = query.system("prettyPrint").and_then(boolean) == Some(false);
        let mask = method.and_then(|method| mask(method, query, headers).ok().flatten());
        Self {
            compact,
            errors,
            mask,
        }
    }

    pub(super) async fn write(self, response: Response) -> Response {
        if response.extensions().get::<Relayed>().is_some() {
            return response;
        }
        let response = match response.extensions().get::<Refusal>() {
            Some(refusal) => refusal.answer(self.errors),
            None => response,
        };
        let (mut parts, body) = response.into_parts();
        let is_json = parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "application/json");
        if !is_json {
            return Response::from_parts(parts, body);
        }
        let Ok(body) = to_bytes(body, usize::MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mask = self.mask.as_ref().filter(|_| parts.status.is_success());
        let body = match (Json::read(&body), mask) {
            (Ok(json), Some(mask)) => self.text(&mask.apply(json)),
            (Ok(json), None) => self.text(&json),
            (Err(_), _) => body.into(),
        };
        parts.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=UTF-8"),
        );
        parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(body))
    }

    fn text(&self, json: &Json) -> Vec<u8> {
        let text = if self.compact {
            serde_json::to_vec(json)
        } else {
            serde_json::to_vec_pretty(json)
        };
        let mut text = text.unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// What is wrong with the parameters that every method takes.
pub(super) fn check(
    method: &'static Method,
    query: &QueryPairs,
    headers: &HeaderMap,
) -> Option<FieldViolation> {
    let invalid = |name: &str, rule: String| {
        Some(violation(
            name,
            format!("Invalid value at '{name}', {rule}"),
        ))
    };
    for (name, value) in query.system_pairs() {
        let wrong = match name {
            "alt" if value != "json" => invalid(
                name,
                format!("{value:.20?}: this emulator answers in JSON only"),
            ),
            "callback" => invalid(name, "this emulator answers no JSONP".to_owned()),
            "prettyPrint" if boolean(value).is_none() => {
                invalid(name, format!("{value:.20?} is not true or false"))
            }
            "$.xgafv" if !matches!(value, "1" | "2") => {
                invalid(name, format!("{value:.20?} is not 1 or 2"))
            }
            "quotaUser" if value.chars().count() > QUOTA_USER_LENGTH_MAX => invalid(
                name,
                format!("it has more than {QUOTA_USER_LENGTH_MAX} characters"),
            ),
            _ => None,
        };
        if wrong.is_some() {
            return wrong;
        }
    }
    mask(method, query, headers).err()
}

/// The selection of the query, or of the header that stands for it.
fn mask(
    method: &'static Method,
    query: &QueryPairs,
    headers: &HeaderMap,
) -> Result<Option<Mask>, FieldViolation> {
    let header = || {
        headers
            .get("x-goog-fieldmask")
            .and_then(|value| value.to_str().ok())
    };
    let fields = query
        .system("fields")
        .or_else(header)
        .filter(|fields| !fields.is_empty());
    fields
        .map(|fields| Mask::parse(fields, method.api(), method.answer()))
        .transpose()
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Of every generated client's documentation of `quotaUser`.
const QUOTA_USER_LENGTH_MAX: usize = 40;

pub(super) const PRETTY: &Behaviour = &Behaviour {
    id: "pretty-print",
    what: "Answers have line breaks and two spaces a level, unless prettyPrint=false",
    basis: Basis::Documented,
    source: "the default in Google's generated clients; two spaces as other APIs of Google's answer",
    switch: None,
    test: "an_answer_is_pretty_unless_asked_otherwise",
};
pub(super) const ALT: &Behaviour = &Behaviour {
    id: "alt",
    what: "Only alt=json is answered; media and proto are refused",
    basis: Basis::Assumed,
    source: "Google answers protobuf to alt=proto; nobody is known to ask this API for it",
    switch: None,
    test: "system_parameters_are_checked",
};
pub(super) const CALLBACK: &Behaviour = &Behaviour {
    id: "callback",
    what: "JSONP is refused",
    basis: Basis::Assumed,
    source: "a token has no place in a script's address; whether this API still answers it is not stated",
    switch: None,
    test: "system_parameters_are_checked",
};
pub(super) const KEY: &Behaviour = &Behaviour {
    id: "key-and-quota-user",
    what: "key, quotaUser, uploadType and upload_protocol change nothing where nothing is uploaded; a quotaUser of more than 40 \
           characters is refused",
    basis: Basis::Assumed,
    source: "the 40 characters are those of Google's generated clients; that more are refused is assumed",
    switch: None,
    test: "system_parameters_are_checked",
};

pub(super) const CONTENT_TYPE: &Behaviour = &Behaviour {
    id: "answer-type",
    what: "Answers are application/json; charset=UTF-8, and end with a line break",
    basis: Basis::SecondHand,
    source: "as other APIs of Google's answer",
    switch: None,
    test: "an_answer_is_pretty_unless_asked_otherwise",
};

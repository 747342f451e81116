//! What a request says, before anybody knows what it is for: the name in its path, its query, its headers, its body. Each
//! is bounded, and an error names the thing, the rule and the value.

use crate::problem::{Problem, bad_request};
use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use rbm_json::strict;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

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

/// The whole body, unless it is longer than a megabyte, too slow or in an encoding.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    read_long_body(headers, body, BODY_BYTES_MAX).await
}

/// The same for one that may be longer, and takes a second more for each megabyte.
pub(crate) async fn read_long_body(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let time_max = BODY_TIME_MAX + Duration::from_millis((bytes_max / 1_000) as u64);
    let body = timeout(time_max, collect(body, bytes_max)).await;
    let body = body.map_err(|_| {
        let seconds = time_max.as_secs();
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body-slow", &format!("the body took more than {seconds} s"))
    })??;
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "a body with a content-encoding is not taken";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding", detail));
    }
    Ok(body)
}

async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    match Limited::new(&mut body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(problem) if problem.is::<LengthLimitError>() => {
            // Whoever is still sending does not hear an answer, so some of what is too long is read to its end.
            let mut rest = Limited::new(body, PASSED_OVER_BYTES_MAX);
            while let Some(Ok(_)) = rest.frame().await {}
            let detail = format!("the body has more than {bytes_max} bytes");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-length", &detail))
        }
        Err(_) => Err(bad_request("body-broken", "the body broke off")),
    }
}

/// Only what says that it is JSON: a page in a browser cannot say so to a gateway on the same machine without asking.
pub(crate) async fn read_json(headers: &HeaderMap, body: Body) -> Result<Value, Problem> {
    let body = read_body(headers, body).await?;
    if !is_json(headers) {
        let kind = content_type(headers);
        let detail = format!("content-type is {kind:?}, and must be application/json");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", &detail));
    }
    strict::parse(&body).map_err(|problem| bad_request("not-json", &format!("the body is not JSON: {problem}")))
}

/// What the body says that it is.
pub(crate) fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let essence = content_type(headers).split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// A JSON object with no other fields than these.
pub(crate) async fn read_fields(request: Request<Body>, names: &[&str]) -> Result<Map<String, Value>, Problem> {
    let (parts, body) = request.into_parts();
    let Value::Object(fields) = read_json(&parts.headers, body).await? else {
        return Err(bad_request("type", "the body must be an object"));
    };
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(fields),
        Some(unknown) => {
            let detail = format!("there is no field {unknown:?}; the fields are {}", names.join(", "));
            Err(bad_request("unknown-field", &detail))
        }
    }
}

/// A field that is a string, if it is there.
pub(crate) fn text<'a>(fields: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, Problem> {
    let field = fields.get(name).filter(|value| !value.is_null());
    let text =
        |value: &'a Value| value.as_str().ok_or_else(|| bad_request("type", &format!("{name} must be a string")));
    field.map(text).transpose()
}

pub(crate) fn parse_query(query: Option<&str>, names: &[&str]) -> Result<HashMap<String, String>, Problem> {
    let mut parsed = HashMap::new();
    for (name, value) in form_urlencoded(query.unwrap_or_default()) {
        if !names.contains(&name.as_str()) {
            let detail = format!("there is no parameter {name:?}; the parameters are {}", names.join(", "));
            return Err(bad_request("parameter", &detail));
        }
        if parsed.insert(name.clone(), value).is_some() {
            return Err(bad_request("parameter", &format!("the parameter {name} is given twice")));
        }
    }
    Ok(parsed)
}

fn form_urlencoded(query: &str) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned()))
}

/// E.164. A plus sign that nobody escaped arrives as a blank.
pub(crate) fn parse_phone(name: &'static str, text: &str) -> Result<String, Problem> {
    let phone = text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}"));
    if is_phone(&phone) {
        return Ok(phone);
    }
    Err(bad_request(name, &format!("{name} is {text:?}, and must be a phone number: {PHONE_RULE}")))
}

/// ITU-T E.164 §6.
pub(crate) fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

pub(crate) const HEADER_BYTES_MAX: usize = 16 << 10;
const BODY_BYTES_MAX: usize = 1 << 20;
const PASSED_OVER_BYTES_MAX: usize = 16 << 20;
const BODY_TIME_MAX: Duration = Duration::from_secs(10);
pub(crate) const PHONE_RULE: &str = "a plus sign, then 2 to 15 digits, the first not 0";

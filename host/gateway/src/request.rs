//! What a request says, before anybody knows what it is for: the name in its path, its query, its headers, the fields of its
//! body. An error names the thing, the rule and the value.

use crate::body::{parse_json, read_body, read_json};
use crate::problem::{Problem, bad_request};
use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use rbm_json::excerpt::excerpt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The one name in the path of a request, or both.
pub(crate) struct PathName<T = String>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathName<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let name = Path::from_request_parts(parts, &()).await;
        name.map(|Path(name)| Self(name))
            .map_err(|_| bad_request("path", &format!("{} is no path in UTF-8", parts.uri.path())))
    }
}

/// 431 for headers that are long altogether. The server's own limit is that of its buffer, which may have grown before.
pub(crate) async fn bound_headers(request: Request<Body>, next: Next) -> Response {
    let bytes: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if bytes <= HEADER_BYTES_MAX {
        return next.run(request).await;
    }
    let detail = format!("the headers have {bytes} bytes, the limit is {HEADER_BYTES_MAX}");
    Problem::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers-length",
        &detail,
    )
    .into_response()
}

/// A header's value, in whatever bytes it came. One that is given twice could mean one thing here and another elsewhere.
pub(crate) fn header_once(
    headers: &HeaderMap,
    name: &'static str,
) -> Result<Option<String>, Problem> {
    let mut values = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(bad_request(
            "header-twice",
            &format!("the header {name} is given twice"),
        )),
        (value, None) => Ok(value),
    }
}

/// A JSON object with no other fields than these. What may stand in the body may not stand in the query.
pub(crate) async fn read_fields(
    request: Request<Body>,
    names: &[&str],
) -> Result<Map<String, Value>, Problem> {
    let (parts, body) = request.into_parts();
    parse_query(parts.uri.query(), &[])?;
    fields_of(read_json(&parts.headers, body).await?, names)
}

/// The same where no body at all says that there are none.
pub(crate) async fn read_optional_fields(
    request: Request<Body>,
    names: &[&str],
) -> Result<Map<String, Value>, Problem> {
    read_fields_or_query(request, names, &[])
        .await
        .map(|(fields, _)| fields)
}

/// The same with parameters of the query, for methods with which not every client can send a body.
pub(crate) async fn read_fields_or_query(
    request: Request<Body>,
    names: &[&str],
    parameters: &[&str],
) -> Result<(Map<String, Value>, HashMap<String, String>), Problem> {
    let (parts, body) = request.into_parts();
    let query = parse_query(parts.uri.query(), parameters)?;
    let body = read_body(&parts.headers, body).await?;
    let fields = if body.is_empty() {
        Map::new()
    } else {
        fields_of(parse_json(&parts.headers, &body)?, names)?
    };
    Ok((fields, query))
}

fn fields_of(body: Value, names: &[&str]) -> Result<Map<String, Value>, Problem> {
    let Value::Object(fields) = body else {
        return Err(bad_request(
            "type",
            &format!("the body is {}, and must be an object", shown_json(&body)),
        ));
    };
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(fields),
        Some(unknown) => {
            let detail = format!(
                "there is no field {}; the fields are {}",
                shown(unknown),
                names.join(", ")
            );
            Err(bad_request("unknown-field", &detail))
        }
    }
}

/// A field that is a string, if it is there.
pub(crate) fn text<'a>(
    fields: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, Problem> {
    let field = fields.get(name).filter(|value| !value.is_null());
    let text = |value: &'a Value| {
        let problem = || {
            bad_request(
                "type",
                &format!("{name} is {}, and must be a string", shown_json(value)),
            )
        };
        value.as_str().ok_or_else(problem)
    };
    field.map(text).transpose()
}

/// A field that is true or false, and false where it is not there.
pub(crate) fn flag(fields: &Map<String, Value>, name: &'static str) -> Result<bool, Problem> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(bad_request(
            "type",
            &format!("{name} is {}, and must be true or false", shown_json(other)),
        )),
    }
}

/// A field that is a string with something in it.
pub(crate) fn required_text<'a>(
    fields: &'a Map<String, Value>,
    name: &'static str,
    rule: &str,
) -> Result<&'a str, Problem> {
    let given = text(fields, name)?;
    given.filter(|text| !text.is_empty()).ok_or_else(|| {
        let given = given.map_or("missing", |_| "empty");
        bad_request(name, &format!("{name} is {given}, and must be {rule}"))
    })
}

/// A value of the caller's in an error: enough of it to be known again.
pub(crate) fn shown(text: &str) -> String {
    format!("{:?}", excerpt(text))
}

pub(crate) fn shown_json(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => shown(text),
        other => excerpt(&other.to_string()),
    }
}

pub(crate) fn parse_query(
    query: Option<&str>,
    names: &[&str],
) -> Result<HashMap<String, String>, Problem> {
    let mut parsed = HashMap::new();
    for (name, value) in form_urlencoded(query.unwrap_or_default()) {
        if !names.contains(&name.as_str()) {
            let known = if names.is_empty() {
                "none here".to_owned()
            } else {
                names.join(", ")
            };
            let detail = format!(
                "there is no parameter {}; the parameters are {known}",
                shown(&name)
            );
            return Err(bad_request("parameter", &detail));
        }
        if parsed.insert(name.clone(), value).is_some() {
            return Err(bad_request(
                "parameter",
                &format!("the parameter {name} is given twice"),
            ));
        }
    }
    Ok(parsed)
}

fn form_urlencoded(query: &str) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
}

/// A phone number in a path or a query, where a plus sign that nobody escaped arrives as a blank.
pub(crate) fn parse_phone(name: &'static str, text: &str) -> Result<String, Problem> {
    let phone = text
        .strip_prefix(' ')
        .map_or_else(|| text.to_owned(), |digits| format!("+{digits}"));
    check_phone(name, &phone)?;
    Ok(phone)
}

pub(crate) fn check_phone(name: &'static str, phone: &str) -> Result<(), Problem> {
    if is_phone(phone) {
        return Ok(());
    }
    Err(bad_request(
        name,
        &format!(
            "{name} is {}, and must be a phone number: {PHONE_RULE}",
            shown(phone)
        ),
    ))
}

/// ITU-T E.164 §6.
pub(crate) fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

pub(crate) const HEADER_BYTES_MAX: usize = 16 << 10;
pub(crate) const PHONE_RULE: &str = "a plus sign, then 2 to 15 digits, the first not 0";

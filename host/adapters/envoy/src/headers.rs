//! Headers as Envoy's protocols write them, to and from those of `http`.

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use http::{HeaderName, Response, StatusCode, request};

/// The head of a request, which begins with the names that HTTP/2 has for its first line. What is no head of a request never
/// came from an Envoy.
pub(crate) fn head(
    headers: impl IntoIterator<Item = (String, Vec<u8>)>,
) -> Result<request::Parts, &'static str> {
    let mut builder = http::Request::builder();
    for (name, value) in headers {
        builder = match name.as_str() {
            ":method" => builder.method(value.as_slice()),
            ":path" => builder.uri(value.as_slice()),
            name if name.starts_with(':') => builder,
            // Bytes that are no header's cannot be what a plugin looks for.
            name => match (
                HeaderName::try_from(name),
                http::HeaderValue::from_bytes(&value),
            ) {
                (Ok(name), Ok(value)) => builder.header(name, value),
                _ => builder,
            },
        };
    }
    let (head, ()) = builder
        .body(())
        .map_err(|_| "the request has no method or no path")?
        .into_parts();
    Ok(head)
}

/// One header of Envoy's, which has its value in one of two places.
pub(crate) fn pair(header: HeaderValue) -> (String, Vec<u8>) {
    let HeaderValue {
        key,
        value,
        raw_value,
    } = header;
    (
        key,
        if raw_value.is_empty() {
            value.into_bytes()
        } else {
            raw_value
        },
    )
}

/// In the place of whatever was there. `ext_proc` takes the value as bytes.
pub(crate) fn set(name: &str, value: &[u8]) -> HeaderValueOption {
    overwrite(HeaderValue {
        key: name.to_owned(),
        raw_value: value.to_owned(),
        ..HeaderValue::default()
    })
}

/// The same; `ext_authz` takes it as text, and for bytes it would set an empty one.
pub(crate) fn set_text(name: &str, value: &[u8]) -> HeaderValueOption {
    let value = String::from_utf8_lossy(value).into_owned();
    overwrite(HeaderValue {
        key: name.to_owned(),
        value,
        ..HeaderValue::default()
    })
}

fn overwrite(header: HeaderValue) -> HeaderValueOption {
    let append_action = HeaderAppendAction::OverwriteIfExistsOrAdd.into();
    HeaderValueOption {
        header: Some(header),
        append_action,
        ..HeaderValueOption::default()
    }
}

/// Those of an answer, each by one of the two above.
pub(crate) fn of_response(
    response: &Response<Bytes>,
    set: fn(&str, &[u8]) -> HeaderValueOption,
) -> Vec<HeaderValueOption> {
    response
        .headers()
        .iter()
        .map(|(name, value)| set(name.as_str(), value.as_bytes()))
        .collect()
}

/// A status, whose enum has the numbers of HTTP.
pub(crate) fn status(status: StatusCode) -> HttpStatus {
    HttpStatus {
        code: status.as_u16().into(),
    }
}

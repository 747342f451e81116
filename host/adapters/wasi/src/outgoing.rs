//! One request, one whole answer. Follows no redirect and adds nothing to a request but its length.

use crate::body;
use crate::wasi::http::outgoing_handler::handle;
use crate::wasi::http::types::{
    ErrorCode, Fields, IncomingResponse, Method, OutgoingRequest, RequestOptions, Scheme,
};
use std::fmt;

/// What to ask for.
#[derive(Debug)]
pub struct Request<'a> {
    /// `GET`
    pub method: &'a str,
    /// Absolute: `https://host/path?query`, with nothing after a `#`.
    pub url: &'a str,
    /// Names and values; not `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: &'a [u8],
    /// For each of connecting, the first byte of the answer, and every further piece of it.
    pub timeout_milliseconds: u32,
}

/// What was answered.
#[derive(Debug)]
pub struct Response {
    /// As a number.
    pub status: u16,
    /// Names in the host's spelling, and values that are text.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

/// Why there is no whole answer.
#[derive(Debug)]
pub enum Failure {
    /// The host does not let this component go there.
    Denied(String),
    /// Nothing was sent.
    NotSent(String),
    /// Something may have been sent.
    NoAnswer(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Denied(reason) | Self::NotSent(reason) | Self::NoAnswer(reason)) = self;
        formatter.write_str(reason)
    }
}

/// Sends it and waits.
pub fn fetch(request: &Request<'_>, bytes_max: usize) -> Result<Response, Failure> {
    let prepared = prepare(request)?;
    let body = prepared.body().map_err(|()| malformed("body"))?;
    let options = options(request.timeout_milliseconds);
    let coming = handle(prepared, Some(options)).map_err(|code| of_code(&code))?;
    // Whoever answers before it has read everything is listened to all the same.
    body::write(body, request.body);
    coming.subscribe().block();
    let answer = coming
        .get()
        .ok_or_else(|| Failure::NoAnswer("the host has no answer".to_owned()))?;
    let answer =
        answer.map_err(|()| Failure::NoAnswer("the answer was taken before".to_owned()))?;
    whole(&answer.map_err(|code| of_code(&code))?, bytes_max)
}

fn prepare(request: &Request<'_>) -> Result<OutgoingRequest, Failure> {
    let (scheme, rest) = request
        .url
        .split_once("://")
        .ok_or_else(|| malformed("address"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.to_owned()),
    };
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let prepared = OutgoingRequest::new(fields(request)?);
    prepared
        .set_method(&method(request.method))
        .map_err(|()| malformed("method"))?;
    prepared
        .set_scheme(Some(&scheme))
        .map_err(|()| malformed("scheme"))?;
    prepared
        .set_authority(Some(authority))
        .map_err(|()| malformed("host"))?;
    prepared
        .set_path_with_query(Some(&path))
        .map_err(|()| malformed("path"))?;
    Ok(prepared)
}

fn fields(request: &Request<'_>) -> Result<Fields, Failure> {
    let given = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into_bytes()));
    // Without it the host would send the body in chunks, and nothing as a body in chunks.
    let length = (
        "content-length".to_owned(),
        request.body.len().to_string().into_bytes(),
    );
    let fields: Vec<_> = given
        .chain((request.method != "GET").then_some(length))
        .collect();
    Fields::from_list(&fields).map_err(|_| malformed("headers"))
}

fn malformed(what: &str) -> Failure {
    Failure::Denied(format!("the host does not take the request's {what}"))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// A host that cannot keep one of these times has its own.
fn options(milliseconds: u32) -> RequestOptions {
    let duration = Some(u64::from(milliseconds) * NANOSECONDS_PER_MILLISECOND);
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(duration);
    let _ = options.set_first_byte_timeout(duration);
    let _ = options.set_between_bytes_timeout(duration);
    options
}

fn whole(answer: &IncomingResponse, bytes_max: usize) -> Result<Response, Failure> {
    let headers = answer.headers().entries().into_iter();
    let headers = headers
        .filter_map(|(name, value)| Some((name, String::from_utf8(value).ok()?)))
        .collect();
    let incomplete = |problem| Failure::NoAnswer(format!("the answer is not whole: {problem:?}"));
    let stream = answer
        .consume()
        .map_err(|()| Failure::NoAnswer("the answer has no body".to_owned()))?;
    let body = body::read(&stream, bytes_max).map_err(incomplete)?;
    Ok(Response {
        status: answer.status(),
        headers,
        body,
    })
}

/// What cannot have reached anybody is said to; of everything else nobody knows.
fn of_code(code: &ErrorCode) -> Failure {
    let reason = format!("{code:?}");
    match code {
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited => {
            Failure::Denied(reason)
        }
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::TlsCertificateError
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong => Failure::NotSent(reason),
        _ => Failure::NoAnswer(reason),
    }
}

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

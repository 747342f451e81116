//! Bodies of requests, bounded in size and time, however they come. Whoever stops sending is not waited for: a connection is
//! worth more than a request that may never end.

use crate::problem::{Problem, bad_request};
use crate::request::{header_once, shown};
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use rbm_host::http_client::transfer_time;
use rbm_json::strict;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// The whole body, unless it is longer than a megabyte, too slow or in an encoding.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    read_long_body(headers, body, BODY_BYTES_MAX).await
}

/// The same for one that may be longer, and has a second more for each megabyte that it says it has.
pub(crate) async fn read_long_body(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if let Some(encoding) = encodings
        .into_iter()
        .find(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        let encoding = shown(&String::from_utf8_lossy(encoding.as_bytes()));
        let detail = format!("content-encoding is {encoding}, and a body is taken as it is only");
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-encoding",
            &detail,
        ));
    }
    let declared = content_length(headers);
    let expected = declared.unwrap_or(bytes_max).min(bytes_max);
    let time_max = BODY_TIME_MAX + transfer_time(expected);
    let slow = |_| too_slow(&format!("the body took more than {} s", time_max.as_secs()));
    timeout(time_max, collect(body, declared, bytes_max))
        .await
        .map_err(slow)?
}

/// How long the body says that it is.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn collect(
    mut body: Body,
    declared: Option<usize>,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let mut collected = Vec::new();
    while let Some(data) = next(&mut body).await? {
        if collected.len() + data.len() > bytes_max {
            pass_over(&mut body).await;
            let bytes = declared.map_or_else(
                || format!("more than {bytes_max}"),
                |bytes| bytes.to_string(),
            );
            let detail = format!("the body has {bytes} bytes, the limit is {bytes_max}");
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-length",
                &detail,
            ));
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.into())
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let idle = |_| {
            too_slow(&format!(
                "nothing more of the body came for {} s",
                IDLE_TIME_MAX.as_secs()
            ))
        };
        let Some(frame) = timeout(IDLE_TIME_MAX, body.frame()).await.map_err(idle)? else {
            return Ok(None);
        };
        let frame = frame.map_err(|_| bad_request("body-broken", "the body broke off"))?;
        // Trailers say nothing here.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

/// Whoever is still sending does not hear an answer, so some of what is too long is read to its end.
async fn pass_over(body: &mut Body) {
    let mut passed = 0;
    while let Ok(Some(data)) = next(body).await {
        passed += data.len();
        if passed > PASSED_OVER_BYTES_MAX {
            return;
        }
    }
}

fn too_slow(detail: &str) -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body-slow", detail)
}

/// Only what says that it is JSON: a page in a browser cannot say so to a gateway on the same machine without asking.
pub(crate) async fn read_json(headers: &HeaderMap, body: Body) -> Result<Value, Problem> {
    parse_json(headers, &read_body(headers, body).await?)
}

pub(crate) fn parse_json(headers: &HeaderMap, body: &[u8]) -> Result<Value, Problem> {
    let kind = content_type(headers)?;
    if !is_json(kind.as_deref()) {
        let given = kind.map_or_else(|| "missing".to_owned(), |kind| shown(&kind));
        let detail = format!("content-type is {given}, and must be application/json");
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-type",
            &detail,
        ));
    }
    strict::parse(body)
        .map_err(|problem| bad_request("not-json", &format!("the body is not JSON: {problem}")))
}

/// What the body says that it is.
pub(crate) fn content_type(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    header_once(headers, header::CONTENT_TYPE.as_str())
}

pub(crate) fn is_json(content_type: Option<&str>) -> bool {
    let essence = content_type
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim();
    essence.eq_ignore_ascii_case("application/json")
}

const BODY_BYTES_MAX: usize = 1 << 20;
const PASSED_OVER_BYTES_MAX: usize = 16 << 20;
const BODY_TIME_MAX: Duration = Duration::from_secs(10);
/// Between two pieces of a body.
const IDLE_TIME_MAX: Duration = Duration::from_secs(10);

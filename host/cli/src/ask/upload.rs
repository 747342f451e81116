//! `rbm upload`: gives the platform a file, in bytes or by its address. Nothing is read that could not be sent.

use super::Via;
use crate::excerpt::{self, excerpt};
use crate::exit::Failure;
use crate::gateway::{ANSWER_TIME_MAX, Gateway};
use anyhow::Context as _;
use rbm_wire::file::BYTES_MAX;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

pub(super) async fn upload(
    file: &str,
    mime_type: Option<HeaderValue>,
    thumbnail_url: Option<String>,
    via: &Via,
) -> Result<Value, Failure> {
    if let Some(url) = address(file)? {
        let mut fields = vec![("url", json!(url))];
        fields.extend(thumbnail_url.map(|url| ("thumbnail_url", json!(url))));
        return via.post("/v1/files", &fields).await;
    }
    if thumbnail_url.is_some() {
        return Err(Failure::usage(
            "--thumbnail-url goes with a file given by its address: upload the thumbnail too",
        ));
    }
    let guess = || HeaderValue::from_str(mime_guess::from_path(file).first_raw()?).ok();
    let mime_type = mime_type.or_else(guess);
    let mime_type = mime_type.ok_or_else(|| {
        Failure::usage(format!(
            "what is {}?\nhelp: say it with --type",
            excerpt::path(file)
        ))
    })?;
    let bytes = bytes(file)?;
    let gateway = Gateway::at(&via.gateway)?;
    let request = gateway.request(Method::POST, &format!("/v1/files{}", via.query()));
    let time_max = ANSWER_TIME_MAX + Duration::from_secs(SECONDS_PER_UPLOAD);
    gateway
        .ask(
            request
                .header("content-type", mime_type)
                .timeout(time_max)
                .body(bytes),
        )
        .await
}

/// What is no file but an address, if it is one of the web. Schemes are in any case. (RFC 3986 §3.1)
fn address(file: &str) -> Result<Option<String>, Failure> {
    let Some((scheme, rest)) = file
        .split_once("://")
        .filter(|(scheme, _)| is_scheme(scheme))
    else {
        return Ok(None);
    };
    match scheme.to_ascii_lowercase().as_str() {
        scheme @ ("http" | "https") => Ok(Some(format!("{scheme}://{rest}"))),
        _ => Err(Failure::usage(format!(
            "{:?} is not taken\nhelp: give a file, or an address that begins with https:// or http://",
            excerpt(file)
        ))),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A device or a pipe has no length that could be looked at first, and perhaps no end.
fn bytes(file: &str) -> Result<Vec<u8>, Failure> {
    let unread = || format!("{} could not be read", excerpt::path(file));
    let metadata = std::fs::metadata(file)
        .with_context(unread)
        .map_err(Failure::Usage)?;
    if !metadata.is_file() {
        return Err(Failure::usage(format!(
            "{} is no regular file",
            excerpt::path(file)
        )));
    }
    check_length(file, metadata.len())?;
    let mut bytes = Vec::new();
    let opened = File::open(file)
        .with_context(unread)
        .map_err(Failure::Usage)?;
    // It may grow meanwhile.
    opened
        .take(BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(unread)
        .map_err(Failure::Usage)?;
    check_length(file, bytes.len() as u64)?;
    Ok(bytes)
}

fn check_length(file: &str, length: u64) -> Result<(), Failure> {
    if length <= BYTES_MAX as u64 {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} has {length} bytes, the limit is {BYTES_MAX}",
        excerpt::path(file)
    )))
}

/// What the gateway itself gives the largest file, twice: once to arrive there, once to leave.
const SECONDS_PER_UPLOAD: u64 = 240;

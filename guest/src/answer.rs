//! Tells what an answer from Google, or the lack of one, means for the gateway. Never retries: it only says whether one may.

use crate::finding;
use crate::http::{FetchFailure, FetchFailureKind, Response};
use gateway_channel::{ChannelFailure, FailureCode, Finding, Severity};
use rbm_wire::json::{self, Fields, HasField, Object};
use rbm_wire::limits;
use rbm_wire::name::NameProblem;
use rbm_wire::problem::{ErrorBody, FieldViolation, Problem};
use rbm_wire::time::unix_seconds;
use std::fmt::Display;
use std::time::UNIX_EPOCH;

/// A failure with nothing known but its code and a sentence.
pub(crate) fn failure(code: FailureCode, message: String) -> ChannelFailure {
    ChannelFailure {
        code,
        message,
        retry_after_seconds: None,
        http_status: None,
        platform_status: None,
        platform_message: None,
        findings: Vec::new(),
    }
}

/// A number that cannot be put into an address.
pub(crate) fn no_phone(problem: &NameProblem) -> ChannelFailure {
    not_sent(vec![finding::broken(
        &limits::PHONE_E164,
        "recipient",
        problem.to_string(),
    )])
}

/// An id that cannot.
pub(crate) fn no_id(problem: &NameProblem) -> ChannelFailure {
    not_sent(vec![finding::broken(
        &limits::MESSAGE_ID,
        "id",
        problem.to_string(),
    )])
}

/// What the caller asks for breaks a rule.
pub(crate) fn not_sent(findings: Vec<Finding>) -> ChannelFailure {
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    let messages: Vec<&str> = errors.map(|finding| finding.message.as_str()).collect();
    let message = format!("not sent: {}", messages.join("; "));
    ChannelFailure {
        findings,
        ..failure(FailureCode::Refused, message)
    }
}

/// What a call is about: it decides what a refusal means.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum About {
    /// A message to send, the one call that the gateway repeats by itself.
    Message,
    /// One person, of whom a 404 says something.
    Person,
    /// Nobody in particular.
    Nobody,
}

/// What a success says. A web page with the status 200 is no success: RBM says nothing but objects.
pub(crate) fn object(
    response: &Response,
    has_field: HasField,
    fields: Fields,
) -> Result<Object<'_>, ChannelFailure> {
    json::parse_strictly(&response.body, has_field, fields)
        .map_err(|problem| unreadable(response, &problem))
}

/// What a success says where nothing in it is of use: that it is RBM's.
pub(crate) fn done(response: &Response) -> Result<(), ChannelFailure> {
    object(response, |_| false, &[]).map(drop)
}

/// A success whose content cannot be had, where the content is what was asked for.
pub(crate) fn unreadable(response: &Response, problem: &dyn Display) -> ChannelFailure {
    let message = format!(
        "the server answered {}, and the answer cannot be read: {problem}",
        response.status
    );
    ChannelFailure {
        http_status: Some(response.status),
        ..failure(FailureCode::Unknown, message)
    }
}

/// A success that does not name the message, and so is no proof: other servers answer 200 too. Where there is no name at all,
/// nor an error, the gateway takes it as proof if a repetition is answered like this, and knows it by the status `OK`.
pub(crate) fn unnamed(response: &Response, name: Option<&str>) -> ChannelFailure {
    let mut failure = unreadable(response, &"it does not name the message");
    if name.is_none() && position(&response.body, b"\"error\"").is_none() {
        failure.platform_status = Some(OK.to_owned());
    }
    failure
}

/// No whole answer came.
pub(crate) fn not_answered(fetch: &FetchFailure) -> ChannelFailure {
    let (code, what) = match fetch.kind {
        FetchFailureKind::Denied => (
            FailureCode::Misconfigured,
            "the host does not let the plugin call RBM there",
        ),
        FetchFailureKind::NotSent => (
            FailureCode::Later,
            "RBM could not be reached, and nothing was sent",
        ),
        // Google: a time-out is not a failure (guides/learn/best-practices).
        FetchFailureKind::NoAnswer => (
            FailureCode::Unknown,
            "RBM did not answer, and may have done it",
        ),
        FetchFailureKind::NoCredentials => (
            FailureCode::Misconfigured,
            "the host got no credentials for RBM",
        ),
        FetchFailureKind::Other => (
            FailureCode::Unknown,
            "the call to RBM failed, and may have been made",
        ),
    };
    failure(code, format!("{what}: {}", fetch.message))
}

/// An answer other than success.
pub(crate) fn refusal(about: About, response: &Response, now: &str) -> ChannelFailure {
    let mut problem = ErrorBody::read(&response.body).error;
    let (code, meaning) = meaning(response.status, &problem);
    let code = code_of(about, response.status, code);
    let who = if problem.is_googles(response.status) {
        "RBM"
    } else {
        "the server"
    };
    if response.status == 409 && is_empty(&response.body) {
        // The gateway takes it as proof that RBM has the message only where it repeated the message.
        ALREADY_EXISTS.clone_into(&mut problem.status);
    }
    let said = &problem.message;
    let colon = if said.is_empty() { "" } else { ": " };
    ChannelFailure {
        code,
        message: format!("{who} answered {}, {meaning}{colon}{said}", response.status),
        retry_after_seconds: response
            .retry_after
            .as_deref()
            .and_then(|text| retry_after(text, now)),
        http_status: Some(response.status),
        findings: violations(&problem),
        platform_status: (!problem.status.is_empty()).then_some(problem.status),
        platform_message: (!problem.message.is_empty()).then_some(problem.message),
    }
}

/// The platform has this id already, so that nothing is sent a second time. Which status says so is not documented; that
/// 409 does is unconfirmed, and other conflicts have it too.
pub(crate) fn is_repeated(failure: &ChannelFailure) -> bool {
    failure.http_status == Some(409) && failure.code == FailureCode::Refused
}

/// What becomes of a message's code where the call is about another thing. Nothing repeats such a call by itself, so what may
/// pass or may not is for a person to look at.
fn code_of(about: About, status: u16, code: FailureCode) -> FailureCode {
    match (about, status, code) {
        (About::Message, _, _) | (_, 421 | 425 | 429, _) => code,
        (_, _, FailureCode::Later)
        | (_, 403, FailureCode::Unreachable)
        | (About::Nobody, _, FailureCode::Unreachable) => FailureCode::Misconfigured,
        _ => code,
    }
}

/// What the documented and the observed statuses mean to a message. (guides/build/messages/send,
/// cloud.google.com/apis/design/errors)
///
/// What a server before RBM said is neither final nor about a person: a proxy or an ingress with a fault of its own would
/// otherwise end every message.
fn meaning(status: u16, problem: &Problem) -> (FailureCode, &'static str) {
    let is_googles = problem.is_googles(status);
    match status {
        300..=399 => (
            FailureCode::Later,
            "a redirect, which is not followed: is the address right?",
        ),
        // 407 is a proxy's own.
        401 | 407 => (FailureCode::Misconfigured, "the credentials are not valid"),
        409 => conflict(problem),
        421 | 425 => (FailureCode::Later, "the call was not made"),
        429 if is_googles && says(problem, b"will not be delivered") => {
            (FailureCode::Refused, "this person gets no more messages")
        }
        429 => (FailureCode::Later, "there were too many calls"),
        // 503 does not prove that nothing was done, nor does 499, which is CANCELLED (googleapis, google/rpc/code.proto).
        0..300 | 408 | 499.. => (
            FailureCode::Unknown,
            "the call failed, and RBM may have done it",
        ),
        _ if !is_googles => (
            FailureCode::Later,
            "not in RBM's words: is the address right?",
        ),
        403 => forbidden(problem),
        404 => not_found(problem),
        // Also for a feature that the device lacks; the message is not delivered.
        _ => (FailureCode::Refused, "the request is not valid"),
    }
}

fn forbidden(problem: &Problem) -> (FailureCode, &'static str) {
    if says(problem, b"error looking up the RBM agent") {
        let meaning = "the agent is unknown to these credentials";
        return (FailureCode::Misconfigured, meaning);
    }
    if is_not_launched(problem) {
        // A tester would be served, so it is about this recipient.
        return (FailureCode::Unreachable, NOT_LAUNCHED);
    }
    (FailureCode::Later, "the agent may not do this")
}

fn not_found(problem: &Problem) -> (FailureCode, &'static str) {
    if is_not_launched(problem) {
        // Where older pages say 403, newer ones say 404 (guides/build/capabilities). It tells nothing of the phone.
        return (FailureCode::Later, NOT_LAUNCHED);
    }
    if find(problem, b"Method not found") == Some(0) {
        let meaning = "RBM has no such method: is the address right?";
        return (FailureCode::Misconfigured, meaning);
    }
    if problem.status != "NOT_FOUND" {
        return (FailureCode::Later, "is the address right?");
    }
    // Not RCS, switched off, not reachable, or a carrier where the agent is not launched: the text does not say which.
    let meaning = "this person cannot be reached by RBM";
    (FailureCode::Unreachable, meaning)
}

fn conflict(problem: &Problem) -> (FailureCode, &'static str) {
    if problem.status == ALREADY_EXISTS {
        return (FailureCode::Refused, "there is one with this id already");
    }
    // ABORTED, or any other conflict: the call may be made again (googleapis, google/rpc/code.proto).
    (FailureCode::Unknown, "a conflict, and RBM may have done it")
}

/// By the words, since no status says so.
fn is_not_launched(problem: &Problem) -> bool {
    says(problem, b"not launched")
}

fn says(problem: &Problem, words: &[u8]) -> bool {
    find(problem, words).is_some()
}

/// In any case. Looked for byte by byte: the search of `str` is 2 KB of the component.
fn find(problem: &Problem, words: &[u8]) -> Option<usize> {
    position(problem.message.as_bytes(), words)
}

fn position(text: &[u8], words: &[u8]) -> Option<usize> {
    text.windows(words.len())
        .position(|window| window.eq_ignore_ascii_case(words))
}

/// Nothing, or an object with nothing in it.
fn is_empty(body: &[u8]) -> bool {
    let said = || body.iter().filter(|byte| !byte.is_ascii_whitespace());
    said().next().is_none() || said().eq(b"{}")
}

fn violations(problem: &Problem) -> Vec<Finding> {
    let mut findings = Vec::new();
    for detail in &problem.details {
        for field in &detail.field_violations {
            if findings.len() < FINDINGS_MAX {
                findings.push(violation(field));
            }
        }
    }
    findings
}

/// The path is the contract's where that is certain. What it does not say of Google's field, the message says.
fn violation(violation: &FieldViolation) -> Finding {
    let (path, rest) = contract_path(&violation.field).unwrap_or(("", &violation.field));
    let description = &violation.description;
    let message = if rest.is_empty() {
        description.clone()
    } else {
        format!("{rest}: {description}")
    };
    Finding {
        severity: Severity::Error,
        path: path.to_owned(),
        rule: "platform".to_owned(),
        limit: None,
        actual: None,
        message,
        hint: None,
        // No page says it: the platform does.
        source: None,
    }
}

/// The contract's path for a field of Google's, and what is left of the field below it.
fn contract_path(field: &str) -> Option<(&str, &str)> {
    if matches!(field, "ttl" | "expire_time" | "expireTime") {
        return Some(("expiry", ""));
    }
    let content = field
        .strip_prefix("content_message.")
        .or_else(|| field.strip_prefix("contentMessage."))?;
    match content {
        "text" => Some(("content.text", "")),
        "suggestions" => Some((content, "")),
        // Below a suggestion the two have other names: `reply.postback_data` is `postback`.
        _ if content.starts_with("suggestions[") => {
            let end = content.bytes().position(|byte| byte == b']')?;
            let rest = content.get(end + 2..).unwrap_or_default();
            Some((content.get(..=end)?, rest))
        }
        _ => None,
    }
}

/// Seconds, or a date as HTTP writes it (RFC 9110 §10.2.3). A date that has passed means at once.
fn retry_after(text: &str, now: &str) -> Option<u32> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(seconds);
    }
    let until = httpdate::parse_http_date(text.trim())
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    let seconds = i64::try_from(until.as_secs()).ok()? - unix_seconds(now)?;
    u32::try_from(seconds.max(0)).ok()
}

const NOT_LAUNCHED: &str = "the agent is not launched, and this person is not among its testers";
/// Google's word for 409 where there is a thing of this id.
const ALREADY_EXISTS: &str = "ALREADY_EXISTS";
/// Google's word for 200 (googleapis, google/rpc/code.proto).
const OK: &str = "OK";
/// Of wrong fields: as many as a person reads.
const FINDINGS_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (text, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Tue, 24 Nov 2026 10:00:30 GMT", Some(30)),
            ("Tue, 24 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(retry_after(text, NOW), seconds, "{text}");
        }
    }

    const NOW: &str = "2026-11-24T10:00:00Z";
}

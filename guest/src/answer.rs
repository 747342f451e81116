//! Tells what an answer from Google, or the lack of one, means for the gateway. Never retries: it only says whether one may.

use crate::finding;
use crate::http::{FetchFailure, FetchFailureKind, Response};
use gateway_channel::{ChannelFailure, FailureCode, Finding, Severity};
use rbm_wire::name::NameProblem;
use rbm_wire::problem::{ErrorBody, Problem};
use rbm_wire::time::unix_seconds;
use rbm_wire::{json, limits};
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

/// A success whose content cannot be had, where the content is what was asked for.
pub(crate) fn unreadable(response: &Response, problem: &dyn Display) -> ChannelFailure {
    let message = format!(
        "RBM answered {}, and the answer cannot be read: {problem}",
        response.status
    );
    ChannelFailure {
        http_status: Some(response.status),
        ..failure(FailureCode::Unknown, message)
    }
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
pub(crate) fn refusal(response: &Response, now: &str) -> ChannelFailure {
    let problem = json::parse(&response.body, ErrorBody::has_field)
        .map(ErrorBody::read)
        .unwrap_or_default()
        .error;
    let (code, meaning) = meaning(response, &problem);
    let said = if problem.message.is_empty() {
        String::new()
    } else {
        format!(": {}", problem.message)
    };
    ChannelFailure {
        retry_after_seconds: response
            .retry_after
            .as_deref()
            .and_then(|text| retry_after(text, now)),
        http_status: Some(response.status),
        findings: violations(&problem),
        platform_status: (!problem.status.is_empty()).then_some(problem.status),
        platform_message: (!problem.message.is_empty()).then_some(problem.message),
        ..failure(
            code,
            format!("RBM answered {}, {meaning}{said}", response.status),
        )
    }
}

/// What a refusal means where nobody in particular was asked about: then a 404 says nothing of a person.
pub(crate) fn about_nobody(failure: ChannelFailure) -> ChannelFailure {
    if failure.code != FailureCode::Unreachable {
        return failure;
    }
    let said = failure.platform_message.as_deref().unwrap_or_default();
    let message = format!("RBM answered 404, there is nothing at this address: {said}");
    ChannelFailure {
        code: FailureCode::Misconfigured,
        message,
        ..failure
    }
}

/// The platform has this id already, so that nothing is sent a second time. Which status says so is not documented; that
/// 409 does is unconfirmed, and an aborted call has it too.
pub(crate) fn is_repeated(failure: &ChannelFailure) -> bool {
    failure.http_status == Some(409) && failure.code == FailureCode::Refused
}

/// What the documented and the observed statuses mean. guides/build/messages/send, cloud.google.com/apis/design/errors
fn meaning(response: &Response, problem: &Problem) -> (FailureCode, &'static str) {
    match response.status {
        // Also for a feature that the device lacks; the message is not delivered.
        400 => (FailureCode::Refused, "the request is not valid"),
        401 => (FailureCode::Misconfigured, "the credentials are not valid"),
        403 => (
            FailureCode::Misconfigured,
            "the agent may not do this: unknown to these credentials, or not launched",
        ),
        // Where older pages say 403, newer ones say 404 (guides/build/capabilities). It tells nothing of the phone.
        404 if is_not_launched(problem) => (
            FailureCode::Misconfigured,
            "the agent is not launched, and this person is not among its testers",
        ),
        // Taking it for a person who cannot be reached would send everybody's messages another way.
        404 if is_page(&response.body) => (
            FailureCode::Misconfigured,
            "a web page, which RBM does not answer with: is the address right?",
        ),
        // Not RCS, switched off, not reachable, or a carrier where the agent is not launched: the text does not say which.
        404 => (
            FailureCode::Unreachable,
            "this person cannot be reached by RBM",
        ),
        409 if problem.status == ABORTED => (FailureCode::Unknown, "the call was aborted"),
        409 => (FailureCode::Refused, "there is one with this id already"),
        // 499 is CANCELLED, which says nothing of what became of the message (googleapis, google/rpc/code.proto).
        408 | 499 => (
            FailureCode::Unknown,
            "the call was cut short, and RBM may have done it",
        ),
        429 => (FailureCode::Later, "there were too many calls"),
        503 => (FailureCode::Later, "RBM is not available"),
        300..=399 => (
            FailureCode::Misconfigured,
            "a redirect, which is not followed: is the address right?",
        ),
        status if (400..500).contains(&status) => {
            (FailureCode::Refused, "the call is not accepted")
        }
        // 500, 502, 504: retry with the same id.
        _ => (FailureCode::Unknown, "RBM failed, and may have done it"),
    }
}

/// By the words, since no status says so. Looked for byte by byte: the search of `str` is 2 KB of the component.
fn is_not_launched(problem: &Problem) -> bool {
    problem
        .message
        .as_bytes()
        .windows(NOT_LAUNCHED.len())
        .any(|words| words == NOT_LAUNCHED)
}

/// HTML, from whatever answered instead of RBM.
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

fn violations(problem: &Problem) -> Vec<Finding> {
    let violations = problem
        .details
        .iter()
        .flat_map(|detail| &detail.field_violations);
    violations
        // No page says it: the platform does.
        .map(|violation| Finding {
            source: None,
            ..finding::error(
                violation.field.clone(),
                "platform",
                violation.description.clone(),
                "",
            )
        })
        .collect()
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

/// Of the sentence that vendors' documentation shows for an agent that is not launched and a person who is no tester of it.
const NOT_LAUNCHED: &[u8] = b"has not launched";
/// The status beside `ALREADY_EXISTS` that is 409 too: the call may be made again (googleapis, google/rpc/code.proto).
const ABORTED: &str = "ABORTED";

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

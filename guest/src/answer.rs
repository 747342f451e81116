//! Tells what an answer from Google, or the lack of one, means for the gateway. Never retries: it only says whether one may.

use crate::finding;
use crate::http::{FetchFailure, FetchFailureKind, Response};
use gateway_channel::{ChannelFailure, FailureCode, Finding, Severity};
use rbm_wire::json;
use rbm_wire::name::NameProblem;
use rbm_wire::problem::{ErrorBody, Problem};
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

/// A name that cannot be put into an address.
pub(crate) fn refused(problem: &NameProblem) -> ChannelFailure {
    failure(FailureCode::Refused, format!("not sent: {problem}"))
}

/// What the caller asks for breaks a rule.
pub(crate) fn not_sent(findings: Vec<Finding>) -> ChannelFailure {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let messages: Vec<&str> = errors.map(|finding| finding.message.as_str()).collect();
    let message = format!("not sent: {}", messages.join("; "));
    ChannelFailure { findings, ..failure(FailureCode::Refused, message) }
}

/// A success whose content cannot be had, where the content is what was asked for.
pub(crate) fn unreadable(response: &Response, problem: &dyn Display) -> ChannelFailure {
    let message = format!("RBM answered {}, and the answer cannot be read: {problem}", response.status);
    ChannelFailure { http_status: Some(response.status), ..failure(FailureCode::Unknown, message) }
}

/// No whole answer came.
pub(crate) fn not_answered(fetch: &FetchFailure) -> ChannelFailure {
    let (code, what) = match fetch.kind {
        FetchFailureKind::Denied => (FailureCode::Misconfigured, "the host does not let the plugin call RBM there"),
        FetchFailureKind::NotSent => (FailureCode::Later, "RBM could not be reached, and nothing was sent"),
        // Google: a time-out is not a failure (guides/learn/best-practices).
        FetchFailureKind::NoAnswer => (FailureCode::Unknown, "RBM did not answer, and may have taken the message"),
        FetchFailureKind::NoCredentials => (FailureCode::Misconfigured, "the host got no credentials for RBM"),
        FetchFailureKind::Other => (FailureCode::Unknown, "the call to RBM failed, and may have been made"),
    };
    failure(code, format!("{what}: {}", fetch.message))
}

/// An answer other than success.
pub(crate) fn refusal(response: &Response, now: &str) -> ChannelFailure {
    let problem = json::parse(&response.body).map(ErrorBody::read).unwrap_or_default().error;
    let (code, meaning) = meaning(response.status);
    let said = if problem.message.is_empty() { String::new() } else { format!(": {}", problem.message) };
    ChannelFailure {
        retry_after_seconds: response.retry_after.as_deref().and_then(|text| retry_after(text, now)),
        http_status: Some(response.status),
        findings: violations(&problem),
        platform_status: (!problem.status.is_empty()).then_some(problem.status),
        platform_message: (!problem.message.is_empty()).then_some(problem.message),
        ..failure(code, format!("RBM answered {}, {meaning}{said}", response.status))
    }
}

/// What the documented and the observed statuses mean. guides/build/messages/send, cloud.google.com/apis/design/errors
fn meaning(status: u16) -> (FailureCode, &'static str) {
    match status {
        // Also for a feature that the device lacks; the message is not delivered.
        400 => (FailureCode::Refused, "the message is not valid"),
        401 => (FailureCode::Misconfigured, "the credentials are not valid"),
        403 => (FailureCode::Misconfigured, "the agent may not do this: unknown to these credentials, or not launched"),
        // Not RCS, switched off, not reachable, or a carrier where the agent is not launched: only the text hints which.
        404 => (FailureCode::Unreachable, "this person cannot be reached by RBM"),
        // Not documented; that a repeated id may be answered so is unconfirmed.
        409 => (FailureCode::Refused, "there is one with this id already"),
        408 => (FailureCode::Unknown, "the call took too long"),
        429 => (FailureCode::Later, "there were too many calls"),
        503 => (FailureCode::Later, "RBM is not available"),
        300..=399 => (FailureCode::Misconfigured, "a redirect, which is not followed: is the address right?"),
        _ if (400..500).contains(&status) => (FailureCode::Refused, "the call is not accepted"),
        // 500, 502, 504: retry with the same id.
        _ => (FailureCode::Unknown, "RBM failed, and may have taken the message"),
    }
}

fn violations(problem: &Problem) -> Vec<Finding> {
    let violations = problem.details.iter().flat_map(|detail| &detail.field_violations);
    violations
        .map(|violation| finding::error(violation.field.clone(), "platform", violation.description.clone(), ""))
        .collect()
}

/// Seconds, or a date as HTTP writes it (RFC 9110 §10.2.3). A date that has passed means at once.
fn retry_after(text: &str, now: &str) -> Option<u32> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(seconds);
    }
    let until = httpdate::parse_http_date(text.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(until.as_secs()).ok()? - unix_seconds(now)?;
    u32::try_from(seconds.max(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_says_what_to_do_next() {
        for (status, code) in [
            (400, FailureCode::Refused),
            (401, FailureCode::Misconfigured),
            (403, FailureCode::Misconfigured),
            (404, FailureCode::Unreachable),
            (408, FailureCode::Unknown),
            (413, FailureCode::Refused),
            (429, FailureCode::Later),
            (500, FailureCode::Unknown),
            (502, FailureCode::Unknown),
            (503, FailureCode::Later),
            (504, FailureCode::Unknown),
            (302, FailureCode::Misconfigured),
            (999, FailureCode::Unknown),
        ] {
            let failure = refusal(&Response { status, ..Response::default() }, NOW);
            assert_eq!((failure.code, failure.http_status), (code, Some(status)), "{status}");
        }
    }

    #[test]
    fn the_platforms_own_words_are_kept() {
        let body = br#"{"error":{"code":400,"message":"Bad.","status":"INVALID_ARGUMENT","details":[
            {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"a.b","description":"too long"}]},
            {"@type":"type.googleapis.com/something.else","x":[1]}]}}"#;
        let failure = refusal(&Response { status: 400, body: body.to_vec(), retry_after: None }, NOW);
        assert_eq!(failure.platform_status.as_deref(), Some("INVALID_ARGUMENT"));
        assert_eq!(failure.platform_message.as_deref(), Some("Bad."));
        assert_eq!(failure.message, "RBM answered 400, the message is not valid: Bad.");
        assert_eq!((failure.findings[0].path.as_str(), failure.findings[0].message.as_str()), ("a.b", "too long"));
    }

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

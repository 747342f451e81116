//! Every answer that RBM's pages name, and what else an HTTP server may answer, with what the gateway is told to do next.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use gateway_channel::{
    CapabilityAnswer, ChannelFailure, Content, Context, FailureCode, Message, NewFile,
    NewFileSource, ReachAnswer, Receipt, Revocation, Setting, Severity, SignalKind, UploadedFile,
};
use rbm_guest::http::{FetchFailure, FetchFailureKind, Host, Request, Response};
use rbm_guest::testers::{Invitation, invite};
use rbm_guest::{
    capabilities::capabilities, reach::reach, revoke::revoke, send::send, signal::signal,
    upload::upload,
};
use std::collections::BTreeSet;

#[test]
fn every_answer_says_what_to_do_next_and_keeps_the_platforms_words() {
    for row in rows() {
        let told = call(row.call, &Platform(Ok(row.answer.clone())));
        let Some(expected) = row.failure() else {
            assert_eq!(told, Ok(row.success()), "{}", row.name);
            continue;
        };
        let failure = told.unwrap_err();
        assert_eq!(Kept::of(&failure), expected, "{}", row.name);
        assert_eq!(failure.http_status, Some(row.answer.status), "{}", row.name);
        // The sentence is for a person, who needs the platform's own words in it.
        assert!(
            failure
                .message
                .starts_with(&format!("RBM answered {}, ", row.answer.status)),
            "{}",
            failure.message
        );
        assert!(
            failure.message.ends_with(&expected.message),
            "{}: {}",
            row.name,
            failure.message
        );
    }
}

#[test]
fn every_row_names_its_source_and_every_documented_status_has_a_row() {
    let rows = rows();
    let sources: BTreeSet<&str> = rows.iter().map(|row| row.source).collect();
    assert_eq!(
        sources,
        SOURCES.into(),
        "the sources of the rows, and the pages that there are"
    );
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), rows.len(), "no name twice");
    let answered: BTreeSet<u16> = rows.iter().map(|row| row.answer.status).collect();
    assert_eq!(
        STATUSES
            .iter()
            .filter(|status| !answered.contains(status))
            .count(),
        0,
        "{answered:?}"
    );
}

/// But for 404 and 409, which are answers to what was asked, and for a success that says nothing.
#[test]
fn a_refusal_means_the_same_whatever_was_called() {
    let elsewhere = |row: &Row| matches!(row.answer.status, 200 | 404 | 409);
    for row in rows().into_iter().filter(|row| !elsewhere(row)) {
        let Some(expected) = row.failure() else {
            continue;
        };
        for other in CALLS {
            let failure = call(other, &Platform(Ok(row.answer.clone()))).unwrap_err();
            assert_eq!(Kept::of(&failure), expected, "{}, {other:?}", row.name);
        }
    }
}

/// guides/learn/best-practices: a time-out is not a failure, and the same id is to be tried again.
#[test]
fn a_call_without_an_answer_says_what_to_do_next() {
    for (kind, code) in [
        (FetchFailureKind::Denied, FailureCode::Misconfigured),
        (FetchFailureKind::NotSent, FailureCode::Later),
        (FetchFailureKind::NoAnswer, FailureCode::Unknown),
        (FetchFailureKind::NoCredentials, FailureCode::Misconfigured),
        (FetchFailureKind::Other, FailureCode::Unknown),
    ] {
        for called in CALLS {
            let failure = call(
                called,
                &Platform(Err(FetchFailure {
                    kind,
                    message: "why".into(),
                })),
            )
            .unwrap_err();
            assert_eq!(Kept::of(&failure), failed(code), "{kind:?}, {called:?}");
            assert_eq!(failure.http_status, None, "{kind:?}, {called:?}");
            assert!(failure.message.ends_with(": why"), "{}", failure.message);
        }
    }
}

/// One row a line.
#[rustfmt::skip]
fn rows() -> Vec<Row> {
    use Call::{Capabilities, Invite, Reach, Read, Revoke, Send, Typing, Upload};
    use FailureCode::{Later, Misconfigured, Refused, Unknown, Unreachable};
    vec![
        // What was asked for was done.
        row("a message is taken", Send, answer(200, ACCEPTED), Ok(sent()), "reference/rest/v1/phones.agentMessages/create"),
        row("a size that is not in quotes", Send, answer(200, r#"{"totalPayloadSizeBytes":123}"#), Ok(sized()), UNCONFIRMED),
        row("a US number is told what it costs", Send, answer(200, ACCEPTED_US), Ok(sent_us()), "carriers/billing/us-billing-model"),
        row("a repeated id is answered with the first message", Send, answer(200, ACCEPTED), Ok(sent()), "reference/rest/v1/phones.agentMessages/create"),
        row("a message is taken without a word", Send, answer(200, ""), Ok(Success::Sent(bare())), UNCONFIRMED),
        row("a message is taken with words that are no JSON", Send, answer(200, "<html>"), Ok(Success::Sent(bare())), UNCONFIRMED),
        row("a message is taken with fields of other kinds", Send, answer(200, r#"{"sendTime":5,"carrier":{}}"#), Ok(Success::Sent(bare())), UNCONFIRMED),
        row("a message is taken back", Revoke, answer(200, "{}"), Ok(Success::Revoked(Revocation::TakenBack)), "guides/build/messages/revoke"),
        row("a revoke is always 200 on older pages", Revoke, answer(200, ""), Ok(Success::Revoked(Revocation::TakenBack)), "reference/rest/v1/phones.agentMessages/delete"),
        row("typing is shown", Typing, answer(200, r#"{"eventType":"IS_TYPING"}"#), Ok(Success::Shown), "guides/build/events/send-events"),
        row("a read receipt is taken", Read, answer(200, r#"{"eventType":"READ","messageId":"u1"}"#), Ok(Success::Shown), "reference/rest/v1/phones.agentEvents"),
        row("a phone with features", Capabilities, answer(200, r#"{"features":["RICHCARD_STANDALONE","ACTION_NEW"],"carrier":"c"}"#), Ok(capable(&["RICHCARD_STANDALONE", "ACTION_NEW"], Some("c"))), "reference/rest/v1/phones/getCapabilities"),
        row("a phone without features", Capabilities, answer(200, r#"{"features":[]}"#), Ok(capable(&[], None)), "guides/build/capabilities"),
        row("a phone whose empty list is left out", Capabilities, answer(200, "{}"), Ok(capable(&[], None)), "reference/rest/v1/phones/getCapabilities"),
        row("a repeated question is answered without a word", Capabilities, answer(200, ""), Ok(capable(&[], None)), UNCONFIRMED),

        row("some of many people can be reached", Reach, answer(200, REACH), Ok(reached(&[PHONE], 3750, 3000)), "reference/rest/v1/users/batchGet"),
        row("counts in quotes", Reach, answer(200, REACH_IN_QUOTES), Ok(reached(&[], 4, 3)), "guides/build/capabilities"),
        row("nobody can be reached, and zeros are left out", Reach, answer(200, "{}"), Ok(reached(&[], 0, 0)), UNCONFIRMED),
        row("a file is kept", Upload, answer(200, r#"{"name":"files/1"}"#), Ok(kept("files/1")), "reference/rest/v1/files/create"),
        row("a file is kept under a bare id", Upload, answer(200, r#"{"name":"1"}"#), Ok(kept("1")), UNCONFIRMED),
        row("a tester is invited", Invite, answer(200, r#"{"name":"phones/+12223334444/testers","inviteStatus":"PENDING"}"#), Ok(Success::Invited(Invitation::Pending)), "reference/rest/v1/phones.testers/create"),
        row("a tester is invited without a word", Invite, answer(200, "{}"), Ok(Success::Invited(Invitation::Unstated)), UNCONFIRMED),

        // Done, and of no use: what was asked for is in the answer.
        row("reach that cannot be read", Reach, answer(200, PAGE), Err(failed(Unknown)), UNCONFIRMED),
        row("a file whose name cannot be read", Upload, answer(200, "{}"), Err(failed(Unknown)), UNCONFIRMED),

        // 409 is on no page: a repeated id may be answered so.
        row("a repeated message id", Send, says(409, "ALREADY_EXISTS", "Exists."), Ok(Success::Sent(bare())), UNCONFIRMED),
        row("a repeated message id, without a word", Send, answer(409, ""), Ok(Success::Sent(bare())), UNCONFIRMED),
        row("a repeated event id", Typing, says(409, "ALREADY_EXISTS", "Exists."), Ok(Success::Shown), UNCONFIRMED),
        row("a repeated id of a read receipt", Read, says(409, "ALREADY_EXISTS", "Exists."), Ok(Success::Shown), UNCONFIRMED),
        row("a question that was asked already", Capabilities, says(409, "ALREADY_EXISTS", "Exists."), Err(failed(Refused).saying("ALREADY_EXISTS", "Exists.")), UNCONFIRMED),
        row("a message whose call was aborted", Send, says(409, "ABORTED", "Aborted."), Err(failed(Unknown).saying("ABORTED", "Aborted.")), "googleapis, google/rpc/code.proto"),
        row("a signal whose call was aborted", Typing, says(409, "ABORTED", "Aborted."), Err(failed(Unknown).saying("ABORTED", "Aborted.")), "googleapis, google/rpc/code.proto"),

        // 404 has several meanings; most of them have no text of their own.
        row("no RCS, or switched off, or a carrier without the agent", Send, says(404, "NOT_FOUND", CANNOT_BE_REACHED), Err(failed(Unreachable).saying("NOT_FOUND", CANNOT_BE_REACHED)), "guides/build/messages/send"),
        row("404 without a word", Send, answer(404, ""), Err(failed(Unreachable)), "reference/rest/v1/phones.agentMessages/create"),
        row("a read receipt for somebody without RCS", Read, says(404, "NOT_FOUND", CANNOT_BE_REACHED), Err(failed(Unreachable).saying("NOT_FOUND", CANNOT_BE_REACHED)), "guides/build/events/send-events"),
        row("somebody without RCS", Capabilities, says(404, "NOT_FOUND", CANNOT_BE_REACHED), Ok(absent()), "guides/build/capabilities"),
        row("somebody without RCS, without a word", Capabilities, answer(404, ""), Ok(absent()), "reference/rest/v1/phones/getCapabilities"),
        row("an agent that is not launched asks about no tester", Capabilities, says(404, "NOT_FOUND", NOT_LAUNCHED), Err(failed(Misconfigured).saying("NOT_FOUND", NOT_LAUNCHED)), "guides/build/capabilities"),
        row("an agent that is not launched writes to no tester", Send, says(404, "NOT_FOUND", NOT_LAUNCHED), Err(failed(Misconfigured).saying("NOT_FOUND", NOT_LAUNCHED)), UNCONFIRMED),
        row("a message that was delivered is revoked", Revoke, says(404, "NOT_FOUND", "Requested entity was not found."), Ok(Success::Revoked(Revocation::TooLate)), "guides/build/messages/revoke"),
        row("a revoke is answered 404 without a word", Revoke, answer(404, ""), Ok(Success::Revoked(Revocation::TooLate)), "reference/rest/v1/phones.agentMessages/delete"),
        row("a message goes to an address that is not RBM's", Send, answer(404, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a revoke goes to an address that is not RBM's", Revoke, answer(404, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a question goes to an address that is not RBM's", Capabilities, answer(404, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),

        row("a question about many goes to an address that is not there", Reach, says(404, "NOT_FOUND", "Nothing."), Err(failed(Misconfigured).saying("NOT_FOUND", "Nothing.")), UNCONFIRMED),
        row("a file goes to an address that is not there", Upload, says(404, "NOT_FOUND", "Nothing."), Err(failed(Misconfigured).saying("NOT_FOUND", "Nothing.")), UNCONFIRMED),
        row("an invitation for somebody without RCS", Invite, says(404, "NOT_FOUND", CANNOT_BE_REACHED), Err(failed(Unreachable).saying("NOT_FOUND", CANNOT_BE_REACHED)), UNCONFIRMED),

        // The request is at fault.
        row("people of several regions", Reach, says(400, "INVALID_ARGUMENT", "Regions."), Err(failed(Refused).saying("INVALID_ARGUMENT", "Regions.")), "reference/rest/v1/users/batchGet"),
        row("fields that are wrong", Send, answer(400, VIOLATIONS), Err(failed(Refused).saying("INVALID_ARGUMENT", "Bad.").about("content_message.text", "too long").about("ttl", "")), "guides/build/messages/send"),
        row("a feature that the phone lacks", Send, says(400, "INVALID_ARGUMENT", "Unsupported."), Err(failed(Refused).saying("INVALID_ARGUMENT", "Unsupported.")), "guides/build/messages/send"),
        row("an agent for several uses and no purpose", Send, says(400, "INVALID_ARGUMENT", "Traffic type."), Err(failed(Refused).saying("INVALID_ARGUMENT", "Traffic type.")), UNCONFIRMED),
        row("the older format, with its list of errors", Send, answer(400, OLDER_FORMAT), Err(failed(Refused).saying("INVALID_ARGUMENT", "Bad.")), UNCONFIRMED),
        row("a status that no page has", Send, answer(413, ""), Err(failed(Refused)), UNCONFIRMED),

        // A person must act.
        row("a token that is missing or has run out", Send, says(401, "UNAUTHENTICATED", "No token."), Err(failed(Misconfigured).saying("UNAUTHENTICATED", "No token.")), UNCONFIRMED),
        row("an agent that the credentials do not know", Send, says(403, "PERMISSION_DENIED", AGENT_LOOKUP), Err(failed(Misconfigured).saying("PERMISSION_DENIED", AGENT_LOOKUP)), "https://github.com/rcs-business-messaging/rbm-api-examples/issues/24"),
        row("an agent that is not launched, on older pages", Capabilities, says(403, "PERMISSION_DENIED", NOT_LAUNCHED), Err(failed(Misconfigured).saying("PERMISSION_DENIED", NOT_LAUNCHED)), "guides/build/capabilities"),
        row("a redirect", Send, answer(302, ""), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a redirect that would keep the method", Send, answer(308, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),

        // Later.
        row("too many calls, by seconds", Send, after(says(429, "RESOURCE_EXHAUSTED", "Quota."), "7"), Err(failed(Later).saying("RESOURCE_EXHAUSTED", "Quota.").after(7)), UNCONFIRMED),
        row("too many calls, by a date", Send, after(answer(429, ""), "Tue, 24 Nov 2026 10:00:30 GMT"), Err(failed(Later).after(30)), UNCONFIRMED),
        row("too many calls, by a date that has passed", Send, after(answer(429, ""), "Tue, 24 Nov 2026 09:00:00 GMT"), Err(failed(Later).after(0)), UNCONFIRMED),
        row("too many calls, without a time", Send, answer(429, PAGE), Err(failed(Later)), UNCONFIRMED),
        row("too many calls, with a time that says nothing", Send, after(answer(429, ""), "soon"), Err(failed(Later)), UNCONFIRMED),
        row("too many questions about reach", Reach, says(429, "RESOURCE_EXHAUSTED", "Quota."), Err(failed(Later).saying("RESOURCE_EXHAUSTED", "Quota.")), "reference/rest/v1/users/batchGet"),
        row("too many testers", Invite, says(429, "RESOURCE_EXHAUSTED", "Testers."), Err(failed(Later).saying("RESOURCE_EXHAUSTED", "Testers.")), "reference/rest/v1/phones.testers/create"),
        row("not available", Send, after(says(503, "UNAVAILABLE", "Down."), "120"), Err(failed(Later).saying("UNAVAILABLE", "Down.").after(120)), "guides/learn/best-practices"),

        // Who knows: the same id again.
        row("an internal error", Send, says(500, "INTERNAL", "Oops."), Err(failed(Unknown).saying("INTERNAL", "Oops.")), "guides/learn/best-practices"),
        row("a bad gateway, as a web page", Send, answer(502, PAGE), Err(failed(Unknown)), "guides/learn/best-practices"),
        row("a deadline that ran out", Send, says(504, "DEADLINE_EXCEEDED", "Late."), Err(failed(Unknown).saying("DEADLINE_EXCEEDED", "Late.")), "guides/learn/best-practices"),
        row("a request that took too long", Send, answer(408, ""), Err(failed(Unknown)), UNCONFIRMED),
        row("a call that was cancelled", Send, says(499, "CANCELLED", "Cancelled."), Err(failed(Unknown).saying("CANCELLED", "Cancelled.")), "googleapis, google/rpc/code.proto"),
        row("a status that HTTP does not have", Send, answer(999, ""), Err(failed(Unknown)), UNCONFIRMED),

        // Bodies that cannot be read leave the status, which is enough.
        row("a body that is cut off", Send, answer(400, r#"{"error":{"message":"Ba"#), Err(failed(Refused)), UNCONFIRMED),
        row("a body that is a web page", Send, answer(403, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a body with a name twice", Send, answer(400, r#"{"error":{"message":"a","message":"b"}}"#), Err(failed(Refused)), UNCONFIRMED),
        row("a body that is no text", Send, bytes(400, b"\xff\xfe\x00"), Err(failed(Refused)), UNCONFIRMED),
        row("an error that is a word", Send, answer(400, r#"{"error":"invalid_grant"}"#), Err(failed(Refused)), UNCONFIRMED),
        row("a list around the error", Send, answer(400, r#"[{"error":{"message":"Bad."}}]"#), Err(failed(Refused)), UNCONFIRMED),
        row("fields of other kinds", Send, answer(400, r#"{"error":{"code":"400","message":7,"status":null,"details":{}}}"#), Err(failed(Refused)), UNCONFIRMED),
        row("a code that is not the status", Send, answer(429, r#"{"error":{"code":400,"status":"RESOURCE_EXHAUSTED"}}"#), Err(failed(Later).saying("RESOURCE_EXHAUSTED", "")), UNCONFIRMED),
    ]
}

/// Below Google's guides, unless it is an address or a file. Whatever else the pages leave open is [`UNCONFIRMED`].
const SOURCES: [&str; 16] = [
    "guides/build/messages/send",
    "guides/build/messages/revoke",
    "guides/build/events/send-events",
    "guides/build/capabilities",
    "guides/learn/best-practices",
    "carriers/billing/us-billing-model",
    "reference/rest/v1/phones.agentMessages/create",
    "reference/rest/v1/phones.agentMessages/delete",
    "reference/rest/v1/phones.agentEvents",
    "reference/rest/v1/phones/getCapabilities",
    "reference/rest/v1/phones.testers/create",
    "reference/rest/v1/users/batchGet",
    "reference/rest/v1/files/create",
    "https://github.com/rcs-business-messaging/rbm-api-examples/issues/24",
    "googleapis, google/rpc/code.proto",
    UNCONFIRMED,
];
/// Assumed, general, or seen elsewhere only.
const UNCONFIRMED: &str = "unconfirmed";
/// 200, whatever else a page or an observer names, and 409, which nobody does and a repeated id may come to.
const STATUSES: [u16; 10] = [200, 400, 401, 403, 404, 409, 429, 500, 503, 504];

/// Seen in the wild: mobtexting's documentation, and Twilio's of its error 63036.
const CANNOT_BE_REACHED: &str = "The specified phone number cannot be reached by RBM at this time.";
/// Seen in vendors' documentation.
const NOT_LAUNCHED: &str = "This operation is blocked because the RBM agent has not launched and the recipient has not been invited and accepted the invitation to become a tester.";
/// Seen in the issue that the row names.
const AGENT_LOOKUP: &str = "There was an error looking up the RBM agent (ID: null) that corresponds to the Google Cloud Platform (GCP) project you're authenticating with.";
const PAGE: &str = "\n<!DOCTYPE html><html><title>Error</title></html>";
const VIOLATIONS: &str = r#"{"error":{"code":400,"message":"Bad.","status":"INVALID_ARGUMENT","details":[
    {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[
        {"field":"content_message.text","description":"too long"},{"field":"ttl"},7]},
    {"@type":"type.googleapis.com/something.else","x":[1]}]}}"#;
const OLDER_FORMAT: &str = r#"{"error":{"code":400,"message":"Bad.","status":"INVALID_ARGUMENT",
    "errors":[{"domain":"global","message":"Bad.","reason":"badRequest"}]}}"#;
const ACCEPTED: &str = r#"{"name":"phones/+12223334444/agentMessages/m1","sendTime":"2026-11-24T10:15:02.474764Z",
    "contentMessage":{"text":"Hi"},"expireTime":"2026-11-24T10:25:02.474764Z","totalPayloadSizeBytes":"123","new":[{}]}"#;
const REACH: &str = r#"{"reachableUsers":["+12223334444"],"totalRandomSampleUserCount":3750,"reachableRandomSampleUserCount":3000}"#;
const REACH_IN_QUOTES: &str =
    r#"{"totalRandomSampleUserCount":"4","reachableRandomSampleUserCount":"3"}"#;
const ACCEPTED_US: &str = r#"{"richMessageClassification":{"classificationType":"RICH_MESSAGE","segmentCount":2},"carrier":"c"}"#;

struct Row {
    name: &'static str,
    call: Call,
    answer: Response,
    expected: Result<Success, Kept>,
    source: &'static str,
}

impl Row {
    fn failure(&self) -> Option<Kept> {
        self.expected.clone().err()
    }

    fn success(&self) -> Success {
        self.expected.clone().unwrap()
    }
}

fn row(
    name: &'static str,
    call: Call,
    answer: Response,
    expected: Result<Success, Kept>,
    source: &'static str,
) -> Row {
    Row {
        name,
        call,
        answer,
        expected,
        source,
    }
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Send,
    Revoke,
    Typing,
    Read,
    Capabilities,
    Reach,
    Upload,
    Invite,
}

const CALLS: [Call; 8] = [
    Call::Send,
    Call::Revoke,
    Call::Typing,
    Call::Read,
    Call::Capabilities,
    Call::Reach,
    Call::Upload,
    Call::Invite,
];

#[derive(Clone, Debug, PartialEq)]
enum Success {
    Sent(Receipt),
    Revoked(Revocation),
    Shown,
    Capable(CapabilityAnswer),
    Reached(ReachAnswer),
    Kept(UploadedFile),
    Invited(Invitation),
}

fn call(call: Call, host: &Platform) -> Result<Success, ChannelFailure> {
    let context = context();
    let shown = |kind| signal(host, &context, PHONE, "e1", &kind).map(|()| Success::Shown);
    match call {
        Call::Send => send(host, &context, &message()).map(Success::Sent),
        Call::Revoke => revoke(host, &context, PHONE, "m1").map(Success::Revoked),
        Call::Typing => shown(SignalKind::Typing),
        Call::Read => shown(SignalKind::Read("u1".into())),
        Call::Capabilities => capabilities(host, &context, PHONE, "r1").map(Success::Capable),
        Call::Reach => reach(host, &context, &[PHONE.into()]).map(Success::Reached),
        Call::Upload => {
            let source = NewFileSource::Url("https://x.example/a.png".into());
            upload(
                host,
                &context,
                NewFile {
                    source,
                    thumbnail_url: None,
                },
            )
            .map(Success::Kept)
        }
        Call::Invite => invite(host, &context, PHONE).map(Success::Invited),
    }
}

/// What a failure has to keep. Empty is what the platform did not say.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    code: FailureCode,
    status: String,
    message: String,
    violations: Vec<(String, String)>,
    retry_after_seconds: Option<u32>,
}

impl Kept {
    fn of(failure: &ChannelFailure) -> Self {
        let violations = failure.findings.iter().map(|finding| {
            assert_eq!(
                (finding.rule.as_str(), finding.severity),
                ("platform", Severity::Error),
                "{finding:?}"
            );
            (finding.path.clone(), finding.message.clone())
        });
        Self {
            code: failure.code,
            status: failure.platform_status.clone().unwrap_or_default(),
            message: failure.platform_message.clone().unwrap_or_default(),
            violations: violations.collect(),
            retry_after_seconds: failure.retry_after_seconds,
        }
    }

    fn saying(self, status: &str, message: &str) -> Self {
        Self {
            status: status.into(),
            message: message.into(),
            ..self
        }
    }

    fn about(mut self, field: &str, description: &str) -> Self {
        self.violations.push((field.into(), description.into()));
        self
    }

    fn after(self, seconds: u32) -> Self {
        Self {
            retry_after_seconds: Some(seconds),
            ..self
        }
    }
}

fn failed(code: FailureCode) -> Kept {
    Kept {
        code,
        status: String::new(),
        message: String::new(),
        violations: Vec::new(),
        retry_after_seconds: None,
    }
}

fn sent() -> Success {
    Success::Sent(Receipt {
        accepted_at: Some("2026-11-24T10:15:02.474764Z".into()),
        expires_at: Some("2026-11-24T10:25:02.474764Z".into()),
        details: vec![setting("total-payload-size-bytes", "123")],
        ..bare()
    })
}

fn sized() -> Success {
    Success::Sent(Receipt {
        details: vec![setting("total-payload-size-bytes", "123")],
        ..bare()
    })
}

fn sent_us() -> Success {
    let message_class = Some("RICH_MESSAGE".into());
    Success::Sent(Receipt {
        message_class,
        segments: Some(2),
        carrier: Some("c".into()),
        ..bare()
    })
}

/// Taken, and no more is known.
fn bare() -> Receipt {
    Receipt {
        id: "m1".into(),
        accepted_at: None,
        expires_at: None,
        message_class: None,
        segments: None,
        carrier: None,
        details: Vec::new(),
    }
}

fn capable(features: &[&str], carrier: Option<&str>) -> Success {
    Success::Capable(CapabilityAnswer {
        request_id: Some("r1".into()),
        reachable: true,
        features: features
            .iter()
            .map(|feature| (*feature).to_owned())
            .collect(),
        carrier: carrier.map(str::to_owned),
    })
}

fn absent() -> Success {
    let answer = CapabilityAnswer {
        request_id: Some("r1".into()),
        reachable: false,
        features: Vec::new(),
        carrier: None,
    };
    Success::Capable(answer)
}

fn reached(reachable: &[&str], sampled: u32, sampled_reachable: u32) -> Success {
    let reachable = reachable.iter().map(|phone| (*phone).to_owned()).collect();
    Success::Reached(ReachAnswer {
        reachable,
        sampled,
        sampled_reachable,
        by_carrier: Vec::new(),
    })
}

fn kept(name: &str) -> Success {
    let expires_at = Some("2027-01-23T10:00:00Z".into());
    Success::Kept(UploadedFile {
        name: name.into(),
        expires_at,
        details: Vec::new(),
    })
}

fn answer(status: u16, body: &str) -> Response {
    bytes(status, body.as_bytes())
}

fn bytes(status: u16, body: &[u8]) -> Response {
    Response {
        status,
        retry_after: None,
        body: body.to_vec(),
    }
}

/// The body of the "v2" format. cloud.google.com/apis/design/errors
fn says(status: u16, word: &str, message: &str) -> Response {
    let error =
        serde_json::json!({ "error": { "code": status, "message": message, "status": word } });
    answer(status, &error.to_string())
}

fn after(response: Response, retry_after: &str) -> Response {
    Response {
        retry_after: Some(retry_after.into()),
        ..response
    }
}

struct Platform(Result<Response, FetchFailure>);

impl Host for Platform {
    fn fetch(&self, _: Request) -> Result<Response, FetchFailure> {
        self.0.clone()
    }
}

fn context() -> Context {
    Context {
        settings: vec![setting("agent-id", "demo"), setting("region", "us")],
        now: "2026-11-24T10:00:00Z".into(),
    }
}

fn setting(name: &str, value: &str) -> Setting {
    Setting {
        name: name.into(),
        value: value.into(),
    }
}

fn message() -> Message {
    Message {
        id: "m1".into(),
        recipient: PHONE.into(),
        content: Content::Text("Hi".into()),
        suggestions: Vec::new(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    }
}

const PHONE: &str = "+12223334444";

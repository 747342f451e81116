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
                .contains(&format!(" answered {}, ", row.answer.status)),
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

/// But that the gateway repeats only messages by itself: of anything else, a person must know what may not pass by itself.
/// Left out are 404 and 409, which are answers to what was asked, and a success without proof.
#[test]
fn a_refusal_means_the_same_whatever_was_called() {
    use FailureCode::{Later, Misconfigured, Unreachable};
    let is_asked_alike = |row: &Row| {
        matches!(row.call, Call::Send) && !matches!(row.answer.status, 200..=299 | 404 | 409)
    };
    for row in rows().into_iter().filter(is_asked_alike) {
        let expected = row.failure().unwrap();
        let passes_by_itself = matches!(row.answer.status, 421 | 425 | 429);
        let code = match expected.code {
            Later | Unreachable if !passes_by_itself => Misconfigured,
            code => code,
        };
        for other in CALLS {
            let code = match other {
                Call::Send => expected.code,
                _ => code,
            };
            let failure = call(other, &Platform(Ok(row.answer.clone()))).unwrap_err();
            let expected = Kept {
                code,
                ..expected.clone()
            };
            assert_eq!(Kept::of(&failure), expected, "{}, {other:?}", row.name);
        }
    }
}

/// Whatever a server answers, in whatever words, and to four calls that differ.
#[test]
fn every_status_means_what_the_table_says_in_rbms_words_and_in_others() {
    for status in 300..=599 {
        for words in [
            Words::Googles,
            Words::OtherJson,
            Words::Page,
            Words::Text,
            Words::None,
        ] {
            let answer = in_words(status, words);
            for (called, expected) in EVERY_CALL.into_iter().zip(expected(status, words)) {
                let told = call(called, &Platform(Ok(answer.clone())));
                let code = told.as_ref().err().map(|failure| failure.code);
                assert_eq!(code, expected, "{status}, {words:?}, {called:?}");
                let Err(failure) = told else { continue };
                let who = match words {
                    Words::Googles => "RBM",
                    _ => "the server",
                };
                assert!(
                    failure
                        .message
                        .starts_with(&format!("{who} answered {status}, ")),
                    "{}",
                    failure.message
                );
                assert_eq!(failure.http_status, Some(status));
            }
        }
    }
}

/// What each of [`EVERY_CALL`] has to mean; none is no failure. The first row that fits decides.
#[rustfmt::skip]
fn expected(status: u16, words: Words) -> [Option<FailureCode>; 4] {
    const DONE: Option<FailureCode> = None;
    const REFUSED: Option<FailureCode> = Some(FailureCode::Refused);
    const LATER: Option<FailureCode> = Some(FailureCode::Later);
    const UNKNOWN: Option<FailureCode> = Some(FailureCode::Unknown);
    const ABSENT: Option<FailureCode> = Some(FailureCode::Unreachable);
    const PERSON: Option<FailureCode> = Some(FailureCode::Misconfigured);
    const ANY: [bool; 2] = [true, true];
    const GOOGLES: [bool; 2] = [true, false];
    const OTHERS: [bool; 2] = [false, true];
    let table = [
        // statuses, whose words, send, revoke, capabilities, typing
        (300..=399, ANY,     [LATER,   PERSON,  PERSON,  PERSON]),
        (401..=401, ANY,     [PERSON,  PERSON,  PERSON,  PERSON]),
        (403..=403, GOOGLES, [LATER,   PERSON,  PERSON,  PERSON]),
        (404..=404, GOOGLES, [ABSENT,  DONE,    DONE,    ABSENT]),
        (407..=407, ANY,     [PERSON,  PERSON,  PERSON,  PERSON]),
        (408..=408, ANY,     [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]),
        (409..=409, GOOGLES, [DONE,    REFUSED, REFUSED, DONE]),
        (409..=409, OTHERS,  [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]),
        (421..=421, ANY,     [LATER,   LATER,   LATER,   LATER]),
        (425..=425, ANY,     [LATER,   LATER,   LATER,   LATER]),
        (429..=429, ANY,     [LATER,   LATER,   LATER,   LATER]),
        (499..=499, ANY,     [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]),
        (400..=498, GOOGLES, [REFUSED, REFUSED, REFUSED, REFUSED]),
        (400..=498, OTHERS,  [LATER,   PERSON,  PERSON,  PERSON]),
        (500..=599, ANY,     [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]),
    ];
    let whose = usize::from(!matches!(words, Words::Googles));
    let (_, _, codes) = table
        .into_iter()
        .find(|(statuses, whose_words, _)| statuses.contains(&status) && whose_words[whose])
        .unwrap();
    codes
}

#[derive(Clone, Copy, Debug)]
enum Words {
    Googles,
    OtherJson,
    Page,
    Text,
    None,
}

fn in_words(status: u16, words: Words) -> Response {
    match words {
        Words::Googles => says(status, canonical(status), "Why."),
        Words::OtherJson => answer(status, OTHER_JSON),
        Words::Page => answer(status, PAGE),
        Words::Text => answer(status, TEXT),
        Words::None => answer(status, ""),
    }
}

/// googleapis, google/rpc/code.proto
fn canonical(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ALREADY_EXISTS",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        500 => "INTERNAL",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "UNKNOWN",
    }
}

/// One that sends, one that takes back, one that asks and one that shows.
const EVERY_CALL: [Call; 4] = [Call::Send, Call::Revoke, Call::Capabilities, Call::Typing];

/// The host translates paths of the contract, and only those.
#[test]
fn a_field_that_google_names_is_found_at_the_contracts_path() {
    for (field, path, message) in [
        ("content_message.text", "content.text", "why"),
        ("contentMessage.text", "content.text", "why"),
        ("content_message.suggestions", "suggestions", "why"),
        ("contentMessage.suggestions[2]", "suggestions[2]", "why"),
        (
            "content_message.suggestions[12].reply.postback_data",
            "suggestions[12]",
            "reply.postback_data: why",
        ),
        ("ttl", "expiry", "why"),
        ("expire_time", "expiry", "why"),
        ("expireTime", "expiry", "why"),
        ("", "", "why"),
        ("content_message", "", "content_message: why"),
        (
            "content_message.text_length",
            "",
            "content_message.text_length: why",
        ),
        (
            "content_message.rich_card.standalone_card",
            "",
            "content_message.rich_card.standalone_card: why",
        ),
        (
            "content_message.suggestions[1",
            "",
            "content_message.suggestions[1: why",
        ),
        ("text", "", "text: why"),
    ] {
        let found = Kept::of(&violated(&[field], "why"));
        assert_eq!(
            found.violations,
            [(path.to_owned(), message.to_owned())],
            "{field}"
        );
    }
}

#[test]
fn of_many_wrong_fields_twenty_are_kept() {
    assert_eq!(violated(&["ttl"; 19], "why").findings.len(), 19);
    assert_eq!(violated(&["ttl"; 500], "why").findings.len(), 20);
}

fn violated(fields: &[&str], description: &str) -> ChannelFailure {
    let violations: Vec<_> = fields
        .iter()
        .map(|field| serde_json::json!({ "field": field, "description": description }))
        .collect();
    let error = serde_json::json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "details": [{ "fieldViolations": violations }] } });
    call(Call::Send, &Platform(Ok(answer(400, &error.to_string())))).unwrap_err()
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
#[expect(clippy::too_many_lines, reason = "a list, one value a line")]
fn rows() -> Vec<Row> {
    use Call::{Capabilities, Invite, Reach, Read, Revoke, Send, Typing, Upload};
    use FailureCode::{Later, Misconfigured, Refused, Unknown, Unreachable};
    vec![
        // What was asked for was done.
        row("a message is taken", Send, answer(200, ACCEPTED), Ok(sent()), "reference/rest/v1/phones.agentMessages/create"),
        row("a size that is not in quotes", Send, answer(200, r#"{"name":"phones/+12223334444/agentMessages/m1","totalPayloadSizeBytes":123}"#), Ok(sized()), UNCONFIRMED),
        row("a US number is told what it costs", Send, answer(200, ACCEPTED_US), Ok(sent_us()), "carriers/billing/us-billing-model"),
        row("a repeated id is answered with the first message", Send, answer(200, ACCEPTED), Ok(sent()), "reference/rest/v1/phones.agentMessages/create"),
        row("a message is named and no more", Send, answer(200, NAMED), Ok(Success::Sent(bare())), UNCONFIRMED),
        row("a message is taken with fields of other kinds", Send, answer(200, r#"{"name":"phones/+12223334444/agentMessages/m1","sendTime":5,"carrier":{}}"#), Ok(Success::Sent(bare())), UNCONFIRMED),
        row("a message is taken, with another status of success", Send, answer(201, NAMED), Ok(Success::Sent(bare())), UNCONFIRMED),
        row("a message is taken back", Revoke, answer(200, "{}"), Ok(Success::Revoked(Revocation::TakenBack)), "guides/build/messages/revoke"),
        row("a revoke is always 200 on older pages", Revoke, answer(200, r#"{"new":[]}"#), Ok(Success::Revoked(Revocation::TakenBack)), "reference/rest/v1/phones.agentMessages/delete"),
        row("typing is shown", Typing, answer(200, r#"{"eventType":"IS_TYPING"}"#), Ok(Success::Shown), "guides/build/events/send-events"),
        row("typing is shown, and nothing is said of it", Typing, answer(200, "{}"), Ok(Success::Shown), UNCONFIRMED),
        row("a read receipt is taken", Read, answer(200, r#"{"eventType":"READ","messageId":"u1"}"#), Ok(Success::Shown), "reference/rest/v1/phones.agentEvents"),
        row("a phone with features", Capabilities, answer(200, r#"{"features":["RICHCARD_STANDALONE","ACTION_NEW"],"carrier":"c"}"#), Ok(capable(&["RICHCARD_STANDALONE", "ACTION_NEW"], Some("c"))), "reference/rest/v1/phones/getCapabilities"),
        row("a phone without features", Capabilities, answer(200, r#"{"features":[]}"#), Ok(capable(&[], None)), "guides/build/capabilities"),
        row("a phone whose empty list is left out", Capabilities, answer(200, "{}"), Ok(capable(&[], None)), "reference/rest/v1/phones/getCapabilities"),
        row("a phone whose empty list is null", Capabilities, answer(200, r#"{"features":null,"carrier":null}"#), Ok(capable(&[], None)), UNCONFIRMED),

        row("some of many people can be reached", Reach, answer(200, REACH), Ok(reached(&[PHONE], 3750, 3000)), "reference/rest/v1/users/batchGet"),
        row("counts in quotes", Reach, answer(200, REACH_IN_QUOTES), Ok(reached(&[], 4, 3)), "guides/build/capabilities"),
        row("nobody can be reached, and zeros are left out", Reach, answer(200, "{}"), Ok(reached(&[], 0, 0)), UNCONFIRMED),
        row("nobody can be reached, and zeros are null", Reach, answer(200, r#"{"reachableUsers":null,"totalRandomSampleUserCount":null,"reachableUsersMap":null}"#), Ok(reached(&[], 0, 0)), UNCONFIRMED),
        row("a file is kept", Upload, answer(200, r#"{"name":"files/1"}"#), Ok(kept("files/1")), "reference/rest/v1/files/create"),
        row("a file is kept under a bare id", Upload, answer(200, r#"{"name":"1"}"#), Ok(kept("1")), UNCONFIRMED),
        row("a tester is invited", Invite, answer(200, r#"{"name":"phones/+12223334444/testers","inviteStatus":"PENDING"}"#), Ok(Success::Invited(Invitation::Pending)), "reference/rest/v1/phones.testers/create"),
        row("a tester is invited, and the status is left out", Invite, answer(200, "{}"), Ok(Success::Invited(Invitation::Unstated)), UNCONFIRMED),
        row("a tester is invited, and the status is null", Invite, answer(200, r#"{"inviteStatus":null}"#), Ok(Success::Invited(Invitation::Unstated)), UNCONFIRMED),

        // No success without proof: a server before RBM answers 200 too.
        row("a message, and a web page", Send, answer(200, PAGE), Err(failed(Unknown)), UNCONFIRMED),
        row("a message, and nothing", Send, answer(200, ""), Err(failed(Unknown)), UNCONFIRMED),
        row("a message, and bytes", Send, bytes(200, b"\xff\xfe\x00"), Err(failed(Unknown)), UNCONFIRMED),
        row("a message, and a list", Send, answer(200, "[]"), Err(failed(Unknown)), UNCONFIRMED),
        row("a message, and an answer that is cut off", Send, answer(200, &ACCEPTED[..60]), Err(failed(Unknown)), UNCONFIRMED),
        row("a message, and another message's name", Send, answer(200, r#"{"name":"phones/+12223334444/agentMessages/xm1"}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a message, and a name below its own", Send, answer(200, r#"{"name":"phones/+12223334444/agentMessages/m1/x"}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a message, and an empty name", Send, answer(200, r#"{"name":""}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a message, and a name of another kind", Send, answer(200, r#"{"name":["m1"]}"#), Err(failed(Unknown)), UNCONFIRMED),
        // Proof only where a repetition is answered like this too.
        row("a message, and an object without a name", Send, answer(200, "{}"), Err(failed(Unknown).saying("OK", "")), UNCONFIRMED),
        row("a message, and an error with the status of a success", Send, answer(200, r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a message, and an object whose name is null", Send, answer(200, r#"{"name":null,"sendTime":"2026-11-24T10:15:02Z"}"#), Err(failed(Unknown).saying("OK", "")), UNCONFIRMED),

        // And no answer to a question: what was asked for is in it, or it is not RBM's.
        row("a revoke, and a web page", Revoke, answer(200, PAGE), Err(failed(Unknown)), UNCONFIRMED),
        row("a revoke, and nothing", Revoke, answer(200, ""), Err(failed(Unknown)), UNCONFIRMED),
        row("a revoke, and a list", Revoke, answer(200, "[{}]"), Err(failed(Unknown)), UNCONFIRMED),
        row("a signal, and a web page", Typing, answer(200, PAGE), Err(failed(Unknown)), UNCONFIRMED),
        row("a signal, and nothing", Read, answer(200, ""), Err(failed(Unknown)), UNCONFIRMED),
        row("a signal, and a word", Typing, answer(200, "\"OK\""), Err(failed(Unknown)), UNCONFIRMED),
        row("capabilities, and a web page", Capabilities, answer(200, PAGE), Err(failed(Unknown)), UNCONFIRMED),
        row("capabilities, and nothing", Capabilities, answer(200, ""), Err(failed(Unknown)), UNCONFIRMED),
        row("capabilities that are a list", Capabilities, answer(200, r#"["RICHCARD_STANDALONE"]"#), Err(failed(Unknown)), UNCONFIRMED),
        row("features that are a word", Capabilities, answer(200, r#"{"features":"x"}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a feature that is a number", Capabilities, answer(200, r#"{"features":["RICHCARD_STANDALONE",7]}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a carrier that is a number", Capabilities, answer(200, r#"{"carrier":7}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("reach, and a web page", Reach, answer(200, PAGE), Err(failed(Unknown)), UNCONFIRMED),
        row("reach, and nothing", Reach, answer(200, ""), Err(failed(Unknown)), UNCONFIRMED),
        row("reach that is a list", Reach, answer(200, r#"["+12223334444"]"#), Err(failed(Unknown)), UNCONFIRMED),
        row("people that are an object", Reach, answer(200, r#"{"reachableUsers":{}}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a person that is a number", Reach, answer(200, r#"{"reachableUsers":[5]}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("carriers that are a list", Reach, answer(200, r#"{"reachableUsersMap":[]}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a carrier that is a list", Reach, answer(200, r#"{"reachableUsersMap":{"c":[]}}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a carrier's people that are a word", Reach, answer(200, r#"{"reachableUsersMap":{"c":{"reachableUsers":"x"}}}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a count with a fraction", Reach, answer(200, r#"{"totalRandomSampleUserCount":1.5}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a count below zero", Reach, answer(200, r#"{"reachableRandomSampleUserCount":"-1"}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a count that is too large", Reach, answer(200, r#"{"totalRandomSampleUserCount":4294967296}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a count that is a word", Reach, answer(200, r#"{"totalRandomSampleUserCount":"many"}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("a file, and a web page", Upload, answer(200, PAGE), Err(failed(Unknown)), UNCONFIRMED),
        row("a file, and nothing", Upload, answer(200, ""), Err(failed(Unknown)), UNCONFIRMED),
        row("a file without a name", Upload, answer(200, "{}"), Err(failed(Unknown)), UNCONFIRMED),
        row("a file whose name is a number", Upload, answer(200, r#"{"name":5}"#), Err(failed(Unknown)), UNCONFIRMED),
        row("an invitation, and a web page", Invite, answer(200, PAGE), Err(failed(Unknown)), UNCONFIRMED),
        row("an invitation, and nothing", Invite, answer(200, ""), Err(failed(Unknown)), UNCONFIRMED),
        row("an invitation that is a list", Invite, answer(200, "[]"), Err(failed(Unknown)), UNCONFIRMED),
        row("a status that is a number", Invite, answer(200, r#"{"inviteStatus":5}"#), Err(failed(Unknown)), UNCONFIRMED),

        // 409 is on no page: a repeated id may be answered so, and other conflicts are.
        row("a repeated message id", Send, says(409, "ALREADY_EXISTS", "Exists."), Ok(Success::Sent(bare())), UNCONFIRMED),
        row("a repeated event id", Typing, says(409, "ALREADY_EXISTS", "Exists."), Ok(Success::Shown), UNCONFIRMED),
        row("a repeated id of a read receipt", Read, says(409, "ALREADY_EXISTS", "Exists."), Ok(Success::Shown), UNCONFIRMED),
        row("a question that was asked already", Capabilities, says(409, "ALREADY_EXISTS", "Exists."), Err(failed(Refused).saying("ALREADY_EXISTS", "Exists.")), UNCONFIRMED),
        // Proof only where the message was repeated.
        row("a conflict without a word", Send, answer(409, ""), Err(failed(Unknown).saying("ALREADY_EXISTS", "")), UNCONFIRMED),
        row("a conflict with an empty object", Send, answer(409, " { }\n"), Err(failed(Unknown).saying("ALREADY_EXISTS", "")), UNCONFIRMED),
        row("a signal's conflict without a word", Typing, answer(409, ""), Err(failed(Unknown).saying("ALREADY_EXISTS", "")), UNCONFIRMED),
        row("a conflict that is a web page", Send, answer(409, PAGE), Err(failed(Unknown)), UNCONFIRMED),
        row("a conflict in text", Send, answer(409, TEXT), Err(failed(Unknown)), UNCONFIRMED),
        row("a conflict in other JSON", Send, answer(409, OTHER_JSON), Err(failed(Unknown)), UNCONFIRMED),
        row("a message whose call was aborted", Send, says(409, "ABORTED", "Aborted."), Err(failed(Unknown).saying("ABORTED", "Aborted.")), "googleapis, google/rpc/code.proto"),
        row("a signal whose call was aborted", Typing, says(409, "ABORTED", "Aborted."), Err(failed(Unknown).saying("ABORTED", "Aborted.")), "googleapis, google/rpc/code.proto"),
        row("another conflict", Send, says(409, "FAILED_PRECONDITION", "State."), Err(failed(Unknown).saying("FAILED_PRECONDITION", "State.")), UNCONFIRMED),
        row("a conflict with a code and no status", Send, answer(409, r#"{"error":{"code":409,"message":"State."}}"#), Err(failed(Unknown).saying("", "State.")), UNCONFIRMED),

        // 404 has several meanings; most of them have no text of their own.
        row("no RCS, or switched off, or a carrier without the agent", Send, says(404, "NOT_FOUND", CANNOT_BE_REACHED), Err(failed(Unreachable).saying("NOT_FOUND", CANNOT_BE_REACHED)), "guides/build/messages/send"),
        row("no RCS, without a text", Send, says(404, "NOT_FOUND", ""), Err(failed(Unreachable).saying("NOT_FOUND", "")), "reference/rest/v1/phones.agentMessages/create"),
        row("a read receipt for somebody without RCS", Read, says(404, "NOT_FOUND", CANNOT_BE_REACHED), Err(failed(Unreachable).saying("NOT_FOUND", CANNOT_BE_REACHED)), "guides/build/events/send-events"),
        row("somebody without RCS", Capabilities, says(404, "NOT_FOUND", CANNOT_BE_REACHED), Ok(absent()), "guides/build/capabilities"),
        row("somebody without RCS, without a text", Capabilities, says(404, "NOT_FOUND", ""), Ok(absent()), "reference/rest/v1/phones/getCapabilities"),
        row("an agent that is not launched asks about no tester", Capabilities, says(404, "NOT_FOUND", NOT_LAUNCHED), Err(failed(Misconfigured).saying("NOT_FOUND", NOT_LAUNCHED)), "guides/build/capabilities"),
        row("an agent that is not launched writes to no tester", Send, says(404, "NOT_FOUND", NOT_LAUNCHED), Err(failed(Later).saying("NOT_FOUND", NOT_LAUNCHED)), UNCONFIRMED),
        row("an agent that is not launched, in other words", Send, says(404, "NOT_FOUND", "Agent Not Launched."), Err(failed(Later).saying("NOT_FOUND", "Agent Not Launched.")), UNCONFIRMED),
        row("a message that was delivered is revoked", Revoke, says(404, "NOT_FOUND", "Requested entity was not found."), Ok(Success::Revoked(Revocation::TooLate)), "guides/build/messages/revoke"),
        row("a message that was delivered is revoked, without a text", Revoke, says(404, "NOT_FOUND", ""), Ok(Success::Revoked(Revocation::TooLate)), "reference/rest/v1/phones.agentMessages/delete"),
        row("a message goes to a method that is not there", Send, says(404, "NOT_FOUND", "Method not found."), Err(failed(Misconfigured).saying("NOT_FOUND", "Method not found.")), UNCONFIRMED),
        row("a revoke goes to a method that is not there", Revoke, says(404, "NOT_FOUND", "METHOD NOT FOUND."), Err(failed(Misconfigured).saying("NOT_FOUND", "METHOD NOT FOUND.")), UNCONFIRMED),
        row("a question goes to a method that is not there", Capabilities, says(404, "NOT_FOUND", "Method not found."), Err(failed(Misconfigured).saying("NOT_FOUND", "Method not found.")), UNCONFIRMED),
        row("404 with another status", Send, says(404, "UNIMPLEMENTED", "No."), Err(failed(Later).saying("UNIMPLEMENTED", "No.")), UNCONFIRMED),
        row("404 with a code and no status", Revoke, answer(404, r#"{"error":{"code":404,"message":"No."}}"#), Err(failed(Misconfigured).saying("", "No.")), UNCONFIRMED),
        row("a message goes to an address that is not RBM's", Send, answer(404, PAGE), Err(failed(Later)), UNCONFIRMED),
        row("a message goes to an address that answers in other JSON", Send, answer(404, OTHER_JSON), Err(failed(Later)), UNCONFIRMED),
        row("a message goes to an address that says nothing", Send, answer(404, ""), Err(failed(Later)), UNCONFIRMED),
        row("a revoke goes to an address that is not RBM's", Revoke, answer(404, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a revoke goes to an address that says nothing", Revoke, answer(404, ""), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a question goes to an address that is not RBM's", Capabilities, answer(404, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a question goes to an address that says nothing", Capabilities, answer(404, ""), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a signal goes to an address that says nothing", Typing, answer(404, "{}"), Err(failed(Misconfigured)), UNCONFIRMED),

        row("a question about many goes to an address that is not there", Reach, says(404, "NOT_FOUND", "Nothing."), Err(failed(Misconfigured).saying("NOT_FOUND", "Nothing.")), UNCONFIRMED),
        row("a file goes to an address that is not there", Upload, says(404, "NOT_FOUND", "Nothing."), Err(failed(Misconfigured).saying("NOT_FOUND", "Nothing.")), UNCONFIRMED),
        row("a file goes to an address that is not RBM's", Upload, answer(404, TEXT), Err(failed(Misconfigured)), UNCONFIRMED),
        row("an invitation for somebody without RCS", Invite, says(404, "NOT_FOUND", CANNOT_BE_REACHED), Err(failed(Unreachable).saying("NOT_FOUND", CANNOT_BE_REACHED)), UNCONFIRMED),

        // The request is at fault.
        row("people of several regions", Reach, says(400, "INVALID_ARGUMENT", "Regions."), Err(failed(Refused).saying("INVALID_ARGUMENT", "Regions.")), "reference/rest/v1/users/batchGet"),
        row("fields that are wrong", Send, answer(400, VIOLATIONS), Err(failed(Refused).saying("INVALID_ARGUMENT", "Bad.").about("content.text", "too long").about("expiry", "")), "guides/build/messages/send"),
        row("a feature that the phone lacks", Send, says(400, "INVALID_ARGUMENT", "Unsupported."), Err(failed(Refused).saying("INVALID_ARGUMENT", "Unsupported.")), "guides/build/messages/send"),
        row("an agent for several uses and no purpose", Send, says(400, "INVALID_ARGUMENT", "Traffic type."), Err(failed(Refused).saying("INVALID_ARGUMENT", "Traffic type.")), UNCONFIRMED),
        row("the older format, with its list of errors", Send, answer(400, OLDER_FORMAT), Err(failed(Refused).saying("INVALID_ARGUMENT", "Bad.")), UNCONFIRMED),
        row("a list around the error", Send, answer(400, r#"[{"error":{"code":400,"message":"Bad.","status":"INVALID_ARGUMENT"}}]"#), Err(failed(Refused).saying("INVALID_ARGUMENT", "Bad.")), UNCONFIRMED),
        row("an error that has a code only", Send, answer(400, r#"{"error":{"code":"400","message":7,"status":null,"details":{}}}"#), Err(failed(Refused)), UNCONFIRMED),
        row("a status that no page has", Send, says(413, "INVALID_ARGUMENT", "Large."), Err(failed(Refused).saying("INVALID_ARGUMENT", "Large.")), UNCONFIRMED),
        row("a limit on one person", Send, says(429, "RESOURCE_EXHAUSTED", PERSON_LIMIT), Err(failed(Refused).saying("RESOURCE_EXHAUSTED", PERSON_LIMIT)), UNCONFIRMED),

        // A person must act.
        row("a token that is missing or has run out", Send, says(401, "UNAUTHENTICATED", "No token."), Err(failed(Misconfigured).saying("UNAUTHENTICATED", "No token.")), UNCONFIRMED),
        row("credentials that a proxy turns away", Send, answer(401, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a proxy that wants credentials", Send, answer(407, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),
        row("an agent that the credentials do not know", Send, says(403, "PERMISSION_DENIED", AGENT_LOOKUP), Err(failed(Misconfigured).saying("PERMISSION_DENIED", AGENT_LOOKUP)), "https://github.com/rcs-business-messaging/rbm-api-examples/issues/24"),
        row("an agent that is not launched, on older pages", Capabilities, says(403, "PERMISSION_DENIED", NOT_LAUNCHED), Err(failed(Misconfigured).saying("PERMISSION_DENIED", NOT_LAUNCHED)), "guides/build/capabilities"),
        row("a revoke that a firewall turns away", Revoke, answer(403, PAGE), Err(failed(Misconfigured)), UNCONFIRMED),
        row("a question that is redirected", Capabilities, answer(302, ""), Err(failed(Misconfigured)), UNCONFIRMED),

        // About this recipient.
        row("an agent that is not launched writes to no tester, on older pages", Send, says(403, "PERMISSION_DENIED", NOT_LAUNCHED), Err(failed(Unreachable).saying("PERMISSION_DENIED", NOT_LAUNCHED)), UNCONFIRMED),

        // Later.
        row("something else that the agent may not do", Send, says(403, "PERMISSION_DENIED", "Denied."), Err(failed(Later).saying("PERMISSION_DENIED", "Denied.")), UNCONFIRMED),
        row("a redirect", Send, answer(302, ""), Err(failed(Later)), UNCONFIRMED),
        row("a redirect that would keep the method", Send, answer(308, PAGE), Err(failed(Later)), UNCONFIRMED),
        row("too many calls, by seconds", Send, after(says(429, "RESOURCE_EXHAUSTED", "Quota."), "7"), Err(failed(Later).saying("RESOURCE_EXHAUSTED", "Quota.").after(7)), UNCONFIRMED),
        row("too many calls, by a date", Send, after(answer(429, ""), "Tue, 24 Nov 2026 10:00:30 GMT"), Err(failed(Later).after(30)), UNCONFIRMED),
        row("too many calls, by a date that has passed", Send, after(answer(429, ""), "Tue, 24 Nov 2026 09:00:00 GMT"), Err(failed(Later).after(0)), UNCONFIRMED),
        row("too many calls, without a time", Send, answer(429, PAGE), Err(failed(Later)), UNCONFIRMED),
        row("too many calls, with a time that says nothing", Send, after(answer(429, ""), "soon"), Err(failed(Later)), UNCONFIRMED),
        row("too many calls, in a proxy's words about delivery", Send, answer(429, r#"{"error":"it will not be delivered"}"#), Err(failed(Later).saying("", "it will not be delivered")), UNCONFIRMED),
        row("too many questions about reach", Reach, says(429, "RESOURCE_EXHAUSTED", "Quota."), Err(failed(Later).saying("RESOURCE_EXHAUSTED", "Quota.")), "reference/rest/v1/users/batchGet"),
        row("too many testers", Invite, says(429, "RESOURCE_EXHAUSTED", "Testers."), Err(failed(Later).saying("RESOURCE_EXHAUSTED", "Testers.")), "reference/rest/v1/phones.testers/create"),
        row("a connection for another server", Send, answer(421, ""), Err(failed(Later)), UNCONFIRMED),
        row("a call that came too early", Send, after(answer(425, ""), "1"), Err(failed(Later).after(1)), UNCONFIRMED),

        // Who knows: the same id again.
        row("not available", Send, after(says(503, "UNAVAILABLE", "Down."), "120"), Err(failed(Unknown).saying("UNAVAILABLE", "Down.").after(120)), "guides/learn/best-practices"),
        row("not available, says a proxy", Send, answer(503, TEXT), Err(failed(Unknown)), UNCONFIRMED),
        row("an internal error", Send, says(500, "INTERNAL", "Oops."), Err(failed(Unknown).saying("INTERNAL", "Oops.")), "guides/learn/best-practices"),
        row("a bad gateway, as a web page", Send, answer(502, PAGE), Err(failed(Unknown)), "guides/learn/best-practices"),
        row("a deadline that ran out", Send, says(504, "DEADLINE_EXCEEDED", "Late."), Err(failed(Unknown).saying("DEADLINE_EXCEEDED", "Late.")), "guides/learn/best-practices"),
        row("a request that took too long", Send, answer(408, ""), Err(failed(Unknown)), UNCONFIRMED),
        row("a call that was cancelled", Send, says(499, "CANCELLED", "Cancelled."), Err(failed(Unknown).saying("CANCELLED", "Cancelled.")), "googleapis, google/rpc/code.proto"),
        row("a status that HTTP does not have", Send, answer(999, ""), Err(failed(Unknown)), UNCONFIRMED),

        // No failure without proof: what is not in RBM's own words ends no message.
        row("a body that is cut off", Send, answer(400, r#"{"error":{"message":"Ba"#), Err(failed(Later)), UNCONFIRMED),
        row("a body that is a web page", Send, answer(403, PAGE), Err(failed(Later)), UNCONFIRMED),
        row("a body that is text", Send, answer(405, TEXT), Err(failed(Later)), UNCONFIRMED),
        row("a body that is empty", Send, answer(413, ""), Err(failed(Later)), UNCONFIRMED),
        row("a body that is an empty object", Send, answer(400, "{}"), Err(failed(Later)), UNCONFIRMED),
        row("a body that is an empty list", Send, answer(400, "[]"), Err(failed(Later)), UNCONFIRMED),
        row("a body in other JSON", Send, answer(402, OTHER_JSON), Err(failed(Later)), UNCONFIRMED),
        row("a body with a name twice", Send, answer(400, r#"{"error":{"message":"a","message":"b"}}"#), Err(failed(Later)), UNCONFIRMED),
        row("a body that is no text", Send, bytes(400, b"\xff\xfe\x00"), Err(failed(Later)), UNCONFIRMED),
        row("an error that is a word", Send, answer(400, r#"{"error":"invalid_grant"}"#), Err(failed(Later).saying("", "invalid_grant")), UNCONFIRMED),
        row("an error that is a word, and says why", Send, answer(400, r#"{"error":"invalid_grant","error_description":"Bad Request"}"#), Err(failed(Later).saying("", "invalid_grant: Bad Request")), UNCONFIRMED),
        row("an error with a message only", Send, answer(400, r#"[{"error":{"message":"Bad."}}]"#), Err(failed(Later).saying("", "Bad.")), UNCONFIRMED),
        row("an error with another code and no status", Send, answer(400, r#"{"error":{"code":500,"status":""}}"#), Err(failed(Later)), UNCONFIRMED),
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
/// Second-hand, from two resellers' lists of errors.
const PERSON_LIMIT: &str = "TOO_MANY_REQUESTS - You have reached the allowed traffic limit for this agent on the user, your message will not be delivered";
/// As an API gateway answers.
const OTHER_JSON: &str = r#"{"message":"no Route matched with those values","code":404}"#;
/// As a proxy answers.
const TEXT: &str = "upstream connect error or disconnect/reset before headers";
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
const NAMED: &str = r#"{"name":"phones/+12223334444/agentMessages/m1"}"#;
const ACCEPTED_US: &str = r#"{"name":"phones/+12223334444/agentMessages/m1","richMessageClassification":{"classificationType":"RICH_MESSAGE","segmentCount":2},"carrier":"c"}"#;

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

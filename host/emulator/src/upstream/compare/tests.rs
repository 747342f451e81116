use super::*;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};

fn answer(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: impl Into<axum::body::Bytes>,
) -> Answer {
    let pairs = headers.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    });
    Answer {
        status: StatusCode::from_u16(status).expect("a status"),
        headers: pairs.collect(),
        body: body.into(),
    }
}

fn in_json(status: u16, body: &Value) -> Answer {
    answer(
        status,
        &[("content-type", "application/json; charset=UTF-8")],
        body.to_string(),
    )
}

/// Kind and place of each.
fn between(upstream: &Answer, twin: &Answer) -> Vec<(Kind, String)> {
    let found = findings(upstream, twin, &Secrets::default());
    found
        .into_iter()
        .map(|finding| (finding.kind, finding.at))
        .collect()
}

fn expect(name: &str, found: &[(Kind, String)], expected: &[(Kind, &str)]) {
    let found: Vec<(Kind, &str)> = found
        .iter()
        .map(|(kind, at)| (*kind, at.as_str()))
        .collect();
    assert_eq!(found, expected, "{name}");
}

fn error(code: u16, status: &str, message: &str, details: &Value) -> Value {
    json!({ "error": { "code": code, "status": status, "message": message, "details": details } })
}

#[test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
fn what_two_platforms_need_not_share_is_no_difference() {
    let bad_request = |violations: Value| {
        let detail = json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations });
        error(400, "INVALID_ARGUMENT", "x", &json!([detail]))
    };
    let info = json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R", "metadata": { "service": "s" } });
    let mut infos = info.clone();
    infos["metadata"]["consumer"] = json!("projects/1");
    let traced = json!({ "@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "r" });
    for (name, status, upstream, twin) in [
        (
            "the order of fields, and how times are written",
            200,
            json!({ "name": "phones/+1/agentMessages/m", "sendTime": "2026-11-24T10:15:02.474764Z" }),
            json!({ "sendTime": "2027-01-01T00:00:00Z", "name": "phones/+1/agentMessages/m" }),
        ),
        (
            "an expiry as long after being sent",
            200,
            json!({ "sendTime": "2026-11-24T10:00:00Z", "expireTime": "2026-11-24T10:10:00.4Z" }),
            json!({ "sendTime": "2027-01-01T00:00:00Z", "expireTime": "2027-01-01T00:10:00Z" }),
        ),
        (
            "an expiry at the same time",
            200,
            json!({ "sendTime": "2026-11-24T10:00:00Z", "expireTime": "2026-11-24T11:00:00.000Z" }),
            json!({ "sendTime": "2026-11-24T10:00:07Z", "expireTime": "2026-11-24T11:00:00Z" }),
        ),
        (
            "names of files",
            200,
            json!({ "name": "files/a" }),
            json!({ "name": "files/b" }),
        ),
        (
            "names of what comes of an event",
            200,
            json!({ "name": "phones/+1/dialogflowMessages/a" }),
            json!({ "name": "phones/+1/dialogflowMessages/b" }),
        ),
        (
            "features in another order",
            200,
            json!({ "features": ["A", "B"] }),
            json!({ "features": ["B", "A"] }),
        ),
        (
            "people in another order",
            200,
            json!({ "reachableUsers": ["+1", "+2"], "reachableUsersMap": { "c": { "reachableUsers": ["+2", "+1"] } } }),
            json!({ "reachableUsers": ["+2", "+1"], "reachableUsersMap": { "c": { "reachableUsers": ["+1", "+2"] } } }),
        ),
        (
            "samples of another size",
            200,
            json!({ "totalRandomSampleUserCount": 375, "reachableRandomSampleUserCount": "9" }),
            json!({ "totalRandomSampleUserCount": 380, "reachableRandomSampleUserCount": "8" }),
        ),
        (
            "numbers with and without a fraction",
            200,
            json!({ "a": [37, 1.0] }),
            json!({ "a": [37.0, 1] }),
        ),
        (
            "violations in another order",
            400,
            bad_request(
                json!([{ "field": "a", "description": "1" }, { "field": "b", "description": "2" }]),
            ),
            bad_request(
                json!([{ "field": "b", "description": "2" }, { "field": "a", "description": "1" }]),
            ),
        ),
        (
            "details in another order, whose request and whose project it was",
            403,
            error(
                403,
                "PERMISSION_DENIED",
                "x",
                &json!([traced, { "@type": "other" }, infos]),
            ),
            error(
                403,
                "PERMISSION_DENIED",
                "x",
                &json!([info, { "@type": "other" }]),
            ),
        ),
    ] {
        expect(
            name,
            &between(&in_json(status, &upstream), &in_json(status, &twin)),
            &[],
        );
        expect(
            name,
            &between(&in_json(status, &twin), &in_json(status, &upstream)),
            &[],
        );
    }
    let pretty = answer(
        200,
        &[
            ("content-type", "application/json"),
            ("server", "ESF"),
            ("date", "now"),
            ("vary", "Origin"),
        ],
        "{\n  \"a\": 1\n}\n",
    );
    expect(
        "layout and the server's headers",
        &between(&pretty, &in_json(200, &json!({ "a": 1 }))),
        &[],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
fn everything_else_is_one() {
    use Kind::{Extra, Missing, Type};
    let message = json!({ "name": "phones/+1/agentMessages/m", "sendTime": "2026-11-24T10:00:00Z", "carrier": "c",
        "expireTime": "2026-11-24T10:10:00Z", "messageTrafficType": "PROMOTION", "contentMessage": { "text": "Hi" } });
    let with = |name: &str, value: Value| {
        let mut changed = message.clone();
        changed[name] = value;
        changed
    };
    let mut less = message.clone();
    less.as_object_mut().expect("an object").remove("carrier");
    for (name, upstream, twin, expected) in [
        ("missing", &message, &less, &[(Missing, "/carrier")][..]),
        ("extra", &less, &message, &[(Extra, "/carrier")]),
        (
            "enum",
            &with("messageTrafficType", json!("SERVICEREQUEST")),
            &message,
            &[(Kind::Value, "/messageTrafficType")],
        ),
        (
            "type",
            &with("carrier", json!(1)),
            &message,
            &[(Type, "/carrier")],
        ),
        (
            "null",
            &with("carrier", Value::Null),
            &message,
            &[(Type, "/carrier")],
        ),
        (
            "object",
            &with("contentMessage", json!("Hi")),
            &message,
            &[(Type, "/contentMessage")],
        ),
        (
            "no time",
            &with("sendTime", json!("now")),
            &message,
            &[(Kind::Value, "/sendTime")],
        ),
        (
            "other expiry",
            &with("expireTime", json!("2026-11-24T10:10:02Z")),
            &message,
            &[(Kind::Value, "/expireTime")],
        ),
        (
            "other id",
            &with("name", json!("phones/+1/agentMessages/n")),
            &message,
            &[(Kind::Value, "/name")],
        ),
        (
            "no id",
            &with("name", json!("files/")),
            &with("name", json!("files/a")),
            &[(Kind::Value, "/name")],
        ),
        (
            "within",
            &with("contentMessage", json!({ "text": "Ho" })),
            &message,
            &[(Kind::Value, "/contentMessage/text")],
        ),
        (
            "a list's order",
            &json!({ "a": ["x", "y", "z"] }),
            &json!({ "a": ["y", "x"] }),
            &[
                (Kind::Value, "/a/0"),
                (Kind::Value, "/a/1"),
                (Missing, "/a/2"),
            ],
        ),
        (
            "an empty list",
            &json!({}),
            &json!({ "features": [] }),
            &[(Extra, "/features")],
        ),
        (
            "another feature",
            &json!({ "features": ["A"] }),
            &json!({ "features": ["A", "B"] }),
            &[(Kind::Value, "/features")],
        ),
        (
            "no sample",
            &json!({ "totalRandomSampleUserCount": 0 }),
            &json!({ "totalRandomSampleUserCount": 5 }),
            &[(Kind::Value, "/totalRandomSampleUserCount")],
        ),
        (
            "a count in quotes",
            &json!({ "totalRandomSampleUserCount": "5" }),
            &json!({ "totalRandomSampleUserCount": 5 }),
            &[(Type, "/totalRandomSampleUserCount")],
        ),
        (
            "long integers",
            &json!({ "a": 9_007_199_254_740_993_u64 }),
            &json!({ "a": 9_007_199_254_740_992_u64 }),
            &[(Kind::Value, "/a")],
        ),
        (
            "odd names",
            &json!({ "a/b~": 1 }),
            &json!({ "a/b~": 2 }),
            &[(Kind::Value, "/a~1b~0")],
        ),
    ] {
        expect(
            name,
            &between(&in_json(200, upstream), &in_json(200, twin)),
            expected,
        );
    }
}

#[test]
fn every_part_of_an_error_is_compared() {
    use Kind::{Extra, Missing, Text};
    for (name, upstream, twin, expected) in [
        (
            "code",
            &error(9, "X", "t", &json!([])),
            &error(8, "X", "t", &json!([])),
            &[(Kind::Value, "/error/code")][..],
        ),
        (
            "error status",
            &error(9, "X", "t", &json!([])),
            &error(9, "Y", "t", &json!([])),
            &[(Kind::Value, "/error/status")],
        ),
        (
            "text",
            &error(9, "X", "t", &json!([])),
            &error(9, "X", "u", &json!([])),
            &[(Text, "/error/message")],
        ),
        (
            "details",
            &error(9, "X", "t", &json!([{ "@type": "a" }, { "@type": "b" }])),
            &error(9, "X", "t", &json!([{ "@type": "c" }, { "@type": "a" }])),
            &[(Missing, "/error/details/1"), (Extra, "/error/details/0")],
        ),
        (
            "violations",
            &error(
                9,
                "X",
                "t",
                &json!([{ "fieldViolations": [{ "field": "a", "description": "1" }, { "field": "b" }] }]),
            ),
            &error(
                9,
                "X",
                "t",
                &json!([{ "fieldViolations": [{ "field": "c" }, { "field": "a", "description": "2" }] }]),
            ),
            &[
                (Text, "/error/details/0/fieldViolations/0/description"),
                (Missing, "/error/details/0/fieldViolations/1"),
                (Extra, "/error/details/0/fieldViolations/0"),
            ],
        ),
    ] {
        expect(
            name,
            &between(&in_json(400, upstream), &in_json(400, twin)),
            expected,
        );
    }
}

#[test]
fn an_answer_is_compared_as_a_whole_where_it_is_no_json() {
    let html: &[(&'static str, &'static str)] = &[("content-type", "text/html; charset=UTF-8")];
    let json: &[(&'static str, &'static str)] = &[("content-type", "application/json")];
    let empty = answer(200, &[], "");
    for (name, upstream, twin, expected) in [
        (
            "a web page",
            answer(404, html, "<p>"),
            answer(404, json, "{}"),
            &[(Kind::Header, "content-type")][..],
        ),
        (
            "the same page",
            answer(404, html, "<p>"),
            answer(404, html, "<p>"),
            &[],
        ),
        (
            "another page",
            answer(404, html, "<p>"),
            answer(404, html, "<b>"),
            &[(Kind::Value, "")],
        ),
        (
            "half an answer",
            answer(200, json, "{\"a\":"),
            answer(200, json, "{}"),
            &[(Kind::Value, "")],
        ),
        ("nothing", empty.clone(), empty.clone(), &[]),
        (
            "nothing but JSON",
            empty.clone(),
            answer(200, json, "{}"),
            &[(Kind::Header, "content-type")],
        ),
        (
            "a wait",
            answer(429, &[("retry-after", "5")], ""),
            answer(429, &[], ""),
            &[(Kind::Header, "retry-after")],
        ),
        (
            "another wait",
            answer(429, &[("retry-after", "5")], ""),
            answer(429, &[("retry-after", "9")], ""),
            &[],
        ),
        (
            "another place",
            answer(200, &[("location", "a")], ""),
            answer(200, &[("location", "b")], ""),
            &[],
        ),
        (
            "another stage of an upload",
            answer(200, &[("x-goog-upload-status", "final")], ""),
            answer(200, &[("x-goog-upload-status", "active")], ""),
            &[(Kind::Header, "x-goog-upload-status")],
        ),
    ] {
        expect(name, &between(&upstream, &twin), expected);
    }
}

#[test]
fn another_status_is_one_difference_with_both_errors_in_short() {
    let refused = in_json(
        404,
        &error(404, "NOT_FOUND", "It cannot be reached.", &json!([])),
    );
    let found = findings(
        &refused,
        &in_json(200, &json!({ "name": "x" })),
        &Secrets::default(),
    );
    let theirs = json!({ "status": 404, "error": "NOT_FOUND", "message": "It cannot be reached." });
    let expected = Finding {
        kind: Kind::Status,
        at: String::new(),
        upstream: Some(theirs),
        twin: Some(json!({ "status": 200 })),
    };
    assert_eq!(found, [expected]);
}

#[test]
fn what_is_shown_is_short_and_tells_no_secret() {
    let request = Request::get("/v1/files").header("authorization", "Bearer the-canary");
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let secrets = Secrets::of(&parts);
    let long = "é".repeat(298) + "the-canary";
    let upstream = json!({ "a": long, "b": vec!["x"; 1_000], "the-canary": { "c": "the-canary" }, &"k".repeat(1_000): 1 });
    let found = findings(
        &in_json(200, &upstream),
        &in_json(200, &json!({})),
        &secrets,
    );
    let told = serde_json::to_string(&found).expect("JSON");
    assert!(
        !told.contains("canary") && told.contains("[redacted]"),
        "{told}"
    );
    assert_eq!(found.len(), 4);
    assert!(told.chars().count() < 4 * 800, "{}", told.len());
    let many: Value = (0..1_000)
        .map(|number| (number.to_string(), json!(number)))
        .collect::<Map<_, _>>()
        .into();
    assert_eq!(
        findings(&in_json(200, &many), &in_json(200, &json!({})), &secrets).len(),
        32
    );
}

//! Bad input of any kind: a clear error that names what and why, and the software goes on.

use crate::program::{ANSWERS, Answer, Dev, answer, rbm, text};
use reqwest::Method;
use serde_json::json;
use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn every_wrong_request_is_answered_with_a_problem_that_says_what() {
    let dev = Dev::start();
    for (method, path, status, code, said) in [
        (Method::GET, "/", 404, "not-found", "there is nothing at /"),
        (Method::GET, "/v1/nothing", 404, "not-found", "/v1/nothing"),
        (
            Method::PUT,
            "/v1/messages",
            405,
            "method",
            "PUT is not for /v1/messages",
        ),
        (Method::DELETE, "/v1/events", 405, "method", "DELETE"),
        (
            Method::GET,
            "/v1/messages/nobody",
            404,
            "not-found",
            "there is no message \"nobody\"",
        ),
        (Method::GET, "/v1/messages/%ff", 400, "path", "path"),
        (
            Method::GET,
            "/v1/messages?limit=0",
            400,
            "limit",
            "a number from 1 to 1000",
        ),
        (
            Method::GET,
            "/v1/messages?limit=1001",
            400,
            "limit",
            "\"1001\"",
        ),
        (Method::GET, "/v1/messages?limit=x", 400, "limit", "\"x\""),
        (
            Method::GET,
            "/v1/messages?limit=1&limit=2",
            400,
            "parameter",
            "limit is given twice",
        ),
        (
            Method::GET,
            "/v1/messages?state=lost",
            400,
            "state",
            "one of queued, sending",
        ),
        (
            Method::GET,
            "/v1/messages?agent=nobody",
            400,
            "agent-unknown",
            "there is no agent \"nobody\"",
        ),
        (
            Method::GET,
            "/v1/messages?to=x",
            400,
            "to",
            "a plus sign, then 2 to 15 digits",
        ),
        (
            Method::GET,
            "/v1/messages?after=nobody",
            404,
            "not-found",
            "nobody",
        ),
        (
            Method::GET,
            "/v1/messages?colour=red",
            400,
            "parameter",
            "there is no parameter \"colour\"",
        ),
        (Method::GET, "/v1/events?after=x", 400, "cursor", "\"x\""),
        (Method::GET, "/v1/events?after=", 400, "cursor", "\"\""),
        (
            Method::GET,
            "/v1/events?after=e-1",
            400,
            "cursor",
            "\"e-1\"",
        ),
        (
            Method::GET,
            "/v1/events?after=e99999999999999999999",
            400,
            "cursor",
            "no cursor",
        ),
        (Method::GET, "/v1/events?limit=1e3", 400, "limit", "\"1e3\""),
        (
            Method::GET,
            "/v1/events?after=e18446744073709551615",
            400,
            "cursor",
            "no event of this gateway has had",
        ),
        (
            Method::GET,
            "/v1/events?state=read",
            400,
            "parameter",
            "after, limit",
        ),
    ] {
        let answer = answer(dev.request(method.clone(), path)).await;
        expect_problem(&answer, status, code, said, &format!("{method} {path}"));
    }
}

#[tokio::test]
async fn every_wrong_body_is_answered_with_a_problem_that_says_what() {
    let dev = Dev::start();
    let good = text(ANSWERS, "x").to_string();
    let deep = "[".repeat(100_000);
    let big = "x".repeat((1 << 20) + 1);
    let long_key = "k".repeat(256);
    let json = ("content-type", "application/json");
    for path in ["/v1/messages", "/v1/check"] {
        for (name, body, headers, status, code, said) in [
            ("nothing", "", vec![json], 400, "not-json", "EOF"),
            (
                "no JSON",
                "{\"to\":",
                vec![json],
                400,
                "not-json",
                "line 1 column 6",
            ),
            (
                "a name twice",
                "{\"to\":1,\"to\":1}",
                vec![json],
                400,
                "not-json",
                "\"to\" occurs twice",
            ),
            (
                "two documents",
                "{} {}",
                vec![json],
                400,
                "not-json",
                "trailing",
            ),
            (
                "deep",
                &deep,
                vec![json],
                400,
                "not-json",
                "recursion limit",
            ),
            (
                "no type",
                &good,
                vec![],
                415,
                "content-type",
                "must be application/json",
            ),
            (
                "another type",
                &good,
                vec![("content-type", "text/plain")],
                415,
                "content-type",
                "text/plain",
            ),
            (
                "an encoding",
                &good,
                vec![json, ("content-encoding", "gzip")],
                415,
                "content-encoding",
                "content-encoding",
            ),
            ("big", &big, vec![json], 413, "body-length", "1048576"),
        ] {
            let request = headers
                .iter()
                .fold(dev.request(Method::POST, path), |request, (name, value)| {
                    request.header(*name, *value)
                });
            let answer = answer(request.body(body.to_owned())).await;
            expect_problem(&answer, status, code, said, &format!("{path}, {name}"));
        }
        let bytes = dev
            .request(Method::POST, path)
            .header("content-type", "application/json")
            .body(vec![0xff, 0xfe]);
        expect_problem(&answer(bytes).await, 400, "not-json", "not JSON", path);
    }
    for key in ["", &long_key, "ключ"] {
        let answer = dev.send_with_key(key, &text(ANSWERS, "x")).await;
        expect_problem(
            &answer,
            400,
            "idempotency-key",
            "1 to 255 visible ASCII characters",
            key,
        );
    }
    let typed = dev
        .request(Method::POST, "/v1/check")
        .header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(
        answer(typed.body(good)).await.status,
        200,
        "a type may be written in other ways"
    );
}

fn expect_problem(answer: &Answer, status: u16, code: &str, said: &str, name: &str) {
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (status, "application/problem+json"),
        "{name}: {}",
        answer.body
    );
    assert_eq!(
        (&answer.body["status"], &answer.body["code"]),
        (&json!(status), &json!(code)),
        "{name}: {}",
        answer.body
    );
    assert!(
        answer.body["detail"].as_str().unwrap().contains(said),
        "{name}: {}",
        answer.body
    );
}

#[tokio::test]
async fn the_emulator_too_says_what_is_wrong() {
    let dev = Dev::start();
    for (method, path, body, status, said) in [
        (Method::POST, "/token", "x", 415, "form"),
        (
            Method::POST,
            "/v1/phones/+15550100001/agentMessages?messageId=m&agentId=demo",
            "{}",
            401,
            "authentication",
        ),
        (
            Method::POST,
            "/emulator/phones/+15550100001",
            "x",
            400,
            "is needed",
        ),
        (
            Method::POST,
            "/emulator/phones/+15550100001",
            r#"{"tap":"nothing"}"#,
            400,
            "no message on +15550100001",
        ),
        (
            Method::POST,
            "/emulator/phones/nobody",
            r#"{"text":"x"}"#,
            400,
            "E.164",
        ),
        (Method::GET, "/nothing", "", 404, "/nothing"),
    ] {
        let request = dev
            .request(method.clone(), &format!("{}{path}", dev.emulator))
            .body(body);
        let answer = answer(request).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(
            answer
                .body
                .to_string()
                .to_lowercase()
                .contains(&said.to_lowercase()),
            "{method} {path}: {}",
            answer.body
        );
    }
}

/// Requests that no HTTP library would send.
#[tokio::test]
async fn rubbish_on_the_wire_is_refused_and_the_gateway_goes_on() {
    let dev = Dev::start();
    let address = dev.gateway.trim_start_matches("http://").to_owned();
    let two_lengths = "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx";
    let two_framings = "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let many = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
        "a: b\r\n".repeat(100)
    );
    for (name, request) in [
        ("not HTTP", "\0\u{1}\u{2}rubbish\r\n\r\n"),
        ("another version", "GET / HTTP/9.9\r\n\r\n"),
        (
            "no length that is a number",
            "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        ),
        ("two lengths", two_lengths),
        ("two framings", two_framings),
        (
            "a header with a NUL",
            "GET / HTTP/1.1\r\nhost: localhost\r\na: \0\r\n\r\n",
        ),
        (
            "a folded header",
            "GET / HTTP/1.1\r\nhost: localhost\r\na: b\r\n c\r\n\r\n",
        ),
        ("many headers", &many),
        (
            "a chunk without a size",
            "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ),
    ] {
        let (address, request) = (address.clone(), request.to_owned());
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(30)))
                .unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = [0; 12];
            let count = stream.read(&mut answer).unwrap_or_default();
            String::from_utf8_lossy(&answer[..count]).into_owned()
        });
        let answer = answer.await.unwrap();
        assert!(
            answer.is_empty()
                || answer.starts_with("HTTP/1.1 4")
                || answer.starts_with("HTTP/1.0 4"),
            "{name}: {answer:?}"
        );
    }
    assert_eq!(dev.get("/v1/messages").await.body["messages"], json!([]));
}

/// What is wrong with how a message is written keeps nothing back of what else is wrong with it; and each rule is explained.
#[tokio::test]
async fn everything_is_found_although_the_shape_is_wrong_and_each_rule_is_explained() {
    let dev = Dev::start();
    let place = json!({ "view_location": { "text": "a", "latitude": 91, "longitude": "x" } });
    let bodies = [
        json!({ "to": "+0", "content": { "text": "" }, "sugestions": [], "lifetime_seconds": 9, "expires_at": "x" }),
        json!({ "content": { "text": 5 }, "purpose": "fun", "suggestions": [{ "reply": {}, "dial": {} }, place] }),
        json!({ "to": "+12", "content": { "text": "x", "file": {} }, "agent": "nobody" }),
        json!({ "to": "+12", "content": { "file": { "url": "x", "uploaded": "y" } } }),
    ];
    let expected = [
        vec![
            "unknown-field sugestions",
            "expiry-at-most-one ",
            "phone-e164 to",
            "text-length content.text",
        ],
        vec![
            "type content.text",
            "required to",
            "choice purpose",
            "suggestion-exactly-one-kind suggestions[0]",
            "type suggestions[1].view_location.longitude",
        ],
        vec!["agent-unknown agent", "content-exactly-one content"],
        vec!["file-exactly-one-source content.file"],
    ];
    for (body, expected) in bodies.iter().zip(expected) {
        let mut sent = dev.post("/v1/messages", body).await.body;
        let checked = dev.post("/v1/check", body).await.body;
        assert_eq!(sent["findings"], checked["findings"], "{body}");
        let findings = sent["findings"].as_array_mut().unwrap();
        let named: HashSet<String> = findings
            .iter()
            .map(|finding| {
                format!(
                    "{} {}",
                    finding["rule"].as_str().unwrap(),
                    finding["path"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(
            named,
            expected.into_iter().map(str::to_owned).collect(),
            "{body}"
        );
        for finding in findings {
            assert!(
                finding["source"].is_string() && finding["message"].is_string(),
                "{finding}"
            );
            let rule = finding["rule"].as_str().unwrap().to_owned();
            let explained = tokio::task::spawn_blocking(move || rbm(&["explain", &rule], b""))
                .await
                .unwrap();
            assert_eq!(explained.code, Some(0), "{finding}: {}", explained.stderr);
        }
    }
}

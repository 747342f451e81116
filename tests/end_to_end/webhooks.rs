//! Webhooks in: each request has its answer, what is believed is kept before it is answered, and nothing else reaches an
//! application.

use crate::program::{ANSWERS, Dev, HIDES_READING, OFFLINE, answer, envelope, sign, text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

const WEBHOOKS: [&str; 2] = ["/webhooks/rbm/demo", "/webhooks/rbm"];

#[tokio::test]
async fn a_handshake_is_answered_with_the_bare_secret() {
    let dev = Dev::start();
    for webhook in WEBHOOKS {
        let handshake = json!({ "clientToken": dev.client_token, "secret": "s3cret-0" });
        let response = dev
            .request(Method::POST, webhook)
            .body(handshake.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.bytes().await.unwrap(), "s3cret-0");
        let other = dev
            .post(
                webhook,
                &json!({ "clientToken": "other", "secret": "<script>" }),
            )
            .await;
        assert_eq!(other.status, 403);
        assert!(
            !other.body.to_string().contains("script"),
            "nothing is reflected: {}",
            other.body
        );
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn each_request_has_its_answer() {
    let dev = Dev::start();
    let document =
        json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": ANSWERS, "messageId": "u1", "text": "x" }).to_string();
    let body = envelope(&document).to_string();
    let good = sign(&dev.client_token, document.as_bytes());
    let over_base64 = sign(&dev.client_token, STANDARD.encode(&document).as_bytes());
    let truncated = STANDARD.encode(&STANDARD.decode(&good).unwrap()[..32]);
    let big = "x".repeat((1 << 20) + 1);
    let long_header = "x".repeat(20_000);
    let signature = "x-goog-signature";
    for webhook in WEBHOOKS {
        for (name, body, headers, status) in [
            ("no signature", body.as_str(), vec![], 401),
            ("an empty one", &body, vec![(signature, "")], 401),
            ("no base64", &body, vec![(signature, "???")], 401),
            ("a truncated one", &body, vec![(signature, &truncated)], 401),
            (
                "another's",
                &body,
                vec![(signature, &sign("other", document.as_bytes()))],
                401,
            ),
            (
                "over the base64 text",
                &body,
                vec![(signature, &over_base64)],
                401,
            ),
            (
                "two",
                &body,
                vec![(signature, &good), (signature, &good)],
                401,
            ),
            (
                "of another body",
                &envelope("{}").to_string(),
                vec![(signature, &good)],
                401,
            ),
            ("no JSON", "x", vec![(signature, &good)], 400),
            ("nothing", "", vec![(signature, &good)], 400),
            ("no message", "{}", vec![(signature, &good)], 400),
            (
                "no data",
                r#"{"message":{}}"#,
                vec![(signature, &good)],
                400,
            ),
            (
                "data that is no base64",
                r#"{"message":{"data":"a b"}}"#,
                vec![(signature, &good)],
                400,
            ),
            ("too long a body", &big, vec![(signature, &good)], 413),
            (
                "an encoding",
                &body,
                vec![(signature, &good), ("content-encoding", "gzip")],
                415,
            ),
            (
                "too long a header",
                &body,
                vec![(signature, &good), ("x-long", &long_header)],
                431,
            ),
            ("good", &body, vec![(signature, &good)], 200),
            (
                "good, with other spelling and more headers",
                &body,
                vec![
                    ("X-GOOG-SIGNATURE", &good),
                    ("x-goog-webhook-type", "surprise"),
                ],
                200,
            ),
        ] {
            let request = headers.iter().fold(
                dev.request(Method::POST, webhook),
                |request, (name, value)| request.header(*name, *value),
            );
            let answer = answer(request.body(body.to_owned())).await;
            assert_eq!(answer.status, status, "{webhook}, {name}: {}", answer.body);
            // The HTTP library may refuse a header that is too long before there is a request to speak of.
            if status != 431 {
                let is_silent = answer.body == json!("");
                assert_eq!(
                    status == 200,
                    is_silent,
                    "{webhook}, {name}: a refusal says why, a success nothing"
                );
            }
        }
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            assert_eq!(
                answer(dev.request(method.clone(), webhook)).await.status,
                405,
                "{method} {webhook}"
            );
        }
    }
    assert_eq!(
        dev.post_signed("/webhooks/rbm/nobody", &document, &good)
            .await
            .status,
        404
    );
    let events = dev.get("/v1/events").await.body;
    let kinds: Vec<&Value> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["message_id"])
        .collect();
    assert_eq!(
        kinds,
        ["u1"],
        "what was good came four times and is one event"
    );
}

#[tokio::test]
async fn one_fact_that_comes_twice_is_one_event() {
    let dev = Dev::start();
    let document = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": ANSWERS, "messageId": "u1", "text": "x", "sendTime": "2026-11-24T10:00:00Z" });
    let spellings = [
        document.to_string(),
        serde_json::to_string_pretty(&document).unwrap(),
    ];
    for webhook in WEBHOOKS.into_iter().cycle().take(6) {
        for spelling in &spellings {
            assert_eq!(dev.notify(webhook, spelling).await.status, 200);
        }
    }
    assert_eq!(
        dev.get("/v1/events").await.body["events"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn events_in_any_order_and_number_end_in_the_same_state() {
    let dev = Dev::start();
    let id = dev.send(&text(OFFLINE, "Hi")).await;
    dev.wait_for_state(&id, "accepted").await;
    let event = |kind: &str, event_id: &str| {
        let phone = if kind.starts_with("TTL") {
            "phoneNumber"
        } else {
            "senderPhoneNumber"
        };
        json!({ "agentId": "demo@rbm.goog", phone: OFFLINE, "eventType": kind, "eventId": event_id, "messageId": id })
            .to_string()
    };
    for (kind, event_id, state) in [
        ("TTL_EXPIRATION_REVOKE_FAILED", "e1", "accepted"),
        ("TTL_EXPIRATION_REVOKED", "e2", "expired"),
        ("READ", "e3", "read"),
        ("DELIVERED", "e4", "read"),
        ("DELIVERED", "e4", "read"),
        ("TTL_EXPIRATION_REVOKED", "e5", "read"),
    ] {
        assert_eq!(
            dev.notify("/webhooks/rbm/demo", &event(kind, event_id))
                .await
                .status,
            200
        );
        assert_eq!(
            dev.get(&format!("/v1/messages/{id}")).await.body["state"],
            state,
            "{kind} {event_id}"
        );
    }
    let events = dev.get("/v1/events").await.body;
    let kinds: Vec<&str> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["revoke_failed", "expired", "read", "delivered"],
        "a message expires once, whatever the platform calls it"
    );
}

#[tokio::test]
async fn an_event_about_a_message_of_somebody_else_changes_nothing() {
    let dev = Dev::start();
    let id = dev.send(&text(OFFLINE, "Hi")).await;
    dev.wait_for_state(&id, "accepted").await;
    for document in [
        json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": ANSWERS, "eventType": "READ", "eventId": "e1", "messageId": id }),
        json!({ "agentId": "other@rbm.goog", "senderPhoneNumber": OFFLINE, "eventType": "READ", "eventId": "e2", "messageId": id }),
    ] {
        for webhook in WEBHOOKS {
            assert_eq!(dev.notify(webhook, &document.to_string()).await.status, 200);
        }
    }
    assert_eq!(
        dev.get(&format!("/v1/messages/{id}")).await.body["state"],
        "accepted"
    );
    let events = dev.get("/v1/events").await.body;
    assert_eq!(
        events["events"].as_array().unwrap().len(),
        1,
        "the other agent's is not this one's to see: {events}"
    );
}

#[tokio::test]
async fn each_kind_of_event_has_its_own_fields() {
    let dev = Dev::start();
    let person = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": ANSWERS });
    for (index, (own, kind, expected)) in [
        (json!({ "text": "Hi" }), "message", json!({ "content": { "text": "Hi" } })),
        (json!({ "suggestionResponse": { "postbackData": "p" } }), "message", json!({ "content": { "tap": { "postback": "p" } } })),
        (json!({ "location": { "latitude": 1.5 } }), "message", json!({ "content": { "location": { "latitude": 1.5, "longitude": 0.0 } } })),
        (
            json!({ "userFile": { "payload": { "mimeType": "image/gif", "fileSizeBytes": "7", "fileUri": "https://x.example/a", "fileName": "a.gif" } } }),
            "message",
            json!({ "content": { "file": { "url": "https://x.example/a", "mime_type": "image/gif", "size_bytes": 7, "name": "a.gif" } } }),
        ),
        (json!({ "eventType": "DELIVERED", "messageId": "m" }), "delivered", json!({ "message_id": "m" })),
        (json!({ "eventType": "READ", "messageId": "m" }), "read", json!({ "message_id": "m" })),
        (json!({ "eventType": "IS_TYPING" }), "typing", json!({})),
        (json!({ "eventType": "TTL_EXPIRATION_REVOKED", "messageId": "m" }), "expired", json!({ "message_id": "m" })),
        (json!({ "eventType": "TTL_EXPIRATION_REVOKE_FAILED", "messageId": "m" }), "revoke_failed", json!({ "message_id": "m" })),
        (json!({ "eventType": "UNSUBSCRIBE" }), "unsubscribed", json!({})),
        (json!({ "eventType": "SUBSCRIBE" }), "subscribed", json!({})),
        (
            json!({ "regionId": "/v1/regions/fi-rcs", "oldLaunchState": "PENDING", "newLaunchState": "LAUNCHED" }),
            "agent_status",
            json!({ "region": "/v1/regions/fi-rcs", "before": "PENDING", "after": "LAUNCHED" }),
        ),
        (
            json!({ "requestId": "r", "rbmEnabled": true, "features": ["ACTION_DIAL"] }),
            "capabilities",
            json!({ "request_id": "r", "reachable": true, "features": ["ACTION_DIAL"] }),
        ),
        (json!({ "eventType": "SMILED" }), "unrecognised", json!({ "platform_kind": "SMILED" })),
    ]
    .into_iter()
    .enumerate()
    {
        let mut document = person.clone();
        document["eventId"] = json!(format!("e{index}"));
        document.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let document = document.to_string();
        assert_eq!(dev.notify("/webhooks/rbm/demo", &document).await.status, 200);
        let events = dev.get("/v1/events?limit=1000").await.body;
        let event = events["events"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&event["kind"], &event["raw"]), (&json!(kind), &json!(document)), "{event}");
        assert_eq!((&event["agent"], &event["phone"]), (&json!("demo"), &json!(ANSWERS)));
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&event[name], value, "{name} of {event}");
        }
    }
}

#[tokio::test]
async fn nothing_that_is_signed_is_lost_even_if_nobody_understands_it() {
    let dev = Dev::start();
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let (deep, deeper) = (nested(120), nested(100_000));
    let documents = [
        "no JSON at all",
        "{}",
        "[1,2]",
        r#"{"a":1,"a":2}"#,
        &deep,
        &deeper,
    ];
    for document in documents {
        assert_eq!(
            dev.notify("/webhooks/rbm/demo", document).await.status,
            200,
            "{document:.20}"
        );
    }
    let events = dev.get("/v1/events").await.body;
    let raw: Vec<&str> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["raw"].as_str().unwrap())
        .collect();
    assert!(raw == documents);
    assert!(
        events["events"]
            .as_array()
            .unwrap()
            .iter()
            .all(|event| event["kind"] == "unrecognised")
    );
}

/// The platform's first call is answered while the message it is about is still being sent.
#[tokio::test]
async fn a_thousand_events_at_once_are_a_thousand_events() {
    let dev = Dev::start();
    let mut calls = Vec::new();
    for index in 0..1_000 {
        let document = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": HIDES_READING, "messageId": format!("u{index}"), "text": "x" });
        let dev = &dev;
        calls.push(async move {
            dev.notify("/webhooks/rbm/demo", &document.to_string())
                .await
                .status
        });
    }
    for batch in futures::future::join_all(calls.into_iter().collect::<Vec<_>>()).await {
        assert_eq!(batch, 200);
    }
    assert_eq!(
        dev.get("/v1/events?limit=1000").await.body["events"]
            .as_array()
            .unwrap()
            .len(),
        1_000
    );
}

#[tokio::test]
async fn a_request_that_breaks_off_is_no_event_and_a_connection_that_says_nothing_ends() {
    let dev = Dev::start();
    let address = dev.gateway.trim_start_matches("http://").to_owned();
    let ended = tokio::task::spawn_blocking(move || {
        let mut half = TcpStream::connect(&address).unwrap();
        half.write_all(
            b"POST /webhooks/rbm/demo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{\"message\"",
        )
        .unwrap();
        drop(half);
        let mut silent = TcpStream::connect(&address).unwrap();
        silent
            .set_read_timeout(Some(crate::program::PATIENCE))
            .unwrap();
        silent
            .write_all(b"POST /webhooks/rbm/demo HTTP/1.1\r\nhost:")
            .unwrap();
        let mut rest = Vec::new();
        silent.read_to_end(&mut rest)
    });
    assert!(
        ended.await.unwrap().is_ok(),
        "the server ends a connection whose header does not come"
    );
    assert_eq!(dev.get("/v1/events").await.body["events"], json!([]));
}

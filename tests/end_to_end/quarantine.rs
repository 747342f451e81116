//! What was put aside: seen by whoever looks after the gateway, and taken once its reason is gone.

use crate::program::{ANSWERS, envelope, sign};
use crate::serving::{Platform, Serve};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_forgotten_token_signed_is_taken_once_the_token_is_known() {
    let platform = Platform::start_far_away(Duration::ZERO).await;
    let mut serve = Serve::new(&platform, "");
    serve.start().await;
    let document = event("u1", "demo");
    assert_eq!(webhook(&serve, "forgotten", &document).await, 401);
    let listed = get(&serve, "/v1/quarantine").await;
    let aside = &listed["quarantine"][0];
    assert_eq!(
        (&aside["id"], &aside["rule"]),
        (&json!("q1"), &json!("signature-mismatch")),
        "{listed}"
    );
    let body = envelope(&document).to_string();
    assert_eq!(
        (&aside["whole"], &aside["body_bytes"]),
        (&json!(true), &json!(body.len()))
    );
    assert!(
        !aside["excerpt"].as_str().unwrap().is_empty()
            && body.starts_with(aside["excerpt"].as_str().unwrap())
    );
    let shown = get(&serve, "/v1/quarantine/q1").await;
    assert_eq!(shown["body"], json!(body));
    let headers = shown["headers"].as_array().unwrap();
    let signature =
        json!({ "name": "x-goog-signature", "value": sign("forgotten", document.as_bytes()) });
    assert!(headers.contains(&signature), "{shown}");
    assert!(
        headers
            .iter()
            .all(|header| header["name"] != "authorization"),
        "{shown}"
    );
    let (status, refused) = replay(&serve, "q1").await;
    assert_eq!(
        (status, &refused["code"]),
        (409, &json!("not-believed")),
        "{refused}"
    );
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .ends_with("(signature-mismatch)"),
        "{refused}"
    );

    serve.kill();
    fs::write(serve.directory.path().join("client-token"), "forgotten").unwrap();
    serve.start().await;
    let (status, taken) = replay(&serve, "q1").await;
    assert_eq!(
        (status, taken),
        (
            200,
            json!({ "id": "q1", "events": ["e1"], "duplicates": 0 })
        )
    );
    let events = get(&serve, "/v1/events").await;
    assert_eq!(events["events"][0]["message_id"], "u1", "{events}");
    assert_eq!(
        get(&serve, "/v1/quarantine").await,
        json!({ "quarantine": [], "next": null })
    );
    assert_eq!(replay(&serve, "q1").await.0, 404);
    assert_eq!(
        webhook(&serve, "forgotten", &document).await,
        200,
        "the platform sends it again"
    );
    assert_eq!(get(&serve, "/v1/events").await, events, "and it is known");
}

/// The platform's own repetition may come before somebody thinks of the quarantine.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_again_meanwhile_is_no_second_event() {
    let platform = Platform::start_far_away(Duration::ZERO).await;
    let mut serve = Serve::new(&platform, "");
    serve.start().await;
    let document = event("u1", "demo");
    assert_eq!(webhook(&serve, "forgotten", &document).await, 401);
    assert_eq!(webhook(&serve, "forgotten", &document).await, 401);
    serve.kill();
    fs::write(serve.directory.path().join("client-token"), "forgotten").unwrap();
    serve.start().await;
    assert_eq!(webhook(&serve, "forgotten", &document).await, 200);
    for id in ["q2", "q1"] {
        let taken = (200, json!({ "id": id, "events": [], "duplicates": 1 }));
        assert_eq!(replay(&serve, id).await, taken);
    }
    assert_eq!(
        get(&serve, "/v1/events").await["events"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(get(&serve, "/v1/quarantine").await["quarantine"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_stays_with_the_reason() {
    let platform = Platform::start_far_away(Duration::ZERO).await;
    let mut serve = Serve::new(&platform, "");
    serve.start().await;
    let token = serve.client_token.clone();
    assert_eq!(webhook(&serve, &token, &event("u1", "other")).await, 200);
    assert_eq!(
        webhook(&serve, "forgotten", &event(&"x".repeat(20_000), "demo")).await,
        401
    );
    let long = [("x-long", "y".repeat(5_000))];
    assert_eq!(
        post(&serve, "forgotten", &event("u3", "demo"), &long).await,
        401
    );
    let binary = serve
        .client
        .post(serve.webhook())
        .body(vec![0xff, 0xfe])
        .send()
        .await
        .unwrap();
    assert_eq!(binary.status(), 400);
    for (id, code, said) in [
        ("q1", "agent-not-served", "\"other@rbm.goog\""),
        ("q2", "not-whole", "bytes only 16384 were kept"),
        ("q3", "not-whole", "its headers were not kept"),
        ("q4", "not-believed", "(body-not-json)"),
    ] {
        let (status, refused) = replay(&serve, id).await;
        assert_eq!(
            (status, &refused["code"]),
            (409, &json!(code)),
            "{id}: {refused}"
        );
        assert!(
            refused["detail"].as_str().unwrap().contains(said),
            "{id}: {refused}"
        );
    }
    let listed = get(&serve, "/v1/quarantine?limit=3").await;
    let whole = |aside: &Value| (aside["id"].clone(), aside["whole"].clone());
    let listed_whole: Vec<_> = listed["quarantine"]
        .as_array()
        .unwrap()
        .iter()
        .map(whole)
        .collect();
    assert_eq!(
        listed_whole,
        [
            (json!("q4"), json!(true)),
            (json!("q3"), json!(false)),
            (json!("q2"), json!(false))
        ]
    );
    assert_eq!(listed["next"], "q2");
    assert_eq!(
        get(&serve, "/v1/quarantine?after=q2").await["quarantine"][0]["id"],
        "q1"
    );
    assert_eq!(
        get(&serve, "/v1/quarantine/q4").await["body_base64"],
        "//4="
    );
    for (path, status, code) in [
        ("/v1/quarantine/q9", 404, "not-found"),
        ("/v1/quarantine/9", 400, "id"),
        ("/v1/quarantine?after=e1", 400, "id"),
        ("/v1/quarantine?limit=0", 400, "limit"),
        ("/v1/quarantine?rule=x", 400, "parameter"),
        ("/v1/quarantine/q1?whole=true", 400, "parameter"),
    ] {
        let problem = ask(&serve, Method::GET, path).await;
        assert_eq!(
            (problem.0.as_u16(), &problem.1["code"]),
            (status, &json!(code)),
            "{path}: {}",
            problem.1
        );
    }
    assert_eq!(get(&serve, "/v1/events").await["events"], json!([]));
}

fn event(message: &str, agent: &str) -> String {
    let agent = format!("{agent}@rbm.goog");
    json!({ "agentId": agent, "senderPhoneNumber": ANSWERS, "messageId": message, "text": "x" })
        .to_string()
}

async fn webhook(serve: &Serve, token: &str, document: &str) -> u16 {
    post(
        serve,
        token,
        document,
        &[("authorization", "Bearer of-somebody".to_owned())],
    )
    .await
}

async fn post(serve: &Serve, token: &str, document: &str, headers: &[(&str, String)]) -> u16 {
    let request = serve
        .client
        .post(serve.webhook())
        .header("x-goog-signature", sign(token, document.as_bytes()));
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, value)
    });
    request
        .body(envelope(document).to_string())
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

async fn replay(serve: &Serve, id: &str) -> (u16, Value) {
    let (status, body) = ask(serve, Method::POST, &format!("/v1/quarantine/{id}/replay")).await;
    (status.as_u16(), body)
}

async fn get(serve: &Serve, path: &str) -> Value {
    let (status, body) = ask(serve, Method::GET, path).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn ask(serve: &Serve, method: Method, path: &str) -> (StatusCode, Value) {
    let response = serve
        .client
        .request(method, format!("{}{path}", serve.origin()))
        .send()
        .await
        .unwrap();
    (
        response.status(),
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

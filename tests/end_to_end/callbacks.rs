//! Events out of the running binary: posted to an application, and as a stream.

use crate::program::{ANSWERS, Dev, PATIENCE, text};
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

#[tokio::test]
async fn an_application_that_is_gone_is_told_nothing_until_it_is_enabled() {
    let (url, answer, mut received) = application(410).await;
    let dev = Dev::start_with(&["--forward-to", &url], "error");
    dev.send(&text(ANSWERS, "Hello")).await;
    dev.wait_for_event(|event| event["kind"] == "message").await;
    let disabled = dev
        .wait_for("/v1/callbacks", |body| {
            body["callbacks"][0]["enabled"] == false
        })
        .await;
    let callback = &disabled["callbacks"][0];
    assert_eq!(
        (&callback["name"], &callback["url"]),
        (&json!("forward-to"), &json!(url))
    );
    assert_eq!(
        callback["disabled_reason"],
        "410 Gone: it wants no more events"
    );
    assert_eq!(
        (&callback["undelivered"], &callback["last_answer"]["status"]),
        (&json!(4), &json!(410))
    );
    assert_eq!(received.recv().await, Some("e1".to_owned()));
    assert!(received.try_recv().is_err(), "one attempt was enough");

    answer.store(200, Ordering::SeqCst);
    let enabled = dev
        .post("/v1/callbacks/forward-to/enable", &json!({}))
        .await;
    assert_eq!(
        (enabled.status, &enabled.body["enabled"]),
        (200, &json!(true))
    );
    for cursor in ["e1", "e2", "e3", "e4"] {
        assert_eq!(
            timeout(PATIENCE, received.recv()).await.unwrap(),
            Some(cursor.to_owned())
        );
    }
    let done = dev
        .wait_for("/v1/callbacks", |body| {
            body["callbacks"][0]["undelivered"] == 0
        })
        .await;
    assert_eq!(done["callbacks"][0]["failures"], 0);
    assert_eq!(
        dev.get("/v1/dead-letters").await.body,
        json!({ "dead_letters": [], "next": null })
    );
}

/// Killed while the application does not answer, and started again with what was kept.
#[tokio::test]
async fn what_was_not_taken_is_posted_after_a_kill_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let (url, answer, mut received) = application(200).await;
    let arguments = ["--data", data, "--forward-to", &url];
    let mut dev = Dev::start_with(&arguments, "error");
    dev.send(&text(ANSWERS, "Hello")).await;
    for cursor in ["e1", "e2", "e3", "e4"] {
        assert_eq!(
            timeout(PATIENCE, received.recv()).await.unwrap(),
            Some(cursor.to_owned())
        );
    }
    dev.wait_for("/v1/callbacks", |body| {
        body["callbacks"][0]["cursor"] == "e4"
    })
    .await;
    answer.store(503, Ordering::SeqCst);
    dev.send(&text(ANSWERS, "Hello again")).await;
    dev.wait_for("/v1/callbacks", |body| {
        body["callbacks"][0]["undelivered"] == 4
    })
    .await;
    assert_eq!(
        timeout(PATIENCE, received.recv()).await.unwrap(),
        Some("e5".to_owned())
    );
    dev.kill();
    answer.store(200, Ordering::SeqCst);
    while received.try_recv().is_ok() {}

    let dev = Dev::start_with(&arguments, "error");
    for cursor in ["e5", "e6", "e7", "e8"] {
        assert_eq!(
            timeout(PATIENCE, received.recv()).await.unwrap(),
            Some(cursor.to_owned())
        );
    }
    dev.wait_for("/v1/callbacks", |body| {
        body["callbacks"][0]["undelivered"] == 0
    })
    .await;
    assert!(received.try_recv().is_err());
}

#[tokio::test]
async fn events_are_streamed_as_they_come_and_from_where_a_client_left_off() {
    let mut dev = Dev::start();
    let mut stream = open(&dev, "?agent=demo", None).await;
    dev.send(&text(ANSWERS, "Hello")).await;
    let mut seen = Vec::new();
    for expected in ["delivered", "read", "typing", "message"] {
        let event = next(&mut stream).await;
        assert_eq!(
            (
                &event["kind"],
                event.as_object().unwrap().contains_key("raw")
            ),
            (&json!(expected), true)
        );
        seen.push(event);
    }
    let mut again = open(&dev, "", Some("e2")).await;
    assert_eq!(
        (next(&mut again).await, next(&mut again).await),
        (seen[2].clone(), seen[3].clone())
    );
    let polled = dev.get("/v1/events?agent=demo").await.body;
    assert_eq!(polled["events"], json!(seen));

    let begun = Instant::now();
    assert_eq!(dev.stop(), Some(0), "with two streams open");
    assert!(
        begun.elapsed() < PATIENCE / 2,
        "it took {:?}",
        begun.elapsed()
    );
}

/// Answers everything so, and tells the cursors of what it was asked to take.
async fn application(status: u16) -> (String, Arc<AtomicU16>, mpsc::UnboundedReceiver<String>) {
    let (sender, received) = mpsc::unbounded_channel();
    let answer = Arc::new(AtomicU16::new(status));
    let answered = answer.clone();
    let take = move |body: Bytes| async move {
        let event: Value = serde_json::from_slice(&body).unwrap();
        let _ = sender.send(event["cursor"].as_str().unwrap().to_owned());
        StatusCode::from_u16(answered.load(Ordering::SeqCst)).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    tokio::spawn(async {
        axum::serve(listener, axum::Router::new().route("/events", post(take))).await
    });
    (url, answer, received)
}

async fn open(dev: &Dev, query: &str, last: Option<&str>) -> Response {
    let request = dev.request(Method::GET, &format!("/v1/events/stream{query}"));
    let request = last.into_iter().fold(request, |request, last| {
        request.header("last-event-id", last)
    });
    let response = request.send().await.unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()["content-type"].to_str().unwrap()
        ),
        (200, "text/event-stream")
    );
    response
}

/// Each event is one chunk, as it is written at once.
async fn next(stream: &mut Response) -> Value {
    let chunk = timeout(PATIENCE, stream.chunk())
        .await
        .unwrap()
        .unwrap()
        .expect("it goes on");
    let chunk = std::str::from_utf8(&chunk).unwrap();
    let lines: Vec<&str> = chunk.trim_end().lines().collect();
    let [id, kind, data] = lines[..] else {
        panic!("three lines: {chunk:?}")
    };
    let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(
        (json!(id), json!(kind)),
        (
            json!(format!("id: {}", event["cursor"].as_str().unwrap())),
            json!(format!("event: {}", event["kind"].as_str().unwrap()))
        )
    );
    event
}

//! `rbm dev`: the main job, from a message to the answer that it brings.

use crate::program::{ANSWERS, Dev, HIDES_READING, OFFLINE, PATIENCE, command, rbm, text};
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// The least of three, because making a key takes now more, now less.
#[test]
fn from_the_second_start_on_it_is_ready_in_half_the_time_of_a_start_without_a_cache() {
    let directory = TempDir::new().unwrap();
    let cache = &directory.path().join("cache");
    let ready_after = |cache: &Path| {
        let mut command = Dev::command();
        Dev::start_by(command.env("RBM_CACHE_DIR", cache)).ready_after
    };
    let first = ready_after(cache);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        with.push(ready_after(cache));
        without.push(ready_after(Path::new("")));
    }
    println!("first {first:?}, with cache {with:?}, without {without:?}");
    // Where the compiler was compiled with optimisation, making a key takes as long as compiling the plugin.
    if cfg!(debug_assertions) {
        assert!(2 * *with.iter().min().unwrap() <= *without.iter().min().unwrap());
    }
}

#[tokio::test]
async fn a_message_is_delivered_read_and_answered() {
    let dev = Dev::start();
    let begun = Instant::now();
    let id = dev
        .send(&json!({
            "agent": "demo", "to": ANSWERS, "content": { "text": "Is the parcel welcome?" },
            "suggestions": [{ "reply": { "text": "Yes", "postback": "yes" } }, { "reply": { "text": "No", "postback": "no" } }],
            "purpose": "transaction", "lifetime_seconds": 600,
        }))
        .await;
    let message = dev.wait_for_state(&id, "read").await;
    println!(
        "ready after {:?}, read after {:?}",
        dev.ready_after,
        begun.elapsed()
    );
    let facts: Vec<&str> = message["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["fact"].as_str().unwrap())
        .collect();
    assert_eq!(
        facts,
        ["queued", "sending", "accepted", "delivered", "read"]
    );
    assert!(
        message["history"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["at"].is_string())
    );
    assert_eq!(
        (&message["id"], &message["agent"], &message["to"]),
        (&json!(id), &json!("demo"), &json!(ANSWERS))
    );

    let events = dev.wait_for_event(|event| event["kind"] == "message").await;
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["delivered", "read", "typing", "message"]);
    for event in &events {
        assert_eq!(
            (&event["agent"], &event["phone"]),
            (&json!("demo"), &json!(ANSWERS))
        );
    }
    assert_eq!(
        (&events[0]["message_id"], &events[1]["message_id"]),
        (&json!(id), &json!(id))
    );
    assert_eq!(
        events[3]["content"]["tap"],
        json!({ "postback": "yes", "text": "Yes", "kind": "REPLY" })
    );
}

#[tokio::test]
async fn a_text_without_suggestions_is_answered_in_words() {
    let dev = Dev::start();
    dev.send(&text(ANSWERS, "Hello")).await;
    let events = dev.wait_for_event(|event| event["kind"] == "message").await;
    assert_eq!(
        events.last().unwrap()["content"]["text"],
        "You wrote: Hello"
    );
}

/// The two share the scenario's clock, which stands still here until somebody moves it.
#[tokio::test]
async fn a_scenario_says_what_phones_do_and_what_time_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scenario.toml");
    let scenario = "[clock]\nstart = \"2026-11-24T10:15:02Z\"\npaused = true\n[agents.other]\n\
                [[phones.\"+15550100009\".habits]]\nsteps = [{ after = \"2d\", do = { text = \"At last\" } }]\n";
    std::fs::write(&file, scenario).unwrap();
    let dev = Dev::start_with(&["--scenario", file.to_str().unwrap()], "error");
    let id = dev.send(&text("+15550100009", "Hello")).await;
    dev.wait_for_state(&id, "accepted").await;
    let clock = format!("{}/emulator/clock", dev.emulator);
    let moved = reqwest::Client::new()
        .post(&clock)
        .body(json!({ "advance": "48h 1s" }).to_string());
    assert_eq!(moved.send().await.unwrap().status(), 200);
    let events = dev.wait_for_event(|event| event["kind"] == "message").await;
    let said = events.last().unwrap();
    assert_eq!(
        (&said["content"]["text"], &said["agent"]),
        (&json!("At last"), &json!("demo"))
    );
    let message = dev.wait_for_state(&id, "delivered").await;
    let at: Timestamp = message["history"][0]["at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(at.to_string(), "2026-11-24T10:15:02Z");
}

#[tokio::test]
async fn the_line_says_where_everything_is() {
    let dev = Dev::start();
    assert_eq!(dev.agent, "demo@rbm.goog");
    assert_eq!(dev.webhook, format!("{}/webhooks/rbm/demo", dev.gateway));
    assert!(
        dev.gateway.starts_with("http://127.0.0.1:")
            && dev.emulator.starts_with("http://127.0.0.1:")
    );
    assert!(dev.client_token.len() >= 32, "it cannot be guessed");
    assert_ne!(dev.client_token, Dev::start().client_token);
    let registered = dev
        .get(&format!("{}/emulator/webhooks", dev.emulator))
        .await;
    assert_eq!(registered.body["webhooks"][0]["url"], dev.webhook);
}

#[tokio::test]
async fn every_event_is_forwarded_in_order_until_it_is_taken() {
    let (sender, mut received) = mpsc::unbounded_channel();
    let refusals = std::sync::Arc::new(AtomicU32::new(2));
    let take = move |headers: HeaderMap, body: Bytes| async move {
        // The first is refused twice.
        if refusals
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok()
        {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        sender.send((headers, body)).unwrap();
        StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    tokio::spawn(async {
        axum::serve(listener, axum::Router::new().route("/events", post(take))).await
    });
    let dev = Dev::start_with(&["--forward-to", &url], "warn");
    dev.send(&text(ANSWERS, "Hello")).await;
    let secret = dev.ready["forward_secret"].as_str().unwrap();
    for (kind, cursor) in [
        ("delivered", "e1"),
        ("read", "e2"),
        ("typing", "e3"),
        ("message", "e4"),
    ] {
        let (headers, body) = timeout(PATIENCE, received.recv()).await.unwrap().unwrap();
        let event: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&event["kind"], &event["cursor"]),
            (&json!(kind), &json!(cursor))
        );
        standardwebhooks::Webhook::new(secret)
            .unwrap()
            .verify(&body, &headers)
            .unwrap();
    }
}

/// Gateway and platform move together.
#[tokio::test]
async fn fifteen_days_pass_when_the_clock_jumps() {
    let dev = Dev::start();
    let days = |count: u64| count * 86_400;
    let id = dev
        .send(&json!({ "to": OFFLINE, "content": { "text": "Hi" }, "lifetime_seconds": days(15) }))
        .await;
    let late = Timestamp::now() + Duration::from_secs(days(10));
    let late =
        dev.send(&json!({ "to": HIDES_READING, "content": { "text": "Hi" }, "send_at": late.to_string() })).await;
    dev.wait_for_state(&id, "accepted").await;
    let clock = format!("{}/emulator/clock", dev.emulator);
    let advance = async |by: &str| dev.post(&clock, &json!({ "advance": by })).await;
    // What is due for a day is not sent any more.
    assert_eq!(advance("10d").await.status, 200);
    dev.wait_for_state(&late, "delivered").await;
    assert_eq!(advance("4d").await.status, 200);
    assert_eq!(
        dev.get(&format!("/v1/messages/{id}")).await.body["state"],
        "accepted",
        "there is a day left"
    );

    let begun = Instant::now();
    let moved = advance("1d").await.body;
    let message = dev.wait_for_state(&id, "expired").await;
    let events = dev.wait_for_event(|event| event["kind"] == "expired").await;
    let took = begun.elapsed();
    println!("expired {took:?} after the jump");
    // A day, to whoever waits for it. How fast the machine is does not matter.
    assert!(took < PATIENCE, "{took:?}");
    assert_eq!(
        dev.wait_for_event(|event| event["message_id"] == json!(id))
            .await,
        events
    );
    let event = events
        .iter()
        .find(|event| event["message_id"] == json!(id))
        .unwrap();
    let time = |time: &Value| time.as_str().unwrap().parse::<Timestamp>().unwrap();
    let (accepted_at, expired_at) = (time(&message["history"][0]["at"]), time(&event["at"]));
    assert!(
        expired_at.duration_since(accepted_at) >= SignedDuration::from_hours(15 * 24),
        "{expired_at}"
    );
    assert!(
        time(&event["received_at"]) >= time(&moved["now"]) - Duration::from_secs(1),
        "{event}"
    );
    // Tokens are bought and used as before.
    dev.wait_for_state(&dev.send(&text(ANSWERS, "Hello")).await, "read")
        .await;
}

#[test]
fn a_person_sees_what_happens() {
    let mut command = command(&[
        "dev",
        "--hello",
        "--gateway",
        "127.0.0.1:0",
        "--emulator",
        "127.0.0.1:0",
    ]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let seen: Vec<String> = lines
        .by_ref()
        .take_while(|line| !line.contains("tapped \"Yes\", postback \"yes\""))
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let seen = seen.join("\n");
    let mut place = 0;
    for word in [
        "curl http://127.0.0.1:",
        "queued",
        "sending",
        "accepted",
        "delivered",
        "read",
        "typing",
    ] {
        place += seen[place..]
            .find(word)
            .unwrap_or_else(|| panic!("no {word:?} after byte {place} of {seen}"));
    }
}

#[tokio::test]
async fn it_ends_when_it_is_asked_to() {
    let mut dev = Dev::start();
    dev.send(&text(ANSWERS, "Hello")).await;
    assert_eq!(dev.stop(), Some(0));
}

/// The platform of `rbm dev` forgets, its gateway does not.
#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let (mut accepted, mut events) = (Vec::new(), Vec::new());
    for round in 0..3 {
        let mut dev = Dev::start_with(&["--data", data], "warn");
        let second = rbm(
            &[
                "dev",
                "--gateway",
                "127.0.0.1:0",
                "--emulator",
                "127.0.0.1:0",
                "--data",
                data,
            ],
            b"",
        );
        assert_eq!(second.code, Some(2), "{}", second.stderr);
        assert!(
            second.stderr.contains("is in use by another process"),
            "{}",
            second.stderr
        );
        for number in 0..20 {
            accepted.push(dev.send(&text(ANSWERS, &format!("{round}/{number}"))).await);
        }
        dev.wait_for_state(&accepted[round * 20], "delivered").await;
        events = dev
            .wait_for_event(|event| event["message_id"] == accepted[round * 20])
            .await;
        dev.kill();
    }
    let dev = Dev::start_with(&["--data", data], "warn");
    for id in &accepted {
        let message = dev.get(&format!("/v1/messages/{id}")).await;
        assert_eq!((message.status, &message.body["id"]), (200, &json!(id)));
    }
    let kept = dev.get("/v1/events?limit=1000").await.body["events"]
        .as_array()
        .unwrap()
        .clone();
    assert!(
        events.iter().all(|event| kept.contains(event)),
        "each event is there as it was"
    );
}

#[test]
fn what_cannot_be_started_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, code, said) in [
        (
            &[
                "--gateway",
                "127.0.0.1:0",
                "--emulator",
                "127.0.0.1:0",
                "--data",
                "/dev/null",
            ][..],
            2,
            "--data /dev/null cannot be used: ",
        ),
        (
            &["--gateway", "0.0.0.0:0"],
            2,
            "--gateway 0.0.0.0:0 is not an address of this machine only",
        ),
        (
            &["--emulator", "[::]:0"],
            2,
            "--emulator [::]:0 is not an address of this machine only",
        ),
        (&["--gateway", "nowhere"], 2, "invalid value 'nowhere'"),
        (&["--gateway", &taken], 1, "cannot be listened on"),
        (
            &["--gateway", "127.0.0.1:0", "--emulator", &taken],
            1,
            "cannot be listened on",
        ),
        (
            &[
                "--gateway",
                "127.0.0.1:0",
                "--emulator",
                "127.0.0.1:0",
                "--forward-to",
                "ftp://x",
            ],
            2,
            "its scheme is \"ftp\"",
        ),
        (
            &[
                "--gateway",
                "127.0.0.1:0",
                "--emulator",
                "127.0.0.1:0",
                "--forward-to",
                "x",
            ],
            2,
            "--forward-to",
        ),
        (&["--frobnicate"], 2, "unexpected argument '--frobnicate'"),
    ] {
        let ended = rbm(&[&["dev"], arguments].concat(), b"");
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(said),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}

//! Every end of a message is told once to everybody who listens: in the list of events, in the stream and by callback, with the
//! reason, whoever decided it. Field case G3.

use crate::application::{Answer, Application};
use crate::failing::{ALWAYS, phone, post};
use crate::program::{PATIENCE, WITHOUT_RCS};
use crate::serving::{CALLBACK_SECRET, Platform, Serve, callback, events, get, messages};
use jiff::{SignedDuration, Timestamp};
use rbm_emulator::phone::Phone;
use rbm_emulator::{FaultRule, Options, RequestFault, RequestFaults};
use rbm_wire::name::PhoneNumber;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// What is to be told of the message with this text: the kind, whose decision it was, why, how many attempts were made, and which
/// status the platform answered.
type End = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<u64>,
    Option<u64>,
);

/// Attempts are named where their number does not depend on the time.
const ENDS: [End; 8] = [
    (
        "unreachable",
        "failed",
        "platform",
        "unreachable",
        Some(1),
        Some(404),
    ),
    (
        "rejected",
        "refused",
        "platform",
        "rejected",
        Some(1),
        Some(400),
    ),
    ("limited", "expired", "gateway", "rate_limited", None, None),
    (
        "unavailable",
        "failed",
        "gateway",
        "outcome_unknown",
        None,
        None,
    ),
    ("unsent", "revoked", "gateway", "requested", Some(0), None),
    (
        "taken back",
        "revoked",
        "platform",
        "requested",
        Some(1),
        None,
    ),
    (
        "undelivered",
        "expired",
        "platform",
        "not_delivered",
        None,
        None,
    ),
    (
        "opted out",
        "refused",
        "gateway",
        "opted_out",
        Some(0),
        None,
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_is_told_once_by_list_stream_and_callback() {
    let away = ["taken back", "undelivered"].map(|text| Phone {
        online: false,
        ..Phone::quiet(number(text))
    });
    let mut options = Options::default();
    options.phones.extend(away);
    let platform = Platform::start_with(options).await;
    let faults = [
        ("rejected", RequestFault::BadRequest),
        ("limited", RequestFault::TooMany),
        ("unavailable", RequestFault::Unavailable),
    ]
    .map(|(text, fault)| FaultRule {
        method: Some("phones.agentMessages.create".into()),
        phone: Some(number(text)),
        ..FaultRule::new(fault, ALWAYS)
    });
    let faults = faults.into();
    let faults = RequestFaults { faults };
    platform.emulator.set_faults(faults).unwrap();
    let application = Application::start(CALLBACK_SECRET, 7).await;
    let callback = callback("app", application.port);
    let mut serve = Serve::new(&platform, &callback);
    serve.start().await;
    serve.register_webhook(&platform).await;
    let streamed = follow(&serve).await;

    end_messages(&serve).await;
    let ids = wait_for_ends(&serve).await;
    let listed = events(&serve).await;
    for (text, kind, source, reason, attempts, http_status) in ENDS {
        let of_message = |event: &&Value| event["message_id"] == ids[text];
        let told: Vec<_> = listed
            .iter()
            .filter(of_message)
            .filter(|event| is_end(event))
            .collect();
        assert_eq!(told.len(), 1, "{text}: {told:?}");
        let event = told[0];
        for (name, value) in [
            ("kind", json!(kind)),
            ("source", json!(source)),
            ("reason", json!(reason)),
            ("phone", json!(recipient(text))),
        ] {
            assert_eq!(event[name], value, "{text}: {event}");
        }
        assert!(!event["detail"].as_str().unwrap().is_empty(), "{event}");
        if let Some(attempts) = attempts {
            assert_eq!(event["attempts"], attempts, "{event}");
        }
        let status = event["answer"]["http_status"].as_u64();
        assert_eq!(status, http_status, "{event}");
    }

    let expected = told_once(listed.iter().cloned());
    assert_eq!(expected.len(), ENDS.len());
    let begun = Instant::now();
    loop {
        let by_callback = application.posted().into_iter();
        let by_callback = by_callback.filter(|posted| posted.answer == Answer::Taken);
        let by_callback = told_once(
            by_callback
                .map(|posted| json!({ "kind": posted.kind, "message_id": posted.message_id })),
        );
        let by_stream = told_once(streamed.lock().unwrap().iter().cloned());
        if by_callback == expected && by_stream == expected {
            break;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{by_callback:?}\n{by_stream:?}\n{expected:?}"
        );
        sleep(Duration::from_millis(50)).await;
    }

    serve.kill();
    serve.start().await;
    let after = told_once(events(&serve).await.into_iter());
    assert_eq!(after, expected, "a start tells nothing again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_is_an_event_where_that_is_asked_for() {
    let platform = Platform::start().await;
    for (setting, expected) in [("events.accepted=true", 1), ("events.accepted=false", 0)] {
        let mut serve = Serve::new(&platform, "");
        serve.set(setting);
        serve.start().await;
        let message = json!({ "to": phone(1), "content": { "text": "Hi" } });
        assert_eq!(post(&serve, &message).await, 202);
        let begun = Instant::now();
        let accepted = loop {
            let message = messages(&serve).await.remove(0);
            if message["state"] != "queued" && message["state"] != "sending" {
                break message;
            }
            assert!(begun.elapsed() < PATIENCE, "{message}");
            sleep(Duration::from_millis(20)).await;
        };
        let told = events(&serve).await;
        let told: Vec<_> = told
            .iter()
            .filter(|event| event["kind"] == "accepted")
            .collect();
        assert_eq!(told.len(), expected, "{setting}: {told:?}");
        for event in told {
            assert_eq!(event["message_id"], accepted["id"]);
            assert_eq!(
                (&event["source"], &event["attempts"]),
                (&json!("platform"), &json!(1))
            );
        }
    }
}

/// Begins what ends as [`ENDS`] says.
async fn end_messages(serve: &Serve) {
    let message = |text: &str, more: Value| {
        let mut body = json!({ "to": recipient(text), "content": { "text": text } });
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        body
    };
    let soon = Timestamp::now() + SignedDuration::from_secs(2);
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    for (text, more) in [
        ("unreachable", json!({})),
        ("rejected", json!({})),
        ("limited", json!({ "lifetime_seconds": 10 })),
        ("unavailable", json!({ "lifetime_seconds": 10 })),
        ("unsent", json!({ "send_at": later })),
        ("taken back", json!({})),
        ("undelivered", json!({ "lifetime_seconds": 10 })),
        ("opted out", json!({ "send_at": soon })),
    ] {
        assert_eq!(post(serve, &message(text, more)).await, 202, "{text}");
    }
    let address = format!("{}/v1/opt-outs/{}", serve.origin(), recipient("opted out"));
    let opt_out = serve
        .client
        .put(address)
        .header("content-type", "application/json")
        .body(json!({ "reason": "told us" }).to_string());
    assert!(opt_out.send().await.unwrap().status().is_success());
    for (text, state) in [("unsent", "queued"), ("taken back", "accepted")] {
        let id = wait_for(serve, text, state).await;
        let address = format!("{}/v1/messages/{id}", serve.origin());
        let revoked = serve.client.delete(address).send().await.unwrap();
        assert_eq!(revoked.status(), 200, "{text}");
    }
}

/// The message's id.
async fn wait_for(serve: &Serve, text: &str, state: &str) -> String {
    let begun = Instant::now();
    loop {
        let address = format!("{}/v1/messages?state={state}", serve.origin());
        let page = get(&serve.client, &address).await;
        let mut found = page["messages"].as_array().unwrap().iter();
        if let Some(message) = found.find(|message| message["to"] == recipient(text)) {
            return message["id"].as_str().unwrap().to_owned();
        }
        assert!(begun.elapsed() < PATIENCE, "{text} is not {state}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The ids of all messages by their texts, once each has ended.
async fn wait_for_ends(serve: &Serve) -> BTreeMap<&'static str, String> {
    let mut ids = BTreeMap::new();
    for (text, kind, ..) in ENDS {
        ids.insert(text, wait_for(serve, text, kind).await);
    }
    assert_eq!(messages(serve).await.len(), ENDS.len());
    ids
}

/// Gathers the events of the stream.
async fn follow(serve: &Serve) -> Arc<Mutex<Vec<Value>>> {
    let address = format!("{}/v1/events/stream", serve.origin());
    let mut stream = serve.client.get(address).send().await.unwrap();
    let events = Arc::<Mutex<Vec<Value>>>::default();
    let gathered = events.clone();
    tokio::spawn(async move {
        let mut text = Vec::new();
        while let Ok(Some(bytes)) = stream.chunk().await {
            text.extend(bytes);
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = text.drain(..=end).collect();
                if let Some(data) = line.strip_prefix(b"data: ") {
                    let event = serde_json::from_slice(data).unwrap();
                    gathered.lock().unwrap().push(event);
                }
            }
        }
    });
    events
}

/// Ends of messages, and how often each was told.
fn told_once(events: impl Iterator<Item = Value>) -> BTreeMap<(String, String), u32> {
    let mut told = BTreeMap::new();
    for event in events.filter(is_end) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        *told.entry((text("kind"), text("message_id"))).or_default() += 1;
    }
    told
}

fn is_end(event: &Value) -> bool {
    ["failed", "refused", "expired", "revoked"]
        .iter()
        .any(|kind| event["kind"] == *kind)
}

/// Each message has a recipient of its own.
fn recipient(text: &str) -> String {
    match text {
        "unreachable" => WITHOUT_RCS.to_owned(),
        _ => phone(ENDS.iter().position(|(known, ..)| *known == text).unwrap()),
    }
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(&recipient(text)).unwrap()
}

//! The emulator's state is exported, imported and reset.

use crate::support::receiver::{Answer, Receiver, after_handshake};
use crate::support::{
    Api, TOKEN, Webhook, api, emulator_with, expect_invalid, register, start_with,
};
use jiff::Timestamp;
use rbm_clock::Clock;
use rbm_emulator::phone::{Act, Phone};
use rbm_emulator::platform::State;
use rbm_emulator::{Awaited, Emulator, Options, RequestFilter, WebhookSettings};
use rbm_wire::name::PhoneNumber;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;
use uuid::Uuid;

/// Everything at once: messages under way, read, waiting for a phone and running out, a file, a tester, a habit half done, faults,
/// and a notice that the webhook did not take.
#[tokio::test]
async fn a_twin_that_imported_goes_on_as_the_one_that_exported() {
    let (one, ones_webhook, ones_api) = start_with(paused(1)).await;
    lead_a_life(&one, &ones_webhook, &ones_api).await;
    let exported = get_state(&ones_api).await;

    let other = emulator_with(Options {
        phones: vec![],
        ..paused(2)
    })
    .await;
    let others_api = api(&other).await;
    assert_eq!(put_state(&others_api, &exported).await, (204, Value::Null));
    assert_eq!(get_state(&others_api).await, exported);
    assert_eq!(
        other.export_state(),
        exported,
        "what waits for a webhook waits until there is one"
    );
    let others_webhook = register(&other).await;

    for (emulator, api) in [(&one, &ones_api), (&other, &others_api)] {
        emulator
            .act(&number("+15550100003"), None, Act::Online(true))
            .unwrap();
        assert_eq!(
            api.send("+15550100001", "m1", text("Again")).await.1["sendTime"],
            NOON,
            "it is known"
        );
        assert_eq!(
            api.send("+15550100002", "refused", text("By a fault"))
                .await
                .0,
            503
        );
        assert_eq!(
            api.send("+15550100002", "later", text("Later")).await.0,
            200
        );
        // Past the back-off, then past the end of what still waits.
        for step in ["10s", "16d", "20d"] {
            advance(api, step).await;
            emulator
                .wait_for(&Awaited::Quiet, Duration::from_secs(10))
                .await
                .unwrap();
        }
    }
    let (told, others) = (told(&ones_webhook), told(&others_webhook));
    assert!(others.is_subset(&told), "{:#?}", others.difference(&told));
    // What the other one was not told is what had been taken before.
    let before: BTreeSet<String> = told.difference(&others).cloned().collect();
    assert!(
        before
            .iter()
            .all(|notice| notice.contains("DELIVERED") && notice.contains("m1")),
        "{before:#?}"
    );
    assert_eq!((before.len(), others.len()), (1, 11), "{others:#?}");
    // The one has called its webhook more often, which is none of the platform's state.
    assert_eq!(other.export_state(), one.export_state());
    one.shutdown().await;
    other.shutdown().await;
}

async fn lead_a_life(emulator: &Emulator, webhook: &Webhook, api: &Api) {
    assert_eq!(
        api.send("+15550100001", "m1", text("Shall we?")).await.0,
        200
    );
    advance(api, "200ms").await;
    emulator
        .wait_for(&Awaited::Quiet, Duration::from_millis(1))
        .await
        .unwrap_err();
    webhook.wait_for(1).await;
    assert_eq!(
        api.send("+15550100003", "waits", text("For you")).await.0,
        200
    );
    let runs_out = json!({ "contentMessage": { "text": "Not for long" }, "ttl": "1296000s" });
    assert_eq!(
        api.send("+15550100003", "runs-out", runs_out.clone())
            .await
            .0,
        200
    );
    assert_eq!(api.send("+15550100005", "nobody", runs_out).await.0, 200);
    emulator
        .act(&number("+15550100005"), None, Act::Online(false))
        .unwrap();
    let tester = api.call(
        Method::POST,
        "/v1/phones/+15550100006/testers?agentId=demo",
        &api.token,
        Some(json!({})),
    );
    assert_eq!(tester.await.0, 200);
    let file = api
        .post("/upload/v1/files?agentId=demo")
        .header("content-type", "image/png")
        .body("bytes");
    assert_eq!(file.send().await.unwrap().status(), 200);
    let fault = json!({ "fault": "unavailable", "dose": { "next": 1 }, "phone": "+15550100002" });
    let faults = json!({ "faults": [fault] });
    assert_eq!(
        api.call(Method::PUT, "/emulator/faults", "", Some(faults))
            .await
            .0,
        200
    );
    webhook.0.failing.store(true, Ordering::SeqCst);
    emulator
        .act(&number("+15550100001"), None, Act::Text("And I say".into()))
        .unwrap();
    webhook.wait_for(2).await;
    emulator
        .act(&number("+15550100001"), None, Act::Text("And again".into()))
        .unwrap();
    while webhooks(api).await["queue"]["waiting"] != 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn what_does_not_fit_together_is_named_and_nothing_changes() {
    let (emulator, webhook, api) = start_with(paused(1)).await;
    lead_a_life(&emulator, &webhook, &api).await;
    let exported = get_state(&api).await;
    let queued = "/platform/agents/demo/ids/waits/message";
    for (pointer, value, said) in [
        (
            "/version",
            json!(2),
            "version: it is 2, and this emulator reads 1",
        ),
        (
            "/clock/start",
            Value::Null,
            "clock.start: invalid type: null, expected a string",
        ),
        (
            "/clock/rate",
            json!(0),
            "clock.rate: the rate 0 is none: it must be more than 0 and at most 86400",
        ),
        ("/api/jsn", json!("strict"), "api.jsn: unknown field `jsn`"),
        ("/surplus", json!(1), "surplus: unknown field `surplus`"),
        (
            &format!("{queued}/message/contentMessage/txt"),
            json!("?"),
            "message.contentMessage.txt: it is a field that the emulator does not know",
        ),
        (
            &format!("{queued}/state"),
            json!("lost"),
            "message.state: unknown variant `lost`, expected one of",
        ),
        (
            &format!("{queued}/state"),
            json!("read"),
            "message.timers: it is read, and has timers",
        ),
        (
            &format!("{queued}/phone"),
            json!("+15550100009"),
            "messages[0]: agent \"demo\" has no message \"waits\" to it",
        ),
        (
            &format!("{queued}/phone"),
            json!("0049"),
            "message.phone: \"0049\"",
        ),
        (
            &format!("{queued}/timers"),
            json!([[NOON, 999]]),
            "number is 999, and schedule.count is",
        ),
        (
            &format!("{queued}/message/contentMessage/text"),
            json!("x".repeat(4_000)),
            "message.contentMessage.text: contentMessage.text has 4000 characters, and takes 1 to 3072",
        ),
        (
            "/platform/phones/+15550100003/waiting",
            json!([]),
            "waiting: it is not what is queued for the phone",
        ),
        (
            "/platform/phones/+15550100003/phone/number",
            json!("+15550100001"),
            "number: it is +15550100001",
        ),
        (
            "/platform/phones/+15550100003/phone/settings/features",
            json!(["X"]),
            "settings.features: unknown variant `X`",
        ),
        (
            "/platform/agents/demo/agent/id",
            json!("other"),
            "platform.agents.demo.agent.id: it is \"other\"",
        ),
        ("/platform/agents/demo@rbm.goog", json!({}), "missing field"),
        ("/platform/schedule/count", json!(1), "schedule.count is 1"),
        (
            "/platform/schedule/planned/0/1",
            json!({ "launch": 1 }),
            "platform.schedule.planned[0][1]",
        ),
        (
            "/platform/named",
            json!(1_u64 << 60),
            "platform.named: it is 1152921504606846976, and at most",
        ),
        (
            "/platform/rules/delivery",
            json!("-1s"),
            "platform.rules.delivery: invalid value: string \"-1s\"",
        ),
        (
            "/platform/seed",
            json!("1"),
            "platform.seed: UUID parsing failed",
        ),
        (
            "/faults_asked",
            json!([]),
            "faults_asked: it has 0 counts, and there are 1 faults",
        ),
        (
            "/faults/faults/0/dose/rate",
            json!(2),
            "faults: the rate of Unavailable is 2: it must be from 0 to 1",
        ),
        (
            "/webhooks/backlog/waiting/0/stream/agent",
            json!("other"),
            "waiting[0].stream.agent: there is no agent \"other\"",
        ),
        (
            "/webhooks/backlog/waiting/0/notice/txt",
            json!("?"),
            "waiting.0.notice.txt: it is a field that the",
        ),
        (
            "/webhooks/settings/queue_length_max",
            json!(0),
            "webhooks.backlog: 2 notices wait, and settings.queue_length_max is 0",
        ),
    ] {
        let document = with(&exported, pointer, value);
        let (status, answer) = put_state(&api, &document).await;
        expect_invalid(status, &answer, "", pointer);
        let violations = answer["error"]["details"][0]["fieldViolations"]
            .as_array()
            .unwrap();
        let line = |violation: &Value| {
            [&violation["field"], &violation["description"]]
                .map(|text| text.as_str().unwrap_or_default())
                .join(": ")
        };
        let lines: Vec<String> = violations.iter().map(line).collect();
        assert!(
            lines.iter().any(|line| line.contains(said)),
            "{pointer}: {lines:#?}"
        );
        let problem = emulator.import_state(&document).unwrap_err();
        assert!(problem.to_string().contains(said), "{problem}");
        assert_eq!(get_state(&api).await, exported, "{pointer}");
    }
    for (document, said) in [
        ("", "it must be an object"),
        ("[]", "it must be an object"),
        ("{}", "missing field `version`"),
    ] {
        assert!(
            emulator
                .import_state(document)
                .unwrap_err()
                .to_string()
                .contains(said),
            "{document}"
        );
    }
    let twice = exported.replacen("\"agents\":{", "\"agents\":{\"demo@rbm.goog\":{},", 1);
    assert!(
        emulator
            .import_state(&twice)
            .unwrap_err()
            .to_string()
            .contains("missing field")
    );
    let agents: Value = serde_json::from_str(&exported).unwrap();
    let demo = &agents["platform"]["agents"]["demo"];
    let twice = exported.replacen(
        "\"agents\":{",
        &format!("\"agents\":{{\"demo@rbm.goog\":{demo},"),
        1,
    );
    let problem = emulator.import_state(&twice).unwrap_err().to_string();
    assert!(
        problem.starts_with("platform.agents: \"demo\" is there twice"),
        "{problem}"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_reset_twin_is_as_it_was_started() {
    let (emulator, webhook, api) = start_with(paused(1)).await;
    let without_time = |state: String| {
        let mut state: Value = serde_json::from_str(&state).unwrap();
        state["clock"]["start"] = Value::Null;
        // When an offline phone was last there.
        state["platform"]["phones"]["+15550100003"]["seen_at"] = Value::Null;
        state
    };
    let fresh = without_time(emulator.export_state());
    lead_a_life(&emulator, &webhook, &api).await;
    let clock = |body: Value| api.call(Method::POST, "/emulator/clock", "", Some(body));
    assert_eq!(
        [
            clock(json!({ "rate": 60 })).await.0,
            clock(json!({ "pause": false })).await.0
        ],
        [200, 200]
    );
    let first = webhook.wait_for(1).await.remove(0);

    let reset = Client::new().post(format!("{}/emulator/reset", emulator.origin()));
    assert_eq!(reset.send().await.unwrap().status(), 204);
    assert_eq!(without_time(emulator.export_state()), fresh);
    assert!(emulator.requests(&RequestFilter::default()).is_empty());
    let seen = webhooks(&api).await;
    assert_eq!(
        (&seen["queue"]["waiting"], &seen["deliveries"]),
        (&json!(0), &json!([])),
        "{seen:#}"
    );

    // The webhook and the token are as good as before, and ids are the same again.
    assert_eq!(
        api.send("+15550100001", "m1", text("Shall we?")).await.0,
        200
    );
    advance(&api, "200ms").await;
    let again = webhook.wait_for(3).await.pop().unwrap();
    assert_eq!(
        (&again["eventId"], &again["messageId"]),
        (&first["eventId"], &json!("m1"))
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_was_due_before_an_import_happens_at_it() {
    let (emulator, webhook, api) = start_with(paused(1)).await;
    lead_a_life(&emulator, &webhook, &api).await;
    let clock = Clock::paused_at("2026-12-14T12:00:00Z".parse::<Timestamp>().unwrap());
    let (later, _webhook, laters_api) = start_with(Options { clock, ..paused(2) }).await;
    assert_eq!(
        put_state(&laters_api, &emulator.export_state()).await.0,
        204
    );
    let state: Value = serde_json::from_str(&later.export_state()).unwrap();
    assert_eq!(state["clock"]["start"], "2026-12-14T12:00:00Z");
    let states = |emulator: &Emulator, phone: &str| {
        emulator
            .phone(&number(phone))
            .messages
            .into_iter()
            .map(|message| message.state)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        states(&later, "+15550100003"),
        [State::Queued, State::Expired]
    );
    assert_eq!(
        (
            states(&emulator, "+15550100001"),
            states(&later, "+15550100001")
        ),
        ([State::Delivered].into(), [State::Read].into())
    );
    emulator.shutdown().await;
    later.shutdown().await;
}

#[tokio::test]
async fn no_secret_is_in_a_state() {
    let (emulator, webhook, api) = start_with(paused(1)).await;
    lead_a_life(&emulator, &webhook, &api).await;
    let state = emulator.export_state();
    let key = crate::support::account(&emulator)["private_key_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for secret in [TOKEN, &api.token, &key, "PRIVATE KEY"] {
        assert!(!state.contains(secret), "{secret} is in {state}");
    }
    emulator.shutdown().await;
}

/// A call that is under way when everything is replaced is of what was there before.
#[tokio::test]
async fn what_was_being_told_is_in_the_state_and_not_told_after_a_reset() {
    let receiver = Receiver::start(after_handshake(|_| Answer::Hang)).await;
    let webhooks_settings = WebhookSettings {
        answer_time_max: Duration::from_millis(300),
        ..WebhookSettings::default()
    };
    let (emulator, webhook, api) = start_with(Options {
        webhooks: webhooks_settings,
        ..paused(1)
    })
    .await;
    let url = webhooks(&api).await["webhooks"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned();
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    emulator
        .act(&number("+15550100001"), None, Act::Text("Hello".into()))
        .unwrap();
    receiver.wait_for(1).await;
    let state: Value = serde_json::from_str(&emulator.export_state()).unwrap();
    let waiting = &state["webhooks"]["backlog"]["waiting"];
    assert_eq!(
        (&waiting[0]["notice"]["text"], &waiting[0]["attempts"]),
        (&json!("Hello"), &json!(0)),
        "{waiting}"
    );
    emulator.reset();
    emulator.register_webhook(&url, TOKEN.into()).await.unwrap();
    emulator
        .act(&number("+15550100001"), None, Act::Text("New".into()))
        .unwrap();
    let told = webhook.wait_for(1).await;
    assert_eq!(
        told.iter()
            .map(|notice| &notice["text"])
            .collect::<Vec<_>>(),
        ["New"]
    );
    emulator.shutdown().await;
    receiver.stop().await;
}

/// Each value in turn is something else, or missing. What is refused changes nothing, and what is taken can be lived with.
#[tokio::test]
async fn whatever_a_state_says_it_is_refused_or_lived_with() {
    let (emulator, webhook, api) = start_with(paused(1)).await;
    lead_a_life(&emulator, &webhook, &api).await;
    let exported = emulator.export_state();
    let whole: Value = serde_json::from_str(&exported).unwrap();
    let others = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("demo"),
        json!("9999-12-30T22:00:00.999999999Z"),
        json!("-9999-01-02T01:59:59Z"),
        json!([]),
        json!({}),
    ];
    let (mut taken, mut refused) = (0, 0);
    for pointer in pointers(&whole)
        .iter()
        .filter(|pointer| !pointer.starts_with("/clock"))
    {
        let changed = others
            .iter()
            .map(|other| with(&exported, pointer, other.clone()));
        for document in changed.chain([without(&exported, pointer)]) {
            let before = emulator.export_state();
            if emulator.import_state(&document).is_err() {
                refused += 1;
                assert_eq!(emulator.export_state(), before, "{pointer}");
                continue;
            }
            taken += 1;
            for act in [
                Act::Online(false),
                Act::Online(true),
                Act::Read,
                Act::Answer,
                Act::Text("Hello".into()),
            ] {
                let _ = emulator.act(&number("+15550100003"), None, act);
            }
            let exported = emulator.export_state();
            emulator
                .import_state(&exported)
                .unwrap_or_else(|problem| panic!("{pointer}: {problem} in {document}"));
        }
    }
    assert!(
        taken > 100 && refused > 1_000,
        "{taken} were taken, {refused} refused"
    );
    emulator.import_state(&exported).unwrap();
    assert_eq!(emulator.export_state(), exported);
    emulator.shutdown().await;
}

/// A number as large or a fraction as long as anybody may set comes back as it was.
#[tokio::test]
async fn an_export_is_read_whatever_was_set() {
    let (emulator, _webhook, api) = start_with(paused(1)).await;
    let phone = json!({
        "latency": { "least": "1ns", "most": 9_000_000_000_000_000_000_u64 },
        "habits": [{ "steps": [{ "after": 0.123_456_789, "do": { "location": { "latitude": 0.1 + 0.2, "longitude": 1e-7 } } }] }],
        "tester_of": { "demo": "accepted" },
        "script": [{ "after": "999999d", "do": { "text": "\u{0}\u{1F600}" } }],
    });
    let (status, answer) = api
        .call(
            Method::PUT,
            "/emulator/phones/+15550100007",
            "",
            Some(phone),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    let exported = emulator.export_state();
    emulator.import_state(&exported).unwrap();
    assert_eq!(emulator.export_state(), exported);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_machines_clock_is_not_moved_by_an_import() {
    let machine = Options {
        clock: Clock::system(),
        ..paused(1)
    };
    let (emulator, _webhook, _api) = start_with(machine).await;
    let exported = emulator.export_state();
    let (later, paused) = (
        with(&exported, "/clock/start", json!("2800-01-01T00:00:00Z")),
        with(&exported, "/clock/paused", json!(true)),
    );
    for document in [later, paused] {
        let problem = emulator.import_state(&document).unwrap_err().to_string();
        assert_eq!(
            problem,
            "clock: this clock is the machine's, and cannot be moved"
        );
    }
    emulator.import_state(&exported).unwrap();
    emulator.reset();
    emulator.shutdown().await;
}

/// A clock that stands still, so that two of them show the same.
fn paused(seed: u128) -> Options {
    let clock = Clock::paused_at(NOON.parse::<Timestamp>().unwrap());
    let phones = rbm_emulator::phone::demo()
        .into_iter()
        .chain([Phone::quiet(number("+15550100006"))]);
    Options {
        clock,
        phones: phones.collect(),
        seed: Uuid::from_u128(seed),
        ..Options::default()
    }
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

fn text(text: &str) -> Value {
    json!({ "contentMessage": { "text": text } })
}

fn told(webhook: &Webhook) -> BTreeSet<String> {
    webhook.notices().iter().map(Value::to_string).collect()
}

async fn advance(api: &Api, by: &str) {
    let (status, answer) = api
        .call(
            Method::POST,
            "/emulator/clock",
            "",
            Some(json!({ "advance": by })),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
}

async fn webhooks(api: &Api) -> Value {
    api.call(Method::GET, "/emulator/webhooks", "", None)
        .await
        .1
}

async fn get_state(api: &Api) -> String {
    let answer = api
        .client
        .get(format!("{}/emulator/state", api.origin))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    answer.text().await.unwrap()
}

async fn put_state(api: &Api, document: &str) -> (u16, Value) {
    let request = api
        .client
        .put(format!("{}/emulator/state", api.origin))
        .body(document.to_owned());
    let answer = request.send().await.unwrap();
    let (status, body) = (answer.status().as_u16(), answer.bytes().await.unwrap());
    (
        status,
        if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap()
        },
    )
}

/// The places of everything in it.
fn pointers(value: &Value) -> Vec<String> {
    let names: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    let below = |(name, value): (String, &Value)| {
        let name = name.replace('~', "~0").replace('/', "~1");
        let inside = pointers(value)
            .into_iter()
            .map(|rest| format!("/{name}{rest}"))
            .collect::<Vec<_>>();
        [format!("/{name}")].into_iter().chain(inside)
    };
    names.into_iter().flat_map(below).collect()
}

fn without(document: &str, pointer: &str) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse::<usize>().unwrap())),
        other => panic!("{parent} is {other}"),
    }
    document.to_string()
}

/// The same with something else at a place, which may be a new one.
fn with(document: &str, pointer: &str, value: Value) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("no {parent}"))
    {
        Value::Object(fields) => drop(fields.insert(name.to_owned(), value)),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{parent} is {other}"),
    }
    document.to_string()
}

const NOON: &str = "2026-11-24T12:00:00Z";

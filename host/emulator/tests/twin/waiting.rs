//! Waiting until something has happened, over HTTP and in Rust.

use crate::support::{Api, expect_invalid, start, start_by};
use rbm_clock::Clock;
use rbm_emulator::phone::Act;
use rbm_emulator::platform::{PhoneProblem, State};
use rbm_emulator::{Awaited, Emulator, Found, Options, WaitProblem};
use rbm_wire::name::{MessageId, PhoneNumber};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_wait_ends_when_a_message_is_in_its_state() {
    let (emulator, _webhook, api) = start().await;
    let waiting = wait(
        &api,
        "for=message&phone=+15550100005&id=m1&state=read&agent=demo",
    );
    let (waited, sent) = tokio::join!(waiting, api.send(PHONE, "m1", message()));
    assert_eq!((waited.0, sent.0), (200, 200), "{}", waited.1);
    let found =
        json!({ "agent": "demo", "id": "m1", "state": "read", "content": { "text": "Hi" } });
    assert_eq!(waited.1, json!({ "message": found }));
    let delivered = wait(&api, &format!("for=message&phone=%2B{}&id=m1", &PHONE[1..])).await;
    assert_eq!(
        delivered, waited,
        "what is read was delivered, and waiting for that is what is done by default"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_wait_ends_when_as_many_requests_have_come() {
    let (emulator, _webhook, api) = start().await;
    let waiting = wait(
        &api,
        "for=requests&count=3&method=phones.agentMessages.create&status=200",
    );
    let sending = async {
        for id in ["m1", "m2", "m3", "m4"] {
            api.send(PHONE, id, message()).await;
        }
    };
    let ((status, found), ()) = tokio::join!(waiting, sending);
    let ids: Vec<_> = found["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["id"].clone())
        .collect();
    assert_eq!(
        (status, ids),
        (200, vec![json!("m1"), json!("m2"), json!("m3")]),
        "{found}"
    );
    let of_before = wait(&api, "for=requests&count=4&agent=demo&timeout_ms=0").await;
    assert_eq!(
        of_before.1["requests"].as_array().unwrap().len(),
        4,
        "what has come before counts"
    );
    let after = of_before.1["requests"][3]["number"].as_u64().unwrap();
    assert_eq!(
        wait(&api, &format!("for=requests&after={after}&timeout_ms=0"))
            .await
            .0,
        408,
        "unless it is left out"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn it_is_quiet_when_everything_has_happened_and_was_taken() {
    let (emulator, webhook, api) = start().await;
    assert_eq!(
        wait(&api, "for=quiet").await,
        (200, json!({ "quiet": { "taken": 0 } }))
    );
    webhook.0.failing.store(true, Ordering::SeqCst);
    api.send("+15550100001", "m1", message()).await;
    api.send("+15550100003", "m2", message()).await;
    assert_eq!(
        wait(&api, "for=quiet").await,
        (200, json!({ "quiet": { "taken": 4 } })),
        "and m2 waits for its phone"
    );
    let kinds: Vec<_> = webhook
        .wait_for(5)
        .await
        .iter()
        .map(|notice| notice["eventType"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            json!("DELIVERED"),
            json!("DELIVERED"),
            json!("READ"),
            json!("IS_TYPING"),
            Value::Null
        ]
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_wait_that_fails_says_what_was_there_instead() {
    let clock = Clock::starting_at("2026-11-24T10:15:02Z".parse().unwrap());
    clock.pause().unwrap();
    let (emulator, _webhook, api) = start_by(clock.clone()).await;
    api.send(PHONE, "m1", message()).await;
    let (due, now) = (
        clock.now() + Duration::from_millis(200),
        format!("{} and is paused", clock.now()),
    );
    for (query, said) in [
        (
            "for=requests&count=2&method=phones.agentMessages.create",
            "1 of 2 requests that match had come, of 2 altogether".to_owned(),
        ),
        (
            "for=message&phone=+15550100005&id=m1",
            format!(
                "message m1 is queued on +15550100005, and not delivered; the clock shows {now}"
            ),
        ),
        (
            "for=message&phone=+15550100005&id=m2&state=read",
            format!(
                "there is no message m2 on +15550100005, and 1 others, and not read; the clock shows {now}"
            ),
        ),
        (
            "for=quiet",
            format!(
                "1 deliveries or acts of people are to come, the first at {due}; the clock shows {now}"
            ),
        ),
    ] {
        let begun = Instant::now();
        let (status, answer) = wait(&api, &format!("{query}&timeout_ms=50")).await;
        assert!(begun.elapsed() >= Duration::from_millis(50));
        assert_eq!(
            (status, &answer["error"]["status"]),
            (408, &json!("DEADLINE_EXCEEDED")),
            "{answer}"
        );
        assert_eq!(answer["error"]["message"], format!("after 50 ms {said}"));
    }
    let waiting = wait(&api, "for=message&phone=+15550100005&id=m1");
    let jump = async { clock.advance(Duration::from_hours(1)).unwrap() };
    assert_eq!(
        tokio::join!(waiting, jump).0.0,
        200,
        "a clock that jumps ends it"
    );
    let revoked = wait(&api, "for=message&phone=+15550100005&id=m1&state=revoked").await;
    assert_eq!(
        (revoked.0, &revoked.1["error"]["status"]),
        (409, &json!("FAILED_PRECONDITION"))
    );
    let said =
        "there is no use in waiting: message m1 is read on +15550100005, which is the end of it";
    assert_eq!(revoked.1["error"]["message"], said);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_at_once() {
    let (emulator, _webhook, api) = start().await;
    for (query, said) in [
        ("", "missing field `for`"),
        ("for=ever", "unknown variant `ever`"),
        ("for=message&id=m1", "phone"),
        ("for=message&phone=+15550100005", "missing field `id`"),
        ("for=message&phone=5&id=m1", "is not an E.164 phone number"),
        (
            "for=message&phone=+15550100005&id=m1&state=lost",
            "unknown variant `lost`",
        ),
        (
            "for=message&phone=+15550100005&id=m1&count=2",
            "unknown field `count`",
        ),
        ("for=requests&count=0", "the count is 0"),
        ("for=quiet&phone=+15550100005", "unknown field `phone`"),
        (
            "for=quiet&timeout_ms=300001",
            "300001 ms are too long: at most 300000 are waited",
        ),
        ("for=quiet&timeout_ms=-1", "invalid digit"),
    ] {
        let (status, answer) = wait(&api, query).await;
        expect_invalid(status, &answer, said, query);
    }
    let waiting = wait(&api, "for=message&phone=+15550100005&id=never");
    let ended = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        emulator.shutdown().await;
    };
    let ((status, answer), ()) = tokio::join!(waiting, ended);
    assert_eq!(
        (status, &answer["error"]["message"]),
        (503, &json!("the emulator has stopped"))
    );
}

#[tokio::test]
async fn a_test_in_rust_does_the_same_without_http() {
    let emulator = Emulator::start_on_any_port(Options::default())
        .await
        .unwrap();
    let (phone, silent) = (
        PhoneNumber::parse(PHONE).unwrap(),
        PhoneNumber::parse("+15550100003").unwrap(),
    );
    emulator
        .act(&phone, None, Act::Text("Hello".into()))
        .unwrap();
    let quiet = emulator
        .wait_for(&Awaited::Quiet, Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(
        quiet,
        Found::Quiet { taken: 0 },
        "without a webhook nobody is told"
    );
    let view = emulator.phone(&phone);
    assert_eq!(
        (
            view.said[0].notice.text.as_deref(),
            view.messages.len(),
            view.phone.number.as_str()
        ),
        (Some("Hello"), 0, PHONE)
    );
    assert_eq!(emulator.act(&silent, None, Act::Read), Ok(()));
    assert_eq!(
        emulator.act(&silent, None, Act::Type),
        Err(PhoneProblem::Silent(silent))
    );
    let client = Api {
        client: reqwest::Client::new(),
        origin: emulator.origin().to_owned(),
        token: emulator.access_token(),
    };
    assert_eq!(client.send(PHONE, "m1", message()).await.0, 200);
    let awaited = Awaited::Message {
        phone: phone.clone(),
        agent: None,
        id: MessageId::parse("m1").unwrap(),
        state: State::Read,
    };
    let Found::Message(found) = emulator
        .wait_for(&awaited, Duration::from_secs(10))
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(emulator.phone(&phone).messages, [*found]);
    let long = Duration::from_hours(1);
    assert_eq!(
        emulator.wait_for(&awaited, long).await,
        Err(WaitProblem::TooLong(long))
    );
    emulator.shutdown().await;
}

async fn wait(api: &Api, query: &str) -> (u16, Value) {
    api.text(Method::GET, &format!("/emulator/wait?{query}"), "", "")
        .await
}

fn message() -> Value {
    json!({ "contentMessage": { "text": "Hi" } })
}

const PHONE: &str = "+15550100005";

//! What arrives: every event, signed so that another implementation can verify it.

use crate::gateway::{Gateway, LOOK_EVERY, SECRET, event, impatient, settings};
use crate::receiver::{Received, Receiver};
use axum::http::StatusCode;
use rbm_gateway::callback::{Callback, CallbackSettings, Pace, StartFrom};
use rbm_gateway::store::Cursor;
use standardwebhooks::Webhook;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

#[tokio::test]
async fn every_event_arrives_signed() {
    let mut receiver = Receiver::start(async |_| StatusCode::NO_CONTENT).await;
    let mut gateway = Gateway::new();
    gateway.hear(0..5).await;
    let _run = gateway.start(Callback::new(settings("app", &receiver.url)).unwrap());
    let mut requests = receiver.take(5).await;
    gateway.hear(5..8).await;
    requests.extend(receiver.take(3).await);

    let verifier = Webhook::new(SECRET).unwrap();
    for request in &requests {
        verifier.verify(&request.body, &request.headers).unwrap();
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.header("user-agent").starts_with("rbm/"));
        assert!(
            !request.header("webhook-id").contains('.'),
            "it would end early in what is signed"
        );
        let altered = [&request.body[..], b" "].concat();
        verifier
            .verify(&altered, &request.headers)
            .expect_err("it is altered");
    }
    let cursors: HashSet<u64> = requests.iter().map(Received::cursor).collect();
    let ids: HashSet<&str> = requests
        .iter()
        .map(|request| request.header("webhook-id"))
        .collect();
    assert_eq!((cursors, ids.len()), ((1..=8).collect(), 8));
    assert_eq!(requests[0].event()["kind"], "typing");
    assert_eq!(requests[0].event()["raw"], "{\"text\":\"Grüße\n\"}");
    let known = gateway
        .wait_for("app", |known| known.after == Some(Cursor(8)))
        .await;
    assert_eq!((known.owed, known.dead), (0, 0));
}

/// An application compares the time with its own clock's.
#[tokio::test]
async fn what_is_signed_after_a_jump_is_fresh() {
    let mut receiver = Receiver::start(async |_| StatusCode::OK).await;
    let mut gateway = Gateway::new();
    gateway.later(15 * 86_400);
    gateway.hear([1]).await;
    let _run = gateway.start(Callback::new(settings("app", &receiver.url)).unwrap());
    let request = receiver.next().await;
    Webhook::new(SECRET)
        .unwrap()
        .verify(&request.body, &request.headers)
        .unwrap();
}

#[tokio::test]
async fn while_a_secret_takes_the_place_of_another_either_verifies() {
    let mut receiver = Receiver::start(async |_| StatusCode::OK).await;
    let mut gateway = Gateway::new();
    gateway.hear([1]).await;
    let secrets = vec![SECRET.into(), NEW_SECRET.into()];
    let callback = Callback::new(CallbackSettings {
        secrets,
        ..settings("app", &receiver.url)
    })
    .unwrap();
    let _run = gateway.start(callback);
    let request = receiver.next().await;
    assert_eq!(request.header("webhook-signature").split(' ').count(), 2);
    for (secret, verifies) in [(SECRET, true), (NEW_SECRET, true), (OTHER_SECRET, false)] {
        let verified = Webhook::new(secret)
            .unwrap()
            .verify(&request.body, &request.headers);
        assert_eq!(verified.is_ok(), verifies, "{secret}");
    }
}

#[tokio::test]
async fn an_event_has_the_same_id_in_each_attempt_and_each_store() {
    let mut ids = HashSet::new();
    for _ in 0..2 {
        let mut receiver = Receiver::start(async |_| StatusCode::INTERNAL_SERVER_ERROR).await;
        let gateway = Gateway::new();
        gateway
            .store
            .ingest(vec![event("k1", "demo", 1)])
            .await
            .unwrap();
        let _run = gateway.start(impatient(settings("app", &receiver.url), 2));
        ids.extend(
            receiver
                .take(3)
                .await
                .iter()
                .map(|request| request.header("webhook-id").to_owned()),
        );
    }
    assert_eq!(ids.len(), 1);
}

/// Field case G8: a callback that is added or renamed is not posted all that is kept.
#[tokio::test]
async fn a_new_callback_begins_with_what_comes_from_now_on() {
    let mut receiver = Receiver::start(async |_| StatusCode::OK).await;
    let mut gateway = Gateway::new();
    let url = receiver.url.clone();
    let start = |gateway: &Gateway| {
        let settings = CallbackSettings {
            from: StartFrom::Now,
            ..settings("app", &url)
        };
        gateway.start(Callback::new(settings).unwrap())
    };
    let before = event("before", "demo", 1);
    gateway.store.ingest(vec![before]).await.unwrap();
    gateway.later(1);
    let run = start(&gateway);
    let mut after = event("after", "demo", 1);
    after.received_at = gateway.now();
    gateway.store.ingest(vec![after]).await.unwrap();
    assert_eq!(receiver.next().await.cursor(), 2);
    gateway
        .wait_for("app", |known| known.after == Some(Cursor(2)))
        .await;
    run.stop().await;

    gateway.hear([1]).await;
    gateway.later(1);
    let _run = start(&gateway);
    assert_eq!(receiver.next().await.cursor(), 3, "it is known now");
}

#[tokio::test]
async fn only_the_agents_that_are_asked_for_are_heard_of() {
    let mut receiver = Receiver::start(async |_| StatusCode::OK).await;
    let gateway = Gateway::new();
    let heard = ["demo", "other", "third", "other", "demo"];
    let heard = (1..)
        .zip(heard)
        .map(|(number, agent)| event(&format!("k{number}"), agent, 1));
    gateway.store.ingest(heard.collect()).await.unwrap();
    let agents = vec!["other".to_owned(), "third".to_owned()];
    let _run = gateway.start(
        Callback::new(CallbackSettings {
            agents,
            ordered: true,
            ..settings("app", &receiver.url)
        })
        .unwrap(),
    );
    let cursors: Vec<u64> = receiver
        .take(3)
        .await
        .iter()
        .map(Received::cursor)
        .collect();
    assert_eq!(
        cursors.iter().collect::<HashSet<_>>(),
        HashSet::from([&2, &3, &4])
    );
    gateway
        .wait_for("app", |known| known.after == Some(Cursor(5)))
        .await;
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn who_never_answers_delays_no_other() {
    let mut dead = Receiver::start(async |_| std::future::pending::<StatusCode>().await).await;
    let mut alive = Receiver::start(async |_| StatusCode::OK).await;
    let mut gateway = Gateway::new();
    let _dead = gateway.start(Callback::new(settings("dead", &dead.url)).unwrap());
    let _alive = gateway.start(Callback::new(settings("alive", &alive.url)).unwrap());
    gateway.hear(std::iter::repeat_n(1, 300)).await;
    alive.take(300).await;
    gateway
        .wait_for("alive", |known| known.after == Some(Cursor(300)))
        .await;
    assert_eq!(
        dead.take(16).await.len(),
        16,
        "as many as may be under way at once"
    );
    assert_eq!(
        (dead.rest().len(), gateway.consumer("dead").await.after),
        (0, None)
    );
}

/// What answers late holds neither the others up nor the cursor, and is not delivered twice.
#[tokio::test]
async fn one_answer_that_is_late_delays_no_other_event() {
    let gate = Arc::new(Semaphore::new(0));
    let entry = gate.clone();
    let mut receiver = Receiver::start(move |request| {
        let gate = entry.clone();
        async move {
            if request.cursor() == 1 {
                let _ = gate.acquire().await.unwrap();
            }
            StatusCode::OK
        }
    })
    .await;
    let mut gateway = Gateway::new();
    gateway.hear(std::iter::repeat_n(1, 400)).await;
    let _run = gateway.start(Callback::new(settings("app", &receiver.url)).unwrap());
    // As many as are in memory at once do not wait for it; the others not for long.
    receiver.take(128).await;
    gateway.later(2);
    receiver.take(272).await;
    let known = gateway
        .wait_for("app", |known| known.after == Some(Cursor(400)))
        .await;
    assert_eq!(
        (known.owed, known.oldest_owed),
        (1, Some(Cursor(1))),
        "it is under way, and written down"
    );
    gate.add_permits(1);
    gateway.wait_for("app", |known| known.owed == 0).await;
    assert!(receiver.rest().is_empty(), "and it came once");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for_for_ever() {
    let mut receiver = Receiver::start(async |_| std::future::pending::<StatusCode>().await).await;
    let mut gateway = Gateway::new();
    gateway.hear([1]).await;
    let pace = Pace {
        answer_time_max: Duration::from_millis(50),
        look_every: LOOK_EVERY,
        ..Pace::default()
    };
    let run = gateway.start_at(impatient(settings("app", &receiver.url), 1), pace);
    receiver.take(2).await;
    gateway.wait_for("app", |known| known.dead == 1).await;
    let letters = gateway.store.dead_letters("app", None, 9).await.unwrap();
    assert!(
        letters[0].reason.starts_with("it took too long"),
        "{}",
        letters[0].reason
    );
    assert_eq!(run.running.status().seen().failures, 2);
}

/// An answer is not kept, however long it is, and its status counts.
#[tokio::test]
async fn a_long_answer_is_an_answer() {
    let mut receiver = Receiver::start(async |_| (StatusCode::OK, "x".repeat(10 << 20))).await;
    let mut gateway = Gateway::new();
    gateway.hear([1, 2, 3]).await;
    let _run = gateway.start(Callback::new(settings("app", &receiver.url)).unwrap());
    receiver.take(3).await;
    let known = gateway
        .wait_for("app", |known| known.after == Some(Cursor(3)))
        .await;
    assert_eq!(known.owed, 0);
}

const NEW_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_SECRET: &str = "whsec_////////////////////////////////";

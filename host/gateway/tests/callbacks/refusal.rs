//! What is not taken comes again, until it is given up; and what was given up can be asked for.

use crate::gateway::{Gateway, impatient, settings};
use crate::receiver::{Received, Receiver};
use axum::http::{StatusCode, header};
use rbm_clock::{Clock, ClockProblem};
use rbm_gateway::callback::{Callback, Pace, Schedule};
use rbm_gateway::store::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test]
async fn any_2xx_is_taken_and_anything_else_comes_again() {
    for (first, attempts) in [
        (StatusCode::OK, 1),
        (StatusCode::CREATED, 1),
        (StatusCode::ACCEPTED, 1),
        (StatusCode::NO_CONTENT, 1),
        (StatusCode::MOVED_PERMANENTLY, 2),
        (StatusCode::NOT_MODIFIED, 2),
        (StatusCode::BAD_REQUEST, 2),
        (StatusCode::UNAUTHORIZED, 2),
        (StatusCode::NOT_FOUND, 2),
        (StatusCode::TOO_MANY_REQUESTS, 2),
        (StatusCode::INTERNAL_SERVER_ERROR, 2),
        (StatusCode::SERVICE_UNAVAILABLE, 2),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let mut receiver = Receiver::start(move |_| {
            let answer = if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                first
            } else {
                StatusCode::OK
            };
            async move { answer }
        })
        .await;
        let mut gateway = Gateway::new();
        gateway.hear([1]).await;
        let run = gateway.start(impatient(settings("app", &receiver.url), 5));
        receiver.take(attempts).await;
        gateway
            .wait_for("app", |known| {
                known.after == Some(Cursor(1)) && known.owed == 0
            })
            .await;
        assert_eq!(asked.load(Ordering::SeqCst), attempts, "{first}");
        assert_eq!(run.running.status().seen().failures, 0);
    }
}

#[tokio::test]
async fn it_comes_again_in_its_time_and_not_before() {
    let mut receiver = Receiver::start(async |_| StatusCode::INTERNAL_SERVER_ERROR).await;
    let mut gateway = Gateway::new();
    gateway.hear([1]).await;
    let run = gateway.start(Callback::new(settings("app", &receiver.url)).unwrap());
    // One and a half of each pause is the latest.
    for (attempts, pause_max) in (1..).zip([
        8, 450, 2_700, 10_800, 27_000, 54_000, 75_600, 108_000, 129_600,
    ]) {
        receiver.next().await;
        let known = gateway
            .wait_for("app", |_| run.running.status().seen().failures == attempts)
            .await;
        assert_eq!(
            (known.dead, receiver.rest().len()),
            (0, 0),
            "after attempt {attempts}"
        );
        gateway.later(pause_max);
    }
    receiver.next().await;
    gateway
        .wait_for("app", |known| known.owed == 0 && known.dead == 1)
        .await;
    let letters = gateway.store.dead_letters("app", None, 9).await.unwrap();
    assert_eq!(
        (letters[0].attempts, letters[0].reason.as_str()),
        (10, "500 Internal Server Error")
    );
}

/// By itself it would look after an hour.
#[tokio::test]
async fn a_clock_that_is_moved_brings_the_next_attempt_sooner() {
    type Move = fn(&Clock) -> Result<(), ClockProblem>;
    let moves: [(&str, Move); 2] = [
        ("a jump", |clock| clock.advance(Duration::from_mins(15))),
        ("another rate", |clock| clock.set_rate(36_000.0)),
    ];
    for (name, change) in moves {
        let mut receiver = Receiver::start(async |_| StatusCode::INTERNAL_SERVER_ERROR).await;
        let mut gateway = Gateway::new();
        gateway.hear([1]).await;
        let schedule = Schedule::new(vec![Duration::from_mins(10)]);
        let callback = Callback::new(settings("app", &receiver.url))
            .unwrap()
            .with_schedule(schedule);
        let _run = gateway.start_at(
            callback,
            Pace {
                look_every: Duration::from_hours(1),
                ..Pace::default()
            },
        );
        receiver.next().await;
        gateway.wait_for("app", |known| known.owed == 1).await;
        assert!(receiver.rest().is_empty(), "{name}: not before");
        change(&gateway.clock).unwrap();
        receiver.next().await;
        gateway.wait_for("app", |known| known.dead == 1).await;
    }
}

#[tokio::test]
async fn what_the_application_asks_for_is_waited_for() {
    let mut receiver = Receiver::start(async |_| {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "1800")],
        )
    })
    .await;
    let mut gateway = Gateway::new();
    gateway.hear([1]).await;
    let _run = gateway.start(Callback::new(settings("app", &receiver.url)).unwrap());
    receiver.next().await;
    gateway.wait_for("app", |known| known.owed == 1).await;
    let due = async |seconds| {
        gateway
            .store
            .due(
                "app",
                gateway.now() + jiff::SignedDuration::from_secs(seconds),
                9,
            )
            .await
    };
    assert_eq!(due(1_700).await.unwrap().len(), 0);
    assert_eq!(due(1_801).await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let mut canary = Receiver::start(async |_| StatusCode::OK).await;
    for status in [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ] {
        let redirect = (status, [(header::LOCATION, canary.url.clone())]);
        let mut receiver = Receiver::start(move |_| {
            let redirect = redirect.clone();
            async move { redirect }
        })
        .await;
        let mut gateway = Gateway::new();
        gateway.hear([1]).await;
        let _run = gateway.start(impatient(settings("app", &receiver.url), 1));
        receiver.take(2).await;
        gateway.wait_for("app", |known| known.dead == 1).await;
        let letters = gateway.store.dead_letters("app", None, 9).await.unwrap();
        assert!(
            letters[0].reason.ends_with("and no redirect is followed"),
            "{}",
            letters[0].reason
        );
    }
    assert!(canary.rest().is_empty());
}

#[tokio::test]
async fn who_is_gone_gets_nothing_until_enabled() {
    let gone = Arc::new(AtomicBool::new(true));
    let said = gone.clone();
    let mut receiver = Receiver::start(move |_| {
        let answer = if said.load(Ordering::SeqCst) {
            StatusCode::GONE
        } else {
            StatusCode::OK
        };
        async move { answer }
    })
    .await;
    let mut gateway = Gateway::new();
    gateway.hear([1]).await;
    let callback = impatient(settings("app", &receiver.url), 5);
    let run = gateway.start(callback.clone());
    receiver.next().await;
    let known = gateway
        .wait_for("app", |known| known.disabled.is_some())
        .await;
    assert_eq!(
        known.disabled.unwrap().reason,
        "410 Gone: it wants no more events"
    );
    run.stop().await;

    let run = gateway.start(callback);
    gateway.hear([1, 2]).await;
    gateway.later(1_000_000);
    run.stop().await;
    assert!(receiver.rest().is_empty(), "nothing, also after a start");

    gone.store(false, Ordering::SeqCst);
    let run = gateway.start(impatient(settings("app", &receiver.url), 5));
    gateway.store.enable("app", gateway.now()).await.unwrap();
    run.running.wake();
    let mut cursors: Vec<u64> = receiver
        .take(3)
        .await
        .iter()
        .map(Received::cursor)
        .collect();
    cursors.sort_unstable();
    assert_eq!(cursors, [1, 2, 3]);
    gateway
        .wait_for("app", |known| {
            known.owed == 0 && known.after == Some(Cursor(3))
        })
        .await;
}

#[tokio::test]
async fn what_was_given_up_is_delivered_when_it_is_replayed() {
    let broken = Arc::new(AtomicBool::new(true));
    let said = broken.clone();
    let mut receiver = Receiver::start(move |_| {
        let answer = if said.load(Ordering::SeqCst) {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        async move { answer }
    })
    .await;
    let mut gateway = Gateway::new();
    gateway.hear([1, 2, 3]).await;
    let run = gateway.start(impatient(settings("app", &receiver.url), 2));
    receiver.take(9).await;
    gateway
        .wait_for("app", |known| known.dead == 3 && known.owed == 0)
        .await;
    broken.store(false, Ordering::SeqCst);
    gateway.hear([4]).await;
    assert_eq!(
        receiver.next().await.cursor(),
        4,
        "what is dead holds nobody up"
    );

    assert_eq!(
        gateway
            .store
            .replay("app", Some(Cursor(2)), gateway.now())
            .await
            .unwrap(),
        1
    );
    run.running.wake();
    assert_eq!(receiver.next().await.cursor(), 2);
    gateway
        .wait_for("app", |known| known.dead == 2 && known.owed == 0)
        .await;
    assert_eq!(
        gateway
            .store
            .replay("app", None, gateway.now())
            .await
            .unwrap(),
        2
    );
    run.running.wake();
    receiver.take(2).await;
    gateway
        .wait_for("app", |known| known.dead == 0 && known.owed == 0)
        .await;
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn an_event_that_is_no_longer_kept_is_given_up() {
    use rbm_gateway::store::consumer::{Change, Delivery, Progress};
    let receiver = Receiver::start(async |_| StatusCode::OK).await;
    let gateway = Gateway::new();
    let (cursor, next_at) = (Cursor(7), Some(gateway.now()));
    let owed = Change::Owed(Delivery {
        cursor,
        conversation: None,
        attempts: 3,
        reason: None,
        next_at,
    });
    let progress = Progress {
        after: Some(cursor),
        changes: vec![owed],
        disabled: None,
    };
    gateway
        .store
        .progress("app", gateway.now(), progress)
        .await
        .unwrap();
    let _run = gateway.start(impatient(settings("app", &receiver.url), 5));
    gateway
        .wait_for("app", |known| known.dead == 1 && known.owed == 0)
        .await;
    let letters = gateway.store.dead_letters("app", None, 9).await.unwrap();
    assert_eq!(
        (letters[0].attempts, letters[0].reason.as_str()),
        (3, "the event is no longer kept")
    );
}

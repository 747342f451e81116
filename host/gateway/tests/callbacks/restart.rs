//! Neither an end nor a kill loses an event.

use crate::gateway::{Gateway, impatient, settings};
use crate::receiver::Receiver;
use axum::http::StatusCode;
use rbm_gateway::callback::{Callback, CallbackSettings};
use rbm_gateway::store::Cursor;
use rbm_gateway::store::consumer::Progress;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[tokio::test]
async fn an_end_writes_down_what_was_taken() {
    let mut receiver = Receiver::start(async |_| StatusCode::OK).await;
    let mut gateway = Gateway::new();
    let callback = Callback::new(settings("app", &receiver.url)).unwrap();
    for round in 1..=3 {
        gateway.hear([1, 2, 3]).await;
        let run = gateway.start(callback.clone());
        receiver.take(3).await;
        run.stop().await;
        assert_eq!(
            gateway.consumer("app").await.after,
            Some(Cursor(3 * round)),
            "it was written down at the end"
        );
    }
    assert!(receiver.rest().is_empty(), "nothing came twice");
}

#[tokio::test]
async fn a_kill_loses_nothing() {
    for ordered in [false, true] {
        assert_eq!(
            lost(ordered, Order::DeliverThenRecord).await,
            HashSet::new()
        );
    }
}

/// What the test above would say if the cursor moved first.
#[tokio::test]
async fn a_cursor_that_moves_before_the_delivery_is_seen_to_lose() {
    assert!(!lost(false, Order::RecordThenDeliver).await.is_empty());
}

enum Order {
    DeliverThenRecord,
    RecordThenDeliver,
}

/// Kills it while requests are being answered, some well and some not, over and over; tells which events nobody took.
async fn lost(ordered: bool, order: Order) -> HashSet<u64> {
    let healthy = Arc::new(AtomicBool::new(false));
    let state = healthy.clone();
    let taken = Arc::new(std::sync::Mutex::new(HashSet::new()));
    let noted = taken.clone();
    let mut receiver = Receiver::start(move |request| {
        let cursor = request.cursor();
        // While it is not healthy a third is refused, a third is never answered.
        let (healthy, noted) = (state.load(Ordering::SeqCst), noted.clone());
        async move {
            match cursor % 3 {
                0 if !healthy => return StatusCode::BAD_GATEWAY,
                1 if !healthy => std::future::pending().await,
                _ => {}
            }
            noted.lock().unwrap().insert(cursor);
            StatusCode::OK
        }
    })
    .await;
    let mut gateway = Gateway::new();
    let callback = impatient(
        CallbackSettings {
            ordered,
            ..settings("app", &receiver.url)
        },
        usize::from(u16::MAX),
    );
    let mut events = 0;
    for round in 0..6 {
        let more = 10 * round + 5;
        gateway
            .hear((0..more).map(|number| u8::try_from(number % 10).unwrap()))
            .await;
        events += u64::try_from(more).unwrap();
        let run = gateway.start(callback.clone());
        receiver.take(4).await;
        if matches!(order, Order::RecordThenDeliver) {
            let progress = Progress {
                after: Some(Cursor(events)),
                ..Progress::default()
            };
            gateway
                .store
                .progress("app", gateway.now(), progress)
                .await
                .unwrap();
        }
        run.kill().await;
    }
    healthy.store(true, Ordering::SeqCst);
    let _run = gateway.start(callback);
    gateway
        .wait_for("app", |known| {
            known.after == Some(Cursor(events)) && known.owed == 0
        })
        .await;
    let taken = taken.lock().unwrap();
    (1..=events)
        .filter(|cursor| !taken.contains(cursor))
        .collect()
}

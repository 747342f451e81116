//! In order, an event waits for those before it of its agent and person, and for no others. Without, nothing waits.

use crate::gateway::{Gateway, impatient, settings};
use crate::receiver::{Received, Receiver};
use axum::http::StatusCode;
use rbm_gateway::callback::CallbackSettings;
use rbm_gateway::store::Cursor;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn in_order_a_person_s_events_wait_for_the_first_of_them() {
    let (mut receiver, taken) = refusing(5, |request| request.cursor() == 1).await;
    let mut gateway = Gateway::new();
    // The first two of person 1 are read together, the third when the first is owed already.
    gateway.hear([1, 2, 1, 2]).await;
    let settings = CallbackSettings {
        ordered: true,
        ..settings("app", &receiver.url)
    };
    let _run = gateway.start(impatient(settings, 99));
    receiver.take(4).await;
    gateway.hear([1, 2]).await;
    let known = gateway
        .wait_for("app", |known| {
            known.after == Some(Cursor(6)) && known.owed == 0
        })
        .await;
    assert_eq!(known.dead, 0);
    let taken = taken.lock().unwrap().clone();
    assert_eq!(
        (of(&taken, 1), of(&taken, 2)),
        (vec![1, 3, 5], vec![2, 4, 6])
    );
}

#[tokio::test]
async fn without_order_nothing_waits() {
    let (mut receiver, taken) = refusing(usize::MAX, |request| request.cursor() == 1).await;
    let mut gateway = Gateway::new();
    gateway.hear([1, 1, 1]).await;
    let _run = gateway.start(impatient(settings("app", &receiver.url), 10_000));
    receiver.take(4).await;
    gateway.hear([1]).await;
    gateway
        .wait_for("app", |known| {
            known.after == Some(Cursor(4)) && known.owed == 1
        })
        .await;
    let taken: HashSet<u64> = taken
        .lock()
        .unwrap()
        .iter()
        .map(|(_, cursor)| *cursor)
        .collect();
    assert_eq!(taken, HashSet::from([2, 3, 4]));
}

#[tokio::test]
async fn in_order_what_is_given_up_lets_the_next_go() {
    let (receiver, taken) = refusing(usize::MAX, |request| request.cursor() == 1).await;
    let mut gateway = Gateway::new();
    gateway.hear([1, 1, 1]).await;
    let settings = CallbackSettings {
        ordered: true,
        ..settings("app", &receiver.url)
    };
    let _run = gateway.start(impatient(settings, 3));
    gateway
        .wait_for("app", |known| {
            known.after == Some(Cursor(3)) && known.dead == 1 && known.owed == 0
        })
        .await;
    assert_eq!(of(&taken.lock().unwrap(), 1), [2, 3]);
}

/// Whatever fails how often, with more events than are in memory at once: each is taken, and each person's in order.
#[tokio::test]
async fn in_order_a_storm_of_failures_mixes_nothing_up() {
    for (ordered, seed) in [(true, 1_u64), (true, 2), (true, 3), (false, 4)] {
        let state = Arc::new(Mutex::new(seed));
        let refused = move |_: &Received| {
            let mut state = state.lock().unwrap();
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (*state >> 33) % 10 < 4
        };
        let (receiver, taken) = refusing(usize::MAX, refused).await;
        let mut gateway = Gateway::new();
        let settings = CallbackSettings {
            ordered,
            ..settings("app", &receiver.url)
        };
        gateway
            .hear((0..300_u32).map(|number| u8::try_from(number * number % 7).unwrap()))
            .await;
        let _run = gateway.start(impatient(settings, 1_000));
        gateway
            .hear((0..100_u32).map(|number| u8::try_from(number % 3).unwrap()))
            .await;
        let known = gateway
            .wait_for("app", |known| {
                known.after == Some(Cursor(400)) && known.owed == 0
            })
            .await;
        assert_eq!(known.dead, 0);
        let taken = taken.lock().unwrap().clone();
        let each: HashSet<u64> = taken.iter().map(|(_, cursor)| *cursor).collect();
        assert_eq!(
            (each.len(), taken.len()),
            (400, 400),
            "each is taken once, where nothing crashes"
        );
        let in_order = (0..10).all(|person| of(&taken, person).is_sorted());
        // The unordered one shows that the storm is one.
        assert_eq!(in_order, ordered, "seed {seed}");
    }
}

type Taken = Arc<Mutex<Vec<(String, u64)>>>;

/// Refuses so many of those that are to be refused, and notes what it takes.
async fn refusing(
    times: usize,
    refused: impl Fn(&Received) -> bool + Clone + Send + Sync + 'static,
) -> (Receiver, Taken) {
    let taken = Taken::default();
    let (noted, counts) = (
        taken.clone(),
        Arc::new(Mutex::new(HashMap::<u64, usize>::new())),
    );
    let receiver = Receiver::start(move |request| {
        let mut counts = counts.lock().unwrap();
        let count = counts.entry(request.cursor()).or_default();
        let refuse = *count < times && refused(&request);
        *count += 1;
        if !refuse {
            noted
                .lock()
                .unwrap()
                .push((request.phone(), request.cursor()));
        }
        async move {
            if refuse {
                StatusCode::INTERNAL_SERVER_ERROR
            } else {
                StatusCode::OK
            }
        }
    })
    .await;
    (receiver, taken)
}

fn of(taken: &[(String, u64)], person: u8) -> Vec<u64> {
    let phone = format!("+1555010000{person}");
    taken
        .iter()
        .filter(|(of, _)| *of == phone)
        .map(|(_, cursor)| *cursor)
        .collect()
}

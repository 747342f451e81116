//! What every store must do for consumers of events.

use super::{Store, at, event, ingest};
use crate::store::Cursor;
use crate::store::consumer::{Change, Consumer, Delivery, Disabled, Progress};
use crate::store::retention::Retention;
use gateway_channel::Fact as Heard;
use jiff::Timestamp;
use std::collections::HashSet;

pub(super) async fn check(empty: &dyn Fn() -> Box<dyn Store>) {
    a_new_consumer_begins_with_what_came_since_a_time(&*empty()).await;
    a_cursor_is_a_consumers_own_and_never_goes_back(&*empty()).await;
    what_is_owed_is_due_in_its_time_and_until_it_is_taken(&*empty()).await;
    progress_may_be_told_twice(&*empty()).await;
    the_first_of_a_conversation_is_never_left_waiting(&*empty()).await;
    what_is_given_up_is_listed_and_can_be_owed_again(&*empty()).await;
    what_has_lost_its_place_holds_nobody_up(&*empty()).await;
    who_is_disabled_stays_so_until_enabled(&*empty()).await;
    the_newest_is_known(&*empty()).await;
    an_event_that_is_not_kept_is_owed_without_it(&*empty()).await;
}

/// Field case G8.
async fn a_new_consumer_begins_with_what_came_since_a_time(store: &dyn Store) {
    let begun = async |name: &str, since| {
        store.begin(name, since).await.expect("begun");
        consumer(store, name).await.after
    };
    assert_eq!(begun("early", at(5)).await, None);
    let mut late = event("late", Heard::Typing);
    late.received_at = at(9);
    ingest(
        store,
        vec![event("k1", Heard::Typing), event("k2", Heard::Typing), late],
    )
    .await;
    for (name, since, expected) in [
        ("oldest", Timestamp::MIN, None),
        ("all", at(5), None),
        ("last", at(6), Some(Cursor(2))),
        ("none", at(10), Some(Cursor(3))),
        ("early", at(10), None),
    ] {
        assert_eq!(begun(name, since).await, expected, "{name}");
    }
    progress(store, "early", Some(1), vec![]).await;
    assert_eq!(begun("early", at(10)).await, Some(Cursor(1)), "it is known");
}

async fn a_cursor_is_a_consumers_own_and_never_goes_back(store: &dyn Store) {
    assert_eq!(consumer(store, "a").await, Consumer::default());
    for (to, expected) in [
        (None, None),
        (Some(7), Some(7)),
        (Some(3), Some(7)),
        (None, Some(7)),
        (Some(9), Some(9)),
    ] {
        progress(store, "a", to, vec![]).await;
        assert_eq!(
            consumer(store, "a").await.after,
            expected.map(Cursor),
            "told {to:?}"
        );
    }
    assert_eq!(consumer(store, "b").await, Consumer::default());
}

async fn what_is_owed_is_due_in_its_time_and_until_it_is_taken(store: &dyn Store) {
    keep(store, 3).await;
    let owed = vec![owed(1, None, 20), owed(2, None, 10), owed(3, None, 30)];
    progress(store, "a", Some(3), owed).await;
    let known = Consumer {
        after: Some(Cursor(3)),
        owed: 3,
        oldest_owed: Some(Cursor(1)),
        ..Consumer::default()
    };
    assert_eq!(consumer(store, "a").await, known);
    for (second, expected) in [(9, &[][..]), (10, &[2]), (29, &[2, 1]), (30, &[2, 1, 3])] {
        assert_eq!(due(store, "a", second).await, expected, "at {second}");
    }
    assert_eq!(
        store.due("a", at(30), 1).await.expect("answer").len(),
        1,
        "no more than is asked for"
    );
    let (delivery, kept) = store.due("a", at(10), 1).await.expect("answer").remove(0);
    assert_eq!(
        Change::Owed(delivery),
        self::owed(2, None, 10),
        "it is as it was kept"
    );
    assert_eq!(kept.expect("its event").event.content.dedupe_key(), "k2");
    assert_eq!(due(store, "b", 99).await, [0; 0], "another's");
    progress(
        store,
        "a",
        None,
        vec![Change::Taken(Cursor(2)), self::owed(1, None, 40)],
    )
    .await;
    assert_eq!(due(store, "a", 39).await, [3]);
    progress(
        store,
        "a",
        None,
        vec![Change::Taken(Cursor(1)), Change::Taken(Cursor(3))],
    )
    .await;
    assert_eq!(
        consumer(store, "a").await,
        Consumer {
            after: Some(Cursor(3)),
            ..Consumer::default()
        }
    );
}

async fn progress_may_be_told_twice(store: &dyn Store) {
    keep(store, 4).await;
    progress(
        store,
        "a",
        Some(4),
        vec![
            owed(1, Some("x"), 1),
            owed(2, Some("x"), 1),
            owed(4, None, 1),
        ],
    )
    .await;
    let (mut after, mut owing) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        progress(
            store,
            "a",
            Some(4),
            vec![Change::Taken(Cursor(1)), dead(4), owed(2, Some("x"), 5)],
        )
        .await;
        after.push(consumer(store, "a").await);
        owing.push(due(store, "a", 9).await);
    }
    assert_eq!(
        (after[0].owed, after[0].dead, owing[0].as_slice()),
        (1, 1, &[2][..])
    );
    assert_eq!((&after[0], &owing[0]), (&after[1], &owing[1]));
}

async fn the_first_of_a_conversation_is_never_left_waiting(store: &dyn Store) {
    keep(store, 5).await;
    let first = vec![
        owed(1, Some("x"), 10),
        waiting(2, "x"),
        waiting(3, "x"),
        owed(4, Some("y"), 10),
    ];
    progress(store, "a", Some(4), first).await;
    assert_eq!(due(store, "a", 99).await, [1, 4], "the others wait");
    let asked = ["x", "y", "z"].map(str::to_owned).into();
    let owing = store.owing("a", asked).await.expect("answer");
    assert_eq!(owing, HashSet::from(["x", "y"].map(str::to_owned)));
    // Whichever way the first ends, the next is due at that moment.
    progress(store, "a", None, vec![Change::Taken(Cursor(1))]).await;
    assert_eq!(
        (due(store, "a", 49).await, due(store, "a", 50).await),
        (vec![4], vec![4, 2])
    );
    progress(store, "a", None, vec![dead(2)]).await;
    assert_eq!(due(store, "a", 50).await, [4, 3]);
    progress(store, "a", None, vec![Change::Taken(Cursor(3))]).await;
    assert!(
        store
            .owing("a", HashSet::from(["x".to_owned()]))
            .await
            .expect("answer")
            .is_empty()
    );
    progress(store, "a", Some(5), vec![waiting(5, "x")]).await;
    assert_eq!(
        due(store, "a", 50).await,
        [4, 5],
        "there is nothing for it to wait for"
    );
}

async fn what_is_given_up_is_listed_and_can_be_owed_again(store: &dyn Store) {
    keep(store, 3).await;
    progress(
        store,
        "a",
        Some(3),
        vec![owed(1, None, 1), dead(1), dead(2), dead(3)],
    )
    .await;
    let letters = store.dead_letters("a", None, 2).await.expect("answer");
    let seen = |letter: &crate::store::consumer::DeadLetter| {
        let key = letter
            .event
            .as_ref()
            .map(|event| event.event.content.dedupe_key().into_owned());
        (
            letter.cursor.0,
            letter.attempts,
            letter.at,
            letter.reason.clone(),
            key,
        )
    };
    let expected = |place: u64| {
        (
            place,
            10,
            at(7),
            "500".to_owned(),
            Some(format!("k{place}")),
        )
    };
    assert_eq!(
        letters.iter().map(seen).collect::<Vec<_>>(),
        [expected(1), expected(2)]
    );
    let rest = store
        .dead_letters("a", Some(Cursor(2)), 9)
        .await
        .expect("answer");
    assert_eq!(rest.iter().map(seen).collect::<Vec<_>>(), [expected(3)]);
    assert!(
        store
            .dead_letters("b", None, 9)
            .await
            .expect("answer")
            .is_empty()
    );

    assert_eq!(due(store, "a", 99).await, [0; 0]);
    assert_eq!(
        store
            .replay("a", Some(Cursor(9)), at(60))
            .await
            .expect("answer"),
        0
    );
    assert_eq!(
        store
            .replay("a", Some(Cursor(2)), at(60))
            .await
            .expect("answer"),
        1
    );
    assert_eq!(
        store
            .replay("a", Some(Cursor(2)), at(60))
            .await
            .expect("answer"),
        0,
        "it is not dead any more"
    );
    assert_eq!(
        (due(store, "a", 59).await, due(store, "a", 60).await),
        (vec![], vec![2])
    );
    assert_eq!(
        store.due("a", at(60), 1).await.expect("answer")[0]
            .0
            .attempts,
        0
    );
    assert_eq!(store.replay("a", None, at(60)).await.expect("answer"), 2);
    assert_eq!(due(store, "a", 60).await, [1, 2, 3]);
    assert_eq!(consumer(store, "a").await.dead, 0);
}

async fn what_has_lost_its_place_holds_nobody_up(store: &dyn Store) {
    keep(store, 3).await;
    progress(
        store,
        "a",
        Some(3),
        vec![owed(1, Some("x"), 1), waiting(2, "x")],
    )
    .await;
    progress(store, "a", None, vec![dead(1)]).await;
    store.replay("a", None, at(60)).await.expect("answer");
    assert_eq!(due(store, "a", 60).await, [2, 1]);
    progress(
        store,
        "a",
        None,
        vec![Change::Taken(Cursor(2)), waiting(3, "x")],
    )
    .await;
    assert_eq!(due(store, "a", 60).await, [3, 1], "3 does not wait for 1");
}

async fn who_is_disabled_stays_so_until_enabled(store: &dyn Store) {
    keep(store, 3).await;
    let disabled = Disabled {
        at: at(3),
        reason: "410 Gone".into(),
    };
    let made = Progress {
        after: None,
        changes: vec![owed(1, Some("x"), 90)],
        disabled: Some(disabled.clone()),
    };
    store.progress("a", at(50), made).await.expect("kept");
    progress(store, "a", Some(2), vec![waiting(2, "x")]).await;
    assert_eq!(consumer(store, "a").await.disabled, Some(disabled));
    store.enable("a", at(60)).await.expect("enabled");
    store
        .enable("b", at(60))
        .await
        .expect("somebody whom nobody has heard of");
    assert_eq!(consumer(store, "a").await.disabled, None);
    assert_eq!(
        (due(store, "a", 59).await, due(store, "a", 60).await),
        (vec![], vec![1]),
        "at once, in order"
    );
}

async fn the_newest_is_known(store: &dyn Store) {
    assert_eq!(store.newest().await.expect("answer"), None);
    keep(store, 3).await;
    assert_eq!(store.newest().await.expect("answer"), Some(Cursor(3)));
    assert_eq!(store.pruned().await.expect("answer"), None);
    let retention = Retention {
        keep_events_after: Some(Cursor(2)),
        ..Retention::default()
    };
    store
        .prune(Timestamp::MAX, &retention)
        .await
        .expect("pruned");
    assert_eq!(store.pruned().await.expect("answer"), Some(Cursor(2)));
    assert_eq!(store.newest().await.expect("answer"), Some(Cursor(3)));
}

async fn an_event_that_is_not_kept_is_owed_without_it(store: &dyn Store) {
    progress(store, "a", Some(8), vec![owed(7, None, 1), dead(8)]).await;
    let due = store.due("a", at(1), 9).await.expect("answer");
    assert_eq!(
        due.iter()
            .map(|(delivery, event)| (delivery.cursor.0, event.is_some()))
            .collect::<Vec<_>>(),
        [(7, false)]
    );
    let letters = store.dead_letters("a", None, 9).await.expect("answer");
    assert_eq!(
        letters
            .iter()
            .map(|letter| (letter.cursor.0, letter.event.is_some()))
            .collect::<Vec<_>>(),
        [(8, false)]
    );
}

async fn keep(store: &dyn Store, events: u64) {
    for place in 1..=events {
        ingest(store, vec![event(&format!("k{place}"), Heard::Typing)]).await;
    }
}

async fn consumer(store: &dyn Store, name: &str) -> Consumer {
    store.consumer(name).await.expect("answer")
}

/// Told at second 50.
async fn progress(store: &dyn Store, name: &str, after: Option<u64>, changes: Vec<Change>) {
    let progress = Progress {
        after: after.map(Cursor),
        changes,
        disabled: None,
    };
    store.progress(name, at(50), progress).await.expect("kept");
}

async fn due(store: &dyn Store, name: &str, second: i64) -> Vec<u64> {
    let due = store.due(name, at(second), 99).await.expect("answer");
    due.into_iter()
        .map(|(delivery, _)| delivery.cursor.0)
        .collect()
}

fn owed(place: u64, conversation: Option<&str>, second: i64) -> Change {
    let reason = Some("500".to_owned());
    let (conversation, next_at) = (conversation.map(str::to_owned), Some(at(second)));
    Change::Owed(Delivery {
        cursor: Cursor(place),
        conversation,
        attempts: 1,
        reason,
        next_at,
    })
}

fn waiting(place: u64, conversation: &str) -> Change {
    let conversation = Some(conversation.to_owned());
    Change::Owed(Delivery {
        cursor: Cursor(place),
        conversation,
        attempts: 0,
        reason: None,
        next_at: None,
    })
}

fn dead(place: u64) -> Change {
    Change::Dead {
        cursor: Cursor(place),
        attempts: 10,
        at: at(7),
        reason: "500".into(),
    }
}

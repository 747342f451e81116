//! What every store must do with what is too old, and with somebody who is to be forgotten.

use super::{DAY, PHONE, accept, at, claim, entry, event, ingest, message, stored};
use crate::lifecycle::{Fact, State};
use crate::store::quarantine::Quarantined;
use crate::store::retention::{DedupeDays, Erased, Pruned, Retention};
use crate::store::tester::{NewTester, TesterQuota};
use crate::store::{
    Accepted, Cursor, Filter, Ingested, NewEvent, NewMessage, Settlement, Store, Upload,
};
use gateway_channel::{Fact as Heard, Message};

pub(super) async fn check(empty: &dyn Fn() -> Box<dyn Store>) {
    each_kind_goes_when_it_is_too_old(&*empty()).await;
    what_may_yet_be_sent_is_never_too_old(&*empty()).await;
    a_message_is_as_old_as_what_was_last_heard_of_it(&*empty()).await;
    a_redelivery_is_known_when_the_event_is_gone(&*empty()).await;
    events_that_somebody_has_yet_to_read_stay(&*empty()).await;
    much_is_removed_bit_by_bit(&*empty()).await;
    a_person_is_erased_and_nobody_else(&*empty()).await;
}

async fn each_kind_goes_when_it_is_too_old(store: &dyn Store) {
    accept(store, "m1", 1).await;
    store
        .note("m1", entry(1, Fact::Failed))
        .await
        .expect("noted");
    ingest(
        store,
        vec![
            event("k1", Heard::Typing),
            event("k2", Heard::Read("m9".into())),
        ],
    )
    .await;
    store.quarantine(refused(b"x")).await.expect("kept");
    for (name, until) in [("f1", Some(at(DAY))), ("f2", None)] {
        let (agent, what) = ("demo".into(), "image/png".into());
        let upload = Upload {
            agent,
            name: name.into(),
            what,
            at: at(0),
            expires_at: until,
        };
        store.keep_upload(upload).await.expect("kept");
    }
    let retention = Retention {
        dedupe: DedupeDays::new(20).expect("enough"),
        messages_days: 40,
        events_days: 50,
        keep_events_after: None,
        orphans_days: 10,
        quarantine_days: 30,
    };
    let none = Pruned::default();
    for (day, expected) in [
        (0, none),
        (1, Pruned { uploads: 1, ..none }),
        (10, none),
        (11, Pruned { orphans: 1, ..none }),
        (21, Pruned { dedupe: 3, ..none }),
        (
            31,
            Pruned {
                quarantined: 1,
                ..none
            },
        ),
        (40, none),
        (
            41,
            Pruned {
                messages: 1,
                ..none
            },
        ),
        (51, Pruned { events: 3, ..none }),
        (9_999, none),
    ] {
        assert_eq!(
            prune(store, day, &retention).await,
            expected,
            "on day {day}"
        );
    }
    assert!(store.message("m1").await.expect("answer").is_none());
    assert!(store.read(None, 10).await.expect("answer").is_empty());
    assert!(store.quarantined(None, 9).await.expect("answer").is_empty());
    assert_eq!(store.uploads("demo", at(0)).await.expect("answer").len(), 1);
    assert_eq!(accept(store, "m9", 1).await, Accepted::New);
    assert_eq!(
        stored(store, "m9").await.facts.state(),
        State::Queued,
        "nobody remembers that it was read"
    );
    assert_eq!(
        accept(store, "m1", 2).await,
        Accepted::New,
        "its id is free again"
    );
}

async fn what_may_yet_be_sent_is_never_too_old(store: &dyn Store) {
    for id in ["m1", "m2"] {
        accept(store, id, 1).await;
    }
    claim(store, 0).await;
    let unknown = Settlement {
        entry: Some(entry(1, Fact::Unknown)),
        retry_at: Some(at(2)),
        ..Settlement::default()
    };
    store.settle("m2", 1, unknown).await.expect("settled");
    accept(store, "m3", 1).await;
    let soon = Retention {
        messages_days: 0,
        ..Retention::default()
    };
    assert_eq!(prune(store, 9_999, &soon).await, Pruned::default());
    assert_eq!(
        store
            .find(&Filter {
                most: 10,
                ..Filter::default()
            })
            .await
            .expect("messages")
            .len(),
        3
    );
}

async fn a_message_is_as_old_as_what_was_last_heard_of_it(store: &dyn Store) {
    accept(store, "m1", 1).await;
    store
        .note("m1", entry(50 * DAY, Fact::Read))
        .await
        .expect("noted");
    let retention = Retention {
        messages_days: 40,
        ..Retention::default()
    };
    assert_eq!(prune(store, 89, &retention).await.messages, 0);
    assert_eq!(prune(store, 91, &retention).await.messages, 1);
}

async fn a_redelivery_is_known_when_the_event_is_gone(store: &dyn Store) {
    ingest(store, vec![event("k1", Heard::Typing)]).await;
    let retention = Retention {
        events_days: 1,
        ..Retention::default()
    };
    assert_eq!(
        prune(store, 3, &retention).await,
        Pruned {
            events: 1,
            ..Pruned::default()
        }
    );
    assert_eq!(
        ingest(store, vec![event("k1", Heard::Typing)]).await,
        [Ingested::Duplicate]
    );
    assert_eq!(
        ingest(store, vec![event("k2", Heard::Typing)]).await,
        [Ingested::New(Cursor(2))],
        "no place twice"
    );
    let left = store.read(Some(Cursor(1)), 10).await.expect("events");
    assert_eq!(
        left.iter().map(|stored| stored.cursor).collect::<Vec<_>>(),
        [Cursor(2)]
    );
}

async fn events_that_somebody_has_yet_to_read_stay(store: &dyn Store) {
    ingest(
        store,
        ["a", "b", "c"]
            .map(|key| event(key, Heard::Typing))
            .to_vec(),
    )
    .await;
    let retention = Retention {
        events_days: 0,
        keep_events_after: Some(Cursor(1)),
        ..Retention::default()
    };
    assert_eq!(prune(store, 10, &retention).await.events, 1);
    let left = store.read(None, 10).await.expect("events");
    assert_eq!(
        left.iter().map(|stored| stored.cursor).collect::<Vec<_>>(),
        [Cursor(2), Cursor(3)]
    );
}

async fn much_is_removed_bit_by_bit(store: &dyn Store) {
    ingest(
        store,
        (0..1_300)
            .map(|key| event(&key.to_string(), Heard::Typing))
            .collect(),
    )
    .await;
    let pruned = prune(store, 100, &Retention::default()).await;
    assert_eq!(
        pruned,
        Pruned {
            dedupe: 1_300,
            events: 1_300,
            ..Pruned::default()
        }
    );
    assert!(store.read(None, 1).await.expect("answer").is_empty());
}

async fn a_person_is_erased_and_nobody_else(store: &dyn Store) {
    for (id, phone) in [("m1", PHONE), ("m2", PHONE), ("m3", OTHER)] {
        store.accept(message_to(phone, id)).await.expect("accepted");
    }
    claim(store, 0).await;
    let mut of_another = event("k3", Heard::Read("m9".into()));
    of_another.content.inbound_mut().expect("a webhook").phone = Some(OTHER.into());
    let facts = [
        ("k1", Heard::Delivered("m1".into())),
        ("k2", Heard::Read("m9".into())),
    ];
    let mut events: Vec<NewEvent> = facts
        .into_iter()
        .map(|(key, fact)| event(key, fact))
        .collect();
    events.push(of_another);
    ingest(store, events.clone()).await;
    for body in [br#"{"phone":"+15550100001"}"#.as_slice(), b"+15550100002"] {
        store.quarantine(refused(body)).await.expect("kept");
    }
    for phone in [PHONE, OTHER] {
        let tester = NewTester {
            agent: "demo".into(),
            phone: phone.into(),
            at: at(0),
        };
        store
            .count_tester(
                tester,
                TesterQuota {
                    per_day: 9,
                    total: 9,
                },
            )
            .await
            .expect("counted");
    }

    let erased = store.erase(PHONE).await.expect("erased");
    assert_eq!(
        erased,
        Erased {
            messages: 2,
            events: 2,
            orphans: 1,
            quarantined: 1,
            testers: 1
        }
    );
    assert_eq!(
        store.erase(PHONE).await.expect("nothing"),
        Erased::default()
    );
    assert_eq!(
        ingest(store, events).await,
        [Ingested::Duplicate; 3],
        "no redelivery brings it back"
    );
    let left = store
        .find(&Filter {
            most: 10,
            ..Filter::default()
        })
        .await
        .expect("messages");
    assert_eq!(
        left.iter()
            .map(|stored| stored.message.id.as_str())
            .collect::<Vec<_>>(),
        ["m3"]
    );
    assert_eq!(store.read(None, 10).await.expect("events").len(), 1);
    let aside = store.quarantined(None, 9).await.expect("answer");
    assert_eq!(
        aside
            .iter()
            .map(|stored| stored.request.body.as_slice())
            .collect::<Vec<_>>(),
        [b"+15550100002"]
    );
    assert_eq!(store.testers("demo").await.expect("answer").len(), 1);
    accept(store, "m9", 1).await;
    assert_eq!(
        stored(store, "m9").await.facts.state(),
        State::Queued,
        "what was heard of it is gone too"
    );
}

fn message_to(phone: &str, id: &str) -> NewMessage {
    let message = Message {
        recipient: phone.into(),
        ..message(id)
    };
    NewMessage {
        agent: "demo".into(),
        message,
        body_hash: [1; 32],
        at: at(0),
        send_at: None,
        expires_at: None,
    }
}

fn refused(body: &[u8]) -> Quarantined {
    let (path, rule, reason) = ("/".into(), "r".into(), "why".into());
    let body_bytes = body.len() as u64;
    Quarantined {
        at: at(0),
        path,
        rule,
        reason,
        headers: None,
        body: body.to_vec(),
        body_bytes,
    }
}

/// Until there is no more; it must end.
async fn prune(store: &dyn Store, day: i64, retention: &Retention) -> Pruned {
    let mut all = Pruned::default();
    for _ in 0..10 {
        let pruned = store.prune(at(day * DAY), retention).await.expect("pruned");
        all.dedupe += pruned.dedupe;
        all.messages += pruned.messages;
        all.events += pruned.events;
        all.orphans += pruned.orphans;
        all.quarantined += pruned.quarantined;
        all.uploads += pruned.uploads;
        if !pruned.more {
            return all;
        }
    }
    panic!("there is always more");
}

const OTHER: &str = "+15550100002";

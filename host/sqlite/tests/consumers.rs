//! Whatever consumers make of their events in whatever order, the store says what the store in memory says, also after it was
//! closed and opened again.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use gateway_channel::{Fact, Inbound};
use jiff::Timestamp;
use proptest::prelude::*;
use rbm_gateway::MemoryStore;
use rbm_gateway::store::consumer::{Change, Delivery, Disabled, Progress};
use rbm_gateway::store::event::EventContent;
use rbm_gateway::store::{Cursor, NewEvent, Store};
use rbm_sqlite::{Durability, SqliteStore};
use std::collections::BTreeSet;
use tempfile::TempDir;

#[derive(Clone, Debug)]
enum Step {
    Progress {
        who: u8,
        second: u8,
        after: Option<u8>,
        changes: Vec<(u8, u8, u8)>,
        disabled: bool,
    },
    Enable {
        who: u8,
        second: u8,
    },
    Replay {
        who: u8,
        only: Option<u8>,
        second: u8,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (who, second, place) = (0..2_u8, 0..60_u8, 1..8_u8);
    let changes = proptest::collection::vec((place.clone(), 0..6_u8, second.clone()), 0..5);
    let after = proptest::option::of(place.clone());
    prop_oneof![
        8 => (who.clone(), second.clone(), after, changes, proptest::bool::weighted(0.1))
            .prop_map(|(who, second, after, changes, disabled)| Step::Progress { who, second, after, changes, disabled }),
        1 => (who.clone(), second.clone()).prop_map(|(who, second)| Step::Enable { who, second }),
        2 => (who, proptest::option::of(place), second)
            .prop_map(|(who, only, second)| Step::Replay { who, only, second }),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn both_stores_say_the_same(steps in proptest::collection::vec(step(), 1..40)) {
        tokio::runtime::Runtime::new().unwrap().block_on(compare(steps));
    }
}

async fn compare(steps: Vec<Step>) {
    let directory = TempDir::new().unwrap();
    // Nothing is cut off here, so nothing need be flushed.
    let open = || SqliteStore::open_with(directory.path(), Durability::Normal).unwrap();
    let (model, mut store) = (MemoryStore::new(), Some(open()));
    // Places 6 and 7 have no event: it is no longer kept.
    let events: Vec<NewEvent> = (1..6).map(event).collect();
    model.ingest(events.clone()).await.unwrap();
    store.as_ref().unwrap().ingest(events).await.unwrap();
    for step in steps {
        if matches!(step, Step::Reopen) {
            drop(store.take());
            store = Some(open());
        }
        let kept = store.as_ref().unwrap();
        assert_eq!(
            apply(kept, &step).await,
            apply(&model, &step).await,
            "{step:?}"
        );
        assert_eq!(seen(kept).await, seen(&model).await, "after {step:?}");
    }
}

async fn apply(store: &dyn Store, step: &Step) -> u64 {
    match step {
        Step::Progress {
            who,
            second,
            after,
            changes,
            disabled,
        } => {
            let after = after.map(|place| Cursor(place.into()));
            let disabled = disabled.then(|| Disabled {
                at: at(*second),
                reason: "gone".into(),
            });
            let progress = Progress {
                after,
                changes: changes.iter().copied().map(change).collect(),
                disabled,
            };
            store
                .progress(&name(*who), at(*second), progress)
                .await
                .unwrap();
            0
        }
        Step::Enable { who, second } => {
            store.enable(&name(*who), at(*second)).await.unwrap();
            0
        }
        Step::Replay { who, only, second } => {
            let only = only.map(|place| Cursor(place.into()));
            store.replay(&name(*who), only, at(*second)).await.unwrap()
        }
        Step::Reopen => 0,
    }
}

/// An event is always of the same conversation: of none, or of one of two.
fn change((place, kind, second): (u8, u8, u8)) -> Change {
    let cursor = Cursor(place.into());
    let conversation = (place % 3 > 0).then(|| format!("c{}", place % 3));
    match kind {
        0 | 1 => Change::Taken(cursor),
        2 => Change::Dead {
            cursor,
            attempts: kind.into(),
            at: at(second),
            reason: format!("why {second}"),
        },
        _ => {
            let next_at = (kind > 3 || conversation.is_none()).then(|| at(second));
            let reason = (kind > 4).then(|| "500".to_owned());
            Change::Owed(Delivery {
                cursor,
                conversation,
                attempts: kind.into(),
                reason,
                next_at,
            })
        }
    }
}

/// All that anybody can ask for.
async fn seen(store: &dyn Store) -> String {
    let mut seen = Vec::new();
    for who in 0..3 {
        let name = name(who);
        let known = store.consumer(&name).await.unwrap();
        let asked = ["c0", "c1", "c2"].map(str::to_owned).into();
        let owing: BTreeSet<String> = store
            .owing(&name, asked)
            .await
            .unwrap()
            .into_iter()
            .collect();
        let (all, some) = (
            store.due(&name, at(60), 99).await,
            store.due(&name, at(30), 2).await,
        );
        let dead = (
            store.dead_letters(&name, None, 99).await,
            store.dead_letters(&name, Some(Cursor(3)), 1).await,
        );
        seen.push(format!("{known:?} {owing:?} {all:?} {some:?} {dead:?}"));
    }
    format!("{seen:?} {:?}", store.newest().await)
}

fn event(place: u8) -> NewEvent {
    let inbound = Inbound {
        dedupe_key: place.to_string(),
        agent: String::new(),
        phone: None,
        at: None,
        fact: Fact::Typing,
        details: Vec::new(),
        raw: vec![place],
    };
    NewEvent {
        agent: "demo".into(),
        received_at: at(0),
        content: EventContent::Platform(inbound),
        consent: None,
    }
}

fn name(who: u8) -> String {
    format!("app-{who}")
}

fn at(second: u8) -> Timestamp {
    Timestamp::from_second(1_795_515_302 + i64::from(second)).unwrap()
}

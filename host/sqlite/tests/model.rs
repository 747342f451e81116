//! Whatever is done to it in whatever order, the store says what the store in memory says, also after it was closed and opened
//! again, and after all of it was moved into another.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod made;

use gateway_channel::{Fact as Heard, Purpose};
use made::{PHONE, at, event, message};
use proptest::prelude::*;
use rbm_gateway::MemoryStore;
use rbm_gateway::lifecycle::{Fact, State};
use rbm_gateway::store::conformance::dump::{dump, restore};
use rbm_gateway::store::consent::{Consent, Reason, Wish};
use rbm_gateway::store::lane::{Order, Share};
use rbm_gateway::store::retention::{DedupeDays, Retention};
use rbm_gateway::store::{Cursor, Entry, Filter, Holds, NewEvent, Settlement, Store};
use rbm_sqlite::{Durability, SqliteStore};
use std::time::Duration;
use tempfile::TempDir;

#[derive(Clone, Debug)]
enum Step {
    Accept {
        id: u8,
        body: u8,
        code: bool,
    },
    Ingest {
        key: u8,
        id: u8,
        kind: u8,
        other: bool,
    },
    Claim {
        second: u8,
        most: usize,
        retries: usize,
        night: bool,
        probe: bool,
    },
    Expire {
        second: u16,
    },
    Recover {
        second: u8,
    },
    Requeue {
        id: u8,
        second: u8,
    },
    Unclaim {
        id: u8,
        attempt: u32,
        second: u8,
    },
    Settle {
        id: u8,
        attempt: u32,
        fact: u8,
        retry: Option<u8>,
    },
    Withdraw {
        id: u8,
        second: u8,
    },
    Note {
        id: u8,
        fact: u8,
    },
    Prune {
        day: u8,
        days: u8,
        after: Option<u8>,
    },
    Erase {
        other: bool,
    },
    Wish {
        key: u8,
        out: bool,
        second: u8,
        reason: u8,
        by_event: bool,
    },
    Reopen,
    Move,
}

fn step() -> impl Strategy<Value = Step> {
    let (id, second) = (0..4_u8, any::<u8>());
    prop_oneof![
        4 => (id.clone(), 0..2_u8, any::<bool>()).prop_map(|(id, body, code)| Step::Accept { id, body, code }),
        4 => (0..8_u8, id.clone(), 0..5_u8, any::<bool>())
            .prop_map(|(key, id, kind, other)| Step::Ingest { key, id, kind, other: other && key == 0 }),
        4 => (second, 0..4_usize, 0..4_usize, any::<bool>(), any::<bool>())
            .prop_map(|(second, most, retries, night, probe)| Step::Claim { second, most, retries, night, probe }),
        2 => (8..12_u8, any::<bool>(), 0..4_u8, 0..3_u8, any::<bool>()).prop_map(|(key, out, second, reason, by_event)| {
            Step::Wish { key, out, second, reason, by_event }
        }),
        1 => (500..700_u16).prop_map(|second| Step::Expire { second }),
        1 => second.prop_map(|second| Step::Recover { second }),
        1 => (id.clone(), second).prop_map(|(id, second)| Step::Requeue { id, second }),
        4 => (id.clone(), 0..4_u32, 0..4_u8, proptest::option::of(second))
            .prop_map(|(id, attempt, fact, retry)| Step::Settle { id, attempt, fact, retry }),
        2 => (id.clone(), 0..4_u32, second).prop_map(|(id, attempt, second)| Step::Unclaim { id, attempt, second }),
        2 => (id.clone(), second).prop_map(|(id, second)| Step::Withdraw { id, second }),
        2 => (id, 0..4_u8).prop_map(|(id, fact)| Step::Note { id, fact }),
        1 => (0..40_u8, 0..20_u8, proptest::option::of(0..4_u8))
            .prop_map(|(day, days, after)| Step::Prune { day, days, after }),
        1 => any::<bool>().prop_map(|other| Step::Erase { other }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Move),
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
    let mut directory = TempDir::new().unwrap();
    // Nothing is cut off here, so nothing need be flushed.
    let open =
        |directory: &TempDir| SqliteStore::open_with(directory.path(), Durability::Normal).unwrap();
    let (mut model, mut store) = (MemoryStore::new(), Some(open(&directory)));
    for step in steps {
        if matches!(step, Step::Reopen) {
            drop(store.take());
            store = Some(open(&directory));
            continue;
        }
        if matches!(step, Step::Move) {
            // What each gives away, the other goes on with.
            let lines = dump(store.as_ref().unwrap()).await;
            assert_eq!(dump(&model).await, lines);
            drop(store.take());
            directory = TempDir::new().unwrap();
            let moved = open(&directory);
            restore(&moved, &lines).await;
            (model, store) = (MemoryStore::new(), Some(moved));
            restore(&model, &lines).await;
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

#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn apply(store: &dyn Store, step: &Step) -> String {
    let name = |id: &u8| format!("m{id}");
    let entry = |fact: &u8, second: i64| Entry {
        at: at(second),
        fact: FACTS[usize::from(*fact)],
        attempt: None,
        reason: None,
        detail: None,
    };
    match step {
        Step::Accept { id, body, code } => {
            let mut message = message(&name(id), *body);
            message.message.purpose = code.then_some(Purpose::Authentication);
            format!("{:?}", store.accept(message).await.unwrap())
        }
        Step::Ingest {
            key,
            id,
            kind,
            other,
        } => {
            let about = name(id);
            let fact = match kind {
                0 => Heard::Delivered(about),
                1 => Heard::Read(about),
                2 => Heard::ExpiredAndRevoked(about),
                3 => Heard::ExpiredNotRevoked(about),
                _ => Heard::Typing,
            };
            let mut event = event(&format!("k{key}"), fact);
            if *other {
                event.content.inbound_mut().expect("a webhook").phone = Some(OTHER.into());
            }
            format!(
                "{:?}",
                store.ingest(vec![event.clone(), event]).await.unwrap()
            )
        }
        Step::Claim {
            second,
            most,
            retries,
            night,
            probe,
        } => {
            let ordinary = if *night { 0 } else { *most };
            let order = if *probe {
                Order::FirstAttempts
            } else {
                Order::TakeTurns
            };
            let share = Share {
                retries: *retries,
                ordinary,
                order,
                ..Share::any("demo", *most)
            };
            let claimed = store
                .claim(at((*second).into()), Duration::from_secs(30), &[share])
                .await
                .unwrap();
            format!("{claimed:?}")
        }
        Step::Expire { second } => format!(
            "{:?}",
            store
                .expire(at((*second).into()), 10, &Holds::new())
                .await
                .unwrap()
        ),
        Step::Recover { second } => {
            format!("{:?}", store.recover(at((*second).into())).await.unwrap())
        }
        Step::Requeue { id, second } => format!(
            "{:?}",
            store.requeue(&name(id), at((*second).into())).await.ok()
        ),
        Step::Settle {
            id,
            attempt,
            fact,
            retry,
        } => {
            let settlement = Settlement {
                entry: Some(entry(fact, 7)),
                retry_at: retry.map(|second| at(second.into())),
                ..Settlement::default()
            };
            format!(
                "{:?}",
                store.settle(&name(id), *attempt, settlement).await.ok()
            )
        }
        Step::Unclaim {
            id,
            attempt,
            second,
        } => {
            let retry_at = at((*second).into());
            format!(
                "{:?}",
                store.unclaim(&name(id), *attempt, retry_at).await.ok()
            )
        }
        Step::Withdraw { id, second } => format!(
            "{:?}",
            store.withdraw(&name(id), at((*second).into())).await.ok()
        ),
        Step::Note { id, fact } => {
            format!("{:?}", store.note(&name(id), entry(fact, 9)).await.ok())
        }
        Step::Prune { day, days, after } => {
            let days = u32::from(*days);
            let retention = Retention {
                dedupe: DedupeDays::new(days.max(14)).unwrap(),
                messages_days: days,
                events_days: days,
                keep_events_after: after.map(|place| Cursor(place.into())),
                orphans_days: days,
                quarantine_days: days,
            };
            format!(
                "{:?}",
                store
                    .prune(at(i64::from(*day) * 86_400), &retention)
                    .await
                    .unwrap()
            )
        }
        Step::Erase { other } => {
            let phone = if *other { OTHER } else { made::PHONE };
            format!("{:?}", store.erase(phone).await.unwrap())
        }
        Step::Wish {
            key,
            out,
            second,
            reason,
            by_event,
        } => {
            let reason = [
                Reason::Event,
                Reason::Keyword("Stop \u{1f600}".into()),
                Reason::Caller("told us".into()),
            ][usize::from(*reason)]
            .clone();
            let wish = if *out { Wish::OptedOut } else { Wish::OptedIn };
            let consent = Consent::new(
                wish,
                at((*second).into()) + Duration::from_nanos(1_001),
                reason,
            );
            if *by_event {
                let event = NewEvent {
                    consent: Some(consent),
                    ..event(&format!("k{key}"), Heard::Unsubscribed)
                };
                format!(
                    "{:?}",
                    store.ingest(vec![event.clone(), event]).await.unwrap()
                )
            } else {
                format!(
                    "{:?}",
                    store.note_consent("demo", PHONE, consent).await.unwrap()
                )
            }
        }
        Step::Reopen | Step::Move => String::new(),
    }
}

/// All that anybody can ask for.
async fn seen(store: &dyn Store) -> String {
    let all = Filter {
        most: 100,
        ..Filter::default()
    };
    let read = Filter {
        state: Some(State::Read),
        ..all.clone()
    };
    let older = Filter {
        after: Some("m2".into()),
        most: 1,
        ..all.clone()
    };
    let mut found = Vec::new();
    for filter in [all, read, older] {
        found.push(store.find(&filter).await.unwrap());
    }
    let events = store.read(None, 100).await.unwrap();
    let mut due = Vec::new();
    for share in [
        Share::any("demo", 1),
        Share {
            retries: 0,
            ..Share::any("demo", 1)
        },
        Share::any("other", 1),
    ] {
        due.push(store.next_due(&[share]).await.unwrap());
    }
    let consent = store.consent("demo", PHONE).await.unwrap();
    let heard = store.consent_history("demo", PHONE, 3).await.unwrap();
    let out = store.opted_out("demo", None, 10).await.unwrap();
    format!("{found:?} {events:?} {due:?} {consent:?} {heard:?} {out:?}")
}

const FACTS: [Fact; 4] = [Fact::Accepted, Fact::Unknown, Fact::Postponed, Fact::Failed];
const OTHER: &str = "+19999999999";

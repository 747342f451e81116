//! That every end of a message is one event, kept with the end itself, and that the store knows which agents were said to be held.

use super::sending::{DAY, expire, expiring, new, requeue, settle};
use super::{PHONE, at, claim, entry, event, ingest, keep, lent, stored, withdraw};
use crate::lifecycle::{Fact, State};
use crate::store::consent::{Consent, Reason, Wish};
use crate::store::event::{
    AgentEvent, AgentHold, EventContent, GatewayEvent, MessageEvent, PlatformAnswer, ReasonCode,
    Source,
};
use crate::store::lane::Share;
use crate::store::{Entry, Ingested, NewEvent, Settlement, Store, StoredEvent};
use gateway_channel::Fact as Heard;

pub(super) async fn check(empty: &dyn Fn() -> Box<dyn Store>) {
    what_an_attempt_ends_is_told(&*empty()).await;
    what_is_settled_again_changes_nothing(&*empty()).await;
    an_id_that_is_used_again_is_told_of_again(&*empty()).await;
    what_runs_out_is_told(&*empty()).await;
    an_opt_out_that_ends_a_message_is_told(&*empty()).await;
    a_revocation_is_told(&*empty()).await;
    what_fails_again_is_told_again(&*empty()).await;
    no_message_expires_twice(&*empty()).await;
    what_ends_nothing_is_not_told(&*empty()).await;
    an_acceptance_is_told_if_that_is_asked_for(&*empty()).await;
    which_agents_are_held_is_known(&*empty()).await;
}

async fn what_an_attempt_ends_is_told(store: &dyn Store) {
    for id in ["by-platform", "by-gateway"] {
        keep(store, new(id, None)).await;
    }
    claim(store, 1).await;
    let answer = PlatformAnswer {
        http_status: 400,
        status: Some("INVALID_ARGUMENT".into()),
        message: Some("no".into()),
    };
    for (id, fact, answer) in [
        ("by-platform", Fact::Refused, Some(answer.clone())),
        ("by-gateway", Fact::Failed, None),
    ] {
        let entry = Entry {
            attempt: Some(1),
            reason: Some(ReasonCode::Rejected),
            detail: Some("why".into()),
            ..entry(2, fact)
        };
        let settlement = Settlement {
            entry: Some(entry),
            answer,
            ..Settlement::default()
        };
        for again in [false, true] {
            let current = store.settle(id, 1, settlement.clone()).await;
            assert_eq!(current.expect("answer"), !again);
        }
    }
    let expected = |fact, id: &str, source, answer| MessageEvent {
        fact,
        message_id: id.into(),
        phone: PHONE.into(),
        at: at(2),
        number: 1,
        source,
        reason: Some(ReasonCode::Rejected),
        detail: Some("why".into()),
        attempts: 1,
        answer,
    };
    assert_eq!(
        told(store).await,
        [
            expected(Fact::Refused, "by-platform", Source::Platform, Some(answer)),
            expected(Fact::Failed, "by-gateway", Source::Gateway, None),
        ]
    );
}

/// The answer to the commit may have been lost.
async fn what_is_settled_again_changes_nothing(store: &dyn Store) {
    keep(store, new("m1", None)).await;
    claim(store, 1).await;
    settle(store, "m1", 1, Fact::Refused, None).await;
    let once = stored(store, "m1").await.history;
    let again = Settlement {
        entry: once.last().cloned(),
        ..Settlement::default()
    };
    assert!(!store.settle("m1", 1, again).await.expect("answer"));
    assert_eq!(stored(store, "m1").await.history, once);
}

async fn an_id_that_is_used_again_is_told_of_again(store: &dyn Store) {
    for second in [1, 2] {
        keep(store, new("m1", None)).await;
        withdraw(store, "m1", second).await;
        assert_eq!(told(store).await.len(), 1, "in life {second}");
        store.erase(PHONE).await.expect("erased");
    }
}

async fn what_runs_out_is_told(store: &dyn Store) {
    for id in ["limited", "unknown", "unsent"] {
        keep(store, new(id, None)).await;
    }
    keep(store, expiring("expiring", Some(at(60)))).await;
    lent(store, 1, &[Share::any("demo", 2)]).await;
    settle(store, "limited", 1, Fact::Postponed, Some(9 * DAY)).await;
    settle(store, "unknown", 1, Fact::Unknown, Some(9 * DAY)).await;
    expire(store, 2 * DAY, 10).await;
    let told: Vec<_> = told(store)
        .await
        .into_iter()
        .map(|it| (it.message_id, it.fact, it.reason, it.attempts))
        .collect();
    let expected = |id: &str, fact, reason, attempts| (id.to_owned(), fact, Some(reason), attempts);
    assert_eq!(
        told,
        [
            expected("expiring", Fact::Expired, ReasonCode::NotSent, 0),
            expected("limited", Fact::Failed, ReasonCode::RateLimited, 1),
            expected("unknown", Fact::Failed, ReasonCode::OutcomeUnknown, 1),
            expected("unsent", Fact::Failed, ReasonCode::NotSent, 0),
        ]
    );
}

async fn an_opt_out_that_ends_a_message_is_told(store: &dyn Store) {
    keep(store, new("m1", None)).await;
    let opted_out = Consent::new(Wish::OptedOut, at(0), Reason::Caller("told us".into()));
    let noted = store.note_consent("demo", PHONE, opted_out).await;
    noted.expect("noted");
    assert!(claim(store, 1).await.is_empty());
    let told = told(store).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (told[0].fact, told[0].reason, told[0].source),
        (Fact::Refused, Some(ReasonCode::OptedOut), Source::Gateway)
    );
}

async fn a_revocation_is_told(store: &dyn Store) {
    for id in ["unsent", "taken"] {
        keep(store, new(id, None)).await;
    }
    for second in [1, 2] {
        withdraw(store, "unsent", second).await;
    }
    claim(store, 3).await;
    settle(store, "taken", 1, Fact::Accepted, None).await;
    withdraw(store, "taken", 4).await;
    for second in [5, 6] {
        let noted = store.note("taken", entry(second, Fact::Revoked)).await;
        noted.expect("noted");
    }
    let told: Vec<_> = told(store)
        .await
        .into_iter()
        .map(|it| (it.message_id, it.fact, it.source, it.at))
        .collect();
    assert_eq!(
        told,
        [
            ("unsent".into(), Fact::Revoked, Source::Gateway, at(1)),
            ("taken".into(), Fact::Revoked, Source::Platform, at(5)),
        ]
    );
}

async fn what_fails_again_is_told_again(store: &dyn Store) {
    keep(store, new("m1", None)).await;
    claim(store, 1).await;
    settle(store, "m1", 1, Fact::Postponed, Some(9 * DAY)).await;
    for round in 1..=3 {
        expire(store, round * DAY, 10).await;
        requeue(store, "m1", round * DAY).await;
    }
    let told: Vec<_> = told(store)
        .await
        .into_iter()
        .map(|it| (it.number, it.attempts))
        .collect();
    assert_eq!(told, [(2, 1), (3, 1), (4, 1)], "and one attempt was made");
    let keys: std::collections::BTreeSet<_> = events(store)
        .await
        .iter()
        .map(|stored| stored.event.content.dedupe_key().into_owned())
        .collect();
    assert_eq!(keys.len(), 3, "each has a name of its own: {keys:?}");
}

/// A message that the gateway ended may have been taken against all appearance: the platform says so later.
async fn no_message_expires_twice(store: &dyn Store) {
    for id in ["m1", "m2"] {
        keep(store, expiring(id, Some(at(60)))).await;
    }
    expire(store, 60, 10).await;
    keep(store, new("revoked", None)).await;
    withdraw(store, "revoked", 61).await;
    let expired = |key: &str, id: &str| event(key, Heard::ExpiredAndRevoked(id.into()));
    for (key, id) in [("k1", "m1"), ("k4", "revoked")] {
        let ended = ingest(store, vec![expired(key, id)]).await;
        assert_eq!(ended, [Ingested::Duplicate], "{id}");
    }
    let unexpected = [
        expired("k2", "m3"),
        event("k3", Heard::Delivered("m2".into())),
    ];
    let ingested = ingest(store, unexpected.into()).await;
    assert!(
        !ingested.contains(&Ingested::Duplicate),
        "another message's expiry, and a delivery after the end: {ingested:?}"
    );
    assert_eq!(stored(store, "m2").await.facts.state(), State::Delivered);
    assert_eq!(events(store).await.len(), 5);
}

async fn what_ends_nothing_is_not_told(store: &dyn Store) {
    for id in ["delivered", "waits"] {
        keep(store, new(id, None)).await;
    }
    claim(store, 1).await;
    ingest(
        store,
        vec![event("k1", Heard::Delivered("delivered".into()))],
    )
    .await;
    settle(store, "delivered", 1, Fact::Refused, None).await;
    settle(store, "waits", 1, Fact::Postponed, Some(9)).await;
    let failed = store.note("waits", entry(3, Fact::RevokeFailed)).await;
    failed.expect("noted");
    assert_eq!(told(store).await, []);
}

async fn an_acceptance_is_told_if_that_is_asked_for(store: &dyn Store) {
    for (id, accepted_events) in [("silent", false), ("told", true)] {
        keep(store, new(id, None)).await;
        claim(store, 1).await;
        let entry = Entry {
            attempt: Some(1),
            ..entry(2, Fact::Accepted)
        };
        let settlement = Settlement {
            entry: Some(entry),
            accepted_events,
            ..Settlement::default()
        };
        for _ in 0..2 {
            let settled = store.settle(id, 1, settlement.clone()).await;
            settled.expect("answer");
        }
    }
    let told = told(store).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (told[0].fact, told[0].message_id.as_str(), told[0].source),
        (Fact::Accepted, "told", Source::Platform)
    );
}

async fn which_agents_are_held_is_known(store: &dyn Store) {
    let held = || async {
        let held = store.held_agents().await.expect("answer");
        held.into_keys().collect::<Vec<_>>()
    };
    assert!(held().await.is_empty());
    for (second, agent, is_held, expected) in [
        (1, "one", true, &["one"][..]),
        (2, "two", true, &["one", "two"]),
        (3, "one", true, &["one", "two"]),
        (4, "one", false, &["two"]),
        (5, "one", false, &["two"]),
    ] {
        assert!(matches!(
            ingest(store, vec![agent_event(second, agent, is_held)]).await[..],
            [Ingested::New(_)]
        ));
        assert_eq!(held().await, expected, "after second {second}");
    }
}

pub(super) fn agent_event(second: i64, agent: &str, is_held: bool) -> NewEvent {
    let hold = AgentHold {
        reason: "credentials".into(),
        detail: "no token".into(),
    };
    NewEvent {
        agent: agent.into(),
        received_at: at(second),
        content: EventContent::Gateway(GatewayEvent::Agent(AgentEvent {
            at: at(second),
            held: is_held.then_some(hold),
        })),
        consent: None,
    }
}

async fn events(store: &dyn Store) -> Vec<StoredEvent> {
    store.read(None, 100).await.expect("events")
}

/// What the gateway has said of messages, oldest first.
async fn told(store: &dyn Store) -> Vec<MessageEvent> {
    events(store)
        .await
        .into_iter()
        .filter_map(|stored| match stored.event.content {
            EventContent::Gateway(GatewayEvent::Message(event)) => Some(event),
            _ => None,
        })
        .collect()
}

//! What an outbox may rely on: that an agent is lent what it may begin and no more, and that whatever happens to an attempt or
//! a process, each message is sent again or has a fate.

use super::{
    LEASE, PHONE, accept, at, claim, entry, keep, lent, message, next_due, stored, withdraw,
};
use crate::lifecycle::{Fact, State};
use crate::store::event::ReasonCode;
use crate::store::lane::{Order, Share, Stage};
use crate::store::{Health, Hold, Holds, NewMessage, Requeued, Settlement, Store, Withdrawn};
use gateway_channel::{Expiry, Message, Purpose};

pub(super) async fn check(empty: &dyn Fn() -> Box<dyn Store>) {
    an_agent_is_lent_no_more_than_its_share(&*empty()).await;
    what_waits_is_counted_for_each_agent(&*empty()).await;
    what_is_essential_comes_first_and_at_any_hour(&*empty()).await;
    retries_and_first_attempts_take_turns(&*empty()).await;
    the_kind_of_an_attempt_follows_from_the_one_before(&*empty()).await;
    a_message_is_not_sent_before_its_time(&*empty()).await;
    what_has_run_out_needs_no_attempt_to_be_found_so(&*empty()).await;
    what_is_over_is_not_lent_out_and_says_why(&*empty()).await;
    what_is_tried_again_can_end_again(&*empty()).await;
    a_long_history_is_shortened_and_says_the_same(&*empty()).await;
    an_attempt_that_was_not_made_leaves_no_trace(&*empty()).await;
    a_late_refusal_does_not_end_what_a_later_attempt_may_have_sent(&*empty()).await;
    a_late_end_of_an_attempt_changes_no_other_message(&*empty()).await;
    what_was_under_way_is_tried_again_at_once_after_a_restart(&*empty()).await;
    what_was_given_up_is_tried_again_if_somebody_wants_it(&*empty()).await;
}

async fn an_agent_is_lent_no_more_than_its_share(store: &dyn Store) {
    for agent in ["one", "two", "three"] {
        for number in 0..4 {
            keep(
                store,
                NewMessage {
                    agent: agent.into(),
                    ..new(&format!("{agent}{number}"), None)
                },
            )
            .await;
        }
    }
    let shares = [
        Share::any("one", 3),
        Share::any("two", 1),
        Share::any("four", 9),
    ];
    assert_eq!(
        lent(store, 0, &shares).await,
        ["one0", "one1", "one2", "two0"]
    );
    assert_eq!(
        lent(store, 0, &shares).await,
        ["one3", "two1"],
        "and nothing of the agent without a share"
    );
    assert_eq!(
        store
            .next_due(&[Share::any("one", 1)])
            .await
            .expect("answer"),
        Some(at(30)),
        "the end of a lease"
    );
    assert_eq!(
        store
            .next_due(&[Share::any("three", 0)])
            .await
            .expect("answer"),
        None,
        "nothing may begin"
    );
    assert_eq!(
        store
            .next_due(&[Share::any("three", 1)])
            .await
            .expect("answer"),
        Some(at(0))
    );
}

/// Of every agent that there ever was: a store does not know which of them still send.
async fn what_waits_is_counted_for_each_agent(store: &dyn Store) {
    assert_eq!(store.health().await.expect("answer"), Health::default());
    for (agent, id, second) in [("one", "m1", 20), ("two", "m2", 10), ("two", "m3", 30)] {
        keep(
            store,
            NewMessage {
                agent: agent.into(),
                send_at: Some(at(second)),
                ..new(id, None)
            },
        )
        .await;
    }
    let waiting = |counts: &[(&str, u64)]| {
        counts
            .iter()
            .map(|(agent, count)| ((*agent).to_owned(), *count))
            .collect()
    };
    let health = store.health().await.expect("answer");
    assert_eq!(
        (health.waiting, health.oldest_due),
        (waiting(&[("one", 1), ("two", 2)]), Some(at(10)))
    );
    assert_eq!(withdraw(store, "m1", 1).await, Withdrawn::Unsent);
    assert_eq!(
        store.health().await.expect("answer").waiting,
        waiting(&[("two", 2)])
    );
}

async fn what_is_essential_comes_first_and_at_any_hour(store: &dyn Store) {
    for (id, purpose) in [
        ("m1", None),
        ("m2", Some(Purpose::Promotion)),
        ("m3", Some(Purpose::Authentication)),
        ("m4", Some(Purpose::Transaction)),
        ("m5", Some(Purpose::Acknowledgement)),
    ] {
        keep(store, new(id, purpose)).await;
    }
    let night = [Share {
        ordinary: 0,
        ..Share::any("demo", 10)
    }];
    assert_eq!(lent(store, 0, &[Share::any("demo", 1)]).await, ["m3"]);
    assert_eq!(lent(store, 0, &night).await, ["m5"]);
    assert_eq!(
        store.next_due(&night).await.expect("answer"),
        Some(at(30)),
        "the end of a lease"
    );
    assert_eq!(
        lent(
            store,
            0,
            &[Share {
                ordinary: 2,
                ..Share::any("demo", 10)
            }]
        )
        .await,
        ["m1", "m2"]
    );
}

async fn retries_and_first_attempts_take_turns(store: &dyn Store) {
    for id in ["m1", "m2", "m3", "m4", "m5", "m6"] {
        keep(store, new(id, None)).await;
    }
    assert_eq!(
        lent(store, 0, &[Share::any("demo", 3)]).await,
        ["m1", "m2", "m3"]
    );
    for (id, fact) in [
        ("m1", Fact::Postponed),
        ("m2", Fact::Unknown),
        ("m3", Fact::Postponed),
    ] {
        settle(store, id, 1, fact, Some(1)).await;
    }
    let share = |attempts, retries, order| {
        [Share {
            retries,
            order,
            ..Share::any("demo", attempts)
        }]
    };
    let first = share(1, 1, Order::FirstAttempts);
    assert_eq!(lent(store, 5, &first).await, ["m4"], "a probe");
    let one_retry = share(2, 1, Order::TakeTurns);
    assert_eq!(lent(store, 5, &one_retry).await, ["m1", "m5"]);
    let no_retry = share(3, 0, Order::TakeTurns);
    assert_eq!(
        lent(store, 5, &no_retry).await,
        ["m6", "m2", "m3"],
        "what first attempts leave"
    );
}

async fn the_kind_of_an_attempt_follows_from_the_one_before(store: &dyn Store) {
    keep(store, new("m1", None)).await;
    for (second, before, stage) in [
        (0, None, Stage::First),
        (10, Some(Fact::Postponed), Stage::Retry),
        (20, Some(Fact::Unknown), Stage::Retry),
        (30, Some(Fact::Postponed), Stage::Retry),
        // A lease that ended.
        (60, None, Stage::Retry),
    ] {
        let attempt = u32::try_from(
            stored(store, "m1")
                .await
                .history
                .iter()
                .filter(|it| it.fact == Fact::Sending)
                .count(),
        );
        if let (Some(fact), Ok(attempt)) = (before, attempt) {
            settle(store, "m1", attempt, fact, Some(second)).await;
        }
        let claimed = store
            .claim(at(second), LEASE, &[Share::any("demo", 1)])
            .await
            .expect("claimed")
            .lent;
        assert_eq!(
            claimed.first().map(|claimed| claimed.stage),
            Some(stage),
            "at {second}"
        );
    }
}

async fn a_message_is_not_sent_before_its_time(store: &dyn Store) {
    keep(
        store,
        NewMessage {
            send_at: Some(at(100)),
            ..new("m1", None)
        },
    )
    .await;
    keep(
        store,
        NewMessage {
            send_at: Some(at(-100)),
            ..new("m2", None)
        },
    )
    .await;
    keep(
        store,
        NewMessage {
            send_at: Some(at(100)),
            ..new("m3", None)
        },
    )
    .await;
    assert_eq!(
        claim(store, 99).await,
        [("m2".into(), 1)],
        "what was to be sent in the past is sent now"
    );
    settle(store, "m2", 1, Fact::Accepted, None).await;
    assert_eq!(next_due(store).await, Some(at(100)));
    assert_eq!(stored(store, "m1").await.send_at, Some(at(100)));
    assert_eq!(withdraw(store, "m3", 50).await, Withdrawn::Unsent);
    let claimed = store
        .claim(at(100), LEASE, &[Share::any("demo", 10)])
        .await
        .expect("claimed")
        .lent;
    let seen: Vec<_> = claimed
        .iter()
        .map(|it| (it.message.id.as_str(), it.ends_at))
        .collect();
    assert_eq!(seen, [("m1", at(100 + DAY))], "for a day from then on");
}

async fn what_has_run_out_needs_no_attempt_to_be_found_so(store: &dyn Store) {
    for id in [
        "unsent",
        "lent",
        "lost",
        "unknown",
        "postponed",
        "accepted",
        "later",
    ] {
        keep(store, expiring(id, Some(at(60)))).await;
    }
    keep(store, expiring("other", Some(at(61)))).await;
    keep(store, new("for ever", None)).await;
    assert_eq!(lent(store, 0, &[Share::any("demo", 6)]).await.len(), 6);
    settle(store, "unsent", 1, Fact::Postponed, Some(1)).await;
    settle(store, "unknown", 1, Fact::Unknown, Some(50)).await;
    settle(store, "postponed", 1, Fact::Postponed, Some(500)).await;
    settle(store, "accepted", 1, Fact::Accepted, None).await;
    let again = store
        .claim(at(40), LEASE, &[Share::any("demo", 1)])
        .await
        .expect("claimed")
        .lent;
    assert_eq!(
        again.first().map(|claimed| claimed.message.id.as_str()),
        Some("unsent")
    );
    assert!(expire(store, 59, 10).await.is_empty(), "not yet");

    // The lease of the first attempts ended at 30, and that of the last ends at 70.
    let mut ended = expire(store, 60, 3).await;
    assert_eq!(ended.len(), 3);
    ended.extend(expire(store, 60, 10).await);
    ended.sort_unstable();
    assert_eq!(
        ended,
        [
            Fact::Expired,
            Fact::Expired,
            Fact::Failed,
            Fact::Failed,
            Fact::Failed
        ],
        "postponed and later; lent, lost and unknown"
    );
    assert!(expire(store, 60, 10).await.is_empty());
    for (id, state) in [
        ("unsent", State::Sending),
        ("lent", State::Failed),
        ("lost", State::Failed),
        ("unknown", State::Failed),
        ("postponed", State::Expired),
        ("accepted", State::Accepted),
        ("later", State::Expired),
        ("other", State::Queued),
        ("for ever", State::Queued),
    ] {
        let stored = stored(store, id).await;
        assert_eq!(stored.facts.state(), state, "{id}");
        let at_rest = !["unsent", "other", "for ever"].contains(&id);
        assert_eq!(stored.next_at.is_none(), at_rest, "{id}");
    }
    settle(store, "unsent", 2, Fact::Postponed, Some(65)).await;
    assert_eq!(
        expire(store, 60, 10).await,
        [Fact::Expired],
        "its attempt has ended"
    );
    assert_eq!(stored(store, "unsent").await.facts.state(), State::Expired);
    assert_eq!(expire(store, DAY, 10).await, [Fact::Expired, Fact::Failed]);
    assert_eq!(
        stored(store, "for ever").await.facts.state(),
        State::Failed,
        "a day is for ever"
    );
}

/// Field case P21: the gateway was stopped for three days, or nobody looked.
async fn what_is_over_is_not_lent_out_and_says_why(store: &dyn Store) {
    for (id, expires_at) in [
        ("expiring", Some(at(60))),
        ("without", None),
        ("unknown", None),
    ] {
        keep(store, expiring(id, expires_at)).await;
    }
    assert_eq!(lent(store, 0, &[Share::any("demo", 3)]).await.len(), 3);
    for (id, fact) in [
        ("expiring", Fact::Postponed),
        ("without", Fact::Postponed),
        ("unknown", Fact::Unknown),
    ] {
        settle(store, id, 1, fact, Some(1)).await;
    }
    let claims = store
        .claim(at(3 * DAY), LEASE, &[Share::any("demo", 10)])
        .await
        .expect("claimed");
    assert!(claims.lent.is_empty(), "{:?}", claims.lent);
    let mut ended = claims.ended;
    ended.sort_unstable();
    assert_eq!(ended, [Fact::Expired, Fact::Failed, Fact::Failed]);
    for (id, expected) in [
        ("expiring", "expired before it was sent: why"),
        ("without", "not sent within 24 hours: why"),
        ("unknown", "outcome unknown when its time was over: why"),
    ] {
        assert_eq!(last_detail(store, id).await, expected, "{id}");
    }

    keep(store, expiring("probe", Some(at(60)))).await;
    let no_token = Hold {
        reason: ReasonCode::Misconfigured,
        detail: "no token".to_owned(),
    };
    let held = [Share {
        hold: Some(no_token.clone()),
        ..Share::any("demo", 10)
    }];
    let claims = store.claim(at(60), LEASE, &held).await.expect("claimed");
    assert_eq!(claims.ended, [Fact::Expired]);
    assert_eq!(
        last_detail(store, "probe").await,
        "expired before it was sent: no token"
    );
    keep(store, expiring("held", Some(at(60)))).await;
    let holds = [("demo".to_owned(), no_token)].into();
    let ended = store.expire(at(60), 10, &holds).await.expect("answer");
    assert_eq!(ended, [Fact::Expired]);
    assert_eq!(
        last_detail(store, "held").await,
        "expired before it was sent: no token"
    );
}

async fn an_attempt_that_was_not_made_leaves_no_trace(store: &dyn Store) {
    keep(store, new("m1", None)).await;
    keep(store, new("m2", None)).await;
    for round in 0..3 {
        assert_eq!(lent(store, round, &[Share::any("demo", 1)]).await, ["m1"]);
        assert!(unclaim(store, "m1", 1, round + 1).await);
        assert!(!unclaim(store, "m1", 1, round + 1).await, "once");
        let stored = stored(store, "m1").await;
        assert_eq!(
            (stored.facts.state(), stored.history.len(), stored.next_at),
            (State::Queued, 1, Some(at(round + 1)))
        );
        assert_eq!(lent(store, round, &[Share::any("demo", 1)]).await, ["m2"]);
        assert!(unclaim(store, "m2", 1, round + 1).await);
    }
    assert_eq!(lent(store, 9, &[Share::any("demo", 2)]).await.len(), 2);
    assert_eq!(withdraw(store, "m1", 9).await, Withdrawn::Underway);
    assert!(unclaim(store, "m1", 1, 10).await);
    assert_eq!(
        withdraw(store, "m1", 10).await,
        Withdrawn::Unsent,
        "the platform has nothing of it"
    );
    settle(store, "m2", 1, Fact::Unknown, Some(10)).await;
    assert_eq!(lent(store, 10, &[Share::any("demo", 1)]).await, ["m2"]);
    assert!(unclaim(store, "m2", 2, 11).await);
    let stored = stored(store, "m2").await;
    assert_eq!(
        (stored.facts.state(), stored.history.len()),
        (State::Unknown, 3),
        "what came before stays"
    );
}

/// The attempt ends after its message was erased, and after another one has its id.
async fn a_late_end_of_an_attempt_changes_no_other_message(store: &dyn Store) {
    let accepted = || Settlement {
        entry: Some(crate::store::Entry {
            attempt: Some(1),
            ..entry(5, Fact::Accepted)
        }),
        retry_at: None,
        ..Settlement::default()
    };
    keep(store, new("m1", None)).await;
    assert_eq!(claim(store, 0).await, [("m1".into(), 1)]);
    store.erase(PHONE).await.expect("erased");
    assert!(!store.settle("m1", 1, accepted()).await.expect("answer"));
    assert!(!unclaim(store, "m1", 1, 5).await);
    keep(store, new("m1", None)).await;
    assert!(!store.settle("m1", 1, accepted()).await.expect("answer"));
    assert_eq!(stored(store, "m1").await.facts.state(), State::Queued);
    assert_eq!(claim(store, 6).await, [("m1".into(), 1)], "it is sent");
}

/// Field case R2: of a first attempt whose outcome is unknown a later answer says nothing.
async fn a_late_refusal_does_not_end_what_a_later_attempt_may_have_sent(store: &dyn Store) {
    keep(store, new("m1", None)).await;
    assert_eq!(claim(store, 0).await, [("m1".into(), 1)]);
    assert_eq!(
        claim(store, 30).await,
        [("m1".into(), 2)],
        "the lease ended"
    );
    let refused = Settlement {
        entry: Some(crate::store::Entry {
            attempt: Some(1),
            ..entry(31, Fact::Refused)
        }),
        retry_at: None,
        ..Settlement::default()
    };
    assert!(!store.settle("m1", 1, refused).await.expect("answer"));
    assert_eq!(stored(store, "m1").await.facts.state(), State::Unknown);
    settle(store, "m1", 2, Fact::Accepted, None).await;
    assert_eq!(stored(store, "m1").await.facts.state(), State::Accepted);
}

async fn what_was_under_way_is_tried_again_at_once_after_a_restart(store: &dyn Store) {
    for id in ["m1", "m2", "m3", "m4"] {
        accept(store, id, 1).await;
    }
    assert_eq!(claim(store, 0).await.len(), 4);
    settle(store, "m2", 1, Fact::Accepted, None).await;
    settle(store, "m3", 1, Fact::Postponed, Some(20)).await;
    assert_eq!(withdraw(store, "m4", 1).await, Withdrawn::Underway);
    assert_eq!(store.recover(at(2)).await.expect("answer"), 2, "m1 and m4");
    assert_eq!(store.recover(at(2)).await.expect("answer"), 0);
    assert!(
        stored(store, "m1").await.facts.has(Fact::Unknown),
        "the platform may have it"
    );
    assert_eq!(claim(store, 2).await, [("m1".into(), 2)]);
    assert_eq!(
        withdraw(store, "m4", 2).await,
        Withdrawn::Submitted,
        "wanted back, so not sent again"
    );
    assert!(
        !store
            .settle(
                "m1",
                1,
                Settlement {
                    entry: None,
                    retry_at: None,
                    ..Settlement::default()
                }
            )
            .await
            .expect("answer"),
        "too late"
    );
}

async fn what_was_given_up_is_tried_again_if_somebody_wants_it(store: &dyn Store) {
    for id in ["failed", "refused", "wanted back", "run out"] {
        keep(store, expiring(id, (id == "run out").then(|| at(10)))).await;
    }
    assert_eq!(
        requeue(store, "failed", 0).await,
        Requeued::NotFailed(State::Queued)
    );
    assert_eq!(claim(store, 0).await.len(), 4);
    assert_eq!(withdraw(store, "wanted back", 0).await, Withdrawn::Underway);
    for (id, fact) in [
        ("failed", Fact::Failed),
        ("refused", Fact::Refused),
        ("wanted back", Fact::Failed),
        ("run out", Fact::Failed),
    ] {
        settle(store, id, 1, fact, None).await;
    }
    assert_eq!(
        requeue(store, "refused", 20).await,
        Requeued::NotFailed(State::Refused)
    );
    assert_eq!(
        requeue(store, "wanted back", 20).await,
        Requeued::WantedBack
    );
    assert_eq!(requeue(store, "run out", 20).await, Requeued::RunOut);
    assert_eq!(requeue(store, "failed", 20).await, Requeued::Queued);
    assert_eq!(
        requeue(store, "failed", 20).await,
        Requeued::NotFailed(State::Queued),
        "once is enough"
    );

    let claimed = store
        .claim(at(20), LEASE, &[Share::any("demo", 10)])
        .await
        .expect("claimed")
        .lent;
    let seen: Vec<_> = claimed
        .iter()
        .map(|it| (it.message.id.as_str(), it.attempt, it.stage, it.ends_at))
        .collect();
    assert_eq!(seen, [("failed", 2, Stage::First, at(20 + DAY))]);
    settle(store, "failed", 2, Fact::Failed, None).await;
    assert_eq!(
        stored(store, "failed").await.facts.state(),
        State::Failed,
        "it can fail again"
    );
    assert_eq!(
        requeue(store, "failed", 15).await,
        Requeued::Queued,
        "whatever the clock says"
    );
    assert_eq!(claim(store, 20).await, [("failed".into(), 3)]);
    settle(store, "failed", 3, Fact::Accepted, None).await;
    assert_eq!(stored(store, "failed").await.facts.state(), State::Accepted);
}

pub(super) async fn settle(
    store: &dyn Store,
    id: &str,
    attempt: u32,
    fact: Fact,
    retry: Option<i64>,
) {
    let entry = crate::store::Entry {
        attempt: Some(attempt),
        reason: Some(ReasonCode::RateLimited),
        detail: Some("why".into()),
        ..entry(1, fact)
    };
    let settlement = Settlement {
        entry: Some(entry),
        retry_at: retry.map(at),
        ..Settlement::default()
    };
    assert!(
        store.settle(id, attempt, settlement).await.expect("answer"),
        "{id} was lent"
    );
}

/// Without an attempt in between, such as while its agent is held.
async fn what_is_tried_again_can_end_again(store: &dyn Store) {
    keep(store, new("m1", None)).await;
    for round in 1..=3 {
        assert_eq!(expire(store, round * DAY, 10).await, [Fact::Failed]);
        assert!(expire(store, round * DAY, 10).await.is_empty(), "once");
        assert_eq!(stored(store, "m1").await.facts.state(), State::Failed);
        assert_eq!(requeue(store, "m1", round * DAY).await, Requeued::Queued);
        assert_eq!(stored(store, "m1").await.facts.state(), State::Queued);
    }
    let last = claim(store, 3 * DAY).await;
    assert_eq!(last.len(), 1, "{last:?}");
}

/// Field case G1: a message that is tried for days.
async fn a_long_history_is_shortened_and_says_the_same(store: &dyn Store) {
    keep(store, new("m1", None)).await;
    for attempt in 1..=200 {
        assert_eq!(claim(store, attempt.into()).await, [("m1".into(), attempt)]);
        let fact = if attempt == 70 {
            Fact::Unknown
        } else {
            Fact::Postponed
        };
        settle(store, "m1", attempt, fact, Some(attempt.into())).await;
    }
    let message = stored(store, "m1").await;
    assert_eq!(message.facts.state(), State::Unknown, "since attempt 70");
    assert!(message.history.len() <= 60, "{}", message.history.len());
    let kept = u32::try_from(message.history.len()).expect("few");
    assert_eq!(kept + message.history_omitted, 401);
    let attempts: Vec<_> = message.history.iter().map(|entry| entry.attempt).collect();
    assert_eq!(
        attempts[..5],
        [None, Some(1), Some(1), Some(2), Some(2)],
        "the first five"
    );
    assert_eq!(attempts.last(), Some(&Some(200)));
    assert!(
        attempts[attempts.len() - 20..]
            .iter()
            .all(|attempt| *attempt >= Some(191))
    );
}

pub(super) async fn expire(store: &dyn Store, second: i64, most: usize) -> Vec<Fact> {
    store
        .expire(at(second), most, &Holds::new())
        .await
        .expect("answer")
}

async fn unclaim(store: &dyn Store, id: &str, attempt: u32, second: i64) -> bool {
    store
        .unclaim(id, attempt, at(second))
        .await
        .expect("answer")
}

async fn last_detail(store: &dyn Store, id: &str) -> String {
    let history = stored(store, id).await.history;
    let last = history.last().expect("an entry");
    last.detail.clone().unwrap_or_default()
}

/// With an expiry of its own, or without.
pub(super) fn expiring(id: &str, expires_at: Option<jiff::Timestamp>) -> NewMessage {
    let mut new = new(id, None);
    new.expires_at = expires_at;
    new.message.expiry = expires_at.map(|at| Expiry::At(at.to_string()));
    new
}

pub(super) async fn requeue(store: &dyn Store, id: &str, second: i64) -> Requeued {
    store.requeue(id, at(second)).await.expect("answer")
}

pub(super) fn new(id: &str, purpose: Option<Purpose>) -> NewMessage {
    let message = Message {
        recipient: PHONE.into(),
        purpose,
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

pub(super) const DAY: i64 = 86_400;

//! What every store must do, as one suite: an implementation passes it in a test of its own.

mod agents;
mod consent;
mod consumers;
pub mod dump;
mod ends;
mod quarantine;
mod retention;
mod sending;

use super::lane::Share;
use super::tester::{Counted, NewTester, TesterQuota};
use super::{
    Accepted, Cursor, Entry, Filter, Ingested, NewEvent, NewMessage, Settlement, Store, Upload,
    Withdrawn,
};
use crate::lifecycle::{Fact, State};
use crate::store::event::EventContent;
use gateway_channel::{Content, Fact as Heard, Inbound, Message};
use jiff::Timestamp;
use std::time::Duration;

/// Panics at the first promise that a store does not keep. Each is asked of an empty store.
///
/// # Panics
///
/// That is how it says so.
pub async fn check(empty: &dyn Fn() -> Box<dyn Store>) {
    an_id_is_one_message(&*empty()).await;
    a_fact_that_is_known_is_a_duplicate(&*empty()).await;
    a_fact_of_another_agent_is_another_fact(&*empty()).await;
    events_whose_keys_begin_alike_are_two(&*empty()).await;
    events_are_read_in_order_after_a_cursor(&*empty()).await;
    a_message_is_lent_to_one_at_a_time(&*empty()).await;
    an_attempt_that_was_lost_may_have_reached_the_platform(&*empty()).await;
    a_late_settlement_adds_facts_and_nothing_else(&*empty()).await;
    an_event_before_its_message_is_joined(&*empty()).await;
    an_event_before_the_answer_ends_the_attempts(&*empty()).await;
    an_event_of_another_agent_or_person_changes_nothing(&*empty()).await;
    what_was_not_sent_is_revoked_at_once(&*empty()).await;
    what_is_under_way_is_not_tried_again_and_not_called_revoked(&*empty()).await;
    what_may_have_been_sent_is_the_platforms_to_take_back(&*empty()).await;
    a_fate_that_is_known_stays(&*empty()).await;
    messages_are_found_newest_first(&*empty()).await;
    files_are_there_as_long_as_the_platform_has_them(&*empty()).await;
    testers_are_counted_once_and_up_to_a_number(&*empty()).await;
    agents::check(empty).await;
    consent::check(empty).await;
    consumers::check(empty).await;
    sending::check(empty).await;
    ends::check(empty).await;
    retention::check(empty).await;
    quarantine::check(empty).await;
    dump::check(empty).await;
}

async fn an_id_is_one_message(store: &dyn Store) {
    assert_eq!(accept(store, "m1", 1).await, Accepted::New);
    assert_eq!(accept(store, "m1", 1).await, Accepted::Same(State::Queued));
    assert_eq!(accept(store, "m1", 2).await, Accepted::Conflict);
    let history = stored(store, "m1").await.history;
    assert_eq!(
        history.len(),
        1,
        "a repetition leaves no trace: {history:?}"
    );
    assert!(store.message("m2").await.expect("answer").is_none());
}

async fn a_fact_that_is_known_is_a_duplicate(store: &dyn Store) {
    accept(store, "m1", 1).await;
    let events = vec![
        event("k1", Heard::Delivered("m1".into())),
        event("k1", Heard::Delivered("m1".into())),
    ];
    assert_eq!(
        ingest(store, events).await,
        [Ingested::New(Cursor(1)), Ingested::Duplicate]
    );
    assert_eq!(
        ingest(store, vec![event("k1", Heard::Typing)]).await,
        [Ingested::Duplicate]
    );
    let kinds: Vec<Fact> = stored(store, "m1")
        .await
        .history
        .iter()
        .map(|entry| entry.fact)
        .collect();
    assert_eq!(kinds, [Fact::Queued, Fact::Delivered]);
}

async fn a_fact_of_another_agent_is_another_fact(store: &dyn Store) {
    let other = NewEvent {
        agent: "other".into(),
        ..event("k1", Heard::Typing)
    };
    let expected = [Ingested::New(Cursor(1)), Ingested::New(Cursor(2))];
    assert_eq!(
        ingest(store, vec![event("k1", Heard::Typing), other]).await,
        expected
    );
}

async fn events_whose_keys_begin_alike_are_two(store: &dyn Store) {
    let delivered = event("k\nDELIVERED/m1", Heard::Delivered("m1".into()));
    let read = event("k\nREAD/m1", Heard::Read("m1".into()));
    let ingested = ingest(store, vec![delivered, read.clone()]).await;
    let new = |cursor| Ingested::New(Cursor(cursor));
    assert_eq!(ingested, [new(1), new(2)]);
    assert_eq!(ingest(store, vec![read]).await, [Ingested::Duplicate]);
}

async fn events_are_read_in_order_after_a_cursor(store: &dyn Store) {
    for key in ["a", "b", "c"] {
        ingest(store, vec![event(key, Heard::Typing)]).await;
    }
    let all = store.read(None, 10).await.expect("events");
    let keys: Vec<_> = all
        .iter()
        .map(|stored| stored.event.content.dedupe_key())
        .collect();
    assert_eq!(keys, ["a", "b", "c"]);
    assert!(all.windows(2).all(|pair| pair[0].cursor < pair[1].cursor));
    let rest = store.read(Some(all[0].cursor), 1).await.expect("events");
    assert_eq!((rest.len(), rest[0].cursor), (1, all[1].cursor));
    assert!(
        store
            .read(Some(all[2].cursor), 10)
            .await
            .expect("events")
            .is_empty()
    );
}

async fn a_message_is_lent_to_one_at_a_time(store: &dyn Store) {
    accept(store, "m1", 1).await;
    assert_eq!(next_due(store).await, Some(at(0)));
    assert!(claim(store, -1).await.is_empty(), "it is not due yet");
    assert_eq!(claim(store, 0).await, [("m1".into(), 1)]);
    assert!(claim(store, 29).await.is_empty(), "it is lent out");
    assert_eq!(
        claim(store, 30).await,
        [("m1".into(), 2)],
        "the lease has ended"
    );
    assert!(claim(store, 30).await.is_empty(), "it is lent out again");
    let retry = Settlement {
        entry: Some(entry(31, Fact::Unknown)),
        retry_at: Some(at(40)),
        ..Settlement::default()
    };
    assert!(store.settle("m1", 2, retry).await.expect("answer"));
    assert_eq!(stored(store, "m1").await.facts.state(), State::Unknown);
    assert_eq!(claim(store, 40).await, [("m1".into(), 3)]);
    let done = Settlement {
        entry: Some(entry(41, Fact::Accepted)),
        retry_at: None,
        ..Settlement::default()
    };
    assert!(store.settle("m1", 3, done).await.expect("answer"));
    assert_eq!(next_due(store).await, None);
}

async fn an_attempt_that_was_lost_may_have_reached_the_platform(store: &dyn Store) {
    accept(store, "m1", 1).await;
    claim(store, 0).await;
    assert!(
        !stored(store, "m1").await.facts.has(Fact::Unknown),
        "it is still under way"
    );
    claim(store, 30).await;
    assert!(stored(store, "m1").await.facts.has(Fact::Unknown));
}

async fn what_was_not_sent_is_revoked_at_once(store: &dyn Store) {
    accept(store, "m1", 1).await;
    assert_eq!(withdraw(store, "m1", 1).await, Withdrawn::Unsent);
    assert!(claim(store, 2).await.is_empty(), "it is not sent any more");
    assert_eq!(
        withdraw(store, "m1", 2).await,
        Withdrawn::Settled(State::Revoked)
    );
    accept(store, "m2", 1).await;
    claim(store, 0).await;
    let later = Settlement {
        entry: Some(entry(1, Fact::Postponed)),
        retry_at: Some(at(9)),
        ..Settlement::default()
    };
    assert!(store.settle("m2", 1, later).await.expect("answer"));
    assert_eq!(
        withdraw(store, "m2", 2).await,
        Withdrawn::Unsent,
        "the platform said that it has nothing"
    );
    assert_eq!(stored(store, "m2").await.facts.state(), State::Revoked);
}

async fn what_is_under_way_is_not_tried_again_and_not_called_revoked(store: &dyn Store) {
    accept(store, "m1", 1).await;
    claim(store, 0).await;
    assert_eq!(withdraw(store, "m1", 1).await, Withdrawn::Underway);
    assert_eq!(stored(store, "m1").await.facts.state(), State::Sending);
    let later = Settlement {
        entry: Some(entry(2, Fact::Postponed)),
        retry_at: Some(at(3)),
        ..Settlement::default()
    };
    assert!(store.settle("m1", 1, later).await.expect("answer"));
    assert!(claim(store, 60).await.is_empty(), "somebody wants it back");
    assert_eq!(withdraw(store, "m1", 61).await, Withdrawn::Unsent);
}

async fn what_may_have_been_sent_is_the_platforms_to_take_back(store: &dyn Store) {
    for (id, fact) in [("m1", Fact::Unknown), ("m2", Fact::Accepted)] {
        accept(store, id, 1).await;
        claim(store, 0).await;
        let settlement = Settlement {
            entry: Some(entry(1, fact)),
            retry_at: Some(at(2)),
            ..Settlement::default()
        };
        assert!(store.settle(id, 1, settlement).await.expect("answer"));
        assert_eq!(withdraw(store, id, 1).await, Withdrawn::Submitted);
        assert_eq!(
            withdraw(store, id, 1).await,
            Withdrawn::Submitted,
            "and may be asked again"
        );
        assert!(claim(store, 60).await.is_empty(), "it is not sent any more");
    }
    accept(store, "m3", 1).await;
    claim(store, 0).await;
    assert_eq!(
        withdraw(store, "m3", 30).await,
        Withdrawn::Submitted,
        "the attempt was lost"
    );
}

async fn a_fate_that_is_known_stays(store: &dyn Store) {
    accept(store, "m1", 1).await;
    ingest(store, vec![event("k1", Heard::Delivered("m1".into()))]).await;
    assert_eq!(
        withdraw(store, "m1", 1).await,
        Withdrawn::Settled(State::Delivered)
    );
    assert!(!stored(store, "m1").await.facts.has(Fact::RevokeRequested));
}

async fn a_late_settlement_adds_facts_and_nothing_else(store: &dyn Store) {
    accept(store, "m1", 1).await;
    claim(store, 0).await;
    claim(store, 30).await;
    let late = Settlement {
        entry: Some(entry(31, Fact::Unknown)),
        retry_at: Some(at(32)),
        ..Settlement::default()
    };
    assert!(
        !store.settle("m1", 1, late).await.expect("answer"),
        "the lease of attempt 1 has ended"
    );
    assert_eq!(next_due(store).await, Some(at(60)));
    assert!(stored(store, "m1").await.facts.has(Fact::Unknown));
}

async fn an_event_before_its_message_is_joined(store: &dyn Store) {
    ingest(store, vec![event("k1", Heard::Read("m1".into()))]).await;
    accept(store, "m1", 1).await;
    let stored = stored(store, "m1").await;
    assert_eq!((stored.facts.state(), stored.next_at), (State::Read, None));
}

async fn an_event_before_the_answer_ends_the_attempts(store: &dyn Store) {
    accept(store, "m1", 1).await;
    claim(store, 0).await;
    ingest(store, vec![event("k1", Heard::Delivered("m1".into()))]).await;
    assert_eq!(next_due(store).await, None);
    let retry = Settlement {
        entry: Some(entry(1, Fact::Unknown)),
        retry_at: Some(at(2)),
        ..Settlement::default()
    };
    store.settle("m1", 1, retry).await.expect("answer");
    let stored = stored(store, "m1").await;
    assert_eq!(
        (stored.facts.state(), stored.next_at),
        (State::Delivered, None)
    );
}

async fn an_event_of_another_agent_or_person_changes_nothing(store: &dyn Store) {
    accept(store, "m1", 1).await;
    let mut other_person = event("k1", Heard::Delivered("m1".into()));
    other_person.content.inbound_mut().expect("a webhook").phone = Some("+19999999999".into());
    let other_agent = NewEvent {
        agent: "other".into(),
        ..event("k2", Heard::Delivered("m1".into()))
    };
    ingest(store, vec![other_person, other_agent]).await;
    assert_eq!(stored(store, "m1").await.facts.state(), State::Queued);
    assert_eq!(
        store.read(None, 10).await.expect("events").len(),
        2,
        "and nothing is lost"
    );
}

async fn messages_are_found_newest_first(store: &dyn Store) {
    for id in ["m1", "m2", "m3"] {
        accept(store, id, 1).await;
    }
    store
        .note("m2", entry(1, Fact::Revoked))
        .await
        .expect("noted");
    let find = async |filter: Filter| -> Vec<String> {
        let found = store.find(&filter).await.expect("messages");
        found.into_iter().map(|stored| stored.message.id).collect()
    };
    let all = Filter {
        most: 10,
        ..Filter::default()
    };
    assert_eq!(find(all.clone()).await, ["m3", "m2", "m1"]);
    assert_eq!(
        find(Filter {
            most: 1,
            after: Some("m3".into()),
            ..all.clone()
        })
        .await,
        ["m2"]
    );
    assert_eq!(
        find(Filter {
            state: Some(State::Revoked),
            ..all.clone()
        })
        .await,
        ["m2"]
    );
    assert_eq!(
        find(Filter {
            agent: Some("other".into()),
            ..all.clone()
        })
        .await,
        Vec::<String>::new()
    );
    assert_eq!(
        find(Filter {
            recipient: Some(PHONE.into()),
            ..all
        })
        .await
        .len(),
        3
    );
}

async fn files_are_there_as_long_as_the_platform_has_them(store: &dyn Store) {
    let upload = |agent: &str, name: &str, until: Option<i64>| Upload {
        agent: agent.into(),
        name: name.into(),
        what: "image/png".into(),
        at: at(0),
        expires_at: until.map(at),
    };
    let uploads = [
        upload("demo", "f1", Some(10)),
        upload("demo", "f2", None),
        upload("other", "f3", None),
        upload("demo", "f4", Some(20)),
    ];
    for upload in &uploads {
        store.keep_upload(upload.clone()).await.expect("kept");
    }
    let names = async |second: i64| -> Vec<String> {
        let there = store.uploads("demo", at(second)).await.expect("answer");
        there.into_iter().map(|upload| upload.name).collect()
    };
    assert_eq!(
        (names(9).await, names(10).await),
        (
            vec!["f4".into(), "f2".into(), "f1".into()],
            vec!["f4".into(), "f2".into()]
        )
    );
    assert_eq!(
        store.uploads("other", at(0)).await.expect("answer"),
        [uploads[2].clone()]
    );
}

async fn testers_are_counted_once_and_up_to_a_number(store: &dyn Store) {
    let quota = TesterQuota {
        per_day: 2,
        total: 3,
    };
    let count = async |agent: &str, phone: &str, second: i64| {
        let tester = NewTester {
            agent: agent.into(),
            phone: phone.into(),
            at: at(second),
        };
        store.count_tester(tester, quota).await.expect("answer")
    };
    assert_eq!(
        (count("demo", "+12", 0).await, count("demo", "+12", 1).await),
        (Counted::New, Counted::Known)
    );
    assert_eq!(count("demo", "+13", 1).await, Counted::New);
    assert_eq!(
        count("demo", "+14", 2).await,
        Counted::TooManyToday(at(DAY))
    );
    assert_eq!(
        count("other", "+14", 2).await,
        Counted::New,
        "another agent has its own"
    );
    store
        .settle_tester("demo", "+13", None)
        .await
        .expect("noted");
    assert_eq!(
        count("demo", "+14", 2).await,
        Counted::New,
        "what the platform did not take counts for nothing"
    );
    store
        .settle_tester("demo", "+12", Some("accepted".into()))
        .await
        .expect("noted");
    store
        .settle_tester("demo", "+99", Some("accepted".into()))
        .await
        .expect("somebody who is not there");
    let testers = store.testers("demo").await.expect("answer");
    let seen: Vec<_> = testers
        .iter()
        .map(|it| (it.phone.as_str(), it.invited_at, it.answer.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [("+14", at(2), None), ("+12", at(0), Some("accepted"))]
    );
    assert_eq!(count("demo", "+15", DAY).await, Counted::New);
    assert_eq!(count("demo", "+16", 9 * DAY).await, Counted::TooMany);
    assert_eq!(count("demo", "+12", 9 * DAY).await, Counted::Known);
}

async fn accept(store: &dyn Store, id: &str, body: u8) -> Accepted {
    let (agent, message) = ("demo".into(), message(id));
    let new = NewMessage {
        agent,
        message,
        body_hash: [body; 32],
        at: at(0),
        send_at: None,
        expires_at: None,
    };
    store.accept(new).await.expect("accepted")
}

fn message(id: &str) -> Message {
    Message {
        id: id.into(),
        recipient: PHONE.into(),
        content: Content::Text("Hi".into()),
        suggestions: Vec::new(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    }
}

async fn keep(store: &dyn Store, new: NewMessage) {
    assert_eq!(store.accept(new).await.expect("accepted"), Accepted::New);
}

/// In the order in which they were lent.
async fn lent(store: &dyn Store, second: i64, shares: &[Share]) -> Vec<String> {
    let claimed = store
        .claim(at(second), LEASE, shares)
        .await
        .expect("claimed")
        .lent;
    claimed
        .into_iter()
        .map(|claimed| claimed.message.id)
        .collect()
}

async fn ingest(store: &dyn Store, events: Vec<NewEvent>) -> Vec<Ingested> {
    store.ingest(events).await.expect("ingested")
}

async fn claim(store: &dyn Store, second: i64) -> Vec<(String, u32)> {
    let claimed = store
        .claim(at(second), LEASE, &[Share::any("demo", 10)])
        .await
        .expect("claimed")
        .lent;
    claimed
        .into_iter()
        .map(|claimed| (claimed.message.id, claimed.attempt))
        .collect()
}

async fn next_due(store: &dyn Store) -> Option<Timestamp> {
    store
        .next_due(&[Share::any("demo", 10)])
        .await
        .expect("answer")
}

async fn withdraw(store: &dyn Store, id: &str, second: i64) -> Withdrawn {
    store.withdraw(id, at(second)).await.expect("withdrawn")
}

async fn stored(store: &dyn Store, id: &str) -> super::StoredMessage {
    store.message(id).await.expect("answer").expect("a message")
}

fn event(key: &str, fact: Heard) -> NewEvent {
    let inbound = Inbound {
        dedupe_key: key.into(),
        agent: "demo@example".into(),
        phone: Some(PHONE.into()),
        at: None,
        fact,
        details: Vec::new(),
        raw: Vec::new(),
    };
    NewEvent {
        agent: "demo".into(),
        received_at: at(5),
        content: EventContent::Platform(inbound),
        consent: None,
    }
}

fn entry(second: i64, fact: Fact) -> Entry {
    Entry::new(at(second), fact)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_515_302 + second).expect("a time within jiff's range")
}

const PHONE: &str = "+15550100001";
const LEASE: Duration = Duration::from_secs(30);
const DAY: i64 = 86_400;

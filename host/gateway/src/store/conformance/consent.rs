//! What whoever asks who has opted out may rely on: that what was heard counts in whatever order it came, that it is kept with
//! the event that said it, and that no attempt begins after it.

use super::{LEASE, PHONE, at, event, ingest, keep, lent, message, stored};
use crate::lifecycle::{Fact, State};
use crate::store::consent::{Consent, Heard, REFUSED_AT_ONCE, Reason, Wish};
use crate::store::event::ReasonCode;
use crate::store::lane::Share;
use crate::store::{Claims, Cursor, Ingested, NewEvent, NewMessage, Settlement, Store};
use gateway_channel::{Fact as Said, Message, Purpose};

pub(super) async fn check(empty: &dyn Fn() -> Box<dyn Store>) {
    the_newest_counts_in_whatever_order_it_is_heard(&*empty()).await;
    an_event_that_is_known_says_nothing_again(&*empty()).await;
    a_caller_s_word_counts_like_an_event_s(&*empty()).await;
    agents_and_people_have_their_own(&*empty()).await;
    who_has_opted_out_is_listed_by_number(&*empty()).await;
    nothing_is_begun_after_an_opt_out_but_what_is_waited_for(&*empty()).await;
    what_the_platform_may_have_is_not_called_refused(&*empty()).await;
    who_is_asked_for_messages_again_gets_what_waits(&*empty()).await;
    those_who_have_opted_out_hold_up_nobody(&*empty()).await;
    a_claim_refuses_no_more_than_others_can_wait_for(&*empty()).await;
}

async fn the_newest_counts_in_whatever_order_it_is_heard(store: &dyn Store) {
    assert_eq!(counts(store).await, None);
    for (key, wish, second, counts_then) in [
        ("k1", Wish::OptedOut, 10, (Wish::OptedOut, 10)),
        ("k2", Wish::OptedIn, 20, (Wish::OptedIn, 20)),
        ("k3", Wish::OptedOut, 15, (Wish::OptedIn, 20)),
        ("k4", Wish::OptedOut, 20, (Wish::OptedOut, 20)),
        ("k5", Wish::OptedIn, 20, (Wish::OptedOut, 20)),
        ("k6", Wish::OptedIn, 21, (Wish::OptedIn, 21)),
    ] {
        ingest(store, vec![says(key, consent(wish, second))]).await;
        assert_eq!(counts(store).await, Some(counts_then), "after {key}");
    }
    let history = store
        .consent_history("demo", PHONE, 3)
        .await
        .expect("answer");
    let seen: Vec<_> = history
        .iter()
        .map(|heard| (heard.consent.at(), heard.event))
        .collect();
    assert_eq!(
        seen,
        [
            (at(21), Some(Cursor(6))),
            (at(20), Some(Cursor(5))),
            (at(20), Some(Cursor(4)))
        ]
    );
    assert_eq!(
        store
            .consent_history("demo", PHONE, 100)
            .await
            .expect("answer")
            .len(),
        6,
        "and all is kept"
    );
}

async fn an_event_that_is_known_says_nothing_again(store: &dyn Store) {
    let out = says("k1", consent(Wish::OptedOut, 10));
    let later = says("k1", consent(Wish::OptedIn, 20));
    let ingested = ingest(store, vec![out.clone(), out, later]).await;
    assert_eq!(
        ingested,
        [
            Ingested::New(Cursor(1)),
            Ingested::Duplicate,
            Ingested::Duplicate
        ]
    );
    assert_eq!(counts(store).await, Some((Wish::OptedOut, 10)));
    assert_eq!(
        store
            .consent_history("demo", PHONE, 10)
            .await
            .expect("answer")
            .len(),
        1
    );
    let mut nobody = says("k2", consent(Wish::OptedOut, 10));
    nobody.content.inbound_mut().expect("a webhook").phone = None;
    assert_eq!(
        ingest(store, vec![nobody]).await,
        [Ingested::New(Cursor(2))],
        "of nobody in particular"
    );
}

async fn a_caller_s_word_counts_like_an_event_s(store: &dyn Store) {
    let by_caller =
        |wish, second| Consent::new(wish, at(second), Reason::Caller("called us".into()));
    let counts = store
        .note_consent("demo", PHONE, by_caller(Wish::OptedOut, 10))
        .await
        .expect("noted");
    assert_eq!(counts, by_caller(Wish::OptedOut, 10));
    let keyword = Consent::new(Wish::OptedIn, at(20), Reason::Keyword("Start".into()));
    ingest(store, vec![says("k1", keyword.clone())]).await;
    let late = store
        .note_consent("demo", PHONE, by_caller(Wish::OptedOut, 15))
        .await
        .expect("noted");
    assert_eq!(late, keyword, "something newer is known");
    assert_eq!(
        store.consent("demo", PHONE).await.expect("answer"),
        Some(keyword.clone())
    );
    let expected = [
        Heard {
            consent: by_caller(Wish::OptedOut, 15),
            event: None,
        },
        Heard {
            consent: keyword,
            event: Some(Cursor(1)),
        },
        Heard {
            consent: by_caller(Wish::OptedOut, 10),
            event: None,
        },
    ];
    assert_eq!(
        store
            .consent_history("demo", PHONE, 10)
            .await
            .expect("answer"),
        expected
    );
}

async fn agents_and_people_have_their_own(store: &dyn Store) {
    store
        .note_consent("demo", PHONE, consent(Wish::OptedOut, 10))
        .await
        .expect("noted");
    assert_eq!(store.consent("other", PHONE).await.expect("answer"), None);
    assert_eq!(
        store.consent("demo", "+15550100002").await.expect("answer"),
        None
    );
    assert_eq!(
        store
            .consent_history("other", PHONE, 10)
            .await
            .expect("answer"),
        []
    );
    keep(
        store,
        NewMessage {
            agent: "other".into(),
            ..new("m1", PHONE, None)
        },
    )
    .await;
    keep(store, new("m2", "+15550100002", None)).await;
    let shares = [Share::any("demo", 10), Share::any("other", 10)];
    assert_eq!(lent(store, 11, &shares).await, ["m2", "m1"]);
}

async fn who_has_opted_out_is_listed_by_number(store: &dyn Store) {
    for (agent, phone, wish) in [
        ("demo", "+13", Wish::OptedOut),
        ("demo", "+11", Wish::OptedOut),
        ("demo", "+12", Wish::OptedOut),
        ("demo", "+14", Wish::OptedIn),
        ("other", "+15", Wish::OptedOut),
        ("a", "+16", Wish::OptedOut),
    ] {
        store
            .note_consent(agent, phone, consent(wish, 10))
            .await
            .expect("noted");
    }
    store
        .note_consent("demo", "+12", consent(Wish::OptedIn, 20))
        .await
        .expect("noted");
    let list = async |after: Option<&str>, most: usize| -> Vec<String> {
        let found = store.opted_out("demo", after, most).await.expect("answer");
        assert!(
            found
                .iter()
                .all(|(_, found)| *found == consent(Wish::OptedOut, 10))
        );
        found.into_iter().map(|(phone, _)| phone).collect()
    };
    assert_eq!(list(None, 10).await, ["+11", "+13"]);
    assert_eq!(list(None, 1).await, ["+11"]);
    assert_eq!(list(Some("+11"), 10).await, ["+13"]);
    assert_eq!(
        list(Some("+12"), 10).await,
        ["+13"],
        "one that is not on the list is a place too"
    );
    assert_eq!(list(Some("+13"), 10).await, Vec::<String>::new());
}

async fn nothing_is_begun_after_an_opt_out_but_what_is_waited_for(store: &dyn Store) {
    for (id, purpose, send_at) in [
        ("queued", None, None),
        ("scheduled", Some(Purpose::Transaction), Some(100)),
        ("advertised", Some(Purpose::Promotion), None),
        ("code", Some(Purpose::Authentication), Some(100)),
        ("answer", Some(Purpose::ServiceRequest), None),
        ("confirmation", Some(Purpose::Acknowledgement), None),
    ] {
        keep(
            store,
            NewMessage {
                send_at: send_at.map(at),
                ..new(id, PHONE, purpose)
            },
        )
        .await;
    }
    ingest(store, vec![says("k1", consent(Wish::OptedOut, 5))]).await;
    assert_eq!(
        lent(store, 10, &[Share::any("demo", 10)]).await,
        ["answer", "confirmation"]
    );
    assert_eq!(
        stored(store, "scheduled").await.facts.state(),
        State::Queued,
        "its time has not come"
    );
    for id in ["answer", "confirmation"] {
        let done = Settlement {
            entry: Some(entry(11, Fact::Accepted)),
            retry_at: None,
            ..Settlement::default()
        };
        assert!(store.settle(id, 1, done).await.expect("answer"));
    }
    assert_eq!(lent(store, 100, &[Share::any("demo", 10)]).await, ["code"]);
    for id in ["queued", "advertised", "scheduled"] {
        let stored = stored(store, id).await;
        assert_eq!(
            (stored.facts.state(), stored.next_at),
            (State::Refused, None),
            "{id}"
        );
        assert!(!stored.facts.has(Fact::Sending), "{id} was never begun");
        let last = stored.history.last().expect("an entry");
        assert_eq!(last.reason, Some(ReasonCode::OptedOut));
        let detail = last.detail.as_deref().expect("a sentence");
        assert!(
            detail.contains("opted out since") && detail.contains("the platform said so"),
            "{detail}"
        );
    }
}

async fn what_the_platform_may_have_is_not_called_refused(store: &dyn Store) {
    for id in ["unknown", "lost", "postponed"] {
        keep(store, new(id, PHONE, None)).await;
    }
    assert_eq!(lent(store, 0, &[Share::any("demo", 10)]).await.len(), 3);
    for (id, fact) in [("unknown", Fact::Unknown), ("postponed", Fact::Postponed)] {
        let settlement = Settlement {
            entry: Some(entry(1, fact)),
            retry_at: Some(at(20)),
            ..Settlement::default()
        };
        assert!(store.settle(id, 1, settlement).await.expect("answer"));
    }
    ingest(store, vec![says("k1", consent(Wish::OptedOut, 5))]).await;
    // The lease of what was lost ends at 30.
    let Claims { lent, ended } = store
        .claim(at(30), LEASE, &[Share::any("demo", 10)])
        .await
        .expect("claimed");
    assert!(lent.is_empty(), "{lent:?}");
    assert_eq!(
        ended,
        [Fact::Unknown, Fact::Refused, Fact::Unknown],
        "in the order in which they are due"
    );
    for (id, state) in [
        ("unknown", State::Unknown),
        ("lost", State::Unknown),
        ("postponed", State::Refused),
    ] {
        let stored = stored(store, id).await;
        assert_eq!(
            (stored.facts.state(), stored.next_at),
            (state, None),
            "{id}"
        );
        assert!(
            stored
                .history
                .last()
                .is_some_and(|entry| entry.reason.is_some()),
            "{id} says why"
        );
    }
    assert_eq!(
        store.recover(at(40)).await.expect("answer"),
        0,
        "none of them is under way"
    );
}

async fn who_is_asked_for_messages_again_gets_what_waits(store: &dyn Store) {
    keep(
        store,
        NewMessage {
            send_at: Some(at(100)),
            ..new("m1", PHONE, None)
        },
    )
    .await;
    store
        .note_consent("demo", PHONE, consent(Wish::OptedOut, 10))
        .await
        .expect("noted");
    store
        .note_consent("demo", PHONE, consent(Wish::OptedIn, 20))
        .await
        .expect("noted");
    assert_eq!(lent(store, 100, &[Share::any("demo", 10)]).await, ["m1"]);
}

async fn those_who_have_opted_out_hold_up_nobody(store: &dyn Store) {
    for number in 0..20 {
        keep(store, new(&format!("out{number}"), PHONE, None)).await;
    }
    for number in 0..4 {
        keep(store, new(&format!("in{number}"), "+15550100002", None)).await;
    }
    store
        .note_consent("demo", PHONE, consent(Wish::OptedOut, 10))
        .await
        .expect("noted");
    assert_eq!(
        lent(store, 10, &[Share::any("demo", 3)]).await,
        ["in0", "in1", "in2"]
    );
    assert_eq!(lent(store, 10, &[Share::any("demo", 3)]).await, ["in3"]);
    assert_eq!(stored(store, "out19").await.facts.state(), State::Refused);
}

async fn a_claim_refuses_no_more_than_others_can_wait_for(store: &dyn Store) {
    for number in 0..=REFUSED_AT_ONCE {
        keep(store, new(&format!("m{number}"), PHONE, None)).await;
    }
    store
        .note_consent("demo", PHONE, consent(Wish::OptedOut, 10))
        .await
        .expect("noted");
    let share = [Share::any("demo", 100)];
    assert_eq!(lent(store, 10, &share).await, Vec::<String>::new());
    let last = format!("m{REFUSED_AT_ONCE}");
    assert_eq!(stored(store, &last).await.facts.state(), State::Queued);
    assert_eq!(
        store.next_due(&share).await.expect("answer"),
        Some(at(0)),
        "the next claim is due at once"
    );
    assert_eq!(lent(store, 10, &share).await, Vec::<String>::new());
    assert_eq!(stored(store, &last).await.facts.state(), State::Refused);
    assert_eq!(store.next_due(&share).await.expect("answer"), None);
}

async fn counts(store: &dyn Store) -> Option<(Wish, i64)> {
    let counts = store.consent("demo", PHONE).await.expect("answer");
    counts.map(|consent| (consent.wish(), consent.at().duration_since(at(0)).as_secs()))
}

fn consent(wish: Wish, second: i64) -> Consent {
    Consent::new(wish, at(second), Reason::Event)
}

fn says(key: &str, consent: Consent) -> NewEvent {
    NewEvent {
        consent: Some(consent),
        ..event(key, Said::Unsubscribed)
    }
}

fn entry(second: i64, fact: Fact) -> crate::store::Entry {
    crate::store::Entry {
        attempt: Some(1),
        ..super::entry(second, fact)
    }
}

fn new(id: &str, phone: &str, purpose: Option<Purpose>) -> NewMessage {
    let message = Message {
        recipient: phone.into(),
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

//! What every store must do when it is moved: all of it goes, and what comes of it goes on as if nothing had happened.

use super::ends::agent_event;
use super::{PHONE, accept, at, claim, entry, event, ingest, lent, message, stored};
use crate::MemoryStore;
use crate::lifecycle::{Fact, State};
use crate::store::consent::{Consent, Reason, Wish};
use crate::store::consumer::{Change, Delivery, Disabled, Progress};
use crate::store::dump::lines::{Decoder, Encoder};
use crate::store::dump::{Consumer, Item, Last};
use crate::store::event::{
    EventContent, GatewayEvent, MessageEvent, PlatformAnswer, ReasonCode, Source,
};
use crate::store::lane::Share;
use crate::store::quarantine::{QuarantineId, Quarantined};
use crate::store::tester::{Counted, NewTester, TesterQuota};
use crate::store::{
    Accepted, AgentIdentity, Cursor, Filter, Holds, Ingested, NewEvent, NewMessage, Settlement,
    Store, Upload,
};
use gateway_channel::{Content, Fact as Heard, Header, Purpose};
use tokio::sync::mpsc::channel;

pub(super) async fn check(empty: &dyn Fn() -> Box<dyn Store>) {
    what_is_moved_is_the_same_wherever_it_is_moved_to(&*empty(), empty).await;
    an_empty_store_is_moved_too(&*empty(), &*empty()).await;
    nothing_is_put_where_something_is(&*empty(), &*empty()).await;
    who_stops_listening_ends_it(&*empty()).await;
    a_consumer_that_is_ahead_of_every_event_is_refused(&*empty()).await;
    let moved = empty();
    let first = empty();
    fill(&*first).await;
    restore(&*moved, &dump(&*first).await).await;
    a_moved_store_goes_on(&*moved).await;
}

async fn what_is_moved_is_the_same_wherever_it_is_moved_to(
    first: &dyn Store,
    empty: &dyn Fn() -> Box<dyn Store>,
) {
    fill(first).await;
    let lines = dump(first).await;
    for second in [empty(), Box::new(MemoryStore::new())] {
        restore(&*second, &lines).await;
        assert_eq!(dump(&*second).await, lines);
    }
    let model = MemoryStore::new();
    fill(&model).await;
    assert_eq!(dump(&model).await, lines, "every store gives away the same");
}

async fn an_empty_store_is_moved_too(first: &dyn Store, second: &dyn Store) {
    let lines = dump(first).await;
    assert_eq!(
        lines.len(),
        3,
        "a first line, the last names, and a last line: {lines:?}"
    );
    restore(second, &lines).await;
    assert_eq!(dump(second).await, lines);
    assert_eq!(second.newest().await.expect("answer"), None);
    assert_eq!(
        ingest(second, vec![event("k1", Heard::Typing)]).await,
        [Ingested::New(Cursor(1))]
    );
}

async fn nothing_is_put_where_something_is(first: &dyn Store, second: &dyn Store) {
    fill(first).await;
    accept(second, "m2", 9).await;
    ingest(second, vec![event("k9", Heard::Typing)]).await;
    let before = dump(second).await;
    second
        .restore(items(&dump(first).await))
        .await
        .expect_err("m2 is there");
    assert_eq!(
        dump(second).await,
        before,
        "of what was to be kept in one commit, nothing is"
    );
}

/// Field case G7: it would never be given an event again.
async fn a_consumer_that_is_ahead_of_every_event_is_refused(store: &dyn Store) {
    let consumer = |after| {
        Item::Consumer(Consumer {
            name: "app".into(),
            after: Some(Cursor(after)),
            disabled: None,
        })
    };
    let last = Item::Last(Last {
        event: Some(Cursor(4)),
        quarantined: None,
        pruned: None,
        legacy_names: false,
    });
    let problem = store
        .restore(vec![last.clone(), consumer(5)])
        .await
        .expect_err("no event is there yet");
    assert!(
        problem
            .to_string()
            .contains("the consumer app has got to e5, and the newest event is e4"),
        "{problem}"
    );
    store
        .restore(vec![last, consumer(4)])
        .await
        .expect("it has had them all");
}

async fn who_stops_listening_ends_it(store: &dyn Store) {
    fill(store).await;
    let (to, mut from) = channel(1);
    let (ended, ()) = tokio::join!(store.dump(to), async move {
        assert!(matches!(from.recv().await, Some(Item::Last(_))));
    });
    ended.expect("no problem of the store");
}

/// By what anybody can ask for; each line is a promise of `fill`'s.
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn a_moved_store_goes_on(store: &dyn Store) {
    let all = store
        .find(&Filter {
            most: 10,
            ..Filter::default()
        })
        .await
        .expect("messages");
    let ids: Vec<&str> = all
        .iter()
        .map(|stored| stored.message.id.as_str())
        .collect();
    assert_eq!(
        ids,
        ["late", "urgent", "ordinary", "m3", "m2", "m1"],
        "newest first"
    );
    assert_eq!(stored(store, "m1").await.facts.state(), State::Delivered);
    let states = |state| Filter {
        state: Some(state),
        most: 10,
        ..Filter::default()
    };
    assert_eq!(
        store
            .find(&states(State::Delivered))
            .await
            .expect("messages")
            .len(),
        1,
        "states are found again"
    );
    assert_eq!(accept(store, "m2", 1).await, Accepted::Same(State::Queued));
    assert_eq!(accept(store, "m2", 2).await, Accepted::Conflict);

    let again = vec![
        event("k1", Heard::Delivered("m1".into())),
        event("gone", Heard::Typing),
        event("k1\nDELIVERED/m1", Heard::Delivered("m1".into())),
    ];
    assert_eq!(
        ingest(store, again).await,
        [Ingested::Duplicate; 3],
        "also of events that are gone, and by a finer key than they had"
    );
    assert_eq!(store.newest().await.expect("answer"), Some(Cursor(6)));
    let cursors: Vec<u64> = store
        .read(None, 10)
        .await
        .expect("events")
        .iter()
        .map(|it| it.cursor.0)
        .collect();
    assert_eq!(cursors, [1, 2, 3, 5, 6], "the fourth was erased");
    let agents = store.register_agents(Vec::new()).await.expect("answer");
    assert_eq!((agents.len(), agents[0].key.as_str()), (1, "demo"));
    let held = store.held_agents().await.expect("answer");
    assert_eq!(held["held"].detail, "no token");
    assert_eq!(
        store.read(None, 1).await.expect("events")[0]
            .event
            .content
            .inbound()
            .expect("a webhook")
            .raw,
        [0xff, 0],
        "with its bytes"
    );
    assert_eq!(
        ingest(store, vec![event("new", Heard::Typing)]).await,
        [Ingested::New(Cursor(7))]
    );
    accept(store, "before", 1).await;
    assert_eq!(
        stored(store, "before").await.facts.state(),
        State::Read,
        "what was heard before it came"
    );

    let counts = store
        .consent("demo", PHONE)
        .await
        .expect("answer")
        .expect("a wish");
    assert_eq!((counts.wish(), counts.at()), (Wish::OptedOut, at(7)));
    let history = store
        .consent_history("demo", PHONE, 9)
        .await
        .expect("answer");
    let heard: Vec<_> = history
        .iter()
        .map(|heard| (heard.consent.reason().clone(), heard.event))
        .collect();
    assert_eq!(
        heard,
        [
            (Reason::Caller("told us".into()), None),
            (Reason::Event, Some(Cursor(3)))
        ]
    );
    let share = [Share {
        retries: 1,
        ..Share::any("demo", 10)
    }];
    assert_eq!(
        lent(store, 9, &share).await,
        ["urgent"],
        "nobody who has opted out gets another; the lease goes on"
    );
    assert_eq!(
        stored(store, "ordinary").await.facts.state(),
        State::Refused
    );
    assert_eq!(
        store.next_due(&share).await.expect("answer"),
        Some(at(1 + 30)),
        "of the lease"
    );
    assert_eq!(store.recover(at(10)).await.expect("recovered"), 2);
    let late = Settlement {
        entry: Some(entry(11, Fact::Accepted)),
        retry_at: None,
        ..Settlement::default()
    };
    assert!(
        !store.settle("m3", 1, late).await.expect("answer"),
        "its attempt was lost"
    );
    assert_eq!(
        store
            .expire(at(600), 10, &Holds::new())
            .await
            .expect("answer")
            .len(),
        1,
        "of the scheduled one"
    );

    consumers_go_on(store).await;
    what_is_beside_messages_goes_on(store).await;
}

async fn consumers_go_on(store: &dyn Store) {
    let app = store.consumer("app").await.expect("answer");
    assert_eq!(
        (app.after, app.owed, app.oldest_owed, app.dead),
        (Some(Cursor(3)), 2, Some(Cursor(1)), 1)
    );
    let off = store.consumer("off").await.expect("answer");
    assert_eq!(
        off.disabled,
        Some(Disabled {
            at: at(8),
            reason: "410 Gone".into()
        })
    );
    let due = store.due("app", at(20), 9).await.expect("answer");
    let due: Vec<_> = due
        .iter()
        .map(|(delivery, event)| (delivery.cursor, event.is_some()))
        .collect();
    assert_eq!(due, [(Cursor(1), true)], "the third waits for the first");
    let taken = Progress {
        changes: vec![Change::Taken(Cursor(1))],
        ..Progress::default()
    };
    store
        .progress("app", at(21), taken)
        .await
        .expect("progress");
    let due = store.due("app", at(21), 9).await.expect("answer");
    assert_eq!(
        due.iter()
            .map(|(delivery, _)| delivery.cursor)
            .collect::<Vec<_>>(),
        [Cursor(3)]
    );
    let dead = store.dead_letters("app", None, 9).await.expect("answer");
    let dead: Vec<_> = dead
        .iter()
        .map(|it| (it.cursor, it.attempts, it.at, it.reason.as_str()))
        .collect();
    assert_eq!(dead, [(Cursor(2), 12, at(9), "500")]);
    assert_eq!(store.replay("app", None, at(22)).await.expect("answer"), 1);
}

async fn what_is_beside_messages_goes_on(store: &dyn Store) {
    assert_eq!(
        store
            .quarantined_one(QuarantineId(1))
            .await
            .expect("answer")
            .expect("a request")
            .request,
        refused(b"x")
    );
    let binary = store
        .quarantined_one(QuarantineId(2))
        .await
        .expect("answer")
        .expect("a request");
    assert_eq!((binary.request.headers, binary.is_whole), (None, false));
    store.quarantine(refused(b"y")).await.expect("kept");
    let names: Vec<u64> = store
        .quarantined(None, 9)
        .await
        .expect("answer")
        .iter()
        .map(|it| it.id.0)
        .collect();
    assert_eq!(names, [4, 2, 1], "a name is not given twice");
    let uploads = store.uploads("demo", at(0)).await.expect("answer");
    assert_eq!(uploads, [upload("f2", None), upload("f1", Some(99))]);
    let testers = store.testers("demo").await.expect("answer");
    let testers: Vec<_> = testers
        .iter()
        .map(|it| (it.phone.as_str(), it.answer.as_deref()))
        .collect();
    assert_eq!(testers, [("+13", None), ("+12", Some("accepted"))]);
    let known = store
        .count_tester(tester("+12"), QUOTA)
        .await
        .expect("answer");
    assert_eq!(
        (
            known,
            store
                .count_tester(tester("+14"), QUOTA)
                .await
                .expect("answer")
        ),
        (Counted::Known, Counted::TooMany)
    );
}

/// A message that ended long ago, with all that can be said of that.
fn end() -> NewEvent {
    let answer = PlatformAnswer {
        http_status: 400,
        status: Some("INVALID_ARGUMENT".into()),
        message: Some("no \u{1f600}".into()),
    };
    let event = MessageEvent {
        fact: Fact::Refused,
        message_id: "before".into(),
        phone: PHONE.into(),
        at: at(5),
        number: 2,
        source: Source::Platform,
        reason: Some(ReasonCode::Rejected),
        detail: Some("why".into()),
        attempts: 1,
        answer: Some(answer),
    };
    NewEvent {
        agent: "demo".into(),
        received_at: at(5),
        content: EventContent::Gateway(GatewayEvent::Message(event)),
        consent: None,
    }
}

/// Something of everything, and of each what could be lost.
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn fill(store: &dyn Store) {
    let agent = AgentIdentity {
        key: "demo".into(),
        platform_id: "demo@rbm.goog".into(),
    };
    accept(store, "m1", 1).await;
    store.register_agents(vec![agent]).await.expect("known");
    let mut delivered = event("k1", Heard::Delivered("m1".into()));
    delivered.content.inbound_mut().expect("a webhook").raw = vec![0xff, 0];
    let told = event("k2", Heard::Read("before".into()));
    let opted_out = Consent::new(Wish::OptedOut, at(6), Reason::Event);
    let unsubscribed = NewEvent {
        consent: Some(opted_out),
        ..event("k3", Heard::Unsubscribed)
    };
    let mut erased = event("gone", Heard::Typing);
    erased.content.inbound_mut().expect("a webhook").phone = Some(ERASED.into());
    ingest(store, vec![delivered, told, unsubscribed, erased]).await;
    store.erase(ERASED).await.expect("erased");
    ingest(store, vec![agent_event(5, "held", true), end()]).await;
    for (id, second) in [("m2", 300), ("m3", 0)] {
        let mut new = new(id, None);
        new.message.purpose = Some(Purpose::ServiceRequest);
        new.send_at = (second > 0).then(|| at(second));
        store.accept(new).await.expect("accepted");
    }
    assert_eq!(claim(store, 1).await, [("m3".into(), 1)]);
    store.accept(new("ordinary", None)).await.expect("accepted");
    store
        .accept(new("urgent", Some(Purpose::Authentication)))
        .await
        .expect("accepted");
    let late = NewMessage {
        send_at: Some(at(800)),
        expires_at: Some(at(500)),
        ..new("late", None)
    };
    store.accept(late).await.expect("accepted");
    store
        .note(
            "ordinary",
            crate::store::Entry {
                reason: Some(ReasonCode::Requested),
                detail: Some("why \u{1f600}\n".into()),
                ..entry(2, Fact::Postponed)
            },
        )
        .await
        .expect("noted");

    let caller = Consent::new(Wish::OptedOut, at(7), Reason::Caller("told us".into()));
    store
        .note_consent("demo", PHONE, caller)
        .await
        .expect("noted");
    let keyword = Consent::new(Wish::OptedIn, at(6), Reason::Keyword("Start".into()));
    store
        .note_consent("demo", "+13", keyword)
        .await
        .expect("noted");

    let owed = |cursor, next_at| {
        let (conversation, reason) = (Some("demo +15550100001".into()), Some("503".into()));
        Change::Owed(Delivery {
            cursor: Cursor(cursor),
            conversation,
            attempts: 2,
            reason,
            next_at,
        })
    };
    let dead = Change::Dead {
        cursor: Cursor(2),
        attempts: 12,
        at: at(9),
        reason: "500".into(),
    };
    let changes = vec![owed(1, Some(at(12))), dead, owed(3, None)];
    let progress = Progress {
        after: Some(Cursor(3)),
        changes,
        disabled: None,
    };
    store
        .progress("app", at(9), progress)
        .await
        .expect("progress");
    let disabled = Some(Disabled {
        at: at(8),
        reason: "410 Gone".into(),
    });
    store
        .progress(
            "off",
            at(9),
            Progress {
                disabled,
                ..Progress::default()
            },
        )
        .await
        .expect("progress");

    store.quarantine(refused(b"x")).await.expect("kept");
    let cut = Quarantined {
        headers: None,
        body_bytes: 99,
        ..refused(&[0xff])
    };
    store.quarantine(cut).await.expect("kept");
    store.quarantine(refused(b"z")).await.expect("kept");
    assert!(
        store.release(QuarantineId(3)).await.expect("answer"),
        "the newest is gone, and its name is not free"
    );
    store
        .keep_upload(upload("f1", Some(99)))
        .await
        .expect("kept");
    store.keep_upload(upload("f2", None)).await.expect("kept");
    for phone in ["+12", "+13"] {
        assert_eq!(
            store
                .count_tester(tester(phone), QUOTA)
                .await
                .expect("answer"),
            Counted::New
        );
    }
    store
        .settle_tester("demo", "+12", Some("accepted".into()))
        .await
        .expect("noted");
}

fn new(id: &str, purpose: Option<Purpose>) -> NewMessage {
    let mut message = message(id);
    (message.purpose, message.content) =
        (purpose, Content::Text("Hi \u{1f600}\u{2028}\"\n".into()));
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
    let header = |name: &str, value: &str| Header {
        name: name.into(),
        value: value.into(),
    };
    Quarantined {
        at: at(3),
        path: "/webhooks/rbm/demo".into(),
        rule: "signature-mismatch".into(),
        reason: "why".into(),
        headers: Some(vec![
            header("x-signature", "b"),
            header("x-signature", "\u{fffd}\""),
        ]),
        body: body.to_vec(),
        body_bytes: body.len() as u64,
    }
}

fn upload(name: &str, until: Option<i64>) -> Upload {
    Upload {
        agent: "demo".into(),
        name: name.into(),
        what: "image/png".into(),
        at: at(0),
        expires_at: until.map(at),
    }
}

fn tester(phone: &str) -> NewTester {
    NewTester {
        agent: "demo".into(),
        phone: phone.into(),
        at: at(0),
    }
}

/// As lines of an export.
pub async fn dump(store: &dyn Store) -> Vec<Vec<u8>> {
    let (to, mut from) = channel(1);
    let (ended, lines) = tokio::join!(store.dump(to), async move {
        let (mut encoder, first) = Encoder::begin("rbm", at(0)).expect("a line");
        let mut lines = vec![first];
        while let Some(item) = from.recv().await {
            lines.push(encoder.item(&item).expect("a line"));
        }
        lines.push(encoder.end().expect("a line").0);
        lines
    });
    ended.expect("all of it");
    lines
}

/// In several commits.
pub async fn restore(store: &dyn Store, lines: &[Vec<u8>]) {
    for items in items(lines).chunks(3) {
        store.restore(items.to_vec()).await.expect("kept");
    }
}

/// As they are in such lines.
pub fn items(lines: &[Vec<u8>]) -> Vec<Item> {
    let mut decoder = Decoder::default();
    let items = lines
        .iter()
        .filter_map(|line| decoder.line(line).expect("an item"))
        .collect();
    decoder.end().expect("all of it");
    items
}

const ERASED: &str = "+15550100009";
const QUOTA: TesterQuota = TesterQuota {
    per_day: 2,
    total: 2,
};

//! `rbm serve` is killed at random moments under load from 64 producers and started again, and nothing that it acknowledged is
//! lost or done twice. The platform that it talks to and the application that it posts events to live in this process, and are
//! not killed; every event comes to the application, at least once. Some messages cannot be delivered: the gateway tells each
//! end of theirs once.
//!
//! `cargo test -p rbm --test kill -- --rounds 500` for more than the 20 rounds of every test run, `--seed N` for the same
//! moments again.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod application;
mod serving;

use application::{Answer, Application, Posted, event_id};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rbm_emulator::{Dose, FaultRule, RequestFault, RequestFaults};
use rbm_wire::name::PhoneNumber;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use serving::{CALLBACK_SECRET, Platform, Serve, callback, events, messages, signed};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (rounds, seed) = (
        number(&arguments, "--rounds", 20),
        number(&arguments, "--seed", rand::random()),
    );
    println!("{rounds} rounds, --seed {seed}");
    let platform = Platform::start_far_away(ANSWER_TIME).await;
    platform.emulator.set_faults(rejections()).unwrap();
    let application = Application::start(CALLBACK_SECRET, seed).await;
    let callback = callback("app", application.port);
    let mut serve = Serve::new(
        &platform,
        &format!("messages_per_second = 1000\nburst = 1000\n{callback}"),
    );
    serve.start().await;
    serve.register_webhook(&platform).await;

    let (acknowledged, running) = (
        Arc::<Mutex<Acknowledged>>::default(),
        Arc::new(AtomicBool::new(true)),
    );
    let mut producers = JoinSet::new();
    for number in 0..PRODUCERS {
        let producer = Producer {
            number,
            client: Client::new(),
            gateway: serve.origin(),
            token: serve.client_token.clone(),
            acknowledged: acknowledged.clone(),
            running: running.clone(),
        };
        producers.spawn(producer.run());
    }
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..rounds {
        // Sending begins slowly after a start, so that it takes a longer life to be interrupted in it.
        let longer = if round % 4 == 3 { 2_000 } else { 0 };
        sleep(Duration::from_millis(
            longer + random.random_range(300..1_500),
        ))
        .await;
        serve.kill();
        serve.start().await;
    }
    running.store(false, Ordering::Relaxed);
    producers.join_all().await;
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    let found = find(&serve, &platform, &application).await;
    let wrongs = wrongs(&acknowledged, &found);
    assert!(
        wrongs.is_empty(),
        "{} wrongs: {:?}",
        wrongs.len(),
        &wrongs[..wrongs.len().min(10)]
    );
    println!(
        "{} messages and {} events were acknowledged, {} events are kept, {} attempts were interrupted: none lost, none doubled",
        acknowledged.messages.len(),
        acknowledged.events.len(),
        found.events.len(),
        found.interrupted,
    );
    let (turned_away, again) = (found.turned_away(), found.taken_again());
    let ends = found.ends();
    println!(
        "{} messages ended undelivered: {ends:?}",
        ends.values().sum::<usize>()
    );
    println!(
        "{turned_away} events were turned away at first, and {again} times one was taken that had been taken before"
    );
    assert!(
        acknowledged.messages.len() > 100 && acknowledged.events.len() > 100,
        "and that was too few to tell"
    );
    assert!(
        found.interrupted > 0,
        "no attempt was under way when it was killed"
    );
    for kind in ["failed", "expired", "revoked"] {
        assert!(ends.contains_key(kind), "no message is {kind}");
    }
    assert!(
        turned_away > 0 && again > 0,
        "no event had to be posted again"
    );
    check_that_wrongs_are_found(&acknowledged, &found);
}

/// What the gateway has said that it has.
#[derive(Default)]
struct Acknowledged {
    /// Messages, and what is to become of them.
    messages: BTreeMap<String, Fate>,
    /// Events, by the ids that the platform gave them.
    events: BTreeSet<String>,
}

/// What is to become of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// Its recipient reads it.
    Read,
    /// Its recipient cannot be reached. Where an attempt was interrupted, only the end of its time says so.
    Unreachable,
    /// The platform rejects it until it expires.
    Limited,
    /// Its sender takes it back.
    Revoked,
}

impl Fate {
    /// Of the messages of a producer.
    fn of(number: u32) -> Self {
        match number % 16 {
            2 | 10 => Self::Revoked,
            6 => Self::Unreachable,
            14 => Self::Limited,
            _ => Self::Read,
        }
    }

    /// In which state it may end.
    fn ends_as(self, state: &str) -> bool {
        match self {
            Self::Read => state == "read",
            Self::Unreachable => state == "failed",
            // An attempt that was interrupted may have been taken.
            Self::Limited => ["expired", "failed"].contains(&state),
            Self::Revoked => state == "revoked",
        }
    }
}

/// Of the messages that are to expire.
fn rejections() -> RequestFaults {
    let limited = (0..PRODUCERS).filter(|number| Fate::of(*number) == Fate::Limited);
    let rule = |number| FaultRule {
        method: Some("phones.agentMessages.create".into()),
        phone: Some(PhoneNumber::parse(&phone(number)).unwrap()),
        ..FaultRule::new(RequestFault::TooMany, Dose { next: 0, rate: 1.0 })
    };
    let faults = limited.map(rule).collect();
    RequestFaults { faults }
}

struct Producer {
    number: u32,
    client: Client,
    gateway: String,
    token: String,
    acknowledged: Arc<Mutex<Acknowledged>>,
    running: Arc<AtomicBool>,
}

impl Producer {
    /// Whatever was begun is repeated until it is acknowledged, as every caller and the platform do.
    async fn run(self) {
        for count in 0_u32.. {
            if !self.running.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("p{}-{count}", self.number);
            if self.number.is_multiple_of(2) {
                self.send(&name).await;
                sleep(MESSAGE_PAUSE).await;
            } else {
                self.notify(&name).await;
                sleep(EVENT_PAUSE).await;
            }
        }
    }

    async fn send(&self, name: &str) {
        let fate = Fate::of(self.number);
        let mut body = json!({ "to": phone(self.number), "content": { "text": name } });
        match fate {
            Fate::Read => {}
            Fate::Unreachable | Fate::Limited => body["lifetime_seconds"] = json!(10),
            Fate::Revoked => {
                body["send_at"] = json!(Timestamp::now() + SignedDuration::from_hours(1));
            }
        }
        let body = body.to_string();
        loop {
            let request = self
                .client
                .post(format!("{}/v1/messages", self.gateway))
                .header("idempotency-key", name);
            let sent = request
                .header("content-type", "application/json")
                .body(body.clone())
                .send()
                .await;
            if let Some(answer) = taken(sent, StatusCode::ACCEPTED).await {
                let id = answer["id"].as_str().unwrap().to_owned();
                if fate == Fate::Revoked {
                    self.revoke(&id).await;
                }
                self.acknowledged.lock().unwrap().messages.insert(id, fate);
                return;
            }
        }
    }

    async fn revoke(&self, id: &str) {
        let address = format!("{}/v1/messages/{id}", self.gateway);
        while taken(self.client.delete(&address).send().await, StatusCode::OK)
            .await
            .is_none()
        {}
    }

    async fn notify(&self, name: &str) {
        let document = json!({
            "senderPhoneNumber": phone(self.number), "eventType": "IS_TYPING", "eventId": name, "agentId": "demo@rbm.goog",
            "sendTime": "2026-11-25T10:00:00.000000Z",
        });
        let (signature, body) = signed(&self.token, &document.to_string());
        loop {
            let request = self
                .client
                .post(format!("{}/webhooks/rbm/demo", self.gateway));
            let request = request
                .header("x-goog-signature", &signature)
                .header("content-type", "application/json");
            if taken(request.body(body.clone()).send().await, StatusCode::OK)
                .await
                .is_some()
            {
                self.acknowledged
                    .lock()
                    .unwrap()
                    .events
                    .insert(name.to_owned());
                return;
            }
        }
    }
}

/// None for what is to be tried again: nobody was there, or not to the end, or it was asked for patience.
async fn taken(sent: reqwest::Result<reqwest::Response>, expected: StatusCode) -> Option<Value> {
    let Ok(response) = sent else {
        sleep(Duration::from_millis(20)).await;
        return None;
    };
    let status = response.status();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        sleep(Duration::from_millis(20)).await;
        return None;
    }
    let text = response.text().await.ok()?;
    assert_eq!(status, expected, "{text}");
    Some(serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// What there is in the end.
#[derive(Clone)]
struct Found {
    /// How often the gateway has each message.
    messages: HashMap<String, u32>,
    /// Where each message is.
    states: HashMap<String, String>,
    /// How often it has each event, by the platform's id.
    events: HashMap<String, u32>,
    /// How often each message is on a phone.
    shown: HashMap<String, u32>,
    /// Attempts that were under way when the gateway was killed.
    interrupted: usize,
    /// What the application was asked to take.
    posted: Vec<Posted>,
}

impl Found {
    fn taken(&self) -> impl Iterator<Item = &Posted> {
        self.posted
            .iter()
            .filter(|posted| posted.answer == Answer::Taken)
    }

    /// How many messages have ended otherwise than by being read, by their states.
    fn ends(&self) -> BTreeMap<&str, usize> {
        let mut ends = BTreeMap::new();
        for state in self.states.values().filter(|state| *state != "read") {
            *ends.entry(state.as_str()).or_default() += 1;
        }
        ends
    }

    fn turned_away(&self) -> usize {
        self.posted
            .iter()
            .filter(|posted| matches!(posted.answer, Answer::Broken | Answer::HungUp))
            .count()
    }

    /// At least once is not exactly once: what was taken is noted a little later.
    fn taken_again(&self) -> usize {
        self.taken().count()
            - self
                .taken()
                .map(|posted| &posted.event_id)
                .collect::<HashSet<_>>()
                .len()
    }
}

/// Once every message has ended as its producer wants it, and the application has every event or has been waited for.
async fn find(serve: &Serve, platform: &Platform, application: &Application) -> Found {
    let begun = Instant::now();
    let messages = loop {
        let messages = messages(serve).await;
        let Some(unended) = messages.iter().find(|message| !has_ended(message)) else {
            break messages;
        };
        assert!(
            begun.elapsed() < PATIENCE,
            "of {} messages this one has not ended: {unended}",
            messages.len()
        );
        sleep(Duration::from_millis(200)).await;
    };
    let mut shown = Vec::new();
    for number in 0..PRODUCERS {
        shown.extend(platform.shown_on(&phone(number)).await);
    }
    let id = |value: &Value| value.as_str().map(str::to_owned);
    let mut found = Found {
        interrupted: messages
            .iter()
            .map(|message| count(message, "unknown"))
            .sum(),
        messages: counted(messages.iter().filter_map(|message| id(&message["id"]))),
        states: messages
            .iter()
            .filter_map(|message| id(&message["id"]).zip(id(&message["state"])))
            .collect(),
        events: counted(events(serve).await.iter().map(event_id)),
        shown: counted(shown.into_iter()),
        posted: application.posted(),
    };
    while !undelivered(&found).is_empty() && begun.elapsed() < PATIENCE {
        sleep(Duration::from_millis(200)).await;
        found.posted = application.posted();
    }
    found
}

fn has_ended(message: &Value) -> bool {
    let mut phones = (0..PRODUCERS).map(|number| (phone(number), Fate::of(number)));
    let (_, fate) = phones.find(|(phone, _)| message["to"] == *phone).unwrap();
    fate.ends_as(message["state"].as_str().unwrap())
}

/// Events that the gateway has and the application has not.
fn undelivered(found: &Found) -> Vec<&String> {
    let taken: HashSet<&String> = found.taken().map(|posted| &posted.event_id).collect();
    found
        .events
        .keys()
        .filter(|id| !taken.contains(id))
        .collect()
}

/// What was lost, and what was done twice.
fn wrongs(acknowledged: &Acknowledged, found: &Found) -> Vec<String> {
    let mut wrongs = Vec::new();
    for (id, fate) in &acknowledged.messages {
        if !found.messages.contains_key(id) {
            wrongs.push(format!("the message {id} was acknowledged and lost"));
        }
        if *fate == Fate::Read && !found.shown.contains_key(id) {
            wrongs.push(format!(
                "the message {id} was acknowledged, and is on no phone"
            ));
        }
    }
    wrongs.extend(wrongs_of_ends(found));
    for id in acknowledged
        .events
        .iter()
        .filter(|id| !found.events.contains_key(*id))
    {
        wrongs.push(format!("the event {id} was acknowledged and lost"));
    }
    for (what, counts) in [
        ("message", &found.messages),
        ("event", &found.events),
        ("message on a phone", &found.shown),
    ] {
        let doubled = counts.iter().filter(|(_, count)| **count > 1);
        wrongs.extend(doubled.map(|(id, count)| format!("the {what} {id} is there {count} times")));
    }
    wrongs.extend(wrongs_of_delivery(acknowledged, found));
    wrongs
}

/// Each message that was not read has one end, and that is kept as an event; those that were read have none.
fn wrongs_of_ends(found: &Found) -> impl Iterator<Item = String> {
    found.states.iter().flat_map(move |(id, state)| {
        let is_wrong = move |kind: &&str| {
            found.events.contains_key(&format!("{kind} {id}")) != (kind == state)
        };
        ["failed", "refused", "expired", "revoked"]
            .into_iter()
            .filter(is_wrong)
            .map(move |kind| format!("the message {id} is {state}, and {kind} is wrong"))
    })
}

/// What the application was not told, or not as it should have been.
fn wrongs_of_delivery(acknowledged: &Acknowledged, found: &Found) -> Vec<String> {
    let mut wrongs: Vec<_> = undelivered(found)
        .into_iter()
        .map(|id| format!("the event {id} is kept and was not delivered"))
        .collect();
    let (mut events, mut reports) = (HashSet::new(), HashSet::new());
    for Posted {
        event_id,
        kind,
        message_id,
        ..
    } in found.taken()
    {
        events.insert(event_id.as_str());
        reports.extend(message_id.as_deref().map(|id| (id, kind.as_str())));
    }
    for id in acknowledged
        .events
        .iter()
        .filter(|id| !events.contains(id.as_str()))
    {
        wrongs.push(format!("the event {id} was acknowledged and not delivered"));
    }
    let read = acknowledged
        .messages
        .iter()
        .filter(|(_, fate)| **fate == Fate::Read);
    for (id, _) in read {
        let missing = ["delivered", "read"]
            .into_iter()
            .filter(|kind| !reports.contains(&(id.as_str(), *kind)));
        wrongs
            .extend(missing.map(|kind| format!("nobody was told that the message {id} is {kind}")));
    }
    let (mut webhook_ids, mut event_ids) = (HashMap::new(), HashMap::new());
    for Posted {
        webhook_id,
        event_id,
        answer,
        ..
    } in &found.posted
    {
        if *answer == Answer::NotBelieved {
            wrongs.push(format!("{webhook_id} is not signed as it should be"));
        }
        if *webhook_ids.entry(event_id).or_insert(webhook_id) != webhook_id {
            wrongs.push(format!("the event {event_id} was posted with two ids"));
        }
        if *event_ids.entry(webhook_id).or_insert(event_id) != event_id {
            wrongs.push(format!("{webhook_id} is the id of two events"));
        }
    }
    wrongs
}

/// What finds nothing here would have found nothing above.
fn check_that_wrongs_are_found(acknowledged: &Acknowledged, found: &Found) {
    let of_fate = |wanted: Fate| {
        let mut messages = acknowledged.messages.iter();
        messages.find(|(_, fate)| **fate == wanted).unwrap().0
    };
    let (message, revoked) = (of_fate(Fate::Read), of_fate(Fate::Revoked));
    let event = acknowledged.events.first().unwrap();
    let another = acknowledged.events.last().unwrap();
    let posted = found
        .taken()
        .find(|posted| posted.event_id == *event)
        .unwrap();
    let wrong = |what: &str, expected: usize, spoil: &dyn Fn(&mut Found)| {
        let mut spoilt = found.clone();
        spoil(&mut spoilt);
        let wrongs = wrongs(acknowledged, &spoilt);
        assert_eq!(wrongs.len(), expected, "{what}: {wrongs:?}");
    };
    wrong("a message is lost", 1, &|found| {
        found.messages.remove(message);
    });
    wrong("an event is lost", 1, &|found| {
        found.events.remove(event);
    });
    wrong("an end is not told", 1, &|found| {
        found.events.remove(&format!("revoked {revoked}"));
    });
    wrong("an end is told twice", 1, &|found| {
        *found.events.get_mut(&format!("revoked {revoked}")).unwrap() += 1;
    });
    wrong("a message is shown twice", 1, &|found| {
        *found.shown.get_mut(message).unwrap() += 1;
    });
    // Each of the next three is missed twice: as what is kept, and as what was promised.
    wrong("an event is not posted", 2, &|found| {
        found.posted.retain(|posted| posted.event_id != *event);
    });
    wrong("an event is turned away for good", 2, &|found| {
        let of_event = found
            .posted
            .iter_mut()
            .filter(|posted| posted.event_id == *event);
        of_event.for_each(|posted| posted.answer = Answer::Broken);
    });
    wrong("nobody is told that a message is read", 2, &|found| {
        found
            .posted
            .retain(|posted| posted.message_id.as_ref() != Some(message) || posted.kind != "read");
    });
    wrong("a signature is wrong", 1, &|found| {
        found.posted.push(Posted {
            answer: Answer::NotBelieved,
            ..posted.clone()
        });
    });
    wrong("an event comes again with another id", 1, &|found| {
        found.posted.push(Posted {
            webhook_id: "another".to_owned(),
            ..posted.clone()
        });
    });
    // The other one has two ids then, besides.
    wrong("two events have one id", 2, &|found| {
        found.posted.push(Posted {
            event_id: another.clone(),
            ..posted.clone()
        });
    });
}

fn count(message: &Value, fact: &str) -> usize {
    message["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["fact"] == fact)
        .count()
}

fn counted(names: impl Iterator<Item = String>) -> HashMap<String, u32> {
    let mut counts = HashMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    counts
}

/// One for each producer; they are online and read everything, but those of [`Fate::Unreachable`].
fn phone(number: u32) -> String {
    match Fate::of(number) {
        Fate::Unreachable => "+15550100004".to_owned(),
        _ => format!("+1555020{number:04}"),
    }
}

fn number(arguments: &[String], name: &str, otherwise: u64) -> u64 {
    let place = arguments.iter().position(|argument| argument == name);
    place.map_or(otherwise, |place| arguments[place + 1].parse().unwrap())
}

const PRODUCERS: u32 = 64;
/// The emulator reports one event after the other, each with a flush of its own.
const MESSAGE_PAUSE: Duration = Duration::from_millis(300);
const EVENT_PAUSE: Duration = Duration::from_millis(10);
/// Of the platform.
const ANSWER_TIME: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_mins(4);

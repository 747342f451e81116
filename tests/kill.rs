//! `rbm serve` is killed at random moments under load from 64 producers and started again, and nothing that it acknowledged is
//! lost or done twice. The platform that it talks to lives in this process, and is not killed.
//!
//! `cargo test -p rbm --test kill -- --rounds 500` for more than the 20 rounds of every test run, `--seed N` for the same
//! moments again.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod serving;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use serving::{Platform, Serve, events, messages, signed};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (rounds, seed) = (number(&arguments, "--rounds", 20), number(&arguments, "--seed", rand::random()));
    println!("{rounds} rounds, --seed {seed}");
    let platform = Platform::start_far_away(ANSWER_TIME).await;
    let mut serve = Serve::new(&platform, "messages_per_second = 1000\nburst = 1000\n");
    serve.start().await;
    platform.emulator.register_webhook(&serve.webhook(), serve.client_token.clone().into()).await.unwrap();

    let (acknowledged, running) = (Arc::<Mutex<Acknowledged>>::default(), Arc::new(AtomicBool::new(true)));
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
        sleep(Duration::from_millis(longer + random.random_range(300..1_500))).await;
        serve.kill();
        serve.start().await;
    }
    running.store(false, Ordering::Relaxed);
    producers.join_all().await;
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    let found = find(&serve, &platform).await;
    let wrongs = wrongs(&acknowledged, &found);
    assert!(wrongs.is_empty(), "{} wrongs: {:?}", wrongs.len(), &wrongs[..wrongs.len().min(10)]);
    println!(
        "{} messages and {} events were acknowledged, {} events are kept, {} attempts were interrupted: none lost, none doubled",
        acknowledged.messages.len(),
        acknowledged.events.len(),
        found.events.len(),
        found.interrupted,
    );
    assert!(acknowledged.messages.len() > 100 && acknowledged.events.len() > 100, "and that was too few to tell");
    assert!(found.interrupted > 0, "no attempt was under way when it was killed");
    check_that_wrongs_are_found(&acknowledged, found);
}

/// What the gateway has said that it has.
#[derive(Default)]
struct Acknowledged {
    /// Messages.
    messages: BTreeSet<String>,
    /// Events, by the ids that the platform gave them.
    events: BTreeSet<String>,
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
        let phone = phone(self.number);
        let body = json!({ "to": phone, "content": { "text": name } }).to_string();
        loop {
            let request = self.client.post(format!("{}/v1/messages", self.gateway)).header("idempotency-key", name);
            let sent = request.header("content-type", "application/json").body(body.clone()).send().await;
            if let Some(answer) = taken(sent, StatusCode::ACCEPTED).await {
                let id = answer["id"].as_str().unwrap().to_owned();
                self.acknowledged.lock().unwrap().messages.insert(id);
                return;
            }
        }
    }

    async fn notify(&self, name: &str) {
        let document = json!({
            "senderPhoneNumber": phone(self.number), "eventType": "IS_TYPING", "eventId": name, "agentId": "demo@rbm.goog",
            "sendTime": "2026-11-25T10:00:00.000000Z",
        });
        let (signature, body) = signed(&self.token, &document.to_string());
        loop {
            let request = self.client.post(format!("{}/webhooks/rbm/demo", self.gateway));
            let request = request.header("x-goog-signature", &signature).header("content-type", "application/json");
            if taken(request.body(body.clone()).send().await, StatusCode::OK).await.is_some() {
                self.acknowledged.lock().unwrap().events.insert(name.to_owned());
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
struct Found {
    /// How often the gateway has each message.
    messages: HashMap<String, u32>,
    /// How often it has each event, by the platform's id.
    events: HashMap<String, u32>,
    /// How often each message is on a phone.
    shown: HashMap<String, u32>,
    /// Attempts that were under way when the gateway was killed.
    interrupted: usize,
}

/// Once every message has been read, as these phones do.
async fn find(serve: &Serve, platform: &Platform) -> Found {
    let begun = Instant::now();
    let messages = loop {
        let messages = messages(serve).await;
        let Some(unread) = messages.iter().find(|message| message["state"] != "read") else { break messages };
        assert!(begun.elapsed() < PATIENCE, "of {} messages this one is not read: {unread}", messages.len());
        sleep(Duration::from_millis(200)).await;
    };
    let mut shown = Vec::new();
    for number in 0..PRODUCERS {
        shown.extend(platform.shown_on(&phone(number)).await);
    }
    let id = |value: &Value| value.as_str().map(str::to_owned);
    Found {
        interrupted: messages.iter().map(|message| count(message, "unknown")).sum(),
        messages: counted(messages.iter().filter_map(|message| id(&message["id"]))),
        events: counted(events(serve).await.iter().filter_map(|event| id(&event["details"]["event_id"]))),
        shown: counted(shown.into_iter()),
    }
}

/// What was lost, and what was done twice.
fn wrongs(acknowledged: &Acknowledged, found: &Found) -> Vec<String> {
    let mut wrongs = Vec::new();
    for id in acknowledged.messages.iter().filter(|id| !found.messages.contains_key(*id)) {
        wrongs.push(format!("the message {id} was acknowledged and lost"));
    }
    for id in acknowledged.messages.iter().filter(|id| !found.shown.contains_key(*id)) {
        wrongs.push(format!("the message {id} was acknowledged, and is on no phone"));
    }
    for id in acknowledged.events.iter().filter(|id| !found.events.contains_key(*id)) {
        wrongs.push(format!("the event {id} was acknowledged and lost"));
    }
    for (what, counts) in [("message", &found.messages), ("event", &found.events), ("message on a phone", &found.shown)]
    {
        let doubled = counts.iter().filter(|(_, count)| **count > 1);
        wrongs.extend(doubled.map(|(id, count)| format!("the {what} {id} is there {count} times")));
    }
    wrongs
}

/// What finds nothing here would have found nothing above.
fn check_that_wrongs_are_found(acknowledged: &Acknowledged, mut found: Found) {
    let (message, event) = (acknowledged.messages.first().unwrap(), acknowledged.events.first().unwrap());
    found.messages.remove(message);
    found.events.remove(event);
    *found.shown.get_mut(message).unwrap() += 1;
    assert_eq!(wrongs(acknowledged, &found).len(), 3);
}

fn count(message: &Value, fact: &str) -> usize {
    message["history"].as_array().unwrap().iter().filter(|entry| entry["fact"] == fact).count()
}

fn counted(names: impl Iterator<Item = String>) -> HashMap<String, u32> {
    let mut counts = HashMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    counts
}

/// Online, and reads everything; one for each producer.
fn phone(number: u32) -> String {
    format!("+1555020{number:04}")
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

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
use std::collections::{BTreeMap, HashMap, HashSet};
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
    let platform = Platform::start().await;
    let mut serve = Serve::new(&platform);
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
    for _ in 0..rounds {
        sleep(Duration::from_millis(random.random_range(300..1_500))).await;
        serve.kill();
        serve.start().await;
    }
    running.store(false, Ordering::Relaxed);
    producers.join_all().await;
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    check(&serve, &platform, &acknowledged).await;
}

/// What the gateway has said that it has.
#[derive(Default)]
struct Acknowledged {
    /// Messages, with whom they are for.
    messages: BTreeMap<String, String>,
    /// Events, by the ids that the platform gave them.
    events: HashSet<String>,
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
            if self.number % 2 == 0 {
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
                self.acknowledged.lock().unwrap().messages.insert(id, phone);
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

/// Every id is there, once; every message has been read, as the phones do; every phone has got each of its messages once.
async fn check(serve: &Serve, platform: &Platform, acknowledged: &Acknowledged) {
    let begun = Instant::now();
    let found = loop {
        let found = messages(serve).await;
        let unread = found.iter().filter(|message| message["state"] != "read").count();
        if unread == 0 && found.len() >= acknowledged.messages.len() {
            break found;
        }
        let shown = found.iter().find(|message| message["state"] != "read");
        assert!(begun.elapsed() < PATIENCE, "{unread} of {} are not read: {shown:?}", found.len());
        sleep(Duration::from_millis(200)).await;
    };
    let ids = counted(found.iter().map(|message| message["id"].as_str().unwrap()));
    assert!(ids.values().all(|count| *count == 1), "a message is there twice");
    let lost: Vec<_> = acknowledged.messages.keys().filter(|id| !ids.contains_key(id.as_str())).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    let heard = events(serve).await;
    let heard = counted(heard.iter().filter_map(|event| event["details"]["event_id"].as_str()));
    let lost: Vec<_> = acknowledged.events.iter().filter(|id| !heard.contains_key(id.as_str())).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(heard.values().all(|count| *count == 1), "an event is there twice");

    let mut shown = HashMap::<String, u32>::new();
    for number in 0..PRODUCERS {
        for id in platform.shown_on(&phone(number)).await {
            *shown.entry(id).or_default() += 1;
        }
    }
    let doubled: Vec<_> = shown.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "shown twice: {doubled:?}");
    let missing: Vec<_> = acknowledged.messages.keys().filter(|id| !shown.contains_key(*id)).collect();
    assert!(missing.is_empty(), "on no phone: {missing:?}");
    let attempts: usize = found.iter().map(attempts).sum();
    println!(
        "{} messages and {} events were acknowledged, {} events kept, {attempts} attempts: none lost, none doubled",
        acknowledged.messages.len(),
        acknowledged.events.len(),
        heard.len(),
    );
    assert!(acknowledged.messages.len() > 100 && acknowledged.events.len() > 100, "and that was too few to tell");
}

fn attempts(message: &Value) -> usize {
    message["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["state"] == "sending" || entry["fact"] == "sending")
        .count()
}

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, u32> {
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
const PATIENCE: Duration = Duration::from_mins(4);

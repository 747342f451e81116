//! What the emulator carries: messages to ten phones over real HTTP, on connections that stay open, while a webhook takes every
//! event; and what it weighs after each fifth of them, because what runs for days must not grow with what it has done.
//!
//! The emulator has a process of its own, so that its memory is its own. Client and webhook share the machine with it, and do so
//! little for a request that it is what is measured. `cargo bench -p rbm-emulator`, and with `-- --messages N --connections N` for
//! more or fewer than 100,000 and 8.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rbm_emulator::phone::{Act, Habit};
use rbm_emulator::platform::Rules;
use rbm_emulator::{Emulator, Options};
use rbm_wire::auth::SCOPE;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::sleep;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        arguments
            .iter()
            .position(|argument| argument == name)
            .map(|place| &arguments[place + 1])
    };
    let number = |name, otherwise| value(name).map_or(otherwise, |text| text.parse().unwrap());
    match value("--emulate") {
        Some(webhook) => runtime(2).block_on(emulate(webhook)),
        // One thread for client and webhook, which would rather not be noticed.
        None => runtime(1).block_on(measure(
            number("--messages", 100_000),
            number("--connections", 8),
        )),
    }
}

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap()
}

/// The other process: says where it is, and lives until it is killed.
async fn emulate(webhook: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let soon = SignedDuration::from_millis(20);
    let rules = Rules {
        delivery: soon,
        habits: vec![Habit::new(soon, Act::Read)],
        ..Rules::default()
    };
    let emulator = Emulator::start(
        listener,
        Options {
            rules,
            ..Options::default()
        },
    )
    .await
    .unwrap();
    emulator
        .register_webhook(webhook, "client-token".into())
        .await
        .unwrap();
    println!("{}", emulator.origin());
    std::future::pending::<()>().await;
}

async fn measure(messages: usize, connections: usize) {
    let told = Arc::<AtomicUsize>::default();
    let emulator = Process::start(&webhook(told.clone()).await);
    let client = Client {
        address: emulator.address,
        token: token(&emulator.origin).await,
        connections,
    };
    println!(
        "{PHONES} phones, {connections} connections; idle, {:.1} MiB in memory",
        emulator.resident_mib()
    );
    println!("| messages | sends/s | p50, p99 ms | webhook events/s | resident MiB |");
    println!("|---|---|---|---|---|");
    let mut resident = Vec::new();
    for fifth in 0..5 {
        let numbers = messages * fifth / 5..messages * (fifth + 1) / 5;
        let (last, begun) = (numbers.end, Instant::now());
        let Sent { mut times, busy } = send(&client, numbers, &told).await;
        let events = per_second(times.len() * EVENTS_OF_EACH, begun.elapsed());
        times.sort_unstable();
        let percentile =
            |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1_000.0;
        let (sends, middle, slow) = (
            per_second(times.len(), busy),
            percentile(50),
            percentile(99),
        );
        let weight = emulator.resident_mib();
        println!("| {last} | {sends:.0} | {middle:.2}, {slow:.2} | {events:.0} | {weight:.1} |");
        resident.push(weight);
    }
    println!(
        "in memory after all, × after a fifth: **{:.2}**",
        resident[4] / resident[0]
    );
}

struct Sent {
    /// How long each took.
    times: Vec<Duration>,
    /// How long all took, without waiting for the webhook.
    busy: Duration,
}

/// In rounds, each of which waits until the webhook has been told of all before it: otherwise events that are waiting would be
/// weighed too, and how many these are depends on how fast this machine sends.
async fn send(client: &Client, numbers: Range<usize>, told: &AtomicUsize) -> Sent {
    let mut sent = Sent {
        times: Vec::new(),
        busy: Duration::ZERO,
    };
    for first in numbers.clone().step_by(ROUND) {
        let (begun, end) = (Instant::now(), numbers.end.min(first + ROUND));
        sent.times.extend(client.send(first..end).await);
        sent.busy += begun.elapsed();
        wait_until_told(told, end * EVENTS_OF_EACH).await;
    }
    sent
}

#[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// The emulator's process. Ends with the benchmark.
struct Process {
    origin: String,
    address: SocketAddr,
    child: Child,
}

impl Process {
    fn start(webhook: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command
            .args(["--emulate", webhook])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let origin = line.trim().to_owned();
        let address = origin.strip_prefix("http://").unwrap().parse().unwrap();
        Self {
            origin,
            address,
            child,
        }
    }

    fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers the handshake, and counts what it is told.
async fn webhook(told: Arc<AtomicUsize>) -> String {
    async fn take(State(told): State<Arc<AtomicUsize>>, headers: HeaderMap, body: Bytes) -> String {
        if headers.contains_key("x-goog-signature") {
            told.fetch_add(1, Ordering::Relaxed);
            return String::new();
        }
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["secret"].as_str().unwrap().to_owned()
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(take)).with_state(told);
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

/// Panics when nothing comes any more.
async fn wait_until_told(told: &AtomicUsize, wanted: usize) {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let count = told.load(Ordering::Relaxed);
        if count >= wanted {
            return;
        }
        if count != last {
            (last, since) = (count, Instant::now());
        }
        assert!(
            since.elapsed() < PATIENCE,
            "{count} of {wanted} events came, and no more do"
        );
        sleep(Duration::from_millis(1)).await;
    }
}

async fn token(origin: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let account = client
        .get(format!("{origin}/emulator/service-account.json"))
        .send()
        .await
        .unwrap()
        .bytes()
        .await;
    let account: Value = serde_json::from_slice(&account.unwrap()).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": account["client_email"], "aud": account["token_uri"], "scope": SCOPE, "iat": now, "exp": now + 3_600,
    });
    let key =
        EncodingKey::from_rsa_pem(account["private_key"].as_str().unwrap().as_bytes()).unwrap();
    let assertion = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap();
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
    );
    let request = client.post(format!("{origin}/token")).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer: Value =
        serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

struct Client {
    address: SocketAddr,
    token: String,
    connections: usize,
}

impl Client {
    /// Sends the messages of these numbers, each once, and tells how long each took.
    async fn send(&self, numbers: Range<usize>) -> Vec<Duration> {
        let mut connections = JoinSet::new();
        for first in numbers.clone().take(self.connections) {
            let (address, token) = (self.address, self.token.clone());
            let numbers = (first..numbers.end).step_by(self.connections);
            connections.spawn(async move { send_all(address, &token, numbers).await });
        }
        connections.join_all().await.into_iter().flatten().collect()
    }
}

async fn send_all(
    address: SocketAddr,
    token: &str,
    numbers: impl Iterator<Item = usize>,
) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut answer) = (Vec::new(), vec![0; 8_192]);
    for number in numbers {
        let request = request(address, token, number);
        let begun = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        // It is short, and comes in one piece.
        let read = stream.read(&mut answer).await.unwrap();
        let said = String::from_utf8_lossy(&answer[..read]);
        assert!(
            said.starts_with("HTTP/1.1 200 ") && said.trim_end().ends_with('}'),
            "{said}"
        );
        times.push(begun.elapsed());
    }
    times
}

/// Each phone gets as many messages as any other. None of them answers.
fn request(address: SocketAddr, token: &str, number: usize) -> String {
    let phone = format!("+1555020{:04}", number % PHONES);
    let reply = |text: &str| json!({ "reply": { "text": text, "postbackData": text } });
    let content = json!({ "text": "Your parcel comes today. Is that welcome?", "suggestions": [reply("Yes"), reply("No")] });
    let body =
        json!({ "contentMessage": content, "messageTrafficType": "TRANSACTION", "ttl": "86400s" })
            .to_string();
    format!(
        "POST /v1/phones/{phone}/agentMessages?messageId=m-{number}&agentId=demo HTTP/1.1\r\nhost: {address}\r\n\
         authorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

const PHONES: usize = 10;
/// Each message is delivered and read.
const EVENTS_OF_EACH: usize = 2;
const ROUND: usize = 2_000;
const PATIENCE: Duration = Duration::from_secs(30);

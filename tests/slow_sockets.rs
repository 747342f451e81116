//! Two thousand sockets that are as slow as they can be take nothing from those who are not, and none of them is kept for longer
//! than its time. Meanwhile the application that events go to is down, in two ways, and nobody notices that either.
//!
//! `cargo test -p rbm --test slow_sockets -- --seconds 60` for more than the 20 seconds of every test run.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod serving;
mod slow;

use reqwest::{Client, RequestBuilder, StatusCode};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use serving::{Platform, Serve, callback, events, get, signed};
use slow::{Kind, Slow};
use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let place = arguments
        .iter()
        .position(|argument| argument == "--seconds");
    let seconds = place.map_or(20, |place| arguments[place + 1].parse().unwrap());
    raise_descriptors();

    let platform = Platform::start().await;
    // Somebody who takes connections and says nothing, and nobody.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let callbacks = callback("silent", silent.local_addr().unwrap().port())
        + &callback("nobody", nobody.port());
    let mut serve = Serve::new(&platform, &callbacks);
    serve.start().await;
    let traffic = Traffic::new(&serve).await;

    traffic.wait_for_a_calm_machine().await;
    let slow = Slow::start(serve.address, &sockets());
    sleep(slow::OPENING_TIME).await;
    let served = traffic.run(Duration::from_secs(seconds)).await;
    let closed = slow.stop().await;
    served.print("beside slow sockets");
    let wrong: Vec<&String> = closed.values().flat_map(|closed| &closed.wrong).collect();
    for (kind, closed) in &closed {
        let longest = closed.longest.as_secs_f64();
        println!(
            "  {:>5} of {kind:?} were closed, the slowest after {longest:.1} s",
            closed.count
        );
        assert!(closed.count > 0, "{kind:?}: none was ever closed");
        assert!(
            closed.longest + ALLOWED > kind.limit(),
            "{kind:?}: none was served for its time"
        );
    }
    assert!(
        wrong.is_empty(),
        "{} were not closed in time: {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(5)]
    );
    assert_eq!(served.problem(), None);
    every_event_is_kept(&serve, &served).await;
    for callback in
        get(&serve.client, &format!("{}/v1/callbacks", serve.origin())).await["callbacks"]
            .as_array()
            .unwrap()
    {
        println!(
            "  callback {}: {} undelivered",
            callback["name"], callback["undelivered"]
        );
        assert!(
            callback["undelivered"].as_u64().unwrap() > 0,
            "the application was not down: {callback}"
        );
    }

    // Else nobody would know whether the above can fail: now the slow ones come from where the others do.
    let slow = Slow::start(
        serve.address,
        &[(Kind::Nothing, Ipv4Addr::LOCALHOST, PEER_CONNECTIONS_MAX)],
    );
    sleep(slow::OPENING_TIME).await;
    let served = traffic.run(Duration::from_secs(2)).await;
    slow.stop().await;
    served.print("as one more of a peer that has all its connections");
    assert!(
        served.problem().is_some(),
        "nobody would notice that good traffic is refused"
    );
}

/// Two peers, because one would not get so many.
fn sockets() -> Vec<(Kind, Ipv4Addr, usize)> {
    let peers = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];
    let of_peer = |peer| {
        [
            (Kind::HeaderByteByByte, peer, 333),
            (Kind::HalfABody, peer, 170),
            (Kind::BodyByteByByte, peer, 163),
            (Kind::Nothing, peer, 332),
            (Kind::NeverReads, peer, 2),
        ]
    };
    peers.into_iter().flat_map(of_peer).collect()
}

/// What honest callers and the platform send.
struct Traffic {
    kept: Client,
    /// A connection for each request.
    fresh: Client,
    origin: String,
    client_token: String,
}

/// What became of it.
#[derive(Default)]
struct Served {
    times: Vec<Duration>,
    /// Ids of events that were answered 200.
    events: HashSet<String>,
    refused: Vec<String>,
}

impl Traffic {
    /// With something to ask for: a few messages, and an event whose answer is long.
    async fn new(serve: &Serve) -> Self {
        let kept = Client::builder()
            .pool_idle_timeout(Duration::from_secs(2))
            .build()
            .unwrap();
        let fresh = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let traffic = Self {
            kept,
            fresh,
            origin: serve.origin(),
            client_token: serve.client_token.clone(),
        };
        let long = traffic.event(&traffic.kept, "long", &"x".repeat(slow::LONG_BYTES));
        assert_eq!(long.send().await.unwrap().status(), StatusCode::OK);
        for number in 0..10 {
            let body =
                json!({ "to": "+15550400001", "content": { "text": format!("m-{number}") } })
                    .to_string();
            let request = traffic.kept.post(format!("{}/v1/messages", traffic.origin));
            let request = request
                .header("content-type", "application/json")
                .body(body);
            assert_eq!(request.send().await.unwrap().status(), StatusCode::ACCEPTED);
        }
        traffic
    }

    /// What others do on this machine is not the gateway's doing; it is waited for, but not for ever.
    async fn wait_for_a_calm_machine(&self) {
        for _ in 0..10 {
            let alone = self.run(Duration::from_secs(3)).await;
            alone.print("alone");
            if alone.at(99) < CALM {
                return;
            }
        }
        println!("this machine is so busy that times tell little");
    }

    /// So many a second, however long they take; a time is from when a request was due.
    async fn run(&self, time: Duration) -> Served {
        let (mut requests, served) = (JoinSet::new(), Arc::<Mutex<Served>>::default());
        let mut due = interval(Duration::from_secs(1) / REQUESTS_PER_SECOND);
        due.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let end = Instant::now() + time;
        for number in 0_u32.. {
            let at = due.tick().await;
            if at > end {
                break;
            }
            let client = if number % 4 < 2 {
                &self.kept
            } else {
                &self.fresh
            };
            let id = format!("{number}-{}", rand::random::<u32>());
            let request = if number % 2 == 0 {
                self.event(client, &id, "")
            } else {
                client.get(format!("{}/v1/messages?limit=10", self.origin))
            };
            let (served, event) = (served.clone(), number % 2 == 0);
            requests.spawn(async move {
                let outcome = finish(request).await;
                let mut served = served.lock().unwrap();
                served.times.push(at.elapsed());
                match outcome {
                    Ok(()) if event => drop(served.events.insert(id)),
                    Ok(()) => {}
                    Err(reason) => served.refused.push(reason),
                }
            });
        }
        requests.join_all().await;
        Arc::into_inner(served).unwrap().into_inner().unwrap()
    }

    fn event(&self, client: &Client, id: &str, more: &str) -> RequestBuilder {
        let document = json!({
            "senderPhoneNumber": "+15550400002", "eventType": "IS_TYPING", "eventId": id, "agentId": "demo@rbm.goog",
            "sendTime": "2026-11-25T10:00:00.000000Z", "more": more,
        });
        let (signature, body) = signed(&self.client_token, &document.to_string());
        let request = client
            .post(format!("{}/webhooks/rbm/demo", self.origin))
            .body(body);
        request
            .header("x-goog-signature", signature)
            .header("content-type", "application/json")
    }
}

async fn finish(request: RequestBuilder) -> Result<(), String> {
    let response = request
        .timeout(Duration::from_secs(10))
        .send()
        .await
        .map_err(|problem| format!("{problem:?}"))?;
    let status = response.status();
    response
        .bytes()
        .await
        .map_err(|problem| format!("{problem:?}"))?;
    if status == StatusCode::OK {
        Ok(())
    } else {
        Err(status.to_string())
    }
}

impl Served {
    fn at(&self, hundredths: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times[(times.len() * hundredths / 100).min(times.len() - 1)]
    }

    /// Why it was not served well.
    fn problem(&self) -> Option<String> {
        if let Some(first) = self.refused.first() {
            return Some(format!(
                "{} requests were refused: {first}",
                self.refused.len()
            ));
        }
        let p99 = self.at(99);
        (p99 > P99_MAX).then(|| format!("one request in a hundred took {p99:?} or more"))
    }

    fn print(&self, when: &str) {
        println!(
            "{when}: {} requests, {} refused, p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            self.times.len(),
            self.refused.len(),
            self.at(50).as_secs_f64() * 1_000.0,
            self.at(99).as_secs_f64() * 1_000.0,
            self.at(100).as_secs_f64() * 1_000.0,
        );
    }
}

async fn every_event_is_kept(serve: &Serve, served: &Served) {
    let kept = events(serve).await;
    let kept: HashSet<&str> = kept
        .iter()
        .filter_map(|event| event["details"]["event_id"].as_str())
        .collect();
    let lost: Vec<_> = served
        .events
        .iter()
        .filter(|id| !kept.contains(id.as_str()))
        .collect();
    assert!(
        lost.is_empty() && !served.events.is_empty(),
        "acknowledged and lost: {lost:?}"
    );
}

/// As many as this process may have.
fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    assert!(
        limit.current.is_none_or(|most| most >= DESCRIPTORS_MIN),
        "{limit:?}: this takes {DESCRIPTORS_MIN} files"
    );
}

const REQUESTS_PER_SECOND: u32 = 200;
/// A request that waits for a slow socket waits for its 5 to 15 seconds. What is less may be another process on this machine.
const P99_MAX: Duration = Duration::from_secs(2);
const CALM: Duration = Duration::from_millis(50);
const ALLOWED: Duration = Duration::from_secs(1);
const DESCRIPTORS_MIN: u64 = 3_000;
/// As the gateway has it.
const PEER_CONNECTIONS_MAX: usize = 1_024;

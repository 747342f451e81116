//! What the whole server costs: a signed webhook request over a connection that stays open, the plugin's judgement, a commit
//! and 200, beside the same with the least that durability costs in the store's place. Both in turns in one run, on one disk,
//! so that the ratio means something where the machine is shared. Then what a server weighs, idle and full, and how long it
//! takes to look something up.
//!
//! `cargo bench -p rbm --bench serve -- --messages 1000000` for more than 50,000, `--requests N` for shorter rounds; the directory is `TMPDIR`'s, which should be on a disk.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

mod producers;
mod raw_log;
#[path = "../../../tests/serving/mod.rs"]
mod serving;

use gateway_channel::Setting;
use jiff::{SignedDuration, Timestamp};
use producers::{Requests, phone, produce};
use raw_log::RawLog;
use rbm_clock::Clock;
use rbm_gateway::store::Store;
use rbm_gateway::store::retention::Retention;
use rbm_gateway::store::tester::TesterQuota;
use rbm_gateway::{Agent, Capacity, Config, Gateway, Guard, Manner, OptOutRules, Senders};
use rbm_host::{Engine, Limits, NoHttp, Plugin};
use rbm_sqlite::SqliteStore;
use serving::{Platform, Serve};
use std::fs::File;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::sleep;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, otherwise| {
        let place = arguments.iter().position(|argument| argument == name);
        place.map_or(otherwise, |place| arguments[place + 1].parse().unwrap())
    };
    let (requests, messages) = (
        number("--requests", REQUESTS_PER_ROUND),
        number("--messages", 50_000),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = TempDir::new().unwrap();
    let flush = flush_time(&directory.path().join("flushes"));
    println!(
        "raw flushes: {:.0} a second, {:.2} ms each",
        1.0 / flush.as_secs_f64(),
        flush.as_secs_f64() * 1_000.0
    );
    let plugin = Engine::new(Limits::default())
        .unwrap()
        .load(rbm_component::COMPONENT)
        .unwrap();
    println!(
        "| producers | raw log, events/s | p50, p99 ms | store, events/s | p50, p99 ms | events a commit | × raw log |"
    );
    println!("|---|---|---|---|---|---|---|");
    for count in [1, 8, 64, 256] {
        let requests = Arc::new(Requests::events(TOKEN, count, 0..requests));
        let (mut raw, mut kept) = (Measured::default(), Measured::default());
        for round in 0..ROUNDS {
            let place = directory.path().join(format!("{count}-{round}"));
            let log = Arc::new(RawLog::start(&place.with_extension("log")));
            runtime.block_on(measure(&plugin, log.clone(), requests.clone(), &mut raw));
            raw.flushes += log.flushes();
            let store = Arc::new(SqliteStore::open(&place).unwrap());
            runtime.block_on(measure(&plugin, store.clone(), requests.clone(), &mut kept));
            kept.flushes += store.commits();
        }
        println!(
            "| {count} | {:.0} | {} | {:.0} | {} | {:.1} | **{:.2}** |",
            raw.events_per_second(),
            raw.percentiles(),
            kept.events_per_second(),
            kept.percentiles(),
            f64::from(counted(&kept.times)) / f64::from(u32::try_from(kept.flushes).unwrap()),
            kept.events_per_second() / raw.events_per_second(),
        );
    }
    runtime.block_on(weigh(messages));
}

/// One round of one store behind the whole server.
async fn measure(
    plugin: &Plugin,
    store: Arc<dyn Store>,
    requests: Arc<Requests>,
    measured: &mut Measured,
) {
    let settings = [("agent-id", "demo"), ("client-token", TOKEN)];
    let settings = settings.map(|(name, value)| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    });
    let agent = Agent::new(
        "demo".to_owned(),
        "demo@rbm.goog".to_owned(),
        Vec::new(),
        plugin.channel(settings.to_vec(), Arc::new(NoHttp)),
        Manner::default(),
    );
    let config = Config {
        senders: Senders {
            agents: vec![Arc::new(agent)],
            partner: None,
        },
        store,
        clock: Clock::system(),
        callbacks: Vec::new(),
        capacity: Capacity {
            reach_people_max: 1,
            reach_calls_per_minute_max: 1,
            file_bytes_max: 1,
            testers: TesterQuota {
                per_day: 1,
                total: 1,
            },
        },
        opt_out: OptOutRules::default(),
        accepted_events: false,
        retention: Retention::default(),
        guard: Guard::default(),
        metrics: Arc::default(),
        admin: None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Gateway::start(listener, config).await.unwrap();
    let begun = Instant::now();
    let times = tokio::task::spawn_blocking(move || produce(address, &requests, begun + ROUND))
        .await
        .unwrap();
    measured.time += begun.elapsed();
    measured.times.extend(times);
    gateway.shutdown().await;
}

#[derive(Default)]
struct Measured {
    times: Vec<Duration>,
    time: Duration,
    flushes: u64,
}

impl Measured {
    fn events_per_second(&self) -> f64 {
        f64::from(counted(&self.times)) / self.time.as_secs_f64()
    }

    fn percentiles(&self) -> String {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |hundredths: usize| times[times.len() * hundredths / 100].as_secs_f64() * 1_000.0;
        format!("{:.1}, {:.1}", at(50), at(99))
    }
}

/// The median of a hundred writes of 4 KiB with a flush each.
fn flush_time(path: &Path) -> Duration {
    let mut file = File::create(path).unwrap();
    let mut times: Vec<Duration> = (0..100)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[1; 4_096]).unwrap();
            file.sync_data().unwrap();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[50]
}

/// The binary itself: idle, and with so many messages and events.
async fn weigh(count: usize) {
    let platform = Platform::start().await;
    let mut serve = Serve::new(&platform, "");
    serve.start().await;
    println!(
        "idle, rbm serve has {} MiB in memory (limit 60)",
        resident_kib(&serve) >> 10
    );
    fill(&serve, "events", count, |numbers| {
        Requests::events(&serve.client_token, PRODUCERS, numbers)
    })
    .await;
    let tomorrow = Timestamp::now() + SignedDuration::from_hours(24);
    fill(&serve, "messages", count, |numbers| {
        Requests::messages(tomorrow, PRODUCERS, numbers)
    })
    .await;
    println!("and then {} MiB in memory", resident_kib(&serve) >> 10);
    let newest = serving::get(
        &serve.client,
        &format!("{}/v1/messages?limit=1", serve.origin()),
    )
    .await;
    for query in [
        "/v1/events?limit=50".to_owned(),
        format!("/v1/events?limit=50&after=e{}", count / 2),
        "/v1/messages?limit=50".to_owned(),
        "/v1/messages?state=queued&limit=50".to_owned(),
        "/v1/messages?state=failed&limit=50".to_owned(),
        format!("/v1/messages?to=%2B{}&limit=50", &phone(PRODUCERS / 2)[1..]),
        format!(
            "/v1/messages/{}",
            newest["messages"][0]["id"].as_str().unwrap()
        ),
    ] {
        ask(&serve, &query).await;
    }
}

/// In pieces, because they are made before they are sent.
async fn fill(serve: &Serve, what: &str, count: usize, make: impl Fn(Range<usize>) -> Requests) {
    let (before, far) = (
        database_bytes(serve),
        Instant::now() + Duration::from_hours(1),
    );
    let (mut bodies, mut taken, mut time) = (0, 0, Duration::ZERO);
    for first in (0..count).step_by(MADE_AT_ONCE) {
        let requests = Arc::new(make(first..count.min(first + MADE_AT_ONCE)));
        bodies += requests.document_bytes();
        let (begun, address) = (Instant::now(), serve.address);
        let times = tokio::task::spawn_blocking(move || produce(address, &requests, far))
            .await
            .unwrap();
        time += begun.elapsed();
        taken += counted(&times);
    }
    // The log is moved into the database now and then, and goes on as long as it was.
    sleep(CHECKPOINT_TIME).await;
    let (kept, log) = (
        database_bytes(serve) - before,
        bytes_of(serve, "gateway.db-wal"),
    );
    println!(
        "{taken} {what} of {} bytes at {:.0} a second: {} bytes each in the database, {:.2} × (limit 1.6); the log has {} MiB",
        bodies / u64::from(taken),
        f64::from(taken) / time.as_secs_f64(),
        kept / u64::from(taken),
        f64::from(u32::try_from(kept >> 10).unwrap())
            / f64::from(u32::try_from(bodies >> 10).unwrap()),
        log >> 20,
    );
}

async fn ask(serve: &Serve, query: &str) {
    let mut times = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        serving::get(&serve.client, &format!("{}{query}", serve.origin())).await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    println!(
        "{query}: p50 {:.2?}, p99 {:.2?} (limit 5 ms)",
        times[50], times[99]
    );
}

fn resident_kib(serve: &Serve) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serve.process_id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn database_bytes(serve: &Serve) -> u64 {
    bytes_of(serve, "gateway.db")
}

fn bytes_of(serve: &Serve, file: &str) -> u64 {
    std::fs::metadata(serve.directory.path().join("data").join(file))
        .unwrap()
        .len()
}

fn counted<T>(things: &[T]) -> u32 {
    u32::try_from(things.len()).unwrap()
}

const TOKEN: &str = "a-client-token-of-the-benchmark";
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: u32 = 3;
/// More than any round takes.
const REQUESTS_PER_ROUND: usize = 40_000;
const PRODUCERS: usize = 64;
/// Many times what the store waits between two of them.
const CHECKPOINT_TIME: Duration = Duration::from_millis(1_500);
const MADE_AT_ONCE: usize = 50_000;

//! What the store costs beside the least that durability costs: the same bytes appended to a file, with one flush for all that
//! came together. Both in turns in one run, on one disk, so that the ratio means something where the disk is shared.
//!
//! `cargo bench -p rbm-sqlite`; the directory is `TMPDIR`'s, which should be on a disk.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use gateway_channel::{Fact, Inbound};
use jiff::Timestamp;
use rbm_gateway::store::event::EventContent;
use rbm_gateway::store::{NewEvent, Store};
use rbm_sqlite::SqliteStore;
use std::fs::File;
use std::io::Write as _;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::oneshot;

fn main() {
    let directory = TempDir::new().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!(
        "| producers | raw log, events/s | flushes/s | store, events/s | commits/s | events a commit | × raw log | p99, ms |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for producers in [1, 8, 64, 256] {
        let (mut raw, mut kept) = (Measured::default(), Measured::default());
        for round in 0..ROUNDS {
            let place = directory.path().join(format!("{producers}-{round}"));
            let log = Arc::new(RawLog::start(&place.with_extension("log")));
            raw.add(
                runtime.block_on(run(&log, producers)),
                log.flushes.load(Ordering::Relaxed),
            );
            let store = Arc::new(SqliteStore::open(&place).unwrap());
            let measured = runtime.block_on(run(&store, producers));
            kept.add(measured, store.commits());
        }
        println!(
            "| {producers} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | **{:.2}** | {:.1} |",
            raw.events_per_second(),
            raw.flushes_per_second(),
            kept.events_per_second(),
            kept.flushes_per_second(),
            kept.events / kept.flushes,
            kept.events_per_second() / raw.events_per_second(),
            kept.p99().as_secs_f64() * 1_000.0,
        );
    }
}

/// Takes an event of a kibibyte, and returns when it is on the disk.
trait Keep: Send + Sync + 'static {
    fn keep(&self, event: NewEvent) -> impl Future<Output = ()> + Send;
}

impl Keep for SqliteStore {
    async fn keep(&self, event: NewEvent) {
        self.ingest(vec![event]).await.unwrap();
    }
}

/// How long each event took.
async fn run<K: Keep>(keep: &Arc<K>, producers: u64) -> Vec<Duration> {
    let end = Instant::now() + ROUND;
    let producers = (0..producers).map(|producer| {
        let keep = keep.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            for number in 0_u64.. {
                let begun = Instant::now();
                if begun >= end {
                    break;
                }
                keep.keep(event(producer, number)).await;
                times.push(begun.elapsed());
            }
            times
        })
    });
    let mut times = Vec::new();
    for producer in producers.collect::<Vec<_>>() {
        times.extend(producer.await.unwrap());
    }
    times
}

/// Times of arrival grow, as they do outside: an index of them grows at its end.
fn event(producer: u64, number: u64) -> NewEvent {
    let received_at = Timestamp::UNIX_EPOCH + Duration::from_micros(number);
    let inbound = Inbound {
        dedupe_key: format!("{producer}/{number}"),
        agent: "demo@rbm.goog".to_owned(),
        phone: Some("+15550100001".to_owned()),
        at: None,
        fact: Fact::Typing,
        details: Vec::new(),
        raw: vec![b'x'; 1_024],
    };
    NewEvent {
        agent: "demo".to_owned(),
        received_at,
        content: EventContent::Platform(inbound),
        consent: None,
    }
}

#[derive(Default)]
struct Measured {
    times: Vec<Duration>,
    events: f64,
    flushes: f64,
}

impl Measured {
    #[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
    fn add(&mut self, times: Vec<Duration>, flushes: u64) {
        self.events += times.len() as f64;
        self.flushes += flushes as f64;
        self.times.extend(times);
    }

    fn events_per_second(&self) -> f64 {
        self.events / (ROUND.as_secs_f64() * f64::from(ROUNDS))
    }

    fn flushes_per_second(&self) -> f64 {
        self.flushes / (ROUND.as_secs_f64() * f64::from(ROUNDS))
    }

    fn p99(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times
            .get(times.len() * 99 / 100)
            .copied()
            .unwrap_or_default()
    }
}

/// A thread that appends and flushes, and nothing else.
struct RawLog {
    queue: Sender<(Vec<u8>, oneshot::Sender<()>)>,
    flushes: Arc<AtomicU64>,
}

impl RawLog {
    fn start(file: &Path) -> Self {
        let file = File::create(file).unwrap();
        let (queue, writes) = channel();
        let flushes = Arc::new(AtomicU64::new(0));
        let counted = flushes.clone();
        std::thread::spawn(move || append(file, &writes, &counted));
        Self { queue, flushes }
    }
}

fn append(mut file: File, writes: &Receiver<(Vec<u8>, oneshot::Sender<()>)>, flushes: &AtomicU64) {
    while let Ok(first) = writes.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(writes.try_iter()).collect();
        for (bytes, _) in &batch {
            file.write_all(bytes).unwrap();
        }
        file.sync_data().unwrap();
        flushes.fetch_add(1, Ordering::Relaxed);
        for (_, waiting) in batch {
            let _ = waiting.send(());
        }
    }
}

impl Keep for RawLog {
    async fn keep(&self, mut event: NewEvent) {
        let (waiting, written) = oneshot::channel();
        let raw = mem::take(&mut event.content.inbound_mut().unwrap().raw);
        self.queue.send((raw, waiting)).unwrap();
        written.await.unwrap();
    }
}

const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: u32 = 3;

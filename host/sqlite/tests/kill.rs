//! A process that writes for 64 producers is killed at any moment: what it had acknowledged is there afterwards, each once.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod made;

use gateway_channel::Fact as Heard;
use made::{event, message};
use rbm_gateway::store::{Accepted, Filter, Ingested, Store};
use rbm_sqlite::SqliteStore;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let (acknowledged, lost) = kill_again_and_again("after").await;
    assert_eq!(lost, 0, "of {acknowledged}");
    assert!(
        acknowledged > 1_000,
        "only {acknowledged} were acknowledged"
    );
}

/// The same with a producer that acknowledges before it writes: what this test could not see, it would not see above.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_too_early_is_lost() {
    let (acknowledged, lost) = kill_again_and_again("before").await;
    assert!(lost > 0, "of {acknowledged}");
}

/// How many were acknowledged, and how many of them are not there.
async fn kill_again_and_again(acknowledge: &str) -> (usize, usize) {
    let directory = TempDir::new().unwrap();
    let mut acknowledged = HashSet::new();
    let mut lost = 0;
    for round in 0..ROUNDS {
        // Between 0.3 and 1.5 s, at no regular place.
        let life = Duration::from_millis(300 + (round * 7_919) % 1_200);
        acknowledged.extend(write_until_killed(
            directory.path(),
            acknowledge,
            round,
            life,
        ));
        let store = SqliteStore::open(directory.path()).unwrap();
        lost = count_lost(&store, &acknowledged).await;
    }
    (acknowledged.len(), lost)
}

async fn count_lost(store: &SqliteStore, acknowledged: &HashSet<String>) -> usize {
    let messages = store
        .find(&Filter {
            most: usize::MAX,
            ..Filter::default()
        })
        .await
        .unwrap();
    let mut times: HashMap<String, u32> = HashMap::new();
    for stored in messages {
        *times.entry(stored.message.id.clone()).or_default() += 1;
        assert_eq!(stored.history[0].fact.as_str(), "queued");
    }
    for stored in store.read(None, usize::MAX).await.unwrap() {
        *times
            .entry(stored.event.content.dedupe_key().into_owned())
            .or_default() += 1;
    }
    assert!(
        times.values().all(|times| *times == 1),
        "none is there twice"
    );
    acknowledged
        .iter()
        .filter(|name| !times.contains_key(*name))
        .count()
}

/// What it said before it was killed.
fn write_until_killed(
    directory: &Path,
    acknowledge: &str,
    round: u64,
    life: Duration,
) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .env(ACKNOWLEDGE, acknowledge)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        lines
            .filter_map(|line| line.strip_prefix("ack ").map(str::to_owned))
            .collect()
    });
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that is killed"]
async fn writes_until_it_is_killed() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else {
        return;
    };
    let early = std::env::var(ACKNOWLEDGE).is_ok_and(|when| when == "before");
    let store = Arc::new(SqliteStore::open(Path::new(&directory)).unwrap());
    // One write, so that a line is there whole or not at all.
    let acknowledge = |name: &str| {
        std::io::stdout()
            .write_all(format!("ack {name}\n").as_bytes())
            .unwrap();
    };
    let producers = (0..64).map(|producer| {
        let (store, round) = (store.clone(), round.clone());
        tokio::spawn(async move {
            for number in 0_u64.. {
                let name = format!("{round}-{producer}-{number}");
                if early {
                    acknowledge(&name);
                }
                if producer % 2 == 0 {
                    assert_eq!(
                        store.accept(message(&name, 1)).await.unwrap(),
                        Accepted::New
                    );
                } else {
                    let ingested = store
                        .ingest(vec![event(&name, Heard::Typing)])
                        .await
                        .unwrap();
                    assert!(matches!(ingested[..], [Ingested::New(_)]));
                }
                if !early {
                    acknowledge(&name);
                }
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.unwrap();
    }
}

const ROUNDS: u64 = 6;
const DIRECTORY: &str = "RBM_TEST_DIRECTORY";
const ROUND: &str = "RBM_TEST_ROUND";
/// `before` it is written, or `after`.
const ACKNOWLEDGE: &str = "RBM_TEST_ACKNOWLEDGE";

//! The power goes while 64 producers write.

use crate::disk::{Cut, Disk, Fault};
use crate::kept::{Acknowledged, damage};
use crate::made::{at, event, message};
use crate::random::Random;
use crate::vfs::mount;
use gateway_channel::Fact as Heard;
use rbm_gateway::lifecycle::Fact;
use rbm_gateway::store::lane::Share;
use rbm_gateway::store::{Accepted, Entry, Ingested, Settlement, Store, StoreProblem};
use rbm_sqlite::{Durability, SqliteStore};
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_power_cut() {
    for seed in SEEDS {
        let (acknowledged, missing) =
            cut_again_and_again(seed, Durability::Full, Disk::default()).await;
        assert!(
            missing.is_empty(),
            "seed {seed}: {} of {acknowledged}: {missing:?}",
            missing.len()
        );
        assert!(
            acknowledged > 300,
            "seed {seed}: only {acknowledged} were acknowledged"
        );
    }
}

/// What this test could not see, it would not see above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_before_the_flush_is_lost() {
    // On a busy machine so little happens between two flushes that a few cuts may hit none of it.
    for seed in 1..=20 {
        let (_, missing) = cut_again_and_again(seed, Durability::Normal, Disk::default()).await;
        if !missing.is_empty() {
            return;
        }
    }
    panic!("nothing was lost in twenty runs");
}

/// A disk that says that it has flushed and has not: nothing helps, and this test sees it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_lies_loses_everything() {
    let disk = Disk::default();
    disk.lock().lies = true;
    let directory = TempDir::new().unwrap();
    let disk = Arc::new(disk);
    mount(directory.path(), &disk);
    let store = SqliteStore::open(directory.path()).unwrap();
    store.accept(message("m1", 1)).await.unwrap();
    mount(directory.path(), &Arc::new(disk.cut(Cut::Nothing)));
    drop(store);
    let store = SqliteStore::open(directory.path()).unwrap();
    assert!(store.message("m1").await.unwrap().is_none());
}

/// How often the log is moved into the database.
#[derive(Clone, Copy)]
enum Tidies {
    Often,
    Never,
}

/// How much was acknowledged, and what of it is not there after the cuts.
async fn cut_again_and_again(
    seed: u64,
    durability: Durability,
    disk: Disk,
) -> (usize, Vec<String>) {
    let directory = TempDir::new().unwrap();
    let mut random = Random(seed);
    let mut acknowledged = Acknowledged::default();
    let mut missing = Vec::new();
    let mut disk = Arc::new(disk);
    for round in 0..ROUNDS {
        mount(directory.path(), &disk);
        disk.fail_at(u64::try_from(random.below(4_000)).unwrap(), Fault::Stops);
        let tidies = if round % 2 == 0 {
            Tidies::Often
        } else {
            Tidies::Never
        };
        let name = format!("{seed}-{round}");
        acknowledged.extend(write_until_the_end(directory.path(), durability, tidies, &name).await);
        let cut = if round % 4 == 1 {
            Cut::Nothing
        } else {
            Cut::Torn(&mut random)
        };
        disk = Arc::new(disk.cut(cut));
        mount(directory.path(), &disk);
        assert_eq!(
            damage(directory.path()).unwrap(),
            None,
            "seed {seed}, round {round}"
        );
        let store = SqliteStore::open_with(directory.path(), durability).unwrap();
        missing = acknowledged.missing(&store).await;
    }
    (acknowledged.len(), missing)
}

/// What was acknowledged before nothing worked any more.
async fn write_until_the_end(
    directory: &Path,
    durability: Durability,
    tidies: Tidies,
    name: &str,
) -> Acknowledged {
    let Ok(store) = SqliteStore::open_with(directory, durability) else {
        return Acknowledged::default();
    };
    let store = Arc::new(store);
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    let database = directory.join("gateway.db");
    let tidying = tokio::task::spawn_blocking(move || match tidies {
        Tidies::Often => tidy_until_the_end(&database),
        Tidies::Never => {}
    });
    let producers: Vec<_> = (0..64)
        .map(|producer| {
            let (store, name, acknowledged) = (
                store.clone(),
                format!("{name}-{producer}"),
                acknowledged.clone(),
            );
            tokio::spawn(async move {
                let mut number = 0;
                while produce(&store, &format!("{name}-{number}"), &acknowledged)
                    .await
                    .is_ok()
                {
                    number += 1;
                }
            })
        })
        .collect();
    for producer in producers {
        producer.await.unwrap();
    }
    tidying.await.unwrap();
    drop(store);
    Arc::into_inner(acknowledged)
        .expect("all have ended")
        .into_inner()
        .unwrap()
}

/// As the store's own checkpoints, a hundred times as often.
fn tidy_until_the_end(database: &Path) {
    let Ok(database) = Connection::open(database) else {
        return;
    };
    while database
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .is_ok()
    {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A message from its acceptance to its delivery, and that of another's attempt.
async fn produce(
    store: &SqliteStore,
    name: &str,
    acknowledged: &Mutex<Acknowledged>,
) -> Result<(), StoreProblem> {
    let acknowledge = |id: &str, fact| acknowledged.lock().unwrap().fact(id, fact);
    assert_eq!(store.accept(message(name, 1)).await?, Accepted::New);
    acknowledge(name, Fact::Queued);
    for claimed in store
        .claim(at(0), Duration::from_secs(30), &[Share::any("demo", 1)])
        .await?
        .lent
    {
        let (id, attempt) = (&claimed.message.id, claimed.attempt);
        acknowledge(id, Fact::Sending);
        let entry = Entry {
            at: at(1),
            fact: Fact::Accepted,
            attempt: Some(attempt),
            reason: None,
            detail: None,
        };
        store
            .settle(
                id,
                attempt,
                Settlement {
                    entry: Some(entry),
                    retry_at: None,
                    ..Settlement::default()
                },
            )
            .await?;
        acknowledge(id, Fact::Accepted);
    }
    let delivered = event(name, Heard::Delivered(name.into()));
    let ingested = store.ingest(vec![delivered.clone(), delivered]).await?;
    assert!(
        matches!(ingested[..], [Ingested::New(_), Ingested::Duplicate]),
        "{ingested:?}"
    );
    acknowledge(name, Fact::Delivered);
    acknowledged.lock().unwrap().events.insert(name.to_owned());
    Ok(())
}

const SEEDS: std::ops::Range<u64> = 1..4;
const ROUNDS: usize = 8;

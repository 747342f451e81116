//! Bits flip while nobody looks. What a message or an event says is never wrong in silence.
//!
//! `SQLite` has sums in its log only. There a flipped bit ends the log, as a torn write would: what was committed after it is
//! gone, and nobody can tell. In the database it sees what breaks its own structure; the store's sums see the rest of what was
//! said. When something happened, and when it is due, no sum covers.

use crate::disk::{Cut, Disk, Fault};
use crate::kept::damage;
use crate::made::{at, event, message};
use crate::random::Random;
use crate::vfs::mount;
use gateway_channel::Fact as Heard;
use rbm_gateway::lifecycle::Fact;
use rbm_gateway::store::{Entry, Filter, Store, StoreProblem};
use rbm_sqlite::SqliteStore;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

#[derive(Debug, Default)]
struct Outcomes {
    harmless: u32,
    /// Where it was opened or read.
    refused: u32,
    /// Something is not there, and `PRAGMA integrity_check` says that the database is damaged.
    found_by_check: u32,
    /// The same, and it says nothing.
    missing: u32,
    wrong: u32,
}

#[tokio::test]
async fn a_flipped_bit_in_the_database_makes_nothing_wrong_in_silence() {
    let (directory, disk) = filled().await;
    let outcomes = flip_again_and_again(directory.path(), &disk, DATABASE).await;
    assert_eq!(outcomes.wrong, 0, "{outcomes:?}");
    // One in some thousands hides a row so that no check sees it.
    assert!(outcomes.missing <= 1, "{outcomes:?}");
    assert!(outcomes.refused > FLIPS / 20, "{outcomes:?}");
}

/// What this test could not see, it would not see above.
#[tokio::test]
async fn without_the_sums_something_is_wrong_in_silence() {
    let (directory, disk) = filled().await;
    let database = Connection::open(directory.path().join(DATABASE)).unwrap();
    database
        .execute_batch("UPDATE message_body SET sum = NULL")
        .unwrap();
    drop(database);
    disk.lock().sync_directory();
    let outcomes = flip_again_and_again(directory.path(), &disk, DATABASE).await;
    assert!(outcomes.wrong > 0, "{outcomes:?}");
}

/// The log as a killed process leaves it.
#[tokio::test]
async fn a_flipped_bit_in_the_log_makes_nothing_wrong() {
    let directory = TempDir::new().unwrap();
    let disk = Arc::new(Disk::default());
    mount(directory.path(), &disk);
    let store = SqliteStore::open(directory.path()).unwrap();
    fill(&store).await;
    disk.fail_at(disk.operations(), Fault::Stops);
    drop(store);
    let outcomes = flip_again_and_again(directory.path(), &disk, LOG).await;
    assert_eq!(
        (outcomes.wrong, outcomes.found_by_check),
        (0, 0),
        "{outcomes:?}"
    );
    assert!(
        outcomes.missing > 0,
        "what comes after it in the log is gone: {outcomes:?}"
    );
}

/// Closed, with everything in the database.
async fn filled() -> (TempDir, Arc<Disk>) {
    let directory = TempDir::new().unwrap();
    let disk = Arc::new(Disk::default());
    mount(directory.path(), &disk);
    fill(&SqliteStore::open(directory.path()).unwrap()).await;
    // A log that came back would repair it.
    disk.lock().sync_directory();
    (directory, disk)
}

async fn fill(store: &SqliteStore) {
    for number in 0..MANY {
        let name = format!("m{number}");
        store.accept(message(&name, 1)).await.unwrap();
        store
            .ingest(vec![event(&name, Heard::Delivered(name.clone()))])
            .await
            .unwrap();
        let entry = Entry {
            at: at(1),
            fact: Fact::Accepted,
            attempt: None,
            reason: None,
            detail: Some("because".to_owned()),
        };
        store.note(&name, entry).await.unwrap();
    }
}

async fn flip_again_and_again(directory: &Path, disk: &Disk, file: &str) -> Outcomes {
    let mut random = Random(7);
    let mut outcomes = Outcomes::default();
    mount(directory, &Arc::new(disk.cut(Cut::Nothing)));
    let expected = everything(directory).await.unwrap();
    for _ in 0..FLIPS {
        let flipped = disk.cut(Cut::Nothing);
        flipped.flip(
            file,
            random.below(flipped.length(file)),
            u8::try_from(random.below(8)).unwrap(),
        );
        mount(directory, &Arc::new(flipped));
        let count = match everything(directory).await {
            Err(_) => &mut outcomes.refused,
            Ok(found) if found == expected => &mut outcomes.harmless,
            Ok(found) if !found.is_subset(&expected) => &mut outcomes.wrong,
            Ok(_) if !matches!(damage(directory), Ok(None)) => &mut outcomes.found_by_check,
            Ok(_) => &mut outcomes.missing,
        };
        *count += 1;
    }
    outcomes
}

/// What is said, without when.
async fn everything(directory: &Path) -> Result<BTreeSet<String>, StoreProblem> {
    let store =
        SqliteStore::open(directory).map_err(|problem| StoreProblem(problem.to_string()))?;
    let mut all = BTreeSet::new();
    for stored in store
        .find(&Filter {
            most: usize::MAX,
            ..Filter::default()
        })
        .await?
    {
        all.insert(format!("{:?}", (&stored.agent, &stored.message)));
    }
    for stored in store.read(None, usize::MAX).await? {
        all.insert(format!(
            "{:?}",
            (&stored.event.agent, &stored.event.content)
        ));
    }
    Ok(all)
}

const DATABASE: &str = "gateway.db";
const LOG: &str = "gateway.db-wal";
const MANY: u32 = 120;
const FLIPS: u32 = 300;

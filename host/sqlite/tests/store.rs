//! What the store promises beyond the suite that every store passes: that it is one process's, that everything is there again
//! after the end, and that many writes share one flush.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod made;

use gateway_channel::Fact as Heard;
use made::{at, event, message};
use rbm_gateway::store::lane::Share;
use rbm_gateway::store::{Accepted, Cursor, Filter, Ingested, Store, conformance};
use rbm_sqlite::{OpenProblem, SqliteStore};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms() {
    // Each store has a directory, which is to stay as long as the store.
    let directories = Mutex::new(Vec::new());
    conformance::check(&|| {
        let directory = TempDir::new().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        directories.lock().unwrap().push(directory);
        Box::new(store)
    })
    .await;
}

#[tokio::test]
async fn everything_is_there_again_after_the_end() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.accept(message("m1", 1)).await.unwrap(), Accepted::New);
    let heard = vec![event("k1", Heard::Delivered("m1".into())), event("k2", Heard::Read("m2".into()))];
    store.ingest(heard).await.unwrap();
    store.accept(message("m3", 1)).await.unwrap();
    let claimed = store.claim(at(0), Duration::from_secs(30), &[Share::any("demo", 10)]).await.unwrap();
    assert_eq!(claimed.len(), 1, "m1 is delivered already");
    let before = everything(&store).await;
    drop(store);

    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(everything(&store).await, before);
    assert_eq!(store.next_due(&[Share::any("demo", 1)]).await.unwrap(), Some(at(30)), "the lease goes on");
    assert_eq!(store.ingest(vec![event("k1", Heard::Typing)]).await.unwrap(), [Ingested::Duplicate]);
    store.accept(message("m2", 1)).await.unwrap();
    let adopted = store.message("m2").await.unwrap().unwrap();
    assert_eq!(adopted.facts.state().as_str(), "read", "what was heard of it before it came");
    assert_eq!(store.ingest(vec![event("k3", Heard::Typing)]).await.unwrap(), [Ingested::New(Cursor(3))]);
}

async fn everything(store: &SqliteStore) -> String {
    let messages = store.find(&Filter { most: 100, ..Filter::default() }).await.unwrap();
    let events = store.read(None, 100).await.unwrap();
    format!("{messages:?} {events:?} {:?}", store.next_due(&[Share::any("demo", 1)]).await.unwrap())
}

#[test]
fn a_directory_is_one_process_s_at_a_time() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let second = SqliteStore::open(directory.path()).err();
    assert!(matches!(second, Some(OpenProblem::InUse { .. })), "{second:?}");
    drop(store);
    SqliteStore::open(directory.path()).unwrap();
}

#[test]
fn what_cannot_be_used_is_named_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let in_a_file = SqliteStore::open(&file.join("below")).err();
    assert!(matches!(in_a_file, Some(OpenProblem::Directory { .. })), "{in_a_file:?}");

    let of_another = directory.path().join("foreign");
    std::fs::create_dir(&of_another).unwrap();
    let database = of_another.join("gateway.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch("CREATE TABLE theirs (n)").unwrap();
    let problem = SqliteStore::open(&of_another).err();
    assert!(matches!(problem, Some(OpenProblem::Foreign { .. })), "{problem:?}");
    std::fs::write(&database, "no database at all").unwrap();
    let problem = SqliteStore::open(&of_another).err();
    assert!(matches!(problem, Some(OpenProblem::Sqlite(_))), "{problem:?}");
    assert_eq!(std::fs::read(&database).unwrap(), b"no database at all");

    let newer = directory.path().join("newer");
    drop(SqliteStore::open(&newer).unwrap());
    let database = rusqlite::Connection::open(newer.join("gateway.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let problem = SqliteStore::open(&newer).err();
    assert!(matches!(problem, Some(OpenProblem::TooNew { found: 99, .. })), "{problem:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writes_share_one_flush() {
    let directory = TempDir::new().unwrap();
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    let producers = (0..64).map(|producer| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                store.accept(message(&format!("m-{producer}-{number}"), 1)).await.unwrap();
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.unwrap();
    }
    let (writes, commits) = (64 * 20, store.commits());
    assert!(commits * 4 < writes, "{writes} writes in {commits} commits");
    assert_eq!(store.find(&Filter { most: 10_000, ..Filter::default() }).await.unwrap().len(), 1_280);
}

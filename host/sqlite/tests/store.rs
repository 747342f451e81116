//! What the store promises beyond the suite that every store passes: that it is one process's, that everything is there again
//! after the end, and that many writes share one flush.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod made;

use gateway_channel::{Content, Fact as Heard};
use made::{at, event, message};
use rbm_gateway::store::conformance::dump::{dump, items};
use rbm_gateway::store::dump::{Dump as _, Item, Last};
use rbm_gateway::store::lane::Share;
use rbm_gateway::store::quarantine::{Quarantine, Quarantined};
use rbm_gateway::store::retention::Retention;
use rbm_gateway::store::tester::{NewTester, TesterQuota};
use rbm_gateway::store::{Accepted, Cursor, Filter, Ingested, Store, conformance};
use rbm_sqlite::{Import, OpenProblem, SqliteStore};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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
    let heard = vec![
        event("k1", Heard::Delivered("m1".into())),
        event("k2", Heard::Read("m2".into())),
    ];
    store.ingest(heard).await.unwrap();
    store.accept(message("m3", 1)).await.unwrap();
    let claimed = store
        .claim(at(0), Duration::from_secs(30), &[Share::any("demo", 10)])
        .await
        .unwrap()
        .lent;
    assert_eq!(claimed.len(), 1, "m1 is delivered already");
    let before = everything(&store).await;
    drop(store);

    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(everything(&store).await, before);
    assert_eq!(
        store.next_due(&[Share::any("demo", 1)]).await.unwrap(),
        Some(at(30)),
        "the lease goes on"
    );
    assert_eq!(
        store
            .ingest(vec![event("k1", Heard::Typing)])
            .await
            .unwrap(),
        [Ingested::Duplicate]
    );
    store.accept(message("m2", 1)).await.unwrap();
    let adopted = store.message("m2").await.unwrap().unwrap();
    assert_eq!(
        adopted.facts.state().as_str(),
        "read",
        "what was heard of it before it came"
    );
    assert_eq!(
        store
            .ingest(vec![event("k3", Heard::Typing)])
            .await
            .unwrap(),
        [Ingested::New(Cursor(3))]
    );
}

/// More than the index of the newest holds, twice over, and what comes again finds itself in the one or the other.
#[tokio::test]
async fn an_event_is_kept_once_however_many_came_since() {
    let directory = TempDir::new().unwrap();
    let events = || {
        (0..5_000)
            .map(|n| event(&format!("k{n}"), Heard::Typing))
            .collect::<Vec<_>>()
    };
    let store = SqliteStore::open(directory.path()).unwrap();
    for some in events().chunks(100) {
        let ingested = store.ingest(some.to_vec()).await.unwrap();
        assert!(
            ingested.iter().all(|one| matches!(one, Ingested::New(_))),
            "{ingested:?}"
        );
    }
    let duplicates = vec![Ingested::Duplicate; 5_000];
    assert_eq!(store.ingest(events()).await.unwrap(), duplicates);
    drop(store);

    let store = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(store.ingest(events()).await.unwrap(), duplicates);
    assert_eq!(store.read(None, 10_000).await.unwrap().len(), 5_000);
    let given = items(&dump(&store).await);
    let given = given.iter().filter_map(|item| {
        if let Item::Seen(seen) = item {
            Some(seen.event)
        } else {
            None
        }
    });
    assert_eq!(
        given.collect::<BTreeSet<_>>().len(),
        5_000,
        "whoever takes it all knows them too"
    );

    let (later, retention) = (at(100 * 86_400), Retention::default());
    while store.prune(later, &retention).await.unwrap().more {}
    let again = store.ingest(events()).await.unwrap();
    assert!(
        again.iter().all(|one| matches!(one, Ingested::New(_))),
        "all are forgotten at their time"
    );
}

/// A long event lies in pages of its own, and a start reads none of them.
#[tokio::test]
async fn a_damaged_page_of_a_long_event_does_not_keep_the_store_from_opening() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let long = |key: &str| {
        let mut event = event(key, Heard::Delivered(key.into()));
        event.content.inbound_mut().expect("a webhook").raw = vec![b'x'; 40_000];
        event
    };
    store.ingest(vec![long("k1"), long("k2")]).await.unwrap();
    drop(store);
    damage_overflow_pages(&directory.path().join("gateway.db"));

    let store = SqliteStore::open(directory.path()).unwrap();
    let again = store.ingest(vec![long("k1"), long("k3")]).await.unwrap();
    assert_eq!(again, [Ingested::Duplicate, Ingested::New(Cursor(3))]);
}

/// Each names the next one in its first four bytes.
fn damage_overflow_pages(file: &Path) {
    let database = rusqlite::Connection::open(file).unwrap();
    let pages =
        "SELECT pageno - 1, pgsize FROM dbstat WHERE name = 'event' AND pagetype = 'overflow'";
    let mut pages = database.prepare(pages).unwrap();
    let pages = pages.query_map([], |row| Ok(row.get::<_, i64>(0)? * row.get::<_, i64>(1)?));
    let places: Vec<i64> = pages.unwrap().map(Result::unwrap).collect();
    assert!(!places.is_empty());
    let mut bytes = std::fs::read(file).unwrap();
    for place in places {
        let place = usize::try_from(place).unwrap();
        bytes[place..place + 4].fill(0x7f);
    }
    std::fs::write(file, bytes).unwrap();
}

async fn everything(store: &SqliteStore) -> String {
    let messages = store
        .find(&Filter {
            most: 100,
            ..Filter::default()
        })
        .await
        .unwrap();
    let events = store.read(None, 100).await.unwrap();
    format!(
        "{messages:?} {events:?} {:?}",
        store.next_due(&[Share::any("demo", 1)]).await.unwrap()
    )
}

#[test]
fn a_directory_is_one_process_s_at_a_time() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let second = SqliteStore::open(directory.path()).err();
    assert!(
        matches!(second, Some(OpenProblem::InUse { .. })),
        "{second:?}"
    );
    drop(store);
    SqliteStore::open(directory.path()).unwrap();
}

#[test]
fn what_cannot_be_used_is_named_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let in_a_file = SqliteStore::open(&file.join("below")).err();
    assert!(
        matches!(in_a_file, Some(OpenProblem::Directory { .. })),
        "{in_a_file:?}"
    );

    let of_another = directory.path().join("foreign");
    std::fs::create_dir(&of_another).unwrap();
    let database = of_another.join("gateway.db");
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (n)")
        .unwrap();
    let problem = SqliteStore::open(&of_another).err();
    assert!(
        matches!(problem, Some(OpenProblem::Foreign { .. })),
        "{problem:?}"
    );
    std::fs::write(&database, "no database at all").unwrap();
    let problem = SqliteStore::open(&of_another).err();
    assert!(
        matches!(problem, Some(OpenProblem::Sqlite(_))),
        "{problem:?}"
    );
    assert_eq!(std::fs::read(&database).unwrap(), b"no database at all");

    let newer = directory.path().join("newer");
    drop(SqliteStore::open(&newer).unwrap());
    let database = rusqlite::Connection::open(newer.join("gateway.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let problem = SqliteStore::open(&newer).err();
    assert!(
        matches!(problem, Some(OpenProblem::TooNew { found: 99, .. })),
        "{problem:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writes_share_one_flush() {
    let directory = TempDir::new().unwrap();
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    let producers = (0..64).map(|producer| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                store
                    .accept(message(&format!("m-{producer}-{number}"), 1))
                    .await
                    .unwrap();
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.unwrap();
    }
    let (writes, commits) = (64 * 20, store.commits());
    assert!(commits * 4 < writes, "{writes} writes in {commits} commits");
    assert_eq!(
        store
            .find(&Filter {
                most: 10_000,
                ..Filter::default()
            })
            .await
            .unwrap()
            .len(),
        1_280
    );
}

#[tokio::test]
async fn somebody_who_is_erased_is_in_no_file() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store");
    let store = SqliteStore::open(&path).unwrap();
    for number in 0..600 {
        let phone = if number % 7 == 0 {
            made::PHONE
        } else {
            "+15550100002"
        };
        let mut new = message(&format!("m{number}"), 1);
        new.message.recipient = phone.into();
        // What is freed is as large as a page and more, or as small as a cell.
        new.message.content = Content::Text(phone.repeat(1 + number % 800));
        store.accept(new).await.unwrap();
        let mut heard = event(
            &format!("k{number}"),
            Heard::Delivered(format!("m{}", number * 2)),
        );
        heard.content.inbound_mut().expect("a webhook").phone = Some(phone.into());
        heard.content.inbound_mut().expect("a webhook").raw =
            phone.repeat(number % 900).into_bytes();
        store.ingest(vec![heard]).await.unwrap();
    }
    // The ring of the quarantine deletes by itself.
    for number in 0..1_200 {
        let body = if number % 3 == 0 {
            made::PHONE.repeat(300).into_bytes()
        } else {
            vec![0; 500]
        };
        let (at, rule, reason) = (at(0), "r".into(), "why".into());
        store
            .quarantine(Quarantined {
                at,
                path: "/".into(),
                rule,
                reason,
                headers: None,
                body_bytes: body.len() as u64,
                body,
            })
            .await
            .unwrap();
    }
    let tester = NewTester {
        agent: "demo".into(),
        phone: made::PHONE.into(),
        at: at(0),
    };
    store
        .count_tester(
            tester,
            TesterQuota {
                per_day: 1,
                total: 1,
            },
        )
        .await
        .unwrap();
    std::fs::write(path.join("gateway.before-2.db"), made::PHONE).unwrap();
    assert!(
        !files_with(&path, made::PHONE).is_empty(),
        "what is looked for can be found"
    );

    let erased = store.erase(made::PHONE).await.unwrap();
    assert_eq!(
        (erased.messages, erased.events, erased.testers),
        (86, 86, 1),
        "{erased:?}"
    );
    assert_eq!(files_with(&path, made::PHONE), Vec::<String>::new());
    drop(store);
    assert_eq!(files_with(&path, made::PHONE), Vec::<String>::new());
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(
        store
            .find(&Filter {
                most: 1_000,
                ..Filter::default()
            })
            .await
            .unwrap()
            .len(),
        514
    );
}

fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let files = std::fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().path());
    let has = |file: &PathBuf| {
        std::fs::read(file)
            .unwrap()
            .windows(text.len())
            .any(|at| at == text.as_bytes())
    };
    files
        .filter(has)
        .map(|file| file.display().to_string())
        .collect()
}

/// One call removes a part, and says so.
#[tokio::test]
async fn nobody_waits_long_for_what_is_removed() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    store
        .ingest(
            (0..501)
                .map(|key| event(&key.to_string(), Heard::Typing))
                .collect(),
        )
        .await
        .unwrap();
    let prune = async || {
        store
            .prune(at(100 * 86_400), &Retention::default())
            .await
            .unwrap()
    };
    let first = prune().await;
    assert_eq!((first.dedupe, first.events, first.more), (500, 500, true));
    let second = prune().await;
    assert_eq!((second.dedupe, second.events, second.more), (1, 1, false));
}

#[tokio::test]
async fn what_is_imported_is_nobody_s_before_it_is_whole() {
    let directory = TempDir::new().unwrap();
    let (first, second) = (
        directory.path().join("first"),
        directory.path().join("second"),
    );
    let store = SqliteStore::open(&first).unwrap();
    store.accept(message("m1", 1)).await.unwrap();
    let lines = dump(&store).await;
    drop(store);

    let import = Import::begin(&second).unwrap();
    import.restore(items(&lines)).await.unwrap();
    let in_use = SqliteStore::open(&second).err();
    assert!(
        matches!(in_use, Some(OpenProblem::InUse { .. })),
        "{in_use:?}"
    );
    drop(import);
    assert_eq!(names_in(&second), ["lock"], "it did not come to its end");
    assert!(matches!(
        SqliteStore::open_existing(&second).err(),
        Some(OpenProblem::Missing { .. })
    ));

    // As a process that was killed leaves it.
    for name in [
        "gateway.importing.db",
        "gateway.importing.db-wal",
        "gateway.importing.db-shm",
    ] {
        std::fs::write(second.join(name), "a part").unwrap();
    }
    let import = Import::begin(&second).unwrap();
    import.restore(items(&lines)).await.unwrap();
    import.finish().unwrap();
    assert_eq!(names_in(&second), ["gateway.db", "lock"]);
    let moved = SqliteStore::open_existing(&second).unwrap();
    assert_eq!(dump(&moved).await, lines);
    drop(moved);

    std::fs::write(second.join("gateway.importing.db"), "a part").unwrap();
    drop(SqliteStore::open(&second).unwrap());
    assert_eq!(
        names_in(&second),
        ["gateway.db", "lock"],
        "who opens it tidies up"
    );
    for (made, name) in [(&second, "gateway.db"), (&first, "gateway.db-wal")] {
        std::fs::rename(made.join("gateway.db"), made.join(name)).unwrap();
        let used = Import::begin(made).err();
        assert!(
            matches!(used, Some(OpenProblem::Used { .. })),
            "{name}: {used:?}"
        );
        assert_eq!(
            SqliteStore::open_existing(made).is_ok(),
            name == "gateway.db"
        );
    }
}

/// What is damaged is told, and not left out.
#[tokio::test]
async fn a_store_that_cannot_be_read_is_not_given_away_in_part() {
    for (damage, said) in [
        (
            "UPDATE message_body SET sum = zeroblob(16) WHERE n = 17",
            "the message m16 cannot be read: ",
        ),
        (
            "UPDATE event SET sum = zeroblob(16) WHERE place = 18",
            "the event after e17 cannot be read: ",
        ),
    ] {
        let directory = TempDir::new().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        for number in 0..20 {
            store
                .accept(message(&format!("m{number}"), 1))
                .await
                .unwrap();
            store
                .ingest(vec![event(&format!("k{number}"), Heard::Typing)])
                .await
                .unwrap();
        }
        drop(store);
        let database = rusqlite::Connection::open(directory.path().join("gateway.db")).unwrap();
        assert_eq!(database.execute(damage, []).unwrap(), 1);
        drop(database);
        let store = SqliteStore::open(directory.path()).unwrap();
        let (to, mut from) = tokio::sync::mpsc::channel(1);
        let (ended, ()) = tokio::join!(store.dump(to), async move {
            while from.recv().await.is_some() {}
        });
        let problem = ended.unwrap_err().to_string();
        assert!(problem.contains(said), "{problem}");
    }
}

#[tokio::test]
async fn what_is_too_large_for_it_is_refused() {
    let store = SqliteStore::open(TempDir::new().unwrap().path()).unwrap();
    let last = Last {
        event: Some(Cursor(u64::MAX)),
        quarantined: None,
        legacy_names: false,
        pruned: None,
    };
    let problem = store
        .restore(vec![Item::Last(last)])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        problem.contains("the number 18446744073709551615 is too large"),
        "{problem}"
    );
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

//! Each operation on the disk fails, one after the other, in every way that it can fail.

use crate::disk::{Call, Cut, Disk, Fault};
use crate::kept::damage;
use crate::random::Random;
use crate::script::{Actor, LARGE, SCRIPT, Step, read};
use crate::vfs::mount;
use rbm_sqlite::Durability;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

#[tokio::test]
async fn after_a_crash_at_any_operation_nothing_acknowledged_is_lost() {
    let mut operations = 0;
    for start in starts() {
        let (stopped, lost) = stop_at_every_operation(&start, Durability::Full).await;
        assert!(lost.is_empty(), "{lost:?}");
        operations += stopped;
    }
    assert!(operations > 500, "only {operations}");
}

/// What this test could not see, it would not see above.
#[tokio::test]
async fn without_a_flush_a_crash_loses_what_was_acknowledged() {
    let (operations, lost) = stop_at_every_operation(&starts()[0], Durability::Normal).await;
    assert!(lost.len() > 20, "{} of {operations}: {lost:?}", lost.len());
}

#[tokio::test]
async fn after_any_operation_that_fails_once_nothing_unsafe_is_acknowledged() {
    fail_at_every_operation(Fault::FailsOnce).await;
}

#[tokio::test]
async fn after_any_operation_that_fails_for_ever_nothing_unsafe_is_acknowledged() {
    fail_at_every_operation(Fault::FailsForEver).await;
}

#[tokio::test]
async fn a_disk_that_was_full_at_any_operation_heals_by_itself() {
    for start in starts() {
        let operations = count_operations(&start).await;
        for operation in 0..operations {
            fill_up_at(&start, operation).await;
        }
    }
}

/// After a flush that failed, the system shows what it will never write. The process is killed and starts again on that, and
/// then the power goes: what it acknowledged meanwhile must not hang on what was never there.
#[tokio::test]
async fn what_a_failed_flush_has_left_behind_carries_nothing() {
    let [start, _] = starts();
    let dry = dry_run(&start).await;
    for operation in (0..dry.operations()).filter(|place| dry.call(*place) == Some(Call::Sync)) {
        let disk = start.begin();
        disk.fail_at(operation, Fault::FailsOnce);
        let mut actor = Actor::new(start.directory.path().to_owned(), Durability::Full);
        for step in start.script {
            let failed = actor.apply(*step).await.is_err();
            if failed {
                break;
            }
        }
        disk.fail_at(disk.operations(), Fault::Stops);
        actor.store = None;
        disk.heal();
        mount(start.directory.path(), &disk);
        for step in [Step::Open, Step::Accept(20), Step::Deliver(20)] {
            actor.apply(step).await.unwrap();
        }
        mount(start.directory.path(), &Arc::new(disk.cut(Cut::Nothing)));
        disk.fail_at(disk.operations(), Fault::Stops);
        actor.store = None;
        let missing = whats_missing(start.directory.path(), &actor).await;
        assert!(missing.is_empty(), "{operation}: {missing:?}");
    }
}

/// There the commit fails with the code of an operation that failed, and it is none.
#[tokio::test]
async fn memory_that_cannot_grow_on_a_full_disk_does_not_end_the_writer() {
    let script = &[Step::Open, LARGE, Step::Accept(1), Step::Close];
    let start = Start::new(Disk::default(), script);
    let disk = dry_run(&start).await;
    let grown: Vec<u64> = (0..disk.operations())
        .filter(|place| disk.call(*place) == Some(Call::Grow))
        .collect();
    assert!(grown.len() >= 2, "{grown:?}");
    fill_up_at(&start, grown[1]).await;
}

/// What is there before, and what is done.
struct Start {
    disk: Disk,
    script: &'static [Step],
    directory: TempDir,
}

impl Start {
    fn new(disk: Disk, script: &'static [Step]) -> Self {
        Self {
            disk,
            script,
            directory: TempDir::new().unwrap(),
        }
    }

    fn begin(&self) -> Arc<Disk> {
        let disk = Arc::new(self.disk.cut(Cut::Nothing));
        mount(self.directory.path(), &disk);
        disk
    }
}

/// Everything in a new directory; and what brings an old one up to date, with a little after it.
fn starts() -> [Start; 2] {
    let old = of_the_first_schema();
    [
        Start::new(Disk::default(), &SCRIPT),
        Start::new(old, &[Step::Open, Step::Accept(1), Step::Close]),
    ]
}

/// How many operations there are, and what was lost at which.
async fn stop_at_every_operation(start: &Start, durability: Durability) -> (u64, Vec<String>) {
    let operations = count_operations(start).await;
    let mut lost = Vec::new();
    for operation in 0..operations {
        let disk = start.begin();
        disk.fail_at(operation, Fault::Stops);
        let actor = do_all(start.script, start.directory.path(), durability).await;
        let cut = if operation % 2 == 0 {
            Cut::Nothing
        } else {
            Cut::Torn(&mut Random(operation))
        };
        mount(start.directory.path(), &Arc::new(disk.cut(cut)));
        let missing = whats_missing(start.directory.path(), &actor).await;
        lost.extend(
            missing
                .into_iter()
                .map(|what| format!("{operation} ({:?}): {what}", disk.call(operation))),
        );
    }
    (operations, lost)
}

/// Afterwards the power goes, or the process starts again on the same machine: both must find everything.
async fn fail_at_every_operation(fault: Fault) {
    for start in starts() {
        for operation in 0..count_operations(&start).await {
            let disk = start.begin();
            disk.fail_at(operation, fault);
            let actor = match fault {
                Fault::FailsOnce => do_all_and_read(start.script, start.directory.path()).await,
                _ => do_all(start.script, start.directory.path(), Durability::Full).await,
            };
            let failed = disk.call(operation);
            mount(start.directory.path(), &Arc::new(disk.cut(Cut::Nothing)));
            let missing = whats_missing(start.directory.path(), &actor).await;
            assert!(
                missing.is_empty(),
                "{operation} ({failed:?}), after a power cut: {missing:?}"
            );
            if operation % 8 != 0 {
                continue;
            }
            disk.heal();
            mount(start.directory.path(), &disk);
            let missing = whats_missing(start.directory.path(), &actor).await;
            assert!(missing.is_empty(), "{operation} ({failed:?}): {missing:?}");
        }
    }
}

/// Whatever is answered with an error is done once there is room, by the same store; it is read all the time.
async fn fill_up_at(start: &Start, operation: u64) {
    let disk = start.begin();
    disk.fail_at(operation, Fault::Full);
    let mut actor = Actor::new(start.directory.path().to_owned(), Durability::Full);
    for step in start.script.iter().copied() {
        let Err(_) = actor.apply(step).await else {
            continue;
        };
        // Still none.
        let _ = actor.apply(step).await;
        if let Some(store) = &actor.store {
            let seen = read(store).await;
            assert!(
                seen.is_ok(),
                "{operation} ({:?}), {step:?}: {seen:?}",
                disk.call(operation)
            );
        }
        disk.heal();
        let again = actor.apply(step).await;
        assert!(
            again.is_ok(),
            "{operation} ({:?}), {step:?}: {again:?}",
            disk.call(operation)
        );
    }
    disk.heal();
    mount(start.directory.path(), &Arc::new(disk.cut(Cut::Nothing)));
    let missing = whats_missing(start.directory.path(), &actor).await;
    assert!(
        missing.is_empty(),
        "{operation} ({:?}): {missing:?}",
        disk.call(operation)
    );
}

/// Whatever is answered.
async fn do_all(script: &[Step], directory: &Path, durability: Durability) -> Actor {
    let mut actor = Actor::new(directory.to_owned(), durability);
    for step in script {
        let _ = actor.apply(*step).await;
    }
    actor
}

/// Where one thing failed, everybody reads on.
async fn do_all_and_read(script: &[Step], directory: &Path) -> Actor {
    let mut actor = Actor::new(directory.to_owned(), Durability::Full);
    for step in script {
        let answer = actor.apply(*step).await;
        if let (Err(_), Some(store)) = (&answer, &actor.store) {
            let seen = read(store).await;
            assert!(seen.is_ok(), "after {step:?}: {answer:?}, {seen:?}");
        }
    }
    actor
}

async fn count_operations(start: &Start) -> u64 {
    dry_run(start).await.operations()
}

async fn dry_run(start: &Start) -> Arc<Disk> {
    let disk = start.begin();
    let actor = do_all(start.script, start.directory.path(), Durability::Full).await;
    let after = Arc::new(disk.cut(Cut::Nothing));
    mount(start.directory.path(), &after);
    assert_eq!(
        whats_missing(start.directory.path(), &actor).await,
        Vec::<String>::new()
    );
    disk
}

/// Panics if the database is damaged.
async fn whats_missing(directory: &Path, actor: &Actor) -> Vec<String> {
    assert_eq!(damage(directory).unwrap(), None);
    let missing = actor.missing().await;
    check_copy(directory);
    missing
}

/// What was there before a new schema is beside it, whole.
fn check_copy(directory: &Path) {
    let kept = |name: &str| {
        let database = Connection::open(directory.join(name)).unwrap();
        database.query_row(
            "SELECT count(*) FROM quarantine WHERE reason = 'of the first schema'",
            [],
            |row| row.get::<_, u32>(0),
        )
    };
    if kept("gateway.db").unwrap() == 1 {
        assert_eq!(kept("gateway.before-2.db").unwrap(), 1);
    }
}

/// With something in it that is to stay.
fn of_the_first_schema() -> Disk {
    let directory = TempDir::new().unwrap();
    let disk = Arc::new(Disk::default());
    mount(directory.path(), &disk);
    let database = Connection::open(directory.path().join("gateway.db")).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database
        .execute_batch(include_str!("../../src/schema/1.sql"))
        .unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    database
        .pragma_update(None, "application_id", 0x7262_6d67)
        .unwrap();
    let insert = "INSERT INTO quarantine (at, path, rule, reason, body) VALUES (7, '/', 'r', 'of the first schema', '')";
    database.execute(&insert.replace("''", "x''"), []).unwrap();
    drop(database);
    disk.cut(Cut::Nothing)
}

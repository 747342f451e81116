//! One thread that writes. It commits all that has come together since its last commit, and answers everybody after the flush.

use crate::{checkpoint, problem};
use rbm_gateway::store::StoreProblem;
use rusqlite::{Connection, ErrorCode, TransactionBehavior, ffi};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Takes work for the thread.
pub(crate) struct Writer {
    commits: Arc<Commits>,
    log: Arc<RestOfLog>,
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// Those that came to something.
#[derive(Default)]
struct Commits {
    count: AtomicU64,
    tell: OnceLock<Box<dyn Fn(Duration) + Send + Sync>>,
}

impl Commits {
    fn add(&self, took: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(tell) = self.tell.get() {
            tell(took);
        }
    }
}

/// Something to be done in a transaction, and somebody who waits for it.
trait Job: Send {
    /// May be called again, in another transaction, if the one it was done in came to nothing.
    fn work(&mut self, database: &Connection) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, committed: Result<(), StoreProblem>);
}

struct Task<W, T> {
    work: W,
    result: Option<T>,
    waiting: oneshot::Sender<Result<T, StoreProblem>>,
}

impl<W, T> Job for Task<W, T>
where
    W: FnMut(&Connection) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn work(&mut self, database: &Connection) -> rusqlite::Result<()> {
        self.result = Some((self.work)(database)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreProblem>) {
        let answer = match (committed, self.result) {
            (Ok(()), Some(result)) => Ok(result),
            (Ok(()), None) => Err(StoreProblem("nothing was done".to_owned())),
            (Err(problem), _) => Err(problem),
        };
        // Whoever has gone away does not want to know.
        let _ = self.waiting.send(answer);
    }
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> Self {
        let (queue, jobs) = sync_channel(QUEUE_LENGTH);
        let commits = Arc::<Commits>::default();
        let counted = commits.clone();
        let log = Arc::<RestOfLog>::default();
        let rest = log.clone();
        let run = move || run(connection, &jobs, &counted, &rest);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(run);
        let thread = thread
            .inspect_err(|problem| tracing::error!(%problem, "the store has no writer"))
            .ok();
        Self {
            commits,
            log,
            queue: Some(queue),
            thread,
        }
    }

    /// So far.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.count.load(Ordering::Relaxed)
    }

    /// For who makes checkpoints.
    pub(crate) fn rest_of_log(&self) -> Arc<RestOfLog> {
        self.log.clone()
    }

    /// Who asks first is told how long each takes.
    pub(crate) fn on_commit(&self, tell: Box<dyn Fn(Duration) + Send + Sync>) {
        let _ = self.commits.tell.set(tell);
    }

    /// Returns after the commit that has the work in it. A full queue is a problem at once: who waits for nothing should hear
    /// of it.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T, StoreProblem>
    where
        W: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (waiting, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Task {
            work,
            result: None,
            waiting,
        });
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreProblem(format!("{QUEUE_LENGTH} writes are waiting")),
            TrySendError::Disconnected(_) => ended(),
        })?;
        answer.await.map_err(|_| ended())?
    }
}

impl Drop for Writer {
    /// What is in the queue is written first.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn ended() -> StoreProblem {
    StoreProblem("its writer has ended".to_owned())
}

fn run(
    mut connection: Connection,
    jobs: &Receiver<Box<dyn Job>>,
    commits: &Commits,
    log: &RestOfLog,
) {
    let mut last = Last::default();
    while let Ok(first) = jobs.recv() {
        let batch = gather(first, jobs, last);
        log.move_if_it_is_little(&connection);
        let (begun, count) = (Instant::now(), batch.len());
        if !commit_all(&mut connection, commits, batch) {
            tracing::error!(
                "the store writes no more: what reached the disk is not known; start the process again"
            );
            return;
        }
        last = Last {
            count,
            took: begun.elapsed(),
        };
    }
}

/// The commit before.
#[derive(Clone, Copy, Default)]
struct Last {
    count: usize,
    took: Duration,
}

/// Waits briefly for the next writes of the callers that the last commit answered. Without them a commit would have one or two
/// writes in it, and cost as much.
fn gather(first: Box<dyn Job>, jobs: &Receiver<Box<dyn Job>>, last: Last) -> Vec<Box<dyn Job>> {
    let mut batch = vec![first];
    let begun = Instant::now();
    let patience = (last.took / LINGER_DIVISOR).min(LINGER_MAX);
    loop {
        batch.extend(jobs.try_iter().take(BATCH_MAX - batch.len()));
        if batch.len() >= last.count.min(BATCH_MAX) || begun.elapsed() >= patience {
            return batch;
        }
        // Waiting for a job would wake this thread for each of them.
        thread::sleep(LINGER_STEP);
    }
}

/// Set by the checkpointer when only a few pages of the log are left; the writer moves them before its next commit.
///
/// `SQLite` begins the log anew only where all of it has been moved, and beside a writer that never rests there is always a little
/// that has not. A log that grows costs more with each commit than one that is written over, because the file system has to write
/// down how long it is.
#[derive(Default)]
pub(crate) struct RestOfLog(AtomicBool);

impl RestOfLog {
    pub(crate) fn is_little(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn move_if_it_is_little(&self, connection: &Connection) {
        if self.0.swap(false, Ordering::Relaxed)
            && let Err(problem) = checkpoint::move_what_is_free(connection)
        {
            tracing::warn!(%problem, "the rest of the log was not moved into the database");
        }
    }
}

/// In one commit; where that fails, each alone, so that one that cannot be done spoils no other. False if the disk has failed:
/// nothing may be said of what is on it then.
fn commit_all(
    connection: &mut Connection,
    commits: &Commits,
    mut batch: Vec<Box<dyn Job>>,
) -> bool {
    let begun = Instant::now();
    match commit(connection, &mut batch) {
        Ok(()) => {
            commits.add(begun.elapsed());
            batch.into_iter().for_each(|job| job.answer(Ok(())));
            true
        }
        Err(failed) if is_the_disks(&failed) => {
            batch
                .into_iter()
                .for_each(|job| job.answer(Err(problem(&failed))));
            false
        }
        Err(failed) if batch.len() == 1 => {
            batch
                .into_iter()
                .for_each(|job| job.answer(Err(problem(&failed))));
            true
        }
        Err(_) => batch
            .into_iter()
            .all(|job| commit_all(connection, commits, vec![job])),
    }
}

fn commit(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in batch {
        job.work(&transaction)?;
    }
    transaction.commit()
}

/// An input or output that failed, unlike a disk that is full: after a failed flush the system may say that all is well.
fn is_the_disks(problem: &rusqlite::Error) -> bool {
    // A full disk also refuses to let the memory grow that connections share, which is a file.
    let is_full = problem
        .sqlite_error()
        .is_some_and(|failed| failed.extended_code == ffi::SQLITE_IOERR_SHMSIZE);
    !is_full
        && matches!(
            problem.sqlite_error_code(),
            Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt)
        )
}

const QUEUE_LENGTH: usize = 8_192;
const BATCH_MAX: usize = 1_024;
/// A fifth of a commit's time at most, and mostly less: they are there before.
const LINGER_DIVISOR: u32 = 5;
const LINGER_MAX: Duration = Duration::from_millis(2);
const LINGER_STEP: Duration = Duration::from_micros(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().expect("a database");
        connection
            .execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT")
            .expect("a table");
        Writer::start(connection)
    }

    async fn insert(writer: &Writer, n: i64) -> Result<usize, StoreProblem> {
        writer
            .write(move |database| database.execute("INSERT INTO t VALUES (?1)", [n]))
            .await
    }

    /// The batch of the bad one is done again, one by one.
    #[tokio::test]
    async fn what_cannot_be_done_spoils_nothing_else() {
        let writer = writer();
        assert_eq!(insert(&writer, 1).await.expect("inserted"), 1);
        let slow = writer.write(|_| {
            thread::sleep(Duration::from_millis(50));
            Ok(())
        });
        let (slow, two, one_again, three) = tokio::join!(
            slow,
            insert(&writer, 2),
            insert(&writer, 1),
            insert(&writer, 3)
        );
        assert!(slow.is_ok() && two.is_ok() && three.is_ok());
        assert!(
            one_again
                .expect_err("it is there")
                .to_string()
                .contains("UNIQUE")
        );
        let count = |database: &Connection| {
            database.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(writer.write(count).await.expect("a number"), 3);
    }

    #[tokio::test]
    async fn each_commit_is_told_of_with_its_time() {
        let writer = writer();
        let (tell, told) = std::sync::mpsc::channel();
        writer.on_commit(Box::new(move |took| {
            tell.send(took).expect("the test listens");
        }));
        let slow = writer.write(|_| {
            thread::sleep(Duration::from_millis(30));
            Ok(())
        });
        slow.await.expect("done");
        insert(&writer, 1).await.expect("inserted");
        insert(&writer, 1).await.expect_err("it is there");
        assert_eq!(writer.commits(), 2);
        let times: Vec<Duration> = told.try_iter().collect();
        assert!(
            times.len() == 2 && times[0] >= Duration::from_millis(30),
            "{times:?}"
        );
    }

    #[tokio::test]
    async fn what_waits_is_written_before_the_end() {
        let writer = writer();
        let (first, second) = {
            let (waiting, first) = oneshot::channel();
            let (waiting_too, second) = oneshot::channel();
            let work = |database: &Connection| database.execute("INSERT INTO t VALUES (1)", []);
            let queue = writer.queue.as_ref().expect("it runs");
            queue
                .send(Box::new(Task {
                    work,
                    result: None,
                    waiting,
                }))
                .expect("queued");
            let work = |database: &Connection| database.execute("INSERT INTO t VALUES (2)", []);
            queue
                .send(Box::new(Task {
                    work,
                    result: None,
                    waiting: waiting_too,
                }))
                .expect("queued");
            (first, second)
        };
        drop(writer);
        assert_eq!(
            (
                first.await.expect("answered").is_ok(),
                second.await.expect("answered").is_ok()
            ),
            (true, true)
        );
    }
}

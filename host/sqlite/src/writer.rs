//! One thread that writes. It commits all that has come together since its last commit, and answers everybody after the flush.

use crate::problem;
use rbm_gateway::store::StoreProblem;
use rusqlite::{Connection, ErrorCode, TransactionBehavior, ffi};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Takes work for the thread.
pub(crate) struct Writer {
    commits: Arc<Commits>,
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
        let run = move || run(connection, &jobs, &counted);
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(run);
        let thread = thread.inspect_err(|problem| tracing::error!(%problem, "the store has no writer")).ok();
        Self { commits, queue: Some(queue), thread }
    }

    /// So far.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.count.load(Ordering::Relaxed)
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
        let job: Box<dyn Job> = Box::new(Task { work, result: None, waiting });
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

fn run(mut connection: Connection, jobs: &Receiver<Box<dyn Job>>, commits: &Commits) {
    let mut batch = Vec::new();
    while let Ok(first) = jobs.recv() {
        batch.push(first);
        batch.extend(jobs.try_iter().take(BATCH_MAX - 1));
        let begun = Instant::now();
        let several = batch.len() > 1;
        if !commit_all(&mut connection, commits, std::mem::take(&mut batch)) {
            tracing::error!("the store writes no more: what reached the disk is not known; start the process again");
            return;
        }
        if several {
            // Those who were answered now come with their next: a commit without them would have one or two in it.
            thread::sleep((begun.elapsed() / LINGER_DIVISOR).min(LINGER_MAX));
        }
    }
}

/// In one commit; where that fails, each alone, so that one that cannot be done spoils no other. False if the disk has failed:
/// nothing may be said of what is on it then.
fn commit_all(connection: &mut Connection, commits: &Commits, mut batch: Vec<Box<dyn Job>>) -> bool {
    let begun = Instant::now();
    match commit(connection, &mut batch) {
        Ok(()) => {
            commits.add(begun.elapsed());
            batch.into_iter().for_each(|job| job.answer(Ok(())));
            true
        }
        Err(failed) if is_the_disks(&failed) => {
            batch.into_iter().for_each(|job| job.answer(Err(problem(&failed))));
            false
        }
        Err(failed) if batch.len() == 1 => {
            batch.into_iter().for_each(|job| job.answer(Err(problem(&failed))));
            true
        }
        Err(_) => batch.into_iter().all(|job| commit_all(connection, commits, vec![job])),
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
    let is_full = problem.sqlite_error().is_some_and(|failed| failed.extended_code == ffi::SQLITE_IOERR_SHMSIZE);
    !is_full && matches!(problem.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt))
}

const QUEUE_LENGTH: usize = 8_192;
const BATCH_MAX: usize = 1_024;
/// A twentieth of the commit's time (storage.md has the measurements).
const LINGER_DIVISOR: u32 = 20;
const LINGER_MAX: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT").expect("a table");
        Writer::start(connection)
    }

    async fn insert(writer: &Writer, n: i64) -> Result<usize, StoreProblem> {
        writer.write(move |database| database.execute("INSERT INTO t VALUES (?1)", [n])).await
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
        let (slow, two, one_again, three) =
            tokio::join!(slow, insert(&writer, 2), insert(&writer, 1), insert(&writer, 3));
        assert!(slow.is_ok() && two.is_ok() && three.is_ok());
        assert!(one_again.expect_err("it is there").to_string().contains("UNIQUE"));
        let count =
            |database: &Connection| database.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(writer.write(count).await.expect("a number"), 3);
    }

    #[tokio::test]
    async fn each_commit_is_told_of_with_its_time() {
        let writer = writer();
        let (tell, told) = std::sync::mpsc::channel();
        writer.on_commit(Box::new(move |took| tell.send(took).expect("the test listens")));
        let slow = writer.write(|_| {
            thread::sleep(Duration::from_millis(30));
            Ok(())
        });
        slow.await.expect("done");
        insert(&writer, 1).await.expect("inserted");
        insert(&writer, 1).await.expect_err("it is there");
        assert_eq!(writer.commits(), 2);
        let times: Vec<Duration> = told.try_iter().collect();
        assert!(times.len() == 2 && times[0] >= Duration::from_millis(30), "{times:?}");
    }

    #[tokio::test]
    async fn what_waits_is_written_before_the_end() {
        let writer = writer();
        let (first, second) = {
            let (waiting, first) = oneshot::channel();
            let (waiting_too, second) = oneshot::channel();
            let work = |database: &Connection| database.execute("INSERT INTO t VALUES (1)", []);
            let queue = writer.queue.as_ref().expect("it runs");
            queue.send(Box::new(Task { work, result: None, waiting })).expect("queued");
            let work = |database: &Connection| database.execute("INSERT INTO t VALUES (2)", []);
            queue.send(Box::new(Task { work, result: None, waiting: waiting_too })).expect("queued");
            (first, second)
        };
        drop(writer);
        assert_eq!((first.await.expect("answered").is_ok(), second.await.expect("answered").is_ok()), (true, true));
    }
}

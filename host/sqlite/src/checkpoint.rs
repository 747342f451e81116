//! Moves what was committed from the log into the database, on a connection of its own, so that no commit waits for it.

use crate::writer::RestOfLog;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Ends with the store.
pub(crate) struct Checkpointer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(connection: Connection, rest: Arc<RestOfLog>) -> Self {
        let (stop, stopped) = channel::<()>();
        let run = move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                match move_nearly_all(&connection) {
                    Ok(true) => rest.is_little(),
                    Ok(false) => {}
                    Err(problem) => {
                        tracing::warn!(%problem, "the log was not moved into the database");
                    }
                }
            }
        };
        let thread = thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(run);
        let thread = thread
            .inspect_err(|problem| tracing::warn!(%problem, "the writer moves the log itself"))
            .ok();
        Self {
            stop: Some(stop),
            thread,
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Moves a long log twice, because it grows during the first time. True if the log is long and few pages of it are left.
fn move_nearly_all(connection: &Connection) -> rusqlite::Result<bool> {
    let first = move_what_is_free(connection)?;
    if first.pages < LONG_PAGES {
        return Ok(false);
    }
    let second = move_what_is_free(connection)?;
    Ok(
        second.pages == second.moved
            && second.moved - first.moved.min(second.moved) <= LITTLE_PAGES,
    )
}

/// Passive: it takes what nobody is using, and leaves the rest for the next time.
pub(crate) fn move_what_is_free(connection: &Connection) -> rusqlite::Result<Log> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok(Log {
            pages: row.get(1)?,
            moved: row.get(2)?,
        })
    })
}

/// What a checkpoint has seen of the log.
pub(crate) struct Log {
    pages: i64,
    moved: i64,
}

const EVERY: Duration = Duration::from_millis(100);
/// Two mebibytes: less is not worth the writer's time.
const LONG_PAGES: i64 = 256;
/// What the writer moves between two commits.
const LITTLE_PAGES: i64 = 32;

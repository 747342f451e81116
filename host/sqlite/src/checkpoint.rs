//! Moves what was committed from the log into the database, on a connection of its own, so that no commit waits for it.

use rusqlite::Connection;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Ends with the store.
pub(crate) struct Checkpointer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(connection: Connection) -> Self {
        let (stop, stopped) = channel::<()>();
        let run = move || {
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                // Passive: it takes what nobody is using, and leaves the rest for the next time.
                let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                if let Err(problem) = moved {
                    tracing::warn!(%problem, "the log was not moved into the database");
                }
            }
        };
        let thread = thread::Builder::new().name("store-checkpoint".to_owned()).spawn(run);
        let thread = thread.inspect_err(|problem| tracing::warn!(%problem, "the writer moves the log itself")).ok();
        Self { stop: Some(stop), thread }
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

const EVERY: Duration = Duration::from_millis(100);

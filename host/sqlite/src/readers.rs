//! Connections that read, as many as are wanted at once, up to a few.

use crate::{connection, problem};
use rbm_gateway::store::StoreProblem;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Lends a connection to whoever reads.
pub(crate) struct Readers {
    database: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Semaphore,
}

impl Readers {
    pub(crate) fn new(database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            idle: Arc::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// Sees all that was committed before.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreProblem> {
        let _turn = self
            .turns
            .acquire()
            .await
            .map_err(|_| StoreProblem("it has ended".to_owned()))?;
        let (idle, database) = (self.idle.clone(), self.database.clone());
        let reading = spawn_blocking(move || {
            let lent = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match lent {
                Some(connection) => connection,
                None => connection::open_to_read(&database)?,
            };
            let found = read(&connection)?;
            // One that has failed is not used again.
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            Ok(found)
        });
        let found = reading
            .await
            .map_err(|problem| StoreProblem(format!("a read broke off: {problem}")))?;
        found.map_err(|failed| problem(&failed))
    }
}

/// More would wait for the same cores.
const AT_ONCE: usize = 8;

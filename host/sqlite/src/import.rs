//! A store that is to be, made of what another has given away. It has another name until it is whole, so that nobody takes a
//! part for the whole, whenever the process is killed; then one rename makes it the directory's. The rename is within the
//! directory, because that may be where a disk is mounted, or all that the process may write.

use crate::connection::{self, Durability};
use crate::directory::Directory;
use crate::{OpenProblem, SqliteStore};
use rbm_gateway::store::StoreProblem;
use rbm_gateway::store::dump::{Dump as _, Item};
use std::path::Path;

/// A store that is to be. What was imported goes if it does not come to its end.
pub struct Import(Option<SqliteStore>);

impl Import {
    /// In a directory that has no store, or is to be made. It is this process's until the end.
    pub fn begin(directory: &Path) -> Result<Self, OpenProblem> {
        connection::check_version()?;
        let used = || OpenProblem::Used {
            path: directory.display().to_string(),
        };
        let locked = Directory::lock(directory)?;
        if Directory::is_used(directory) {
            return Err(used());
        }
        locked
            .remove_unfinished_import()
            .map_err(|problem| locked.unusable(&problem))?;
        Ok(Self(Some(SqliteStore::open_in(
            locked.for_import(),
            Durability::Full,
        )?)))
    }

    /// Takes the next items.
    pub async fn restore(&self, items: Vec<Item>) -> Result<(), StoreProblem> {
        match &self.0 {
            Some(store) => store.restore(items).await,
            None => Ok(()),
        }
    }

    /// Makes it the directory's store.
    pub fn finish(mut self) -> Result<(), OpenProblem> {
        let Some(directory) = self.close() else {
            return Ok(());
        };
        let published = connection::move_log(&directory.database())
            .map_err(OpenProblem::from)
            .and_then(|()| {
                directory
                    .publish()
                    .map_err(|problem| directory.unusable(&problem))
            });
        published.inspect_err(|_| remove(&directory))
    }

    /// Nobody has the database any more, and the directory is still this process's.
    fn close(&mut self) -> Option<Directory> {
        let SqliteStore {
            writer,
            readers,
            _checkpointer: checkpointer,
            directory,
            is_upgraded: _,
        } = self.0.take()?;
        drop((writer, readers, checkpointer));
        Some(directory)
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        self.close().iter().for_each(remove);
    }
}

fn remove(directory: &Directory) {
    if let Err(problem) = directory.remove_unfinished_import() {
        tracing::warn!(%problem, "what was imported is still there");
    }
}

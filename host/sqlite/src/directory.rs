//! The directory, which one process at a time may use.

use crate::{OpenProblem, schema};
use std::fs::{File, TryLockError, create_dir};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A directory that is this process's until it ends, however it ends: the lock goes with the file's descriptor.
pub(crate) struct Directory {
    path: PathBuf,
    /// The name of the database in it.
    name: &'static str,
    _lock: File,
}

impl Directory {
    pub(crate) fn lock(path: &Path) -> Result<Self, OpenProblem> {
        let shown = path.display().to_string();
        let unusable = |problem: std::io::Error| OpenProblem::Directory {
            path: shown.clone(),
            reason: problem.to_string(),
        };
        create(path).map_err(unusable)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                name: DATABASE,
                _lock: file,
            }),
            Err(TryLockError::WouldBlock) => Err(OpenProblem::InUse { path: shown }),
            Err(TryLockError::Error(problem)) => Err(unusable(problem)),
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(self.name)
    }

    /// Whether there is a store in it.
    pub(crate) fn has_store(path: &Path) -> bool {
        path.join(DATABASE).exists()
    }

    /// The same, or the log of one that is gone, which would be taken for the next one's.
    pub(crate) fn is_used(path: &Path) -> bool {
        ["", "-wal", "-journal"]
            .iter()
            .any(|end| path.join(format!("{DATABASE}{end}")).exists())
    }

    /// The same with a database that nobody takes for one.
    pub(crate) fn for_import(self) -> Self {
        Self {
            name: IMPORTED,
            ..self
        }
    }

    /// Makes what was imported the database, all of it at once. It must be whole in its one file.
    pub(crate) fn publish(&self) -> std::io::Result<()> {
        File::open(self.path.join(IMPORTED))?.sync_all()?;
        std::fs::rename(self.path.join(IMPORTED), self.path.join(DATABASE))?;
        flush(&self.path)
    }

    /// What an import has left that did not come to its end: it is nobody's, and tells of people.
    pub(crate) fn remove_unfinished_import(&self) -> std::io::Result<()> {
        // Its log last: without the database nobody reads that.
        for end in ["", "-shm", "-wal"] {
            match std::fs::remove_file(self.path.join(format!("{IMPORTED}{end}"))) {
                Err(problem) if problem.kind() != ErrorKind::NotFound => return Err(problem),
                _ => {}
            }
        }
        Ok(())
    }

    /// As a problem of this directory.
    pub(crate) fn unusable(&self, problem: &std::io::Error) -> OpenProblem {
        OpenProblem::Directory {
            path: self.path.display().to_string(),
            reason: problem.to_string(),
        }
    }

    /// Of the database, from before a new schema.
    pub(crate) fn copies(&self) -> Vec<PathBuf> {
        let copies =
            (2..=schema::latest()).map(|version| schema::copy_of(&self.database(), version));
        copies.filter(|copy| copy.exists()).collect()
    }
}

/// A new name lasts only once the directory that it stands in was flushed.
fn create(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    create(parent)?;
    match create_dir(path) {
        Err(problem) if problem.kind() != ErrorKind::AlreadyExists => Err(problem),
        _ => flush(parent),
    }
}

/// Only Unix has a way to do it.
fn flush(directory: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()
    } else {
        Ok(())
    }
}

const LOCK: &str = "lock";
const DATABASE: &str = "gateway.db";
/// Renamed when it is whole.
const IMPORTED: &str = "gateway.importing.db";

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn what_is_missing_of_a_path_is_made() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("a/b");
        for _ in 0..2 {
            drop(Directory::lock(&path).expect("made, and then there"));
        }
        std::fs::write(path.join("file"), "x").expect("a file");
        let problem = create(&path.join("file/below")).expect_err("it is below a file");
        assert_eq!(problem.kind(), ErrorKind::NotADirectory, "{problem}");
        create(Path::new("")).expect_err("no name at all");
    }
}

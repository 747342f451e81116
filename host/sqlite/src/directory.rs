//! The directory, which one process at a time may use.

use crate::OpenProblem;
use std::fs::{File, TryLockError, create_dir_all};
use std::path::{Path, PathBuf};

/// A directory that is this process's until it ends, however it ends: the lock goes with the file's descriptor.
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    pub(crate) fn lock(path: &Path) -> Result<Self, OpenProblem> {
        let shown = path.display().to_string();
        let unusable =
            |problem: std::io::Error| OpenProblem::Directory { path: shown.clone(), reason: problem.to_string() };
        create_dir_all(path).map_err(unusable)?;
        let file = File::options().create(true).truncate(false).write(true).open(path.join(LOCK)).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(OpenProblem::InUse { path: shown }),
            Err(TryLockError::Error(problem)) => Err(unusable(problem)),
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

const LOCK: &str = "lock";
const DATABASE: &str = "gateway.db";

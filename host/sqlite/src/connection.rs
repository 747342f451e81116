//! Connections to the database, all set up alike.

use crate::OpenProblem;
use rusqlite::{Connection, OpenFlags, ffi};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// What a commit outlives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Durability {
    /// The power going off: each commit is flushed.
    Full,
    /// The process being killed, and no more. For tests that must be able to lose something.
    Normal,
}

/// Before 3.51.3 a checkpoint on one connection beside a commit on another could destroy the database.
/// (sqlite.org, "the WAL-reset bug")
pub(crate) fn check_version() -> Result<(), OpenProblem> {
    if rusqlite::version_number() >= VERSION_MIN {
        Ok(())
    } else {
        Err(OpenProblem::OldSqlite {
            found: rusqlite::version(),
        })
    }
}

/// One that writes.
pub(crate) fn open(database: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let connection = Connection::open(database)?;
    connection.busy_timeout(BUSY_TIME_MAX)?;
    // Rows of a kibibyte fill 8 KiB better than the usual 4. Only a database that is made now gets them.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten: a person's number is not to stay in a page that is free.
    connection.pragma_update(None, "secure_delete", true)?;
    // A checkpoint of its own connection comes long before. Where that one falls behind, the writer moves the log itself once it
    // has this many pages, and then begins it anew: a log that never ends would also be one that never fits a cache.
    connection.pragma_update(None, "wal_autocheckpoint", LOG_BYTES_MAX / PAGE_BYTES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// One that only reads.
pub(crate) fn open_to_read(database: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_TIME_MAX)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Moves all of the log into the database and empties it. Waits for who reads and who writes, and fails if one of them takes too
/// long. `SQLite` itself waits for all but another checkpoint, such as that of the thread that makes them.
pub(crate) fn move_log(database: &Path) -> rusqlite::Result<()> {
    let connection = open(database, Durability::Full)?;
    let begun = Instant::now();
    while connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))? {
        if begun.elapsed() >= BUSY_TIME_MAX {
            let problem = ffi::Error::new(ffi::SQLITE_BUSY);
            return Err(rusqlite::Error::SqliteFailure(
                problem,
                Some("its log is in use and was not emptied".to_owned()),
            ));
        }
        thread::sleep(BUSY_PAUSE);
    }
    connection.close().map_err(|(_, problem)| problem)
}

const VERSION_MIN: i32 = 3_051_003;
const BUSY_TIME_MAX: Duration = Duration::from_secs(5);
const BUSY_PAUSE: Duration = Duration::from_millis(5);
const PAGE_BYTES: i64 = 8 << 10;
const LOG_BYTES_MAX: i64 = 64 << 20;
const CACHE_KIB: i64 = 64 << 10;
const STATEMENTS: usize = 64;

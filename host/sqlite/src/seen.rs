//! Which events are known, exactly, for as long as they are to be known. The newest are in a small index, whose few pages the
//! events of a commit share; from there many at once move into the large one. All of it is in the transaction of the event, so
//! that whatever becomes of that, a hash is in one of both or in none.

use crate::messages::time;
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// False if it is known already.
pub(crate) fn note(database: &Connection, h: [u8; 16], received_at: Timestamp) -> rusqlite::Result<bool> {
    Ok(database.prepare_cached(NOTE)?.execute(params![h, time(received_at)])? > 0)
}

/// After so many events that those of them share pages in the large index.
pub(crate) fn settle_sometimes(database: &Connection, place: i64) -> rusqlite::Result<()> {
    if place % LATELY_MAX == 0 { settle(database) } else { Ok(()) }
}

/// Moves the newest into the large index.
pub(crate) fn settle(database: &Connection) -> rusqlite::Result<()> {
    if database.prepare_cached(SETTLE)?.execute([])? > 0 {
        database.prepare_cached("DELETE FROM seen_lately")?.execute([])?;
    }
    Ok(())
}

const NOTE: &str = "INSERT INTO seen_lately (h, received_at)
    SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM seen WHERE h = ?1) ON CONFLICT DO NOTHING";
const SETTLE: &str = "INSERT INTO seen (h, received_at)
    SELECT h, received_at FROM seen_lately WHERE true ORDER BY h ON CONFLICT DO NOTHING";
/// Fewer share fewer pages in the large index, and more fill more pages of the small one, which a commit writes all: about ten
/// with these.
const LATELY_MAX: i64 = 2_048;

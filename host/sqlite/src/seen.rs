//! Which events are known, exactly, for as long as they are to be known.
//!
//! Hashes come in no order, so in a large index each of them changes a page of its own, and each such page goes whole into the
//! log. So the hash of an event is in its row, which is written anyway, and moves into the large index with thousands of others, a
//! sixteenth of the index at a time, where they share pages and no commit has much of it to do. Those that have not moved yet are
//! also in a table of the writer's own, in memory: what becomes of a transaction becomes of that too, and whoever opens the database
//! fills it from the rows.

use crate::events;
use crate::messages::time;
use crate::writer::Writer;
use jiff::Timestamp;
use rbm_gateway::store::StoreProblem;
use rusqlite::{Connection, params};

/// On the connection that writes, before it does.
pub(crate) fn prepare(database: &Connection) -> rusqlite::Result<()> {
    database.execute_batch(PREPARE)
}

/// Whether the event is known.
pub(crate) fn contains(database: &Connection, h: &[u8; 16]) -> rusqlite::Result<bool> {
    database
        .prepare_cached(CONTAINS)?
        .query_row([h], |row| row.get(0))
}

/// Whether an earlier version has kept the event, under the key that it would have had there. Only for a while after an upgrade or
/// an import.
pub(crate) fn contains_legacy(
    database: &Connection,
    h: &[u8; 16],
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let is_time = "SELECT legacy_keys_until > ?1 FROM last_place";
    let is_time: bool = database
        .prepare_cached(is_time)?
        .query_row([time(now)], |row| row.get(0))?;
    Ok(is_time && contains(database, h)?)
}

/// What is there now may have been kept by an earlier version.
pub(crate) fn enable_legacy_keys(database: &Connection) -> rusqlite::Result<()> {
    database
        .prepare_cached(ENABLE_LEGACY_KEYS)?
        .execute([])
        .map(drop)
}

/// Of an event that has its place now, and its hash in its row.
pub(crate) fn note(
    database: &Connection,
    h: &[u8; 16],
    received_at: Timestamp,
    place: i64,
) -> rusqlite::Result<()> {
    let insert = "INSERT INTO temp.unsettled (h, received_at) VALUES (?1, ?2)";
    database
        .prepare_cached(insert)?
        .execute(params![h, time(received_at)])?;
    if place % SETTLED_EVERY == 0 {
        settle(database, (place / SETTLED_EVERY) % PARTS, place)
    } else {
        Ok(())
    }
}

/// What was kept elsewhere, up to this place, has nothing to be moved.
pub(crate) fn begin_after(database: &Connection, place: i64) -> rusqlite::Result<()> {
    database
        .prepare_cached("UPDATE settled SET place = max(place, ?1)")?
        .execute([place])
        .map(drop)
}

/// Moves all of them, each part in a commit of its own, so that no other write waits for all of them.
pub(crate) async fn settle_by_parts(writer: &Writer) -> Result<(), StoreProblem> {
    for part in 0..PARTS {
        writer
            .write(move |database| settle(database, part, events::newest(database)?))
            .await?;
    }
    Ok(())
}

/// Moves what came since, before an event is deleted in the same transaction. `last` is the last place.
pub(crate) fn settle_all(database: &Connection, last: i64) -> rusqlite::Result<()> {
    (0..PARTS).try_for_each(|part| settle(database, part, last))
}

/// Moves the hashes that begin with this number.
fn settle(database: &Connection, part: i64, place: i64) -> rusqlite::Result<()> {
    let from = [u8::try_from(part << 4).unwrap_or_default()];
    // Longer than a hash, so that it comes after all of them.
    let to = [from[0] | 0x0f]
        .into_iter()
        .chain([0xff; 16])
        .collect::<Vec<u8>>();
    if database
        .prepare_cached(SETTLE)?
        .execute(params![from, to])?
        > 0
    {
        database
            .prepare_cached("DELETE FROM temp.unsettled WHERE h BETWEEN ?1 AND ?2")?
            .execute(params![from, to])?;
    }
    database
        .prepare_cached("UPDATE settled SET place = ?2 WHERE part = ?1 AND place < ?2")?
        .execute([part, place])
        .map(drop)
}

/// Small pages: what changes in one is copied first, for the case that the transaction comes to nothing.
const PREPARE: &str = "PRAGMA temp_store = MEMORY;
    PRAGMA temp.page_size = 1024;
    CREATE TEMP TABLE unsettled (h BLOB PRIMARY KEY, received_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO temp.unsettled (h, received_at)
        SELECT h, received_at FROM event
        WHERE event.place > (SELECT min(settled.place) FROM settled) AND h IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.h = event.h)
        ON CONFLICT DO NOTHING";
/// 14 days: the platform delivers again for 7, and a store may have been down for some of them.
const ENABLE_LEGACY_KEYS: &str =
    "UPDATE last_place SET legacy_keys_until = 1000000 * (unixepoch() + 14 * 86400)";
const CONTAINS: &str = "SELECT EXISTS (SELECT 1 FROM temp.unsettled WHERE h = ?1)
    OR EXISTS (SELECT 1 FROM seen WHERE h = ?1)";
const SETTLE: &str = "INSERT INTO seen (h, received_at)
    SELECT h, received_at FROM temp.unsettled WHERE h BETWEEN ?1 AND ?2 ORDER BY h";
/// Events between one part and the next. Fewer share fewer pages, more are more work in one commit: these are some four
/// milliseconds' with a large index.
const SETTLED_EVERY: i64 = 1_024;
const PARTS: i64 = 16;

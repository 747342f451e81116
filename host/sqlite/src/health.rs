//! Tells whether the database can be written, by writing it, and how much waits in it.

use crate::messages::to_optional_time;
use crate::schema::OWNER;
use rbm_gateway::store::Health;
use rusqlite::Connection;

/// Writes what is there already: `SQLite` puts a header's page into the log even so.
pub(crate) fn look(database: &Connection) -> rusqlite::Result<Health> {
    database.pragma_update(None, "application_id", OWNER)?;
    let waiting = "SELECT count(*), min(next_at) FROM message WHERE next_at IS NOT NULL";
    let (waiting, oldest_due) = database
        .prepare_cached(waiting)?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), to_optional_time(row, 1)?)))?;
    let quarantined = "SELECT count(*) FROM quarantine";
    let quarantined = database.prepare_cached(quarantined)?.query_row([], |row| row.get::<_, i64>(0))?.unsigned_abs();
    Ok(Health { waiting, oldest_due, quarantined })
}

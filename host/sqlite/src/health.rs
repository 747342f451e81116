//! Tells whether the database can be written, by writing it, and how much waits in it.

use crate::messages::next_due;
use crate::schema::OWNER;
use rbm_gateway::store::Health;
use rusqlite::Connection;

/// Writes what is there already: SQLite puts a header's page into the log even so.
pub(crate) fn look(database: &Connection) -> rusqlite::Result<Health> {
    database.pragma_update(None, "application_id", OWNER)?;
    let count = |sql: &str| database.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
    Ok(Health {
        waiting: count("SELECT count(*) FROM message WHERE next_at IS NOT NULL")?.unsigned_abs(),
        oldest_due: next_due(database)?,
        quarantined: count("SELECT count(*) FROM quarantine")?.unsigned_abs(),
    })
}

//! Tells whether the database can be written, by writing it, and how much waits in it.

use crate::messages::to_optional_time;
use crate::schema::OWNER;
use jiff::Timestamp;
use rbm_gateway::store::Health;
use rusqlite::{Connection, Row};

/// Writes what is there already: `SQLite` puts a header's page into the log even so.
pub(crate) fn look(database: &Connection) -> rusqlite::Result<Health> {
    database.pragma_update(None, "application_id", OWNER)?;
    let waiting = "SELECT agent, count(*), min(next_at) FROM message WHERE next_at IS NOT NULL GROUP BY agent";
    let mut waiting = database.prepare_cached(waiting)?;
    let of_agent = |row: &Row<'_>| {
        Ok((
            row.get(0)?,
            row.get::<_, i64>(1)?.unsigned_abs(),
            to_optional_time(row, 2)?,
        ))
    };
    let of_agents = waiting
        .query_map([], of_agent)?
        .collect::<rusqlite::Result<Vec<(String, u64, Option<Timestamp>)>>>()?;
    let oldest_due = of_agents
        .iter()
        .filter_map(|(_, _, next_at)| *next_at)
        .min();
    let waiting = of_agents
        .into_iter()
        .map(|(agent, count, _)| (agent, count))
        .collect();
    let quarantined = "SELECT count(*) FROM quarantine";
    let quarantined = database
        .prepare_cached(quarantined)?
        .query_row([], |row| row.get::<_, i64>(0))?
        .unsigned_abs();
    Ok(Health {
        waiting,
        oldest_due,
        quarantined,
    })
}

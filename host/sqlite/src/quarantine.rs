//! Requests that were not believed: the newest thousand.

use crate::messages::{time, to_time};
use rbm_gateway::store::{QUARANTINE_LENGTH, Quarantined};
use rusqlite::{Connection, Row, params};

pub(crate) fn keep(database: &Connection, refused: &Quarantined) -> rusqlite::Result<()> {
    let Quarantined { at, path, rule, reason, body } = refused;
    let insert = "INSERT INTO quarantine (at, path, rule, reason, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    database.prepare_cached(insert)?.execute(params![time(*at), path, rule, reason, body])?;
    let oldest = database.last_insert_rowid() - i64::try_from(QUARANTINE_LENGTH).unwrap_or(i64::MAX);
    database.prepare_cached("DELETE FROM quarantine WHERE n <= ?1")?.execute([oldest])?;
    Ok(())
}

pub(crate) fn all(database: &Connection) -> rusqlite::Result<Vec<Quarantined>> {
    let mut select = database.prepare_cached("SELECT at, path, rule, reason, body FROM quarantine ORDER BY n")?;
    select.query_map([], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Quarantined> {
    Ok(Quarantined {
        at: to_time(row, 0)?,
        path: row.get(1)?,
        rule: row.get(2)?,
        reason: row.get(3)?,
        body: row.get(4)?,
    })
}

//! Removes all that is kept about a person, and the bytes of it: what is deleted is overwritten, the log is emptied, and the
//! copies from before a new schema go, whoever else is in them. What is to be removed is searched for beside the writer.

use crate::directory::Directory;
use crate::messages::hash;
use crate::readers::Readers;
use crate::writer::Writer;
use crate::{connection, events, problem, pruning, seen};
use rbm_gateway::store::StoreProblem;
use rbm_gateway::store::retention::{Erased, digits_to_find};
use rusqlite::{Connection, ToSql, params};
use std::path::{Path, PathBuf};
use tokio::task::spawn_blocking;

pub(crate) async fn erase(
    writer: &Writer,
    readers: &Readers,
    directory: &Directory,
    phone: &str,
) -> Result<Erased, StoreProblem> {
    let mut erased = Erased::default();
    seen::settle_by_parts(writer).await?;
    loop {
        let person = phone.to_owned();
        let found = readers
            .read(move |database| Found::search(database, &person))
            .await?;
        if found.is_empty() {
            break;
        }
        let removed = writer.write(move |database| found.remove(database)).await?;
        erased.messages += removed.messages;
        erased.events += removed.events;
        erased.orphans += removed.orphans;
        erased.quarantined += removed.quarantined;
        erased.testers += removed.testers;
    }
    let (database, copies) = (directory.database(), directory.copies());
    let tidied = spawn_blocking(move || tidy(&database, &copies)).await;
    tidied.map_err(|failed| StoreProblem(format!("the erasure broke off: {failed}")))??;
    Ok(erased)
}

/// Some of it, by its places.
struct Found {
    messages: Vec<i64>,
    events: Vec<i64>,
    orphans: Vec<i64>,
    quarantined: Vec<i64>,
    testers: Vec<i64>,
}

impl Found {
    fn search(database: &Connection, phone: &str) -> rusqlite::Result<Self> {
        let digits = digits_to_find(phone).map(str::as_bytes);
        Ok(Self {
            messages: places(
                database,
                "SELECT n FROM message WHERE recipient = ?1 LIMIT ?2",
                &phone,
            )?,
            events: places(
                database,
                "SELECT place FROM event WHERE phone = ?1 LIMIT ?2",
                &phone,
            )?,
            orphans: places(
                database,
                "SELECT n FROM orphan WHERE person = ?1 LIMIT ?2",
                &hash(&[phone]),
            )?,
            quarantined: places(database, QUARANTINED, &digits)?,
            testers: places(
                database,
                "SELECT n FROM tester WHERE phone = ?1 LIMIT ?2",
                &phone,
            )?,
        })
    }

    fn is_empty(&self) -> bool {
        let all = [
            &self.messages,
            &self.events,
            &self.orphans,
            &self.quarantined,
            &self.testers,
        ];
        all.iter().all(|places| places.is_empty())
    }

    fn remove(&self, database: &Connection) -> rusqlite::Result<Erased> {
        events::prepare_to_delete(database)?;
        self.messages
            .iter()
            .try_for_each(|n| pruning::delete_message(database, *n))?;
        Ok(Erased {
            messages: self.messages.len() as u64,
            events: delete(database, "DELETE FROM event WHERE place = ?1", &self.events)?,
            orphans: delete(database, "DELETE FROM orphan WHERE n = ?1", &self.orphans)?,
            quarantined: delete(
                database,
                "DELETE FROM quarantine WHERE n = ?1",
                &self.quarantined,
            )?,
            testers: delete(database, "DELETE FROM tester WHERE n = ?1", &self.testers)?,
        })
    }
}

fn places(database: &Connection, sql: &str, what: &dyn ToSql) -> rusqlite::Result<Vec<i64>> {
    database
        .prepare_cached(sql)?
        .query_map(params![what, AT_ONCE], |row| row.get(0))?
        .collect()
}

fn delete(database: &Connection, sql: &str, places: &[i64]) -> rusqlite::Result<u64> {
    let mut delete = database.prepare_cached(sql)?;
    places.iter().try_fold(0, |removed, place| {
        Ok(removed + delete.execute([place])? as u64)
    })
}

fn tidy(database: &Path, copies: &[PathBuf]) -> Result<(), StoreProblem> {
    for copy in copies {
        let removed = std::fs::remove_file(copy);
        removed.map_err(|failed| {
            StoreProblem(format!("{} is not removed: {failed}", copy.display()))
        })?;
    }
    connection::move_log(database).map_err(|failed| problem(&failed))
}

/// Bodies that are encoded in some way are not found.
const QUARANTINED: &str = "SELECT n FROM quarantine WHERE instr(body, ?1) > 0
    OR instr(CAST(path AS BLOB), ?1) > 0 OR instr(CAST(reason AS BLOB), ?1) > 0 LIMIT ?2";
const AT_ONCE: i64 = 500;

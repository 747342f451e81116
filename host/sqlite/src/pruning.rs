//! Removes what is too old, so much at a time that no write waits long for it. Each kind is found by an index, or in the order
//! in which it was kept; what is not too old is not read.

use crate::events;
use crate::messages::time;
use jiff::Timestamp;
use rbm_gateway::store::retention::{Pruned, Retention, days_before};
use rusqlite::{Connection, ToSql, params};

/// Up to [`AT_ONCE`] of each kind.
pub(crate) fn prune(
    database: &Connection,
    now: Timestamp,
    retention: &Retention,
) -> rusqlite::Result<Pruned> {
    events::prepare_to_delete(database)?;
    let before = |days| time(days_before(now, days));
    let delete = |sql: &str, before: i64| delete(database, sql, &[&before, &AT_ONCE]);
    let pruned = Pruned {
        dedupe: delete(SEEN, before(retention.dedupe.days()))?,
        messages: messages(database, before(retention.messages_days))?,
        events: old_events(database, before(retention.events_days), retention)?,
        orphans: delete(ORPHANS, before(retention.orphans_days))?,
        quarantined: delete(QUARANTINED, before(retention.quarantine_days))?,
        uploads: delete(UPLOADS, time(now))?,
        more: false,
    };
    let Pruned {
        dedupe,
        messages,
        events,
        orphans,
        quarantined,
        uploads,
        ..
    } = pruned;
    let most = [dedupe, messages, events, orphans, quarantined, uploads]
        .into_iter()
        .max();
    Ok(Pruned {
        more: most >= Some(AT_ONCE.unsigned_abs()),
        ..pruned
    })
}

/// A message with all that hangs on it.
pub(crate) fn delete_message(database: &Connection, n: i64) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM entry WHERE message = ?1",
        "DELETE FROM message_body WHERE n = ?1",
        "DELETE FROM message WHERE n = ?1",
    ] {
        database.prepare_cached(sql)?.execute([n])?;
    }
    Ok(())
}

fn messages(database: &Connection, before: i64) -> rusqlite::Result<u64> {
    let old: Vec<i64> = places(database, MESSAGES, before)?;
    old.iter().try_for_each(|n| delete_message(database, *n))?;
    Ok(old.len() as u64)
}

/// From the first on, and up to the first that is to stay: readers miss none in between.
fn old_events(database: &Connection, before: i64, retention: &Retention) -> rusqlite::Result<u64> {
    let last = retention.keep_events_after.map_or(i64::MAX, |cursor| {
        i64::try_from(cursor.0).unwrap_or(i64::MAX)
    });
    let mut oldest = database.prepare_cached(EVENTS)?;
    let mut removed = 0;
    let mut up_to = 0;
    for event in oldest.query_map([last, AT_ONCE], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })? {
        let (place, received_at) = event?;
        if received_at >= before {
            break;
        }
        (removed, up_to) = (removed + 1, place);
    }
    database
        .prepare_cached("DELETE FROM event WHERE place <= ?1")?
        .execute([up_to])?;
    events::note_pruned(database, up_to)?;
    Ok(removed)
}

fn places(database: &Connection, sql: &str, before: i64) -> rusqlite::Result<Vec<i64>> {
    database
        .prepare_cached(sql)?
        .query_map(params![before, AT_ONCE], |row| row.get(0))?
        .collect()
}

fn delete(database: &Connection, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<u64> {
    Ok(database.prepare_cached(sql)?.execute(values)? as u64)
}

const SEEN: &str = "DELETE FROM seen WHERE h IN (SELECT h FROM seen WHERE received_at < ?1 ORDER BY received_at LIMIT ?2)";
const ORPHANS: &str = "DELETE FROM orphan WHERE n IN (SELECT n FROM orphan WHERE received_at < ?1 ORDER BY received_at LIMIT ?2)";
const UPLOADS: &str = "DELETE FROM upload WHERE n IN (SELECT n FROM upload WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
/// A thousand at most, read as a whole.
const QUARANTINED: &str =
    "DELETE FROM quarantine WHERE n IN (SELECT n FROM quarantine WHERE at < ?1 LIMIT ?2)";
const EVENTS: &str =
    "SELECT place, received_at FROM event WHERE place <= ?1 ORDER BY place LIMIT ?2";
/// The index holds only what is not tried again.
const MESSAGES: &str = "SELECT n FROM message
    WHERE next_at IS NULL AND accepted_at < ?1 AND state NOT IN ('queued', 'sending', 'unknown')
    AND NOT EXISTS (SELECT 1 FROM entry WHERE message = message.n AND at >= ?1)
    ORDER BY accepted_at LIMIT ?2";
/// Some milliseconds' work.
const AT_ONCE: i64 = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{self, Durability};
    use crate::schema;
    use tempfile::TempDir;

    #[test]
    fn what_is_too_old_is_found_without_reading_the_rest() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("gateway.db");
        let mut database = connection::open(&path, Durability::Full).expect("a database");
        schema::bring_up_to_date(&mut database, &path).expect("tables");
        for (sql, index) in [
            (SEEN, "USING COVERING INDEX seen_age (received_at<?)"),
            (ORPHANS, "USING COVERING INDEX orphan_age (received_at<?)"),
            (UPLOADS, "USING COVERING INDEX upload_expiry (expires_at<?)"),
            (EVENTS, "USING INTEGER PRIMARY KEY (rowid<?)"),
            (MESSAGES, "USING INDEX message_age (accepted_at<?)"),
        ] {
            let mut explained = database
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .expect("a plan");
            let plan = explained
                .query_map([0, 0], |row| row.get::<_, String>(3))
                .expect("lines");
            let plan: String = plan.map(|line| line.expect("a line") + "\n").collect();
            assert!(plan.contains(index), "{plan}");
            assert!(
                !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
                "{plan}"
            );
        }
    }
}

//! How far consumers of events have got, and what is owed to them.
//!
//! Indexes are named where the planner, which knows nothing of how many rows there are, would look at all of a consumer's.

use crate::SqliteStore;
use crate::events::{self, stored};
use crate::messages::{time, to_optional_time, to_time};
use async_trait::async_trait;
use jiff::Timestamp;
use rbm_gateway::store::consumer::{
    Change, Consumer, Consumers, DeadLetter, Delivery, Disabled, Progress,
};
use rbm_gateway::store::{Cursor, StoreProblem, StoredEvent};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::collections::HashSet;

#[async_trait]
impl Consumers for SqliteStore {
    async fn begin(&self, name: &str, since: Timestamp) -> Result<(), StoreProblem> {
        let name = name.to_owned();
        // An earlier version knew a consumer only once something had been delivered to it.
        let since = if self.is_upgraded {
            Timestamp::MIN
        } else {
            since
        };
        self.writer
            .write(move |database| begin(database, &name, since))
            .await
    }

    async fn consumer(&self, name: &str) -> Result<Consumer, StoreProblem> {
        let name = name.to_owned();
        self.readers
            .read(move |database| consumer(database, &name))
            .await
    }

    async fn progress(
        &self,
        name: &str,
        now: Timestamp,
        made: Progress,
    ) -> Result<(), StoreProblem> {
        let name = name.to_owned();
        self.writer
            .write(move |database| progress(database, &name, now, &made))
            .await
    }

    async fn due(
        &self,
        name: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<(Delivery, Option<StoredEvent>)>, StoreProblem> {
        let name = name.to_owned();
        self.readers
            .read(move |database| due(database, &name, now, most))
            .await
    }

    async fn owing(
        &self,
        name: &str,
        conversations: HashSet<String>,
    ) -> Result<HashSet<String>, StoreProblem> {
        let name = name.to_owned();
        self.readers
            .read(move |database| owing(database, &name, conversations))
            .await
    }

    async fn enable(&self, name: &str, now: Timestamp) -> Result<(), StoreProblem> {
        let name = name.to_owned();
        self.writer
            .write(move |database| enable(database, &name, now))
            .await
    }

    async fn dead_letters(
        &self,
        name: &str,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<DeadLetter>, StoreProblem> {
        let name = name.to_owned();
        self.readers
            .read(move |database| dead_letters(database, &name, after, most))
            .await
    }

    async fn replay(
        &self,
        name: &str,
        only: Option<Cursor>,
        now: Timestamp,
    ) -> Result<u64, StoreProblem> {
        let name = name.to_owned();
        self.writer
            .write(move |database| replay(database, &name, only, now))
            .await
    }

    async fn newest(&self) -> Result<Option<Cursor>, StoreProblem> {
        self.readers.read(newest).await
    }

    async fn pruned(&self) -> Result<Option<Cursor>, StoreProblem> {
        self.readers.read(events::pruned).await
    }
}

fn begin(database: &Connection, name: &str, since: Timestamp) -> rusqlite::Result<()> {
    let insert = "INSERT INTO consumer (name, after)
        SELECT ?1, (SELECT place FROM event WHERE received_at < ?2 ORDER BY place DESC LIMIT 1)
        WHERE NOT EXISTS (SELECT 1 FROM consumer WHERE name = ?1)";
    database
        .prepare_cached(insert)?
        .execute(params![name, time(since)])
        .map(drop)
}

fn consumer(database: &Connection, name: &str) -> rusqlite::Result<Consumer> {
    let select = "SELECT after, disabled_at, disabled_reason,
            (SELECT count(*) FROM delivery INDEXED BY delivery_owed WHERE consumer = n AND dead_at IS NULL),
            (SELECT min(place) FROM delivery INDEXED BY delivery_owed WHERE consumer = n AND dead_at IS NULL),
            (SELECT count(*) FROM delivery INDEXED BY delivery_dead WHERE consumer = n AND dead_at IS NOT NULL)
        FROM consumer WHERE name = ?1";
    let found = database.prepare_cached(select)?.query_row([name], |row| {
        Ok(Consumer {
            after: to_cursor(row, 0)?,
            disabled: to_disabled(row, 1)?,
            owed: row.get::<_, i64>(3)?.unsigned_abs(),
            oldest_owed: to_cursor(row, 4)?,
            dead: row.get::<_, i64>(5)?.unsigned_abs(),
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

fn progress(
    database: &Connection,
    name: &str,
    now: Timestamp,
    progress: &Progress,
) -> rusqlite::Result<()> {
    let n = number(database, name)?;
    if let Some(after) = progress.after {
        let update = "UPDATE consumer SET after = max(coalesce(after, 0), ?2) WHERE n = ?1";
        database
            .prepare_cached(update)?
            .execute(params![n, place(after)])?;
    }
    if let Some(Disabled { at, reason }) = &progress.disabled {
        let update = "UPDATE consumer SET disabled_at = ?2, disabled_reason = ?3 WHERE n = ?1";
        database
            .prepare_cached(update)?
            .execute(params![n, time(*at), reason])?;
    }
    let mut touched = HashSet::new();
    for made in &progress.changes {
        touched.extend(change(database, n, made)?);
    }
    touched
        .iter()
        .try_for_each(|conversation| wake(database, n, conversation, now))
}

/// The consumer's, which is made where there is none.
pub(crate) fn number(database: &Connection, name: &str) -> rusqlite::Result<i64> {
    let select = "SELECT n FROM consumer WHERE name = ?1";
    if let Some(n) = database
        .prepare_cached(select)?
        .query_row([name], |row| row.get(0))
        .optional()?
    {
        return Ok(n);
    }
    database
        .prepare_cached("INSERT INTO consumer (name) VALUES (?1)")?
        .execute([name])?;
    Ok(database.last_insert_rowid())
}

/// The conversation that it is about, if any.
pub(crate) fn change(
    database: &Connection,
    n: i64,
    change: &Change,
) -> rusqlite::Result<Option<String>> {
    match change {
        Change::Taken(cursor) => {
            let delete =
                "DELETE FROM delivery WHERE consumer = ?1 AND place = ?2 RETURNING conversation";
            let gone = database
                .prepare_cached(delete)?
                .query_row([n, place(*cursor)], |row| row.get(0))
                .optional();
            Ok(gone?.flatten())
        }
        Change::Owed(Delivery {
            cursor,
            conversation,
            attempts,
            reason,
            next_at,
        }) => {
            let put = "INSERT OR REPLACE INTO delivery (consumer, place, conversation, attempts, reason, next_at)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let row = params![
                n,
                place(*cursor),
                conversation,
                attempts,
                reason,
                next_at.map(time)
            ];
            database.prepare_cached(put)?.execute(row)?;
            Ok(conversation.clone())
        }
        Change::Dead {
            cursor,
            attempts,
            at,
            reason,
        } => {
            let put = "INSERT INTO delivery (consumer, place, attempts, reason, dead_at) VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT DO UPDATE SET attempts = ?3, reason = ?4, dead_at = ?5, next_at = NULL
                RETURNING conversation";
            let row = params![n, place(*cursor), attempts, reason, time(*at)];
            database
                .prepare_cached(put)?
                .query_row(row, |row| row.get(0))
        }
    }
}

/// The first of a conversation waits for nothing.
fn wake(database: &Connection, n: i64, conversation: &str, now: Timestamp) -> rusqlite::Result<()> {
    let update =
        "UPDATE delivery SET next_at = ?3 WHERE consumer = ?1 AND next_at IS NULL AND place =
        (SELECT min(place) FROM delivery INDEXED BY delivery_conversation
            WHERE consumer = ?1 AND conversation = ?2 AND dead_at IS NULL)";
    database
        .prepare_cached(update)?
        .execute(params![n, conversation, time(now)])?;
    Ok(())
}

fn due(
    database: &Connection,
    name: &str,
    now: Timestamp,
    most: usize,
) -> rusqlite::Result<Vec<(Delivery, Option<StoredEvent>)>> {
    let select = format!(
        "{EVENT}, delivery.place, conversation, attempts, delivery.reason, next_at FROM delivery
        LEFT JOIN event ON event.place = delivery.place
        WHERE consumer = (SELECT n FROM consumer WHERE name = ?1) AND next_at <= ?2
        ORDER BY next_at, delivery.place LIMIT ?3"
    );
    let delivery = |row: &Row<'_>| {
        let delivery = Delivery {
            cursor: Cursor(row.get::<_, i64>(6)?.unsigned_abs()),
            conversation: row.get(7)?,
            attempts: row.get(8)?,
            reason: row.get(9)?,
            next_at: to_optional_time(row, 10)?,
        };
        Ok((delivery, optional_event(row)?))
    };
    database
        .prepare_cached(&select)?
        .query_map(params![name, time(now), limit(most)], delivery)?
        .collect()
}

fn owing(
    database: &Connection,
    name: &str,
    asked: HashSet<String>,
) -> rusqlite::Result<HashSet<String>> {
    let select = "SELECT 1 FROM delivery INDEXED BY delivery_conversation
        WHERE consumer = (SELECT n FROM consumer WHERE name = ?1) AND conversation = ?2 AND dead_at IS NULL";
    let mut select = database.prepare_cached(select)?;
    let mut owing = HashSet::new();
    for conversation in asked {
        if select.exists([name, &conversation])? {
            owing.insert(conversation);
        }
    }
    Ok(owing)
}

fn enable(database: &Connection, name: &str, now: Timestamp) -> rusqlite::Result<()> {
    let n = number(database, name)?;
    let update = "UPDATE consumer SET disabled_at = NULL, disabled_reason = NULL WHERE n = ?1";
    database.prepare_cached(update)?.execute([n])?;
    let update = "UPDATE delivery SET next_at = ?2 WHERE consumer = ?1 AND next_at IS NOT NULL";
    database.prepare_cached(update)?.execute([n, time(now)])?;
    Ok(())
}

fn dead_letters(
    database: &Connection,
    name: &str,
    after: Option<Cursor>,
    most: usize,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let select = format!(
        "{EVENT}, delivery.place, attempts, dead_at, delivery.reason FROM delivery
        LEFT JOIN event ON event.place = delivery.place
        WHERE consumer = (SELECT n FROM consumer WHERE name = ?1) AND dead_at IS NOT NULL AND delivery.place > ?2
        ORDER BY delivery.place LIMIT ?3"
    );
    let letter = |row: &Row<'_>| {
        Ok(DeadLetter {
            cursor: Cursor(row.get::<_, i64>(6)?.unsigned_abs()),
            attempts: row.get(7)?,
            at: to_time(row, 8)?,
            reason: row.get(9)?,
            event: optional_event(row)?,
        })
    };
    let after = after.map_or(0, place);
    database
        .prepare_cached(&select)?
        .query_map(params![name, after, limit(most)], letter)?
        .collect()
}

fn replay(
    database: &Connection,
    name: &str,
    only: Option<Cursor>,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let update =
        "UPDATE delivery SET dead_at = NULL, next_at = ?3, attempts = 0, conversation = NULL
        WHERE consumer = ?1 AND dead_at IS NOT NULL AND (?2 IS NULL OR place = ?2)";
    let row = params![number(database, name)?, only.map(place), time(now)];
    Ok(database.prepare_cached(update)?.execute(row)? as u64)
}

/// Also when the events themselves are forgotten.
pub(crate) fn newest(database: &Connection) -> rusqlite::Result<Option<Cursor>> {
    let newest = events::newest(database)?.unsigned_abs();
    Ok((newest > 0).then_some(Cursor(newest)))
}

fn optional_event(row: &Row<'_>) -> rusqlite::Result<Option<StoredEvent>> {
    row.get::<_, Option<i64>>(0)?
        .map(|_| stored(row))
        .transpose()
}

pub(crate) fn to_cursor(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Cursor>> {
    Ok(row
        .get::<_, Option<i64>>(column)?
        .map(|place| Cursor(place.unsigned_abs())))
}

/// From this column and the next.
pub(crate) fn to_disabled(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Disabled>> {
    let reason: Option<String> = row.get(column + 1)?;
    Ok(to_optional_time(row, column)?
        .zip(reason)
        .map(|(at, reason)| Disabled { at, reason }))
}

pub(crate) fn place(cursor: Cursor) -> i64 {
    i64::try_from(cursor.0).unwrap_or(i64::MAX)
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// The columns that [`stored`] reads.
const EVENT: &str =
    "SELECT event.place, event.agent, event.received_at, event.inbound, event.raw, event.sum";

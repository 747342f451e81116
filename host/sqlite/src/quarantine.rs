//! Requests that were put aside: the newest thousand.

use crate::SqliteStore;
use crate::messages::{json, json_problem, time, to_time};
use async_trait::async_trait;
use gateway_channel::Header;
use rbm_gateway::store::StoreProblem;
use rbm_gateway::store::quarantine::{
    EXCERPT_BYTES, QUARANTINE_LENGTH, Quarantine, QuarantineId, Quarantined, StoredQuarantined,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

#[async_trait]
impl Quarantine for SqliteStore {
    async fn quarantine(&self, refused: Quarantined) -> Result<(), StoreProblem> {
        self.writer
            .write(move |database| keep(database, &refused))
            .await
    }

    async fn quarantined(
        &self,
        after: Option<QuarantineId>,
        most: usize,
    ) -> Result<Vec<StoredQuarantined>, StoreProblem> {
        self.readers
            .read(move |database| list(database, after, most))
            .await
    }

    async fn quarantined_one(
        &self,
        id: QuarantineId,
    ) -> Result<Option<StoredQuarantined>, StoreProblem> {
        self.readers.read(move |database| find(database, id)).await
    }

    async fn release(&self, id: QuarantineId) -> Result<bool, StoreProblem> {
        self.writer
            .write(move |database| release(database, id))
            .await
    }
}

fn keep(database: &Connection, refused: &Quarantined) -> rusqlite::Result<()> {
    insert(database, None, refused)?;
    let oldest =
        database.last_insert_rowid() - i64::try_from(QUARANTINE_LENGTH).unwrap_or(i64::MAX);
    database
        .prepare_cached("DELETE FROM quarantine WHERE n <= ?1")?
        .execute([oldest])?;
    Ok(())
}

/// Under its name, or the next.
pub(crate) fn insert(
    database: &Connection,
    n: Option<i64>,
    refused: &Quarantined,
) -> rusqlite::Result<()> {
    let Quarantined {
        at,
        path,
        rule,
        reason,
        headers,
        body,
        body_bytes,
    } = refused;
    let pairs = headers.as_ref().map(|headers| {
        headers
            .iter()
            .map(|it| (&it.name, &it.value))
            .collect::<Vec<_>>()
    });
    let headers = pairs
        .as_ref()
        .map(serde_json::to_string)
        .transpose()
        .map_err(json_problem)?;
    let insert = "INSERT INTO quarantine (n, at, path, rule, reason, headers, body, body_bytes)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let body_bytes = i64::try_from(*body_bytes).unwrap_or(i64::MAX);
    database.prepare_cached(insert)?.execute(params![
        n,
        time(*at),
        path,
        rule,
        reason,
        headers,
        body,
        body_bytes
    ])?;
    Ok(())
}

fn list(
    database: &Connection,
    after: Option<QuarantineId>,
    most: usize,
) -> rusqlite::Result<Vec<StoredQuarantined>> {
    // A body may have a megabyte, and only its beginning is read.
    let select =
        "SELECT n, at, path, rule, reason, NULL, coalesce(substr(body, 1, ?3), x''), body_bytes,
            headers IS NOT NULL AND length(body) = body_bytes
        FROM quarantine WHERE n < ?1 ORDER BY n DESC LIMIT ?2";
    let (before, most) = (
        after.map_or(i64::MAX, number),
        i64::try_from(most).unwrap_or(i64::MAX),
    );
    let excerpt = i64::try_from(EXCERPT_BYTES).unwrap_or(i64::MAX);
    database
        .prepare_cached(select)?
        .query_map([before, most, excerpt], read)?
        .collect()
}

fn find(database: &Connection, id: QuarantineId) -> rusqlite::Result<Option<StoredQuarantined>> {
    let select = "SELECT n, at, path, rule, reason, headers, body, body_bytes,
            headers IS NOT NULL AND length(body) = body_bytes
        FROM quarantine WHERE n = ?1";
    database
        .prepare_cached(select)?
        .query_row([number(id)], read)
        .optional()
}

fn release(database: &Connection, id: QuarantineId) -> rusqlite::Result<bool> {
    Ok(database
        .prepare_cached("DELETE FROM quarantine WHERE n = ?1")?
        .execute([number(id)])?
        > 0)
}

/// From the columns of a request, and whether it is whole.
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<StoredQuarantined> {
    let headers = match row.get_ref(5)? {
        ValueRef::Null => None,
        _ => Some(json::<Vec<(String, String)>>(row, 5)?),
    };
    let header = |(name, value)| Header { name, value };
    let request = Quarantined {
        at: to_time(row, 1)?,
        path: row.get(2)?,
        rule: row.get(3)?,
        reason: row.get(4)?,
        headers: headers.map(|pairs| pairs.into_iter().map(header).collect()),
        body: row.get(6)?,
        body_bytes: row.get::<_, i64>(7)?.unsigned_abs(),
    };
    Ok(StoredQuarantined {
        id: QuarantineId(row.get::<_, i64>(0)?.unsigned_abs()),
        is_whole: row.get(8)?,
        request,
    })
}

pub(crate) fn number(id: QuarantineId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

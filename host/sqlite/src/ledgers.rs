//! What is kept beside messages and events: the names of files, and who was invited to be a tester.

use crate::messages::{time, to_optional_time, to_time};
use jiff::Timestamp;
use rbm_gateway::store::Upload;
use rbm_gateway::store::tester::{Counted, NewTester, StoredTester, TesterQuota};
use rusqlite::{Connection, Row, params};

pub(crate) fn keep_upload(database: &Connection, upload: &Upload) -> rusqlite::Result<()> {
    let Upload {
        agent,
        name,
        what,
        at,
        expires_at,
    } = upload;
    let insert =
        "INSERT INTO upload (agent, name, what, at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    database.prepare_cached(insert)?.execute(params![
        agent,
        name,
        what,
        time(*at),
        expires_at.map(time)
    ])?;
    Ok(())
}

pub(crate) fn uploads(
    database: &Connection,
    agent: &str,
    now: Timestamp,
) -> rusqlite::Result<Vec<Upload>> {
    let select = "SELECT agent, name, what, at, expires_at FROM upload
        WHERE agent = ?1 AND (expires_at IS NULL OR expires_at > ?2) ORDER BY n DESC";
    database
        .prepare_cached(select)?
        .query_map(params![agent, time(now)], upload)?
        .collect()
}

/// From the columns of a file.
pub(crate) fn upload(row: &Row<'_>) -> rusqlite::Result<Upload> {
    let (at, expires_at) = (to_time(row, 3)?, to_optional_time(row, 4)?);
    Ok(Upload {
        agent: row.get(0)?,
        name: row.get(1)?,
        what: row.get(2)?,
        at,
        expires_at,
    })
}

pub(crate) fn count_tester(
    database: &Connection,
    tester: &NewTester,
    quota: TesterQuota,
) -> rusqlite::Result<Counted> {
    let NewTester { agent, phone, at } = tester;
    let known = "SELECT 1 FROM tester WHERE agent = ?1 AND phone = ?2";
    if database
        .prepare_cached(known)?
        .exists(params![agent, phone])?
    {
        return Ok(Counted::Known);
    }
    let mut times = database.prepare_cached("SELECT invited_at FROM tester WHERE agent = ?1")?;
    let times = times
        .query_map([agent], |row| to_time(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    let counted = quota.allows(times, *at);
    if counted == Counted::New {
        let insert = "INSERT INTO tester (agent, phone, invited_at) VALUES (?1, ?2, ?3)";
        database
            .prepare_cached(insert)?
            .execute(params![agent, phone, time(*at)])?;
    }
    Ok(counted)
}

pub(crate) fn settle_tester(
    database: &Connection,
    agent: &str,
    phone: &str,
    answer: Option<&str>,
) -> rusqlite::Result<()> {
    match answer {
        Some(answer) => {
            let update = "UPDATE tester SET answer = ?3 WHERE agent = ?1 AND phone = ?2";
            database
                .prepare_cached(update)?
                .execute(params![agent, phone, answer])?;
        }
        None => {
            let delete = "DELETE FROM tester WHERE agent = ?1 AND phone = ?2";
            database
                .prepare_cached(delete)?
                .execute(params![agent, phone])?;
        }
    }
    Ok(())
}

pub(crate) fn testers(database: &Connection, agent: &str) -> rusqlite::Result<Vec<StoredTester>> {
    let select = "SELECT phone, invited_at, answer FROM tester WHERE agent = ?1 ORDER BY n DESC";
    let tester = |row: &Row<'_>| {
        Ok(StoredTester {
            phone: row.get(0)?,
            invited_at: to_time(row, 1)?,
            answer: row.get(2)?,
        })
    };
    database
        .prepare_cached(select)?
        .query_map([agent], tester)?
        .collect()
}

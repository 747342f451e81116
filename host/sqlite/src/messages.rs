//! Messages: read as records, changed by the gateway's own rules, and written back.

use crate::events::adopt;
use jiff::Timestamp;
use rbm_gateway::lifecycle::{Fact, Facts};
use rbm_gateway::store::record::Record;
use rbm_gateway::store::{Accepted, Claimed, Entry, Filter, NewMessage, StoreProblem, StoredMessage};
use rusqlite::types::{ToSql, Type};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Error as JsonError;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::time::Duration;

pub(crate) fn accept(database: &Connection, new: &NewMessage) -> rusqlite::Result<Accepted> {
    if let Some((_, record)) = load(database, &new.message.id)? {
        let same = record.stored.body_hash == new.body_hash;
        return Ok(if same { Accepted::Same(record.stored.facts.state()) } else { Accepted::Conflict });
    }
    let (id, recipient) = (&new.message.id, &new.message.recipient);
    let mut record = Record::new(new.clone());
    for entry in adopt(database, &new.agent, recipient, id)? {
        record.add(entry);
    }
    let insert = "INSERT INTO message
        (h, id, agent, recipient, body_hash, accepted_at, expires_at, state, attempt, next_at, lent_until)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    database.prepare_cached(insert)?.execute(params![
        hash(&[id]),
        id,
        new.agent,
        recipient,
        new.body_hash,
        time(new.at),
        new.expires_at.map(time),
        record.stored.facts.state().as_str(),
        record.attempt,
        record.stored.next_at.map(time),
        record.lent_until.map(time),
    ])?;
    let n = database.last_insert_rowid();
    let body = serde_json::to_string(&new.message).map_err(json_problem)?;
    database.prepare_cached("INSERT INTO message_body (n, body) VALUES (?1, ?2)")?.execute(params![n, body])?;
    write_entries(database, n, 0, &record.stored.history)?;
    Ok(Accepted::New)
}

pub(crate) fn claim(
    database: &Connection,
    now: Timestamp,
    lease: Duration,
    most: usize,
) -> rusqlite::Result<Vec<Claimed>> {
    let due = format!("{SELECT} WHERE message.next_at <= ?1 ORDER BY message.next_at, message.n LIMIT ?2");
    let due = select(database, &due, &[&time(now), &i64::try_from(most).unwrap_or(i64::MAX)])?;
    let mut claimed = Vec::with_capacity(due.len());
    for (n, mut record) in due {
        let known = record.stored.history.len();
        claimed.push(record.lend(now, lease));
        store(database, n, &record, known)?;
    }
    Ok(claimed)
}

/// Changes a message by a rule, and writes what is new.
pub(crate) fn change<T>(
    database: &Connection,
    id: &str,
    change: impl FnOnce(&mut Record) -> T,
) -> rusqlite::Result<Result<T, StoreProblem>> {
    let Some((n, mut record)) = load(database, id)? else {
        return Ok(Err(StoreProblem(format!("there is no message {id}"))));
    };
    let known = record.stored.history.len();
    let result = change(&mut record);
    store(database, n, &record, known)?;
    Ok(Ok(result))
}

pub(crate) fn next_due(database: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let least = "SELECT next_at FROM message WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1";
    database.prepare_cached(least)?.query_row([], |row| to_time(row, 0)).optional()
}

pub(crate) fn find_one(database: &Connection, id: &str) -> rusqlite::Result<Option<StoredMessage>> {
    Ok(load(database, id)?.map(|(_, record)| record.stored))
}

/// Newest first, which is the order of `n` backwards.
pub(crate) fn find(database: &Connection, filter: &Filter) -> rusqlite::Result<Vec<StoredMessage>> {
    let mut sql = format!("{SELECT} WHERE true");
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut restrict = |condition: &str, value: Box<dyn ToSql>| {
        values.push(value);
        write!(sql, " AND {condition} ?{}", values.len()).expect("a string takes everything");
    };
    if let Some(id) = &filter.after {
        let n = database.query_row("SELECT n FROM message WHERE h = ?1", [hash(&[id])], |row| row.get::<_, i64>(0));
        let Some(n) = n.optional()? else { return Ok(Vec::new()) };
        restrict("message.n <", Box::new(n));
    }
    if let Some(agent) = &filter.agent {
        restrict("message.agent =", Box::new(agent.clone()));
    }
    if let Some(recipient) = &filter.recipient {
        restrict("message.recipient =", Box::new(recipient.clone()));
    }
    if let Some(state) = filter.state {
        restrict("message.state =", Box::new(state.as_str()));
    }
    values.push(Box::new(i64::try_from(filter.most).unwrap_or(i64::MAX)));
    write!(sql, " ORDER BY message.n DESC LIMIT ?{}", values.len()).expect("a string takes everything");
    let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
    Ok(select(database, &sql, &values)?.into_iter().map(|(_, record)| record.stored).collect())
}

fn load(database: &Connection, id: &str) -> rusqlite::Result<Option<(i64, Record)>> {
    let one = format!("{SELECT} WHERE message.h = ?1");
    Ok(select(database, &one, &[&hash(&[id])])?.pop())
}

fn select(database: &Connection, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<Vec<(i64, Record)>> {
    let mut found: Vec<(i64, Record)> =
        database.prepare_cached(sql)?.query_map(values, record)?.collect::<Result<_, _>>()?;
    for (n, record) in &mut found {
        let history = "SELECT at, fact, attempt, reason FROM entry WHERE message = ?1 ORDER BY place";
        let mut history = database.prepare_cached(history)?;
        for entry in history.query_map([*n], entry)? {
            let entry = entry?;
            record.stored.facts.add(entry.fact, entry.at);
            record.stored.history.push(entry);
        }
    }
    Ok(found)
}

fn record(row: &Row<'_>) -> rusqlite::Result<(i64, Record)> {
    let stored = StoredMessage {
        agent: row.get(1)?,
        body_hash: row.get(2)?,
        accepted_at: to_time(row, 3)?,
        next_at: to_optional_time(row, 6)?,
        message: json(row, 8)?,
        facts: Facts::default(),
        history: Vec::new(),
    };
    let (expires_at, lent_until) = (to_optional_time(row, 4)?, to_optional_time(row, 7)?);
    Ok((row.get(0)?, Record { stored, attempt: row.get(5)?, lent_until, expires_at }))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry { at: to_time(row, 0)?, fact: to_fact(row, 1)?, attempt: row.get(2)?, reason: row.get(3)? })
}

/// What a rule may have changed: of the history, what comes after what was known.
fn store(database: &Connection, n: i64, record: &Record, known: usize) -> rusqlite::Result<()> {
    let update = "UPDATE message SET state = ?2, attempt = ?3, next_at = ?4, lent_until = ?5 WHERE n = ?1";
    database.prepare_cached(update)?.execute(params![
        n,
        record.stored.facts.state().as_str(),
        record.attempt,
        record.stored.next_at.map(time),
        record.lent_until.map(time),
    ])?;
    write_entries(database, n, known, &record.stored.history)
}

fn write_entries(database: &Connection, n: i64, known: usize, history: &[Entry]) -> rusqlite::Result<()> {
    let insert = "INSERT INTO entry (message, place, at, fact, attempt, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = database.prepare_cached(insert)?;
    for (place, entry) in (0_i64..).zip(history).skip(known) {
        insert.execute(params![n, place, time(entry.at), entry.fact.as_str(), entry.attempt, entry.reason])?;
    }
    Ok(())
}

/// Of parts that cannot run into each other.
pub(crate) fn hash(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

/// What is finer than a microsecond is cut off.
pub(crate) fn time(time: Timestamp) -> i64 {
    time.as_microsecond()
}

pub(crate) fn to_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|problem| unreadable(column, Type::Integer, problem))
}

pub(crate) fn to_optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(|_| to_time(row, column)).transpose()
}

pub(crate) fn to_fact(row: &Row<'_>, column: usize) -> rusqlite::Result<Fact> {
    let word: String = row.get(column)?;
    let unknown = || StoreProblem(format!("there is no fact {word:?}"));
    Fact::parse(&word).ok_or_else(|| unreadable(column, Type::Text, unknown()))
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|problem| unreadable(column, Type::Text, problem))
}

fn unreadable(column: usize, kind: Type, problem: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(problem))
}

pub(crate) fn json_problem(problem: JsonError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(problem))
}

const SELECT: &str = "SELECT message.n, agent, body_hash, accepted_at, expires_at, attempt, next_at, lent_until, body
    FROM message JOIN message_body ON message_body.n = message.n";

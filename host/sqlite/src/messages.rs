//! Messages: read as records, changed by the gateway's own rules, and written back.

use crate::consents;
use crate::events::{self, Packed, adopt};
use jiff::Timestamp;
use rbm_gateway::lifecycle::{Fact, Facts};
use rbm_gateway::store::consent::REFUSED_AT_ONCE;
use rbm_gateway::store::digest::digest;
use rbm_gateway::store::event::ReasonCode;
use rbm_gateway::store::lane::{Lane, Share, Urgency};
use rbm_gateway::store::record::{Record, Terms};
use rbm_gateway::store::{
    Accepted, Claimed, Claims, Entry, Filter, Holds, NewMessage, StoreProblem, StoredMessage,
};
use rusqlite::types::{ToSql, Type};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Error as JsonError;
use std::fmt::Write as _;
use std::time::Duration;

pub(crate) fn accept(database: &Connection, new: &NewMessage) -> rusqlite::Result<Accepted> {
    if let Some((_, record)) = load(database, &new.message.id)? {
        let same = record.stored.body_hash == new.body_hash;
        return Ok(if same {
            Accepted::Same(record.stored.facts.state())
        } else {
            Accepted::Conflict
        });
    }
    let mut record = Record::new(new.clone());
    for entry in adopt(
        database,
        &new.agent,
        &new.message.recipient,
        &new.message.id,
    )? {
        record.join(entry);
    }
    insert(database, &record)?;
    Ok(Accepted::New)
}

/// After all others.
pub(crate) fn insert(database: &Connection, record: &Record) -> rusqlite::Result<()> {
    let Record {
        stored,
        attempt,
        lent_until,
        ends_at,
        ..
    } = record;
    let (id, recipient) = (&stored.message.id, &stored.message.recipient);
    let insert = "INSERT INTO message
        (h, id, agent, recipient, body_hash, accepted_at, expires_at, state, attempt, next_at, lent_until, send_at, lane, omitted)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    database.prepare_cached(insert)?.execute(params![
        hash(&[id]),
        id,
        stored.agent,
        recipient,
        stored.body_hash,
        time(stored.accepted_at),
        time(*ends_at),
        stored.facts.state().as_str(),
        attempt,
        stored.next_at.map(time),
        lent_until.map(time),
        stored.send_at.map(time),
        record.lane().number(),
        stored.history_omitted,
    ])?;
    let n = database.last_insert_rowid();
    let body = serde_json::to_string(&stored.message).map_err(json_problem)?;
    let sum = hash(&[&stored.agent, &body]);
    database
        .prepare_cached("INSERT INTO message_body (n, body, sum) VALUES (?1, ?2, ?3)")?
        .execute(params![n, body, sum])?;
    write_entries(database, n, 0, &stored.history)
}

/// After one of them, in the order in which they came.
pub(crate) fn read(
    database: &Connection,
    after: i64,
    most: usize,
) -> rusqlite::Result<Vec<(i64, Record)>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    select(
        database,
        &format!("{SELECT} WHERE message.n > ?1 ORDER BY message.n LIMIT ?2"),
        &[&after, &most],
    )
}

pub(crate) fn claim(
    database: &Connection,
    now: Timestamp,
    lease: Duration,
    shares: &[Share],
) -> rusqlite::Result<Claims> {
    let mut claims = Claims::default();
    for share in shares {
        let mut share = share.clone();
        for step in share.clone().steps() {
            let lane = step.lane;
            let refused_before = claims.ended.len();
            while share.room(step) > 0 && claims.ended.len() - refused_before < REFUSED_AT_ONCE {
                let most = i64::try_from(share.room(step)).unwrap_or(i64::MAX);
                let due = select_sound(
                    database,
                    &due(),
                    &[&share.agent, &lane.number(), &time(now), &most],
                )?;
                let (taken, before) = (due.len(), claims.lent.len());
                for (n, mut record) in due {
                    let terms = Terms {
                        now,
                        lease,
                        hold: share.hold.as_ref(),
                    };
                    match lend(database, n, &mut record, lane, terms)? {
                        Ok(claimed) => claims.lent.push(claimed),
                        Err(fact) => claims.ended.push(fact),
                    }
                }
                let lent = claims.lent.len() - before;
                share.take(step, lent);
                if lent == taken {
                    break;
                }
            }
        }
    }
    Ok(claims)
}

/// In the transaction of the claim: an opt-out was committed before it, or is after it.
fn lend(
    database: &Connection,
    n: i64,
    record: &mut Record,
    lane: Lane,
    terms: Terms<'_>,
) -> rusqlite::Result<Result<Claimed, Fact>> {
    let consent = match lane.urgency {
        Urgency::Essential => None,
        Urgency::Ordinary => consents::find(
            database,
            &record.stored.agent,
            &record.stored.message.recipient,
        )?,
    };
    change_record(database, n, record, |record| {
        record.lend_if_permitted(consent.as_ref(), terms)
    })
}

fn due() -> String {
    format!(
        "{SELECT} WHERE agent = ?1 AND lane = ?2 AND message.next_at <= ?3 ORDER BY message.next_at, message.n LIMIT ?4"
    )
}

pub(crate) fn recover(database: &Connection, now: Timestamp) -> rusqlite::Result<usize> {
    let lent = select_sound(
        database,
        &format!("{SELECT} WHERE message.lent_until IS NOT NULL"),
        &[],
    )?;
    for (n, mut record) in lent.iter().cloned() {
        change_record(database, n, &mut record, |record| record.recover(now))?;
    }
    Ok(lent.len())
}

pub(crate) fn expire(
    database: &Connection,
    now: Timestamp,
    most: usize,
    holds: &Holds,
) -> rusqlite::Result<Vec<Fact>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut ended = Vec::new();
    for (n, mut record) in select_sound(database, &run_out(), &[&time(now), &most])? {
        let hold = holds.get(&record.stored.agent);
        ended.extend(change_record(database, n, &mut record, |record| {
            record.expire(now, hold)
        })?);
    }
    Ok(ended)
}

fn run_out() -> String {
    format!(
        "{SELECT} WHERE message.expires_at <= ?1 AND message.next_at IS NOT NULL
            AND (message.lent_until IS NULL OR message.lent_until <= ?1) ORDER BY message.expires_at, message.n LIMIT ?2"
    )
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
    change_record(database, n, &mut record, change).map(Ok)
}

fn change_record<T>(
    database: &Connection,
    n: i64,
    record: &mut Record,
    change: impl FnOnce(&mut Record) -> T,
) -> rusqlite::Result<T> {
    let (mut known, omitted) = (record.stored.history.len(), record.stored.history_omitted);
    let result = change(record);
    // An attempt was taken back, or the history was shortened.
    if record.stored.history.len() < known || record.stored.history_omitted != omitted {
        database
            .prepare_cached("DELETE FROM entry WHERE message = ?1")?
            .execute([n])?;
        known = 0;
    }
    store(database, n, record, known)?;
    for event in record.take_events() {
        events::ingest(database, &Packed::of(event).map_err(json_problem)?)?;
    }
    Ok(result)
}

pub(crate) fn next_due(
    database: &Connection,
    shares: &[Share],
) -> rusqlite::Result<Option<Timestamp>> {
    let mut first = None;
    for share in shares {
        for lane in share.lanes() {
            let least = database
                .prepare_cached(NEXT_DUE)?
                .query_row(params![share.agent, lane.number()], |row| to_time(row, 0));
            first = first.into_iter().chain(least.optional()?).min();
        }
    }
    Ok(first)
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
        let n = database.query_row("SELECT n FROM message WHERE h = ?1", [hash(&[id])], |row| {
            row.get::<_, i64>(0)
        });
        let Some(n) = n.optional()? else {
            return Ok(Vec::new());
        };
        let beyond = if filter.oldest_first { ">" } else { "<" };
        restrict(&format!("message.n {beyond}"), Box::new(n));
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
    let order = if filter.oldest_first { "ASC" } else { "DESC" };
    write!(sql, " ORDER BY message.n {order} LIMIT ?{}", values.len())
        .expect("a string takes everything");
    let values: Vec<&dyn ToSql> = values.iter().map(AsRef::as_ref).collect();
    Ok(select(database, &sql, &values)?
        .into_iter()
        .map(|(_, record)| record.stored)
        .collect())
}

fn load(database: &Connection, id: &str) -> rusqlite::Result<Option<(i64, Record)>> {
    let one = format!("{SELECT} WHERE message.h = ?1");
    Ok(select(database, &one, &[&hash(&[id])])?.pop())
}

fn select(
    database: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<Vec<(i64, Record)>> {
    let found = database
        .prepare_cached(sql)?
        .query_map(values, record)?
        .collect::<Result<_, _>>()?;
    with_histories(database, found)
}

/// The same for what is to be done to each of them. One that is damaged is not done, and holds up none of the others.
fn select_sound(
    database: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<Vec<(i64, Record)>> {
    let number_and_record = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, record(row)));
    let found: Vec<(i64, rusqlite::Result<(i64, Record)>)> = database
        .prepare_cached(sql)?
        .query_map(values, number_and_record)?
        .collect::<Result<_, _>>()?;
    let mut sound = Vec::with_capacity(found.len());
    for (n, record) in found {
        match record {
            Ok(record) => sound.push(record),
            Err(problem) => {
                tracing::error!(n, %problem, "a message cannot be read, and is not tried any more");
                let rest = "UPDATE message SET next_at = NULL, lent_until = NULL WHERE n = ?1";
                database.prepare_cached(rest)?.execute([n])?;
            }
        }
    }
    with_histories(database, sound)
}

fn with_histories(
    database: &Connection,
    mut found: Vec<(i64, Record)>,
) -> rusqlite::Result<Vec<(i64, Record)>> {
    for (n, record) in &mut found {
        let history =
            "SELECT at, fact, attempt, reason, detail FROM entry WHERE message = ?1 ORDER BY place";
        let mut history = database.prepare_cached(history)?;
        for entry in history.query_map([*n], entry)? {
            record.stored.history.push(entry?);
        }
        record.stored.facts = Facts::of(&record.stored.history);
    }
    Ok(found)
}

fn record(row: &Row<'_>) -> rusqlite::Result<(i64, Record)> {
    check_sum(
        row,
        10,
        &[row.get_ref(1)?.as_bytes()?, row.get_ref(8)?.as_bytes()?],
    )?;
    let stored = StoredMessage {
        agent: row.get(1)?,
        body_hash: row.get(2)?,
        accepted_at: to_time(row, 3)?,
        next_at: to_optional_time(row, 6)?,
        send_at: to_optional_time(row, 9)?,
        message: json(row, 8)?,
        facts: Facts::default(),
        history: Vec::new(),
        history_omitted: row.get(11)?,
    };
    // The migration wrote it for all that wait.
    let ends_at = to_optional_time(row, 4)?
        .unwrap_or_else(|| Record::end_without_expiry(stored.accepted_at, stored.send_at, &[]));
    let lent_until = to_optional_time(row, 7)?;
    let record = Record::kept(stored, row.get(5)?, lent_until, ends_at);
    Ok((row.get(0)?, record))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        at: to_time(row, 0)?,
        fact: to_fact(row, 1)?,
        attempt: row.get(2)?,
        reason: to_reason(row, 3)?,
        detail: row.get(4)?,
    })
}

/// What a rule may have changed: of the history, what comes after what was known.
fn store(database: &Connection, n: i64, record: &Record, known: usize) -> rusqlite::Result<()> {
    let update = "UPDATE message SET state = ?2, attempt = ?3, next_at = ?4, lent_until = ?5, lane = ?6, expires_at = ?7, omitted = ?8 WHERE n = ?1";
    database.prepare_cached(update)?.execute(params![
        n,
        record.stored.facts.state().as_str(),
        record.attempt,
        record.stored.next_at.map(time),
        record.lent_until.map(time),
        record.lane().number(),
        time(record.ends_at),
        record.stored.history_omitted,
    ])?;
    write_entries(database, n, known, &record.stored.history)
}

fn write_entries(
    database: &Connection,
    n: i64,
    known: usize,
    history: &[Entry],
) -> rusqlite::Result<()> {
    let insert = "INSERT INTO entry (message, place, at, fact, attempt, reason, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut insert = database.prepare_cached(insert)?;
    for (place, entry) in (0_i64..).zip(history).skip(known) {
        insert.execute(params![
            n,
            place,
            time(entry.at),
            entry.fact.as_str(),
            entry.attempt,
            entry.reason.map(ReasonCode::as_str),
            entry.detail
        ])?;
    }
    Ok(())
}

/// `SQLite` notices neither a bit that flips in a text nor what that makes of it. What is older than the sums has none.
pub(crate) fn check_sum(row: &Row<'_>, column: usize, parts: &[&[u8]]) -> rusqlite::Result<()> {
    match row.get::<_, Option<[u8; 16]>>(column)? {
        Some(sum) if sum != hash_bytes(parts) => {
            let damaged = StoreProblem("what is stored is not what was written".to_owned());
            Err(unreadable(column, Type::Blob, damaged))
        }
        _ => Ok(()),
    }
}

/// Of parts that cannot run into each other.
pub(crate) fn hash(parts: &[&str]) -> [u8; 16] {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    hash_bytes(&parts)
}

pub(crate) fn hash_bytes(parts: &[&[u8]]) -> [u8; 16] {
    digest(parts)
}

/// What is finer than a microsecond is cut off.
pub(crate) fn time(time: Timestamp) -> i64 {
    time.as_microsecond()
}

pub(crate) fn to_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?)
        .map_err(|problem| unreadable(column, Type::Integer, problem))
}

pub(crate) fn to_optional_time(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?
        .map(|_| to_time(row, column))
        .transpose()
}

pub(crate) fn to_fact(row: &Row<'_>, column: usize) -> rusqlite::Result<Fact> {
    let word: String = row.get(column)?;
    let unknown = || StoreProblem(format!("there is no fact {word:?}"));
    Fact::parse(&word).ok_or_else(|| unreadable(column, Type::Text, unknown()))
}

fn to_reason(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ReasonCode>> {
    let Some(word) = row.get::<_, Option<String>>(column)? else {
        return Ok(None);
    };
    let unknown = || StoreProblem(format!("there is no reason {word:?}"));
    ReasonCode::parse(&word)
        .map(Some)
        .ok_or_else(|| unreadable(column, Type::Text, unknown()))
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|problem| unreadable(column, Type::Text, problem))
}

pub(crate) fn unreadable(
    column: usize,
    kind: Type,
    problem: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(problem))
}

pub(crate) fn json_problem(problem: JsonError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(problem))
}

const SELECT: &str =
    "SELECT message.n, agent, body_hash, accepted_at, expires_at, attempt, next_at, lent_until, body, send_at, sum, omitted
    FROM message JOIN message_body ON message_body.n = message.n";
const NEXT_DUE: &str = "SELECT next_at FROM message WHERE agent = ?1 AND lane = ?2 AND next_at IS NOT NULL ORDER BY next_at LIMIT 1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{self, Durability};
    use crate::schema;
    use rbm_gateway::store::lane::Lane;
    use rusqlite::StatementStatus;
    use tempfile::TempDir;

    /// A hundred thousand are due for an agent that may not send; what the others cost is counted in steps of the machine
    /// that runs a statement, of which a look at each would take several.
    #[test]
    fn what_may_not_begin_costs_those_who_may_nothing() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("gateway.db");
        let mut database = connection::open(&path, Durability::Normal).expect("a database");
        schema::bring_up_to_date(&mut database, &path).expect("its tables");
        fill(&database, "blocked", 1, 100_000);
        fill(&database, "free", 100_001, 10);

        let now = Timestamp::from_second(1_000).expect("a time");
        let shares = [Share::any("free", 50)];
        assert_eq!(
            claim(&database, now, Duration::from_secs(90), &shares)
                .expect("claimed")
                .lent
                .len(),
            10
        );
        assert_eq!(
            next_due(&database, &shares).expect("an answer"),
            Some(now + Duration::from_secs(90))
        );
        assert_eq!(
            expire(&database, now, 1_000, &Holds::new()).expect("none"),
            []
        );
        assert_eq!(recover(&database, now).expect("recovered"), 10);

        let lane = Lane::ALL[3].number();
        for (what, sql, values) in [
            (
                "a claim",
                due(),
                vec![&"free" as &dyn ToSql, &lane, &1_000_000_000_i64, &50_i64],
            ),
            (
                "expiry",
                run_out(),
                vec![&1_000_000_000_i64 as &dyn ToSql, &50_i64],
            ),
            (
                "the next",
                NEXT_DUE.to_owned(),
                vec![&"free" as &dyn ToSql, &lane],
            ),
        ] {
            let steps = steps(&database, &sql, &values);
            assert!(steps < 1_000, "{what} took {steps} steps");
        }
        let everything = format!("{SELECT} WHERE +message.next_at <= ?1 AND +agent = ?2");
        let steps = steps(&database, &everything, &[&0_i64, &"free"]);
        assert!(
            steps > 100_000,
            "a look at each takes {steps} steps, so the numbers above mean nothing"
        );
    }

    #[test]
    fn a_damaged_message_holds_up_no_other() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("gateway.db");
        let mut database = connection::open(&path, Durability::Normal).expect("a database");
        schema::bring_up_to_date(&mut database, &path).expect("its tables");
        fill(&database, "demo", 1, 3);
        database
            .execute("UPDATE message_body SET sum = zeroblob(16) WHERE n = 1", [])
            .expect("damaged");
        database
            .execute("UPDATE message SET lent_until = 5 WHERE n = 1", [])
            .expect("under way");
        let (now, shares) = (
            Timestamp::from_second(1_000).expect("a time"),
            [Share::any("demo", 50)],
        );
        assert_eq!(recover(&database, now).expect("nothing to recover"), 0);
        assert_eq!(
            claim(&database, now, Duration::from_secs(90), &shares)
                .expect("the others")
                .lent
                .len(),
            2
        );
        let waiting =
            "SELECT count(*) FROM message WHERE n = 1 AND next_at IS NULL AND lent_until IS NULL";
        let waiting: i64 = database
            .query_row(waiting, [], |row| row.get(0))
            .expect("a count");
        assert_eq!(waiting, 1, "it is not tried any more");
    }

    fn fill(database: &Connection, agent: &str, first: i64, count: i64) {
        let numbers = "WITH RECURSIVE number (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?1 + ?2)";
        let message = "INSERT INTO message
            (n, h, id, agent, recipient, body_hash, accepted_at, expires_at, state, attempt, next_at)
            SELECT n, randomblob(16), 'm' || n, ?3, '+12', zeroblob(32), 0, 9000000000 + n, 'queued', 0, n FROM number";
        database
            .execute(
                &format!("{numbers} {message}"),
                params![first, count, agent],
            )
            .expect("messages");
        let body = r#"{"id":"m","recipient":"+12","content":{"text":"Hi"},"suggestions":[],"purpose":null,"expiry":null,
            "options":[]}"#;
        let bodies =
            format!("{numbers} INSERT INTO message_body (n, body) SELECT n, ?3 FROM number");
        database
            .execute(&bodies, params![first, count, body])
            .expect("bodies");
    }

    fn steps(database: &Connection, sql: &str, values: &[&dyn ToSql]) -> i32 {
        let mut statement = database.prepare(sql).expect("a statement");
        let mut rows = statement.query(values).expect("rows");
        while rows.next().expect("a row").is_some() {}
        drop(rows);
        statement.get_status(StatementStatus::VmStep)
    }
}

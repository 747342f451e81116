//! All that is kept, as items: read in one transaction, row by row, and written by those who write it anyway.

use crate::consumers::{self, place, to_cursor, to_disabled};
use crate::events::Packed;
use crate::messages::{json_problem, to_fact, to_optional_time, to_time, unreadable};
use crate::{SqliteStore, agents, consents, events, ledgers, messages, quarantine, seen};
use async_trait::async_trait;
use rbm_gateway::store::consumer::Change;
use rbm_gateway::store::dump::{
    Consent, Consumer, DeadLetter, Delivery, Dump, Event, Hex, Item, Last, Message, Orphan, Seen,
    Tester,
};
use rbm_gateway::store::quarantine::{QuarantineId, StoredQuarantined};
use rbm_gateway::store::{Cursor, StoreProblem, StoredEvent};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};
use tokio::sync::mpsc::Sender;

#[async_trait]
impl Dump for SqliteStore {
    async fn dump(&self, to: Sender<Item>) -> Result<(), StoreProblem> {
        match self
            .readers
            .read(move |database| Ok(dump(database, &to)))
            .await?
        {
            Err(Stop::Failed(problem)) => Err(problem),
            Ok(()) | Err(Stop::NobodyReceives) => Ok(()),
        }
    }

    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreProblem> {
        self.writer
            .write(move |database| items.iter().try_for_each(|item| restore(database, item)))
            .await
    }
}

/// Why it ends before its end.
enum Stop {
    NobodyReceives,
    Failed(StoreProblem),
}

impl From<rusqlite::Error> for Stop {
    fn from(failed: rusqlite::Error) -> Self {
        Self::Failed(crate::problem(&failed))
    }
}

fn dump(database: &Connection, to: &Sender<Item>) -> Result<(), Stop> {
    let transaction = database.unchecked_transaction()?;
    let last = Last {
        event: consumers::newest(&transaction)?,
        quarantined: last_quarantined(&transaction)?,
        pruned: events::pruned(&transaction)?,
        legacy_names: agents::has_legacy_names(&transaction)?,
    };
    send(to, Item::Last(last))?;
    send_rows(&transaction, to, agents::AGENTS, [], |row| {
        Ok(Item::Agent(agents::identity(row)?))
    })?;
    send_messages(&transaction, to)?;
    send_rows(&transaction, to, ORPHANS, [], orphan)?;
    send_rows(&transaction, to, SEEN, [], seen)?;
    send_events(&transaction, to)?;
    send_rows(&transaction, to, CONSENTS, [], consent)?;
    send_consumers(&transaction, to)?;
    send_rows(&transaction, to, QUARANTINED, [], |row| {
        Ok(Item::Quarantined(quarantine::read(row)?.into()))
    })?;
    send_rows(&transaction, to, UPLOADS, [], |row| {
        Ok(Item::Upload(ledgers::upload(row)?))
    })?;
    send_rows(&transaction, to, TESTERS, [], tester)
}

fn send(to: &Sender<Item>, item: Item) -> Result<(), Stop> {
    to.blocking_send(item).map_err(|_| Stop::NobodyReceives)
}

fn send_rows<P: Params>(
    database: &Connection,
    to: &Sender<Item>,
    sql: &str,
    values: P,
    item: impl Fn(&Row<'_>) -> rusqlite::Result<Item>,
) -> Result<(), Stop> {
    let mut select = database.prepare(sql)?;
    let mut rows = select.query(values)?;
    while let Some(row) = rows.next()? {
        send(to, item(row)?)?;
    }
    Ok(())
}

fn send_messages(database: &Connection, to: &Sender<Item>) -> Result<(), Stop> {
    let mut after = 0;
    loop {
        // One that is damaged is found one by one.
        let page = messages::read(database, after, AT_ONCE)
            .or_else(|_| messages::read(database, after, 1));
        let page = page.map_err(|failed| damaged(&next_message(database, after), &failed))?;
        if page.is_empty() {
            return Ok(());
        }
        for (n, record) in page {
            after = n;
            send(to, Item::Message(Box::new(Message::from(record))))?;
        }
    }
}

fn next_message(database: &Connection, after: i64) -> String {
    let select = "SELECT id FROM message WHERE n > ?1 ORDER BY n LIMIT 1";
    let id = database.query_row(select, [after], |row| row.get::<_, String>(0));
    id.map_or_else(|_| "a message".to_owned(), |id| format!("the message {id}"))
}

fn send_events(database: &Connection, to: &Sender<Item>) -> Result<(), Stop> {
    let mut after = None;
    loop {
        let page =
            events::read(database, after, AT_ONCE).or_else(|_| events::read(database, after, 1));
        let page = page.map_err(|failed| {
            damaged(
                &format!("the event after {}", after.unwrap_or(Cursor(0))),
                &failed,
            )
        })?;
        if page.is_empty() {
            return Ok(());
        }
        for event in page {
            after = Some(event.cursor);
            send(to, Item::Event(Box::new(Event::from(event))))?;
        }
    }
}

/// Rather no dump than one that lacks something.
fn damaged(what: &str, failed: &rusqlite::Error) -> Stop {
    Stop::Failed(StoreProblem(format!("{what} cannot be read: {failed}")))
}

fn send_consumers(database: &Connection, to: &Sender<Item>) -> Result<(), Stop> {
    let mut select = database.prepare(
        "SELECT n, name, after, disabled_at, disabled_reason FROM consumer ORDER BY name",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (n, name): (i64, String) = (row.get(0)?, row.get(1)?);
        let (after, disabled) = (to_cursor(row, 2)?, to_disabled(row, 3)?);
        send(
            to,
            Item::Consumer(Consumer {
                name: name.clone(),
                after,
                disabled,
            }),
        )?;
        send_rows(database, to, DELIVERIES, [n], |row| delivery(row, &name))?;
        send_rows(database, to, DEAD_LETTERS, [n], |row| {
            dead_letter(row, &name)
        })?;
    }
    Ok(())
}

fn orphan(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item::Orphan(Orphan {
        about: Hex(row.get(0)?),
        person: row.get::<_, Option<[u8; 16]>>(1)?.map(Hex),
        at: to_time(row, 2)?,
        fact: to_fact(row, 3)?,
        received_at: to_time(row, 4)?,
    }))
}

fn seen(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item::Seen(Seen {
        event: Hex(row.get(0)?),
        received_at: to_time(row, 1)?,
    }))
}

fn consent(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item::Consent(Consent::of(
        row.get(5)?,
        row.get(6)?,
        &consents::heard(row)?,
    )))
}

fn delivery(row: &Row<'_>, consumer: &str) -> rusqlite::Result<Item> {
    Ok(Item::Delivery(Delivery {
        consumer: consumer.to_owned(),
        cursor: Cursor(row.get::<_, i64>(0)?.unsigned_abs()),
        conversation: row.get(1)?,
        attempts: row.get(2)?,
        reason: row.get(3)?,
        next_at: to_optional_time(row, 4)?,
    }))
}

fn dead_letter(row: &Row<'_>, consumer: &str) -> rusqlite::Result<Item> {
    Ok(Item::DeadLetter(DeadLetter {
        consumer: consumer.to_owned(),
        cursor: Cursor(row.get::<_, i64>(0)?.unsigned_abs()),
        attempts: row.get(1)?,
        at: to_time(row, 2)?,
        reason: row.get(3)?,
    }))
}

fn tester(row: &Row<'_>) -> rusqlite::Result<Item> {
    let (agent, phone, invited_at, answer) =
        (row.get(0)?, row.get(1)?, to_time(row, 2)?, row.get(3)?);
    Ok(Item::Tester(Tester {
        agent,
        phone,
        invited_at,
        answer,
    }))
}

fn restore(database: &Connection, item: &Item) -> rusqlite::Result<()> {
    match item.clone() {
        Item::Last(Last {
            event,
            quarantined,
            pruned,
            legacy_names,
        }) => {
            if legacy_names {
                agents::mark_legacy_names(database)?;
            }
            seen::enable_legacy_keys(database)?;
            if let Some(pruned) = pruned {
                events::note_pruned(database, number(pruned.0)?)?;
            }
            if let Some(last) = event {
                let last = number(last.0)?;
                events::raise(database, last)?;
                seen::begin_after(database, last)?;
            }
            if let Some(last) = quarantined {
                raise_quarantined(database, number(last.0)?)?;
            }
            Ok(())
        }
        Item::Agent(agent) => agents::insert(database, &agent),
        Item::Message(message) => messages::insert(database, &(*message).into()),
        Item::Orphan(Orphan {
            about,
            person,
            at,
            fact,
            received_at,
        }) => {
            let person = person.map(|person| person.0);
            events::insert_orphan(database, about.0, person, at, fact, received_at)
        }
        Item::Seen(Seen { event, received_at }) => {
            let insert = "INSERT INTO seen (h, received_at) VALUES (?1, ?2)";
            database
                .prepare_cached(insert)?
                .execute(params![event.0, messages::time(received_at)])
                .map(drop)
        }
        Item::Event(event) => {
            let StoredEvent { cursor, event } = (*event).into();
            let packed = Packed::of(event).map_err(json_problem)?;
            events::restore(database, number(cursor.0)?, &packed)
        }
        Item::Consent(item) => {
            let heard = item.heard();
            let event = heard.event.map(place);
            consents::note(database, &item.agent, &item.phone, &heard.consent, event).map(drop)
        }
        Item::Consumer(consumer) => restore_consumer(database, &consumer),
        Item::Delivery(delivery) => {
            let n = consumers::number(database, &delivery.consumer)?;
            consumers::change(database, n, &Change::Owed(delivery.into())).map(drop)
        }
        Item::DeadLetter(DeadLetter {
            consumer,
            cursor,
            attempts,
            at,
            reason,
        }) => {
            let n = consumers::number(database, &consumer)?;
            consumers::change(
                database,
                n,
                &Change::Dead {
                    cursor,
                    attempts,
                    at,
                    reason,
                },
            )
            .map(drop)
        }
        Item::Quarantined(request) => {
            let StoredQuarantined { id, request, .. } = request.into();
            quarantine::insert(database, Some(number(id.0)?), &request)
        }
        Item::Upload(upload) => ledgers::keep_upload(database, &upload),
        Item::Tester(Tester {
            agent,
            phone,
            invited_at,
            answer,
        }) => {
            let insert =
                "INSERT INTO tester (agent, phone, invited_at, answer) VALUES (?1, ?2, ?3, ?4)";
            let row = params![agent, phone, messages::time(invited_at), answer];
            database.prepare_cached(insert)?.execute(row).map(drop)
        }
    }
}

fn restore_consumer(database: &Connection, consumer: &Consumer) -> rusqlite::Result<()> {
    consumer
        .check(consumers::newest(database)?)
        .map_err(|problem| unreadable(0, Type::Integer, problem))?;
    let Consumer {
        name,
        after,
        disabled,
    } = consumer;
    let insert =
        "INSERT INTO consumer (name, after, disabled_at, disabled_reason) VALUES (?1, ?2, ?3, ?4)";
    let (at, reason) = disabled
        .as_ref()
        .map(|disabled| (messages::time(disabled.at), &disabled.reason))
        .unzip();
    database
        .prepare_cached(insert)?
        .execute(params![name, after.map(place), at, reason])
        .map(drop)
}

/// The largest number that a request ever had, also where it is gone.
fn last_quarantined(database: &Connection) -> rusqlite::Result<Option<QuarantineId>> {
    let select = "SELECT seq FROM sqlite_sequence WHERE name = 'quarantine'";
    let number = database
        .prepare_cached(select)?
        .query_row([], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(number.map(|number| QuarantineId(number.unsigned_abs())))
}

/// So that no smaller number is given.
fn raise_quarantined(database: &Connection, last: i64) -> rusqlite::Result<()> {
    let update = "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'quarantine'";
    if database.prepare_cached(update)?.execute([last])? == 0 {
        let insert = "INSERT INTO sqlite_sequence (name, seq) VALUES ('quarantine', ?1)";
        database.prepare_cached(insert)?.execute([last])?;
    }
    Ok(())
}

/// What is to be a row's number, after which there must be room for others.
fn number(number: u64) -> rusqlite::Result<i64> {
    let too_large = || {
        StoreProblem(format!(
            "the number {number} is too large, the limit is {NUMBER_MAX}"
        ))
    };
    let fits = i64::try_from(number)
        .ok()
        .filter(|number| *number <= NUMBER_MAX);
    fits.ok_or_else(|| unreadable(0, Type::Integer, too_large()))
}

const ORPHANS: &str = "SELECT h, person, at, fact, received_at FROM orphan ORDER BY h, n";
/// Those of the newest events are in their rows only.
const SEEN: &str = "SELECT h, received_at FROM seen UNION ALL
    SELECT h, received_at FROM event
    WHERE place > (SELECT min(settled.place) FROM settled) AND h IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.h = event.h) ORDER BY h";
const CONSENTS: &str = "SELECT at, opted_out, reason, words, event, agent, phone FROM consent_entry ORDER BY agent, phone, n";
const DELIVERIES: &str =
    "SELECT place, conversation, attempts, reason, next_at FROM delivery INDEXED BY delivery_owed
    WHERE consumer = ?1 AND dead_at IS NULL ORDER BY place";
const DEAD_LETTERS: &str =
    "SELECT place, attempts, dead_at, reason FROM delivery INDEXED BY delivery_dead
    WHERE consumer = ?1 AND dead_at IS NOT NULL ORDER BY place";
const QUARANTINED: &str = "SELECT n, at, path, rule, reason, headers, body, body_bytes,
        headers IS NOT NULL AND length(body) = body_bytes
    FROM quarantine ORDER BY n";
const UPLOADS: &str = "SELECT agent, name, what, at, expires_at FROM upload ORDER BY n";
const TESTERS: &str = "SELECT agent, phone, invited_at, answer FROM tester ORDER BY n";
/// A message or an event may have a megabyte.
const AT_ONCE: usize = 16;
/// Half of what there is.
const NUMBER_MAX: i64 = i64::MAX / 2;

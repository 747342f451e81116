//! Events, each once, and what they say of messages.

use crate::messages::{self, hash, time, to_time, unreadable};
use crate::{consents, packing, seen};
use gateway_channel::Inbound;
use jiff::Timestamp;
use rbm_gateway::lifecycle::Fact;
use rbm_gateway::store::event::{AgentEvent, AgentHold, EventContent};
use rbm_gateway::store::{Cursor, Entry, Ingested, NewEvent, StoredEvent};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::mem;

/// An event in its stored form. The caller of the store packs it, because the writer thread is the bottleneck.
pub(crate) struct Packed {
    /// Without the bytes that it came in.
    event: NewEvent,
    raw: Vec<u8>,
    content: Vec<u8>,
    sum: [u8; 16],
    h: [u8; 16],
    /// By what an earlier version would know it, where that is something else.
    legacy_h: Option<[u8; 16]>,
}

/// The form of what the gateway itself says. A webhook's form is that of the plugin's record, which has no such field.
#[derive(Deserialize, Serialize)]
struct OfGateway<E> {
    gateway: E,
}

impl Packed {
    pub(crate) fn of(mut event: NewEvent) -> serde_json::Result<Self> {
        let (json, raw) = match &mut event.content {
            EventContent::Platform(inbound) => {
                let raw = mem::take(&mut inbound.raw);
                (serde_json::to_vec(&inbound)?, raw)
            }
            EventContent::Gateway(gateway) => {
                (serde_json::to_vec(&OfGateway { gateway })?, Vec::new())
            }
        };
        let content = packing::pack(&json, &raw);
        let sum = packing::sum(event.agent.as_bytes(), &content, &raw);
        let hash = |key: &str| hash(&[&event.agent, key]);
        let h = hash(&event.content.dedupe_key());
        let legacy_h = event.content.legacy_dedupe_key().map(hash);
        Ok(Self {
            event,
            raw,
            content,
            sum,
            h,
            legacy_h,
        })
    }
}

/// Keeps an event and joins what it says to its message. One that is known, or was told already, changes nothing.
pub(crate) fn ingest(database: &Connection, packed: &Packed) -> rusqlite::Result<Ingested> {
    let NewEvent {
        agent,
        received_at,
        content,
        consent,
    } = &packed.event;
    if seen::contains(database, &packed.h)? {
        return Ok(Ingested::Duplicate);
    }
    if let Some(h) = &packed.legacy_h
        && seen::contains_legacy(database, h, *received_at)?
    {
        return Ok(Ingested::Duplicate);
    }
    if let Some((id, fact)) = content.fact_about() {
        let at = content.at().unwrap_or(*received_at);
        if !join(database, &packed.event, id, fact, at)? {
            return Ok(Ingested::Duplicate);
        }
    }
    let place = newest(database)? + 1;
    insert(database, place, packed, Some(&packed.h))?;
    seen::note(database, &packed.h, *received_at, place)?;
    if let Some((phone, consent)) = content.phone().zip(consent.as_ref()) {
        consents::note(database, agent, phone, consent, Some(place))?;
    }
    Ok(Ingested::New(Cursor(place.unsigned_abs())))
}

/// One that was kept elsewhere, at the place that it had there. That it is known is not said by it.
pub(crate) fn restore(database: &Connection, place: i64, packed: &Packed) -> rusqlite::Result<()> {
    // Older dumps do not say what was removed for its age: it was all before the first event.
    let first = "UPDATE last_place SET pruned = ?1 - 1 WHERE pruned = 0 AND NOT EXISTS (SELECT 1 FROM event)";
    database.prepare_cached(first)?.execute([place])?;
    insert(database, place, packed, None)
}

fn insert(
    database: &Connection,
    place: i64,
    packed: &Packed,
    h: Option<&[u8; 16]>,
) -> rusqlite::Result<()> {
    let Packed {
        event,
        raw,
        content,
        sum,
        h: _,
        legacy_h: _,
    } = packed;
    let insert = "INSERT INTO event (place, agent, received_at, phone, inbound, raw, sum, h)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let row = params![
        place,
        event.agent,
        time(event.received_at),
        event.content.phone(),
        content,
        raw,
        sum,
        h
    ];
    database.prepare_cached(insert)?.execute(row)?;
    match event.content.agent_event() {
        Some(AgentEvent {
            held: Some(AgentHold { reason, detail }),
            ..
        }) => database
            .prepare_cached(
                "INSERT OR REPLACE INTO held (agent, reason, detail) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![event.agent, reason, detail])
            .map(drop),
        Some(AgentEvent { held: None, .. }) => database
            .prepare_cached("DELETE FROM held WHERE agent = ?1")?
            .execute([&event.agent])
            .map(drop),
        None => Ok(()),
    }
}

/// The last place that was given, also where its event is gone; 0 before the first.
pub(crate) fn newest(database: &Connection) -> rusqlite::Result<i64> {
    let select =
        "SELECT max(coalesce((SELECT max(place) FROM event), 0), (SELECT place FROM last_place))";
    database
        .prepare_cached(select)?
        .query_row([], |row| row.get(0))
}

/// Before any event is deleted, in the same transaction: what its row alone says of it is written elsewhere.
pub(crate) fn prepare_to_delete(database: &Connection) -> rusqlite::Result<()> {
    let newest = newest(database)?;
    seen::settle_all(database, newest)?;
    raise(database, newest)
}

/// So that no place up to this one is given again.
pub(crate) fn raise(database: &Connection, place: i64) -> rusqlite::Result<()> {
    database
        .prepare_cached("UPDATE last_place SET place = max(place, ?1)")?
        .execute([place])
        .map(drop)
}

/// Up to this place events were removed for their age.
pub(crate) fn note_pruned(database: &Connection, place: i64) -> rusqlite::Result<()> {
    database
        .prepare_cached("UPDATE last_place SET pruned = ?1 WHERE pruned < ?1")?
        .execute([place])
        .map(drop)
}

pub(crate) fn pruned(database: &Connection) -> rusqlite::Result<Option<Cursor>> {
    let pruned: i64 = database
        .prepare_cached("SELECT pruned FROM last_place")?
        .query_row([], |row| row.get(0))?;
    Ok((pruned > 0).then_some(Cursor(pruned.unsigned_abs())))
}

/// An event counts for a message only if agent and person are the message's. False if it was told already.
fn join(
    database: &Connection,
    event: &NewEvent,
    id: &str,
    fact: Fact,
    at: Timestamp,
) -> rusqlite::Result<bool> {
    let phone = event.content.phone().unwrap_or_default();
    let joined = messages::change(database, id, |record| {
        if record.stored.agent == event.agent && record.stored.message.recipient == phone {
            return record.join(Entry::new(at, fact));
        }
        tracing::warn!("an event names a message of another agent or person, and changes nothing");
        true
    })?;
    if let Ok(is_news) = joined {
        return Ok(is_news);
    }
    let (h, person) = (hash(&[&event.agent, phone, id]), hash(&[phone]));
    insert_orphan(database, h, Some(person), at, fact, event.received_at)?;
    Ok(true)
}

/// What holds those agents of which the last event says that they are held.
pub(crate) fn held(database: &Connection) -> rusqlite::Result<BTreeMap<String, AgentHold>> {
    let mut select = database.prepare_cached("SELECT agent, reason, detail FROM held")?;
    let hold = |row: &Row<'_>| {
        let (reason, detail) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, AgentHold { reason, detail }))
    };
    select.query_map([], hold)?.collect()
}

/// What was heard of a message that is not here.
pub(crate) fn insert_orphan(
    database: &Connection,
    h: [u8; 16],
    person: Option<[u8; 16]>,
    at: Timestamp,
    fact: Fact,
    received_at: Timestamp,
) -> rusqlite::Result<()> {
    let insert =
        "INSERT INTO orphan (h, at, fact, person, received_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let row = params![h, time(at), fact.as_str(), person, time(received_at)];
    database.prepare_cached(insert)?.execute(row).map(drop)
}

/// Takes out what was heard of a message before it came, in the order in which it was heard.
pub(crate) fn adopt(
    database: &Connection,
    agent: &str,
    phone: &str,
    id: &str,
) -> rusqlite::Result<Vec<Entry>> {
    let h = hash(&[agent, phone, id]);
    let mut select =
        database.prepare_cached("SELECT at, fact FROM orphan WHERE h = ?1 ORDER BY n")?;
    let entry = |row: &Row<'_>| Ok(Entry::new(to_time(row, 0)?, messages::to_fact(row, 1)?));
    let heard: Vec<Entry> = select
        .query_map([h], entry)?
        .collect::<rusqlite::Result<_>>()?;
    if !heard.is_empty() {
        database
            .prepare_cached("DELETE FROM orphan WHERE h = ?1")?
            .execute([h])?;
    }
    Ok(heard)
}

pub(crate) fn read(
    database: &Connection,
    after: Option<Cursor>,
    most: usize,
) -> rusqlite::Result<Vec<StoredEvent>> {
    let after = after.map_or(0, |cursor| i64::try_from(cursor.0).unwrap_or(i64::MAX));
    let select = "SELECT place, agent, received_at, inbound, raw, sum FROM event WHERE place > ?1 ORDER BY place LIMIT ?2";
    let mut select = database.prepare_cached(select)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    select.query_map([after, most], stored)?.collect()
}

pub(crate) fn stored(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    let (packed, raw) = (row.get_ref(3)?.as_blob()?, row.get_ref(4)?.as_blob()?);
    messages::check_sum(row, 5, &[row.get_ref(1)?.as_bytes()?, packed, raw])?;
    let json =
        packing::unpack(packed, raw).map_err(|problem| unreadable(3, Type::Blob, problem))?;
    let event = NewEvent {
        agent: row.get(1)?,
        received_at: to_time(row, 2)?,
        content: content(&json, raw).map_err(|problem| unreadable(3, Type::Blob, problem))?,
        consent: None,
    };
    Ok(StoredEvent {
        cursor: Cursor(row.get::<_, i64>(0)?.unsigned_abs()),
        event,
    })
}

fn content(json: &[u8], raw: &[u8]) -> serde_json::Result<EventContent> {
    if json.starts_with(OF_GATEWAY) {
        let OfGateway { gateway } = serde_json::from_slice(json)?;
        return Ok(EventContent::Gateway(gateway));
    }
    let inbound: Inbound = serde_json::from_slice(json)?;
    Ok(EventContent::Platform(Inbound {
        raw: raw.to_vec(),
        ..inbound
    }))
}

/// How [`OfGateway`] begins.
const OF_GATEWAY: &[u8] = br#"{"gateway":"#;

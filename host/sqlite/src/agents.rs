//! Agents, and what their rows go by. An earlier version kept rows under the names of agents: an agent whose name such rows go by
//! keeps it as its key, and every other goes by the platform's id.

use rbm_gateway::store::AgentIdentity;
use rusqlite::{Connection, Row, params};

pub(crate) fn register(
    database: &Connection,
    agents: &[AgentIdentity],
) -> rusqlite::Result<Vec<AgentIdentity>> {
    let is_first = !exists(database, "SELECT EXISTS (SELECT 1 FROM agent)", "")?;
    if is_first && exists(database, HAS_ROWS, "")? {
        mark_legacy_names(database)?;
    }
    let has_legacy_names = exists(database, HAS_LEGACY_NAMES, "")?;
    for agent in agents {
        if exists(database, IS_KNOWN, &agent.platform_id)? {
            continue;
        }
        // At first all names of the configuration: what is known of events goes by them too, and cannot be looked for.
        let goes_by_name = has_legacy_names
            && !exists(database, IS_KEY, &agent.key)?
            && (is_first || exists(database, HAS_ROWS_OF, &agent.key)?);
        insert(database, &agent.clone().with_key(goes_by_name))?;
    }
    let mut select = database.prepare_cached(AGENTS)?;
    select.query_map([], identity)?.collect()
}

/// The rows go by the names of agents.
pub(crate) fn mark_legacy_names(database: &Connection) -> rusqlite::Result<()> {
    database
        .prepare_cached("UPDATE last_place SET legacy_names = 1")?
        .execute([])
        .map(drop)
}

pub(crate) fn has_legacy_names(database: &Connection) -> rusqlite::Result<bool> {
    exists(database, HAS_LEGACY_NAMES, "")
}

pub(crate) fn insert(database: &Connection, agent: &AgentIdentity) -> rusqlite::Result<()> {
    let AgentIdentity { key, platform_id } = agent;
    database
        .prepare_cached("INSERT INTO agent (key, platform_id) VALUES (?1, ?2)")?
        .execute(params![key, platform_id])
        .map(drop)
}

/// From the columns of an agent.
pub(crate) fn identity(row: &Row<'_>) -> rusqlite::Result<AgentIdentity> {
    Ok(AgentIdentity {
        key: row.get(0)?,
        platform_id: row.get(1)?,
    })
}

fn exists(database: &Connection, select: &str, of: &str) -> rusqlite::Result<bool> {
    let mut select = database.prepare_cached(select)?;
    if select.parameter_count() == 0 {
        select.query_row([], |row| row.get(0))
    } else {
        select.query_row([of], |row| row.get(0))
    }
}

pub(crate) const AGENTS: &str = "SELECT key, platform_id FROM agent ORDER BY key";
const IS_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM agent WHERE platform_id = ?1)";
const IS_KEY: &str = "SELECT EXISTS (SELECT 1 FROM agent WHERE key = ?1)";
const HAS_LEGACY_NAMES: &str = "SELECT legacy_names FROM last_place";
const HAS_ROWS: &str = "SELECT EXISTS (SELECT 1 FROM message) OR EXISTS (SELECT 1 FROM event)
    OR EXISTS (SELECT 1 FROM seen) OR EXISTS (SELECT 1 FROM orphan) OR EXISTS (SELECT 1 FROM consent_entry)
    OR EXISTS (SELECT 1 FROM upload) OR EXISTS (SELECT 1 FROM tester)";
/// Of the tables that are small, or have an index for it. An event alone is nobody's loss.
const HAS_ROWS_OF: &str = "SELECT EXISTS (SELECT 1 FROM consent_entry WHERE agent = ?1)
    OR EXISTS (SELECT 1 FROM message WHERE agent = ?1) OR EXISTS (SELECT 1 FROM upload WHERE agent = ?1)
    OR EXISTS (SELECT 1 FROM tester WHERE agent = ?1)";

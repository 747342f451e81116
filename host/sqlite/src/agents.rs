//! Agents, and what their rows go by. A row is kept under the name of its agent where it is older than this table, and under the
//! platform's id of the agent otherwise.

use rbm_gateway::store::AgentIdentity;
use rusqlite::{Connection, Row, params};

pub(crate) fn register(
    database: &Connection,
    agents: &[AgentIdentity],
) -> rusqlite::Result<Vec<AgentIdentity>> {
    let has_legacy_rows: bool = database
        .prepare_cached(HAS_LEGACY_ROWS)?
        .query_row([], |row| row.get(0))?;
    for agent in agents {
        let known = "SELECT EXISTS (SELECT 1 FROM agent WHERE platform_id = ?1)";
        let is_known: bool = database
            .prepare_cached(known)?
            .query_row([&agent.platform_id], |row| row.get(0))?;
        if !is_known {
            insert(database, &agent.clone().with_key(has_legacy_rows))?;
        }
    }
    let mut select = database.prepare_cached(AGENTS)?;
    select.query_map([], identity)?.collect()
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

pub(crate) const AGENTS: &str = "SELECT key, platform_id FROM agent ORDER BY key";
const HAS_LEGACY_ROWS: &str = "SELECT NOT EXISTS (SELECT 1 FROM agent) AND (
    EXISTS (SELECT 1 FROM message) OR EXISTS (SELECT 1 FROM event) OR EXISTS (SELECT 1 FROM seen)
    OR EXISTS (SELECT 1 FROM orphan) OR EXISTS (SELECT 1 FROM consent_entry) OR EXISTS (SELECT 1 FROM upload)
    OR EXISTS (SELECT 1 FROM tester))";

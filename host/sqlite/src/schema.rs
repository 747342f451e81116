//! The tables, version by version. A database says in `user_version` which it has, and in `application_id` whose it is.

use crate::OpenProblem;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Each brings a database from the version of its place to the next. Never changed once released, only added to.
const MIGRATIONS: [&str; 1] = [include_str!("schema/1.sql")];

/// Applies what is missing, all or nothing. What was there before is copied first.
pub(crate) fn bring_up_to_date(connection: &mut Connection, database: &Path) -> Result<(), OpenProblem> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let path = || database.display().to_string();
    let owner: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (owner, tables) {
        (OWNER, _) | (0, 0) => {}
        _ => return Err(OpenProblem::Foreign { path: path() }),
    }
    if found > known {
        return Err(OpenProblem::TooNew { path: path(), found, known });
    }
    if found > 0 && found < known {
        copy(connection, database, found)?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.pragma_update(None, "application_id", OWNER)?;
    transaction.commit()?;
    Ok(())
}

/// `gateway.before-2.db` beside `gateway.db`; one that is there already, of an attempt that did not end, is not touched.
fn copy(connection: &Connection, database: &Path, found: u32) -> Result<(), OpenProblem> {
    let copy = database.with_extension(format!("before-{}.db", found + 1));
    if !copy.exists() {
        connection.execute("VACUUM INTO ?1", [copy.display().to_string()])?;
    }
    Ok(())
}

/// "rbmg"
const OWNER: i32 = 0x7262_6d67;

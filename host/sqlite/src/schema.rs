//! The tables, version by version. A database says in `user_version` which it has, and in `application_id` whose it is.

use crate::{OpenProblem, packing};
use rusqlite::backup::Backup;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::ffi::c_int;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Each brings a database from the version of its place to the next. Never changed once released, only added to.
const MIGRATIONS: [&str; 12] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    include_str!("schema/9.sql"),
    include_str!("schema/10.sql"),
    include_str!("schema/11.sql"),
    include_str!("schema/12.sql"),
];

/// Applies what is missing, all or nothing. What was there before is copied first. Tells whether an earlier version wrote it.
pub(crate) fn bring_up_to_date(
    connection: &mut Connection,
    database: &Path,
) -> Result<bool, OpenProblem> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = latest();
    let path = || database.display().to_string();
    let owner: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (owner, tables) {
        (OWNER, _) | (0, 0) => {}
        _ => return Err(OpenProblem::Foreign { path: path() }),
    }
    if found > known {
        return Err(OpenProblem::TooNew {
            path: path(),
            found,
            known,
        });
    }
    empty_the_log(connection)?;
    if (owner, found) == (OWNER, known) {
        return Ok(false);
    }
    let is_upgrade = found > 0 && found < known;
    if is_upgrade {
        copy(connection, database, found)?;
    }
    packing::register(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.pragma_update(None, "application_id", OWNER)?;
    transaction.commit()?;
    Ok(is_upgrade)
}

/// A log that the last process has left may end in what it failed to flush, and what the system shows without ever writing it.
/// What is committed behind that would be lost with it when the power goes; so all of it is written anew, into the database.
fn empty_the_log(connection: &Connection) -> rusqlite::Result<()> {
    match connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        Err(full) if full.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            tracing::warn!("the disk is full, so the log stays as it is");
            Ok(())
        }
        emptied => emptied,
    }
}

/// The version that this program brings a database to.
pub(crate) fn latest() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// `gateway.before-2.db` beside `gateway.db`. In one transaction, so that it is whole or empty however an attempt ends; one that
/// is whole is not touched.
fn copy(connection: &Connection, database: &Path, found: u32) -> rusqlite::Result<()> {
    let mut copy = Connection::open(copy_of(database, found + 1))?;
    // Also the end of its journal is flushed: one that came back would take the copy away again.
    copy.pragma_update(None, "synchronous", "EXTRA")?;
    let copied: u32 = copy.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if copied != found {
        Backup::new(connection, &mut copy)?.run_to_completion(ALL_PAGES, Duration::ZERO, None)?;
    }
    Ok(())
}

/// Of what was there before this version.
pub(crate) fn copy_of(database: &Path, version: u32) -> PathBuf {
    database.with_extension(format!("before-{version}.db"))
}

const ALL_PAGES: c_int = c_int::MAX;
/// "rbmg"
pub(crate) const OWNER: i32 = 0x7262_6d67;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{self, Durability};
    use crate::events;
    use crate::messages::{hash, hash_bytes};
    use crate::seen;
    use jiff::Timestamp;
    use tempfile::TempDir;

    #[test]
    #[expect(clippy::too_many_lines, reason = "lists, one value a line")]
    fn an_older_database_is_copied_and_brought_up_to_date() {
        let directory = TempDir::new().expect("a directory");
        let database = directory.path().join("gateway.db");
        let mut connection = connection::open(&database, Durability::Full).expect("a database");
        connection
            .execute_batch(MIGRATIONS[0])
            .expect("the first version");
        connection
            .pragma_update(None, "user_version", 1)
            .expect("its number");
        connection
            .pragma_update(None, "application_id", OWNER)
            .expect("its owner");
        let insert = "INSERT INTO quarantine (at, path, rule, reason, body) VALUES (7, '/', 'r', 'why', x'00')";
        connection.execute(insert, []).expect("something kept");
        for (n, purpose) in [(1, "\"authentication\""), (2, "null")] {
            let message =
                "INSERT INTO message (h, id, agent, recipient, body_hash, accepted_at, state, attempt, next_at)
                VALUES (?1, ?1, 'a', '+12', x'00', 0, 'queued', 0, 0)";
            connection
                .execute(
                    &message.replace("(?1, ?1", &format!("(x'0{n}', 'm{n}'")),
                    [],
                )
                .expect("a message");
            let body = format!(
                "INSERT INTO message_body (n, body) VALUES ({n}, '{{\"purpose\":{purpose}}}')"
            );
            connection.execute(&body, []).expect("its body");
        }

        for (place, fact, at) in [
            (1, "\"unsubscribed\"", "\"2026-11-25T10:00:00.25Z\""),
            (2, "\"resubscribed\"", "\"2026-11-25T09:00:00Z\""),
            (3, "\"typing\"", "null"),
            (4, "{\"delivered\":\"m1\"}", "null"),
            (5, "\"unsubscribed\"", "null"),
        ] {
            let event = "INSERT INTO event (place, agent, received_at, phone, inbound, raw)
                VALUES (?1, 'a', 1795600805000000, ?2, ?3, x'')";
            let inbound = format!("{{\"at\":{at},\"fact\":{fact}}}");
            let phone = if place == 5 { "+13" } else { "+12" };
            connection
                .execute(event, (place, phone, inbound))
                .expect("an event");
        }

        connection
            .execute(
                "INSERT INTO seen (h, received_at) VALUES (?1, 7)",
                [[1_u8; 16]],
            )
            .expect("a known event");

        for _ in 0..2 {
            bring_up_to_date(&mut connection, &database).expect("up to date");
            let version =
                connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
            assert_eq!(version.expect("a number") as usize, MIGRATIONS.len());
        }
        let lane = |n: i64| {
            connection.query_row("SELECT lane FROM message WHERE n = ?1", [n], |row| {
                row.get::<_, u8>(0)
            })
        };
        assert_eq!(
            (lane(1).expect("a lane"), lane(2).expect("a lane")),
            (2, 5),
            "a code goes before the others"
        );
        let mut consents = connection
            .prepare("SELECT phone, at, opted_out FROM consent ORDER BY phone")
            .expect("its table");
        let consents: Vec<(String, i64, bool)> = consents
            .query_map([], |row| row.try_into())
            .expect("people")
            .collect::<Result<_, _>>()
            .expect("people");
        let ten = 1_795_600_800_000_000;
        assert_eq!(
            consents,
            [
                ("+12".to_owned(), ten + 250_000, true),
                ("+13".to_owned(), ten + 5_000_000, true)
            ]
        );
        let mut heard = connection
            .prepare("SELECT event FROM consent_entry ORDER BY n")
            .expect("its table");
        let heard: Vec<i64> = heard
            .query_map([], |row| row.get(0))
            .expect("entries")
            .collect::<Result<_, _>>()
            .expect("entries");
        assert_eq!(heard, [1, 2, 5]);
        let kept = |connection: &Connection| {
            connection.query_row("SELECT at FROM quarantine", [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(kept(&connection).expect("kept"), 7);
        let length = connection.query_row("SELECT body_bytes FROM quarantine", [], |row| {
            row.get::<_, i64>(0)
        });
        assert_eq!(length.expect("a length"), 1);
        connection
            .execute(
                "INSERT INTO tester (agent, phone, invited_at) VALUES ('a', '+12', 0)",
                [],
            )
            .expect("a new table");

        seen::prepare(&connection).expect("a table of what is known");
        let known = |h: u8| seen::contains(&connection, &[h; 16]).expect("an answer");
        assert_eq!(
            [known(1), known(2)],
            [true, false],
            "what was known is known"
        );

        let copy =
            Connection::open(directory.path().join("gateway.before-2.db")).expect("the copy");
        assert_eq!(kept(&copy).expect("kept in the copy too"), 7);
        let version = copy.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
        assert_eq!(version.expect("a number"), 1);
    }
    #[test]
    fn events_are_packed_and_one_that_is_damaged_stays_so() {
        let directory = TempDir::new().expect("a directory");
        let database = directory.path().join("gateway.db");
        let mut connection = connection::open(&database, Durability::Full).expect("a database");
        for migration in &MIGRATIONS[..7] {
            connection
                .execute_batch(migration)
                .expect("the version before");
        }
        connection
            .pragma_update(None, "user_version", 7)
            .expect("its number");
        connection
            .pragma_update(None, "application_id", OWNER)
            .expect("its owner");
        let raw = br#"{"agentId":"shop@rbm.goog"}"#;
        let inbound: &[u8] =
            br#"{"dedupe-key":"k","agent":"shop@rbm.goog","phone":"+12","at":null,"fact":"typing","details":[],"raw":[]}"#;
        let damaged = [&inbound[..20], b"\xff", &inbound[21..]].concat();
        let sum = hash_bytes(&[b"shop", inbound, raw]);
        for (place, inbound, sum) in [
            (3, inbound, Some(sum)),
            (4, inbound, None),
            (5, &damaged, Some(sum)),
            (9, inbound, None),
        ] {
            let insert = "INSERT INTO event (place, agent, received_at, phone, inbound, raw, sum)
                VALUES (?1, 'shop', 7, '+12', CAST(?2 AS TEXT), ?3, ?4)";
            connection
                .execute(insert, (place, inbound, raw, sum))
                .expect("an event");
        }
        connection
            .execute("DELETE FROM event WHERE place = 9", [])
            .expect("one that is forgotten");
        connection
            .execute(
                "INSERT INTO seen (h, received_at) VALUES (?1, 7)",
                [hash(&["shop", "k"])],
            )
            .expect("what is known of the third");

        bring_up_to_date(&mut connection, &database).expect("up to date");
        let mut rows = connection
            .prepare(
                "SELECT place, agent, received_at, inbound, raw, sum FROM event ORDER BY place",
            )
            .expect("its table");
        let read: Vec<_> = rows
            .query_map([], |row| Ok(events::stored(row)))
            .expect("rows")
            .collect();
        let [whole, without_sum, damaged] = read.try_into().expect("three events");
        for (event, place) in [(whole, 3), (without_sum, 4)] {
            let event = event.expect("a row").expect("an event that can be read");
            let inbound = event.event.content.inbound().expect("a webhook");
            assert_eq!(
                (event.cursor.0, inbound.raw.as_slice()),
                (place, raw.as_slice())
            );
            assert_eq!(inbound.agent, "shop@rbm.goog");
        }
        damaged.expect("a row").expect_err("one whose sum is wrong");
        seen::prepare(&connection).expect("a table");
        for (second, expected) in [(7, true), (9_000_000_000, false)] {
            let at = Timestamp::from_microsecond(second * 1_000_000).expect("a time");
            let finer = hash(&["shop", "k"]);
            let known = seen::contains_legacy(&connection, &finer, at);
            assert_eq!(known, Ok(expected), "at second {second}");
        }
        assert_eq!(
            events::newest(&connection).expect("a place"),
            9,
            "no place is given twice"
        );
    }
}

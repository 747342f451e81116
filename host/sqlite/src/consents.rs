//! The ledger of consent: the history of each person, and what counts of it.

use crate::SqliteStore;
use crate::messages::{time, to_time, unreadable};
use async_trait::async_trait;
use rbm_gateway::store::consent::{Consent, Consents, Heard, Reason, Wish};
use rbm_gateway::store::{Cursor, StoreProblem};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

#[async_trait]
impl Consents for SqliteStore {
    async fn note_consent(
        &self,
        agent: &str,
        phone: &str,
        consent: Consent,
    ) -> Result<Consent, StoreProblem> {
        let (agent, phone) = (agent.to_owned(), phone.to_owned());
        self.writer
            .write(move |database| note(database, &agent, &phone, &consent, None))
            .await
    }

    async fn consent(&self, agent: &str, phone: &str) -> Result<Option<Consent>, StoreProblem> {
        let (agent, phone) = (agent.to_owned(), phone.to_owned());
        self.readers
            .read(move |database| find(database, &agent, &phone))
            .await
    }

    async fn consent_history(
        &self,
        agent: &str,
        phone: &str,
        most: usize,
    ) -> Result<Vec<Heard>, StoreProblem> {
        let (agent, phone) = (agent.to_owned(), phone.to_owned());
        self.readers
            .read(move |database| history(database, &agent, &phone, most))
            .await
    }

    async fn opted_out(
        &self,
        agent: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, Consent)>, StoreProblem> {
        let (agent, after) = (agent.to_owned(), after.unwrap_or_default().to_owned());
        self.readers
            .read(move |database| opted_out(database, &agent, &after, most))
            .await
    }
}

/// Joins a wish, and tells what counts then.
pub(crate) fn note(
    database: &Connection,
    agent: &str,
    phone: &str,
    consent: &Consent,
    event: Option<i64>,
) -> rusqlite::Result<Consent> {
    let insert = "INSERT INTO consent_entry (agent, phone, at, opted_out, reason, words, event)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (reason, words) = to_words(consent.reason());
    let (at, out) = (time(consent.at()), consent.wish() == Wish::OptedOut);
    database
        .prepare_cached(insert)?
        .execute(params![agent, phone, at, out, reason, words, event])?;
    let counts = consent.clone().join(find(database, agent, phone)?);
    if counts == *consent {
        let replace = "INSERT INTO consent (agent, phone, at, opted_out, reason, words) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT DO UPDATE SET at = ?3, opted_out = ?4, reason = ?5, words = ?6";
        database
            .prepare_cached(replace)?
            .execute(params![agent, phone, at, out, reason, words])?;
    }
    Ok(counts)
}

/// What counts.
pub(crate) fn find(
    database: &Connection,
    agent: &str,
    phone: &str,
) -> rusqlite::Result<Option<Consent>> {
    let select = "SELECT at, opted_out, reason, words FROM consent WHERE agent = ?1 AND phone = ?2";
    database
        .prepare_cached(select)?
        .query_row([agent, phone], consent)
        .optional()
}

fn history(
    database: &Connection,
    agent: &str,
    phone: &str,
    most: usize,
) -> rusqlite::Result<Vec<Heard>> {
    let select = "SELECT at, opted_out, reason, words, event FROM consent_entry
        WHERE agent = ?1 AND phone = ?2 ORDER BY n DESC LIMIT ?3";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    database
        .prepare_cached(select)?
        .query_map(params![agent, phone, most], heard)?
        .collect()
}

/// From the columns of a line of the history.
pub(crate) fn heard(row: &Row<'_>) -> rusqlite::Result<Heard> {
    let event = row
        .get::<_, Option<i64>>(4)?
        .map(|place| Cursor(place.unsigned_abs()));
    Ok(Heard {
        consent: consent(row)?,
        event,
    })
}

fn opted_out(
    database: &Connection,
    agent: &str,
    after: &str,
    most: usize,
) -> rusqlite::Result<Vec<(String, Consent)>> {
    let select = "SELECT at, opted_out, reason, words, phone FROM consent
        WHERE agent = ?1 AND phone > ?2 AND opted_out = 1 ORDER BY phone LIMIT ?3";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let person = |row: &Row<'_>| Ok((row.get(4)?, consent(row)?));
    database
        .prepare_cached(select)?
        .query_map(params![agent, after, most], person)?
        .collect()
}

fn consent(row: &Row<'_>) -> rusqlite::Result<Consent> {
    let wish = if row.get(1)? {
        Wish::OptedOut
    } else {
        Wish::OptedIn
    };
    let (reason, words): (String, Option<String>) = (row.get(2)?, row.get(3)?);
    let reason = match (reason.as_str(), words) {
        (PLATFORM, None) => Reason::Event,
        (KEYWORD, Some(text)) => Reason::Keyword(text),
        (CALLER, Some(why)) => Reason::Caller(why),
        (reason, _) => {
            let unknown = StoreProblem(format!(
                "there is no reason {reason:?} for consent, or not with such words"
            ));
            return Err(unreadable(2, Type::Text, unknown));
        }
    };
    Ok(Consent::new(wish, to_time(row, 0)?, reason))
}

fn to_words(reason: &Reason) -> (&'static str, Option<&str>) {
    match reason {
        Reason::Event => (PLATFORM, None),
        Reason::Keyword(text) => (KEYWORD, Some(text)),
        Reason::Caller(why) => (CALLER, Some(why)),
    }
}

const PLATFORM: &str = "platform";
const KEYWORD: &str = "keyword";
const CALLER: &str = "caller";

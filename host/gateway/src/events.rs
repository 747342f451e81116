//! Events for whoever asks: `GET /v1/events`, and the reading that the stream shares with it.

use crate::Shared;
use crate::api::{parse_limit, view_event};
use crate::problem::{Problem, bad_request};
use crate::request::{parse_query, shown};
use crate::store::{Cursor, Store, StoreProblem, StoredEvent};
use axum::Json;
use axum::extract::{RawQuery, State};
use http::StatusCode;
use rbm_json::event::EventView;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/events?after=&limit=&agent=`
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = parse_query(query.as_deref(), &["after", "limit", "agent"])?;
    let after = match query.get("after") {
        Some(text) => Some(known_cursor(&*shared.store, "after", text).await?),
        None => None,
    };
    let (agent, most) = (
        chosen_agent(&shared, query.get("agent"))?,
        parse_limit(query.get("limit"))?,
    );
    let Page { events, looked_to } = read(&*shared.store, after, most, agent.as_deref()).await?;
    // Afterwards: some may have been removed meanwhile.
    if let Some(after) = after {
        refuse_gap(&*shared.store, "after", after).await?;
    }
    let events: Vec<EventView> = events
        .iter()
        .map(|event| view_event(event, &shared.names))
        .collect();
    Ok(Json(
        json!({ "events": events, "next": looked_to.map(|cursor| cursor.to_string()) }),
    ))
}

/// Events, and up to where there are no others.
pub(crate) struct Page {
    pub(crate) events: Vec<StoredEvent>,
    pub(crate) looked_to: Option<Cursor>,
}

/// Up to so many of one agent or of all. One call looks at a bounded number, and may find none although there are more.
pub(crate) async fn read(
    store: &dyn Store,
    after: Option<Cursor>,
    most: usize,
    agent: Option<&str>,
) -> Result<Page, StoreProblem> {
    let mut page = Page {
        events: Vec::new(),
        looked_to: after,
    };
    let at_once = if agent.is_some() {
        most.max(READ_AT_ONCE_MIN)
    } else {
        most
    };
    for _ in 0..READS_MAX {
        let read = store.read(page.looked_to, at_once).await?;
        let last = read.len() < at_once;
        for event in read {
            page.looked_to = Some(event.cursor);
            if agent.is_none_or(|agent| event.event.agent == agent) {
                page.events.push(event);
            }
            if page.events.len() == most {
                return Ok(page);
            }
        }
        if last {
            break;
        }
    }
    Ok(page)
}

/// 410 if events after a cursor were removed for their age.
async fn refuse_gap(store: &dyn Store, name: &str, cursor: Cursor) -> Result<(), Problem> {
    match missing_after(store, cursor).await? {
        None => Ok(()),
        Some(pruned) => {
            let detail = format!(
                "{name} is {cursor}, and events up to {pruned} are no longer kept: go on after that one"
            );
            Err(Problem::new(StatusCode::GONE, "cursor-gone", &detail).resume_after(pruned))
        }
    }
}

/// The last event that is missing after a cursor, if any is. Who begins before the first asks for what there is.
pub(crate) async fn missing_after(
    store: &dyn Store,
    cursor: Cursor,
) -> Result<Option<Cursor>, StoreProblem> {
    let pruned = store.pruned().await?;
    Ok(pruned.filter(|pruned| cursor.0 > 0 && cursor < *pruned))
}

/// A cursor that an event of this gateway has had, or the one before the first.
pub(crate) async fn known_cursor(
    store: &dyn Store,
    name: &str,
    text: &str,
) -> Result<Cursor, Problem> {
    let (cursor, newest) = (parse_cursor(name, text)?, store.newest().await?);
    if cursor.0 == 0 || newest.is_some_and(|newest| cursor <= newest) {
        return Ok(cursor);
    }
    let newest = newest.map_or_else(
        || "there is none yet".to_owned(),
        |newest| format!("the newest is {newest}"),
    );
    Err(bad_request(
        "cursor",
        &format!("{name} is {cursor}, which no event of this gateway has had: {newest}"),
    ))
}

pub(crate) fn parse_cursor(name: &str, text: &str) -> Result<Cursor, Problem> {
    Cursor::parse(text).ok_or_else(|| {
        bad_request(
            "cursor",
            &format!(
                "{name} is {}, which is no cursor of this gateway",
                shown(text)
            ),
        )
    })
}

/// What its rows go by, if one is named.
pub(crate) fn chosen_agent(
    shared: &Shared,
    name: Option<&String>,
) -> Result<Option<String>, Problem> {
    let named = name.map(|name| crate::api::parse_agent(shared, name));
    named.transpose()
}

/// Where most are not wanted.
const READ_AT_ONCE_MIN: usize = 100;
const READS_MAX: usize = 10;

//! Callbacks over HTTP: how each is doing, what it has given up, and how to set it going again.

use crate::api::{parse_limit, view_event};
use crate::callback::{Running, Seen};
use crate::events::parse_cursor;
use crate::problem::{Problem, bad_request, not_found};
use crate::request::{PathName, parse_query, read_optional_fields, shown};
use crate::store::consumer::DeadLetter;
use crate::store::{Cursor, StoreProblem};
use crate::{AgentNames, Shared};
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use http::Request;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/callbacks`
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    parse_query(query.as_deref(), &[])?;
    let mut callbacks = Vec::new();
    for running in &shared.callbacks {
        callbacks.push(view(&shared, running).await?);
    }
    Ok(Json(json!({ "callbacks": callbacks })))
}

/// `POST /v1/callbacks/{name}/enable`. What is owed is tried at once, also of one that is enabled.
pub(crate) async fn enable(
    State(shared): State<Arc<Shared>>,
    PathName(name): PathName,
    request: Request<Body>,
) -> Result<Json<CallbackView>, Problem> {
    read_optional_fields(request, &[]).await?;
    let running = find(&shared, &name)?;
    shared.store.enable(&name, shared.now()).await?;
    running.wake();
    tracing::info!(callback = name, "a callback was enabled");
    Ok(Json(view(&shared, running).await?))
}

/// `GET /v1/dead-letters?callback=&after=&limit=`
pub(crate) async fn dead_letters(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = parse_query(query.as_deref(), &["callback", "after", "limit"])?;
    let name = choose(&shared, query.get("callback"))?.callback.name();
    let after = query
        .get("after")
        .map(|text| parse_cursor("after", text))
        .transpose()?;
    let most = parse_limit(query.get("limit"))?;
    let letters = shared.store.dead_letters(name, after, most).await?;
    let next = (letters.len() == most)
        .then(|| letters.last().map(|letter| letter.cursor.to_string()))
        .flatten();
    let letters: Vec<Value> = letters
        .iter()
        .map(|letter| view_letter(name, letter, &shared.names))
        .collect();
    Ok(Json(json!({ "dead_letters": letters, "next": next })))
}

/// `POST /v1/dead-letters/{callback}/{cursor}/replay`
pub(crate) async fn replay(
    State(shared): State<Arc<Shared>>,
    PathName((name, cursor)): PathName<(String, String)>,
    request: Request<Body>,
) -> Result<Json<Value>, Problem> {
    read_optional_fields(request, &[]).await?;
    let cursor = parse_cursor("the cursor", &cursor)?;
    match replay_from(&shared, &name, Some(cursor)).await? {
        0 => Err(not_found(&format!(
            "the callback {name} has no dead letter {cursor}"
        ))),
        replayed => Ok(Json(json!({ "replayed": replayed }))),
    }
}

/// `POST /v1/dead-letters/{callback}/replay`
pub(crate) async fn replay_all(
    State(shared): State<Arc<Shared>>,
    PathName(name): PathName,
    request: Request<Body>,
) -> Result<Json<Value>, Problem> {
    read_optional_fields(request, &[]).await?;
    Ok(Json(
        json!({ "replayed": replay_from(&shared, &name, None).await? }),
    ))
}

async fn replay_from(shared: &Shared, name: &str, only: Option<Cursor>) -> Result<u64, Problem> {
    let running = find(shared, name)?;
    let replayed = shared.store.replay(name, only, shared.now()).await?;
    running.wake();
    Ok(replayed)
}

/// How a callback is doing.
#[derive(Debug, Serialize)]
pub(crate) struct CallbackView {
    name: String,
    /// Without a query, which may have a secret in it.
    url: String,
    agents: Vec<String>,
    enabled: bool,
    disabled_at: Option<Timestamp>,
    disabled_reason: Option<String>,
    cursor: Option<String>,
    /// Events that it has not taken, those of other agents among them.
    undelivered: u64,
    /// When the gateway heard of the oldest of them.
    undelivered_since: Option<Timestamp>,
    /// Those of them that were tried, or wait for such.
    retrying: u64,
    dead_letters: u64,
    #[serde(flatten)]
    seen: Seen,
}

async fn view(shared: &Shared, running: &Running) -> Result<CallbackView, StoreProblem> {
    let callback = &running.callback;
    let known = shared.store.consumer(callback.name()).await?;
    let (newest, after) = (shared.store.newest().await?, known.after);
    let place = |cursor: Option<Cursor>| cursor.map_or(0, |cursor| cursor.0);
    let before_oldest = known
        .oldest_owed
        .map(|oldest| Cursor(oldest.0.saturating_sub(1)))
        .or(after);
    let oldest = shared.store.read(before_oldest, 1).await?.pop();
    let mut url = callback.url().clone();
    url.set_query(None);
    Ok(CallbackView {
        name: callback.name().to_owned(),
        url: url.to_string(),
        agents: callback.agents().to_vec(),
        enabled: known.disabled.is_none(),
        disabled_at: known.disabled.as_ref().map(|disabled| disabled.at),
        disabled_reason: known.disabled.map(|disabled| disabled.reason),
        cursor: after.map(|cursor| cursor.to_string()),
        undelivered: place(newest).saturating_sub(place(after)) + known.owed,
        undelivered_since: oldest.map(|event| event.event.received_at),
        retrying: known.owed,
        dead_letters: known.dead,
        seen: running.status().seen(),
    })
}

fn view_letter(callback: &str, letter: &DeadLetter, names: &AgentNames) -> Value {
    let DeadLetter {
        cursor,
        attempts,
        at,
        reason,
        event,
    } = letter;
    json!({
        "callback": callback,
        "cursor": cursor.to_string(),
        "attempts": attempts,
        "at": at,
        "reason": reason,
        "event": event.as_ref().map(|event| view_event(event, names)),
    })
}

fn find<'a>(shared: &'a Shared, name: &str) -> Result<&'a Running, Problem> {
    let named = shared
        .callbacks
        .iter()
        .find(|running| running.callback.name() == name);
    named.ok_or_else(|| not_found(&format!("there is no callback {}", shown(name))))
}

/// By its name, or the only one.
fn choose<'a>(shared: &'a Shared, name: Option<&String>) -> Result<&'a Running, Problem> {
    match (name, shared.callbacks.as_slice()) {
        (Some(name), _) => find(shared, name),
        (None, [only]) => Ok(only),
        (None, []) => Err(not_found("there are no callbacks")),
        (None, several) => {
            let names: Vec<&str> = several
                .iter()
                .map(|running| running.callback.name())
                .collect();
            Err(bad_request(
                "callback",
                &format!(
                    "callback is missing, and must be one of {}",
                    names.join(", ")
                ),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use crate::bare::{ask_json, hear, shared};
    use crate::callback::{Callback, CallbackSettings, Pace, StartFrom};
    use crate::store::Store;
    use crate::store::consumer::{Change, Delivery, Disabled, Progress};
    use http::Method;
    use rbm_clock::Clock;
    use tokio::sync::{Notify, watch};

    /// Callbacks that do nothing, as their gateway has stopped: what happens to them is in the store.
    fn gateway(names: &[&str]) -> Arc<Shared> {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let clock = Clock::system();
        let (_, stopped) = watch::channel(true);
        let start = |name: &&str| {
            let settings = CallbackSettings {
                name: (*name).to_owned(),
                url: "https://app.example/events?key=geheim".into(),
                secrets: vec!["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()],
                agents: vec![],
                from: StartFrom::Oldest,
                ordered: false,
                allow_private_addresses: false,
            };
            let callback = Callback::new(settings).expect("a callback");
            let events = Arc::new(Notify::new());
            let pace = Pace::default();
            Running::start(
                callback,
                store.clone(),
                clock.clone(),
                pace,
                Arc::default(),
                events,
                stopped.clone(),
            )
            .expect("started")
            .0
        };
        let callbacks = names.iter().map(start).collect();
        shared(store, callbacks).0
    }

    /// Of four events the first was given up, the second is owed, and the fourth is new.
    async fn with_history() -> Arc<Shared> {
        let shared = gateway(&["app"]);
        for key in ["k1", "k2", "k3", "k4"] {
            hear(&shared, key, "demo", 1).await;
        }
        let at = Timestamp::UNIX_EPOCH;
        let reason = "500 Internal Server Error".to_owned();
        let dead = Change::Dead {
            cursor: Cursor(1),
            attempts: 10,
            at,
            reason: reason.clone(),
        };
        let (cursor, next_at) = (Cursor(2), Some(Timestamp::MAX));
        let owed = Delivery {
            cursor,
            conversation: None,
            attempts: 3,
            reason: Some(reason),
            next_at,
        };
        let disabled = Some(Disabled {
            at,
            reason: "410 Gone: it wants no more events".into(),
        });
        let progress = Progress {
            after: Some(Cursor(3)),
            changes: vec![dead, Change::Owed(owed)],
            disabled,
        };
        shared
            .store
            .progress("app", at, progress)
            .await
            .expect("kept");
        shared
    }

    #[tokio::test]
    async fn a_callback_says_how_it_is_doing() {
        let shared = with_history().await;
        let (status, body) = ask_json(&shared, Method::GET, "/v1/callbacks").await;
        let expected = json!({ "callbacks": [{
            "name": "app", "url": "https://app.example/events", "agents": [], "enabled": false,
            "disabled_at": "1970-01-01T00:00:00Z", "disabled_reason": "410 Gone: it wants no more events",
            "cursor": "e3", "undelivered": 2, "undelivered_since": "1970-01-01T00:00:00Z", "retrying": 1,
            "dead_letters": 1, "failures": 0, "last_answer": null,
        }] });
        assert_eq!((status, body), (200, expected));
    }

    #[tokio::test]
    async fn who_is_enabled_gets_at_once_what_is_owed() {
        let shared = with_history().await;
        let (status, body) = ask_json(&shared, Method::POST, "/v1/callbacks/app/enable").await;
        assert_eq!(
            (status, &body["enabled"], &body["retrying"]),
            (200, &json!(true), &json!(1))
        );
        assert_eq!(
            shared
                .store
                .due("app", shared.now(), 9)
                .await
                .expect("answer")
                .len(),
            1
        );
    }

    #[tokio::test]
    async fn dead_letters_are_listed_and_replayed() {
        let shared = with_history().await;
        for path in [
            "/v1/dead-letters",
            "/v1/dead-letters?callback=app&limit=5",
            "/v1/dead-letters?after=e0",
        ] {
            let (status, body) = ask_json(&shared, Method::GET, path).await;
            let letter = &body["dead_letters"][0];
            assert_eq!(
                (status, &letter["cursor"], &letter["attempts"]),
                (200, &json!("e1"), &json!(10)),
                "{path}"
            );
            assert_eq!(
                (&letter["reason"], &letter["at"]),
                (
                    &json!("500 Internal Server Error"),
                    &json!("1970-01-01T00:00:00Z")
                )
            );
            assert_eq!(
                (&letter["event"]["kind"], &body["next"]),
                (&json!("typing"), &json!(null))
            );
        }
        let (_, body) = ask_json(&shared, Method::GET, "/v1/dead-letters?limit=1").await;
        assert_eq!(body["next"], "e1");
        assert_eq!(
            ask_json(&shared, Method::GET, "/v1/dead-letters?after=e1")
                .await
                .1["dead_letters"],
            json!([])
        );
        let (status, body) =
            ask_json(&shared, Method::POST, "/v1/dead-letters/app/e1/replay").await;
        assert_eq!((status, body), (200, json!({ "replayed": 1 })));
        assert_eq!(
            ask_json(&shared, Method::GET, "/v1/dead-letters").await.1["dead_letters"],
            json!([])
        );
        let (status, body) = ask_json(&shared, Method::POST, "/v1/dead-letters/app/replay").await;
        assert_eq!((status, body), (200, json!({ "replayed": 0 })));
    }

    #[tokio::test]
    async fn what_there_is_not_is_named() {
        let (none, two) = (gateway(&[]), gateway(&["app", "other"]));
        for (shared, method, path, status, code) in [
            (
                &two,
                Method::POST,
                "/v1/callbacks/nobody/enable",
                404,
                "not-found",
            ),
            (&two, Method::GET, "/v1/callbacks?x=1", 400, "parameter"),
            (&two, Method::GET, "/v1/callbacks/app/enable", 405, "method"),
            (&two, Method::GET, "/v1/dead-letters", 400, "callback"),
            (&none, Method::GET, "/v1/dead-letters", 404, "not-found"),
            (
                &two,
                Method::GET,
                "/v1/dead-letters?callback=nobody",
                404,
                "not-found",
            ),
            (
                &two,
                Method::GET,
                "/v1/dead-letters?callback=app&after=x",
                400,
                "cursor",
            ),
            (
                &two,
                Method::GET,
                "/v1/dead-letters?callback=app&limit=0",
                400,
                "limit",
            ),
            (
                &two,
                Method::POST,
                "/v1/dead-letters/app/e1/replay",
                404,
                "not-found",
            ),
            (
                &two,
                Method::POST,
                "/v1/dead-letters/app/1/replay",
                400,
                "cursor",
            ),
            (
                &two,
                Method::POST,
                "/v1/dead-letters/app/%ff/replay",
                400,
                "path",
            ),
            (
                &two,
                Method::POST,
                "/v1/dead-letters/nobody/e1/replay",
                404,
                "not-found",
            ),
            (
                &two,
                Method::POST,
                "/v1/dead-letters/nobody/replay",
                404,
                "not-found",
            ),
            (
                &two,
                Method::POST,
                "/v1/dead-letters/app/replay?all=1",
                400,
                "parameter",
            ),
        ] {
            let (answered, body) = ask_json(shared, method, path).await;
            assert_eq!(
                (answered, &body["code"]),
                (status, &json!(code)),
                "{path}: {body}"
            );
        }
    }
}

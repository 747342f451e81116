//! Who has opted out: for whoever asks, and from whoever has heard of it elsewhere, such as on the telephone. The platform
//! blocks nothing after an opt-out, so the gateway does: [`check`] here, and the store again whenever an attempt begins.

use crate::api::{named_agent, parse_limit};
use crate::problem::{Problem, bad_request};
use crate::request::{
    PathName, parse_phone, parse_query, read_fields, read_fields_or_query, required_text, shown,
    text,
};
use crate::store::consent::{Consent, Heard, Reason, Wish};
use crate::store::lane::ESSENTIAL;
use crate::{Agent, Shared};
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use gateway_channel::Message;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/opt-outs?agent=&after=&limit=`: those who have opted out, in the order of their numbers.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = parse_query(query.as_deref(), &["agent", "after", "limit"])?;
    let agent = named_agent(&shared, query.get("agent").map(String::as_str))?;
    let after = query
        .get("after")
        .map(|phone| parse_phone("after", phone))
        .transpose()?;
    let most = parse_limit(query.get("limit"))?;
    let found = shared
        .store
        .opted_out(agent.key(), after.as_deref(), most)
        .await?;
    let next = (found.len() == most)
        .then(|| found.last().map(|(phone, _)| phone.clone()))
        .flatten();
    let opt_outs: Vec<Value> = found
        .into_iter()
        .map(|(phone, consent)| view(&agent.name, &phone, &consent))
        .collect();
    Ok(Json(json!({ "opt_outs": opt_outs, "next": next })))
}

/// `GET /v1/opt-outs/{phone}?agent=`: what counts, and the latest of what was heard.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = parse_query(query.as_deref(), &["agent"])?;
    let agent = named_agent(&shared, query.get("agent").map(String::as_str))?;
    let phone = parse_phone("phone", &phone)?;
    let consent = shared.store.consent(agent.key(), &phone).await?;
    let mut person = match &consent {
        Some(consent) => view(&agent.name, &phone, consent),
        None => json!({ "agent": agent.name, "phone": phone, "opted_out": false }),
    };
    let history = shared
        .store
        .consent_history(agent.key(), &phone, HISTORY_MAX)
        .await?;
    person["history"] = history.iter().map(view_heard).collect();
    Ok(Json(person))
}

/// `PUT /v1/opt-outs/{phone}` with `{"agent","reason"}`: the person has opted out elsewhere.
pub(crate) async fn opt_out(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    request: Request<Body>,
) -> Result<Json<Value>, Problem> {
    let phone = parse_phone("phone", &phone)?;
    let body = read_fields(request, &["agent", "reason"]).await?;
    let agent = named_agent(&shared, text(&body, "agent")?)?;
    let reason = required_text(&body, "reason", REASON_RULE)?;
    note(&shared, &agent, &phone, reason, Wish::OptedOut).await
}

/// `DELETE /v1/opt-outs/{phone}?agent=`, perhaps with `{"agent","reason"}`: the person wants messages again.
pub(crate) async fn opt_in(
    State(shared): State<Arc<Shared>>,
    PathName(phone): PathName,
    request: Request<Body>,
) -> Result<Json<Value>, Problem> {
    let phone = parse_phone("phone", &phone)?;
    let (body, query) = read_fields_or_query(request, &["agent", "reason"], &["agent"]).await?;
    let in_query = query.get("agent").map(String::as_str);
    let agent = named_agent(&shared, only_one(in_query, text(&body, "agent")?)?)?;
    let reason = match text(&body, "reason")? {
        Some(_) => required_text(&body, "reason", REASON_RULE)?,
        None => REASON_DEFAULT,
    };
    note(&shared, &agent, &phone, reason, Wish::OptedIn).await
}

/// The agent that a request names in its query, in its body, or in both.
fn only_one<'a>(
    in_query: Option<&'a str>,
    in_body: Option<&'a str>,
) -> Result<Option<&'a str>, Problem> {
    match (in_query, in_body) {
        (Some(query), Some(body)) if query != body => {
            let detail = format!(
                "agent is {} in the query and {} in the body, and must be the same in both",
                shown(query),
                shown(body)
            );
            Err(bad_request("agent", &detail))
        }
        _ => Ok(in_query.or(in_body)),
    }
}

/// 409 for a message to somebody who wants none such.
pub(crate) async fn check(
    shared: &Shared,
    agent: &Agent,
    message: &Message,
) -> Result<(), Problem> {
    let consent = shared
        .store
        .consent(agent.key(), &message.recipient)
        .await?;
    match consent.filter(|consent| !consent.permits(message.purpose)) {
        None => Ok(()),
        Some(consent) => Err(opted_out(agent, &message.recipient, &consent)),
    }
}

fn opted_out(agent: &Agent, phone: &str, consent: &Consent) -> Problem {
    let purposes = ESSENTIAL.map(rbm_json::message::purpose_word).join(", ");
    let detail = format!(
        "{phone} has opted out of messages of {} since {}, because {}; only a message whose purpose is one of {purposes} may \
         be sent",
        agent.name,
        consent.at(),
        consent.reason(),
    );
    Problem::new(StatusCode::CONFLICT, "opted-out", &detail)
}

/// What counts afterwards is what is answered: something newer may be known.
async fn note(
    shared: &Shared,
    agent: &Agent,
    phone: &str,
    reason: &str,
    wish: Wish,
) -> Result<Json<Value>, Problem> {
    let characters = reason.chars().count();
    if characters > REASON_CHARACTERS_MAX {
        let detail =
            format!("reason has {characters} characters, the limit is {REASON_CHARACTERS_MAX}");
        return Err(bad_request("reason", &detail));
    }
    let consent = Consent::new(wish, shared.now(), Reason::Caller(reason.to_owned()));
    let counts = shared
        .store
        .note_consent(agent.key(), phone, consent)
        .await?;
    tracing::info!(
        agent = agent.name,
        wish = wish.as_str(),
        "a caller said what a person wants"
    );
    Ok(Json(view(&agent.name, phone, &counts)))
}

fn view(agent: &str, phone: &str, consent: &Consent) -> Value {
    json!({
        "agent": agent,
        "phone": phone,
        "opted_out": consent.wish() == Wish::OptedOut,
        "since": consent.at(),
        "reason": view_reason(consent.reason()),
    })
}

fn view_heard(heard: &Heard) -> Value {
    let Heard { consent, event } = heard;
    json!({
        "at": consent.at(),
        "wish": consent.wish().as_str(),
        "reason": view_reason(consent.reason()),
        "event": event.map(|cursor| cursor.to_string()),
    })
}

fn view_reason(reason: &Reason) -> Value {
    match reason {
        Reason::Event => json!({ "by": "platform" }),
        Reason::Keyword(text) => json!({ "by": "keyword", "text": text }),
        Reason::Caller(why) => json!({ "by": "caller", "text": why }),
    }
}

const REASON_RULE: &str = "a sentence about how you know, for whoever asks later";
const REASON_DEFAULT: &str = "a caller asked for it";
const REASON_CHARACTERS_MAX: usize = 500;
const HISTORY_MAX: usize = 100;

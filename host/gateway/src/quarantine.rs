//! What was put aside, for whoever looks after the gateway: what there is, why, and another judgement after the reason is gone,
//! such as a token that was not configured. Nothing is believed here that the plugin does not believe.

use crate::Shared;
use crate::api::parse_limit;
use crate::inbox::{NOT_SERVED, concerned, heard, ingest, not_served, receiver, why_not_believed};
use crate::problem::{Problem, bad_request, not_found, unavailable};
use crate::request::{PathName, parse_query, read_optional_fields, shown};
use crate::store::quarantine::{QuarantineId, Quarantined, StoredQuarantined};
use crate::store::{Ingested, NewEvent};
use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway_channel::Inbound;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use rbm_host::webhook::{self, Outcome};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `GET /v1/quarantine?after=&limit=`, newest first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let query = parse_query(query.as_deref(), &["after", "limit"])?;
    let after = query
        .get("after")
        .map(|text| parse_id("after", text))
        .transpose()?;
    let most = parse_limit(query.get("limit"))?;
    let stored = shared.store.quarantined(after, most).await?;
    let next = (stored.len() == most)
        .then(|| stored.last().map(|stored| stored.id.to_string()))
        .flatten();
    let listed = stored.iter().map(|stored| {
        let mut view = summary(stored);
        view.insert(
            "excerpt".to_owned(),
            json!(String::from_utf8_lossy(&stored.request.body)),
        );
        view
    });
    Ok(Json(
        json!({ "quarantine": listed.collect::<Vec<_>>(), "next": next }),
    ))
}

/// `GET /v1/quarantine/{id}`: all that is kept of it. A body that is no text is in base64.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    PathName(id): PathName,
    RawQuery(query): RawQuery,
) -> Result<Json<Map<String, Value>>, Problem> {
    parse_query(query.as_deref(), &[])?;
    let stored = find(&shared, &id).await?;
    let Quarantined { headers, body, .. } = &stored.request;
    let pair =
        |header: &gateway_channel::Header| json!({ "name": header.name, "value": header.value });
    let headers = headers
        .as_ref()
        .map(|headers| headers.iter().map(pair).collect::<Vec<_>>());
    let (name, text) = match std::str::from_utf8(body) {
        Ok(text) => ("body", text.to_owned()),
        Err(_) => ("body_base64", STANDARD.encode(body)),
    };
    let mut view = summary(&stored);
    view.extend([
        ("headers".to_owned(), json!(headers)),
        (name.to_owned(), json!(text)),
    ]);
    Ok(Json(view))
}

/// `POST /v1/quarantine/{id}/replay`: 200 if it is believed and served now; then it is an event like any other, and no more
/// here. 409 with the reason of now if it is not; then it stays.
pub(crate) async fn replay(
    State(shared): State<Arc<Shared>>,
    PathName(id): PathName,
    request: Request<Body>,
) -> Result<Json<Value>, Problem> {
    read_optional_fields(request, &[]).await?;
    let StoredQuarantined { id, request, .. } = find(&shared, &id).await?;
    let events = judge_again(&shared, request).await?;
    // Before it is forgotten; if that fails, it is a duplicate the next time.
    let ingested = ingest(&shared, events).await?;
    shared.store.release(id).await?;
    let new = |ingested: &Ingested| match ingested {
        Ingested::New(cursor) => Some(cursor.to_string()),
        Ingested::Duplicate => None,
    };
    let events: Vec<String> = ingested.iter().filter_map(new).collect();
    tracing::info!(request = %id, events = events.len(), "a request left the quarantine");
    Ok(Json(
        json!({ "id": id.to_string(), "duplicates": ingested.len() - events.len(), "events": events }),
    ))
}

/// By the configuration of now. All of its events, or none.
async fn judge_again(shared: &Shared, kept: Quarantined) -> Result<Vec<NewEvent>, Problem> {
    let request = again(&kept)?;
    let senders = shared.senders();
    let (channel, serves) = receiver(&senders, &kept.path).ok_or_else(|| {
        conflict(
            NOT_SERVED,
            &format!("nobody takes requests at {} now", shown(&kept.path)),
        )
    })?;
    let now = shared.now();
    let Outcome {
        verdict, inbound, ..
    } = webhook::receive(channel, &webhook::Limits::default(), now, request)
        .await
        .map_err(|problem| unavailable(&format!("the request could not be judged: {problem}")))?;
    if let Some((rule, reason)) = verdict.as_ref().and_then(why_not_believed) {
        return Err(conflict(
            "not-believed",
            &format!("it is still not believed: {reason} ({rule})"),
        ));
    }
    let event = |inbound: Inbound| match concerned(serves, &inbound) {
        Some(agent) => Ok(heard(shared, agent, inbound, now)),
        None => Err(conflict(NOT_SERVED, &not_served(&inbound))),
    };
    inbound.into_iter().map(event).collect()
}

/// The request as it came. 409 if not all of it was kept.
fn again(kept: &Quarantined) -> Result<Request<Bytes>, Problem> {
    let cut = |detail: &str| {
        conflict(
            "not-whole",
            &format!("{detail}, and cannot be judged again"),
        )
    };
    let Some(headers) = &kept.headers else {
        return Err(cut("its headers were not kept"));
    };
    if !kept.is_whole() {
        return Err(cut(&format!(
            "of its {} bytes only {} were kept",
            kept.body_bytes,
            kept.body.len()
        )));
    }
    let request = Request::builder().method(Method::POST).uri(&kept.path);
    let mut request = request
        .body(Bytes::from(kept.body.clone()))
        .map_err(|_| cut("its path is no path any more"))?;
    for header in headers {
        let (name, value) = (
            header.name.parse::<HeaderName>(),
            HeaderValue::from_bytes(header.value.as_bytes()),
        );
        if let (Ok(name), Ok(value)) = (name, value) {
            request.headers_mut().append(name, value);
        }
    }
    Ok(request)
}

fn summary(stored: &StoredQuarantined) -> Map<String, Value> {
    let StoredQuarantined {
        id,
        is_whole,
        request,
    } = stored;
    Map::from_iter([
        ("id".to_owned(), json!(id.to_string())),
        ("at".to_owned(), json!(request.at)),
        ("path".to_owned(), json!(request.path)),
        ("rule".to_owned(), json!(request.rule)),
        ("reason".to_owned(), json!(request.reason)),
        ("body_bytes".to_owned(), json!(request.body_bytes)),
        ("whole".to_owned(), json!(is_whole)),
    ])
}

async fn find(shared: &Shared, id: &str) -> Result<StoredQuarantined, Problem> {
    let id = parse_id("the id", id)?;
    let stored = shared.store.quarantined_one(id).await?;
    stored.ok_or_else(|| not_found(&format!("there is no request {id} in the quarantine")))
}

fn parse_id(name: &str, text: &str) -> Result<QuarantineId, Problem> {
    QuarantineId::parse(text).ok_or_else(|| {
        bad_request(
            "id",
            &format!(
                "{name} is {}, which is no id of the quarantine",
                shown(text)
            ),
        )
    })
}

fn conflict(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, detail)
}

//! The gateway over HTTP: messages in, what became of them, and events out. Every error is a problem with a code and a
//! sentence; nothing is answered 202 before it is kept.

use crate::body::read_json;
use crate::guard::{callers_only, encrypted_only};
use crate::lifecycle::{Fact, State as MessageState, WORDS};
use crate::problem::{Problem, bad_request, not_found, unavailable};
use crate::request::{PathName, bound_headers, header_once, parse_phone, parse_query, shown};
use crate::senders::AgentNames;
use crate::store::event::EventContent;
use crate::store::{Accepted, Filter, NewMessage, StoreProblem, StoredEvent, StoredMessage};
use crate::view::MessageView;
use crate::{Agent, Shared, gateway_event, opt_outs, routes};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use gateway_channel::{Expiry, Finding, Message, Report, Severity};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use rbm_json::accepted::AcceptedView;
use rbm_json::check::CheckView;
use rbm_json::message::{Draft, Reading};
use rbm_json::{event, finding, id, message, schedule};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// Everything that the gateway answers to.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let callers = routes::router(routes::for_callers())
        .layer(middleware::from_fn_with_state(shared.clone(), callers_only));
    let platform = routes::router(routes::for_the_platform()).layer(
        middleware::from_fn_with_state(shared.clone(), encrypted_only),
    );
    callers
        .merge(platform)
        .fallback(
            |uri: Uri| async move { not_found(&format!("there is nothing at {}", uri.path())) },
        )
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            let detail = format!("{method} is not for {}", uri.path());
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", &detail)
        })
        .layer(middleware::from_fn(bound_headers))
        .with_state(shared)
}

impl From<StoreProblem> for Problem {
    fn from(problem: StoreProblem) -> Self {
        tracing::error!(%problem, "a request was not served");
        unavailable("the store did not answer; try again")
    }
}

/// `POST /v1/messages`
pub(crate) async fn send(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (body, key) = (
        read_json(&parts.headers, body).await?,
        idempotency_key(&parts.headers)?,
    );
    let Asked {
        agent,
        message,
        send_at,
    } = match understand(&shared, key.as_deref(), &body) {
        Understood {
            asked: Some(asked),
            wrong,
        } if wrong.is_empty() => asked,
        Understood {
            asked:
                Some(Asked {
                    agent,
                    message,
                    send_at,
                }),
            wrong,
        } => {
            let report = examine(&shared, &agent, &message, send_at).await?;
            return Err(Problem::not_sendable(finding::all_of_message(
                wrong,
                report.findings,
                &message,
            )));
        }
        Understood { asked: None, wrong } => {
            return Err(Problem::not_sendable(
                wrong.into_iter().map(finding::of_shape).collect(),
            ));
        }
    };
    // Members of a JSON object are in alphabetical order here, so the same message hashes the same however it is written.
    let (id, body_hash) = (message.id.clone(), Sha256::digest(body.to_string()).into());
    // Before the plugin's check: what was accepted once stays accepted, even if it would not be today.
    if let Some(earlier) = shared.store.message(&id).await? {
        return repeated(&id, earlier.body_hash == body_hash, earlier.facts.state());
    }
    let report = examine(&shared, &agent, &message, send_at).await?;
    if report
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        return Err(Problem::not_sendable(finding::all_of_message(
            Vec::new(),
            report.findings,
            &message,
        )));
    }
    // The store looks again when an attempt begins: who has not opted out now may have by then.
    opt_outs::check(&shared, &agent, &message).await?;
    let now = shared.now();
    let queued = MessageState::Queued.as_str();
    let view = AcceptedView::of_checked(&id, queued, report.findings, &message);
    let (expires_at, message) = with_absolute_expiry(message, first_attempt(send_at, now));
    let new = NewMessage {
        agent: agent.key().to_owned(),
        message,
        body_hash,
        at: now,
        send_at,
        expires_at,
    };
    match shared.store.accept(new).await? {
        Accepted::New => {
            tracing::info!(message_id = id, agent = agent.name, "message accepted");
            shared.metrics.message(Fact::Queued);
            shared.outbox.notify_one();
            Ok(accepted(&view))
        }
        Accepted::Same(state) => repeated(&id, true, state),
        Accepted::Conflict => repeated(&id, false, MessageState::Queued),
    }
}

/// `POST /v1/check`
pub(crate) async fn check(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Json<CheckView>, Problem> {
    let (parts, body) = request.into_parts();
    let body = read_json(&parts.headers, body).await?;
    let Understood { asked, wrong } = understand(&shared, None, &body);
    let Some(Asked {
        agent,
        message,
        send_at,
    }) = asked
    else {
        return Ok(Json(CheckView::of_no_message(wrong)));
    };
    let report = examine(&shared, &agent, &message, send_at).await?;
    let plain = agent.channel.plain_text(shared.now(), &message).await;
    let plain = plain.map_err(|problem| unavailable(&problem.to_string()))?;
    Ok(Json(CheckView::of_message(wrong, report, plain, &message)))
}

/// `GET /v1/messages/{id}`
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    PathName(id): PathName,
) -> Result<Json<MessageView>, Problem> {
    view_message(&shared, &id).await.map(Json)
}

/// `GET /v1/messages?agent=&to=&state=&after=&limit=`
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = parse_query(
        query.as_deref(),
        &["agent", "to", "state", "after", "limit"],
    )?;
    let filter = Filter {
        agent: query
            .remove("agent")
            .map(|name| parse_agent(&shared, &name))
            .transpose()?,
        recipient: query
            .remove("to")
            .map(|phone| parse_phone("to", &phone))
            .transpose()?,
        state: query
            .remove("state")
            .map(|word| parse_state(&word))
            .transpose()?,
        after: query.remove("after"),
        oldest_first: false,
        most: parse_limit(query.get("limit"))?,
    };
    if let Some(id) = &filter.after {
        find_message(&shared, id).await?;
    }
    let messages: Vec<MessageView> = shared
        .store
        .find(&filter)
        .await?
        .into_iter()
        .map(|stored| MessageView::listed(stored, &shared.names))
        .collect();
    let next = (messages.len() == filter.most)
        .then(|| messages.last().map(MessageView::id))
        .flatten()
        .map(str::to_owned);
    Ok(Json(json!({ "messages": messages, "next": next })))
}

/// The event as the application reads it.
pub(crate) fn view_event(stored: &StoredEvent, names: &AgentNames) -> event::EventView {
    let event = &stored.event;
    let (cursor, received_at) = (stored.cursor.to_string(), event.received_at.to_string());
    let agent = names.of(&event.agent);
    match &event.content {
        EventContent::Platform(inbound) => event::view(cursor, &agent, received_at, inbound),
        EventContent::Gateway(own) => gateway_event::view(cursor, &agent, received_at, own),
    }
}

/// The message as its sender reads it.
pub(crate) async fn view_message(shared: &Shared, id: &str) -> Result<MessageView, Problem> {
    let stored = find_message(shared, id).await?;
    Ok(MessageView::new(stored, &shared.names))
}

pub(crate) async fn find_message(shared: &Shared, id: &str) -> Result<StoredMessage, Problem> {
    shared
        .store
        .message(id)
        .await?
        .ok_or_else(|| not_found(&format!("there is no message {}", shown(id))))
}

/// A message that the contract can express, and who is to send it.
struct Asked {
    agent: Arc<Agent>,
    message: Message,
    send_at: Option<Timestamp>,
}

/// What the caller asks for, as far as it can be made out, and everything that is wrong with how it is written.
struct Understood {
    asked: Option<Asked>,
    wrong: Vec<Finding>,
}

fn understand(shared: &Shared, key: Option<&str>, body: &Value) -> Understood {
    let agent = choose_agent(shared, body);
    let id = agent
        .as_ref()
        .map(|agent| message_id(agent.key(), key))
        .unwrap_or_default();
    let Reading { draft, findings } = message::read_all(&id, body);
    let too_far = draft
        .as_ref()
        .and_then(|draft| schedule::check(draft, shared.now()));
    let (agent, unknown) =
        agent.map_or_else(|finding| (None, Some(finding)), |agent| (Some(agent), None));
    let asked = agent.zip(draft).map(
        |(
            agent,
            Draft {
                message, send_at, ..
            },
        )| Asked {
            agent,
            message,
            send_at,
        },
    );
    Understood {
        asked,
        wrong: unknown.into_iter().chain(findings).chain(too_far).collect(),
    }
}

/// Named in the body, or the only one. A name that is no text is found with the rest of the shape.
fn choose_agent(shared: &Shared, body: &Value) -> Result<Arc<Agent>, Finding> {
    let name = body.get("agent").and_then(Value::as_str);
    shared
        .senders()
        .choose(name)
        .map_err(|(rule, message)| finding::error("agent", rule, message))
}

/// As it will be when it is sent: what is too far away now may not be then.
async fn examine(
    shared: &Shared,
    agent: &Agent,
    message: &Message,
    send_at: Option<Timestamp>,
) -> Result<Report, Problem> {
    agent
        .channel
        .check(first_attempt(send_at, shared.now()), message)
        .await
        .map_err(|problem| {
            tracing::error!(%problem, "a message could not be checked");
            unavailable("the message could not be checked; try again")
        })
}

/// What was to be sent in the past is sent now.
fn first_attempt(send_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    send_at.map_or(now, |send_at| send_at.max(now))
}

/// A retry prolongs nothing, and every attempt has the same bytes. A lifetime begins with the first.
fn with_absolute_expiry(
    message: Message,
    first_attempt: Timestamp,
) -> (Option<Timestamp>, Message) {
    let expires_at = match &message.expiry {
        None => None,
        Some(Expiry::AfterSeconds(seconds)) => first_attempt
            .checked_add(SignedDuration::from_secs((*seconds).into()))
            .ok(),
        Some(Expiry::At(text)) => text.parse().ok(),
    };
    (
        expires_at,
        Message {
            expiry: expires_at.map(|at| Expiry::At(at.to_string())),
            ..message
        },
    )
}

/// The same key gives the same id, so that a call that is made again sends nothing again, also under a new name of the agent.
fn message_id(agent: &str, key: Option<&str>) -> String {
    match key {
        Some(key) => id::of_message(agent, key),
        None => Uuid::now_v7().to_string(),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = header_once(headers, "idempotency-key")? else {
        return Ok(None);
    };
    let visible = |key: &String| key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if (1..=KEY_CHARACTERS_MAX).contains(&key.len()) && visible(&key) {
        return Ok(Some(key));
    }
    let rule = format!("1 to {KEY_CHARACTERS_MAX} visible ASCII characters");
    Err(bad_request(
        "idempotency-key",
        &format!("Idempotency-Key is {}, and must have {rule}", shown(&key)),
    ))
}

fn repeated(id: &str, same: bool, state: MessageState) -> Result<Response, Problem> {
    if same {
        return Ok(accepted(&AcceptedView::new(id, state.as_str())));
    }
    let detail = format!("this Idempotency-Key was used for another message, {id}");
    Err(Problem::new(
        StatusCode::CONFLICT,
        "idempotency-key-reused",
        &detail,
    ))
}

fn accepted(view: &AcceptedView) -> Response {
    (StatusCode::ACCEPTED, Json(view)).into_response()
}

/// What the rows of an agent go by, also of one that is not configured any more: it is called as its rows are shown.
pub(crate) fn parse_agent(shared: &Shared, name: &str) -> Result<String, Problem> {
    match named_agent(shared, Some(name)) {
        Ok(agent) => Ok(agent.key().to_owned()),
        Err(unknown) => shared.names.key_of(name).ok_or(unknown),
    }
}

/// The agent that a query names, which says nothing else; or the only one.
pub(crate) fn agent_in_query(shared: &Shared, query: Option<&str>) -> Result<Arc<Agent>, Problem> {
    named_agent(
        shared,
        parse_query(query, &["agent"])?
            .get("agent")
            .map(String::as_str),
    )
}

/// The agent of this name, or the only one.
pub(crate) fn named_agent(shared: &Shared, name: Option<&str>) -> Result<Arc<Agent>, Problem> {
    shared
        .senders()
        .choose(name)
        .map_err(|(rule, message)| bad_request(rule, &message))
}

fn parse_state(word: &str) -> Result<MessageState, Problem> {
    let words = WORDS.map(|(_, word)| word).join(", ");
    MessageState::parse(word).ok_or_else(|| {
        bad_request(
            "state",
            &format!("state is {}, and must be one of {words}", shown(word)),
        )
    })
}

pub(crate) fn parse_limit(text: Option<&String>) -> Result<usize, Problem> {
    let Some(text) = text else {
        return Ok(LIMIT_DEFAULT);
    };
    let limit = text
        .parse()
        .ok()
        .filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| {
        bad_request(
            "limit",
            &format!(
                "limit is {}, and must be a number from 1 to {LIMIT_MAX}",
                shown(text)
            ),
        )
    })
}

const KEY_CHARACTERS_MAX: usize = 255;
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

//! A gateway without agents, for tests of what needs none: events out.

use crate::callback::Running;
use crate::metrics::Metrics;
use crate::store::event::EventContent;
use crate::store::tester::TesterQuota;
use crate::store::{NewEvent, Store};
use crate::{Capacity, OptOutRules, Senders, Shared, api, reach, stream, upload};
use axum::body::Body;
use gateway_channel::{Content, Fact, Inbound, Message};
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use rbm_clock::Clock;
use serde_json::Value;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use tokio::sync::{Mutex, Notify, Semaphore, watch};
use tower::ServiceExt as _;

/// What all parts share, and what stops them.
pub(crate) fn shared(
    store: Arc<dyn Store>,
    callbacks: Vec<Running>,
) -> (Arc<Shared>, watch::Sender<bool>) {
    shared_by(Clock::system(), store, callbacks)
}

/// The same by another clock.
pub(crate) fn shared_by(
    clock: Clock,
    store: Arc<dyn Store>,
    callbacks: Vec<Running>,
) -> (Arc<Shared>, watch::Sender<bool>) {
    let (stop, stopped) = watch::channel(false);
    let capacity = Capacity {
        reach_people_max: 1,
        reach_calls_per_minute_max: 1,
        file_bytes_max: 1,
        testers: TesterQuota {
            per_day: 1,
            total: 1,
        },
    };
    let shared = Shared {
        senders: RwLock::new(Arc::new(Senders {
            agents: Vec::new(),
            partner: None,
        })),
        names: Arc::default(),
        guard: RwLock::default(),
        metrics: Arc::new(Metrics::default()),
        health: Mutex::default(),
        lines: RwLock::default(),
        stopping: AtomicBool::new(false),
        store,
        clock,
        outbox: Notify::new(),
        events: Arc::default(),
        callbacks,
        streams: Arc::new(Semaphore::new(stream::STREAMS_MAX)),
        stopped,
        settled: Notify::new(),
        reach_turns: Mutex::new(reach::turns(1)),
        capacity,
        opt_out: OptOutRules::default(),
        accepted_events: false,
        uploads: Semaphore::new(upload::MEGABYTES_MAX),
    };
    (Arc::new(shared), stop)
}

/// Keeps an event of so many bytes, and tells of it.
pub(crate) async fn hear(shared: &Shared, key: &str, agent: &str, bytes: usize) {
    let inbound = Inbound {
        dedupe_key: key.into(),
        agent: String::new(),
        phone: Some("+15550100001".into()),
        at: None,
        fact: Fact::Typing,
        details: Vec::new(),
        raw: vec![b'\n'; bytes],
    };
    let event = NewEvent {
        agent: agent.into(),
        received_at: Timestamp::UNIX_EPOCH,
        content: EventContent::Platform(inbound),
        consent: None,
    };
    shared.store.ingest(vec![event]).await.expect("kept");
    shared.events.notify_waiters();
}

/// What is answered.
pub(crate) async fn ask(
    shared: &Arc<Shared>,
    method: Method,
    path: &str,
    last: Option<&str>,
) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    api::router(shared.clone())
        .oneshot(request.body(Body::empty()).expect("a request"))
        .await
        .expect("an answer")
}

/// The status, and the body as JSON.
pub(crate) async fn ask_json(shared: &Arc<Shared>, method: Method, path: &str) -> (u16, Value) {
    let response = ask(shared, method, path, None).await;
    let status = response.status().as_u16();
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    (status, serde_json::from_slice(&body).expect("JSON"))
}

/// A text.
pub(crate) fn message(id: &str, recipient: &str) -> Message {
    Message {
        id: id.to_owned(),
        recipient: recipient.to_owned(),
        content: Content::Text("Hi".into()),
        suggestions: Vec::new(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    }
}

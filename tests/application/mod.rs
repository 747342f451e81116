//! An application that events are posted to. It takes most of them at once and turns some away the first time, in two ways; the
//! same seed turns the same ones away. Keeps a list of what it was asked to take.

#![allow(dead_code, reason = "each test uses a part of it")]

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use standardwebhooks::Webhook;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What became of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// 200.
    Taken,
    /// 500.
    Broken,
    /// None: the connection was closed.
    HungUp,
    /// 401: it is not signed as it should be.
    NotBelieved,
}

/// A request to take an event.
#[derive(Clone, Debug)]
pub(crate) struct Posted {
    pub(crate) webhook_id: String,
    /// See [`event_id`].
    pub(crate) event_id: String,
    pub(crate) kind: String,
    /// Of the message that it reports on, if any.
    pub(crate) message_id: Option<String>,
    pub(crate) answer: Answer,
}

pub(crate) struct Application {
    pub(crate) port: u16,
    desk: Arc<Desk>,
}

struct Desk {
    secret: Webhook,
    seed: u64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    posted: Vec<Posted>,
    /// By their webhook ids.
    turned_away: HashSet<String>,
}

/// The platform's id of an event; of the gateway's own, what it tells of which message.
pub(crate) fn event_id(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match event["details"]["event_id"].as_str() {
        Some(id) => id.to_owned(),
        None => format!("{} {}", text(&event["kind"]), text(&event["message_id"])),
    }
}

impl Application {
    pub(crate) async fn start(secret: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let desk = Arc::new(Desk {
            secret: Webhook::new(secret).unwrap(),
            seed,
            seen: Mutex::default(),
        });
        tokio::spawn(serve(listener, desk.clone()));
        Self { port, desk }
    }

    /// So far, in the order in which they were answered.
    pub(crate) fn posted(&self) -> Vec<Posted> {
        self.desk.seen.lock().unwrap().posted.clone()
    }
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        let desk = desk.clone();
        let service = service_fn(move |request| answer(desk.clone(), request));
        // It fails where it was to be closed, and where the gateway was killed.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// An error closes the connection.
async fn answer(desk: Arc<Desk>, request: Request<Incoming>) -> io::Result<Response<String>> {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), usize::MAX)
        .await
        .map_err(io::Error::other)?;
    let status = match desk.take(&head.headers, &body) {
        Answer::Taken => StatusCode::OK,
        Answer::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        Answer::NotBelieved => StatusCode::UNAUTHORIZED,
        Answer::HungUp => return Err(io::ErrorKind::ConnectionAborted.into()),
    };
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    Ok(response)
}

impl Desk {
    fn take(&self, headers: &HeaderMap, body: &[u8]) -> Answer {
        let believed = self.secret.verify(body, headers).is_ok();
        let event: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let webhook_id = headers
            .get("webhook-id")
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let mut seen = self.seen.lock().unwrap();
        let answer = match fault(self.seed, &webhook_id) {
            _ if !believed => Answer::NotBelieved,
            // A second time would be a matter of minutes.
            Some(fault) if seen.turned_away.insert(webhook_id.clone()) => fault,
            _ => Answer::Taken,
        };
        seen.posted.push(Posted {
            webhook_id,
            event_id: event_id(&event),
            kind: text(&event["kind"]).unwrap_or_default(),
            message_id: text(&event["message_id"]),
            answer,
        });
        answer
    }
}

fn fault(seed: u64, webhook_id: &str) -> Option<Answer> {
    let mut hasher = DefaultHasher::new();
    (seed, webhook_id).hash(&mut hasher);
    let mut random = StdRng::seed_from_u64(hasher.finish());
    let turned_away = random.random_ratio(1, TURNED_AWAY_ONE_IN);
    turned_away.then(|| {
        if random.random() {
            Answer::Broken
        } else {
            Answer::HungUp
        }
    })
}

/// Each is written down at once by the gateway, and tried again seconds later.
const TURNED_AWAY_ONE_IN: u32 = 50;

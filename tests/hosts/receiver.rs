//! Somebody who is called over HTTP, on a port of its own: an application that takes events, or a platform's metadata server. It
//! gives every request the answer that it was told to, and keeps what came.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::any;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    /// Path and query.
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    /// `http://127.0.0.1:8080`
    pub(crate) origin: String,
    state: Arc<Mutex<Inner>>,
}

struct Inner {
    answer: (StatusCode, String),
    came: Vec<Came>,
}

impl Receiver {
    /// Answers 200 and this body.
    pub(crate) async fn start(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(Inner {
            answer: (StatusCode::OK, body.to_owned()),
            came: Vec::new(),
        }));
        let router = Router::new()
            .fallback(any(receive))
            .with_state(state.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { origin, state }
    }

    /// With this status from now on.
    pub(crate) fn answer_with(&self, status: StatusCode) {
        self.state.lock().unwrap().answer.0 = status;
    }

    /// What came since it was last asked.
    pub(crate) fn take(&self) -> Vec<Came> {
        std::mem::take(&mut self.state.lock().unwrap().came)
    }
}

async fn receive(
    State(state): State<Arc<Mutex<Inner>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let mut state = state.lock().unwrap();
    state.came.push(Came {
        url: uri.to_string(),
        headers,
        body,
    });
    state.answer.clone()
}

//! An application that events are posted to. It answers as the test says.

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Of the event that it is.
    pub(crate) fn cursor(&self) -> u64 {
        self.event()["cursor"].as_str().unwrap()[1..]
            .parse()
            .unwrap()
    }

    pub(crate) fn phone(&self) -> String {
        self.event()["phone"].as_str().unwrap().to_owned()
    }
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    requests: mpsc::UnboundedReceiver<Received>,
}

impl Receiver {
    /// Requests are told of before they are answered.
    pub(crate) async fn start<A, F, R>(answer: A) -> Self
    where
        A: Fn(Received) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = R> + Send,
        R: IntoResponse,
    {
        let (sender, requests) = mpsc::unbounded_channel();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            let received = Received { headers, body };
            let _ = sender.send(received.clone());
            let answer: Response = answer(received).await.into_response();
            answer
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        tokio::spawn(async {
            axum::serve(listener, Router::new().route("/events", post(take))).await
        });
        Self { url, requests }
    }

    pub(crate) async fn next(&mut self) -> Received {
        timeout(PATIENCE, self.requests.recv())
            .await
            .expect("a request in time")
            .unwrap()
    }

    pub(crate) async fn take(&mut self, count: usize) -> Vec<Received> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(self.next().await);
        }
        taken
    }

    /// What has come and was not looked at.
    pub(crate) fn rest(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

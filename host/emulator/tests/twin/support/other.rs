//! An upstream that is no twin, or one that changes what a twin behind it answers.

use super::{JsonValue as _, SCOPE, emulator, token};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use rbm_emulator::Emulator;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A request that came.
pub(crate) type Asked = (Method, Uri, HeaderMap, Bytes);

/// An upstream that is no twin.
pub(crate) struct Other {
    pub(crate) origin: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Which answers behind it.
    twin: Option<Emulator>,
}

/// What a twin behind an upstream answers, before it is changed.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn refuse(&mut self, code: u16, status: &str, message: &str) {
        self.status = code;
        self.body = json!({ "error": { "code": code, "status": status, "message": message } });
    }
}

type Answering = dyn Fn(&Request) -> Response<Body> + Send + Sync;

#[derive(Clone)]
enum Manner {
    ByItself(Arc<Answering>),
    Changing(String, fn(&mut Reply)),
    Holding(String, Arc<Notify>),
}

impl Other {
    pub(crate) async fn with(
        answer: impl Fn(&Request) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        Self::start(Manner::ByItself(Arc::new(answer)), None).await
    }

    pub(crate) async fn changed(change: fn(&mut Reply)) -> Self {
        let twin = emulator().await;
        Self::start(
            Manner::Changing(twin.origin().to_owned(), change),
            Some(twin),
        )
        .await
    }

    pub(crate) async fn holding(release: Arc<Notify>) -> Self {
        let twin = emulator().await;
        Self::start(
            Manner::Holding(twin.origin().to_owned(), release),
            Some(twin),
        )
        .await
    }

    async fn start(manner: Manner, twin: Option<Emulator>) -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(serve)
            .with_state((manner, asked.clone()));
        tokio::spawn(async { axum::serve(listener, router).await });
        Self {
            origin,
            asked,
            twin,
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) async fn token(&self) -> String {
        token(self.twin.as_ref().unwrap(), SCOPE).await
    }
}

async fn serve(
    State((manner, asked)): State<(Manner, Arc<Mutex<Vec<Asked>>>)>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let (method, uri, headers) = (
        parts.method.clone(),
        parts.uri.clone(),
        parts.headers.clone(),
    );
    asked
        .lock()
        .unwrap()
        .push((method.clone(), uri.clone(), headers.clone(), body.clone()));
    let (origin, change) = match manner {
        Manner::ByItself(answer) => return answer(&Request::from_parts(parts, body.into())),
        Manner::Changing(origin, change) => (origin, change),
        Manner::Holding(origin, release) => {
            release.notified().await;
            (origin, (|_| {}) as fn(&mut Reply))
        }
    };
    let answer = Client::new()
        .request(method, format!("{origin}{uri}"))
        .headers(headers)
        .body(body)
        .send()
        .await
        .unwrap();
    let (status, mut headers) = (answer.status().as_u16(), answer.headers().clone());
    headers.remove("content-length");
    let mut reply = Reply {
        status,
        headers,
        body: answer.json_value().await,
    };
    change(&mut reply);
    let mut response = Response::new(Body::from(reply.body.to_string()));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap();
    *response.headers_mut() = reply.headers;
    response
}

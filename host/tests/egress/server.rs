//! Servers on loopback: one that answers HTTP by a script and remembers what it was asked, and some that say the same
//! bytes to everybody, well formed or not.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::{HeaderMap, Method};
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// Answers by a script.
pub(crate) struct Server {
    pub(crate) origin: String,
    pub(crate) release: Arc<Notify>,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) peer: SocketAddr,
}

/// What becomes of a request.
pub(crate) enum Answer {
    Now(Response<Body>),
    /// When the test says so.
    Released(Response<Body>),
    Never,
}

impl Server {
    /// The script is told how many requests there were before this one.
    pub(crate) async fn start(
        script: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (listener, origin) = listen().await;
        let (seen, release, script) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(Notify::new()),
            Arc::new(script),
        );
        let (counter, count) = watch::channel(0);
        let counter = Arc::new(counter);
        let server = Self {
            origin,
            release: release.clone(),
            seen: seen.clone(),
            count,
        };
        let app = Router::new().fallback(
            move |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| {
                let (seen, counter, script, release) = (
                    seen.clone(),
                    counter.clone(),
                    script.clone(),
                    release.clone(),
                );
                async move {
                    let request = read(peer, request).await;
                    let before = seen.lock().unwrap().len();
                    let answer = script(before, &request);
                    seen.lock().unwrap().push(request);
                    counter.send_replace(before + 1);
                    match answer {
                        Answer::Now(response) => response,
                        Answer::Released(response) => {
                            release.notified().await;
                            response
                        }
                        Answer::Never => pending().await,
                    }
                }
            },
        );
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    /// Answers everything with 200 and nothing.
    pub(crate) async fn content() -> Self {
        Self::start(|_, _| says(200, &[], "")).await
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("{}{target}", self.origin)
    }

    pub(crate) fn port(&self) -> u16 {
        self.origin.rsplit(':').next().unwrap().parse().unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Waits until there were so many requests.
    pub(crate) async fn asked(&self, times: usize) {
        self.count
            .clone()
            .wait_for(|count| *count >= times)
            .await
            .unwrap();
    }

    /// The `Authorization` of every request.
    pub(crate) fn authorizations(&self) -> Vec<Option<String>> {
        let authorization = |seen: &Seen| {
            Some(
                seen.headers
                    .get("authorization")?
                    .to_str()
                    .unwrap()
                    .to_owned(),
            )
        };
        self.seen().iter().map(authorization).collect()
    }
}

/// Says these bytes to whoever has sent the head of a request, and hangs up.
pub(crate) async fn raw(bytes: &'static [u8]) -> String {
    let (listener, origin) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    origin
}

/// Says the first bytes and then the second ones, over and over.
pub(crate) async fn endless(first: &'static [u8], then: &'static [u8]) -> String {
    let (listener, origin) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            let mut written = stream.write_all(first).await;
            while written.is_ok() {
                written = stream.write_all(then).await;
            }
        }
    });
    origin
}

/// Says these bytes and then nothing, without hanging up.
pub(crate) async fn stalling(bytes: &'static [u8]) -> String {
    let (listener, origin) = listen().await;
    tokio::spawn(async move {
        let mut streams = vec![];
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            stream.write_all(bytes).await.unwrap();
            streams.push(stream);
        }
    });
    origin
}

/// Where nobody listens.
pub(crate) async fn nobody() -> String {
    listen().await.1
}

/// An answer to be given at once.
pub(crate) fn says(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    Answer::Now(response(status, headers, body))
}

pub(crate) fn response(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Response<Body> {
    let start = Response::builder().status(status);
    let builder = headers.iter().fold(start, |builder, (name, value)| {
        builder.header(*name, *value)
    });
    builder.body(body.into()).unwrap()
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    (listener, origin)
}

async fn read(peer: SocketAddr, request: Request) -> Seen {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().unwrap().to_string();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Seen {
        method: head.method,
        target,
        headers: head.headers,
        body,
        peer,
    }
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
}

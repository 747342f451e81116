//! A webhook that answers whatever a test wants, down to the bytes, and keeps what it was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A request that it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// With small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Call {
    pub(crate) fn is_handshake(&self) -> bool {
        self.body.get("secret").is_some()
    }

    pub(crate) fn secret(&self) -> &str {
        self.body["secret"].as_str().unwrap()
    }

    /// The decoded bytes.
    pub(crate) fn data(&self) -> Vec<u8> {
        STANDARD
            .decode(self.body["message"]["data"].as_str().unwrap())
            .unwrap()
    }

    pub(crate) fn notice(&self) -> Value {
        serde_json::from_slice(&self.data()).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        self.notice()["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Whether the signature is this token's.
    pub(crate) fn is_signed_by(&self, token: &str) -> bool {
        let signature = STANDARD.decode(&self.headers["x-goog-signature"]).unwrap();
        let mac = Hmac::<sha2::Sha512>::new_from_slice(token.as_bytes())
            .unwrap()
            .chain_update(self.data());
        mac.verify_slice(&signature).is_ok()
    }
}

/// What it does to a request.
pub(crate) enum Answer {
    /// Sends this and closes.
    Bytes(String),
    /// Closes.
    Close,
    /// Nothing, for ever.
    Hang,
}

/// A whole answer with a body.
pub(crate) fn answer(status: &str, body: &str) -> Answer {
    Answer::Bytes(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))
}

/// What a good one does.
pub(crate) fn good(call: &Call) -> Answer {
    answer(
        "200 OK",
        if call.is_handshake() {
            call.secret()
        } else {
            ""
        },
    )
}

/// Good at the handshake, and at notices as told.
pub(crate) fn after_handshake(
    notice: impl Fn(&Call) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Call) -> Answer + Send + Sync + 'static {
    move |call| {
        if call.is_handshake() {
            good(call)
        } else {
            notice(call)
        }
    }
}

pub(crate) struct Receiver {
    pub(crate) url: String,
    kept: Arc<Kept>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Kept {
    calls: Mutex<Vec<Call>>,
    arrived: Notify,
}

impl Receiver {
    pub(crate) async fn start(answering: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answering)
    }

    pub(crate) fn start_on(
        listener: TcpListener,
        answering: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        let (kept, answering) = (Arc::<Kept>::default(), Arc::new(answering));
        let serving = {
            let kept = kept.clone();
            tokio::spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(serve(stream, kept.clone(), answering.clone()));
                }
            })
        };
        Self { url, kept, serving }
    }

    /// The calls after the handshake, once there are so many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Call> {
        let waiting = async {
            while self.calls().len() < count {
                self.kept.arrived.notified().await;
            }
        };
        timeout(Duration::from_secs(20), waiting)
            .await
            .unwrap_or_else(|_| panic!("{:?}", self.calls()));
        self.calls()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.kept
            .calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| !call.is_handshake())
            .cloned()
            .collect()
    }

    /// What it was sent so far.
    pub(crate) fn forget(&self) {
        self.kept.calls.lock().unwrap().clear();
    }

    pub(crate) fn handshakes(&self) -> Vec<Call> {
        self.kept
            .calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| call.is_handshake())
            .cloned()
            .collect()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.calls().iter().map(Call::text).collect()
    }

    /// Listens no more.
    pub(crate) async fn stop(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }
}

async fn serve(mut stream: TcpStream, kept: Arc<Kept>, answering: Arc<impl Fn(&Call) -> Answer>) {
    let Some(call) = read(&mut stream).await else {
        return;
    };
    let answer = answering(&call);
    kept.calls.lock().unwrap().push(call);
    kept.arrived.notify_one();
    match answer {
        Answer::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap_or_default(),
        Answer::Close => {}
        Answer::Hang => std::future::pending().await,
    }
}

/// None if it ends before it is whole.
async fn read(stream: &mut TcpStream) -> Option<Call> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let headers = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let header = |line: &str| {
            line.split_once(": ")
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        };
        let headers: BTreeMap<String, String> =
            headers.lines().skip(1).filter_map(header).collect();
        let body = &bytes[head + 4..];
        if body.len() >= headers["content-length"].parse().unwrap() {
            return Some(Call {
                body: serde_json::from_slice(body).unwrap(),
                headers,
            });
        }
    }
}

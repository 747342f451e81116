//! Stands between the gateway and the platform, and does to one message in five what networks and busy platforms do. The same
//! seed does the same to the same attempt of the same message. Keeps a list of what it saw.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens to an attempt.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Fault {
    /// 429, and the platform has not seen it.
    TooMany,
    /// 429 with `Retry-After: 1`, likewise.
    TooManyForASecond,
    /// 503, likewise.
    Unavailable,
    /// 500, and the platform has it.
    Broken,
    /// The platform has it, and the connection is reset.
    Reset,
    /// The platform has it, and nobody says so.
    Hang,
    /// The platform has it, and half of its answer comes.
    CutShort,
}

/// One attempt of a message that came by.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    pub(crate) at: Instant,
    pub(crate) fault: Option<Fault>,
}

/// What else it does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ids {
    /// As they came.
    Kept,
    /// Each attempt gets another one, so that the platform takes it for another message.
    Renewed,
}

/// The proxy, which has an address and serves nobody yet.
pub(crate) struct Proxy {
    listener: std::net::TcpListener,
    pub(crate) origin: String,
}

impl Proxy {
    pub(crate) fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, origin }
    }

    /// Serves from now on, on a thread of its own so that nothing else delays the times that it notes.
    pub(crate) fn start(self, platform: &str, seed: u64, ids: Ids) -> Arc<Mutex<Vec<Passed>>> {
        let passed = Arc::<Mutex<Vec<Passed>>>::default();
        let platform = platform.strip_prefix("http://").unwrap().to_owned();
        let way = Arc::new(Way {
            platform,
            seed,
            ids,
            passed: passed.clone(),
            attempts: Mutex::default(),
        });
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(self.listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    tokio::spawn(way.clone().serve(stream));
                }
            });
        });
        passed
    }
}

/// The way through it.
struct Way {
    platform: String,
    seed: u64,
    ids: Ids,
    passed: Arc<Mutex<Vec<Passed>>>,
    attempts: Mutex<HashMap<String, u32>>,
}

impl Way {
    async fn serve(self: Arc<Self>, mut client: TcpStream) {
        let mut platform = TcpStream::connect(&self.platform).await.unwrap();
        platform.set_nodelay(true).unwrap();
        while let Some((request, at)) = read(&mut client).await {
            let (request, fault, renamed) = self.decide(request, at);
            if let Some(answer) = fault.and_then(instead) {
                client.write_all(answer.as_bytes()).await.unwrap();
                continue;
            }
            platform.write_all(&request).await.unwrap();
            let (mut answer, _) = read(&mut platform).await.expect("the platform answers");
            if let Some((name, id)) = renamed {
                answer = String::from_utf8(answer)
                    .unwrap()
                    .replace(&name, &id)
                    .into_bytes();
            }
            match fault {
                Some(Fault::Broken) => client.write_all(BROKEN.as_bytes()).await.unwrap(),
                Some(Fault::Reset) => return client.set_zero_linger().unwrap(),
                Some(Fault::Hang) => {
                    // Until the other side has had enough.
                    let _ = client.read(&mut [0]).await;
                    return;
                }
                Some(Fault::CutShort) => {
                    let half = usize::midpoint(head_length(&answer).unwrap(), answer.len());
                    let _ = client.write_all(&answer[..half]).await;
                    return;
                }
                // Whoever stopped waiting for it does not hear it.
                _ if client.write_all(&answer).await.is_err() => return,
                _ => {}
            }
        }
    }

    /// Only messages have faults and are counted; what they are called decides. Also which id was given another name, and which.
    fn decide(
        &self,
        request: Vec<u8>,
        at: Instant,
    ) -> (Vec<u8>, Option<Fault>, Option<(String, String)>) {
        let text = std::str::from_utf8(&request).unwrap();
        let Some(id) = text
            .lines()
            .next()
            .unwrap()
            .split_once("messageId=")
            .map(|(_, rest)| rest)
        else {
            return (request, None, None);
        };
        let id = id.split(['&', ' ']).next().unwrap().to_owned();
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap();
            let attempt = attempts.entry(id.clone()).or_default();
            *attempt += 1;
            *attempt
        };
        let fault = fault(self.seed, &id, attempt);
        self.passed.lock().unwrap().push(Passed { at, fault });
        match self.ids {
            Ids::Kept => (request, fault, None),
            Ids::Renewed => {
                // As long as it was, so that the lengths of request and answer stay right.
                let name = format!("{}{attempt:04}", &id[..id.len() - 4]);
                let request = text.replacen(&id, &name, 1).into_bytes();
                (request, fault, Some((name, id)))
            }
        }
    }
}

fn fault(seed: u64, id: &str, attempt: u32) -> Option<Fault> {
    let mut hasher = DefaultHasher::new();
    (seed, id, attempt).hash(&mut hasher);
    let mut random = StdRng::seed_from_u64(hasher.finish());
    if !random.random_ratio(1, 5) {
        return None;
    }
    let fault = FAULTS[random.random_range(0..FAULTS.len())];
    let with_a_time = fault == Fault::TooMany && random.random_ratio(1, 40);
    Some(if with_a_time {
        Fault::TooManyForASecond
    } else {
        fault
    })
}

/// What is answered without asking the platform.
fn instead(fault: Fault) -> Option<&'static str> {
    match fault {
        Fault::TooMany => Some(TOO_MANY),
        Fault::TooManyForASecond => Some(TOO_MANY_FOR_A_SECOND),
        Fault::Unavailable => Some(UNAVAILABLE),
        Fault::Broken | Fault::Reset | Fault::Hang | Fault::CutShort => None,
    }
}

/// A whole request or answer, and when its head was there. None at the end. Nobody here sends two at once.
async fn read(stream: &mut TcpStream) -> Option<(Vec<u8>, Instant)> {
    let (mut bytes, mut at) = (Vec::new(), None);
    loop {
        if let Some(head) = head_length(&bytes) {
            let at = *at.get_or_insert_with(Instant::now);
            if bytes.len() >= head + body_length(&bytes[..head]) {
                return Some((bytes, at));
            }
        }
        if stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            continue;
        }
        return None;
    }
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .map(|place| place + 4)
}

fn body_length(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(!head.contains("\r\ntransfer-encoding:"), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    length.map_or(0, |length| length.trim().parse().unwrap())
}

const FAULTS: [Fault; 6] = [
    Fault::TooMany,
    Fault::Unavailable,
    Fault::Broken,
    Fault::Reset,
    Fault::Hang,
    Fault::CutShort,
];
const TOO_MANY: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: 52\r\n\r\n\
                        {\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"}}";
const TOO_MANY_FOR_A_SECOND: &str =
    "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
const BROKEN: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

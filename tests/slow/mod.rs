//! Sockets that are as slow as they can be, each opened again when it is closed, and how long it took until it was.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// What a socket is slow at.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Nothing,
    HeaderByteByByte,
    HalfABody,
    BodyByteByByte,
    /// Asks for more than any buffer holds.
    NeverReads,
}

impl Kind {
    /// How long the gateway lets it be so.
    pub(crate) fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Nothing | Self::HeaderByteByByte => 5,
            Self::HalfABody | Self::BodyByteByByte => 10,
            Self::NeverReads => 15,
        })
    }
}

/// What became of the sockets of a kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closed {
    pub(crate) count: usize,
    pub(crate) longest: Duration,
    pub(crate) wrong: Vec<String>,
}

/// All of them.
pub(crate) struct Slow {
    sockets: JoinSet<()>,
    running: Arc<AtomicBool>,
    closed: Arc<Mutex<BTreeMap<Kind, Closed>>>,
}

impl Slow {
    /// So many of each kind, from these addresses of this machine.
    pub(crate) fn start(gateway: SocketAddr, wanted: &[(Kind, Ipv4Addr, usize)]) -> Self {
        let (running, closed) = (
            Arc::new(AtomicBool::new(true)),
            Arc::<Mutex<BTreeMap<Kind, Closed>>>::default(),
        );
        let all = wanted
            .iter()
            .flat_map(|(kind, from, count)| std::iter::repeat_n((*kind, *from), *count));
        let all: Vec<_> = all.collect();
        let apart = OPENING_TIME / u32::try_from(all.len()).unwrap();
        let mut sockets = JoinSet::new();
        for (place, (kind, from)) in (0..).zip(all) {
            let (running, closed) = (running.clone(), closed.clone());
            sockets.spawn(async move {
                sleep(apart * place).await;
                while running.load(Ordering::Relaxed) {
                    let outcome = open(gateway, from, kind).await;
                    closed
                        .lock()
                        .unwrap()
                        .entry(kind)
                        .or_default()
                        .add(kind, outcome);
                }
            });
        }
        Self {
            sockets,
            running,
            closed,
        }
    }

    /// Opens none again, and returns when all are closed.
    pub(crate) async fn stop(self) -> BTreeMap<Kind, Closed> {
        self.running.store(false, Ordering::Relaxed);
        self.sockets.join_all().await;
        self.closed.lock().unwrap().clone()
    }
}

impl Closed {
    fn add(&mut self, kind: Kind, outcome: Result<Duration, String>) {
        match outcome {
            Ok(after) => {
                self.count += 1;
                self.longest = self.longest.max(after);
                if after > kind.limit() + ALLOWED {
                    self.wrong.push(format!("{kind:?} after {after:?}"));
                }
            }
            Err(reason) => self.wrong.push(format!("{kind:?}: {reason}")),
        }
    }
}

/// How long one was open until the gateway closed it.
async fn open(gateway: SocketAddr, from: Ipv4Addr, kind: Kind) -> Result<Duration, String> {
    let socket = TcpSocket::new_v4().unwrap();
    if kind == Kind::NeverReads {
        socket.set_recv_buffer_size(4_096).unwrap();
    }
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).unwrap();
    let mut stream = socket
        .connect(gateway)
        .await
        .map_err(|problem| format!("not connected: {problem}"))?;
    let begun = Instant::now();
    let left = timeout(GIVEN_UP, be_slow(&mut stream, kind))
        .await
        .map_err(|_| "it is never closed".to_owned())?;
    left?;
    Ok(begun.elapsed())
}

async fn be_slow(stream: &mut TcpStream, kind: Kind) -> Result<(), String> {
    match kind {
        Kind::Nothing => closed(stream).await,
        Kind::HeaderByteByByte => drip(stream, HEADER).await,
        Kind::HalfABody => {
            let _ = stream
                .write_all(format!("{POST}{}", "x".repeat(500)).as_bytes())
                .await;
            closed(stream).await;
        }
        Kind::BodyByteByByte => {
            let _ = stream.write_all(POST.as_bytes()).await;
            drip(stream, &"x".repeat(100)).await;
        }
        Kind::NeverReads => {
            let _ = stream.write_all(GET.repeat(ASKED).as_bytes()).await;
            // Who reads nothing does not see that it is closed either, but that it gets no more than was under way.
            sleep(kind.limit() + ALLOWED / 2).await;
            let read = read_to_end(stream).await;
            if !(LONG_BYTES..ASKED * LONG_BYTES).contains(&read) {
                return Err(format!(
                    "{read} bytes had been written, which is nothing or all"
                ));
            }
        }
    }
    Ok(())
}

/// Sends a byte now and then until nobody takes it.
async fn drip(stream: &mut TcpStream, text: &str) {
    let (mut reading, mut writing) = stream.split();
    let sending = async {
        for byte in text.as_bytes() {
            if writing.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(BYTE_PAUSE).await;
        }
        std::future::pending::<()>().await;
    };
    let hearing = async {
        while reading
            .read(&mut [0; 1_024])
            .await
            .is_ok_and(|read| read > 0)
        {}
    };
    tokio::select! {
        () = sending => {}
        () = hearing => {}
    }
}

async fn closed(stream: &mut TcpStream) {
    read_to_end(stream).await;
}

/// How much came.
async fn read_to_end(stream: &mut TcpStream) -> usize {
    let (mut all, mut part) = (0, vec![0; 64 << 10]);
    while let Ok(read @ 1..) = stream.read(&mut part).await {
        all += read;
    }
    all
}

/// All at once would be more than the operating system keeps for a listener.
pub(crate) const OPENING_TIME: Duration = Duration::from_secs(2);
/// Of an event that the gateway has, for those who do not read the answer.
pub(crate) const LONG_BYTES: usize = 500_000;
const ASKED: usize = 20;
/// A machine that is busy with something else closes late, and this test notices late.
const ALLOWED: Duration = Duration::from_secs(5);
const BYTE_PAUSE: Duration = Duration::from_millis(500);
const GIVEN_UP: Duration = Duration::from_secs(30);
const HEADER: &str =
    "GET /v1/messages HTTP/1.1\r\nhost: localhost\r\nuser-agent: slow\r\naccept: */*\r\n";
const GET: &str = "GET /v1/events?limit=1 HTTP/1.1\r\nhost: localhost\r\n\r\n";
const POST: &str = "POST /webhooks/rbm/demo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                    content-length: 1000\r\n\r\n";

//! A message gateway around a channel plugin: takes messages over HTTP and sends them until their fate is known, takes the
//! platform's webhooks and turns them into events, and tells what became of each message.
//!
//! It knows no platform: what a plugin answers is all it sees. What it promises is written beside the part that keeps it:
//! [`lifecycle`] for states, `outbox` for attempts, `inbox` for webhooks, [`store`] for what must not be lost.

pub mod backoff;
pub mod lifecycle;
pub mod store;

mod api;
mod body;
mod conversation;
mod forward;
mod inbox;
mod memory;
mod outbox;
mod problem;
mod reach;
mod request;
mod revoke;
mod serve;
mod testers;
mod upload;
mod view;

use jiff::Timestamp;
use rbm_host::Channel;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::tester::TesterQuota;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Interval;

pub use memory::MemoryStore;

/// Tells the time; an emulator beside the gateway shares it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// One sender.
#[derive(Clone)]
pub struct Agent {
    /// What callers call it, and what its webhook path ends in.
    pub name: String,
    /// What the platform calls it in what it signs: each spelling.
    pub platform_ids: Vec<String>,
    /// How to send as it, and whom to believe about it.
    pub channel: Channel,
}

/// What to run.
pub struct Config {
    /// At least one.
    pub agents: Vec<Agent>,
    /// Whom to believe on the webhook that all agents share, if there is one.
    pub partner: Option<Channel>,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Clock,
    /// Where each event is posted as well, if anywhere.
    pub forward_to: Option<String>,
    /// How much the platform takes at once.
    pub capacity: Capacity,
}

/// How much a platform takes at once, where a plugin cannot say: it sees one batch of people, and none of a file's bytes.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// People whom one question about reach may name.
    pub reach_people_max: usize,
    /// Questions about reach in a minute, of all agents together.
    pub reach_calls_per_minute_max: u32,
    /// Bytes of a file.
    pub file_bytes_max: usize,
    /// An agent's testers.
    pub testers: TesterQuota,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartProblem {
    /// Nobody to send as.
    #[error("the gateway has no agent, and needs at least one")]
    NoAgent,
    /// The listener is of no use.
    #[error("the gateway cannot listen: {0}")]
    Listener(#[from] std::io::Error),
    /// Where to post events.
    #[error("events cannot be forwarded to {url:?}: {reason}")]
    Forward {
        /// As given.
        url: String,
        /// Why not.
        reason: String,
    },
}

/// A running gateway.
pub struct Gateway {
    origin: String,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    sending: JoinHandle<()>,
    forwarding: Option<JoinHandle<()>>,
}

/// What the parts have in common.
pub(crate) struct Shared {
    pub(crate) agents: Vec<Agent>,
    pub(crate) partner: Option<Channel>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    /// Something may be due.
    pub(crate) outbox: Notify,
    /// There are new events.
    pub(crate) events: Notify,
    /// An attempt has ended.
    pub(crate) settled: Notify,
    pub(crate) capacity: Capacity,
    /// Whose turn it is to ask about reach.
    pub(crate) reach_turns: Mutex<Interval>,
    /// Megabytes of files that are in memory at once.
    pub(crate) uploads: Semaphore,
}

impl Gateway {
    /// Starts to serve; the address takes connections when this returns.
    pub fn start(listener: TcpListener, config: Config) -> Result<Self, StartProblem> {
        if config.agents.is_empty() {
            return Err(StartProblem::NoAgent);
        }
        let origin = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            agents: config.agents,
            partner: config.partner,
            store: config.store,
            clock: config.clock,
            outbox: Notify::new(),
            events: Notify::new(),
            settled: Notify::new(),
            reach_turns: Mutex::new(reach::turns(config.capacity.reach_calls_per_minute_max)),
            capacity: config.capacity,
            uploads: Semaphore::new(upload::MEGABYTES_MAX),
        });
        let forwarder = config.forward_to.map(|url| {
            forward::Forwarder::new(&url).map_err(|reason| StartProblem::Forward { url: url.clone(), reason })
        });
        let forwarding = forwarder.transpose()?.map(|forwarder| tokio::spawn(forwarder.run(shared.clone())));
        let (stop, stopped) = watch::channel(false);
        let sending = tokio::spawn(outbox::run(shared.clone(), stopped.clone()));
        let serving = tokio::spawn(serve::serve(listener, api::router(shared), stopped));
        Ok(Self { origin, stop, serving, sending, forwarding })
    }

    /// `http://127.0.0.1:8787`
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Takes no more requests, begins no more attempts, and gives those under way 25 s to end.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        let _ = tokio::join!(self.serving, self.sending);
        if let Some(forwarding) = self.forwarding {
            forwarding.abort();
        }
    }
}

impl Shared {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// By the gateway's name or any of the platform's.
    pub(crate) fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name == name || agent.platform_ids.iter().any(|id| id == name))
    }

    /// By its name, or the only one; else the rule that was broken, and a sentence.
    pub(crate) fn choose_agent(&self, name: Option<&str>) -> Result<&Agent, (&'static str, String)> {
        let names = || self.agents.iter().map(|agent| agent.name.as_str()).collect::<Vec<_>>().join(", ");
        match (name, self.agents.as_slice()) {
            (Some(name), _) => self.agent(name).ok_or_else(|| {
                ("agent-unknown", format!("there is no agent {}; the agents are {}", request::shown(name), names()))
            }),
            (None, [only]) => Ok(only),
            (None, _) => Err(("agent-required", format!("agent is missing, and must be one of {}", names()))),
        }
    }
}

/// What is under way when the gateway stops may take so long.
const STOP_TIME_MAX: Duration = Duration::from_secs(25);

//! A message gateway around a channel plugin: takes messages over HTTP and sends them until their fate is known, takes the
//! platform's webhooks and turns them into events, and tells what became of each message.
//!
//! It knows no platform: what a plugin answers is all it sees. What it promises is written beside the part that keeps it:
//! [`lifecycle`] for states, `outbox` for attempts, `inbox` for webhooks, [`store`] for what must not be lost.

pub mod backoff;
pub mod callback;
pub mod lifecycle;
pub mod store;

mod admin;
mod api;
#[cfg(test)]
mod bare;
mod body;
mod callbacks;
mod consent;
mod conversation;
mod events;
mod gateway_event;
mod guard;
mod inbox;
mod memory;
mod metrics;
mod openapi;
mod opt_outs;
mod outbox;
mod people;
mod problem;
mod quarantine;
mod reach;
mod request;
mod retry;
mod revoke;
mod routes;
mod senders;
mod serve;
mod stream;
mod sweep;
mod testers;
mod upload;
mod view;

use callback::{Callback, CallbackProblem, Running};
use jiff::Timestamp;
use rbm_clock::Clock;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use store::retention::Retention;
use store::tester::TesterQuota;
use store::{Health, Store, StoreProblem};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval};

pub use consent::{Keyword, OptOutRules};
pub use guard::Guard;
pub use memory::MemoryStore;
pub use metrics::Metrics;
pub use openapi::OPENAPI;
pub use outbox::{Manner, Pace, QuietHours, QuietHoursProblem};
pub use senders::{Agent, AgentNames, Senders};

/// What to run.
pub struct Config {
    /// Who sends, and whom to believe.
    pub senders: Senders,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The time; an emulator beside the gateway shares it.
    pub clock: Clock,
    /// Where events are posted.
    pub callbacks: Vec<Callback>,
    /// How much the platform takes at once.
    pub capacity: Capacity,
    /// By which words people opt out.
    pub opt_out: OptOutRules,
    /// How long what is done with is kept.
    pub retention: Retention,
    /// Whether an event tells of each message that the platform has accepted.
    pub accepted_events: bool,
    /// How the gateway's address is guarded.
    pub guard: Guard,
    /// Where it counts what it does; plugins and the store may count there too.
    pub metrics: Arc<Metrics>,
    /// Where to ask how it does, and how that address is guarded.
    pub admin: Option<(TcpListener, Guard)>,
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
    /// Their progress would be mixed up.
    #[error("two callbacks are called {name}")]
    CallbackTwice {
        /// What both are called.
        name: String,
    },
    /// It would wait for ever.
    #[error(
        "the callback {name} wants events of the agent {agent:?}, which the gateway does not have"
    )]
    CallbackAgent {
        /// Which callback.
        name: String,
        /// Whom it wants.
        agent: String,
    },
    /// The store does not say what the agents' rows go by.
    #[error(transparent)]
    Store(#[from] StoreProblem),
    /// A callback that cannot run.
    #[error(transparent)]
    Callback(#[from] CallbackProblem),
}

/// A running gateway.
pub struct Gateway {
    origin: String,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    sending: JoinHandle<()>,
    sweeping: JoinHandle<()>,
    keeping: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    delivering: Vec<JoinHandle<()>>,
}

/// What the parts have in common.
pub(crate) struct Shared {
    senders: RwLock<Arc<Senders>>,
    /// What the agents of stored rows are called.
    pub(crate) names: Arc<AgentNames>,
    guard: RwLock<Arc<Guard>>,
    pub(crate) metrics: Arc<Metrics>,
    /// How the store was when it was last looked at.
    pub(crate) health: Mutex<Option<(Instant, Result<Health, String>)>>,
    /// The agents' queues, for who asks how they are.
    lines: RwLock<Vec<Arc<outbox::Line>>>,
    stopping: AtomicBool,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    /// Something may be due.
    pub(crate) outbox: Notify,
    /// There are new events.
    pub(crate) events: Arc<Notify>,
    pub(crate) callbacks: Vec<Running>,
    /// Clients that are told of events as they come.
    pub(crate) streams: Arc<Semaphore>,
    /// True when the gateway takes no more requests.
    pub(crate) stopped: watch::Receiver<bool>,
    /// An attempt has ended.
    pub(crate) settled: Notify,
    pub(crate) capacity: Capacity,
    pub(crate) opt_out: OptOutRules,
    /// Whether an event tells of each message that the platform has accepted.
    pub(crate) accepted_events: bool,
    /// Whose turn it is to ask about reach.
    pub(crate) reach_turns: Mutex<Interval>,
    /// Megabytes of files that are in memory at once.
    pub(crate) uploads: Semaphore,
}

impl Gateway {
    /// Starts to serve; the address takes connections when this returns.
    pub async fn start(listener: TcpListener, config: Config) -> Result<Self, StartProblem> {
        config.senders.check()?;
        let names = Arc::new(AgentNames::default());
        config.senders.identify(&*config.store, &names).await?;
        let scheme = if config.guard.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let origin = format!("{scheme}://{}", listener.local_addr()?);
        let (stop, stopped) = watch::channel(false);
        let events = Arc::new(Notify::new());
        let (callbacks, delivering) =
            callback::start_all(config.callbacks, &config.senders.agents, |callback| {
                let (store, clock) = (config.store.clone(), config.clock.clone());
                Running::start(
                    callback,
                    store,
                    clock,
                    callback::Pace::default(),
                    names.clone(),
                    events.clone(),
                    stopped.clone(),
                )
            })?;
        let shared = Arc::new(Shared {
            senders: RwLock::new(Arc::new(config.senders)),
            names,
            guard: RwLock::new(Arc::new(config.guard)),
            metrics: config.metrics,
            health: Mutex::default(),
            lines: RwLock::default(),
            stopping: AtomicBool::new(false),
            store: config.store,
            clock: config.clock,
            outbox: Notify::new(),
            events,
            callbacks,
            streams: Arc::new(Semaphore::new(stream::STREAMS_MAX)),
            stopped: stopped.clone(),
            settled: Notify::new(),
            reach_turns: Mutex::new(reach::turns(config.capacity.reach_calls_per_minute_max)),
            capacity: config.capacity,
            opt_out: config.opt_out,
            accepted_events: config.accepted_events,
            uploads: Semaphore::new(upload::MEGABYTES_MAX),
        });
        let now = shared.clock.instant();
        let lines = shared
            .senders()
            .agents
            .iter()
            .map(|agent| outbox::Line::of_agent(agent, now))
            .collect();
        let sending = outbox::start(shared.clone(), lines, stopped.clone());
        let sweeping = tokio::spawn(sweep::run(
            shared.clone(),
            config.retention,
            stopped.clone(),
        ));
        let guard = {
            let shared = shared.clone();
            move || shared.guard()
        };
        let serving = tokio::spawn(serve::serve(
            listener,
            api::router(shared.clone()),
            guard,
            stopped,
        ));
        let keeping = config
            .admin
            .map(|(listener, guard)| keep(listener, guard, shared.clone()));
        Ok(Self {
            origin,
            stop,
            serving,
            sending,
            sweeping,
            keeping,
            shared,
            delivering,
        })
    }

    /// `http://127.0.0.1:8787`
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Lets others send, be believed and come in from now on. On an error everything stays as it is.
    pub async fn replace(&self, senders: Senders, guard: Guard) -> Result<(), StartProblem> {
        senders.check()?;
        senders
            .identify(&*self.shared.store, &self.shared.names)
            .await?;
        *self
            .shared
            .senders
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(senders);
        *self
            .shared
            .guard
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(guard);
        self.shared.outbox.notify_one();
        Ok(())
    }

    /// Takes no more requests, begins no more attempts, and gives those under way 25 s to end. Whoever asks how the gateway
    /// does is answered until the end.
    pub async fn shutdown(self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let _ = self.stop.send(true);
        let _ = tokio::join!(self.serving, self.sending, self.sweeping);
        for delivering in self.delivering {
            let _ = delivering.await;
        }
        if let Some(keeping) = self.keeping {
            keeping.abort();
        }
    }
}

/// Serves the administration until it is aborted.
fn keep(listener: TcpListener, guard: Guard, shared: Arc<Shared>) -> JoinHandle<()> {
    let guard = Arc::new(guard);
    let router = admin::router(shared, guard.clone());
    tokio::spawn(async move {
        let (_never, stopped) = watch::channel(false);
        serve::serve(listener, router, || guard.clone(), stopped).await;
    })
}

impl Shared {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// As they are now: what is begun with them is ended with them, whatever a reload brings meanwhile.
    pub(crate) fn senders(&self) -> Arc<Senders> {
        self.senders
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// As it is now.
    pub(crate) fn guard(&self) -> Arc<Guard> {
        self.guard
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn set_lines(&self, lines: Vec<Arc<outbox::Line>>) {
        *self.lines.write().unwrap_or_else(PoisonError::into_inner) = lines;
    }

    /// How the agents are, by the gateway's name of the agent.
    pub(crate) fn conditions(&self) -> BTreeMap<String, outbox::Condition> {
        let lines = self.lines.read().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .map(|line| (line.agent.clone(), line.condition()))
            .collect()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// What is under way when the gateway stops may take so long.
const STOP_TIME_MAX: Duration = Duration::from_secs(25);

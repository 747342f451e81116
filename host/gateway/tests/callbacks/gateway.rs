//! The part of a gateway that delivers: a store with events in it, a clock, and callbacks that run.

use crate::receiver::PATIENCE;
use gateway_channel::{Fact, Inbound};
use jiff::Timestamp;
use rbm_clock::Clock;
use rbm_gateway::MemoryStore;
use rbm_gateway::callback::{Callback, CallbackSettings, Pace, Running, Schedule, StartFrom};
use rbm_gateway::store::consumer::Consumer;
use rbm_gateway::store::event::EventContent;
use rbm_gateway::store::{NewEvent, Store};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

pub(crate) struct Gateway {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    events: Arc<Notify>,
    number: u64,
}

pub(crate) struct Run {
    pub(crate) running: Running,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Gateway {
    pub(crate) fn new() -> Self {
        let clock = Clock::starting_at(Timestamp::now());
        Self {
            store: Arc::new(MemoryStore::new()),
            clock,
            events: Arc::default(),
            number: 0,
        }
    }

    /// Events of people, each of whom is named by a digit.
    pub(crate) async fn hear(&mut self, people: impl IntoIterator<Item = u8>) {
        let events = people.into_iter().map(|person| {
            self.number += 1;
            event(&format!("k{}", self.number), "demo", person)
        });
        self.store.ingest(events.collect()).await.unwrap();
        self.events.notify_waiters();
    }

    pub(crate) fn start(&self, callback: Callback) -> Run {
        self.start_at(
            callback,
            Pace {
                look_every: LOOK_EVERY,
                ..Pace::default()
            },
        )
    }

    pub(crate) fn start_at(&self, callback: Callback, pace: Pace) -> Run {
        let (stop, stopped) = watch::channel(false);
        let (running, task) = Running::start(
            callback,
            self.store.clone(),
            self.clock.clone(),
            pace,
            Arc::default(),
            self.events.clone(),
            stopped,
        )
        .unwrap();
        Run {
            running,
            stop,
            task,
        }
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds)).unwrap();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn consumer(&self, name: &str) -> Consumer {
        self.store.consumer(name).await.unwrap()
    }

    /// What is known of a callback's progress once it is so.
    pub(crate) async fn wait_for(
        &self,
        name: &str,
        wanted: impl Fn(&Consumer) -> bool,
    ) -> Consumer {
        let begun = Instant::now();
        loop {
            let known = self.consumer(name).await;
            if wanted(&known) {
                return known;
            }
            assert!(begun.elapsed() < PATIENCE, "it is still {known:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Run {
    /// As a gateway ends.
    pub(crate) async fn stop(self) {
        self.stop.send(true).unwrap();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }

    /// As a process is killed: nothing more happens, and nothing more is written down.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

pub(crate) fn settings(name: &str, url: &str) -> CallbackSettings {
    CallbackSettings {
        name: name.into(),
        url: url.into(),
        secrets: vec![SECRET.into()],
        agents: vec![],
        from: StartFrom::Oldest,
        ordered: false,
        allow_private_addresses: true,
    }
}

/// That tries again at once, so many times.
pub(crate) fn impatient(settings: CallbackSettings, retries: usize) -> Callback {
    Callback::new(settings)
        .unwrap()
        .with_schedule(Schedule::new(vec![Duration::ZERO; retries]))
}

pub(crate) fn event(key: &str, agent: &str, person: u8) -> NewEvent {
    let inbound = Inbound {
        dedupe_key: key.into(),
        agent: "demo@example".into(),
        phone: Some(format!("+1555010000{person}")),
        at: None,
        fact: Fact::Typing,
        details: Vec::new(),
        raw: "{\"text\":\"Grüße\n\"}".into(),
    };
    NewEvent {
        agent: agent.into(),
        received_at: Timestamp::now(),
        content: EventContent::Platform(inbound),
        consent: None,
    }
}

/// So that nothing is waited for for long.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

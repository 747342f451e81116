//! Delivers for one callback: reads what is new, makes what is owed, and writes down how far it has come.
//!
//! What is new and what is owed have places of their own, so that neither waits for the other. An attempt ends before anything
//! is written about it, so a crash at any moment repeats some deliveries and loses none. While too much is owed nothing new is
//! begun: it stays where it is kept, behind the cursor, so that neither memory nor the store grows with a dead application.

use super::Pace;
use super::StartFrom;
use super::attempt::{Answer, Endpoint, Verdict};
use super::conclude::{GONE, conclude};
use super::status::{LastAnswer, Status};
use super::window::Window;
use crate::STOP_TIME_MAX;
use crate::store::consumer::{Change, Consumer, Delivery, Disabled, Progress};
use crate::store::{Cursor, Store, StoreProblem, StoredEvent};
use jiff::{SignedDuration, Timestamp};
use rbm_clock::Clock;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

pub(super) struct Runner {
    endpoint: Endpoint,
    store: Arc<dyn Store>,
    clock: Clock,
    pace: Pace,
    status: Arc<Status>,
    window: Window,
    /// Since when it gets events if it is new, until the store knows that it is there.
    since: Option<Timestamp>,
    /// Up to here events were read.
    read_to: Option<Cursor>,
    /// What the store says; none if that may have changed.
    known: Option<Consumer>,
    /// There may be more to read.
    more: bool,
    /// Something may be due.
    look: bool,
    attempts: JoinSet<Ended>,
    underway: BTreeMap<Cursor, Lane>,
    /// To be written down beside what the window says.
    changes: Vec<Change>,
    disabled: Option<Disabled>,
    recorded: Instant,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lane {
    Fresh,
    Owed,
}

struct Ended {
    delivery: Delivery,
    answer: Answer,
}

impl Runner {
    pub(super) fn new(
        endpoint: Endpoint,
        store: Arc<dyn Store>,
        clock: Clock,
        pace: Pace,
        status: Arc<Status>,
    ) -> Self {
        let since = match endpoint.callback.from {
            StartFrom::Now => clock.now(),
            StartFrom::Oldest => Timestamp::MIN,
        };
        Self {
            since: Some(since),
            endpoint,
            store,
            clock,
            pace,
            status,
            window: Window::default(),
            read_to: None,
            known: None,
            more: true,
            look: true,
            attempts: JoinSet::new(),
            underway: BTreeMap::new(),
            changes: Vec::new(),
            disabled: None,
            recorded: Instant::now(),
        }
    }

    pub(super) async fn run(
        mut self,
        events: Arc<Notify>,
        wake: Arc<Notify>,
        mut stopped: watch::Receiver<bool>,
    ) {
        while !*stopped.borrow() {
            // Before reading, so that what comes meanwhile is heard of.
            let (news, moved) = (events.notified(), self.clock.moved());
            if let Err(problem) = self.turn().await {
                tracing::warn!(callback = self.name(), %problem, "nothing is delivered for a while");
            }
            let owed = self.known.as_ref().is_some_and(|known| known.owed > 0);
            let pause = if self.window.ended() > 0 {
                self.pace.record_every
            } else {
                self.pace.look_every
            };
            tokio::select! {
                Some(ended) = self.attempts.join_next() => self.end(ended),
                () = news => self.more = true,
                () = wake.notified() => (self.known, self.look) = (None, true),
                // Where time runs faster, something is due again sooner.
                () = self.clock.sleep(self.pace.look_every), if owed => self.look = true,
                () = moved => self.look = true,
                () = sleep(pause) => (self.more, self.look) = (true, true),
                // It also ends with whoever started it.
                _ = stopped.changed() => break,
            }
            while let Some(ended) = self.attempts.try_join_next() {
                self.end(ended);
            }
        }
        self.finish().await;
    }

    async fn turn(&mut self) -> Result<(), StoreProblem> {
        if let Some(since) = self.since {
            self.store.begin(self.name(), since).await?;
            self.since = None;
        }
        self.record(false).await?;
        let known = self.known().await?;
        if known.disabled.is_some() || self.disabled.is_some() {
            return Ok(());
        }
        self.begin_owed(&known).await?;
        self.read(&known).await?;
        let nothing_more_to_begin = self.begin_fresh();
        if nothing_more_to_begin && self.window.len() > REFILL_BELOW {
            let now = self.now();
            self.window
                .park(now.saturating_sub(SLOW).unwrap_or(Timestamp::MIN), now);
        }
        Ok(())
    }

    async fn known(&mut self) -> Result<Consumer, StoreProblem> {
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        let known = self.store.consumer(self.name()).await?;
        // The window is always ahead of the cursor.
        self.read_to = self.read_to.max(known.after);
        Ok(self.known.insert(known).clone())
    }

    /// What has ended, in one write: at most so often for what was taken, at once for what was not.
    async fn record(&mut self, all: bool) -> Result<(), StoreProblem> {
        let ended = self.window.ended();
        let (after, mut changes) = self.window.progress(ended);
        changes.extend_from_slice(&self.changes);
        let urgent = !changes.is_empty() || self.disabled.is_some();
        let time = all || ended >= RECORD_AT || self.recorded.elapsed() >= self.pace.record_every;
        if !(urgent || (ended > 0 && time)) {
            return Ok(());
        }
        let progress = Progress {
            after,
            changes,
            disabled: self.disabled.clone(),
        };
        self.store
            .progress(self.name(), self.now(), progress)
            .await?;
        self.window.forget(ended);
        self.changes.clear();
        self.disabled = None;
        self.recorded = Instant::now();
        if urgent {
            self.known = None;
        }
        Ok(())
    }

    async fn begin_owed(&mut self, known: &Consumer) -> Result<(), StoreProblem> {
        if !self.look || known.owed == 0 || self.free(Lane::Owed) == 0 {
            return Ok(());
        }
        self.look = false;
        // What is under way is due until it is written down how it ended.
        let most = OWED_UNDERWAY_MAX + self.underway.len();
        for (delivery, event) in self.store.due(self.name(), self.now(), most).await? {
            match event {
                _ if self.underway.contains_key(&delivery.cursor) => {}
                Some(event) if self.free(Lane::Owed) > 0 => self.begin(Lane::Owed, delivery, event),
                Some(_) => break,
                None => {
                    let Delivery {
                        cursor, attempts, ..
                    } = delivery;
                    let reason = "the event is no longer kept".to_owned();
                    self.changes.push(Change::Dead {
                        cursor,
                        attempts,
                        at: self.now(),
                        reason,
                    });
                }
            }
        }
        Ok(())
    }

    async fn read(&mut self, known: &Consumer) -> Result<(), StoreProblem> {
        if !self.more || self.window.len() > REFILL_BELOW || known.owed >= OWED_MAX {
            return Ok(());
        }
        let most = WINDOW - self.window.len();
        let events = self.store.read(self.read_to, most).await?;
        let owing = if self.endpoint.callback.ordered && known.owed > 0 {
            self.store
                .owing(self.name(), events.iter().map(conversation).collect())
                .await?
        } else {
            HashSet::new()
        };
        self.more = events.len() == most;
        for event in events {
            self.read_to = Some(event.cursor);
            self.admit(event, &owing);
        }
        Ok(())
    }

    fn admit(&mut self, event: StoredEvent, owing: &HashSet<String>) {
        let callback = &self.endpoint.callback;
        let conversation = callback.ordered.then(|| conversation(&event));
        match conversation {
            _ if !callback.wants(&event.event.agent) => {
                self.window.skip(event.cursor);
            }
            Some(conversation) if owing.contains(&conversation) => {
                self.window.hold(event.cursor, conversation);
            }
            conversation => self.window.push(event, conversation),
        }
    }

    /// Whether it has begun all that may begin.
    fn begin_fresh(&mut self) -> bool {
        while self.free(Lane::Fresh) > 0 {
            let Some((event, conversation)) = self.window.begin(self.now()) else {
                return true;
            };
            let cursor = event.cursor;
            let delivery = Delivery {
                cursor,
                conversation,
                attempts: 0,
                reason: None,
                next_at: None,
            };
            self.begin(Lane::Fresh, delivery, event);
        }
        false
    }

    fn begin(&mut self, lane: Lane, delivery: Delivery, event: StoredEvent) {
        // By the machine's clock and not ours: who takes it judges by its own whether it is fresh, and names dates by it.
        let (endpoint, now) = (self.endpoint.clone(), Timestamp::now());
        self.underway.insert(delivery.cursor, lane);
        self.attempts.spawn(async move {
            Ended {
                answer: endpoint.post(&event, now).await,
                delivery,
            }
        });
    }

    fn end(&mut self, ended: Result<Ended, JoinError>) {
        let Ended { delivery, answer } = match ended {
            Ok(ended) => ended,
            Err(problem) => {
                tracing::error!(callback = self.name(), %problem, "an attempt broke off, and is made after the next start");
                return;
            }
        };
        let (cursor, now) = (delivery.cursor, self.now());
        let change = conclude(
            delivery,
            &answer.verdict,
            &self.endpoint.callback.schedule,
            now,
            rand::random(),
        );
        self.note(&change, &answer, now);
        if answer.verdict == Verdict::Gone {
            self.disabled = Some(Disabled {
                at: now,
                reason: GONE.to_owned(),
            });
        }
        if !self.window.end(cursor, &change) {
            self.changes.push(change);
        }
        self.look |= self.underway.remove(&cursor) == Some(Lane::Owed);
    }

    fn note(&self, change: &Change, answer: &Answer, at: Timestamp) {
        let (callback, status) = (self.name(), answer.status);
        let reason = match change {
            Change::Taken(_) => None,
            Change::Owed(Delivery {
                cursor,
                attempts,
                reason,
                ..
            }) => {
                tracing::warn!(callback, %cursor, attempts, reason, "an event was not taken");
                reason.clone()
            }
            Change::Dead {
                cursor,
                attempts,
                reason,
                ..
            } => {
                tracing::error!(callback, %cursor, attempts, reason, "an event was given up");
                Some(reason.clone())
            }
        };
        self.status.note(LastAnswer { at, status, reason });
    }

    /// Waits for what is under way, and writes it down. What has not ended then is delivered again after the next start.
    async fn finish(mut self) {
        let _ = timeout(STOP_TIME_MAX, async {
            while let Some(ended) = self.attempts.join_next().await {
                self.end(ended);
            }
        })
        .await;
        if let Err(problem) = self.record(true).await {
            tracing::warn!(callback = self.name(), %problem, "what was delivered last will be delivered again");
        }
    }

    fn free(&self, lane: Lane) -> usize {
        let most = match lane {
            Lane::Fresh => FRESH_UNDERWAY_MAX,
            Lane::Owed => OWED_UNDERWAY_MAX,
        };
        most.saturating_sub(
            self.underway
                .values()
                .filter(|other| **other == lane)
                .count(),
        )
    }

    fn name(&self) -> &str {
        self.endpoint.callback.name()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// What is delivered in order.
fn conversation(event: &StoredEvent) -> String {
    format!(
        "{}\n{}",
        event.event.agent,
        event.event.content.phone().unwrap_or_default()
    )
}

/// Events in memory.
const WINDOW: usize = 128;
const REFILL_BELOW: usize = WINDOW / 2;
const RECORD_AT: usize = 32;
const FRESH_UNDERWAY_MAX: usize = 16;
const OWED_UNDERWAY_MAX: usize = 8;
/// More would only be tried in vain, over and over.
const OWED_MAX: u64 = 10_000;
const SLOW: SignedDuration = SignedDuration::from_secs(1);

//! Sends what was accepted, until its fate is known: every attempt with the same id and the same bytes, ever later, as long as
//! the message is worth sending.
//!
//! Each agent has a [`line`] of its own, and the store is asked for no more than the lines may begin at once: what may not
//! begin is not lent out, and holds up nobody else. Nothing here waits for a platform; each attempt is a task.

mod breaker;
mod budget;
mod judge;
mod line;
mod pace;
mod quiet_hours;
mod recipients;
mod throttle;

#[cfg(test)]
pub(crate) use breaker::Cause;
pub use line::Manner;
#[cfg(test)]
pub(crate) use line::Obstacle;
pub(crate) use line::{Condition, Line};
pub use pace::Pace;
pub use quiet_hours::{QuietHours, QuietHoursProblem};

use crate::lifecycle::Fact;
use crate::store::event::{AgentEvent, EventContent, GatewayEvent, ReasonCode};
use crate::store::lane::Share;
use crate::store::{Claimed, Claims, Entry, Holds, NewEvent, Settlement, StoreProblem};
use crate::{Agent, STOP_TIME_MAX, Senders, Shared};
use breaker::Ticket;
use jiff::{SignedDuration, Timestamp};
use judge::{Verdict, judge};
use line::{AgentChange, Allowance};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

/// Runs until told to stop, and then until the attempts under way have ended. From now on the lines can be asked how they are.
pub(crate) fn start(
    shared: Arc<Shared>,
    lines: Vec<Line>,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let lines: HashMap<_, _> = lines
        .into_iter()
        .map(|line| (line.key.clone(), Arc::new(line)))
        .collect();
    shared.set_lines(lines.values().cloned().collect());
    tokio::spawn(run(shared, lines, stopped))
}

async fn run(
    shared: Arc<Shared>,
    lines: HashMap<String, Arc<Line>>,
    mut stopped: watch::Receiver<bool>,
) {
    let (senders, attempts) = (shared.senders(), TaskTracker::new());
    let mut outbox = Outbox {
        shared,
        senders,
        lines,
        attempts,
        recovered: false,
        looked: false,
        tidied_at: None,
    };
    let clock = outbox.shared.clock.clone();
    loop {
        // Before it looks, so that it hears of what comes meanwhile.
        let moved = clock.moved();
        let (due, most) = match outbox.round().await {
            Ok(due) => (due, IDLE),
            Err(problem) => {
                tracing::error!(%problem, "the outbox waits for the store");
                (None, STORE_PAUSE)
            }
        };
        tokio::select! {
            // A wake-up is a hint; what is due is what the store says.
            () = outbox.shared.outbox.notified() => {}
            () = moved => {}
            () = clock.sleep(due.unwrap_or(Duration::MAX)) => {}
            // Where the clock stands still too.
            () = sleep(most) => {}
            _ = stopped.changed() => break,
        }
    }
    outbox.attempts.close();
    let _ = timeout(STOP_TIME_MAX, outbox.attempts.wait()).await;
}

struct Outbox {
    shared: Arc<Shared>,
    /// Whose the lines are.
    senders: Arc<Senders>,
    /// By what the rows of their agents go by.
    lines: HashMap<String, Arc<Line>>,
    attempts: TaskTracker,
    /// What the process before was doing is known to be lost.
    recovered: bool,
    /// Somebody was told of what nobody sends.
    looked: bool,
    tidied_at: Option<Timestamp>,
}

impl Outbox {
    /// Begins every attempt that is due and may begin; tells after what time there may be more, if anything tells that.
    async fn round(&mut self) -> Result<Option<Duration>, StoreProblem> {
        self.follow().await?;
        self.recover().await?;
        self.look_for_the_abandoned().await?;
        let more_to_tidy = self.tidy().await?;
        let (shares, _) = self.allowances();
        if !shares.is_empty() {
            let now = self.shared.now();
            let Claims { lent, ended } =
                self.shared.store.claim(now, self.lease(), &shares).await?;
            self.report_ended(ended);
            lent.into_iter().for_each(|claimed| self.begin(claimed));
        }
        let (shares, wait) = self.allowances();
        let due = if shares.is_empty() {
            None
        } else {
            self.shared.store.next_due(&shares).await?
        };
        let due = due.map(|due| {
            Duration::try_from(due.duration_since(self.shared.now())).unwrap_or_default()
        });
        Ok(if more_to_tidy {
            Some(Duration::ZERO)
        } else {
            due.into_iter().chain(wait).min()
        })
    }

    /// What is under way takes as long as ever when the clock runs faster.
    fn lease(&self) -> Duration {
        LEASE.mul_f64(self.shared.clock.reading().rate.max(1.0))
    }

    /// Others may send than before, or differently. What is known of an agent's platform stays known.
    async fn follow(&mut self) -> Result<(), StoreProblem> {
        let senders = self.shared.senders();
        if Arc::ptr_eq(&senders, &self.senders) {
            return Ok(());
        }
        let mut held = self.shared.store.held_agents().await?;
        let now = self.shared.clock.instant();
        let mut line = |agent: &Arc<Agent>| {
            let line = Line::of_agent(agent, now);
            let line = match self.lines.get(agent.key()) {
                Some(before) => {
                    let line = line.instead_of(before, now);
                    line.reloaded(now);
                    line
                }
                None => {
                    held.remove(agent.key())
                        .into_iter()
                        .for_each(|hold| line.mark_reported(hold));
                    line
                }
            };
            (agent.key().to_owned(), Arc::new(line))
        };
        self.lines = senders.agents.iter().map(&mut line).collect();
        self.shared
            .set_lines(self.lines.values().cloned().collect());
        self.senders = senders;
        self.looked = false;
        Ok(())
    }

    /// Once. What was under way is tried again at once, with the same id.
    async fn recover(&mut self) -> Result<(), StoreProblem> {
        if !self.recovered {
            let lost = self.shared.store.recover(self.shared.now()).await?;
            for (agent, hold) in self.shared.store.held_agents().await? {
                if let Some(line) = self.lines.get(&agent) {
                    line.mark_reported(hold);
                }
            }
            if lost > 0 {
                tracing::info!(
                    lost,
                    "nobody has said how some attempts ended; they are made again"
                );
            }
            self.recovered = true;
        }
        Ok(())
    }

    /// Once for each configuration. Messages of an agent that is no longer in it wait until it is, or until they run out.
    async fn look_for_the_abandoned(&mut self) -> Result<(), StoreProblem> {
        if !self.looked {
            for (key, waiting) in self.shared.store.health().await?.waiting {
                if !self.lines.contains_key(&key) {
                    let agent = self.shared.names.of(&key);
                    tracing::warn!(
                        agent,
                        waiting,
                        "messages wait for an agent that is not configured"
                    );
                }
            }
            self.looked = true;
        }
        Ok(())
    }

    /// Ends what has run out, also of an agent that may not send. True if there is more of it.
    async fn tidy(&mut self) -> Result<bool, StoreProblem> {
        let now = self.shared.now();
        // Also after the machine's clock was set back.
        if self
            .tidied_at
            .is_some_and(|at| now.duration_since(at).abs() < TIDY_EVERY)
        {
            return Ok(false);
        }
        let ended = self
            .shared
            .store
            .expire(now, TIDIED_AT_ONCE, &self.holds())
            .await?;
        if !ended.is_empty() {
            tracing::info!(messages = ended.len(), "messages ended: their time is over");
            self.shared.settled.notify_waiters();
        }
        let more = ended.len() == TIDIED_AT_ONCE;
        self.report_ended(ended);
        self.tidied_at = if more { None } else { Some(now) };
        Ok(more)
    }

    /// The store has kept an event of each.
    fn report_ended(&self, ended: Vec<Fact>) {
        if !ended.is_empty() {
            self.shared.events.notify_waiters();
        }
        ended
            .into_iter()
            .for_each(|fact| self.shared.metrics.message(fact));
    }

    /// What keeps agents from sending.
    fn holds(&self) -> Holds {
        self.lines
            .values()
            .filter_map(|line| Some((line.key.clone(), line.why_nothing_is_sent()?)))
            .collect()
    }

    /// What the lines may begin now, and how soon one of the others may begin something.
    fn allowances(&self) -> (Vec<Share>, Option<Duration>) {
        let (now, time) = (self.shared.clock.instant(), self.shared.now());
        let (mut shares, mut soonest) = (Vec::new(), None);
        for line in self.lines.values() {
            match line.allowance(now, time) {
                Allowance::Now(share) => shares.push(share),
                Allowance::After(wait) => soonest = soonest.into_iter().chain([wait]).min(),
                Allowance::AfterAnAttempt => {}
            }
        }
        (shares, soonest)
    }

    fn begin(&self, claimed: Claimed) {
        let Some(line) = self.lines.get(&claimed.agent).cloned() else {
            return;
        };
        // Now, and not when the store was asked: the way from here to the platform is the shorter one.
        let ticket = line.begin(claimed.stage, self.shared.clock.instant());
        let shared = self.shared.clone();
        let underway = Underway { line, shared };
        self.attempts.spawn(async move {
            attempt(&underway.shared, &underway.line, ticket, claimed).await;
        });
    }
}

/// The place of an attempt, which is given back however it ends.
struct Underway {
    line: Arc<Line>,
    shared: Arc<Shared>,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.line.end();
        self.shared.outbox.notify_one();
    }
}

/// One attempt, from the question whether it is still wanted to its trace in the store.
async fn attempt(shared: &Shared, line: &Line, ticket: Ticket, claimed: Claimed) {
    let begun = Instant::now();
    let verdict = if claimed.ends_at <= shared.now() {
        line.forget(ticket, shared.clock.instant());
        let retry_at = shared.now();
        Verdict::Unclaim { retry_at }
    } else {
        let outcome = line.sender.send(shared.now(), &claimed.message).await;
        let back_off = line.learn(ticket, &claimed, &outcome, shared.clock.instant());
        judge(&claimed, outcome, back_off, shared.now(), rand::random())
    };
    keep(shared, &claimed, verdict, begun.elapsed()).await;
    shared.settled.notify_waiters();
    store_agent_events(shared, line).await;
}

/// Of what the attempts so far have changed.
async fn store_agent_events(shared: &Shared, line: &Line) {
    let _in_order = line.agent_events.lock().await;
    while let Some(change) = line.take_agent_change() {
        store_agent_event(shared, &line.key, change).await;
    }
}

/// Until the store has it.
async fn store_agent_event(shared: &Shared, agent: &str, change: AgentChange) {
    let now = shared.now();
    let event = AgentEvent {
        at: now,
        held: match change {
            AgentChange::Held(hold) => Some(hold),
            AgentChange::Resumed => None,
        },
    };
    let event = NewEvent {
        agent: agent.to_owned(),
        received_at: now,
        content: EventContent::Gateway(GatewayEvent::Agent(event)),
        consent: None,
    };
    while let Err(error) = shared.store.ingest(vec![event.clone()]).await {
        tracing::error!(agent, %error, "an event of an agent is not stored yet");
        sleep(STORE_PAUSE).await;
    }
    shared.events.notify_waiters();
}

/// Until the store has it.
async fn keep(shared: &Shared, claimed: &Claimed, verdict: Verdict, took: Duration) {
    let (store, id, attempt) = (&shared.store, &claimed.message.id, claimed.attempt);
    if let Verdict::Settle(Settlement {
        entry: Some(entry), ..
    }) = &verdict
    {
        shared.metrics.attempt(entry.fact, took);
        shared.metrics.message(entry.fact);
        let Entry { fact, detail, .. } = entry;
        let reason = entry.reason.map(ReasonCode::as_str);
        let agent = shared.names.of(&claimed.agent);
        tracing::info!(
            message_id = id,
            agent,
            attempt,
            fact = fact.as_str(),
            reason,
            detail,
            "attempt ended"
        );
    }
    loop {
        let kept = match &verdict {
            Verdict::Settle(settlement) => {
                let settlement = Settlement {
                    accepted_events: shared.accepted_events,
                    ..settlement.clone()
                };
                store.settle(id, attempt, settlement).await
            }
            Verdict::Unclaim { retry_at } => store.unclaim(id, attempt, *retry_at).await,
        };
        match kept {
            Ok(_) => break,
            Err(error) => {
                tracing::error!(message_id = id, %error, "the outcome of an attempt is not stored yet");
                sleep(STORE_PAUSE).await;
            }
        }
    }
    if has_event(shared, &verdict) {
        shared.events.notify_waiters();
    }
}

/// Whether the store has kept an event with what an attempt brought.
fn has_event(shared: &Shared, verdict: &Verdict) -> bool {
    let Verdict::Settle(Settlement {
        entry: Some(entry), ..
    }) = verdict
    else {
        return false;
    };
    match entry.fact {
        Fact::Accepted => shared.accepted_events,
        fact => fact.is_end(),
    }
}

/// Longer than any call into a plugin takes.
const LEASE: Duration = Duration::from_secs(90);
const IDLE: Duration = Duration::from_secs(1);
const STORE_PAUSE: Duration = Duration::from_secs(1);
const TIDY_EVERY: SignedDuration = SignedDuration::from_secs(1);
const TIDIED_AT_ONCE: usize = 1_000;

#[cfg(test)]
mod tests;

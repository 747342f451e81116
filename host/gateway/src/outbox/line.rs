//! One agent's line to the platform: what it may begin now, and what its attempts taught.
//!
//! Lines share nothing. So whatever one agent's platform does, the others go on.

use super::breaker::{Breaker, Cause, Change, Evidence, Permission, Ticket, Witness};
use super::budget::Budget;
use super::judge::{BackOff, Outcome, asked_for, evidence, obstacle};
use super::pace::{Pace, Pacer};
use super::quiet_hours::QuietHours;
use super::recipients::{RecipientHash, Recipients};
use super::throttle::{RateChange, Throttle};
use crate::Agent;
use crate::store::event::{AgentHold, ReasonCode};
use crate::store::lane::{Order, Share, Stage};
use crate::store::{Claimed, Hold};
use async_trait::async_trait;
use gateway_channel::Message;
use jiff::Timestamp;
use rbm_host::Channel;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hands a message to a platform.
#[async_trait]
pub(crate) trait Sender: Send + Sync {
    /// `now` is for the plugin, which has no clock.
    async fn send(&self, now: Timestamp, message: &Message) -> Outcome;
}

#[async_trait]
impl Sender for Channel {
    async fn send(&self, now: Timestamp, message: &Message) -> Outcome {
        Self::send(self, now, message).await
    }
}

/// How one agent sends.
#[derive(Clone, Debug)]
pub struct Manner {
    /// How fast; as fast as it comes if there is none, which suits a stand-in for a platform and nobody else.
    pub pace: Option<Pace>,
    /// When what can wait does.
    pub quiet_hours: Option<QuietHours>,
    /// Attempts under way at once.
    pub attempts_at_once_max: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            pace: None,
            quiet_hours: None,
            attempts_at_once_max: AT_ONCE,
        }
    }
}

/// One agent's line.
pub(crate) struct Line {
    /// The gateway's name of the agent.
    pub(crate) agent: String,
    /// What its rows in the store go by.
    pub(crate) key: String,
    pub(crate) sender: Arc<dyn Sender>,
    quiet_hours: Option<QuietHours>,
    attempts_at_once_max: usize,
    pace: Option<Pace>,
    traffic: Arc<Mutex<Traffic>>,
    /// Held while the agent's events are stored, so that their order is that of the changes.
    pub(crate) agent_events: Arc<tokio::sync::Mutex<()>>,
}

struct Traffic {
    under_way: usize,
    paced: Option<Paced>,
    budget: Budget,
    breaker: Breaker,
    obstacle: Option<Obstacle>,
    /// What holds the agent, from when it is held until it is served again, whatever else keeps it from sending meanwhile.
    hold: Option<Obstacle>,
    /// What holds the agent by its last event, perhaps of an earlier process.
    reported: Option<AgentHold>,
    /// To become events, in this order.
    changes: VecDeque<AgentChange>,
    recipients: Recipients,
}

/// Whether an agent sends.
#[derive(Debug, PartialEq)]
pub(crate) enum AgentChange {
    Held(AgentHold),
    Resumed,
}

/// Of an agent that has a pace: how fast it sends, and how fast the platform lets it.
struct Paced {
    pacer: Pacer,
    throttle: Throttle,
}

impl Paced {
    fn new(pace: Pace, now: Instant) -> Self {
        Self {
            pacer: Pacer::new(pace, now),
            throttle: Throttle::new(pace.messages_per_second.get(), now),
        }
    }
}

/// What a line knows of its platform.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// Messages per second that may begin now; none for an agent without a pace.
    pub(crate) rate: Option<f64>,
    pub(crate) breaker_openings: u64,
    /// While only probes are made.
    pub(crate) obstacle: Option<Obstacle>,
    /// Why the queue is held, if it is.
    pub(crate) hold: Option<Obstacle>,
}

/// What keeps an agent from sending.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Obstacle {
    pub(crate) cause: Cause,
    /// For metrics.
    pub(crate) reason: &'static str,
    /// In a sentence.
    pub(crate) error: String,
}

impl Obstacle {
    /// What it says of a message that runs out meanwhile.
    pub(crate) fn as_hold(&self) -> Hold {
        Hold {
            reason: match self.cause {
                Cause::Unavailable => ReasonCode::Unavailable,
                Cause::AgentRejected => ReasonCode::Misconfigured,
            },
            detail: self.error.clone(),
        }
    }
}

impl Condition {
    pub(crate) fn breaker_is_open(&self) -> bool {
        self.obstacle
            .as_ref()
            .is_some_and(|obstacle| obstacle.cause == Cause::Unavailable)
    }
}

/// What a line may begin.
#[derive(Debug)]
pub(crate) enum Allowance {
    /// So much, now.
    Now(Share),
    /// Nothing for so long.
    After(Duration),
    /// Nothing until an attempt has ended.
    AfterAnAttempt,
}

impl Line {
    pub(crate) fn of_agent(agent: &Agent, now: Instant) -> Self {
        let sender = Arc::new(agent.channel.clone());
        Self {
            key: agent.key().to_owned(),
            ..Self::new(&agent.name, sender, &agent.manner, now)
        }
    }

    pub(crate) fn new(agent: &str, sender: Arc<dyn Sender>, manner: &Manner, now: Instant) -> Self {
        let traffic = Traffic {
            under_way: 0,
            paced: manner.pace.map(|pace| Paced::new(pace, now)),
            budget: Budget::new(now),
            breaker: Breaker::new(),
            obstacle: None,
            hold: None,
            reported: None,
            changes: VecDeque::new(),
            recipients: Recipients::default(),
        };
        Self {
            agent: agent.to_owned(),
            key: agent.to_owned(),
            sender,
            quiet_hours: manner.quiet_hours.clone(),
            attempts_at_once_max: manner.attempts_at_once_max,
            pace: manner.pace,
            traffic: Arc::new(Mutex::new(traffic)),
            agent_events: Arc::default(),
        }
    }

    /// Takes the place of another line of the same agent: its attempts count here, and what it knows is known here.
    pub(crate) fn instead_of(self, other: &Self, now: Instant) -> Self {
        if self.pace != other.pace {
            other.traffic().paced = self.pace.map(|pace| Paced::new(pace, now));
        }
        Self {
            traffic: other.traffic.clone(),
            agent_events: other.agent_events.clone(),
            ..self
        }
    }

    /// What may begin now; the same until something begins or ends.
    pub(crate) fn allowance(&self, now: Instant, time: Timestamp) -> Allowance {
        let mut traffic = self.traffic();
        let places = self.attempts_at_once_max.saturating_sub(traffic.under_way);
        if places == 0 {
            return Allowance::AfterAnAttempt;
        }
        let (most, order) = match traffic.breaker.permission(now) {
            Permission::NothingUntil(until) => {
                return Allowance::After(until.saturating_duration_since(now));
            }
            Permission::Probe(order) => (1, order),
            Permission::Any => (places, Order::TakeTurns),
        };
        self.adapt(&mut traffic, now, |throttle| throttle.pass(now));
        let mut free = most;
        if let Some(Paced { pacer, .. }) = &mut traffic.paced {
            free = pacer.free(now).min(most);
            if free == 0 {
                return Allowance::After(pacer.wait(now));
            }
        }
        let rate = traffic.rate().unwrap_or(UNPACED);
        // A probe may be a retry without budget.
        let is_probe = traffic.breaker.cause().is_some();
        let retries = traffic.budget.free(rate, now).max(usize::from(is_probe));
        let quiet = self
            .quiet_hours
            .as_ref()
            .is_some_and(|hours| hours.quiet_until(time).is_some());
        let ordinary = if quiet { 0 } else { free };
        Allowance::Now(Share {
            agent: self.key.clone(),
            attempts: free,
            retries,
            ordinary,
            order,
            hold: traffic.why_nothing_is_sent(),
        })
    }

    /// What it knows of its platform.
    pub(crate) fn condition(&self) -> Condition {
        let traffic = self.traffic();
        Condition {
            rate: traffic.rate(),
            breaker_openings: traffic.breaker.openings(),
            obstacle: traffic.obstacle.clone(),
            hold: traffic.hold.clone(),
        }
    }

    /// The reason for a message that runs out now, if its agent cannot send.
    pub(crate) fn why_nothing_is_sent(&self) -> Option<Hold> {
        self.traffic().why_nothing_is_sent()
    }

    /// An attempt begins.
    pub(crate) fn begin(&self, stage: Stage, now: Instant) -> Ticket {
        let mut traffic = self.traffic();
        traffic.under_way += 1;
        if let Some(Paced { pacer, .. }) = &mut traffic.paced {
            pacer.begin(now);
        }
        if stage == Stage::Retry {
            traffic.budget.take();
        }
        traffic.breaker.begin(now)
    }

    /// It was not made after all.
    pub(crate) fn forget(&self, ticket: Ticket, now: Instant) {
        self.traffic().breaker.forget(ticket, now);
    }

    /// The last event of the agent says that it is held.
    pub(crate) fn mark_reported(&self, hold: AgentHold) {
        self.traffic().reported = Some(hold);
    }

    /// The platform was asked. Tells how long the message backs off, should it be tried again.
    pub(crate) fn learn(
        &self,
        ticket: Ticket,
        claimed: &Claimed,
        outcome: &Outcome,
        now: Instant,
    ) -> BackOff {
        let (recipient, mut traffic) = (
            RecipientHash::of(&claimed.message.recipient),
            self.traffic(),
        );
        let evidence = evidence(outcome);
        let recipient_in_a_row = match evidence {
            Evidence::Served => traffic.recipients.served(recipient),
            Evidence::Limited | Evidence::Unavailable | Evidence::Doubtful => {
                traffic.recipients.rejected(recipient, now)
            }
            // It says nothing of the recipient.
            Evidence::NotReached | Evidence::AgentRejected | Evidence::None => 0,
        };
        let witness = Witness {
            evidence,
            recipient,
            first_time: claimed.stage == Stage::First,
            recipient_in_a_row,
        };
        self.adapt(&mut traffic, now, |throttle| {
            throttle.learn(witness, ticket.begun, now)
        });
        let change = traffic
            .breaker
            .end(ticket, witness, asked_for(outcome), now);
        self.note(
            &mut traffic,
            change,
            outcome,
            &claimed.message.recipient,
            now,
        );
        let back_off = if traffic.breaker.cause().is_some() {
            BackOff::Short
        } else {
            BackOff::Own { recipient_in_a_row }
        };
        traffic.note_agent_change(evidence == Evidence::Served);
        back_off
    }

    /// The next change of the agent that is to become an event. To be called only while [`Self::agent_events`] is held.
    pub(crate) fn take_agent_change(&self) -> Option<AgentChange> {
        self.traffic().changes.pop_front()
    }

    /// The agent's settings may have changed: what keeps it from sending is probed at once.
    pub(crate) fn reloaded(&self, now: Instant) {
        self.traffic().breaker.probe_now(now);
    }

    fn note(
        &self,
        traffic: &mut Traffic,
        change: Change,
        outcome: &Outcome,
        recipient: &str,
        now: Instant,
    ) {
        let agent = &self.agent;
        match change {
            Change::None => {}
            Change::Opened(cause) => {
                let (reason, error) = obstacle(outcome);
                let obstacle = Obstacle {
                    cause,
                    reason,
                    error: without_number(&error, recipient),
                };
                let error = &obstacle.error;
                match cause {
                    Cause::Unavailable => tracing::warn!(agent, error, "circuit breaker open"),
                    Cause::AgentRejected if traffic.hold.is_none() => {
                        tracing::warn!(agent, reason, error, "agent held");
                    }
                    Cause::AgentRejected => {}
                }
                if cause == Cause::AgentRejected {
                    traffic.hold = Some(obstacle.clone());
                }
                traffic.obstacle = Some(obstacle);
            }
            Change::Closed(cause) => {
                if cause == Cause::Unavailable {
                    tracing::info!(agent, "circuit breaker closed");
                }
                if traffic.hold.take().is_some() {
                    tracing::info!(agent, "agent resumed");
                }
                traffic.obstacle = None;
                if let Some(Paced { pacer, .. }) = &mut traffic.paced {
                    pacer.slow_start(now);
                }
            }
        }
    }

    fn adapt(
        &self,
        traffic: &mut Traffic,
        now: Instant,
        change: impl FnOnce(&mut Throttle) -> Option<RateChange>,
    ) {
        if let Some(Paced { pacer, throttle }) = &mut traffic.paced {
            let before = throttle.rate();
            if let Some(change) = change(throttle) {
                self.log_rate(change);
            }
            if throttle.rate().to_bits() != before.to_bits() {
                pacer.limit(throttle.rate(), now);
            }
        }
    }

    fn log_rate(&self, change: RateChange) {
        match change {
            RateChange::Lowered { from, to } => tracing::warn!(
                agent = self.agent,
                from,
                to,
                "rate limit lowered: the platform answers 429"
            ),
            RateChange::Restored => {
                tracing::info!(agent = self.agent, "rate limit restored");
            }
        }
    }

    /// What an attempt brought is kept.
    pub(crate) fn end(&self) {
        self.traffic().under_way -= 1;
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Traffic {
    fn rate(&self) -> Option<f64> {
        self.paced.as_ref().map(|paced| paced.throttle.rate())
    }

    fn note_agent_change(&mut self, is_served: bool) {
        let change = match (&self.hold, &self.reported) {
            (Some(hold), None) => {
                let hold = AgentHold {
                    reason: hold.reason.to_owned(),
                    detail: hold.error.clone(),
                };
                self.reported = Some(hold.clone());
                AgentChange::Held(hold)
            }
            (None, Some(_)) if is_served => {
                self.reported = None;
                AgentChange::Resumed
            }
            _ => return,
        };
        self.changes.push_back(change);
    }

    fn why_nothing_is_sent(&self) -> Option<Hold> {
        let reported = || {
            let detail = self.reported.as_ref()?.detail.clone();
            let reason = ReasonCode::Misconfigured;
            Some(Hold { reason, detail })
        };
        let obstacle = self.hold.as_ref().or(self.obstacle.as_ref());
        obstacle.map(Obstacle::as_hold).or_else(reported)
    }
}

/// A platform may name whom it was asked about. What holds an agent is told to others too, and outlives the erasure of a person.
fn without_number(sentence: &str, recipient: &str) -> String {
    let digits = recipient.trim_start_matches('+');
    sentence
        .replace(recipient, RECIPIENT)
        .replace(digits, RECIPIENT)
}

const RECIPIENT: &str = "[recipient]";
/// 1,000 messages a second of 400 ms each; two such agents leave a fifth of the places that plugins have to the others.
const AT_ONCE: usize = 400;
/// What the budget of an agent without a pace goes by, in messages per second.
const UNPACED: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bare;
    use crate::lifecycle::Facts;
    use crate::outbox::quiet_hours::hours;
    use gateway_channel::{ChannelFailure, FailureCode, Receipt};
    use std::num::NonZeroU32;

    struct Nobody;

    #[async_trait]
    impl Sender for Nobody {
        async fn send(&self, _: Timestamp, _: &Message) -> Outcome {
            Ok(Err(limited(None)))
        }
    }

    fn limited(retry_after_seconds: Option<u32>) -> ChannelFailure {
        ChannelFailure {
            code: FailureCode::Later,
            message: "why".into(),
            retry_after_seconds,
            http_status: Some(429),
            platform_status: None,
            platform_message: None,
            findings: Vec::new(),
        }
    }

    fn claimed(recipient: usize, stage: Stage) -> Claimed {
        let message = bare::message("m1", &format!("+1555010{recipient:04}"));
        Claimed {
            agent: "demo".into(),
            message,
            attempt: 1,
            stage,
            ends_at: Timestamp::MAX,
            facts: Facts::default(),
        }
    }

    fn receipt() -> Receipt {
        Receipt {
            id: "m1".into(),
            accepted_at: None,
            expires_at: None,
            message_class: None,
            segments: None,
            carrier: None,
            details: Vec::new(),
        }
    }

    /// One attempt, from its beginning to its end.
    fn attempt(line: &Line, recipient: usize, outcome: &Outcome, now: Instant) -> BackOff {
        let ticket = line.begin(Stage::First, now);
        let back_off = line.learn(ticket, &claimed(recipient, Stage::First), outcome, now);
        line.end();
        back_off
    }

    fn line(manner: &Manner) -> (Line, Instant) {
        let now = Instant::now();
        (Line::new("demo", Arc::new(Nobody), manner, now), now)
    }

    fn share(line: &Line, now: Instant, time: &str) -> (usize, usize, usize) {
        match line.allowance(now, time.parse().expect("a time")) {
            Allowance::Now(share) => (share.attempts, share.retries, share.ordinary),
            other => panic!("nothing may begin: {other:?}"),
        }
    }

    #[test]
    fn attempts_under_way_take_places() {
        let (line, now) = line(&Manner {
            attempts_at_once_max: 2,
            ..Manner::default()
        });
        assert_eq!(share(&line, now, NOON), (2, 1, 2));
        line.begin(Stage::First, now);
        line.begin(Stage::First, now);
        let allowance = line.allowance(now, NOON.parse().expect("a time"));
        assert!(
            matches!(allowance, Allowance::AfterAnAttempt),
            "{allowance:?}"
        );
        line.end();
        assert_eq!(share(&line, now, NOON), (1, 1, 1));
    }

    #[test]
    fn a_line_that_takes_the_place_of_another_knows_what_that_one_knew() {
        let (old, now) = line(&Manner {
            attempts_at_once_max: 2,
            ..Manner::default()
        });
        old.begin(Stage::First, now);
        let (new, _) = line(&Manner {
            attempts_at_once_max: 3,
            ..Manner::default()
        });
        let new = new.instead_of(&old, now);
        assert_eq!(share(&new, now, NOON), (2, 1, 2), "one is under way");
        old.end();
        assert_eq!(share(&new, now, NOON), (3, 1, 3), "and it ends here too");

        let pace = Pace {
            messages_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::MIN,
        };
        let (paced, _) = line(&Manner {
            pace: Some(pace),
            ..Manner::default()
        });
        let paced = paced.instead_of(&new, now);
        let allowance = paced.allowance(now, NOON.parse().expect("a time"));
        assert!(
            matches!(allowance, Allowance::After(_)),
            "a new pace begins slowly: {allowance:?}"
        );
    }

    #[test]
    fn at_night_only_what_is_essential_may_begin() {
        let quiet_hours = Some(hours("21:00", "08:00", "Europe/Berlin"));
        let (line, now) = line(&Manner {
            quiet_hours,
            ..Manner::default()
        });
        assert_eq!(share(&line, now, NOON).2, AT_ONCE);
        assert_eq!(share(&line, now, "2026-06-10T23:00:00Z"), (AT_ONCE, 1, 0));
    }

    #[test]
    fn what_the_platform_asks_of_one_message_holds_up_no_other() {
        let (line, now) = line(&Manner::default());
        let back_off = attempt(&line, 1, &Ok(Err(limited(Some(30)))), now);
        let own = |recipient_in_a_row| BackOff::Own { recipient_in_a_row };
        assert_eq!(back_off, own(1));
        assert_eq!(share(&line, now, NOON).0, AT_ONCE);
        let again = attempt(&line, 1, &Ok(Err(limited(None))), now);
        assert_eq!(again, own(2), "its messages back off together");
        let other = attempt(&line, 2, &Ok(Err(limited(None))), now);
        assert_eq!(other, own(1), "and the others by themselves");
        attempt(&line, 1, &Ok(Ok(receipt())), now);
        assert_eq!(attempt(&line, 1, &Ok(Err(limited(None))), now), own(1));
    }

    #[test]
    fn while_the_breaker_is_open_one_probe_is_made_of_what_was_never_rejected() {
        let (line, now) = line(&Manner::default());
        let busy = || Ok(Err(limited(Some(7))));
        for recipient in 0..4 {
            assert_ne!(attempt(&line, recipient, &busy(), now), BackOff::Short);
        }
        assert_eq!(attempt(&line, 4, &busy(), now), BackOff::Short);
        assert!(line.condition().breaker_is_open());
        let noon = || NOON.parse().expect("a time");
        let allowance = line.allowance(now, noon());
        assert!(
            matches!(allowance, Allowance::After(wait) if wait == Duration::from_secs(7)),
            "it opens for as long as the platform asks: {allowance:?}"
        );
        let later = now + Duration::from_secs(7);
        let Allowance::Now(probe) = line.allowance(later, noon()) else {
            panic!("a probe may begin")
        };
        assert_eq!((probe.attempts, probe.order), (1, Order::FirstAttempts));
        attempt(&line, 5, &Ok(Ok(receipt())), later);
        let Allowance::Now(share) = line.allowance(later, noon()) else {
            panic!("it is closed")
        };
        assert_eq!((share.attempts, share.order), (AT_ONCE, Order::TakeTurns));
    }

    #[test]
    fn what_holds_an_agent_names_no_recipient() {
        let sentence = "no agent for phones/+15550100001, 15550100001";
        assert_eq!(
            without_number(sentence, "+15550100001"),
            "no agent for phones/[recipient], [recipient]"
        );
    }

    #[test]
    fn an_agent_is_reported_held_once_and_resumed_once_also_after_a_restart() {
        let (line, now) = line(&Manner::default());
        let rejected = Ok(Err(ChannelFailure {
            code: FailureCode::Misconfigured,
            http_status: Some(401),
            ..limited(None)
        }));
        let served = Ok(Ok(receipt()));
        let changes = |outcome: &Outcome, seconds| {
            attempt(&line, 1, outcome, now + Duration::from_secs(seconds));
            let changes: Vec<_> = std::iter::from_fn(|| line.take_agent_change()).collect();
            changes
        };
        let held = AgentChange::Held(AgentHold {
            reason: "unauthenticated".into(),
            detail: "why".into(),
        });
        assert_eq!(changes(&served, 0), []);
        assert_eq!(changes(&rejected, 0), [held]);
        assert_eq!(changes(&rejected, 60), []);
        let unavailable = Ok(Err(ChannelFailure {
            http_status: Some(503),
            ..limited(None)
        }));
        for seconds in [120, 121, 122] {
            assert_eq!(changes(&unavailable, seconds), [], "an outage meanwhile");
            assert!(line.condition().hold.is_some());
        }
        assert_eq!(changes(&rejected, 140), []);
        assert_eq!(changes(&served, 240), [AgentChange::Resumed]);
        assert_eq!(line.condition().hold, None);
        assert_eq!(changes(&served, 240), []);

        line.mark_reported(AgentHold {
            reason: "credentials".into(),
            detail: "no token".into(),
        });
        let why = line.why_nothing_is_sent().expect("a reason");
        assert_eq!(
            (why.reason, why.detail.as_str()),
            (ReasonCode::Misconfigured, "no token")
        );
        assert_eq!(
            changes(&Ok(Err(limited(None))), 250),
            [],
            "it says nothing of that"
        );
        assert_eq!(changes(&rejected, 260), [], "and is still held");
        assert_eq!(changes(&served, 400), [AgentChange::Resumed]);
    }

    #[test]
    fn the_rate_follows_what_the_platform_grants() {
        let number = |number| NonZeroU32::new(number).expect("not 0");
        let (line, start) = line(&Manner {
            pace: Some(Pace {
                messages_per_second: number(100),
                burst: number(10),
            }),
            ..Manner::default()
        });
        for recipient in 0..5 {
            attempt(&line, recipient, &Ok(Ok(receipt())), start);
        }
        for recipient in 5..10 {
            attempt(&line, recipient, &Ok(Err(limited(None))), start);
        }
        assert_eq!(line.condition().rate, Some(50.0));
        assert_eq!(line.condition().hold, None);
        assert!(!line.condition().breaker_is_open());
        let noon = NOON.parse().expect("a time");
        for seconds in 0..26 {
            line.allowance(start + Duration::from_secs(seconds), noon);
        }
        assert_eq!(line.condition().rate, Some(100.0));
    }

    const NOON: &str = "2026-06-10T10:00:00Z";
}

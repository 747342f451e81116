//! One agent's line to the platform: what it may begin now, and what its attempts taught.
//!
//! Lines share nothing. So whatever one agent's platform does, the others go on.

use super::breaker::{Answer, Breaker, Change, Ticket, Way};
use super::budget::Budget;
use super::judge::{Outcome, Pause, answer, hold};
use super::pace::{Pace, Pacer};
use super::quiet_hours::QuietHours;
use crate::Agent;
use crate::store::lane::{Share, Stage};
use async_trait::async_trait;
use gateway_channel::Message;
use jiff::Timestamp;
use rbm_host::Channel;
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
    pub(crate) agent: String,
    pub(crate) sender: Arc<dyn Sender>,
    quiet_hours: Option<QuietHours>,
    attempts_at_once_max: usize,
    pace: Option<Pace>,
    traffic: Arc<Mutex<Traffic>>,
}

struct Traffic {
    under_way: usize,
    held_until: Option<Instant>,
    pacer: Option<Pacer>,
    budget: Budget,
    breaker: Breaker,
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
        Self::new(
            &agent.name,
            Arc::new(agent.channel.clone()),
            &agent.manner,
            now,
        )
    }

    pub(crate) fn new(agent: &str, sender: Arc<dyn Sender>, manner: &Manner, now: Instant) -> Self {
        let traffic = Traffic {
            under_way: 0,
            held_until: None,
            pacer: manner.pace.map(|pace| Pacer::new(pace, now)),
            budget: Budget::new(
                manner
                    .pace
                    .map_or(UNPACED, |pace| pace.messages_per_second.get()),
                now,
            ),
            breaker: Breaker::new(),
        };
        Self {
            agent: agent.to_owned(),
            sender,
            quiet_hours: manner.quiet_hours.clone(),
            attempts_at_once_max: manner.attempts_at_once_max,
            pace: manner.pace,
            traffic: Arc::new(Mutex::new(traffic)),
        }
    }

    /// Takes the place of another line of the same agent: its attempts count here, and what it knows is known here.
    pub(crate) fn instead_of(self, other: &Self, now: Instant) -> Self {
        if self.pace != other.pace {
            other.traffic().pacer = self.pace.map(|pace| Pacer::new(pace, now));
        }
        Self {
            traffic: other.traffic.clone(),
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
        if let Some(until) = traffic.held_until.filter(|until| now < *until) {
            return Allowance::After(until - now);
        }
        let (most, retries) = match traffic.breaker.way(now) {
            Way::Shut(until) => return Allowance::After(until.saturating_duration_since(now)),
            // Whichever comes first, also one for which there would be no budget.
            Way::Probe => (1, 1),
            Way::Free => (places, traffic.budget.free(now)),
        };
        let free = traffic
            .pacer
            .as_mut()
            .map_or(most, |pacer| pacer.free(now).min(most));
        if free == 0 {
            return Allowance::After(
                traffic
                    .pacer
                    .as_mut()
                    .map_or(Duration::ZERO, |pacer| pacer.wait(now)),
            );
        }
        let quiet = self
            .quiet_hours
            .as_ref()
            .is_some_and(|hours| hours.quiet_until(time).is_some());
        let ordinary = if quiet { 0 } else { free };
        Allowance::Now(Share {
            agent: self.agent.clone(),
            attempts: free,
            retries,
            ordinary,
        })
    }

    /// An attempt begins.
    pub(crate) fn begin(&self, stage: Stage, now: Instant) -> Ticket {
        let mut traffic = self.traffic();
        traffic.under_way += 1;
        if let Some(pacer) = &mut traffic.pacer {
            pacer.begin(now);
        }
        match stage {
            Stage::First => traffic.budget.first(now),
            Stage::Retry => traffic.budget.retry(now),
            Stage::Resend => {}
        }
        traffic.breaker.begin(now)
    }

    /// It was not made after all.
    pub(crate) fn forget(&self, ticket: Ticket, now: Instant) {
        self.traffic().breaker.forget(ticket, now);
    }

    /// The platform was asked. Tells who decides when its message is tried again.
    pub(crate) fn learn(&self, ticket: Ticket, outcome: &Outcome, now: Instant) -> Pause {
        let (answer, mut traffic) = (answer(outcome), self.traffic());
        if let Some(hold) = hold(outcome) {
            traffic.held_until = traffic.held_until.max(Some(now + hold));
        }
        match traffic.breaker.end(ticket, answer, now) {
            Change::None => {}
            Change::Opened => tracing::warn!(
                agent = self.agent,
                "the platform takes nothing now, and is probed"
            ),
            Change::Closed => {
                tracing::info!(agent = self.agent, "the platform is back");
                if let Some(pacer) = &mut traffic.pacer {
                    pacer.slow_start(now);
                }
            }
        }
        if answer == Answer::TurnedAway && traffic.breaker.is_open() {
            Pause::Agent
        } else {
            Pause::Message
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

/// 1,000 messages a second of 400 ms each; two such agents leave a fifth of the places that plugins have to the others.
const AT_ONCE: usize = 400;
/// What the budget of an agent without a pace goes by.
const UNPACED: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::quiet_hours::hours;
    use gateway_channel::{ChannelFailure, FailureCode};
    use std::num::NonZeroU32;

    struct Nobody;

    #[async_trait]
    impl Sender for Nobody {
        async fn send(&self, _: Timestamp, _: &Message) -> Outcome {
            Ok(Err(later(None)))
        }
    }

    fn later(retry_after_seconds: Option<u32>) -> ChannelFailure {
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
        assert_eq!(share(&line, now, NOON), (2, 100, 2));
        line.begin(Stage::First, now);
        line.begin(Stage::First, now);
        let allowance = line.allowance(now, NOON.parse().expect("a time"));
        assert!(
            matches!(allowance, Allowance::AfterAnAttempt),
            "{allowance:?}"
        );
        line.end();
        assert_eq!(share(&line, now, NOON), (1, 100, 1));
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
        assert_eq!(share(&new, now, NOON), (2, 100, 2), "one is under way");
        old.end();
        assert_eq!(share(&new, now, NOON), (3, 100, 3), "and it ends here too");

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
        assert_eq!(share(&line, now, "2026-06-10T23:00:00Z"), (AT_ONCE, 100, 0));
    }

    #[test]
    fn what_the_platform_asks_of_one_message_holds_for_all() {
        let (line, now) = line(&Manner::default());
        let (first, second) = (line.begin(Stage::First, now), line.begin(Stage::First, now));
        assert_eq!(
            line.learn(first, &Ok(Err(later(Some(30)))), now),
            Pause::Message
        );
        line.learn(second, &Ok(Err(later(Some(5)))), now);
        let allowance =
            line.allowance(now + Duration::from_secs(29), NOON.parse().expect("a time"));
        assert!(
            matches!(allowance, Allowance::After(wait) if wait == Duration::from_secs(1)),
            "{allowance:?}"
        );
        assert_eq!(
            share(&line, now + Duration::from_secs(30), NOON).0,
            AT_ONCE - 2
        );
    }

    #[test]
    fn the_probe_may_be_a_retry_without_budget() {
        let (line, now) = line(&Manner::default());
        let tickets: Vec<Ticket> = (0..200).map(|_| line.begin(Stage::Retry, now)).collect();
        for ticket in tickets {
            line.learn(ticket, &Ok(Err(later(None))), now);
            line.end();
        }
        let allowance = line.allowance(now, NOON.parse().expect("a time"));
        assert!(matches!(allowance, Allowance::After(_)), "{allowance:?}");
        assert_eq!(share(&line, now + Duration::from_secs(1), NOON), (1, 1, 1));
    }

    const NOON: &str = "2026-06-10T10:00:00Z";
}

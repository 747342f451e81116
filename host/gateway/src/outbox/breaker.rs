//! Tells whether an agent's attempts have a point at all. Pure: time is an argument.
//!
//! Two things make them pointless: the platform is not available (the circuit breaker is open), or the platform refuses the agent
//! (its queue is held), such as for a key that is not valid any more. Either way only one probe at a time is made.
//!
//! A platform that rejects one recipient says nothing of the others. So it takes several different recipients in a row, each
//! message counts the first time that it is rejected and never again, and one that is served in between begins the row anew. What
//! names the agent (no token, 401) needs no second witness.

use super::recipients::RecipientHash;
use crate::store::lane::Order;
use std::time::{Duration, Instant};

/// What an attempt's outcome says of the platform.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Evidence {
    /// It answered, be it that it refused this message.
    Served,
    /// Too many calls (429): of this recipient, or of the agent.
    Limited,
    /// It said that it is not available (503), or did not answer.
    Unavailable,
    /// Nothing was sent: no connection, no name.
    NotReached,
    /// It rejected this message, and may reject the agent: 403, a redirect, an answer that is not the platform's own.
    Doubtful,
    /// It rejects the agent, or there is no token to ask it with.
    AgentRejected,
    /// Nothing.
    None,
}

/// One attempt's evidence, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Witness {
    pub(crate) evidence: Evidence,
    pub(crate) recipient: RecipientHash,
    /// The message was not rejected before.
    pub(crate) first_time: bool,
    /// Rejections of the recipient in a row, this one included; those before, if it is served now.
    pub(crate) recipient_in_a_row: u32,
}

/// What may begin now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Permission {
    /// Anything.
    Any,
    /// One attempt, of the messages that go first in this order.
    Probe(Order),
    /// Nothing before this time.
    NothingUntil(Instant),
}

/// Names an attempt's part in this.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    generation: u64,
    probe: bool,
    pub(crate) begun: Instant,
}

/// What an attempt's end has changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    None,
    /// Only probes from now on.
    Opened(Cause),
    /// Everything from now on.
    Closed(Cause),
}

/// Why only probes are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// The platform rejects everybody: the circuit breaker is open.
    Unavailable,
    /// The platform rejects the agent: its queue is held.
    AgentRejected,
}

/// One agent's.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: State,
    /// Counts up with each change of state and each probe: what began before says nothing of what is now.
    generation: u64,
    openings: u64,
    /// Recipients whose rejection alone has held the queue, though others were served afterwards.
    suspects: Vec<RecipientHash>,
}

#[derive(Debug)]
enum State {
    Closed(Row),
    Open {
        cause: Cause,
        probes: u32,
        until: Instant,
    },
}

/// What was rejected since something was served.
#[derive(Debug, Default)]
struct Row {
    recipients: Vec<RecipientHash>,
    /// Whether one of them was rejected because the platform is not available.
    unavailable: bool,
    /// Attempts for which there was nobody: that is no recipient's fault.
    not_reached: usize,
    served_at: Option<Instant>,
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Closed(Row::default()),
            generation: 0,
            openings: 0,
            suspects: Vec::new(),
        }
    }

    /// How often it has opened.
    pub(crate) fn openings(&self) -> u64 {
        self.openings
    }

    /// Why only probes are made, if that is so.
    pub(crate) fn cause(&self) -> Option<Cause> {
        match self.state {
            State::Closed(_) => None,
            State::Open { cause, .. } => Some(cause),
        }
    }

    /// A probe may begin at once: something has changed. Those to come begin with short pauses again.
    pub(crate) fn probe_now(&mut self, now: Instant) {
        if let State::Open { probes, until, .. } = &mut self.state {
            (*probes, *until) = (0, now);
        }
    }

    pub(crate) fn permission(&self, now: Instant) -> Permission {
        match self.state {
            State::Closed(_) => Permission::Any,
            State::Open {
                cause,
                probes,
                until,
            } if now >= until => Permission::Probe(cause.order(probes)),
            State::Open { until, .. } => Permission::NothingUntil(until),
        }
    }

    /// An attempt begins. After a probe there is no other until it has ended, or has been silent for too long: one that hangs
    /// must not keep the gateway from noticing that the platform is back.
    pub(crate) fn begin(&mut self, now: Instant) -> Ticket {
        let cause = self.cause();
        if let State::Open { cause, until, .. } = &mut self.state {
            *until = now + cause.pause_max();
            self.generation += 1;
        }
        Ticket {
            generation: self.generation,
            probe: cause.is_some(),
            begun: now,
        }
    }

    /// An attempt was not made after all.
    pub(crate) fn forget(&mut self, ticket: Ticket, now: Instant) {
        if let State::Open { until, .. } = &mut self.state
            && ticket.generation == self.generation
        {
            *until = now;
        }
    }

    /// An attempt has ended. `asked_for`: how long the platform wants to be left alone, which counts while the breaker is open.
    pub(crate) fn end(
        &mut self,
        ticket: Ticket,
        witness: Witness,
        asked_for: Option<Duration>,
        now: Instant,
    ) -> Change {
        let current = ticket.generation == self.generation;
        let witness = self.weigh(witness);
        let asked_for = asked_for.map(|time| time.min(ASKED_FOR_MAX));
        match &mut self.state {
            State::Closed(row) if current => match row.add(witness, now) {
                Some(cause) => {
                    if witness.evidence == Evidence::AgentRejected {
                        self.suspect(witness.recipient);
                    }
                    self.open(cause, asked_for, now)
                }
                None => Change::None,
            },
            // However late: it is served.
            State::Open { cause, .. } if ticket.probe && cause.ends_with(witness.evidence) => {
                self.close(now)
            }
            State::Open {
                cause,
                probes,
                until,
            } if current => {
                *probes += 1;
                *until = now + cause.pause(*probes).max(asked_for.unwrap_or_default());
                // What is in the way is another thing now.
                match (*cause, witness.evidence) {
                    (Cause::Unavailable, Evidence::AgentRejected) => {
                        self.open(Cause::AgentRejected, asked_for, now)
                    }
                    (Cause::AgentRejected, Evidence::Unavailable | Evidence::NotReached) => {
                        self.open(Cause::Unavailable, asked_for, now)
                    }
                    _ => Change::None,
                }
            }
            State::Closed(_) | State::Open { .. } => Change::None,
        }
    }

    /// One recipient whose messages are always answered so, such as by a proxy on the way, holds up the others once and not
    /// again: it takes others then.
    fn weigh(&mut self, witness: Witness) -> Witness {
        if witness.evidence == Evidence::Served {
            self.suspects
                .retain(|suspect| *suspect != witness.recipient);
        }
        let closed = matches!(self.state, State::Closed(_));
        if closed
            && witness.evidence == Evidence::AgentRejected
            && self.suspects.contains(&witness.recipient)
        {
            return Witness {
                evidence: Evidence::Doubtful,
                ..witness
            };
        }
        witness
    }

    fn suspect(&mut self, recipient: RecipientHash) {
        self.suspects.retain(|suspect| *suspect != recipient);
        if self.suspects.len() >= SUSPECTS_MAX {
            self.suspects.remove(0);
        }
        self.suspects.push(recipient);
    }

    fn open(&mut self, cause: Cause, asked_for: Option<Duration>, now: Instant) -> Change {
        self.generation += 1;
        self.openings += u64::from(cause == Cause::Unavailable);
        self.state = State::Open {
            cause,
            probes: 0,
            until: now + cause.pause(0).max(asked_for.unwrap_or_default()),
        };
        Change::Opened(cause)
    }

    fn close(&mut self, now: Instant) -> Change {
        let cause = self.cause();
        self.generation += 1;
        self.state = State::Closed(Row::after_service(now));
        cause.map_or(Change::None, Change::Closed)
    }
}

impl Cause {
    /// Whether a probe shows that this is over. A platform that is too busy for a message has let the agent in.
    fn ends_with(self, evidence: Evidence) -> bool {
        match self {
            Self::Unavailable => evidence == Evidence::Served,
            Self::AgentRejected => matches!(evidence, Evidence::Served | Evidence::Limited),
        }
    }

    /// A message that was never rejected is the best probe. But one that the agent's rejection is about has no attempt counted,
    /// so that it would be probed for ever if retries had no turn.
    fn order(self, probes: u32) -> Order {
        match self {
            Self::AgentRejected if probes % 2 == 1 => Order::TakeTurns,
            Self::AgentRejected | Self::Unavailable => Order::FirstAttempts,
        }
    }

    fn pause(self, probes: u32) -> Duration {
        PROBE_PAUSE_FIRST
            .saturating_mul(1 << probes.min(8))
            .min(self.pause_max())
    }

    fn pause_max(self) -> Duration {
        match self {
            Self::Unavailable => PROBE_PAUSE_MAX,
            Self::AgentRejected => HELD_PROBE_PAUSE_MAX,
        }
    }
}

impl Row {
    fn after_service(now: Instant) -> Self {
        Self {
            served_at: Some(now),
            ..Self::default()
        }
    }

    /// Why only probes are to be made from now on, if so.
    fn add(&mut self, witness: Witness, now: Instant) -> Option<Cause> {
        match witness.evidence {
            Evidence::None => return None,
            Evidence::AgentRejected => return Some(Cause::AgentRejected),
            Evidence::Served => *self = Self::after_service(now),
            Evidence::NotReached => {
                self.not_reached += 1;
                self.unavailable = true;
            }
            // An agent whose rate is too high gets many of these in a row, and is served before and after: see
            // [`super::throttle`].
            Evidence::Limited if self.was_served_lately(now) => {}
            Evidence::Limited | Evidence::Unavailable | Evidence::Doubtful => {
                if witness.first_time && !self.recipients.contains(&witness.recipient) {
                    self.recipients.push(witness.recipient);
                    self.unavailable |= witness.evidence != Evidence::Doubtful;
                }
            }
        }
        let cause = if self.unavailable {
            Cause::Unavailable
        } else {
            Cause::AgentRejected
        };
        self.is_long().then_some(cause)
    }

    fn was_served_lately(&self, now: Instant) -> bool {
        self.served_at
            .is_some_and(|at| now.saturating_duration_since(at) < SERVED_LATELY)
    }

    fn is_long(&self) -> bool {
        self.recipients.len().max(self.not_reached) >= IN_A_ROW
    }
}

/// Where one recipient in twenty is always rejected, so many in a row come once in three million messages.
const IN_A_ROW: usize = 5;
const SERVED_LATELY: Duration = Duration::from_secs(10);
const SUSPECTS_MAX: usize = 64;
/// One answer asks for much, and the next one may be served.
const ASKED_FOR_MAX: Duration = Duration::from_mins(1);
const PROBE_PAUSE_FIRST: Duration = Duration::from_secs(1);
/// A platform that is back is noticed within five seconds.
const PROBE_PAUSE_MAX: Duration = Duration::from_secs(4);
/// Somebody has to act, and a token endpoint counts failures.
const HELD_PROBE_PAUSE_MAX: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;
    use Evidence::{Limited, NotReached, Served, Unavailable};
    use proptest::prelude::*;

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    fn witness(evidence: Evidence, recipient: u64) -> Witness {
        Witness {
            evidence,
            recipient: RecipientHash(recipient),
            first_time: true,
            recipient_in_a_row: 1,
        }
    }

    fn end(breaker: &mut Breaker, ticket: Ticket, evidence: Evidence, now: Instant) -> Change {
        breaker.end(ticket, witness(evidence, 0), None, now)
    }

    /// Makes an attempt for each witness, this long apart.
    fn run(
        witnesses: impl IntoIterator<Item = Witness>,
        pause_milliseconds: u64,
    ) -> (Breaker, Instant) {
        let (mut breaker, mut now) = (Breaker::new(), Instant::now());
        for witness in witnesses {
            now = after(now, pause_milliseconds);
            let ticket = breaker.begin(now);
            breaker.end(ticket, witness, None, now);
        }
        (breaker, now)
    }

    fn opened() -> (Breaker, Instant) {
        run((0..5).map(|recipient| witness(Unavailable, recipient)), 1)
    }

    #[test]
    fn it_opens_after_five_different_recipients_in_a_row_or_where_nobody_is_reached() {
        let row = |evidence, count| (0..count).map(move |recipient| witness(evidence, recipient));
        let again = |evidence| Witness {
            first_time: false,
            ..witness(evidence, 7)
        };
        for (what, witnesses, open) in [
            ("four", row(Unavailable, 4).collect::<Vec<_>>(), false),
            ("five", row(Unavailable, 5).collect(), true),
            ("five, limited", row(Limited, 5).collect(), true),
            ("one recipient", vec![witness(Unavailable, 1); 50], false),
            (
                "four recipients again and again",
                row(Unavailable, 4).cycle().take(40).collect(),
                false,
            ),
            (
                "retries say nothing more",
                row(Unavailable, 9)
                    .map(|witness| Witness {
                        first_time: false,
                        ..witness
                    })
                    .collect(),
                false,
            ),
            (
                "four, one served, four",
                row(Unavailable, 4)
                    .chain([witness(Served, 9)])
                    .chain(row(Unavailable, 4))
                    .collect(),
                false,
            ),
            (
                "a retry that is served counts",
                row(Unavailable, 4)
                    .chain([again(Served)])
                    .chain(row(Unavailable, 4))
                    .collect(),
                false,
            ),
            (
                "limited, shortly after one was served",
                [witness(Served, 9)]
                    .into_iter()
                    .chain(row(Limited, 40))
                    .collect(),
                false,
            ),
            (
                "unavailable, shortly after one was served",
                [witness(Served, 9)]
                    .into_iter()
                    .chain(row(Unavailable, 5))
                    .collect(),
                true,
            ),
            (
                "nobody there, by one message",
                vec![again(NotReached); 5],
                true,
            ),
            (
                "nobody there, four times",
                row(NotReached, 4).collect(),
                false,
            ),
            (
                "what says nothing",
                row(Evidence::None, 50).collect(),
                false,
            ),
        ] {
            assert_eq!(run(witnesses, 100).0.cause().is_some(), open, "{what}");
        }
    }

    #[test]
    fn a_queue_is_held_where_the_agent_is_rejected_or_several_recipients_say_so() {
        use Evidence::{AgentRejected, Doubtful};
        let row = |evidence, count| (0..count).map(move |recipient| witness(evidence, recipient));
        for (what, witnesses, cause) in [
            (
                "no token",
                vec![witness(AgentRejected, 1)],
                Some(Cause::AgentRejected),
            ),
            (
                "five forbidden",
                row(Doubtful, 5).collect(),
                Some(Cause::AgentRejected),
            ),
            ("four forbidden", row(Doubtful, 4).collect(), None),
            ("one tester", vec![witness(Doubtful, 1); 40], None),
            (
                "unavailable",
                row(Unavailable, 5).collect(),
                Some(Cause::Unavailable),
            ),
        ] {
            assert_eq!(run(witnesses, 100).0.cause(), cause, "{what}");
        }
    }

    #[test]
    fn a_held_queue_is_probed_ever_later_up_to_a_minute_and_at_once_after_a_reload() {
        let (mut breaker, mut now) = run([witness(Evidence::AgentRejected, 1)], 1);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let until = now + Duration::from_secs(seconds);
            assert_eq!(breaker.permission(now), Permission::NothingUntil(until));
            now = until;
            let probe = breaker.begin(now);
            let change = end(&mut breaker, probe, Evidence::AgentRejected, now);
            assert_eq!(change, Change::None);
        }
        breaker.probe_now(now);
        assert_eq!(
            breaker.permission(now),
            Permission::Probe(Order::FirstAttempts)
        );
        let probe = breaker.begin(now);
        let change = end(&mut breaker, probe, Evidence::None, now);
        assert_eq!(change, Change::None, "it does not say that it is over");
        let probe = breaker.begin(after(now, 100_000));
        let change = end(&mut breaker, probe, Limited, after(now, 100_000));
        assert_eq!(change, Change::Closed(Cause::AgentRejected));
    }

    #[test]
    fn a_probe_of_an_open_breaker_may_find_that_the_agent_is_rejected() {
        let (mut breaker, now) = opened();
        let probe = breaker.begin(after(now, 1_000));
        let change = end(
            &mut breaker,
            probe,
            Evidence::AgentRejected,
            after(now, 1_000),
        );
        assert_eq!(change, Change::Opened(Cause::AgentRejected));
    }

    /// A proxy on the way answers 401 whenever it sees one number.
    #[test]
    fn one_recipient_alone_holds_the_queue_once() {
        let (poison, other) = (witness(Evidence::AgentRejected, 1), witness(Served, 2));
        let (mut breaker, mut now) = run([poison], 1);
        assert_eq!(breaker.cause(), Some(Cause::AgentRejected));
        let probe = breaker.begin(after(now, 1_000));
        breaker.end(probe, other, None, after(now, 1_000));
        assert_eq!(breaker.cause(), None);
        for _ in 0..100 {
            now = after(now, 1_000);
            for witness in [poison, other] {
                let ticket = breaker.begin(now);
                breaker.end(ticket, witness, None, now);
                assert_eq!(breaker.cause(), None);
            }
        }
        let another = witness(Evidence::AgentRejected, 3);
        let ticket = breaker.begin(now);
        breaker.end(ticket, another, None, now);
        assert_eq!(breaker.cause(), Some(Cause::AgentRejected), "another one");
    }

    #[test]
    fn an_outage_is_none_of_the_agent_s_doing_whatever_the_last_answer_was() {
        let row = (0..4).map(|recipient| witness(Unavailable, recipient));
        let (mut breaker, now) = run(row.chain([witness(Evidence::Doubtful, 9)]), 1);
        assert_eq!(breaker.cause(), Some(Cause::Unavailable));
        let probe = breaker.begin(after(now, 1_000));
        end(
            &mut breaker,
            probe,
            Evidence::AgentRejected,
            after(now, 1_000),
        );
        assert_eq!(breaker.cause(), Some(Cause::AgentRejected));
        let probe = breaker.begin(after(now, 9_000));
        end(&mut breaker, probe, Unavailable, after(now, 9_000));
        assert_eq!(breaker.cause(), Some(Cause::Unavailable));
    }

    #[test]
    fn every_other_probe_of_a_held_queue_is_a_retry() {
        let (mut breaker, mut now) = run([witness(Evidence::AgentRejected, 1)], 1);
        for order in [Order::FirstAttempts, Order::TakeTurns, Order::FirstAttempts] {
            now += Duration::from_mins(2);
            assert_eq!(breaker.permission(now), Permission::Probe(order));
            let probe = breaker.begin(now);
            end(&mut breaker, probe, Evidence::AgentRejected, now);
        }
    }

    #[test]
    fn limits_count_when_nothing_was_served_for_ten_seconds() {
        let served = [witness(Served, 99)];
        let limited = (0..20).map(|recipient| witness(Limited, recipient));
        let row = || served.into_iter().chain(limited.clone());
        assert!(
            run(row(), 600).0.cause().is_none(),
            "four after ten seconds"
        );
        assert!(run(row(), 700).0.cause().is_some(), "six after ten seconds");
    }

    #[test]
    fn one_probe_at_a_time_ever_later_up_to_four_seconds_until_one_is_served() {
        let (mut breaker, mut now) = opened();
        for pause in [1_000, 2_000, 4_000, 4_000, 4_000] {
            assert_eq!(
                breaker.permission(after(now, pause - 1)),
                Permission::NothingUntil(after(now, pause))
            );
            now = after(now, pause);
            assert_eq!(
                breaker.permission(now),
                Permission::Probe(Order::FirstAttempts)
            );
            let probe = breaker.begin(now);
            assert!(
                matches!(
                    breaker.permission(after(now, 100)),
                    Permission::NothingUntil(_)
                ),
                "it is under way"
            );
            now = after(now, 100);
            assert_eq!(end(&mut breaker, probe, Unavailable, now), Change::None);
        }
        now = after(now, 4_000);
        let probe = breaker.begin(now);
        assert_eq!(
            end(&mut breaker, probe, Served, now),
            Change::Closed(Cause::Unavailable)
        );
        assert_eq!(breaker.permission(now), Permission::Any);
    }

    #[test]
    fn what_the_platform_asks_of_a_probe_holds_for_the_next_one() {
        let (mut breaker, now) = opened();
        let now = after(now, 1_000);
        let probe = breaker.begin(now);
        let minute = Duration::from_mins(1);
        breaker.end(probe, witness(Unavailable, 1), Some(minute), now);
        assert_eq!(
            breaker.permission(now),
            Permission::NothingUntil(now + minute)
        );
    }

    #[test]
    fn what_began_before_it_opened_says_nothing() {
        let (mut breaker, now) = (Breaker::new(), Instant::now());
        let early: Vec<Ticket> = (0..40).map(|_| breaker.begin(now)).collect();
        let changes: Vec<Change> = (0..)
            .zip(&early)
            .map(|(recipient, ticket)| {
                breaker.end(*ticket, witness(Unavailable, recipient), None, now)
            })
            .collect();
        assert_eq!(
            changes
                .iter()
                .filter(|change| matches!(change, Change::Opened(_)))
                .count(),
            1
        );
        assert_eq!(
            breaker.permission(now),
            Permission::NothingUntil(after(now, 1_000)),
            "the other 35 put nothing off"
        );
        assert_eq!(end(&mut breaker, early[0], Served, now), Change::None);
        assert!(breaker.cause().is_some());
    }

    #[test]
    fn a_probe_that_hangs_is_followed_by_another_and_still_counts_if_it_is_served() {
        let (mut breaker, now) = opened();
        let first = breaker.begin(after(now, 1_000));
        assert_eq!(
            breaker.permission(after(now, 5_000)),
            Permission::Probe(Order::FirstAttempts)
        );
        let second = breaker.begin(after(now, 5_000));
        assert_eq!(
            end(&mut breaker, first, Unavailable, after(now, 5_100)),
            Change::None
        );
        assert_eq!(
            breaker.permission(after(now, 5_100)),
            Permission::NothingUntil(after(now, 9_000)),
            "the second one is under way"
        );
        assert_eq!(
            end(&mut breaker, first, Served, after(now, 5_200)),
            Change::Closed(Cause::Unavailable)
        );
        assert_eq!(
            end(&mut breaker, second, Unavailable, after(now, 5_300)),
            Change::None,
            "it began before"
        );
    }

    #[test]
    fn a_probe_that_was_not_made_leaves_its_place_to_another() {
        let (mut breaker, now) = opened();
        let probe = breaker.begin(after(now, 1_000));
        breaker.forget(probe, after(now, 1_001));
        assert_eq!(
            breaker.permission(after(now, 1_001)),
            Permission::Probe(Order::FirstAttempts)
        );
    }

    /// The rule before this one: half of twenty attempts in ten seconds, or three in a row over a second, whosever they were.
    fn old_rule_opens(witnesses: &[(Instant, Witness)]) -> bool {
        let mut recent: Vec<(Instant, bool)> = Vec::new();
        let mut row: Option<(u32, Instant)> = None;
        witnesses.iter().any(|(now, witness)| {
            let failed = witness.evidence != Served;
            row = failed.then(|| row.map_or((1, *now), |(count, since)| (count + 1, since)));
            recent.push((*now, failed));
            recent.retain(|(at, _)| *at + Duration::from_secs(10) > *now);
            let failures = recent.iter().filter(|(_, failed)| *failed).count();
            let in_a_row = row
                .is_some_and(|(count, since)| count >= 3 && *now >= since + Duration::from_secs(1));
            in_a_row || (recent.len() >= 20 && failures * 2 >= recent.len())
        })
    }

    /// One recipient who is always limited has a message that is tried again and again while little else is to be sent.
    #[test]
    fn one_recipient_never_opens_it_though_the_old_rule_did() {
        let start = Instant::now();
        let poison = |attempt: u64| Witness {
            first_time: attempt == 0,
            ..witness(Limited, 1)
        };
        let witnesses: Vec<(Instant, Witness)> = (0..30)
            .map(|attempt| (after(start, 500 * attempt), poison(attempt)))
            .collect();
        let mut breaker = Breaker::new();
        for (now, witness) in &witnesses {
            let ticket = breaker.begin(*now);
            assert_eq!(breaker.end(ticket, *witness, None, *now), Change::None);
        }
        assert!(
            old_rule_opens(&witnesses),
            "the test means nothing if the old rule passes it"
        );
    }

    proptest! {
        /// Whatever happened before: a platform that serves everything from some time on is noticed.
        #[test]
        fn a_platform_that_is_back_is_noticed_within_five_seconds(
            attempts in proptest::collection::vec((0..3_000_u64, 0..5_u8, 0..9_u64, any::<bool>()), 0..200),
        ) {
            let (mut breaker, mut now) = (Breaker::new(), Instant::now());
            for (pause, evidence, recipient, first_time) in attempts {
                now = after(now, pause);
                if !matches!(breaker.permission(now), Permission::NothingUntil(_)) {
                    let ticket = breaker.begin(now);
                    let evidence = [Served, Limited, Unavailable, NotReached, Evidence::None][usize::from(evidence)];
                    breaker.end(ticket, Witness { first_time, ..witness(evidence, recipient) }, None, now);
                }
            }
            let back = now;
            if let Permission::NothingUntil(until) = breaker.permission(now) {
                now = until;
            }
            prop_assert!(now <= after(back, 4_000));
            let ticket = breaker.begin(now);
            end(&mut breaker, ticket, Served, now);
            prop_assert_eq!(breaker.permission(now), Permission::Any);
        }

        /// However many messages one recipient has, and however they fail: it takes others to open it.
        #[test]
        fn four_recipients_never_open_it(
            attempts in proptest::collection::vec((0..3_000_u64, 0..4_u8, 0..4_u64, any::<bool>()), 0..200),
        ) {
            let (mut breaker, mut now) = (Breaker::new(), Instant::now());
            for (pause, evidence, recipient, first_time) in attempts {
                now = after(now, pause);
                let ticket = breaker.begin(now);
                let evidence = [Served, Limited, Unavailable, Evidence::None][usize::from(evidence)];
                breaker.end(ticket, Witness { first_time, ..witness(evidence, recipient) }, None, now);
                prop_assert_eq!(breaker.cause(), None);
            }
        }
    }
}

//! Finds the rate that the platform grants an agent, where it is lower than the configured one. Pure: time is an argument.
//!
//! Nobody publishes how fast an agent may send. Where half of the recipients of the last ten seconds were answered 429 while
//! others were served, the agent is too fast: its rate is halved. Where fewer were, but some of them were served a moment later,
//! it is too fast by that much. It is raised again step by step while few are limited (additive increase, multiplicative
//! decrease, as TCP does it).
//!
//! Recipients with limits of their own slow nobody down: one recipient counts once, not at all once it was limited several times
//! in a row, and is not served a moment later.

use super::breaker::{Evidence, Witness};
use super::recipients::RecipientHash;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// One agent's.
#[derive(Debug)]
pub(crate) struct Throttle {
    configured: f64,
    rate: f64,
    /// What began before says nothing of the rate since.
    halved_at: Option<Instant>,
    stepped_at: Instant,
    recent: VecDeque<(Instant, RecipientHash, bool)>,
    /// Of the recent ones, by recipient.
    recipients: HashMap<RecipientHash, Answers>,
    /// Recipients, not answers.
    limited: usize,
    /// Answers.
    served: usize,
    /// Since the last step.
    step: Step,
}

#[derive(Debug, Default)]
struct Answers {
    served: usize,
    limited: usize,
}

/// Answers between two steps of the rate.
#[derive(Debug, Default)]
struct Step {
    all: u32,
    limited: u32,
    /// Of recipients that had been rejected.
    served_at_last: u32,
    limited_again: u32,
}

/// What has become of the rate, in messages per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RateChange {
    /// It is lower than the configured one. Told once, until it is restored.
    Lowered { from: f64, to: f64 },
    /// It is the configured one again.
    Restored,
}

impl Throttle {
    pub(crate) fn new(messages_per_second: u32, now: Instant) -> Self {
        let rate = f64::from(messages_per_second);
        Self {
            configured: rate,
            rate,
            halved_at: None,
            stepped_at: now,
            recent: VecDeque::new(),
            recipients: HashMap::new(),
            limited: 0,
            served: 0,
            step: Step::default(),
        }
    }

    /// In messages per second.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// An attempt has ended that began at this time.
    pub(crate) fn learn(
        &mut self,
        witness: Witness,
        begun: Instant,
        now: Instant,
    ) -> Option<RateChange> {
        if self.halved_at.is_some_and(|at| begun < at) {
            return None;
        }
        match witness.evidence {
            Evidence::Served => {
                self.step.served_at_last += u32::from(witness.recipient_in_a_row > 0);
                self.add(witness.recipient, false, now);
            }
            Evidence::Limited if witness.recipient_in_a_row <= IN_A_ROW_MAX => {
                self.step.limited_again += u32::from(witness.recipient_in_a_row > 1);
                self.add(witness.recipient, true, now);
            }
            _ => return None,
        }
        if self.is_too_fast() {
            self.halve(now)
        } else {
            None
        }
    }

    /// Time has passed.
    pub(crate) fn pass(&mut self, now: Instant) -> Option<RateChange> {
        self.forget(now);
        let seconds = now.saturating_duration_since(self.stepped_at).as_secs();
        if seconds == 0 {
            return None;
        }
        self.stepped_at += Duration::from_secs(seconds);
        let step = std::mem::take(&mut self.step);
        if step.limited * FEW > step.all {
            return if step.blames_the_rate() {
                self.lower(&step)
            } else {
                None
            };
        }
        self.raise(seconds)
    }

    /// By half of what is too much, since not all of it may be the rate's fault.
    fn lower(&mut self, step: &Step) -> Option<RateChange> {
        let too_much = f64::from(step.limited) / f64::from(step.all);
        self.set(self.rate * (1.0 - too_much / 2.0))
    }

    fn raise(&mut self, seconds: u64) -> Option<RateChange> {
        if self.rate >= self.configured {
            return None;
        }
        let steps = f64::from(u32::try_from(seconds).unwrap_or(u32::MAX));
        let step = (self.configured * STEP).min(self.rate * STEP_OF_RATE);
        self.set(self.rate + step * steps)
    }

    fn set(&mut self, rate: f64) -> Option<RateChange> {
        let (before, rate) = (self.rate, rate.clamp(RATE_MIN, self.configured));
        self.rate = rate;
        if before >= self.configured && rate < self.configured {
            return Some(RateChange::Lowered {
                from: before,
                to: rate,
            });
        }
        (before < self.configured && rate >= self.configured).then_some(RateChange::Restored)
    }

    fn add(&mut self, recipient: RecipientHash, limited: bool, now: Instant) {
        self.forget(now);
        self.recent.push_back((now, recipient, limited));
        self.step.all += 1;
        self.step.limited += u32::from(limited);
        let answers = self.recipients.entry(recipient).or_default();
        if limited {
            self.limited += usize::from(answers.limited == 0);
            answers.limited += 1;
        } else {
            answers.served += 1;
            self.served += 1;
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, recipient, limited)) = self.recent.front().copied()
            && (at + WINDOW <= now || self.recent.len() > RECENT_MAX)
        {
            self.recent.pop_front();
            let Some(answers) = self.recipients.get_mut(&recipient) else {
                continue;
            };
            if limited {
                answers.limited -= 1;
                self.limited -= usize::from(answers.limited == 0);
            } else {
                answers.served -= 1;
                self.served -= 1;
            }
            if answers.served + answers.limited == 0 {
                self.recipients.remove(&recipient);
            }
        }
    }

    /// Where nobody was served at all, the circuit breaker has the say.
    fn is_too_fast(&self) -> bool {
        self.limited >= LIMITED_MIN && self.limited * 2 >= self.recipients.len() && self.served > 0
    }

    fn halve(&mut self, now: Instant) -> Option<RateChange> {
        self.halved_at = Some(now);
        self.stepped_at = now;
        self.step = Step::default();
        self.recent.clear();
        self.recipients.clear();
        (self.limited, self.served) = (0, 0);
        self.set(self.rate / 2.0)
    }
}

impl Step {
    /// A recipient with a limit of its own is limited again when its message is tried again; one that met the agent's limit is
    /// mostly served.
    fn blames_the_rate(&self) -> bool {
        self.served_at_last > 0 && self.served_at_last * 2 >= self.limited_again
    }
}

const WINDOW: Duration = Duration::from_secs(10);
const RECENT_MAX: usize = 10_000;
/// Fewer are chance.
const LIMITED_MIN: usize = 5;
/// One in so many answers may be a limit while the rate is raised.
const FEW: u32 = 10;
/// A recipient that is limited more often has a limit of its own. Where the agent is too fast, one in eight gets there.
const IN_A_ROW_MAX: u32 = 3;
/// Of the configured rate, for each second: from half of it to all of it takes 25 s.
const STEP: f64 = 0.02;
/// Where the platform grants a small part of the configured rate, steps of that would be leaps.
const STEP_OF_RATE: f64 = 0.1;
const RATE_MIN: f64 = 1.0;

#[cfg(test)]
mod tests {
    use super::*;
    use Evidence::{Limited, None as Nothing, NotReached, Served, Unavailable};
    use proptest::prelude::*;

    fn witness(evidence: Evidence, recipient: u64) -> Witness {
        Witness {
            evidence,
            recipient: RecipientHash(recipient),
            first_time: false,
            recipient_in_a_row: u32::from(evidence == Limited),
        }
    }

    fn again(witness: Witness) -> Witness {
        Witness {
            recipient_in_a_row: 4,
            ..witness
        }
    }

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_rate_is_halved_where_half_of_the_recipients_are_limited_and_others_are_served() {
        let different = |evidence, from: u64, count: u64| {
            (from..from + count).map(move |recipient| witness(evidence, recipient))
        };
        let mixed = |served, limited| {
            different(Served, 0, served)
                .chain(different(Limited, 100, limited))
                .collect::<Vec<_>>()
        };
        for (what, witnesses, rate) in [
            ("half of ten", mixed(5, 5), 50.0),
            ("less than half", mixed(6, 5), 100.0),
            ("half of eight", mixed(4, 4), 100.0),
            ("nobody is served", mixed(0, 40), 100.0),
            (
                "one recipient, many messages",
                [mixed(5, 0), vec![witness(Limited, 1); 40]].concat(),
                100.0,
            ),
            (
                "recipients that are limited for the fourth time",
                [mixed(5, 0), different(Limited, 0, 40).map(again).collect()].concat(),
                100.0,
            ),
            (
                "other failures",
                [
                    mixed(5, 0),
                    different(Unavailable, 0, 20).collect(),
                    different(NotReached, 0, 20).collect(),
                    different(Nothing, 0, 20).collect(),
                ]
                .concat(),
                100.0,
            ),
        ] {
            let now = Instant::now();
            let mut throttle = Throttle::new(100, now);
            for witness in witnesses {
                throttle.learn(witness, now, now);
            }
            assert!(
                (throttle.rate() - rate).abs() < f64::EPSILON,
                "{what}: {}",
                throttle.rate()
            );
        }
    }

    #[test]
    fn what_began_before_it_was_halved_does_not_halve_it_again() {
        let now = Instant::now();
        let mut throttle = Throttle::new(100, now);
        throttle.learn(witness(Served, 0), now, now);
        let halved: Vec<RateChange> = (1..60)
            .filter_map(|recipient| {
                throttle.learn(witness(Limited, recipient), now, after(now, recipient))
            })
            .collect();
        assert_eq!(
            halved,
            [RateChange::Lowered {
                from: 100.0,
                to: 50.0
            }]
        );
    }

    #[test]
    fn it_is_raised_step_by_step_while_few_are_limited() {
        let start = Instant::now();
        let mut throttle = Throttle::new(100, start);
        for recipient in 0..10 {
            let evidence = if recipient < 5 { Served } else { Limited };
            throttle.learn(witness(evidence, recipient), start, start);
        }
        let mut restored = None;
        for second in 1..=25 {
            let now = after(start, second * 1_000);
            if throttle.pass(now) == Some(RateChange::Restored) {
                restored = Some(second);
            }
            // From the tenth second on for five seconds one in five is limited.
            if (10..15).contains(&second) {
                (0..4).for_each(|it| {
                    throttle.learn(witness(Served, 100 * second + it), now, now);
                });
                throttle.learn(witness(Limited, 100 * second + 9), now, now);
            }
        }
        assert_eq!(restored, None);
        let rate = throttle.rate();
        assert!((rate - 90.0).abs() < 0.1, "20 steps of 2: {rate}");
        let end = after(start, 60_000);
        assert_eq!(throttle.pass(end), Some(RateChange::Restored));
        assert_eq!(throttle.pass(after(end, 5_000)), None, "once");
    }

    /// The platform takes so many in each second and rejects the others; what is rejected is tried again.
    #[test]
    fn it_settles_near_what_the_platform_grants() {
        for granted in [50.0, 20.0, 5.0] {
            let start = Instant::now();
            let mut throttle = Throttle::new(100, start);
            let (mut attempts, mut served) = (0.0, 0.0);
            let mut rejected = 0_u32;
            for second in 0..300_u64 {
                let now = after(start, second * 1_000);
                throttle.pass(now);
                let mut allowance = granted;
                for attempt in 0..1_000_u64 {
                    // As many as the rate says, evenly over the second.
                    let at = after(now, attempt);
                    let due = throttle.rate() / 1_000.0;
                    if (attempts + due).floor() > attempts.floor() {
                        let limited = allowance < 1.0;
                        let evidence = if limited { Limited } else { Served };
                        allowance -= if limited { 0.0 } else { 1.0 };
                        served += if limited { 0.0 } else { 1.0 };
                        // Half of the attempts are retries, as long as there is something to retry.
                        let retry = u32::from(rejected > 0 && attempt % 2 == 0);
                        rejected += u32::from(limited);
                        rejected -= retry;
                        let witness = Witness {
                            recipient_in_a_row: retry + u32::from(limited),
                            ..witness(evidence, second * 1_000 + attempt)
                        };
                        throttle.learn(witness, at, at);
                    }
                    attempts += due;
                }
            }
            let ratio = attempts / served;
            assert!(
                ratio <= 1.3,
                "{granted} a second granted: {ratio} attempts for each message"
            );
            let used = served / (granted * 300.0);
            assert!(used > 0.7, "{granted} a second granted: {used} of it used");
        }
    }

    proptest! {
        #[test]
        fn the_rate_stays_between_one_and_the_configured_one(
            steps in proptest::collection::vec((0..3_000_u64, 0..2_u8, 0..40_u64), 0..300),
        ) {
            let mut now = Instant::now();
            let mut throttle = Throttle::new(8, now);
            for (pause, evidence, recipient) in steps {
                now = after(now, pause);
                throttle.pass(now);
                let evidence = [Served, Limited][usize::from(evidence)];
                throttle.learn(witness(evidence, recipient), now, now);
                prop_assert!((1.0..=8.0).contains(&throttle.rate()));
                let counted = throttle.recipients.values().filter(|answers| answers.limited > 0).count();
                prop_assert_eq!(counted, throttle.limited);
            }
        }
    }
}

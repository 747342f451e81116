//! How fast an agent may send. Pure: time is an argument.
//!
//! The promise is about what the platform sees: in no second more than the configured number. A token bucket or GCRA
//! (`governor`) cannot give it, since either lets a whole burst through on top of the rate; and it starts full, so that a
//! process that is started again and again exceeds any rate. So when each of the last attempts began is kept, and a further
//! one may begin a window after the one that many places before it. The window is a twentieth longer than a second, because
//! what leaves evenly does not arrive evenly. A bucket beside it spreads what a window allows, and ramps up after a start.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// How fast an agent may send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// Attempts that the platform may see in any second.
    pub messages_per_second: NonZeroU32,
    /// How many of them may begin at one moment.
    pub burst: NonZeroU32,
}

/// Keeps an agent to its pace.
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    /// In messages per second; at most the pace's.
    rate: f64,
    /// When the attempts of the last window began.
    begun: VecDeque<Instant>,
    tokens: f64,
    counted_at: Instant,
    ramp_since: Instant,
}

impl Pacer {
    /// Nothing may begin for a window: who was here before may have used it up.
    pub(crate) fn new(pace: Pace, now: Instant) -> Self {
        let begun = std::iter::repeat_n(now, pace.messages_per_second.get() as usize).collect();
        Self {
            pace,
            rate: f64::from(pace.messages_per_second.get()),
            begun,
            tokens: 1.0,
            counted_at: now,
            ramp_since: now + WINDOW,
        }
    }

    /// From now on so many messages per second, or the pace if that is slower.
    pub(crate) fn limit(&mut self, messages_per_second: f64, now: Instant) {
        self.count(now);
        self.rate = messages_per_second.min(f64::from(self.pace.messages_per_second.get()));
        self.tokens = self.tokens.min(self.most_tokens(now));
    }

    /// From now on slowly: a tenth of the pace, and all of it after ten seconds.
    pub(crate) fn slow_start(&mut self, now: Instant) {
        self.count(now);
        self.ramp_since = now;
        self.tokens = self.tokens.min(1.0);
    }

    /// How many may begin now.
    pub(crate) fn free(&mut self, now: Instant) -> usize {
        self.count(now);
        whole(self.tokens).min(self.places())
    }

    /// One begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.count(now);
        self.tokens -= 1.0;
        self.begun.push_back(now);
    }

    /// How long until enough may begin that it is worth asking the store for them.
    pub(crate) fn wait(&mut self, now: Instant) -> Duration {
        self.count(now);
        let rate = self.rate;
        let worth_it = whole(rate * WORTH_IT.as_secs_f64()).clamp(1, whole(self.most_tokens(now)));
        let tokens = (count_of(worth_it) - self.tokens).max(0.0) / (rate * self.ramp(now));
        let lacking = (self.begun.len() + worth_it).saturating_sub(whole(self.rate.ceil()));
        let place = lacking
            .checked_sub(1)
            .and_then(|place| self.begun.get(place));
        let place = place.map_or(Duration::ZERO, |begun| {
            (*begun + WINDOW).saturating_duration_since(now)
        });
        Duration::from_secs_f64(tokens)
            .max(place)
            .max(Duration::from_millis(1))
    }

    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted_at).as_secs_f64();
        // With the rate at the beginning of what has passed, which is never too high.
        let added = passed * self.rate * self.ramp(self.counted_at);
        self.tokens = (self.tokens + added).min(self.most_tokens(now));
        self.counted_at = self.counted_at.max(now);
        while self
            .begun
            .front()
            .is_some_and(|begun| *begun + WINDOW <= now)
        {
            self.begun.pop_front();
        }
    }

    /// Of the window.
    fn places(&self) -> usize {
        whole(self.rate.ceil()).saturating_sub(self.begun.len())
    }

    fn most_tokens(&self, now: Instant) -> f64 {
        let part = self.rate / f64::from(self.pace.messages_per_second.get());
        (f64::from(self.pace.burst.get()) * part * self.ramp(now)).max(1.0)
    }

    /// Which part of the pace is used.
    fn ramp(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.ramp_since).as_secs_f64();
        (RAMP_FROM + (1.0 - RAMP_FROM) * passed / RAMP_TIME.as_secs_f64()).min(1.0)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast keeps to the bounds of the type"
)]
fn whole(number: f64) -> usize {
    number.floor() as usize
}

#[expect(
    clippy::cast_precision_loss,
    reason = "of messages that begin at one moment"
)]
fn count_of(number: usize) -> f64 {
    number as f64
}

/// A second, by how much the time on the way may differ between two messages (50 ms), and one millisecond: who counts from the
/// arrival of one message counts a message that arrives exactly a second later as well.
pub(crate) const WINDOW: Duration = Duration::from_millis(1_051);
/// Fewer commits of the store, for a delay that nobody sees.
const WORTH_IT: Duration = Duration::from_millis(20);
const RAMP_FROM: f64 = 0.1;
const RAMP_TIME: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pace(messages_per_second: u32, burst: u32) -> Pace {
        let number = |number| NonZeroU32::new(number).expect("not 0");
        Pace {
            messages_per_second: number(messages_per_second),
            burst: number(burst),
        }
    }

    fn milliseconds(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Begins all that may begin, at each of these moments.
    fn run(pacer: &mut Pacer, start: Instant, moments: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut begun = Vec::new();
        for moment in moments {
            let now = start + milliseconds(moment);
            for _ in 0..pacer.free(now) {
                pacer.begin(now);
                begun.push(moment);
            }
        }
        begun
    }

    fn most_in_a_second(times: &[u64]) -> usize {
        times
            .iter()
            .map(|first| {
                times
                    .iter()
                    .filter(|time| (*first..=first + 1_000).contains(*time))
                    .count()
            })
            .max()
            .unwrap_or_default()
    }

    #[test]
    fn it_begins_after_a_window_and_slowly_and_reaches_its_pace() {
        let start = Instant::now();
        let mut pacer = Pacer::new(pace(100, 10), start);
        let begun = run(&mut pacer, start, (0..30_000).step_by(5));
        let between = |from, to| {
            begun
                .iter()
                .filter(|time| (from..to).contains(*time))
                .count()
        };
        assert_eq!(
            between(0, 1_050),
            0,
            "what the process before may have sent"
        );
        // A tenth of 100 rises by 9 each second.
        for (second, from, to) in [(0, 12, 18), (4, 48, 53), (9, 90, 96)] {
            let count = between(1_050 + second * 1_000, 2_050 + second * 1_000);
            assert!((from..=to).contains(&count), "{count} in second {second}");
        }
        let later = between(20_000, 30_000);
        assert!(
            (945..=953).contains(&later),
            "{later} in ten seconds: a twentieth less than 100 a second"
        );
    }

    #[test]
    fn a_message_that_took_50_ms_and_the_next_that_took_none_arrive_more_than_a_second_apart() {
        let start = Instant::now();
        let mut pacer = Pacer::new(pace(1, 1), start);
        let begun = run(&mut pacer, start, [20_000, 21_050, 21_051].into_iter());
        assert_eq!(begun, [20_000, 21_051]);
    }

    #[test]
    fn a_slow_start_is_slow_again() {
        let start = Instant::now();
        let mut pacer = Pacer::new(pace(100, 10), start);
        run(&mut pacer, start, (0..20_000).step_by(5));
        pacer.slow_start(start + milliseconds(20_000));
        let begun = run(&mut pacer, start, (20_000..21_000).step_by(5));
        assert!(
            (10..=18).contains(&begun.len()),
            "{} in a second",
            begun.len()
        );
    }

    #[test]
    fn a_burst_is_all_that_begins_at_one_moment_and_what_is_missed_is_not_made_up_for() {
        let start = Instant::now();
        let mut pacer = Pacer::new(pace(100, 10), start);
        let begun = run(
            &mut pacer,
            start,
            [30_000, 30_000, 30_050, 60_000].into_iter(),
        );
        assert_eq!(begun.iter().filter(|time| **time == 30_000).count(), 10);
        assert_eq!(begun.iter().filter(|time| **time == 30_050).count(), 5);
        assert_eq!(begun.iter().filter(|time| **time == 60_000).count(), 10);
    }

    #[test]
    fn a_lower_rate_holds_at_once_and_until_it_is_raised() {
        let start = Instant::now();
        let mut pacer = Pacer::new(pace(100, 10), start);
        let all = run(&mut pacer, start, (20_000..30_000).step_by(5));
        assert!(all.len() >= 940, "{} at the full pace", all.len());
        for (rate, from, most) in [(50.0, 30_000, 50), (12.5, 45_000, 13), (500.0, 60_000, 100)] {
            pacer.limit(rate, start + milliseconds(from));
            // The window of what began before is over after two seconds.
            let begun = run(&mut pacer, start, (from + 2_000..from + 12_000).step_by(5));
            assert!(
                most_in_a_second(&begun) <= most,
                "{} in a second at {rate}",
                most_in_a_second(&begun)
            );
            let least = most * 10 * 9 / 10;
            assert!(
                begun.len() >= least,
                "{} in ten seconds at {rate}",
                begun.len()
            );
        }
    }

    #[test]
    fn after_the_wait_something_may_begin() {
        let start = Instant::now();
        for pace in [pace(1, 1), pace(30, 3), pace(1_000, 100), pace(1_000, 1)] {
            let (mut pacer, mut now) = (Pacer::new(pace, start), start);
            for step in 0..500 {
                let wait = pacer.wait(now);
                now += wait;
                assert!(
                    pacer.free(now) > 0 || wait <= milliseconds(2_000),
                    "{pace:?}, step {step}, after {wait:?}"
                );
                for _ in 0..pacer.free(now) {
                    pacer.begin(now);
                }
            }
            let rate = 500.0 / (now - start).as_secs_f64();
            assert!(
                rate <= f64::from(pace.messages_per_second.get()),
                "{pace:?}: the store is asked {rate} times a second"
            );
        }
    }

    proptest! {
        /// Messages may overtake each other by up to 50 ms on their way.
        #[test]
        fn no_second_sees_more_than_the_pace(
            (per_second, burst) in (1..60_u32).prop_flat_map(|per_second| (Just(per_second), 1..=per_second)),
            pauses in proptest::collection::vec((0..400_u64, 0..=50_u64, any::<bool>()), 1..200),
        ) {
            let start = Instant::now();
            let mut pacer = Pacer::new(pace(per_second, burst), start);
            let (mut now, mut seen) = (11_000, Vec::new());
            for (pause, way, slow_start) in pauses {
                now += pause;
                if slow_start && pause > 390 {
                    pacer.slow_start(start + milliseconds(now));
                }
                let begun = run(&mut pacer, start, std::iter::once(now));
                // The first of them takes no time, the others do.
                seen.extend(begun.iter().enumerate().map(|(place, time)| time + if place == 0 { 0 } else { way }));
            }
            prop_assert!(most_in_a_second(&seen) <= per_second as usize, "{seen:?}");
        }
    }
}

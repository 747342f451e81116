//! How the time of a virtual clock goes on. Pure: the machine's time is an argument.

use crate::{Clock, ClockProblem};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// A straight line through machine time, until it is changed.
#[derive(Debug)]
pub(crate) struct Course {
    /// What the clock showed when it was made, and when that was.
    made: (Timestamp, Instant),
    /// What the clock showed when this course began.
    from: Timestamp,
    since: Instant,
    pub(crate) paused: bool,
    pub(crate) rate: f64,
}

impl Course {
    pub(crate) fn starting_at(time: Timestamp, now: Instant) -> Self {
        let from = time.min(Clock::LATEST);
        Self {
            made: (from, now),
            from,
            since: now,
            paused: false,
            rate: 1.0,
        }
    }

    /// What the clock shows. Of a later `now` never less.
    pub(crate) fn time(&self, now: Instant) -> Timestamp {
        if self.paused {
            return self.from;
        }
        let passed = now.saturating_duration_since(self.since).as_secs_f64() * self.rate;
        // Rounded, so that at rate 1 it is exact for the first months.
        let passed = Duration::try_from_secs_f64(passed)
            .ok()
            .and_then(|passed| self.from.checked_add(passed).ok());
        passed.map_or(Clock::LATEST, |time| time.min(Clock::LATEST))
    }

    /// The same as an instant: at first the machine's, and then as far from that as the clock has gone.
    pub(crate) fn instant(&self, now: Instant) -> Instant {
        let (from, since) = self.made;
        since + Duration::try_from(self.time(now).duration_since(from)).unwrap_or_default()
    }

    /// How long it takes until the clock shows this time, if nobody moves it; none if it is paused before.
    pub(crate) fn wait(&self, until: Timestamp, now: Instant) -> Option<Duration> {
        let left = Duration::try_from(until.duration_since(self.time(now))).unwrap_or_default();
        match left {
            Duration::ZERO => Some(left),
            _ if self.paused => None,
            // Never nothing, which would say that the time has come.
            left => Some(real(left, self.rate).max(Duration::from_nanos(1))),
        }
    }

    pub(crate) fn jump(&mut self, to: Timestamp, now: Instant) -> Result<(), ClockProblem> {
        let from = self.time(now);
        if to < from {
            return Err(ClockProblem::Backwards { now: from, to });
        }
        if to > Clock::LATEST {
            return Err(ClockProblem::TooFar);
        }
        (self.from, self.since) = (to, now);
        Ok(())
    }

    pub(crate) fn set_paused(&mut self, paused: bool, now: Instant) {
        self.begin(now);
        self.paused = paused;
    }

    pub(crate) fn set_rate(&mut self, rate: f64, now: Instant) -> Result<(), ClockProblem> {
        if !(rate > 0.0 && rate <= Clock::RATE_MAX) {
            return Err(ClockProblem::Rate(rate));
        }
        self.begin(now);
        self.rate = rate;
        Ok(())
    }

    /// Goes on from here.
    fn begin(&mut self, now: Instant) {
        (self.from, self.since) = (self.time(now), now);
    }
}

/// How long a span of the clock takes.
fn real(span: Duration, rate: f64) -> Duration {
    Duration::try_from_secs_f64(span.as_secs_f64() / rate).unwrap_or(Duration::MAX)
}

//! How many retries go before first attempts. Pure: time is an argument.
//!
//! Retries that always went first would hold up every message behind one recipient that always fails; retries that always
//! waited would never be made by an agent that is busy. So a tenth of the agent's rate is theirs.

use std::time::Instant;

/// Of one agent.
#[derive(Debug)]
pub(crate) struct Budget {
    permits: f64,
    counted_at: Instant,
}

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            permits: 1.0,
            counted_at: now,
        }
    }

    /// How many retries may go first now, for an agent with this rate in messages per second.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast keeps to the bounds of the type"
    )]
    pub(crate) fn free(&mut self, messages_per_second: f64, now: Instant) -> usize {
        let passed = now.saturating_duration_since(self.counted_at).as_secs_f64();
        let per_second = messages_per_second * PART;
        self.permits = (self.permits + passed * per_second).min(per_second.max(1.0));
        self.counted_at = self.counted_at.max(now);
        self.permits.floor() as usize
    }

    /// A retry begins, also one that did not go first.
    pub(crate) fn take(&mut self) {
        self.permits = (self.permits - 1.0).max(0.0);
    }
}

const PART: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn a_tenth_of_the_rate_and_one_at_least() {
        let now = Instant::now();
        for (rate, after_seconds, free) in [
            (100.0, 0.0, 1),
            (100.0, 0.5, 6),
            (100.0, 60.0, 10),
            (1.0, 0.0, 1),
            (1.0, 9.0, 1),
        ] {
            let mut budget = Budget::new(now);
            let later = now + Duration::from_secs_f64(after_seconds);
            assert_eq!(
                budget.free(rate, later),
                free,
                "{rate} a second, after {after_seconds} s"
            );
        }
        let mut budget = Budget::new(now);
        budget.free(1.0, now);
        budget.take();
        assert_eq!(budget.free(1.0, now + Duration::from_secs(9)), 0);
        assert_eq!(budget.free(1.0, now + Duration::from_millis(10_001)), 1);
    }

    proptest! {
        #[test]
        fn retries_that_go_first_keep_to_their_part(
            rate in 1.0..500.0_f64,
            pauses in proptest::collection::vec(0..2_000_u64, 1..300),
        ) {
            let start = Instant::now();
            let (mut budget, mut now, mut begun) = (Budget::new(start), start, 0.0);
            for pause in pauses {
                now += Duration::from_millis(pause);
                for _ in 0..budget.free(rate, now) {
                    budget.take();
                    begun += 1.0;
                }
            }
            let most = (now - start).as_secs_f64() * rate * PART + 1.0;
            prop_assert!(begun <= most + 0.001, "{begun} of at most {most}");
        }
    }
}

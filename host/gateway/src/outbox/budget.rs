//! How many retries an agent may make. Pure: time is an argument.
//!
//! A platform that turns attempts away has too many of them already, and each retry is one more. So there may be one retry for
//! five first attempts, and a few more so that an agent that sends little retries as well. What has no budget waits for it.

use std::collections::VecDeque;
use std::time::Instant;

/// What was begun in the last ten seconds.
#[derive(Debug)]
pub(crate) struct Budget {
    least_per_second: u32,
    begun_at: Instant,
    seconds: VecDeque<Second>,
}

#[derive(Debug)]
struct Second {
    number: u64,
    first: usize,
    retries: usize,
}

impl Budget {
    /// For an agent with this many messages a second at most; a tenth of them may always be retries.
    pub(crate) fn new(messages_per_second: u32, now: Instant) -> Self {
        Self {
            least_per_second: (messages_per_second / 10).max(1),
            begun_at: now,
            seconds: VecDeque::new(),
        }
    }

    /// How many retries may begin now.
    pub(crate) fn free(&mut self, now: Instant) -> usize {
        self.second(now);
        let (first, retries) = self.seconds.iter().fold((0, 0), |(first, retries), it| {
            (first + it.first, retries + it.retries)
        });
        (self.least_per_second as usize * SECONDS + first / FIRST_FOR_EACH).saturating_sub(retries)
    }

    /// A first attempt begins.
    pub(crate) fn first(&mut self, now: Instant) {
        if let Some(second) = self.second(now) {
            second.first += 1;
        }
    }

    /// A retry begins.
    pub(crate) fn retry(&mut self, now: Instant) {
        if let Some(second) = self.second(now) {
            second.retries += 1;
        }
    }

    /// The current one, without those that are too old.
    fn second(&mut self, now: Instant) -> Option<&mut Second> {
        let number = now.saturating_duration_since(self.begun_at).as_secs();
        while self
            .seconds
            .front()
            .is_some_and(|second| second.number + SECONDS as u64 <= number)
        {
            self.seconds.pop_front();
        }
        if self
            .seconds
            .back()
            .is_none_or(|second| second.number < number)
        {
            self.seconds.push_back(Second {
                number,
                first: 0,
                retries: 0,
            });
        }
        self.seconds.back_mut()
    }
}

const SECONDS: usize = 10;
const FIRST_FOR_EACH: usize = 5;
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// After so long nothing of what was begun counts any more.
    const WINDOW: Duration = Duration::from_secs(SECONDS as u64);

    #[test]
    fn there_is_one_retry_for_five_first_attempts_and_a_tenth_of_the_pace() {
        for (per_second, first, retries, free) in [
            (1, 0, 0, 10),
            (1, 4, 0, 10),
            (1, 5, 0, 11),
            (1, 0, 10, 0),
            (1, 100, 10, 20),
            (100, 0, 0, 100),
            (100, 50, 200, 0),
        ] {
            let now = Instant::now();
            let mut budget = Budget::new(per_second, now);
            (0..first).for_each(|_| budget.first(now));
            (0..retries).for_each(|_| budget.retry(now));
            assert_eq!(
                budget.free(now),
                free,
                "{per_second} a second, {first} first, {retries} retries"
            );
            assert_eq!(
                budget.free(now + WINDOW),
                Budget::new(per_second, now).free(now),
                "all of that is long ago"
            );
        }
    }

    proptest! {
        #[test]
        fn retries_keep_to_their_part(steps in proptest::collection::vec((0..900_u64, any::<bool>()), 1..300)) {
            let start = Instant::now();
            let (mut budget, mut now) = (Budget::new(1, start), start);
            let (mut first, mut retries) = (Vec::new(), Vec::new());
            for (pause, retry) in steps {
                now += Duration::from_millis(pause);
                if !retry {
                    budget.first(now);
                    first.push(now);
                } else if budget.free(now) > 0 {
                    budget.retry(now);
                    retries.push(now);
                    // The window moves by whole seconds, so that it may be a second shorter than it says.
                    let within = |times: &[Instant], window| times.iter().filter(|time| now - **time < window).count();
                    let shorter = Duration::from_secs(SECONDS as u64 - 1);
                    prop_assert!(within(&retries, shorter) <= 10 + within(&first, WINDOW) / 5);
                }
            }
        }
    }
}

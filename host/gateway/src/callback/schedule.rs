//! When a delivery is tried again. Pure: randomness is an argument.

use std::time::Duration;

/// The pauses between attempts; after the last the delivery is given up.
#[derive(Clone, Debug)]
pub struct Schedule(Vec<Duration>);

impl Default for Schedule {
    /// Three days: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h (Standard Webhooks, "Deliverability and reliability").
    fn default() -> Self {
        let hours = [2, 5, 10, 14, 20, 24].map(Duration::from_hours);
        Self(
            [
                Duration::from_secs(5),
                Duration::from_mins(5),
                Duration::from_mins(30),
            ]
            .into_iter()
            .chain(hours)
            .collect(),
        )
    }
}

impl Schedule {
    /// One pause after each attempt but the last.
    pub fn new(pauses: Vec<Duration>) -> Self {
        Self(pauses)
    }

    /// For an application that somebody is at work on: from one second up to one minute, for an hour.
    pub fn of_development() -> Self {
        let rising = [1, 2, 4, 8, 15, 30].map(Duration::from_secs);
        Self(
            rising
                .into_iter()
                .chain([Duration::from_mins(1); 60])
                .collect(),
        )
    }

    /// How long to wait after so many attempts; none if that was the last. Between half the pause and one and a half of it, so
    /// that what failed together does not come back together, and the whole still takes days. `random` is from 0 to 1. What
    /// the application asked for prolongs it, up to an hour: shortened, a few of its answers would use all attempts up.
    pub fn delay(
        &self,
        attempts: u32,
        random: f64,
        asked_for: Option<Duration>,
    ) -> Option<Duration> {
        let place = usize::try_from(attempts).ok()?.checked_sub(1)?;
        let delay = self.0.get(place)?.mul_f64(0.5 + random.clamp(0.0, 1.0));
        Some(delay.max(asked_for.unwrap_or_default().min(ASKED_FOR_MAX)))
    }
}

const ASKED_FOR_MAX: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_for_three_days_and_then_it_is_given_up() {
        let pauses = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        let schedule = Schedule::default();
        for (attempts, seconds) in (1..).zip(pauses) {
            assert_eq!(
                schedule.delay(attempts, 0.5, None),
                Some(Duration::from_secs(seconds)),
                "{attempts}"
            );
        }
        assert_eq!(
            (
                schedule.delay(10, 0.5, None),
                schedule.delay(u32::MAX, 0.5, None)
            ),
            (None, None)
        );
        assert_eq!(schedule.delay(0, 0.5, None), None, "there was no attempt");
    }

    #[test]
    fn what_failed_together_does_not_come_back_together() {
        let schedule = Schedule::default();
        for (random, milliseconds) in [
            (0.0, 2_500),
            (0.25, 3_750),
            (1.0, 7_500),
            (-1.0, 2_500),
            (9.0, 7_500),
        ] {
            assert_eq!(
                schedule.delay(1, random, None),
                Some(Duration::from_millis(milliseconds)),
                "{random}"
            );
        }
    }

    #[test]
    fn what_is_asked_for_prolongs_up_to_an_hour_and_shortens_nothing() {
        let schedule = Schedule::default();
        for (attempts, asked, seconds) in [
            (1, 60, 60),
            (1, 3, 5),
            (1, 86_400, 3_600),
            (4, 1, 7_200),
            (4, 86_400, 7_200),
        ] {
            let delay = schedule.delay(attempts, 0.5, Some(Duration::from_secs(asked)));
            assert_eq!(
                delay,
                Some(Duration::from_secs(seconds)),
                "{asked} s after attempt {attempts}"
            );
        }
        assert_eq!(schedule.delay(10, 0.5, Some(Duration::from_secs(1))), None);
    }
}

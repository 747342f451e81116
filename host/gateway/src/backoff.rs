//! How long to wait before the next attempt. Pure: randomness is an argument.

use std::time::Duration;

/// Exponential with equal jitter: from half of a bound that doubles with each attempt to all of it. So messages that failed
/// together do not come back together, and none is tried more often than its schedule says. `random` is from 0 to 1; `attempt`
/// counts from 1.
pub fn delay(attempt: u32, random: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(DOUBLINGS_MAX);
    let bound = FIRST.saturating_mul(1 << doublings).min(MOST);
    bound.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

/// What the platform asked for, up to ten minutes, and a little more so that not all come back at that very moment.
pub fn asked_for(seconds: u32, random: f64) -> Duration {
    Duration::from_secs(seconds.into()).min(MOST) + FIRST.mul_f64(random.clamp(0.0, 1.0))
}

/// However often it failed, and whatever the platform asks for.
pub const MOST: Duration = Duration::from_mins(10);
const FIRST: Duration = Duration::from_secs(1);
const DOUBLINGS_MAX: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_ten_minutes() {
        for (attempt, seconds) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (10, 512),
            (11, 600),
            (1_000_000, 600),
        ] {
            assert_eq!(
                delay(attempt, 1.0),
                Duration::from_secs(seconds),
                "attempt {attempt}"
            );
            assert_eq!(delay(attempt, 0.0), Duration::from_secs(seconds) / 2);
        }
        assert_eq!(delay(3, 0.5), Duration::from_secs(3));
    }

    #[test]
    fn what_the_platform_asks_for_is_kept_to_ten_minutes() {
        assert_eq!(asked_for(7, 0.0), Duration::from_secs(7));
        assert_eq!(asked_for(86_400, 1.0), Duration::from_secs(601));
    }
}

//! Remembers which recipients were rejected lately, so that their messages back off together. Pure: time is an argument.
//!
//! A hundred messages to one number that always fails would each begin its own schedule, and a hundred schedules of one second are
//! a hundred attempts. So a further rejection waits as long as the recipient's rejections in a row say, up to a minute: longer
//! would hold messages up that would be served by then.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

/// Tells recipients apart without keeping their numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct RecipientHash(pub(crate) u64);

impl RecipientHash {
    pub(crate) fn of(recipient: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        recipient.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The recipients of one agent that were rejected and not served since.
#[derive(Debug, Default)]
pub(crate) struct Recipients(HashMap<RecipientHash, Rejections>);

#[derive(Debug)]
struct Rejections {
    in_a_row: u32,
    last_at: Instant,
}

impl Recipients {
    /// How often this recipient was rejected in a row, this time included, as far as it matters for the back-off.
    pub(crate) fn rejected(&mut self, recipient: RecipientHash, now: Instant) -> u32 {
        if self.0.len() >= KEPT_MAX && !self.0.contains_key(&recipient) {
            self.0.retain(|_, rejections| rejections.matter(now));
            if self.0.len() >= KEPT_MAX {
                return 1;
            }
        }
        let rejections = self.0.entry(recipient).or_insert(Rejections {
            in_a_row: 0,
            last_at: now,
        });
        if !rejections.matter(now) {
            rejections.in_a_row = 0;
        }
        rejections.in_a_row = (rejections.in_a_row + 1).min(IN_A_ROW_MAX);
        rejections.last_at = now;
        rejections.in_a_row
    }

    /// How often this recipient had been rejected in a row.
    pub(crate) fn served(&mut self, recipient: RecipientHash) -> u32 {
        self.0
            .remove(&recipient)
            .map_or(0, |rejections| rejections.in_a_row)
    }
}

impl Rejections {
    fn matter(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_at) < FORGOTTEN_AFTER
    }
}

/// With a back-off that begins with a second and doubles: 64 seconds.
const IN_A_ROW_MAX: u32 = 7;
const FORGOTTEN_AFTER: Duration = Duration::from_mins(2);
/// 320 KB for each agent, where so many recipients fail at once.
const KEPT_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_count_up_until_one_is_served_or_two_minutes_have_passed() {
        let (mut recipients, now) = (Recipients::default(), Instant::now());
        let (one, other) = (RecipientHash::of("+12"), RecipientHash::of("+13"));
        let counts: Vec<u32> = (0..9).map(|_| recipients.rejected(one, now)).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 7, 7]);
        assert_eq!(recipients.rejected(other, now), 1);
        assert_eq!(recipients.served(other), 1);
        assert_eq!(recipients.served(other), 0);
        assert_eq!(recipients.rejected(other, now), 1);
        assert_eq!(recipients.rejected(other, now), 2);
        let later = now + Duration::from_mins(2);
        assert_eq!(recipients.rejected(one, later), 1);
    }

    #[test]
    fn however_many_fail_no_more_than_ten_thousand_are_remembered() {
        let (mut recipients, now) = (Recipients::default(), Instant::now());
        for recipient in 0..20_000 {
            recipients.rejected(RecipientHash(recipient), now);
        }
        assert_eq!(recipients.0.len(), 10_000);
        assert_eq!(recipients.rejected(RecipientHash(5), now), 2);
        recipients.rejected(RecipientHash(20_000), now + Duration::from_mins(2));
        assert_eq!(recipients.0.len(), 1, "those of two minutes ago are gone");
    }
}

//! How long what is kept, and what was removed. What a message still needs, or what a redelivery would bring twice, is never
//! removed by age.

use super::Cursor;
use jiff::{SignedDuration, Timestamp};

/// How many days each kind stays.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// That an event is known.
    pub dedupe: DedupeDays,
    /// Messages that want no attempts, since anything was last heard of them.
    pub messages_days: u32,
    /// Events, oldest first.
    pub events_days: u32,
    /// No event after this place is removed, however old: somebody has yet to read it.
    pub keep_events_after: Option<Cursor>,
    /// What events said of messages that are not here.
    pub orphans_days: u32,
    /// Requests that were not believed.
    pub quarantine_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            dedupe: DedupeDays(30),
            messages_days: 90,
            events_days: 90,
            keep_events_after: None,
            orphans_days: 30,
            quarantine_days: 30,
        }
    }
}

/// At least 14: the platform delivers again for 7 days, and a store may have been down for some of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DedupeDays(u32);

/// Too few days.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("dedupe ids kept for {0} days are kept too short, the least is {DEDUPE_DAYS_MIN}")]
pub struct TooShort(u32);

impl DedupeDays {
    /// Refuses what would let a redelivery through.
    pub fn new(days: u32) -> Result<Self, TooShort> {
        if days < DEDUPE_DAYS_MIN {
            Err(TooShort(days))
        } else {
            Ok(Self(days))
        }
    }

    /// How many.
    pub fn days(self) -> u32 {
        self.0
    }
}

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pruned {
    /// That an event is known.
    pub dedupe: u64,
    /// With their bodies and histories.
    pub messages: u64,
    /// As they came.
    pub events: u64,
    /// What was heard of messages that are not here.
    pub orphans: u64,
    /// Requests.
    pub quarantined: u64,
    /// Names of files that the platform has no more.
    pub uploads: u64,
    /// There is more: a call removes so much that nobody waits long for it.
    pub more: bool,
}

/// What there was about a person, and is no more.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Erased {
    /// With their bodies and histories.
    pub messages: u64,
    /// As they came.
    pub events: u64,
    /// What was heard of messages that are not here.
    pub orphans: u64,
    /// Requests with the number in them.
    pub quarantined: u64,
    /// Invitations.
    pub testers: u64,
}

/// What is older than this is older than so many days.
pub fn days_before(now: Timestamp, days: u32) -> Timestamp {
    let days = SignedDuration::from_hours(24 * i64::from(days));
    now.saturating_sub(days).unwrap_or(Timestamp::MIN)
}

/// What to look for in bytes that may name a person: the digits, since the plus may be written in several ways. None for a
/// number so short that anything contains it.
pub fn digits_to_find(phone: &str) -> Option<&str> {
    let digits = phone.trim_start_matches('+');
    (digits.len() >= DIGITS_MIN).then_some(digits)
}

/// The least number of days that dedupe ids are kept.
pub const DEDUPE_DAYS_MIN: u32 = 14;
const DIGITS_MIN: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_platform_may_deliver_again_is_not_forgotten() {
        assert_eq!(DedupeDays::new(13), Err(TooShort(13)));
        assert_eq!(DedupeDays::new(14).map(DedupeDays::days), Ok(14));
        assert_eq!(Retention::default().dedupe.days(), 30);
        let shown = TooShort(13).to_string();
        assert_eq!(
            shown,
            "dedupe ids kept for 13 days are kept too short, the least is 14"
        );
    }

    #[test]
    fn a_day_is_24_hours_and_time_has_a_beginning() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(days_before(now, 2).as_second(), -172_800);
        assert_eq!(days_before(now, u32::MAX), Timestamp::MIN);
    }
}

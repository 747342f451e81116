//! The ledger of testers: who was invited by which agent, and whether one more may be. The platform counts too, and says so only
//! when it is too late.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Somebody who is to be invited.
#[derive(Clone, Debug)]
pub struct NewTester {
    /// The gateway's name of the agent.
    pub agent: String,
    /// Whom.
    pub phone: String,
    /// When.
    pub at: Timestamp,
}

/// How many testers an agent may invite.
#[derive(Clone, Copy, Debug)]
pub struct TesterQuota {
    /// In any 24 hours.
    pub per_day: usize,
    /// Altogether.
    pub total: usize,
}

/// What became of somebody who was to be counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counted {
    /// Counted now.
    New,
    /// Counted before.
    Known,
    /// Not counted: there were too many in the 24 hours before. One more may be counted then.
    TooManyToday(Timestamp),
    /// Not counted: there are too many altogether.
    TooMany,
}

/// Somebody who was invited.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredTester {
    /// Who.
    pub phone: String,
    /// When.
    pub invited_at: Timestamp,
    /// The platform's latest word of the answer; none before it has said anything.
    pub answer: Option<String>,
}

impl TesterQuota {
    /// Whether one more may be counted beside those who were counted at these times. Pure.
    pub fn allows(self, mut counted: Vec<Timestamp>, now: Timestamp) -> Counted {
        if counted.len() >= self.total {
            return Counted::TooMany;
        }
        let day = SignedDuration::from_hours(24);
        counted.retain(|at| now.duration_since(*at) < day);
        counted.sort_unstable();
        // The one whose day has to end before there is room.
        match counted
            .len()
            .checked_sub(self.per_day)
            .and_then(|place| counted.get(place))
        {
            Some(at) => Counted::TooManyToday(at.saturating_add(day).unwrap_or(Timestamp::MAX)),
            None if self.per_day == 0 => Counted::TooMany,
            None => Counted::New,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_any_24_hours() {
        let at = |hours: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
        let quota = TesterQuota {
            per_day: 2,
            total: 4,
        };
        for (counted, now, expected) in [
            (vec![], 0, Counted::New),
            (vec![at(0)], 0, Counted::New),
            (vec![at(0), at(1)], 2, Counted::TooManyToday(at(24))),
            (vec![at(1), at(0)], 23, Counted::TooManyToday(at(24))),
            (vec![at(0), at(1)], 24, Counted::New),
            (
                vec![at(0), at(1), at(24)],
                24,
                Counted::TooManyToday(at(25)),
            ),
            (vec![at(0), at(1), at(2), at(3)], 999, Counted::TooMany),
        ] {
            assert_eq!(
                quota.allows(counted.clone(), at(now)),
                expected,
                "{counted:?} at {now}"
            );
        }
    }
}

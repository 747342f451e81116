//! What an attempt leaves to be done: nothing, another attempt at its time, or nothing any more. Pure: time and randomness are
//! arguments.

use super::attempt::Verdict;
use super::schedule::Schedule;
use crate::store::consumer::{Change, Delivery};
use jiff::{SignedDuration, Timestamp};

/// What is to be written down.
pub(super) fn conclude(
    delivery: Delivery,
    verdict: &Verdict,
    schedule: &Schedule,
    now: Timestamp,
    random: f64,
) -> Change {
    let cursor = delivery.cursor;
    let (reason, asked_for) = match verdict {
        Verdict::Taken => return Change::Taken(cursor),
        // It is not the event's fault, and there is no next attempt before somebody asks for it.
        Verdict::Gone => {
            return Change::Owed(Delivery {
                reason: Some(GONE.to_owned()),
                next_at: Some(now),
                ..delivery
            });
        }
        Verdict::Failed { reason, asked_for } => (reason.clone(), *asked_for),
    };
    let attempts = delivery.attempts.saturating_add(1);
    match schedule.delay(attempts, random, asked_for) {
        Some(delay) => {
            let next_at =
                now.saturating_add(SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX));
            let next_at = Some(next_at.unwrap_or(Timestamp::MAX));
            Change::Owed(Delivery {
                attempts,
                reason: Some(reason),
                next_at,
                ..delivery
            })
        }
        None => Change::Dead {
            cursor,
            attempts,
            at: now,
            reason,
        },
    }
}

pub(super) const GONE: &str = "410 Gone: it wants no more events";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Cursor;
    use std::time::Duration;

    #[test]
    fn an_attempt_leaves_the_next_or_none() {
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let owed = |attempts: u32, reason: &str, second: i64| {
            let (reason, next_at) = (Some(reason.to_owned()), Some(at(second)));
            Delivery {
                cursor: Cursor(7),
                conversation: Some("demo +12".into()),
                attempts,
                reason,
                next_at,
            }
        };
        let failed = |asked_for: Option<u64>| Verdict::Failed {
            reason: "503".into(),
            asked_for: asked_for.map(Duration::from_secs),
        };
        let dead = Change::Dead {
            cursor: Cursor(7),
            attempts: 10,
            at: at(100),
            reason: "503".into(),
        };
        for (attempts, verdict, expected) in [
            (0, Verdict::Taken, Change::Taken(Cursor(7))),
            (0, failed(None), Change::Owed(owed(1, "503", 105))),
            (0, failed(Some(60)), Change::Owed(owed(1, "503", 160))),
            (8, failed(None), Change::Owed(owed(9, "503", 86_500))),
            (9, failed(None), dead.clone()),
            (9, failed(Some(60)), dead),
            (9, Verdict::Gone, Change::Owed(owed(9, GONE, 100))),
            (9, Verdict::Taken, Change::Taken(Cursor(7))),
        ] {
            let change = conclude(
                owed(attempts, "x", 0),
                &verdict,
                &Schedule::default(),
                at(100),
                0.5,
            );
            assert_eq!(change, expected, "{attempts} attempts before {verdict:?}");
        }
    }
}

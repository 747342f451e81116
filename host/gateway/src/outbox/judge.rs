//! What an attempt brought: whether there is to be another, and what it says of the platform. Pure: time and randomness are
//! arguments.

use super::breaker::Evidence;
use crate::backoff;
use crate::lifecycle::Fact;
use crate::store::{Claimed, Entry, Settlement};
use gateway_channel::{ChannelFailure, FailureCode, Receipt};
use jiff::Timestamp;
use rbm_host::CallProblem;
use std::time::Duration;

/// What a call into the plugin came to.
pub(crate) type Outcome = Result<Result<Receipt, ChannelFailure>, CallProblem>;

/// How long a message backs off after a rejection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BackOff {
    /// The longer, the more of its attempts, or of its recipient's in a row, were rejected.
    Own {
        /// Rejections of the recipient in a row.
        recipient_in_a_row: u32,
    },
    /// Shortly: the circuit breaker is open, and holds everything back anyway.
    Short,
}

/// What an outcome says of the platform. What is about one message says that it answers.
pub(crate) fn evidence(outcome: &Outcome) -> Evidence {
    match outcome {
        Ok(Ok(_)) => Evidence::Served,
        Ok(Err(failure)) => match (failure.code, failure.http_status) {
            (FailureCode::Later, Some(429)) => Evidence::Limited,
            (FailureCode::Later, None) => Evidence::NotReached,
            (FailureCode::Later, Some(_)) | (FailureCode::Unknown, None | Some(503)) => {
                Evidence::Unavailable
            }
            // It did something, and broke; or the plugin or the host refused, and asked nobody.
            (FailureCode::Unknown, Some(_)) | (_, None) => Evidence::None,
            (_, Some(_)) => Evidence::Served,
        },
        // The plugin stopped, which is not the platform's doing.
        Err(_) => Evidence::None,
    }
}

/// Whether its recipient's messages are to back off together.
pub(crate) fn is_rejected(outcome: &Outcome) -> bool {
    match outcome {
        Ok(Ok(_)) => false,
        Ok(Err(failure)) => matches!(failure.code, FailureCode::Later | FailureCode::Unknown),
        Err(_) => true,
    }
}

/// For how long the platform wants to be left alone.
pub(crate) fn asked_for(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Ok(Err(failure)) => failure
            .retry_after_seconds
            .map(|seconds| Duration::from_secs(seconds.into()).min(backoff::MOST)),
        _ => None,
    }
}

/// What an attempt brought, and whether there is to be another. `random` is from 0 to 1.
pub(crate) fn judge(
    claimed: &Claimed,
    outcome: Outcome,
    back_off: BackOff,
    now: Timestamp,
    random: f64,
) -> Settlement {
    let attempt = claimed.attempt;
    match outcome {
        Ok(Ok(receipt)) => {
            let at = receipt
                .accepted_at
                .and_then(|text| text.parse().ok())
                .unwrap_or(now);
            settled(Entry {
                at,
                fact: Fact::Accepted,
                attempt: Some(attempt),
                reason: None,
            })
        }
        Ok(Err(failure)) => judge_failure(claimed, failure, back_off, now, random),
        // The plugin may have sent before it stopped.
        Err(problem) => again(
            claimed,
            Fact::Unknown,
            problem.to_string(),
            now,
            delay(attempt, back_off, None, random),
        ),
    }
}

/// For one that ran out between the store and here. What the platform may have got, it also lets run out.
pub(crate) fn run_out(claimed: &Claimed, now: Timestamp) -> Settlement {
    if claimed.facts.has(Fact::Unknown) {
        return Settlement {
            entry: None,
            retry_at: None,
        };
    }
    settled(entry(
        now,
        Fact::Expired,
        claimed.attempt,
        "it ran out before it could be sent".to_owned(),
    ))
}

fn judge_failure(
    claimed: &Claimed,
    failure: ChannelFailure,
    back_off: BackOff,
    now: Timestamp,
    random: f64,
) -> Settlement {
    let attempt = claimed.attempt;
    let delay = delay(attempt, back_off, failure.retry_after_seconds, random);
    match failure.code {
        FailureCode::Refused | FailureCode::Unsupported => {
            settled(entry(now, Fact::Refused, attempt, failure.message))
        }
        // A person must act, or another channel: trying again would not help.
        FailureCode::Unreachable | FailureCode::Misconfigured => {
            given_up(now, attempt, failure.message)
        }
        FailureCode::Later => again(claimed, Fact::Postponed, failure.message, now, delay),
        FailureCode::Unknown => again(claimed, Fact::Unknown, failure.message, now, delay),
    }
}

/// A platform that asks for time gets it, but its wish never shortens the back-off.
fn delay(
    attempt: u32,
    back_off: BackOff,
    retry_after_seconds: Option<u32>,
    random: f64,
) -> Duration {
    let own = match back_off {
        BackOff::Own { recipient_in_a_row } => attempt.max(recipient_in_a_row),
        BackOff::Short => 1,
    };
    let asked_for = retry_after_seconds.map(|seconds| backoff::asked_for(seconds, random));
    backoff::delay(own, random).max(asked_for.unwrap_or_default())
}

/// Whoever gave a message a time to run out said how long it is worth trying, so it is tried until then, however often: with
/// one id, so that it is sent once. For any other there is a day, and then a person has to look.
fn again(
    claimed: &Claimed,
    fact: Fact,
    reason: String,
    now: Timestamp,
    delay: Duration,
) -> Settlement {
    let attempt = claimed.attempt;
    if claimed.expires_at.is_none() && now + delay >= claimed.due_since + TRIED_FOR {
        let hours = TRIED_FOR.as_secs() / 3_600;
        return given_up(
            now,
            attempt,
            format!("gave up after {attempt} attempts in {hours} hours: {reason}"),
        );
    }
    Settlement {
        entry: Some(entry(now, fact, attempt, reason)),
        retry_at: Some(now + delay),
    }
}

fn given_up(now: Timestamp, attempt: u32, reason: String) -> Settlement {
    settled(entry(now, Fact::Failed, attempt, reason))
}

fn settled(entry: Entry) -> Settlement {
    Settlement {
        entry: Some(entry),
        retry_at: None,
    }
}

fn entry(at: Timestamp, fact: Fact, attempt: u32, reason: String) -> Entry {
    Entry {
        at,
        fact,
        attempt: Some(attempt),
        reason: Some(reason),
    }
}

/// A message that does not say how long it is worth sending.
const TRIED_FOR: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::Facts;
    use crate::store::lane::Stage;
    use gateway_channel::{Content, Message};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_515_302 + second).expect("time")
    }

    fn claimed(attempt: u32, expires_at: Option<i64>) -> Claimed {
        let message = Message {
            id: "m1".into(),
            recipient: "+15550100001".into(),
            content: Content::Text("Hi".into()),
            suggestions: Vec::new(),
            purpose: None,
            expiry: None,
            options: Vec::new(),
        };
        Claimed {
            agent: "demo".into(),
            message,
            attempt,
            stage: Stage::First,
            due_since: at(0),
            expires_at: expires_at.map(at),
            facts: Facts::default(),
        }
    }

    fn failure(
        code: FailureCode,
        http_status: Option<u16>,
        retry_after_seconds: Option<u32>,
    ) -> ChannelFailure {
        ChannelFailure {
            code,
            message: "why".into(),
            retry_after_seconds,
            http_status,
            platform_status: None,
            platform_message: None,
            findings: Vec::new(),
        }
    }

    #[test]
    fn each_failure_is_tried_again_or_never() {
        use FailureCode::{Later, Misconfigured, Refused, Unknown, Unreachable, Unsupported};
        const ALONE: BackOff = BackOff::Own {
            recipient_in_a_row: 1,
        };
        const TOGETHER: BackOff = BackOff::Own {
            recipient_in_a_row: 6,
        };
        for (code, retry_after, attempt, back_off, fact, retry) in [
            (Refused, None, 1, ALONE, Fact::Refused, None),
            (Unsupported, None, 1, ALONE, Fact::Refused, None),
            (Unreachable, None, 1, ALONE, Fact::Failed, None),
            (Misconfigured, None, 1, ALONE, Fact::Failed, None),
            (Later, None, 1, ALONE, Fact::Postponed, Some(1)),
            (Later, None, 5, ALONE, Fact::Postponed, Some(16)),
            (Later, None, 1, TOGETHER, Fact::Postponed, Some(32)),
            (Later, None, 8, TOGETHER, Fact::Postponed, Some(128)),
            (Later, None, 50, BackOff::Short, Fact::Postponed, Some(1)),
            (Later, Some(7), 1, ALONE, Fact::Postponed, Some(8)),
            (Later, Some(7), 1, BackOff::Short, Fact::Postponed, Some(8)),
            (Later, Some(0), 6, ALONE, Fact::Postponed, Some(32)),
            (Unknown, Some(0), 6, ALONE, Fact::Unknown, Some(32)),
            (Unknown, None, 3, ALONE, Fact::Unknown, Some(4)),
            (Unknown, None, 30, ALONE, Fact::Unknown, Some(600)),
        ] {
            let outcome = Ok(Err(failure(code, None, retry_after)));
            let settlement = judge(&claimed(attempt, None), outcome, back_off, at(0), 1.0);
            let entry = settlement.entry.expect("an entry");
            assert_eq!(
                (entry.fact, settlement.retry_at),
                (fact, retry.map(at)),
                "{code:?}, attempt {attempt}"
            );
            assert!(entry.reason.is_some_and(|reason| reason.ends_with("why")));
        }
    }

    #[test]
    fn what_runs_out_is_tried_until_then_and_what_does_not_for_a_day() {
        const DAY: i64 = 86_400;
        for (expires_at, now, fact) in [
            (None, DAY - 601, Fact::Unknown),
            (None, DAY - 600, Fact::Failed),
            (Some(10 * DAY), 5 * DAY, Fact::Unknown),
            // It would come too late, and it runs out meanwhile, which is not the same as having been given up.
            (Some(10 * DAY), 10 * DAY - 1, Fact::Unknown),
        ] {
            let outcome = Ok(Err(failure(FailureCode::Unknown, None, None)));
            let settlement = judge(
                &claimed(200, expires_at),
                outcome,
                BackOff::Own {
                    recipient_in_a_row: 1,
                },
                at(now),
                1.0,
            );
            let entry = settlement.entry.expect("an entry");
            assert_eq!(entry.fact, fact, "{expires_at:?} at {now}");
            let reason = entry.reason.expect("why");
            let expected = if fact == Fact::Failed {
                "gave up after 200 attempts in 24 hours: why"
            } else {
                "why"
            };
            assert_eq!(reason, expected);
        }
    }

    #[test]
    fn what_ran_out_is_expired_only_if_the_platform_cannot_have_it() {
        assert_eq!(
            run_out(&claimed(1, Some(600)), at(600))
                .entry
                .map(|entry| entry.fact),
            Some(Fact::Expired)
        );
        let mut unknown = claimed(2, Some(600));
        unknown.facts.add(Fact::Unknown, at(1), Some(1));
        let settlement = run_out(&unknown, at(600));
        assert!(settlement.entry.is_none() && settlement.retry_at.is_none());
    }

    #[test]
    fn a_plugin_that_stopped_may_have_sent() {
        let settlement = judge(
            &claimed(1, None),
            Err(CallProblem::Dead),
            BackOff::Short,
            at(0),
            0.5,
        );
        assert_eq!(
            settlement.entry.map(|entry| entry.fact),
            Some(Fact::Unknown)
        );
        assert!(settlement.retry_at.is_some());
    }

    /// As `answer.rs` of the plugin makes failures of what the platform says.
    #[test]
    fn an_outcome_says_something_of_the_platform_or_of_one_message() {
        use FailureCode::{Later, Misconfigured, Refused, Unknown, Unreachable};
        for (what, code, status, expected) in [
            ("429", Later, Some(429), Evidence::Limited),
            ("503", Later, Some(503), Evidence::Unavailable),
            (
                "503, it may have been taken",
                Unknown,
                Some(503),
                Evidence::Unavailable,
            ),
            ("nobody there", Later, None, Evidence::NotReached),
            ("no answer", Unknown, None, Evidence::Unavailable),
            ("500", Unknown, Some(500), Evidence::None),
            ("400", Refused, Some(400), Evidence::Served),
            ("404", Unreachable, Some(404), Evidence::Served),
            ("401", Misconfigured, Some(401), Evidence::Served),
            ("refused by the plugin", Refused, None, Evidence::None),
            ("no credentials", Misconfigured, None, Evidence::None),
        ] {
            assert_eq!(
                evidence(&Ok(Err(failure(code, status, None)))),
                expected,
                "{what}"
            );
        }
        assert_eq!(evidence(&Err(CallProblem::Dead)), Evidence::None);
    }

    #[test]
    fn the_platform_may_ask_for_up_to_ten_minutes() {
        for (seconds, expected) in [(Some(7), Some(7)), (Some(86_400), Some(600)), (None, None)] {
            let outcome = Ok(Err(failure(FailureCode::Later, Some(429), seconds)));
            assert_eq!(
                asked_for(&outcome),
                expected.map(Duration::from_secs),
                "{seconds:?}"
            );
        }
    }
}

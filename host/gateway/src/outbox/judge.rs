//! What an attempt brought: whether there is to be another, and what it says of the platform. Pure: time and randomness are
//! arguments.

use super::breaker::Evidence;
use crate::backoff;
use crate::lifecycle::Fact;
use crate::store::event::{PlatformAnswer, ReasonCode};
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
    /// Shortly: only probes are made of this agent's messages anyway.
    Short,
}

/// What an outcome says of the platform. A refusal that is about one message says that the platform answers.
pub(crate) fn evidence(outcome: &Outcome) -> Evidence {
    match outcome {
        Ok(Ok(_)) => Evidence::Served,
        Ok(Err(failure)) => match (failure.code, failure.http_status) {
            (FailureCode::Misconfigured, _) => Evidence::AgentRejected,
            (FailureCode::Later, Some(429)) => Evidence::Limited,
            (FailureCode::Later, None) => Evidence::NotReached,
            (FailureCode::Unknown, _) | (FailureCode::Later, Some(503)) => Evidence::Unavailable,
            (FailureCode::Later, Some(_)) => Evidence::Doubtful,
            // The plugin refused it, and asked nobody.
            (_, None) => Evidence::None,
            (_, Some(_)) => Evidence::Served,
        },
        // The plugin stopped, which is not the platform's doing.
        Err(_) => Evidence::None,
    }
}

/// What keeps the agent from sending, where an outcome says that something does: a word for metrics, and a sentence.
pub(crate) fn obstacle(outcome: &Outcome) -> (&'static str, String) {
    let Ok(Err(failure)) = outcome else {
        return ("rejected", "the plugin stopped".to_owned());
    };
    let word = match failure.http_status {
        None => "credentials",
        Some(401) => "unauthenticated",
        Some(403) => "permission_denied",
        Some(_) => "rejected",
    };
    (word, failure.message.clone())
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

/// What is to be done about a message after an attempt.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// What is known now is kept.
    Settle(Settlement),
    /// The attempt does not count: it did not get as far as the message.
    Unclaim {
        /// When the message is due again.
        retry_at: Timestamp,
    },
}

/// What an attempt brought, and whether there is to be another. `random` is from 0 to 1.
pub(crate) fn judge(
    claimed: &Claimed,
    outcome: Outcome,
    back_off: BackOff,
    now: Timestamp,
    random: f64,
) -> Verdict {
    match outcome {
        Ok(Ok(receipt)) => Verdict::Settle(accepted(claimed, &receipt, now)),
        Ok(Err(failure)) => judge_failure(claimed, failure, back_off, now, random),
        Err(CallProblem::NotStarted { .. }) => Verdict::Unclaim {
            retry_at: now + backoff::delay(NOT_STARTED, random),
        },
        // The plugin may have sent before it stopped.
        Err(problem) => {
            let retry_at = now + delay(claimed.attempt, back_off, None, random);
            let why = (ReasonCode::OutcomeUnknown, problem.to_string());
            again(claimed, Fact::Unknown, why, retry_at, now)
        }
    }
}

fn accepted(claimed: &Claimed, receipt: &Receipt, now: Timestamp) -> Settlement {
    let at = receipt
        .accepted_at
        .as_deref()
        .and_then(|text| text.parse().ok())
        .unwrap_or(now);
    settled(Entry {
        attempt: Some(claimed.attempt),
        ..Entry::new(at, Fact::Accepted)
    })
}

fn judge_failure(
    claimed: &Claimed,
    failure: ChannelFailure,
    back_off: BackOff,
    now: Timestamp,
    random: f64,
) -> Verdict {
    let attempt = claimed.attempt;
    let delay = delay(attempt, back_off, failure.retry_after_seconds, random);
    let retry_at = now + delay;
    // An earlier attempt may have been taken: what this one brings says nothing of that one.
    let is_open = claimed.facts.has(Fact::Unknown);
    let answer = PlatformAnswer::of(&failure);
    let reason = reason(&failure);
    let again = |fact, detail| again(claimed, fact, (reason, detail), retry_at, now);
    let end = |fact, detail| {
        Verdict::Settle(Settlement {
            answer,
            ..settled(entry(now, fact, attempt, (reason, detail)))
        })
    };
    match failure.code {
        FailureCode::Misconfigured if back_off == BackOff::Short => Verdict::Unclaim { retry_at },
        FailureCode::Unknown if is_open && is_success_without_proof(&failure) => {
            Verdict::Settle(settled(Entry {
                attempt: Some(attempt),
                detail: Some(format!(
                    "accepted, since this id was sent before: {}",
                    failure.message
                )),
                ..Entry::new(now, Fact::Accepted)
            }))
        }
        FailureCode::Refused | FailureCode::Unsupported | FailureCode::Unreachable if is_open => {
            again(Fact::Unknown, failure.message)
        }
        FailureCode::Refused | FailureCode::Unsupported => end(Fact::Refused, failure.message),
        // Another channel may reach the recipient: trying again would not help.
        FailureCode::Unreachable => end(Fact::Failed, failure.message),
        // Nothing was sent, and the platform is known not to be there.
        FailureCode::Later if failure.http_status.is_none() && back_off == BackOff::Short => {
            Verdict::Unclaim { retry_at }
        }
        // Of what is misconfigured: the agent is not held for it, this recipient alone is answered so.
        FailureCode::Later | FailureCode::Misconfigured => again(Fact::Postponed, failure.message),
        FailureCode::Unknown => again(Fact::Unknown, failure.message),
    }
}

/// Why the message is not accepted.
fn reason(failure: &ChannelFailure) -> ReasonCode {
    match (failure.code, failure.http_status) {
        // The plugin's own check: nobody was asked.
        (FailureCode::Refused, None) => ReasonCode::NotSendable,
        (FailureCode::Refused, Some(_)) => ReasonCode::Rejected,
        (FailureCode::Unsupported, _) => ReasonCode::Unsupported,
        (FailureCode::Unreachable, _) => ReasonCode::Unreachable,
        (FailureCode::Misconfigured, _) => ReasonCode::Misconfigured,
        (FailureCode::Later, Some(429)) => ReasonCode::RateLimited,
        (FailureCode::Later, None | Some(503)) => ReasonCode::Unavailable,
        (FailureCode::Later, Some(_)) => ReasonCode::UnexpectedAnswer,
        (FailureCode::Unknown, _) => ReasonCode::OutcomeUnknown,
    }
}

/// The platform's own answer to an id that it has, without a word of which: Google's canonical codes for that (googleapis,
/// google/rpc/code.proto). What a repeated id is answered is unconfirmed.
fn is_success_without_proof(failure: &ChannelFailure) -> bool {
    matches!(
        (failure.http_status, failure.platform_status.as_deref()),
        (Some(200..=299), Some("OK")) | (Some(409), Some("ALREADY_EXISTS"))
    )
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

/// With the same id, so that it is sent once, until its time is over.
fn again(
    claimed: &Claimed,
    fact: Fact,
    why: (ReasonCode, String),
    retry_at: Timestamp,
    now: Timestamp,
) -> Verdict {
    Verdict::Settle(Settlement {
        retry_at: Some(retry_at),
        ..settled(entry(now, fact, claimed.attempt, why))
    })
}

/// A plugin that does not start will not start a second later, and each attempt is two writes. So it is waited for as after so many
/// attempts: half a minute to a minute.
const NOT_STARTED: u32 = 7;

fn settled(entry: Entry) -> Settlement {
    Settlement {
        entry: Some(entry),
        ..Settlement::default()
    }
}

fn entry(at: Timestamp, fact: Fact, attempt: u32, (reason, detail): (ReasonCode, String)) -> Entry {
    Entry {
        at,
        fact,
        attempt: Some(attempt),
        reason: Some(reason),
        detail: Some(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bare;
    use crate::lifecycle::Facts;
    use crate::store::lane::Stage;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_515_302 + second).expect("time")
    }

    fn claimed(attempt: u32) -> Claimed {
        let message = bare::message("m1", "+15550100001");
        Claimed {
            agent: "demo".into(),
            message,
            attempt,
            stage: Stage::First,
            ends_at: at(600),
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
            (Later, None, 1, ALONE, Fact::Postponed, Some(1)),
            (Later, None, 5, ALONE, Fact::Postponed, Some(16)),
            (Later, None, 1, TOGETHER, Fact::Postponed, Some(32)),
            (Later, None, 8, TOGETHER, Fact::Postponed, Some(128)),
            (Later, None, 50, BackOff::Short, Fact::Postponed, Some(1)),
            (Later, Some(7), 1, ALONE, Fact::Postponed, Some(8)),
            (Later, Some(7), 1, BackOff::Short, Fact::Postponed, Some(8)),
            (Later, Some(0), 6, ALONE, Fact::Postponed, Some(32)),
            (Misconfigured, None, 6, ALONE, Fact::Postponed, Some(32)),
            (Unknown, Some(0), 6, ALONE, Fact::Unknown, Some(32)),
            (Unknown, None, 3, ALONE, Fact::Unknown, Some(4)),
            (Unknown, None, 30, ALONE, Fact::Unknown, Some(600)),
        ] {
            let outcome = Ok(Err(failure(code, Some(429), retry_after)));
            let verdict = judge(&claimed(attempt), outcome, back_off, at(0), 1.0);
            assert_eq!(
                settled_as(verdict),
                (fact, retry.map(at)),
                "{code:?}, attempt {attempt}"
            );
        }
    }

    #[test]
    fn what_a_repetition_brings_says_nothing_of_an_attempt_that_may_have_been_taken() {
        use FailureCode::{Later, Refused, Unknown, Unreachable, Unsupported};
        for (what, code, status, word, first, repeated) in [
            ("refused", Refused, 400, None, Fact::Refused, Fact::Unknown),
            (
                "unsupported",
                Unsupported,
                0,
                None,
                Fact::Refused,
                Fact::Unknown,
            ),
            (
                "unreachable",
                Unreachable,
                404,
                None,
                Fact::Failed,
                Fact::Unknown,
            ),
            (
                "too many",
                Later,
                429,
                None,
                Fact::Postponed,
                Fact::Postponed,
            ),
            (
                "unavailable",
                Unknown,
                503,
                None,
                Fact::Unknown,
                Fact::Unknown,
            ),
            (
                "a web page",
                Unknown,
                200,
                None,
                Fact::Unknown,
                Fact::Unknown,
            ),
            (
                "no name",
                Unknown,
                200,
                Some("OK"),
                Fact::Unknown,
                Fact::Accepted,
            ),
            (
                "a bare 409",
                Unknown,
                409,
                Some("ALREADY_EXISTS"),
                Fact::Unknown,
                Fact::Accepted,
            ),
            (
                "an odd 409",
                Unknown,
                409,
                None,
                Fact::Unknown,
                Fact::Unknown,
            ),
            (
                "an odd 500",
                Unknown,
                500,
                Some("OK"),
                Fact::Unknown,
                Fact::Unknown,
            ),
        ] {
            let outcome = || {
                Ok(Err(ChannelFailure {
                    platform_status: word.map(str::to_owned),
                    ..failure(code, Some(status), None)
                }))
            };
            let mut open = claimed(2);
            open.facts.add(Fact::Unknown, at(0), Some(1));
            for (claimed, expected) in [(claimed(1), first), (open, repeated)] {
                let (fact, retry_at) =
                    settled_as(judge(&claimed, outcome(), BackOff::Short, at(1), 1.0));
                assert_eq!(fact, expected, "{what}, attempt {}", claimed.attempt);
                let ended = matches!(fact, Fact::Refused | Fact::Failed | Fact::Accepted);
                assert_eq!(
                    retry_at.is_none(),
                    ended,
                    "{what}, attempt {}",
                    claimed.attempt
                );
            }
        }
    }

    #[test]
    fn an_attempt_that_did_not_get_as_far_as_the_message_does_not_count() {
        let no_token = Ok(Err(failure(FailureCode::Misconfigured, None, None)));
        let nobody_there = Ok(Err(failure(FailureCode::Later, None, None)));
        let no_place = Err(CallProblem::NotStarted {
            what: "no place".into(),
        });
        for outcome in [no_token, nobody_there, no_place] {
            let verdict = judge(&claimed(1), outcome, BackOff::Short, at(0), 1.0);
            assert!(matches!(verdict, Verdict::Unclaim { .. }), "{verdict:?}");
        }
    }

    #[test]
    fn a_plugin_that_stopped_may_have_sent() {
        let dead = Err(CallProblem::Dead);
        let (fact, retry_at) = settled_as(judge(&claimed(1), dead, BackOff::Short, at(0), 0.5));
        assert_eq!(fact, Fact::Unknown);
        assert!(retry_at.is_some());
    }

    fn settled_as(verdict: Verdict) -> (Fact, Option<Timestamp>) {
        let Verdict::Settle(settlement) = verdict else {
            panic!("it is settled: {verdict:?}")
        };
        (
            settlement.entry.expect("an entry").fact,
            settlement.retry_at,
        )
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
            ("500", Unknown, Some(500), Evidence::Unavailable),
            (
                "200 without proof",
                Unknown,
                Some(200),
                Evidence::Unavailable,
            ),
            ("a redirect", Later, Some(302), Evidence::Doubtful),
            ("403", Later, Some(403), Evidence::Doubtful),
            (
                "403, not a tester",
                Unreachable,
                Some(403),
                Evidence::Served,
            ),
            ("400", Refused, Some(400), Evidence::Served),
            ("404", Unreachable, Some(404), Evidence::Served),
            ("401", Misconfigured, Some(401), Evidence::AgentRejected),
            ("refused by the plugin", Refused, None, Evidence::None),
            (
                "no credentials",
                Misconfigured,
                None,
                Evidence::AgentRejected,
            ),
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

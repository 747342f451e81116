//! Sends what was accepted, until its fate is known: every attempt with the same id and the same bytes, ever later, as long as
//! the message is worth sending.

use crate::lifecycle::Fact;
use crate::store::{Claimed, Entry, Settlement, StoreProblem};
use crate::{STOP_TIME_MAX, Shared, backoff};
use gateway_channel::{ChannelFailure, FailureCode, Receipt};
use jiff::Timestamp;
use rbm_host::CallProblem;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

/// Runs until told to stop, and then until the attempts under way have ended.
pub(crate) async fn run(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let (places, attempts) = (Arc::new(Semaphore::new(AT_ONCE)), TaskTracker::new());
    loop {
        let pause = match round(&shared, &places, &attempts).await {
            Ok(pause) => pause,
            Err(problem) => {
                tracing::error!(%problem, "the outbox waits for the store");
                STORE_PAUSE
            }
        };
        tokio::select! {
            // A wake-up is a hint; what is due is what the store says.
            _ = timeout(pause, shared.outbox.notified()) => {}
            _ = stopped.changed() => break,
        }
    }
    attempts.close();
    let _ = timeout(STOP_TIME_MAX, attempts.wait()).await;
}

/// Begins every attempt that is due and for which there is a place; tells how long nothing more will be.
async fn round(
    shared: &Arc<Shared>,
    places: &Arc<Semaphore>,
    attempts: &TaskTracker,
) -> Result<Duration, StoreProblem> {
    let free = places.available_permits();
    if free == 0 {
        return Ok(IDLE);
    }
    for claimed in shared.store.claim(shared.now(), LEASE, free).await? {
        let Ok(place) = places.clone().acquire_owned().await else { return Ok(IDLE) };
        let shared = shared.clone();
        attempts.spawn(async move {
            attempt(&shared, claimed).await;
            drop(place);
            shared.outbox.notify_one();
        });
    }
    let next = shared.store.next_due().await?;
    let wait = next.map(|due| Duration::try_from(due.duration_since(shared.now())).unwrap_or_default());
    Ok(wait.unwrap_or(IDLE).min(IDLE))
}

/// One attempt, from the question whether it is still wanted to its trace in the store.
async fn attempt(shared: &Shared, claimed: Claimed) {
    let begun = Instant::now();
    let settlement = match shared.agent(&claimed.agent) {
        None => given_up(shared.now(), claimed.attempt, format!("there is no agent {} any more", claimed.agent)),
        Some(_) if has_run_out(&claimed, shared.now()) => run_out(&claimed, shared.now()),
        Some(agent) => {
            let outcome = agent.channel.send(shared.now(), &claimed.message).await;
            judge(&claimed, outcome, shared.now(), rand::random())
        }
    };
    let (id, attempt) = (&claimed.message.id, claimed.attempt);
    if let Some(entry) = &settlement.entry {
        shared.metrics.attempt(entry.fact, begun.elapsed());
        shared.metrics.message(entry.fact);
        tracing::info!(message = id, attempt, fact = ?entry.fact, reason = entry.reason, "an attempt ended");
    }
    while let Err(problem) = shared.store.settle(id, attempt, settlement.clone()).await {
        tracing::error!(message = id, %problem, "what an attempt brought is not noted yet");
        sleep(STORE_PAUSE).await;
    }
    shared.settled.notify_waiters();
}

/// What an attempt brought, and whether there is to be another. Pure; `random` is from 0 to 1.
fn judge(
    claimed: &Claimed,
    outcome: Result<Result<Receipt, ChannelFailure>, CallProblem>,
    now: Timestamp,
    random: f64,
) -> Settlement {
    let attempt = claimed.attempt;
    match outcome {
        Ok(Ok(receipt)) => {
            let at = receipt.accepted_at.and_then(|text| text.parse().ok()).unwrap_or(now);
            settled(Entry { at, fact: Fact::Accepted, attempt: Some(attempt), reason: None })
        }
        Ok(Err(failure)) => judge_failure(claimed, failure, now, random),
        // The plugin may have sent before it stopped.
        Err(problem) => again(claimed, Fact::Unknown, problem.to_string(), now, backoff::delay(attempt, random)),
    }
}

fn judge_failure(claimed: &Claimed, failure: ChannelFailure, now: Timestamp, random: f64) -> Settlement {
    let attempt = claimed.attempt;
    let delay = match failure.retry_after_seconds {
        Some(seconds) => backoff::asked_for(seconds, random),
        None => backoff::delay(attempt, random),
    };
    match failure.code {
        FailureCode::Refused | FailureCode::Unsupported => settled(entry(now, Fact::Refused, attempt, failure.message)),
        // A person must act, or another channel: trying again would not help.
        FailureCode::Unreachable | FailureCode::Misconfigured => given_up(now, attempt, failure.message),
        FailureCode::Later => again(claimed, Fact::Postponed, failure.message, now, delay),
        FailureCode::Unknown => again(claimed, Fact::Unknown, failure.message, now, delay),
    }
}

fn again(claimed: &Claimed, fact: Fact, reason: String, now: Timestamp, delay: Duration) -> Settlement {
    let attempt = claimed.attempt;
    if attempt >= ATTEMPTS_MAX {
        return given_up(now, attempt, format!("gave up after {attempt} attempts: {reason}"));
    }
    Settlement { entry: Some(entry(now, fact, attempt, reason)), retry_at: Some(now + delay) }
}

fn has_run_out(claimed: &Claimed, now: Timestamp) -> bool {
    claimed.expires_at.is_some_and(|at| at <= now)
}

/// What the platform may have got, it also lets run out; what it never got has run out here.
fn run_out(claimed: &Claimed, now: Timestamp) -> Settlement {
    if claimed.facts.has(Fact::Unknown) {
        return Settlement { entry: None, retry_at: None };
    }
    let reason = "it ran out before it could be sent".to_owned();
    settled(entry(now, Fact::Expired, claimed.attempt, reason))
}

fn given_up(now: Timestamp, attempt: u32, reason: String) -> Settlement {
    settled(entry(now, Fact::Failed, attempt, reason))
}

fn settled(entry: Entry) -> Settlement {
    Settlement { entry: Some(entry), retry_at: None }
}

fn entry(at: Timestamp, fact: Fact, attempt: u32, reason: String) -> Entry {
    Entry { at, fact, attempt: Some(attempt), reason: Some(reason) }
}

/// Messages under way at once.
const AT_ONCE: usize = 64;
/// Longer than any call into a plugin takes.
const LEASE: Duration = Duration::from_secs(90);
const IDLE: Duration = Duration::from_secs(1);
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// About two hours of trying.
const ATTEMPTS_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::Facts;
    use gateway_channel::{Content, Message};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_515_302 + second).expect("time")
    }

    fn claimed(attempt: u32) -> Claimed {
        let message = Message {
            id: "m1".into(),
            recipient: "+15550100001".into(),
            content: Content::Text("Hi".into()),
            suggestions: Vec::new(),
            purpose: None,
            expiry: None,
            options: Vec::new(),
        };
        Claimed { agent: "demo".into(), message, attempt, expires_at: Some(at(600)), facts: Facts::default() }
    }

    fn failure(code: FailureCode, retry_after_seconds: Option<u32>) -> ChannelFailure {
        ChannelFailure {
            code,
            message: "why".into(),
            retry_after_seconds,
            http_status: None,
            platform_status: None,
            platform_message: None,
            findings: Vec::new(),
        }
    }

    #[test]
    fn each_failure_is_tried_again_or_never() {
        for (code, retry_after, attempt, fact, retry) in [
            (FailureCode::Refused, None, 1, Fact::Refused, None),
            (FailureCode::Unsupported, None, 1, Fact::Refused, None),
            (FailureCode::Unreachable, None, 1, Fact::Failed, None),
            (FailureCode::Misconfigured, None, 1, Fact::Failed, None),
            (FailureCode::Later, None, 1, Fact::Postponed, Some(1)),
            (FailureCode::Later, Some(7), 1, Fact::Postponed, Some(8)),
            (FailureCode::Unknown, None, 3, Fact::Unknown, Some(4)),
            (FailureCode::Unknown, None, 20, Fact::Failed, None),
        ] {
            let settlement = judge(&claimed(attempt), Ok(Err(failure(code, retry_after))), at(0), 1.0);
            let entry = settlement.entry.expect("an entry");
            assert_eq!((entry.fact, settlement.retry_at), (fact, retry.map(at)), "{code:?}, attempt {attempt}");
            assert!(entry.reason.is_some_and(|reason| reason.ends_with("why")));
        }
    }

    #[test]
    fn a_plugin_that_stopped_may_have_sent() {
        let settlement = judge(&claimed(1), Err(CallProblem::Dead), at(0), 0.5);
        assert_eq!(settlement.entry.map(|entry| entry.fact), Some(Fact::Unknown));
        assert!(settlement.retry_at.is_some());
    }

    #[test]
    fn what_ran_out_is_expired_only_if_the_platform_cannot_have_it() {
        assert!(!has_run_out(&claimed(1), at(599)) && has_run_out(&claimed(1), at(600)));
        assert_eq!(run_out(&claimed(1), at(600)).entry.map(|entry| entry.fact), Some(Fact::Expired));
        let mut unknown = claimed(2);
        unknown.facts.add(Fact::Unknown, at(1));
        let settlement = run_out(&unknown, at(600));
        assert!(settlement.entry.is_none() && settlement.retry_at.is_none());
    }
}

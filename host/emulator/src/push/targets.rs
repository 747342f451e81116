//! The webhooks, and how each is doing: which one an agent's notices go to, and when it is called again after a failure.
//!
//! Pure: time is an argument.

use super::handshake::SecretAnswer;
use super::queue::Stream;
use super::settings::LaunchesTo;
use crate::fidelity::{Basis, Behaviour};
use jiff::{SignedDuration, Timestamp};
use rbm_wire::name::AgentId;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Whose webhook it is. (guides/integrate/webhooks)
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// The partner's: for every agent that has none of its own.
    Partner,
    /// An agent's own.
    Agent(AgentId),
}

/// A webhook that answered the handshake.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) level: Level,
    pub(super) url: String,
    pub(super) client_token: SecretString,
    pub(super) answer: SecretAnswer,
}

/// A webhook, and how it is doing.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) registration: Arc<Registration>,
    /// Calls in a row that were no success.
    pub(super) failures: u32,
    /// It is not called before. Past or none if it may be.
    pub(super) resumes_at: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) struct Targets {
    targets: BTreeMap<Level, Target>,
    launches_to: LaunchesTo,
}

impl Targets {
    pub(super) fn new(launches_to: LaunchesTo) -> Self {
        Self {
            targets: BTreeMap::new(),
            launches_to,
        }
    }

    /// The same webhooks, as if none of them had failed.
    pub(super) fn afresh(self, launches_to: LaunchesTo) -> Self {
        let afresh = |(level, target): (Level, Target)| {
            (
                level,
                Target {
                    failures: 0,
                    resumes_at: None,
                    ..target
                },
            )
        };
        Self {
            targets: self.targets.into_iter().map(afresh).collect(),
            launches_to,
        }
    }

    /// In place of the one before, and called at once, even if that one had failed.
    pub(super) fn register(&mut self, registration: Registration) {
        let level = registration.level.clone();
        let target = Target {
            registration: Arc::new(registration),
            failures: 0,
            resumes_at: None,
        };
        self.targets.insert(level, target);
    }

    /// There is none any more. What it was not told goes to the partner's, if there is one.
    pub(super) fn remove(&mut self, level: &Level) {
        self.targets.remove(level);
    }

    /// The client token of a webhook.
    pub(super) fn client_token(&self, level: &Level) -> Option<&SecretString> {
        self.targets
            .get(level)
            .map(|target| &target.registration.client_token)
    }

    /// Where this goes.
    pub(super) fn of(&self, stream: &Stream) -> Option<&Target> {
        let partners = || self.targets.get(&Level::Partner);
        if stream.launches && self.launches_to == LaunchesTo::Partner {
            return partners();
        }
        self.targets
            .get(&Level::Agent(stream.agent.clone()))
            .or_else(partners)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Target> {
        self.targets.values()
    }

    pub(super) fn succeeded(&mut self, called: &Arc<Registration>) {
        if let Some(target) = self.still(called) {
            (target.failures, target.resumes_at) = (0, None);
        }
    }

    /// Says when it is called again, if it was not replaced meanwhile.
    pub(super) fn failed(
        &mut self,
        called: &Arc<Registration>,
        now: Timestamp,
        first_delay: Duration,
    ) -> Option<Timestamp> {
        let target = self.still(called)?;
        target.failures = target.failures.saturating_add(1);
        target.resumes_at = Some(after(now, delay(first_delay, target.failures)));
        target.resumes_at
    }

    /// The target that was called, if it was not replaced meanwhile.
    fn still(&mut self, called: &Arc<Registration>) -> Option<&mut Target> {
        self.targets
            .get_mut(&called.level)
            .filter(|target| Arc::ptr_eq(&target.registration, called))
    }
}

fn delay(first_delay: Duration, failures: u32) -> Duration {
    first_delay
        .saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)))
        .min(DELAY_MAX)
}

pub(super) fn after(time: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

const DELAY_MAX: Duration = Duration::from_mins(10);

const PRECEDENCE: &Behaviour = &Behaviour {
    id: "webhook-precedence",
    what: "An agent's own webhook gets its notices; the partner's gets those of the agents that have none",
    basis: Basis::Documented,
    source: "guides/integrate/webhooks",
    switch: None,
    test: "an_agents_own_webhook_takes_precedence",
};
const LAUNCHES: &Behaviour = &Behaviour {
    id: "webhook-launches",
    what: "An agent's own webhook hears of its launches too",
    basis: Basis::Assumed,
    source: "guides/build/events/receive-events allows both, a page of Twilio's says that it is the partner's only",
    switch: Some("webhooks.launches_to"),
    test: "launches_go_to_the_agents_own_webhook_or_to_the_partners_only",
};
const REGISTERED_AGAIN: &Behaviour = &Behaviour {
    id: "webhook-registered-again",
    what: "A webhook that is registered again has its new address and token at once, also for what waits, and is called at once",
    basis: Basis::Assumed,
    source: "no page says",
    switch: None,
    test: "a_webhook_registered_again_gets_what_waited_with_the_new_token",
};
const BACK_OFF: &Behaviour = &Behaviour {
    id: "webhook-back-off",
    what: "A webhook that fails is called again ever later, at most 600 s later",
    basis: Basis::Documented,
    source: "guides/integrate/webhooks",
    switch: None,
    test: "the_back_off_grows_to_600_seconds_until_seven_days_are_over",
};
const FIRST_DELAY: &Behaviour = &Behaviour {
    id: "webhook-first-delay",
    what: "The first delay is 1 s, and each is twice the one before",
    basis: Basis::Assumed,
    source: "no page says",
    switch: Some("webhooks.first_delay"),
    test: "the_back_off_grows_to_600_seconds_until_seven_days_are_over",
};

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    PRECEDENCE,
    LAUNCHES,
    REGISTERED_AGAIN,
    BACK_OFF,
    FIRST_DELAY,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delay_is_twice_the_one_before_up_to_600_seconds() {
        let seconds = |failures| delay(Duration::from_secs(1), failures).as_secs();
        let found: Vec<u64> = (1..=12).map(seconds).collect();
        assert_eq!(found, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!([seconds(1_000), seconds(u32::MAX)], [600, 600]);
    }
}

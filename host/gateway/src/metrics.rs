//! What the gateway counts and times, as Prometheus reads it (`OpenMetrics` text). No phone number and no message's id is ever a
//! label: there would be one series each.

use crate::lifecycle::Fact;
use crate::outbox::Condition;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use rbm_host::{CallProblem, Observer};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One label and its value.
type Label = [(&'static str, &'static str); 1];
/// Two of them.
type Labels = [(&'static str, &'static str); 2];
/// The name of an agent, of which there are as many as the configuration says.
type AgentLabel = [(&'static str, String); 1];

/// Everything that is counted. Plugins and stores are there before the gateway, and are told to count here.
pub struct Metrics {
    /// Held by whoever reads, since some numbers are made when they are read.
    registry: Mutex<Registry>,
    webhook_requests: Family<Label, Counter>,
    webhook_ack: Histogram,
    events_deduplicated: Counter,
    messages: Family<Label, Counter>,
    send_attempts: Family<Label, Counter>,
    send: Histogram,
    queue_depth: Family<AgentLabel, Gauge>,
    oldest_due: Gauge,
    quarantined: Gauge,
    guest_calls: Family<Labels, Counter>,
    guest: Family<Label, Histogram, fn() -> Histogram>,
    token_expiry: Family<AgentLabel, Gauge>,
    store_commit: Histogram,
    rate_limit: Family<AgentLabel, Gauge<f64, AtomicU64>>,
    circuit_breaker_open: Family<AgentLabel, Gauge>,
    circuit_breaker_openings: Family<AgentLabel, Counter>,
    agent_held: Family<[(&'static str, String); 2], Gauge>,
}

/// What a webhook request came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WebhookOutcome {
    /// Kept, or known already.
    Taken,
    /// The platform asked whether the address is right.
    Handshake,
    /// Not signed as it should be.
    NotBelieved,
    /// Not readable.
    Malformed,
    /// It will be sent again.
    Unavailable,
}

impl WebhookOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Handshake => "handshake",
            Self::NotBelieved => "not_believed",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What is counted in the store when somebody looks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Waiting {
    /// Messages that are to be sent, by their agent.
    pub(crate) messages: BTreeMap<String, u64>,
    /// How long the one that is due for longest has been.
    pub(crate) oldest_due: Duration,
    /// Requests that were put aside.
    pub(crate) quarantined: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("rbm");
        let metrics = Self {
            registry: Mutex::default(),
            webhook_requests: Family::default(),
            webhook_ack: Histogram::new(SECONDS),
            events_deduplicated: Counter::default(),
            messages: Family::default(),
            send_attempts: Family::default(),
            send: Histogram::new(SECONDS),
            queue_depth: Family::default(),
            oldest_due: Gauge::default(),
            quarantined: Gauge::default(),
            guest_calls: Family::default(),
            guest: Family::new_with_constructor(|| Histogram::new(GUEST_SECONDS)),
            token_expiry: Family::default(),
            store_commit: Histogram::new(SECONDS),
            rate_limit: Family::default(),
            circuit_breaker_open: Family::default(),
            circuit_breaker_openings: Family::default(),
            agent_held: Family::default(),
        };
        metrics.register(&mut registry);
        Self {
            registry: Mutex::new(registry),
            ..metrics
        }
    }
}

impl Metrics {
    /// A store has committed, which took so long.
    pub fn committed(&self, took: Duration) {
        self.store_commit.observe(took.as_secs_f64());
    }

    fn register(&self, registry: &mut Registry) {
        let count = "Webhook requests, by what they came to";
        registry.register("webhook_requests", count, self.webhook_requests.clone());
        let time = "From a webhook request to its answer";
        registry.register_with_unit("webhook_ack", time, Unit::Seconds, self.webhook_ack.clone());
        let count = "Events that were known already";
        registry.register(
            "events_deduplicated",
            count,
            self.events_deduplicated.clone(),
        );
        let count = "Messages, by what has become known of them";
        registry.register("messages", count, self.messages.clone());
        let count = "Attempts to send, by what they brought";
        registry.register("send_attempts", count, self.send_attempts.clone());
        let time = "From the beginning of an attempt to its end";
        registry.register_with_unit("send", time, Unit::Seconds, self.send.clone());
        registry.register(
            "queue_depth",
            "Messages that are to be sent, by their agent",
            self.queue_depth.clone(),
        );
        let time = "How long the message that is due for longest has been";
        registry.register_with_unit("oldest_due", time, Unit::Seconds, self.oldest_due.clone());
        registry.register(
            "quarantined",
            "Webhook requests that were put aside",
            self.quarantined.clone(),
        );
        let count = "Calls into plugins, by the function and what they came to";
        registry.register("guest_calls", count, self.guest_calls.clone());
        let time = "From a call into a plugin to its end, its HTTP requests included";
        registry.register_with_unit("guest", time, Unit::Seconds, self.guest.clone());
        let time = "How long the token is good for yet that an agent asks the platform with";
        registry.register_with_unit(
            "token_expiry",
            time,
            Unit::Seconds,
            self.token_expiry.clone(),
        );
        let time = "From the beginning of a commit of the store to the end of its flush";
        registry.register_with_unit(
            "store_commit",
            time,
            Unit::Seconds,
            self.store_commit.clone(),
        );
        registry.register(
            "rate_limit",
            "Messages per second that an agent may send now",
            self.rate_limit.clone(),
        );
        registry.register(
            "circuit_breaker_open",
            "1 while the circuit breaker of an agent is open",
            self.circuit_breaker_open.clone(),
        );
        registry.register(
            "circuit_breaker_openings",
            "How often the circuit breaker of an agent has opened",
            self.circuit_breaker_openings.clone(),
        );
        registry.register(
            "agent_held",
            "1 while the queue of an agent is held, with the reason",
            self.agent_held.clone(),
        );
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What is running", version);
    }

    pub(crate) fn webhook(&self, outcome: WebhookOutcome, took: Duration) {
        self.webhook_requests
            .get_or_create(&[("outcome", outcome.as_str())])
            .inc();
        self.webhook_ack.observe(took.as_secs_f64());
    }

    pub(crate) fn duplicate(&self) {
        self.events_deduplicated.inc();
    }

    pub(crate) fn message(&self, fact: Fact) {
        self.messages
            .get_or_create(&[("state", fact.as_str())])
            .inc();
    }

    pub(crate) fn attempt(&self, result: Fact, took: Duration) {
        self.send_attempts
            .get_or_create(&[("result", result.as_str())])
            .inc();
        self.send.observe(took.as_secs_f64());
    }

    fn agents(&self, conditions: &BTreeMap<String, Condition>) {
        // A reload may have removed some, and a hold may have ended.
        self.rate_limit.clear();
        self.circuit_breaker_open.clear();
        self.agent_held.clear();
        for (agent, condition) in conditions {
            let label = [("agent", agent.clone())];
            if let Some(rate) = condition.rate {
                self.rate_limit.get_or_create(&label).set(rate);
            }
            self.circuit_breaker_open
                .get_or_create(&label)
                .set(condition.breaker_is_open().into());
            let openings = self.circuit_breaker_openings.get_or_create(&label);
            openings.inc_by(condition.breaker_openings.saturating_sub(openings.get()));
            if let Some(hold) = &condition.hold {
                let labels = [("agent", agent.clone()), ("reason", hold.reason.to_owned())];
                self.agent_held.get_or_create(&labels).set(1);
            }
        }
    }

    /// All of it, in the text that a scraper reads. `tokens`: the agents that have one, and how long it is good for yet.
    pub(crate) fn text(
        &self,
        waiting: Waiting,
        conditions: &BTreeMap<String, Condition>,
        tokens: impl IntoIterator<Item = (String, Duration)>,
    ) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.oldest_due.set(whole(waiting.oldest_due.as_secs()));
        self.quarantined.set(whole(waiting.quarantined));
        // A reload may have removed an agent, and what it had to send may be gone.
        self.queue_depth.clear();
        for (agent, messages) in waiting.messages {
            self.queue_depth
                .get_or_create(&[("agent", agent)])
                .set(whole(messages));
        }
        self.agents(conditions);
        self.token_expiry.clear();
        for (agent, expires_in) in tokens {
            self.token_expiry
                .get_or_create(&[("agent", agent)])
                .set(whole(expires_in.as_secs()));
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("a string takes everything");
        text
    }
}

impl Observer for Metrics {
    fn called(&self, function: &'static str, problem: Option<&CallProblem>, took: Duration) {
        self.guest_calls
            .get_or_create(&[("export", function), ("outcome", outcome(problem))])
            .inc();
        self.guest
            .get_or_create(&[("export", function)])
            .observe(took.as_secs_f64());
    }
}

/// What a call into a plugin came to.
fn outcome(problem: Option<&CallProblem>) -> &'static str {
    match problem {
        None => "returned",
        Some(CallProblem::OutOfTime { .. }) => "out_of_time",
        Some(CallProblem::TookTooLong { .. }) => "took_too_long",
        Some(CallProblem::OutOfMemory { .. }) => "out_of_memory",
        Some(CallProblem::StackOverflow { .. }) => "stack_overflow",
        Some(CallProblem::CopiedTooMuch { .. }) => "copied_too_much",
        Some(CallProblem::TooManyFetches { .. }) => "too_many_fetches",
        Some(CallProblem::Trapped { .. }) => "trapped",
        Some(CallProblem::BrokeContract { .. }) => "broke_contract",
        Some(CallProblem::NotStarted { .. }) => "not_started",
        Some(CallProblem::Dead) => "dead",
    }
}

/// From what a commit takes to what a platform does.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// From what a signature takes to what a platform does.
const GUEST_SECONDS: [f64; 12] = [
    0.000_01, 0.000_025, 0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::{Cause, Obstacle};

    #[test]
    fn everything_is_named_as_it_is_documented() {
        let metrics = Metrics::default();
        metrics.webhook(WebhookOutcome::Taken, Duration::from_millis(2));
        metrics.webhook(WebhookOutcome::Taken, Duration::from_millis(30));
        metrics.webhook(WebhookOutcome::NotBelieved, Duration::from_millis(1));
        (0..3).for_each(|_| metrics.duplicate());
        metrics.message(Fact::Accepted);
        metrics.attempt(Fact::Accepted, Duration::from_millis(300));
        let waiting = Waiting {
            messages: [("demo".to_owned(), 7)].into(),
            oldest_due: Duration::from_secs(61),
            quarantined: 2,
        };
        metrics.called("verify-signature", None, Duration::from_micros(20));
        metrics.called("send", None, Duration::from_millis(300));
        let out_of_time = CallProblem::OutOfTime {
            limit: Duration::from_secs(1),
        };
        metrics.called("send", Some(&out_of_time), Duration::from_secs(1));
        metrics.committed(Duration::from_millis(4));
        let condition = |cause| {
            let obstacle = Obstacle {
                cause,
                reason: "credentials",
                error: "why".into(),
            };
            Condition {
                rate: Some(62.5),
                breaker_openings: 2,
                hold: Some(obstacle.clone()).filter(|_| cause == Cause::AgentRejected),
                obstacle: Some(obstacle),
            }
        };
        let gone = [("gone".to_owned(), condition(Cause::AgentRejected))].into();
        metrics.text(Waiting::default(), &gone, []);
        let conditions = [
            ("demo".to_owned(), condition(Cause::AgentRejected)),
            ("down".to_owned(), condition(Cause::Unavailable)),
        ]
        .into();
        let text = metrics.text(
            waiting,
            &conditions,
            [("demo".to_owned(), Duration::from_mins(55))],
        );
        for line in [
            "rbm_webhook_requests_total{outcome=\"taken\"} 2",
            "rbm_webhook_requests_total{outcome=\"not_believed\"} 1",
            "rbm_webhook_ack_seconds_bucket{le=\"0.005\"} 2",
            "rbm_webhook_ack_seconds_count 3",
            "rbm_events_deduplicated_total 3",
            "rbm_messages_total{state=\"accepted\"} 1",
            "rbm_send_attempts_total{result=\"accepted\"} 1",
            "rbm_send_seconds_count 1",
            "rbm_queue_depth{agent=\"demo\"} 7",
            "rbm_oldest_due_seconds 61",
            "rbm_quarantined 2",
            "rbm_guest_calls_total{export=\"verify-signature\",outcome=\"returned\"} 1",
            "rbm_guest_calls_total{export=\"send\",outcome=\"returned\"} 1",
            "rbm_guest_calls_total{export=\"send\",outcome=\"out_of_time\"} 1",
            "rbm_guest_seconds_bucket{le=\"0.000025\",export=\"verify-signature\"} 1",
            "rbm_guest_seconds_count{export=\"send\"} 2",
            "rbm_token_expiry_seconds{agent=\"demo\"} 3300",
            "rbm_store_commit_seconds_bucket{le=\"0.005\"} 1",
            "rbm_rate_limit{agent=\"demo\"} 62.5",
            "rbm_circuit_breaker_open{agent=\"down\"} 1",
            "rbm_circuit_breaker_open{agent=\"demo\"} 0",
            "rbm_agent_held{agent=\"demo\",reason=\"credentials\"} 1",
            "rbm_circuit_breaker_openings_total{agent=\"demo\"} 2",
            "rbm_build_info{version=\"0.1.0\"} 1",
            "# EOF",
        ] {
            assert!(
                text.lines().any(|own| own == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[test]
    fn an_agent_that_is_gone_is_told_of_no_more() {
        let metrics = Metrics::default();
        let minute = Duration::from_mins(1);
        let both = metrics.text(
            Waiting::default(),
            &BTreeMap::new(),
            [("demo".to_owned(), minute), ("gone".to_owned(), minute)],
        );
        assert!(
            both.contains("rbm_token_expiry_seconds{agent=\"gone\"} 60"),
            "{both}"
        );
        let one = metrics.text(
            Waiting::default(),
            &BTreeMap::new(),
            [("demo".to_owned(), minute)],
        );
        assert!(
            one.contains("agent=\"demo\"") && !one.contains("agent=\"gone\""),
            "{one}"
        );
    }
}

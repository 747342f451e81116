//! What became of the last notices and handshakes, for people and tests to read.

use super::doctor::Verdict;
use super::faults::WebhookFault;
use super::handshake::{Handshake, WebhookProblem};
use super::queue::Waiting;
use super::targets::Level;
use jiff::Timestamp;
use rbm_wire::callback::Notice;
use rbm_wire::name::AgentId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What became of a notice at one time.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) at: Timestamp,
    pub(crate) agent: AgentId,
    /// The webhook that was called, if one was.
    pub(crate) url: Option<String>,
    pub(crate) notice: Arc<Notice>,
    pub(crate) publication_id: String,
    /// The first call is 1; 0 if there was none.
    pub(crate) attempt: u32,
    /// What befell it on purpose.
    pub(crate) faults: Vec<WebhookFault>,
    pub(crate) verdict: Verdict,
    /// In real time.
    pub(crate) took: Duration,
}

impl Delivery {
    pub(super) fn new(at: Timestamp, waiting: &Waiting, verdict: Verdict) -> Self {
        Self {
            at,
            agent: waiting.stream.agent.clone(),
            url: None,
            notice: waiting.notice.clone(),
            publication_id: waiting.publication_id.clone(),
            attempt: waiting.attempts,
            faults: waiting.faults.iter().copied().collect(),
            verdict,
            took: Duration::ZERO,
        }
    }
}

/// An attempt to register a webhook.
#[derive(Clone, Debug)]
pub(crate) struct Registering {
    pub(crate) at: Timestamp,
    pub(crate) level: Level,
    pub(crate) url: String,
    pub(crate) result: Result<Handshake, WebhookProblem>,
}

/// How many notices came to each end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) taken: u64,
    pub(crate) expired: u64,
    pub(crate) without_webhook: u64,
    pub(crate) lost: u64,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) deliveries: VecDeque<Delivery>,
    pub(super) registerings: VecDeque<Registering>,
    pub(super) counts: Counts,
}

impl Log {
    pub(super) fn note(&mut self, delivery: Delivery) {
        if let Some(url) = delivery
            .url
            .as_deref()
            .filter(|_| matches!(delivery.verdict, Verdict::NotTaken { .. }))
        {
            let (event, said) = (&delivery.notice.event_type, delivery.verdict.said());
            tracing::warn!(
                url,
                event,
                attempt = delivery.attempt,
                said,
                "the webhook did not take a notice"
            );
        }
        match delivery.verdict {
            Verdict::Taken | Verdict::TakenBadlySigned => self.counts.taken += 1,
            Verdict::NotTaken { .. } => {}
            Verdict::Expired => self.counts.expired += 1,
            Verdict::NoWebhook => self.counts.without_webhook += 1,
            Verdict::Lost => self.counts.lost += 1,
        }
        add(&mut self.deliveries, delivery, DELIVERIES_MAX);
    }

    pub(super) fn forget_deliveries(&mut self) {
        (self.deliveries, self.counts) = (VecDeque::new(), Counts::default());
    }

    pub(super) fn register(&mut self, registering: Registering) {
        add(&mut self.registerings, registering, REGISTERINGS_MAX);
    }
}

fn add<T>(ring: &mut VecDeque<T>, entry: T, length_max: usize) {
    if ring.len() == length_max {
        ring.pop_front();
    }
    ring.push_back(entry);
}

const DELIVERIES_MAX: usize = 200;
const REGISTERINGS_MAX: usize = 20;

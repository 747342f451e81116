//! What is to be told to whom next: the one queue of the partner, with its webhooks. Pure: time is an argument.
//!
//! Google's guide says that a partner has one queue, that a failing webhook slows all its agents, and that others are still
//! called during the back-off. Here that means: one call at a time, so that everybody waits for a webhook that is slow to fail;
//! then it alone is left out until its back-off is over, and what is for it waits in order. That is assumed.

use super::faults::WebhookFault;
use super::settings::LaunchesTo;
use super::targets::{Registration, Target, Targets, after};
use crate::fidelity::{Basis, Behaviour};
use jiff::Timestamp;
use rbm_wire::callback::Notice;
use rbm_wire::name::AgentId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What goes to one webhook, whichever that is at the time.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stream {
    pub(super) agent: AgentId,
    /// Whether it is the agent's launches, and not everything else.
    pub(super) launches: bool,
}

/// A notice that was not taken yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiting {
    /// In the one queue: the lowest is first.
    #[serde(skip)]
    pub(super) place: u64,
    pub(super) stream: Stream,
    pub(super) notice: Arc<Notice>,
    /// Pub/Sub's, the same in every call.
    pub(super) publication_id: String,
    pub(super) published_at: Timestamp,
    /// Calls so far.
    pub(super) attempts: u32,
    /// What is still to befall it.
    pub(super) faults: BTreeSet<WebhookFault>,
}

/// Everything that was not taken yet, as it is written and read again.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backlog {
    /// The first of all is first. What is being told when it is written is in it, as it was before.
    pub(super) waiting: Vec<Waiting>,
    /// The one that is kept back for the shortest time is first.
    pub(super) held: Vec<Held>,
}

/// A notice that is late on purpose.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    pub(super) until: Timestamp,
    /// Whether it lets only the next of its stream pass.
    pub(super) swaps: bool,
    pub(super) notice: Waiting,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Turn {
    /// Call this webhook.
    Call(Waiting, Arc<Registration>),
    /// Nothing can be done for this one any more.
    Drop(Waiting, Gone),
    /// Nothing before this time.
    WaitUntil(Timestamp),
    /// Nothing, until somebody queues a notice or registers a webhook.
    Idle,
}

/// Why a notice comes to nobody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Gone {
    /// It was tried for 7 days.
    Expired,
    /// There is nobody to tell.
    NoWebhook,
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) targets: Targets,
    /// By their places, each.
    lines: BTreeMap<Stream, VecDeque<Waiting>>,
    /// Late on purpose, until a time.
    held: BTreeMap<(Timestamp, u64), Waiting>,
    /// Those of them that let only the next of their stream pass.
    swapping: BTreeMap<Stream, (Timestamp, u64)>,
    places: u64,
    length_max: usize,
    /// Those that the length has cost.
    pub(super) overflowed: u64,
    /// The webhook that is being called.
    pub(super) calling: Option<Arc<Registration>>,
    /// What it is told, as it was before.
    told: Option<Waiting>,
    /// Up to this place it was read: what waited for a webhook then does not need it to be there already.
    read_to: u64,
}

impl Queue {
    pub(super) fn new(length_max: usize, launches_to: LaunchesTo) -> Self {
        Self {
            targets: Targets::new(launches_to),
            lines: BTreeMap::new(),
            held: BTreeMap::new(),
            swapping: BTreeMap::new(),
            places: 0,
            length_max,
            overflowed: 0,
            calling: None,
            told: None,
            read_to: 0,
        }
    }

    /// Puts a notice at the end. The one that waited to change places with it goes behind it.
    pub(super) fn push(&mut self, waiting: Waiting) {
        let stream = waiting.stream.clone();
        self.line_up(waiting);
        if let Some(key) = self.swapping.remove(&stream)
            && let Some(waiting) = self.held.remove(&key)
        {
            self.line_up(waiting);
        }
    }

    /// Keeps a notice back until then.
    pub(super) fn hold(&mut self, waiting: Waiting, until: Timestamp) {
        self.keep(waiting, until);
    }

    /// Keeps a notice back until the next of its stream, or until then if there is none. If one waits so already, this is its next.
    pub(super) fn swap(&mut self, waiting: Waiting, until: Timestamp) {
        if self.swapping.contains_key(&waiting.stream) {
            return self.push(waiting);
        }
        let stream = waiting.stream.clone();
        let key = self.keep(waiting, until);
        self.swapping.insert(stream, key);
    }

    /// What to do now. What is to be called is in the queue no longer: it comes back by [`Self::failed`].
    pub(super) fn turn(&mut self, now: Timestamp) -> Turn {
        self.release(now);
        let mut first: Option<(u64, &Stream)> = None;
        let mut wake = self.held.keys().next().map(|(until, _)| *until);
        for (stream, line) in &self.lines {
            let Some(waiting) = line.front() else {
                continue;
            };
            let ready_at = self.ready_at(stream, waiting);
            if ready_at.is_some_and(|ready_at| ready_at > now) {
                wake = wake.min(ready_at).or(ready_at);
            } else if first.is_none_or(|(lowest, _)| waiting.place < lowest) {
                first = Some((waiting.place, stream));
            }
        }
        match first.map(|(_, stream)| stream.clone()) {
            Some(stream) => self.take(&stream, now),
            None => wake.map_or(Turn::Idle, Turn::WaitUntil),
        }
    }

    /// The webhook took it.
    pub(super) fn succeeded(&mut self, called: &Arc<Registration>) {
        (self.calling, self.told) = (None, None);
        self.targets.succeeded(called);
    }

    /// The webhook did not take it: it is the first in its line again, and what befell it is over. Says when the webhook is
    /// called again; none if another one is registered meanwhile, which is called at once.
    pub(super) fn failed(
        &mut self,
        waiting: Waiting,
        called: &Arc<Registration>,
        now: Timestamp,
        first_delay: Duration,
    ) -> Option<Timestamp> {
        (self.calling, self.told) = (None, None);
        let waiting = Waiting {
            faults: BTreeSet::new(),
            ..waiting
        };
        self.lines
            .entry(waiting.stream.clone())
            .or_default()
            .push_front(waiting);
        self.shorten();
        self.targets.failed(called, now, first_delay)
    }

    /// What there is to be told.
    pub(super) fn backlog(&self) -> Backlog {
        let mut waiting: Vec<Waiting> = self
            .lines
            .values()
            .flatten()
            .chain(&self.told)
            .cloned()
            .collect();
        waiting.sort_by_key(|waiting| waiting.place);
        let held = self.held.iter().map(|(key, notice)| Held {
            until: key.0,
            swaps: self.swapping.get(&notice.stream) == Some(key),
            notice: notice.clone(),
        });
        Backlog {
            waiting,
            held: held.collect(),
        }
    }

    /// The same webhooks with something else to be told, whether they failed before or not. It waits for a webhook that is yet to be
    /// registered.
    pub(super) fn go_on_with(
        &mut self,
        backlog: Backlog,
        length_max: usize,
        launches_to: LaunchesTo,
    ) {
        let targets = std::mem::replace(&mut self.targets, Targets::new(launches_to));
        *self = Self {
            targets: targets.afresh(launches_to),
            ..Self::new(length_max, launches_to)
        };
        backlog
            .waiting
            .into_iter()
            .for_each(|waiting| self.line_up(waiting));
        self.read_to = self.places;
        for Held {
            until,
            swaps,
            notice,
        } in backlog.held
        {
            let stream = notice.stream.clone();
            let key = self.keep(notice, until);
            if swaps {
                self.swapping.insert(stream, key);
            }
        }
    }

    /// How many wait, those included that are kept back, and without the one that is being told.
    pub(super) fn len(&self) -> usize {
        self.held.len() + self.lines.values().map(VecDeque::len).sum::<usize>()
    }

    /// How many are kept back on purpose.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// How many wait for this webhook.
    pub(super) fn waiting_for(&self, target: &Target) -> usize {
        let goes_there = |stream| {
            self.targets
                .of(stream)
                .is_some_and(|found| Arc::ptr_eq(&found.registration, &target.registration))
        };
        self.lines
            .iter()
            .filter(|(stream, _)| goes_there(stream))
            .map(|(_, line)| line.len())
            .sum()
    }

    /// When something can be done about the first of a line; none if at once.
    fn ready_at(&self, stream: &Stream, waiting: &Waiting) -> Option<Timestamp> {
        let kept_until = after(waiting.published_at, KEPT);
        match self.targets.of(stream) {
            Some(target) => Some(target.resumes_at?.min(kept_until)),
            None => (waiting.place <= self.read_to).then_some(kept_until),
        }
    }

    fn take(&mut self, stream: &Stream, now: Timestamp) -> Turn {
        let Some(waiting) = self.lines.get_mut(stream).and_then(VecDeque::pop_front) else {
            return Turn::Idle;
        };
        let Some(target) = self.targets.of(stream) else {
            return Turn::Drop(waiting, Gone::NoWebhook);
        };
        // One that nothing kept from being told is told, though the clock has jumped over its days.
        let tried = waiting.attempts > 0 || target.failures > 0;
        if tried && after(waiting.published_at, KEPT) <= now {
            return Turn::Drop(waiting, Gone::Expired);
        }
        let registration = target.registration.clone();
        self.told = Some(waiting.clone());
        let waiting = Waiting {
            attempts: waiting.attempts.saturating_add(1),
            ..waiting
        };
        self.calling = Some(registration.clone());
        Turn::Call(waiting, registration)
    }

    fn keep(&mut self, waiting: Waiting, until: Timestamp) -> (Timestamp, u64) {
        let key = (until, self.place());
        self.held.insert(key, waiting);
        self.shorten();
        key
    }

    fn release(&mut self, now: Timestamp) {
        while let Some(entry) = self.held.first_entry().filter(|entry| entry.key().0 <= now) {
            let (key, waiting) = entry.remove_entry();
            self.swapping.retain(|_, swapping| *swapping != key);
            self.line_up(waiting);
        }
    }

    fn line_up(&mut self, waiting: Waiting) {
        let waiting = Waiting {
            place: self.place(),
            ..waiting
        };
        self.lines
            .entry(waiting.stream.clone())
            .or_default()
            .push_back(waiting);
        self.shorten();
    }

    fn place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    /// Drops the oldest that are too many.
    fn shorten(&mut self) {
        while self.len() > self.length_max {
            let oldest = self.lines.values_mut().filter(|line| !line.is_empty());
            let oldest = oldest.min_by_key(|line| line.front().map(|waiting| waiting.place));
            if oldest.and_then(VecDeque::pop_front).is_none() {
                self.held.pop_first();
            }
            self.overflowed += 1;
        }
    }
}

impl Backlog {
    /// What does not fit together, and where.
    pub(crate) fn flaws(
        &self,
        length_max: usize,
        knows: impl Fn(&AgentId) -> bool,
    ) -> Vec<(String, String)> {
        let mut flaws = Vec::new();
        let count = self.waiting.len() + self.held.len();
        // One that is being told when it is written does not count.
        if count > length_max.saturating_add(1) {
            let rule =
                format!("{count} notices wait, and settings.queue_length_max is {length_max}");
            flaws.push(("backlog".to_owned(), rule));
        }
        let waiting = self.waiting.iter().enumerate();
        let waiting =
            waiting.map(|(index, waiting)| (format!("backlog.waiting[{index}]"), waiting));
        let held = self.held.iter().enumerate();
        let held =
            held.map(|(index, held)| (format!("backlog.held[{index}].notice"), &held.notice));
        for (place, Waiting { stream, .. }) in waiting
            .chain(held)
            .filter(|(_, waiting)| !knows(&waiting.stream.agent))
        {
            flaws.push((
                format!("{place}.stream.agent"),
                format!("there is no agent {:?}", stream.agent.bare()),
            ));
        }
        let mut swapping = BTreeSet::new();
        for (index, held) in self.held.iter().enumerate().filter(|(_, held)| held.swaps) {
            if !swapping.insert(&held.notice.stream) {
                let rule = "another notice of its stream swaps already".to_owned();
                flaws.push((format!("backlog.held[{index}].swaps"), rule));
            }
        }
        flaws
    }
}

/// A notice is tried for so long. (guides/integrate/webhooks)
pub(super) const KEPT: Duration = Duration::from_hours(7 * 24);

const ONE_QUEUE: &Behaviour = &Behaviour {
    id: "webhook-one-queue",
    what: "A partner has one queue: a failing webhook slows all its agents, and others are called during its back-off",
    basis: Basis::Documented,
    source: "guides/integrate/webhooks; that there is one call at a time, and no other slowing, is assumed",
    switch: None,
    test: "a_failing_webhook_slows_the_others_and_does_not_stop_them",
};
const ORDER: &Behaviour = &Behaviour {
    id: "webhook-order",
    what: "What is for one webhook comes in order: a notice that is not taken holds up those after it",
    basis: Basis::Assumed,
    source: "no page promises an order; a receiver must not count on it, which the faults show",
    switch: Some("webhooks.faults"),
    test: "no_notice_is_lost_when_a_receiver_fails_for_a_while",
};
const SEVEN_DAYS: &Behaviour = &Behaviour {
    id: "webhook-seven-days",
    what: "A notice that is not taken is tried for 7 days, and then dropped",
    basis: Basis::Documented,
    source: "guides/integrate/webhooks",
    switch: None,
    test: "a_notice_is_tried_for_seven_days_and_then_dropped",
};
const LENGTH: &Behaviour = &Behaviour {
    id: "webhook-queue-length",
    what: "The queue has a length: beyond it the oldest notice is dropped and counted",
    basis: Basis::Assumed,
    source: "ours, so that memory has an end",
    switch: Some("webhooks.queue_length_max"),
    test: "beyond_its_length_the_queue_drops_the_oldest_and_counts_it",
};
const NOBODY: &Behaviour = &Behaviour {
    id: "webhook-none",
    what: "A notice of an agent for which no webhook is registered is dropped",
    basis: Basis::Assumed,
    source: "no page says",
    switch: None,
    test: "without_a_webhook_a_notice_is_dropped_and_that_is_said",
};

pub(super) const BEHAVIOURS: &[&Behaviour] = &[ONE_QUEUE, ORDER, SEVEN_DAYS, LENGTH, NOBODY];

#[cfg(test)]
mod tests;

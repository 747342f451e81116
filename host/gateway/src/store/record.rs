//! What happens to one message in a store, as a function of what was known and what is new. Pure, so that every store does
//! the same, and only keeping differs.
//!
//! An end that no webhook brought becomes an event here, and a store keeps it in the commit that keeps the end: so a kill loses
//! none and doubles none.

use super::consent::Consent;
use super::event::{EventContent, GatewayEvent, MessageEvent, PlatformAnswer, ReasonCode, Source};
use super::lane::{Lane, Stage, Urgency};
use super::{
    Claimed, Entry, Hold, NewEvent, NewMessage, Requeued, Settlement, StoredMessage, Withdrawn,
};
use crate::lifecycle::{Fact, Facts, State};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A message with what its attempts need.
#[derive(Clone, Debug)]
pub struct Record {
    /// What anybody may see.
    pub stored: StoredMessage,
    /// Of the latest attempt, counted from 1.
    pub attempt: u32,
    /// An attempt is under way, and its lease ends then.
    pub lent_until: Option<Timestamp>,
    /// After this it is not sent any more: its expiry, or a day after it was due.
    pub ends_at: Timestamp,
    /// What is to be told of it, and is not kept yet.
    unsaved_events: Vec<NewEvent>,
}

/// On which terms an attempt may begin.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// When.
    pub now: Timestamp,
    /// Who does not settle it within this time has lost it.
    pub lease: Duration,
    /// What keeps the agent from sending: [`super::lane::Share::hold`].
    pub hold: Option<&'a Hold>,
}

impl Record {
    /// A message that nothing has happened to.
    pub fn new(new: NewMessage) -> Self {
        let due = first_due(new.at, new.send_at);
        let stored = StoredMessage {
            agent: new.agent,
            message: new.message,
            body_hash: new.body_hash,
            accepted_at: new.at,
            facts: Facts::default(),
            history: Vec::new(),
            history_omitted: 0,
            send_at: new.send_at,
            next_at: Some(due),
        };
        let mut record = Self {
            stored,
            attempt: 0,
            lent_until: None,
            ends_at: new.expires_at.unwrap_or(due + TRIED_FOR),
            unsaved_events: Vec::new(),
        };
        record.add(Entry::new(new.at, Fact::Queued));
        record
    }

    /// A message as a store has kept it.
    pub fn kept(
        stored: StoredMessage,
        attempt: u32,
        lent_until: Option<Timestamp>,
        ends_at: Timestamp,
    ) -> Self {
        Self {
            stored,
            attempt,
            lent_until,
            ends_at,
            unsaved_events: Vec::new(),
        }
    }

    /// What is to be told of it since this was called last, as events to be kept.
    pub fn take_events(&mut self) -> Vec<NewEvent> {
        std::mem::take(&mut self.unsaved_events)
    }

    /// Which queue of its agent it waits in.
    pub fn lane(&self) -> Lane {
        Lane {
            urgency: Urgency::of(self.stored.message.purpose),
            stage: self.stage(),
        }
    }

    /// By what the last attempt brought.
    fn stage(&self) -> Stage {
        let last = self
            .stored
            .history
            .iter()
            .rev()
            .find_map(|entry| match entry.fact {
                Fact::Queued | Fact::Requeued => Some(Stage::First),
                Fact::Sending | Fact::Unknown | Fact::Postponed => Some(Stage::Retry),
                _ => None,
            });
        last.unwrap_or(Stage::First)
    }

    /// The end of a message for which a store has none: it is older than the rule. `history`: what is known of it.
    pub fn end_without_expiry(
        accepted_at: Timestamp,
        send_at: Option<Timestamp>,
        history: &[Entry],
    ) -> Timestamp {
        let requeued = history
            .iter()
            .filter(|entry| entry.fact == Fact::Requeued)
            .map(|entry| entry.at);
        let due = requeued.chain([first_due(accepted_at, send_at)]).max();
        due.unwrap_or(accepted_at) + TRIED_FOR
    }

    /// Joins a fact that a webhook brought. False for the expiry of what has expired or was revoked: it ends nothing any more.
    pub fn join(&mut self, mut entry: Entry) -> bool {
        if entry.fact == Fact::Expired {
            let facts = &self.stored.facts;
            if facts.has(Fact::Expired) || facts.has(Fact::Revoked) {
                return false;
            }
            entry.reason = Some(ReasonCode::NotDelivered);
        }
        self.add(entry);
        true
    }

    /// Joins a fact that no webhook brought, but the platform's answer to a question of the gateway.
    pub fn note(&mut self, entry: Entry) {
        self.conclude(entry, Source::Platform, None);
    }

    /// Joins a fact, and adds an event if the message ends by it. A fact that decided the state before, or that a stronger fact
    /// outweighs, ends nothing.
    fn conclude(&mut self, entry: Entry, source: Source, answer: Option<PlatformAnswer>) {
        let was_so = self.stored.facts.decides(entry.fact);
        self.add(entry.clone());
        if entry.fact.is_end() && !was_so && self.stored.facts.decides(entry.fact) {
            self.push_event(entry, source, answer);
        }
    }

    fn push_event(&mut self, entry: Entry, source: Source, answer: Option<PlatformAnswer>) {
        let message = &self.stored.message;
        let event = MessageEvent {
            fact: entry.fact,
            message_id: message.id.clone(),
            phone: message.recipient.clone(),
            at: entry.at,
            number: self.attempt,
            source,
            reason: entry.reason,
            detail: entry.detail,
            attempts: self.attempts_made(),
            answer,
        };
        self.unsaved_events.push(NewEvent {
            agent: self.stored.agent.clone(),
            received_at: self.event_received_at(entry.fact, entry.at),
            content: EventContent::Gateway(GatewayEvent::Message(event)),
            consent: None,
        });
    }

    /// By the gateway's clock: when the platform accepted a message is by the platform's.
    fn event_received_at(&self, fact: Fact, at: Timestamp) -> Timestamp {
        let mut latest_first = self.stored.history.iter().rev();
        let begun = latest_first.find(|entry| entry.fact == Fact::Sending);
        match (fact, begun) {
            (Fact::Accepted, Some(begun)) => begun.at,
            _ => at,
        }
    }

    /// A message that runs out takes a number, as an attempt does.
    fn attempts_made(&self) -> u32 {
        let ran_out =
            |entry: &&Entry| entry.fact == Fact::Failed && entry.reason.is_some_and(is_of_time);
        let ran_out = self.stored.history.iter().filter(ran_out).count();
        self.attempt
            .saturating_sub(u32::try_from(ran_out).unwrap_or(u32::MAX))
    }

    fn add(&mut self, entry: Entry) {
        self.stored.facts.add(entry.fact, entry.at, entry.attempt);
        self.stored.history.push(entry);
        self.shorten();
        self.rest();
    }

    /// A message that is tried for days has thousands of entries. What the facts are made of stays: the first entry of each, which
    /// has its time, and the last one, which has the number of its last attempt. Not at each entry, since a store then writes all
    /// of them.
    fn shorten(&mut self) {
        let history = &mut self.stored.history;
        if history.len() <= HISTORY_MAX {
            return;
        }
        let (before, last) = (history.len(), history.len() - HISTORY_LAST);
        let mut latest = BTreeMap::new();
        for (place, entry) in history.iter().enumerate() {
            latest.insert(entry.fact, place);
        }
        let (mut known, mut places) = (BTreeSet::new(), 0..);
        history.retain(|entry| {
            let place = places.next().unwrap_or_default();
            known.insert(entry.fact)
                || latest.get(&entry.fact) == Some(&place)
                || place < HISTORY_FIRST
                || place >= last
        });
        let omitted = u32::try_from(before - history.len()).unwrap_or(u32::MAX);
        self.stored.history_omitted = self.stored.history_omitted.saturating_add(omitted);
    }

    /// What has reached its fate, or is wanted back, is not tried again.
    fn rest(&mut self) {
        if !self.stored.facts.wants_attempts() {
            self.stored.next_at = None;
        }
    }

    /// Begins an attempt, unless its time is over or the recipient has opted out of such messages: its attempts have ended then,
    /// and an error says what is known.
    pub fn lend_if_permitted(
        &mut self,
        consent: Option<&Consent>,
        terms: Terms<'_>,
    ) -> Result<Claimed, Fact> {
        let Terms { now, lease, hold } = terms;
        if let Some(fact) = self.expire(now, hold) {
            return Err(fact);
        }
        match consent.filter(|consent| !consent.permits(self.stored.message.purpose)) {
            None => Ok(self.lend(now, lease)),
            Some(opted_out) => Err(self.refuse(opted_out, now)),
        }
    }

    /// Ends the attempts because the person has opted out. What the platform may have got has no fate here.
    fn refuse(&mut self, opted_out: &Consent, now: Timestamp) -> Fact {
        self.note_lost_attempt(now);
        let fact = if self.stored.facts.may_be_taken() {
            Fact::Unknown
        } else {
            Fact::Refused
        };
        let detail = format!(
            "it is not sent: the person has opted out since {}; {}",
            opted_out.at(),
            opted_out.reason()
        );
        let entry = Entry {
            at: now,
            fact,
            attempt: None,
            reason: Some(ReasonCode::OptedOut),
            detail: Some(detail),
        };
        self.conclude(entry, Source::Gateway, None);
        self.stored.next_at = None;
        fact
    }

    /// Begins an attempt.
    pub fn lend(&mut self, now: Timestamp, lease: Duration) -> Claimed {
        self.note_lost_attempt(now);
        let stage = self.stage();
        self.attempt += 1;
        self.lent_until = Some(now + lease);
        self.add(Entry {
            attempt: Some(self.attempt),
            ..Entry::new(now, Fact::Sending)
        });
        self.stored.next_at = self.lent_until;
        Claimed {
            agent: self.stored.agent.clone(),
            message: self.stored.message.clone(),
            attempt: self.attempt,
            stage,
            ends_at: self.ends_at,
            facts: self.stored.facts.clone(),
        }
    }

    /// Ends an attempt. False if its lease had ended and another has begun: of that one, a refusal of the earlier attempt says
    /// nothing.
    pub fn settle(&mut self, attempt: u32, settlement: Settlement) -> bool {
        let current = self.is_lent_for(attempt);
        if current {
            self.lent_until = None;
            self.stored.next_at = settlement.retry_at;
        }
        // A message that was erased may have left its id to another, which has made no such attempt. What is known already was
        // committed, though the answer to that was lost.
        let is_news =
            |entry: &Entry| attempt <= self.attempt && !self.stored.history.contains(entry);
        if let Some(mut entry) = settlement.entry.filter(is_news) {
            if !current && matches!(entry.fact, Fact::Refused | Fact::Failed) {
                entry.fact = Fact::Unknown;
            }
            self.settle_as(entry, settlement.answer, settlement.accepted_events);
        }
        self.rest();
        current
    }

    fn settle_as(&mut self, entry: Entry, answer: Option<PlatformAnswer>, accepted_events: bool) {
        let accepted = entry.fact == Fact::Accepted;
        if accepted && accepted_events && !self.stored.facts.has(Fact::Accepted) {
            self.push_event(entry.clone(), Source::Platform, None);
        }
        let source = if answer.is_some() {
            Source::Platform
        } else {
            Source::Gateway
        };
        self.conclude(entry, source, answer);
    }

    /// Takes an attempt back that was not made, with all traces of it. False if its lease had ended.
    pub fn unclaim(&mut self, attempt: u32, retry_at: Timestamp) -> bool {
        let current = self.is_lent_for(attempt);
        if current {
            self.lent_until = None;
            self.attempt -= 1;
            self.stored
                .history
                .retain(|entry| (entry.fact, entry.attempt) != (Fact::Sending, Some(attempt)));
            self.stored.facts = Facts::of(&self.stored.history);
            self.stored.next_at = Some(retry_at);
            self.rest();
        }
        current
    }

    fn is_lent_for(&self, attempt: u32) -> bool {
        self.attempt == attempt && self.lent_until.is_some()
    }

    /// Ends the attempts because its time is over, and tells what it has come to. None if it is not over, or while an attempt is
    /// under way. `hold`: what keeps its agent from sending.
    pub fn expire(&mut self, now: Timestamp, hold: Option<&Hold>) -> Option<Fact> {
        let over = self.ends_at <= now && self.stored.next_at.is_some();
        if !over || self.lent_until.is_some_and(|until| now < until) {
            return None;
        }
        self.note_lost_attempt(now);
        let (reason, why) = match (hold, self.last_rejection()) {
            (Some(hold), _) => (Some(hold.reason), Some(hold.detail.clone())),
            (None, Some(last)) => (last.reason, last.detail.clone()),
            (None, None) => (None, None),
        };
        let reason = reason.unwrap_or(ReasonCode::NotSent);
        let (fact, reason, what) = if self.stored.facts.may_be_taken() {
            let what = "outcome unknown when its time was over";
            (Fact::Failed, ReasonCode::OutcomeUnknown, what)
        } else if self.stored.message.expiry.is_some() {
            (Fact::Expired, reason, "expired before it was sent")
        } else {
            (Fact::Failed, reason, "not sent within 24 hours")
        };
        if fact == Fact::Failed {
            // A number of its own, so that it is later than a wish to try again after the last attempt.
            self.attempt += 1;
        }
        let entry = Entry {
            at: now,
            fact,
            attempt: Some(self.attempt).filter(|_| fact == Fact::Failed),
            reason: Some(reason),
            detail: Some(why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"))),
        };
        self.conclude(entry, Source::Gateway, None);
        Some(fact)
    }

    /// Of the attempts that did not bring it to the platform.
    fn last_rejection(&self) -> Option<&Entry> {
        let history = self.stored.history.iter().rev();
        history
            .take_while(|entry| entry.fact != Fact::Requeued)
            .find(|entry| matches!(entry.fact, Fact::Postponed | Fact::Unknown))
    }

    /// Ends the lease of whoever had it and is no more; the next attempt may begin at once. False if there was none.
    pub fn recover(&mut self, now: Timestamp) -> bool {
        let lent = self.lent_until.is_some();
        if lent {
            self.stored.next_at = Some(now);
            self.note_lost_attempt(now);
            self.rest();
        }
        lent
    }

    /// Begins again with what was given up.
    pub fn requeue(&mut self, now: Timestamp) -> Requeued {
        let requeued = self.stored.requeued(now);
        if requeued != Requeued::Queued {
            return requeued;
        }
        if self.stored.message.expiry.is_none() {
            self.ends_at = now + TRIED_FOR;
        }
        self.stored.next_at = Some(now);
        self.add(Entry {
            attempt: Some(self.attempt),
            ..Entry::new(now, Fact::Requeued)
        });
        Requeued::Queued
    }

    /// Ends the attempts because somebody wants it back.
    pub fn withdraw(&mut self, now: Timestamp) -> Withdrawn {
        match self.stored.facts.state() {
            State::Queued | State::Sending | State::Unknown | State::Accepted => {}
            // Given up, and nobody knows whether the platform has it.
            State::Failed if self.stored.facts.may_be_taken() => {}
            state => return Withdrawn::Settled(state),
        }
        if !self.stored.facts.has(Fact::RevokeRequested) {
            self.add(Entry::new(now, Fact::RevokeRequested));
        }
        if self.lent_until.is_some_and(|until| now < until) {
            return Withdrawn::Underway;
        }
        self.note_lost_attempt(now);
        if self.stored.facts.may_be_taken() {
            return Withdrawn::Submitted;
        }
        let entry = Entry {
            reason: Some(ReasonCode::Requested),
            detail: Some("it had not reached the platform".to_owned()),
            ..Entry::new(now, Fact::Revoked)
        };
        self.conclude(entry, Source::Gateway, None);
        Withdrawn::Unsent
    }

    /// An attempt of which nobody has said how it ended may have reached the platform.
    fn note_lost_attempt(&mut self, now: Timestamp) {
        if self.lent_until.take().is_some() {
            self.add(Entry {
                attempt: Some(self.attempt),
                reason: Some(ReasonCode::OutcomeUnknown),
                detail: Some("nobody has said how the attempt ended".to_owned()),
                ..Entry::new(now, Fact::Unknown)
            });
        }
    }
}

/// Whether a message that failed for this has run out. No attempt ends one so.
fn is_of_time(reason: ReasonCode) -> bool {
    use ReasonCode::{
        Misconfigured, NotSent, OutcomeUnknown, RateLimited, Unavailable, UnexpectedAnswer,
    };
    matches!(
        reason,
        NotSent | OutcomeUnknown | Misconfigured | Unavailable | RateLimited | UnexpectedAnswer
    )
}

fn first_due(accepted_at: Timestamp, send_at: Option<Timestamp>) -> Timestamp {
    send_at.map_or(accepted_at, |send_at| send_at.max(accepted_at))
}

const HISTORY_MAX: usize = 60;
/// Shown too.
pub const HISTORY_FIRST: usize = 5;
/// Likewise.
pub const HISTORY_LAST: usize = 20;
/// A message that does not say how long it is worth sending.
const TRIED_FOR: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bare;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn record() -> Record {
        let message = bare::message("m1", "+12");
        Record::new(NewMessage {
            agent: "demo".into(),
            message,
            body_hash: [0; 32],
            at: at(0),
            send_at: None,
            expires_at: None,
        })
    }

    proptest! {
        /// A store that reads the facts from the history knows the same as one that has them.
        #[test]
        fn a_history_that_was_shortened_says_the_same(steps in proptest::collection::vec(0..9_u8, 0..400)) {
            let mut record = record();
            for (second, step) in (0..).zip(steps) {
                let now = at(second);
                match step {
                    0 => drop(record.requeue(now)),
                    1 => drop(record.expire(now + TRIED_FOR * 2, None)),
                    2 => drop(record.recover(now)),
                    _ if record.stored.next_at.is_none() => {}
                    3 => {
                        let claimed = record.lend(now, Duration::from_secs(30));
                        record.unclaim(claimed.attempt, now);
                    }
                    _ => {
                        let claimed = record.lend(now, Duration::from_secs(30));
                        let fact = if step == 4 { Fact::Unknown } else { Fact::Postponed };
                        let entry = Entry { at: now, fact, attempt: Some(claimed.attempt), reason: None, detail: None };
                        record.settle(claimed.attempt, Settlement { entry: Some(entry), retry_at: Some(now), ..Settlement::default() });
                    }
                }
                prop_assert!(record.stored.history.len() <= HISTORY_MAX);
                prop_assert_eq!(&Facts::of(&record.stored.history), &record.stored.facts);
                let waits = record.stored.next_at.is_some();
                prop_assert_eq!(waits, record.stored.facts.wants_attempts());
            }
        }
    }
}

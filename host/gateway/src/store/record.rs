//! What happens to one message in a store, as a function of what was known and what is new. Pure, so that every store does
//! the same, and only keeping differs.

use super::consent::Consent;
use super::lane::{Lane, Stage, Urgency};
use super::{Claimed, Entry, NewMessage, Requeued, Settlement, StoredMessage, Withdrawn};
use crate::lifecycle::{Fact, Facts, State};
use jiff::Timestamp;
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
    /// After this it is not sent any more.
    pub expires_at: Option<Timestamp>,
}

impl Record {
    /// A message that nothing has happened to.
    pub fn new(new: NewMessage) -> Self {
        let stored = StoredMessage {
            agent: new.agent,
            message: new.message,
            body_hash: new.body_hash,
            accepted_at: new.at,
            facts: Facts::default(),
            history: Vec::new(),
            send_at: new.send_at,
            next_at: Some(new.send_at.map_or(new.at, |send_at| send_at.max(new.at))),
        };
        let mut record = Self {
            stored,
            attempt: 0,
            lent_until: None,
            expires_at: new.expires_at,
        };
        record.add(Entry {
            at: new.at,
            fact: Fact::Queued,
            attempt: None,
            reason: None,
        });
        record
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

    /// Since when it has been worth trying.
    fn due_since(&self) -> Timestamp {
        let requeued = self
            .stored
            .history
            .iter()
            .rev()
            .find(|entry| entry.fact == Fact::Requeued);
        let first = self
            .stored
            .send_at
            .unwrap_or(self.stored.accepted_at)
            .max(self.stored.accepted_at);
        requeued.map_or(first, |entry| entry.at)
    }

    /// Joins a fact.
    pub fn add(&mut self, entry: Entry) {
        self.stored.facts.add(entry.fact, entry.at, entry.attempt);
        self.stored.history.push(entry);
        self.rest();
    }

    /// What has reached its fate, or is wanted back, is not tried again.
    fn rest(&mut self) {
        if !self.stored.facts.wants_attempts() {
            self.stored.next_at = None;
        }
    }

    /// Begins an attempt, unless the person wants none such: its attempts have ended then, and an error says what is known.
    pub fn lend_if_permitted(
        &mut self,
        consent: Option<&Consent>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Claimed, Fact> {
        match consent.filter(|consent| !consent.permits(self.stored.message.purpose)) {
            None => Ok(self.lend(now, lease)),
            Some(opted_out) => Err(self.refuse(opted_out, now)),
        }
    }

    /// Ends the attempts because the person has opted out. What the platform may have got has no fate here.
    fn refuse(&mut self, opted_out: &Consent, now: Timestamp) -> Fact {
        self.note_lost_attempt(now);
        let fact = if self.may_be_with_the_platform() {
            Fact::Unknown
        } else {
            Fact::Refused
        };
        let reason = format!(
            "it is not sent: the person has opted out since {}; {}",
            opted_out.at(),
            opted_out.reason()
        );
        self.add(Entry {
            at: now,
            fact,
            attempt: None,
            reason: Some(reason),
        });
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
            at: now,
            fact: Fact::Sending,
            attempt: Some(self.attempt),
            reason: None,
        });
        self.stored.next_at = self.lent_until;
        Claimed {
            agent: self.stored.agent.clone(),
            message: self.stored.message.clone(),
            attempt: self.attempt,
            stage,
            due_since: self.due_since(),
            expires_at: self.expires_at,
            facts: self.stored.facts.clone(),
        }
    }

    /// Ends an attempt. False if its lease had ended and another has begun.
    pub fn settle(&mut self, attempt: u32, settlement: Settlement) -> bool {
        let current = self.attempt == attempt && self.lent_until.is_some();
        if current {
            self.lent_until = None;
            self.stored.next_at = settlement.retry_at;
        }
        settlement
            .entry
            .into_iter()
            .for_each(|entry| self.add(entry));
        self.rest();
        current
    }

    /// Ends the attempts because it has run out. What the platform may have got, it also lets run out, and will tell of; what
    /// it never got has run out here. False if it has not, or if an attempt is under way.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let run_out = self.expires_at.is_some_and(|at| at <= now);
        if self.stored.next_at.is_none()
            || !run_out
            || self.lent_until.is_some_and(|until| now < until)
        {
            return false;
        }
        self.note_lost_attempt(now);
        if self.may_be_with_the_platform() {
            self.stored.next_at = None;
        } else {
            let reason = Some("it ran out before it could be sent".to_owned());
            self.add(Entry {
                at: now,
                fact: Fact::Expired,
                attempt: None,
                reason,
            });
        }
        true
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
        if self.stored.facts.state() != State::Failed {
            return Requeued::NotFailed(self.stored.facts.state());
        }
        if self.stored.facts.has(Fact::RevokeRequested) {
            return Requeued::WantedBack;
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Requeued::RunOut;
        }
        self.stored.next_at = Some(now);
        self.add(Entry {
            at: now,
            fact: Fact::Requeued,
            attempt: Some(self.attempt),
            reason: None,
        });
        Requeued::Queued
    }

    /// Ends the attempts because somebody wants it back.
    pub fn withdraw(&mut self, now: Timestamp) -> Withdrawn {
        match self.stored.facts.state() {
            State::Queued | State::Sending | State::Unknown | State::Accepted => {}
            state => return Withdrawn::Settled(state),
        }
        if !self.stored.facts.has(Fact::RevokeRequested) {
            self.add(Entry {
                at: now,
                fact: Fact::RevokeRequested,
                attempt: None,
                reason: None,
            });
        }
        if self.lent_until.is_some_and(|until| now < until) {
            return Withdrawn::Underway;
        }
        self.note_lost_attempt(now);
        if self.may_be_with_the_platform() {
            return Withdrawn::Submitted;
        }
        let reason = Some("it had not reached the platform".to_owned());
        self.add(Entry {
            at: now,
            fact: Fact::Revoked,
            attempt: None,
            reason,
        });
        Withdrawn::Unsent
    }

    fn may_be_with_the_platform(&self) -> bool {
        self.stored.facts.has(Fact::Unknown) || self.stored.facts.has(Fact::Accepted)
    }

    /// An attempt of which nobody has said how it ended may have reached the platform.
    fn note_lost_attempt(&mut self, now: Timestamp) {
        if self.lent_until.take().is_some() {
            let reason = Some("nobody has said how the attempt ended".to_owned());
            self.add(Entry {
                at: now,
                fact: Fact::Unknown,
                attempt: Some(self.attempt),
                reason,
            });
        }
    }
}

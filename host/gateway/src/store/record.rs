//! What happens to one message in a store, as a function of what was known and what is new. Pure, so that every store does
//! the same, and only keeping differs.

use super::{Claimed, Entry, NewMessage, Settlement, StoredMessage, Withdrawn};
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
            next_at: Some(new.at),
        };
        let mut record = Self { stored, attempt: 0, lent_until: None, expires_at: new.expires_at };
        record.add(Entry { at: new.at, fact: Fact::Queued, attempt: None, reason: None });
        record
    }

    /// Joins a fact.
    pub fn add(&mut self, entry: Entry) {
        self.stored.facts.add(entry.fact, entry.at);
        self.stored.history.push(entry);
        self.rest();
    }

    /// What has reached its fate, or is wanted back, is not tried again.
    fn rest(&mut self) {
        if !self.stored.facts.wants_attempts() {
            self.stored.next_at = None;
        }
    }

    /// Begins an attempt.
    pub fn lend(&mut self, now: Timestamp, lease: Duration) -> Claimed {
        self.note_lost_attempt(now);
        self.attempt += 1;
        self.lent_until = Some(now + lease);
        self.add(Entry { at: now, fact: Fact::Sending, attempt: Some(self.attempt), reason: None });
        self.stored.next_at = self.lent_until;
        Claimed {
            agent: self.stored.agent.clone(),
            message: self.stored.message.clone(),
            attempt: self.attempt,
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
        settlement.entry.into_iter().for_each(|entry| self.add(entry));
        self.rest();
        current
    }

    /// Ends the attempts because somebody wants it back.
    pub fn withdraw(&mut self, now: Timestamp) -> Withdrawn {
        match self.stored.facts.state() {
            State::Queued | State::Sending | State::Unknown | State::Accepted => {}
            state => return Withdrawn::Settled(state),
        }
        if !self.stored.facts.has(Fact::RevokeRequested) {
            self.add(Entry { at: now, fact: Fact::RevokeRequested, attempt: None, reason: None });
        }
        if self.lent_until.is_some_and(|until| now < until) {
            return Withdrawn::Underway;
        }
        self.note_lost_attempt(now);
        if self.stored.facts.has(Fact::Unknown) || self.stored.facts.has(Fact::Accepted) {
            return Withdrawn::Submitted;
        }
        let reason = Some("it had not reached the platform".to_owned());
        self.add(Entry { at: now, fact: Fact::Revoked, attempt: None, reason });
        Withdrawn::Unsent
    }

    /// An attempt of which nobody has said how it ended may have reached the platform.
    fn note_lost_attempt(&mut self, now: Timestamp) {
        if self.lent_until.take().is_some() {
            let reason = Some("nobody has said how the attempt ended".to_owned());
            self.add(Entry { at: now, fact: Fact::Unknown, attempt: Some(self.attempt), reason });
        }
    }
}

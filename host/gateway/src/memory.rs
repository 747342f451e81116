//! A store in memory: everything is kept until the process ends, and nothing after. For development and tests.

use crate::lifecycle::{Fact, Facts, State};
use crate::store::{
    Accepted, Claimed, Cursor, Entry, Filter, Ingested, NewEvent, NewMessage, Quarantined, Settlement, Store,
    StoreProblem, StoredEvent, StoredMessage, Withdrawn, fact_about,
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Keeps everything in memory.
#[derive(Default)]
pub struct MemoryStore(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    messages: HashMap<String, Row>,
    /// Ids in the order of arrival.
    order: Vec<String>,
    events: Vec<NewEvent>,
    /// Agent and dedupe key of each event.
    seen: HashSet<(String, String)>,
    /// What events said of messages that are not here, or not yet: agent, phone and id, and what.
    orphans: HashMap<(String, String, String), Vec<Entry>>,
    quarantine: VecDeque<Quarantined>,
}

struct Row {
    stored: StoredMessage,
    attempt: u32,
    /// An attempt is under way, and its lease ends then.
    lent_until: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

impl MemoryStore {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn accept(&self, new: NewMessage) -> Result<Accepted, StoreProblem> {
        Ok(self.lock().accept(new))
    }

    async fn ingest(&self, events: Vec<NewEvent>) -> Result<Vec<Ingested>, StoreProblem> {
        let mut kept = self.lock();
        Ok(events.into_iter().map(|event| kept.ingest(event)).collect())
    }

    async fn claim(&self, now: Timestamp, lease: Duration, most: usize) -> Result<Vec<Claimed>, StoreProblem> {
        Ok(self.lock().claim(now, lease, most))
    }

    async fn settle(&self, id: &str, attempt: u32, settlement: Settlement) -> Result<bool, StoreProblem> {
        Ok(self.lock().row(id)?.settle(attempt, settlement))
    }

    async fn withdraw(&self, id: &str, now: Timestamp) -> Result<Withdrawn, StoreProblem> {
        Ok(self.lock().row(id)?.withdraw(now))
    }

    async fn note(&self, id: &str, entry: Entry) -> Result<(), StoreProblem> {
        self.lock().row(id)?.stored.add(entry);
        Ok(())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreProblem> {
        Ok(self.lock().messages.values().filter_map(|row| row.stored.next_at).min())
    }

    async fn message(&self, id: &str) -> Result<Option<StoredMessage>, StoreProblem> {
        Ok(self.lock().messages.get(id).map(|row| row.stored.clone()))
    }

    async fn find(&self, filter: &Filter) -> Result<Vec<StoredMessage>, StoreProblem> {
        let kept = self.lock();
        let newest_first = kept.order.iter().rev().filter_map(|id| kept.messages.get(id)).map(|row| &row.stored);
        let after: Vec<&StoredMessage> = match &filter.after {
            Some(id) => newest_first.skip_while(|stored| stored.message.id != *id).skip(1).collect(),
            None => newest_first.collect(),
        };
        Ok(after.into_iter().filter(|stored| filter.takes(stored)).take(filter.most).cloned().collect())
    }

    async fn read(&self, after: Option<Cursor>, most: usize) -> Result<Vec<StoredEvent>, StoreProblem> {
        let first = after.map_or(0, |cursor| usize::try_from(cursor.0).unwrap_or(usize::MAX));
        let kept = self.lock();
        let events = (1u64..).zip(&kept.events).skip(first).take(most);
        Ok(events.map(|(place, event)| StoredEvent { cursor: Cursor(place), event: event.clone() }).collect())
    }

    async fn quarantine(&self, refused: Quarantined) -> Result<(), StoreProblem> {
        let mut kept = self.lock();
        if kept.quarantine.len() == QUARANTINE_LENGTH {
            kept.quarantine.pop_front();
        }
        kept.quarantine.push_back(refused);
        Ok(())
    }

    async fn quarantined(&self) -> Result<Vec<Quarantined>, StoreProblem> {
        Ok(self.lock().quarantine.iter().cloned().collect())
    }
}

impl Kept {
    fn row(&mut self, id: &str) -> Result<&mut Row, StoreProblem> {
        self.messages.get_mut(id).ok_or_else(|| StoreProblem(format!("there is no message {id}")))
    }

    fn accept(&mut self, new: NewMessage) -> Accepted {
        let id = new.message.id.clone();
        if let Some(row) = self.messages.get(&id) {
            let same = row.stored.body_hash == new.body_hash;
            return if same { Accepted::Same(row.stored.facts.state()) } else { Accepted::Conflict };
        }
        let heard = self.orphans.remove(&(new.agent.clone(), new.message.recipient.clone(), id.clone()));
        let mut stored = StoredMessage {
            agent: new.agent,
            message: new.message,
            body_hash: new.body_hash,
            accepted_at: new.at,
            facts: Facts::default(),
            history: Vec::new(),
            next_at: Some(new.at),
        };
        stored.add(Entry { at: new.at, fact: Fact::Queued, attempt: None, reason: None });
        heard.into_iter().flatten().for_each(|entry| stored.add(entry));
        self.messages.insert(id.clone(), Row { stored, attempt: 0, lent_until: None, expires_at: new.expires_at });
        self.order.push(id);
        Accepted::New
    }

    fn ingest(&mut self, event: NewEvent) -> Ingested {
        if !self.seen.insert((event.agent.clone(), event.inbound.dedupe_key.clone())) {
            return Ingested::Duplicate;
        }
        if let Some((id, fact)) = fact_about(&event.inbound) {
            let at = event.inbound.at.as_deref().and_then(|text| text.parse().ok()).unwrap_or(event.received_at);
            self.join(&event, id, Entry { at, fact, attempt: None, reason: None });
        }
        self.events.push(event);
        Ingested::New(Cursor(self.events.len() as u64))
    }

    /// An event counts for a message only if agent and person are the message's.
    fn join(&mut self, event: &NewEvent, id: &str, entry: Entry) {
        let phone = event.inbound.phone.clone().unwrap_or_default();
        match self.messages.get_mut(id) {
            Some(row) if row.stored.agent == event.agent && row.stored.message.recipient == phone => {
                row.stored.add(entry);
            }
            Some(_) => tracing::warn!("an event names a message of another agent or person, and changes nothing"),
            None => self.orphans.entry((event.agent.clone(), phone, id.to_owned())).or_default().push(entry),
        }
    }

    fn claim(&mut self, now: Timestamp, lease: Duration, most: usize) -> Vec<Claimed> {
        let due = |row: &&mut Row| row.stored.next_at.is_some_and(|at| at <= now);
        let mut due: Vec<&mut Row> = self.messages.values_mut().filter(due).collect();
        due.sort_by_key(|row| row.stored.next_at);
        due.into_iter().take(most).map(|row| row.lend(now, lease)).collect()
    }
}

impl Row {
    fn lend(&mut self, now: Timestamp, lease: Duration) -> Claimed {
        self.note_lost_attempt(now);
        self.attempt += 1;
        self.lent_until = Some(now + lease);
        self.stored.add(Entry { at: now, fact: Fact::Sending, attempt: Some(self.attempt), reason: None });
        self.stored.next_at = self.lent_until;
        Claimed {
            agent: self.stored.agent.clone(),
            message: self.stored.message.clone(),
            attempt: self.attempt,
            expires_at: self.expires_at,
            facts: self.stored.facts.clone(),
        }
    }

    fn settle(&mut self, attempt: u32, settlement: Settlement) -> bool {
        let current = self.attempt == attempt && self.lent_until.is_some();
        if current {
            self.lent_until = None;
            self.stored.next_at = settlement.retry_at;
        }
        settlement.entry.into_iter().for_each(|entry| self.stored.add(entry));
        self.stored.rest();
        current
    }

    fn withdraw(&mut self, now: Timestamp) -> Withdrawn {
        match self.stored.facts.state() {
            State::Queued | State::Sending | State::Unknown | State::Accepted => {}
            state => return Withdrawn::Settled(state),
        }
        if !self.stored.facts.has(Fact::RevokeRequested) {
            self.stored.add(Entry { at: now, fact: Fact::RevokeRequested, attempt: None, reason: None });
        }
        if self.lent_until.is_some_and(|until| now < until) {
            return Withdrawn::Underway;
        }
        self.note_lost_attempt(now);
        if self.stored.facts.has(Fact::Unknown) || self.stored.facts.has(Fact::Accepted) {
            return Withdrawn::Submitted;
        }
        let reason = Some("it had not reached the platform".to_owned());
        self.stored.add(Entry { at: now, fact: Fact::Revoked, attempt: None, reason });
        Withdrawn::Unsent
    }

    /// An attempt of which nobody has said how it ended may have reached the platform.
    fn note_lost_attempt(&mut self, now: Timestamp) {
        if self.lent_until.take().is_some() {
            let reason = Some("nobody has said how the attempt ended".to_owned());
            self.stored.add(Entry { at: now, fact: Fact::Unknown, attempt: Some(self.attempt), reason });
        }
    }
}

impl StoredMessage {
    fn add(&mut self, entry: Entry) {
        self.facts.add(entry.fact, entry.at);
        self.history.push(entry);
        self.rest();
    }

    /// What has reached its fate, or is wanted back, is not tried again.
    fn rest(&mut self) {
        if !self.facts.wants_attempts() {
            self.next_at = None;
        }
    }
}

impl Filter {
    fn takes(&self, stored: &StoredMessage) -> bool {
        self.agent.as_ref().is_none_or(|agent| *agent == stored.agent)
            && self.recipient.as_ref().is_none_or(|recipient| *recipient == stored.message.recipient)
            && self.state.is_none_or(|state| state == stored.facts.state())
    }
}

const QUARANTINE_LENGTH: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[tokio::test]
    async fn the_memory_store_conforms() {
        conformance::check(&|| Box::new(MemoryStore::new())).await;
    }
}

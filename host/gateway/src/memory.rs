//! A store in memory: everything is kept until the process ends, and nothing after. For development and tests.

mod consents;
mod consumers;
mod dump;
mod quarantine;

use crate::lifecycle::{Fact, State};
use crate::store::consent::REFUSED_AT_ONCE;
use crate::store::digest;
use crate::store::dump::{Hex, Orphan};
use crate::store::event::{AgentEvent, AgentHold};
use crate::store::lane::{Lane, Share, Urgency};
use crate::store::quarantine::Quarantined;
use crate::store::record::{Record, Terms};
use crate::store::retention::{Erased, Pruned, Retention, days_before, digits_to_find};
use crate::store::tester::{Counted, NewTester, StoredTester, TesterQuota};
use crate::store::{
    Accepted, AgentIdentity, Claims, Cursor, Entry, Filter, Health, Holds, Ingested, NewEvent,
    NewMessage, Requeued, Settlement, Store, StoreProblem, StoredEvent, StoredMessage, Upload,
    Withdrawn,
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
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
    /// So far.
    arrivals: usize,
    /// Ids of those that are to be tried.
    waiting: BTreeMap<Turn, String>,
    /// Each at its place, and the last place.
    events: Vec<(u64, NewEvent)>,
    agents: Vec<AgentIdentity>,
    /// Rows go by the names of agents.
    legacy_names: bool,
    /// Agents of which the last event says that they are held.
    held: BTreeMap<String, AgentHold>,
    last_place: u64,
    /// The last place whose event was removed for its age.
    pruned: Option<Cursor>,
    /// Which event, and when it came.
    seen: BTreeMap<Hex<16>, Timestamp>,
    /// What events said of messages that are not here, or not yet: by message, as it was heard of.
    orphans: BTreeMap<(Hex<16>, u64), Orphan>,
    /// So far.
    orphans_heard: u64,
    quarantine: quarantine::Aside,
    uploads: Vec<Upload>,
    /// With the agent of each.
    testers: Vec<(String, StoredTester)>,
    /// By name.
    consumers: BTreeMap<String, consumers::Account>,
    consents: consents::Ledger,
}

struct Row {
    /// In the order of arrival.
    place: usize,
    record: Record,
}

/// Agent, lane, time, and place in the order of arrival.
type Turn = (String, u8, Timestamp, usize);

impl Row {
    fn turn(&self) -> Option<Turn> {
        let Record { stored, .. } = &self.record;
        Some((
            stored.agent.clone(),
            self.record.lane().number(),
            stored.next_at?,
            self.place,
        ))
    }
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

    async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        shares: &[Share],
    ) -> Result<Claims, StoreProblem> {
        let (mut kept, mut claims) = (self.lock(), Claims::default());
        shares
            .iter()
            .for_each(|share| kept.claim(now, lease, share.clone(), &mut claims));
        Ok(claims)
    }

    async fn recover(&self, now: Timestamp) -> Result<usize, StoreProblem> {
        let mut kept = self.lock();
        let all = kept.order.clone();
        let recovered = all.iter().filter(|id| {
            kept.change(id, |record| record.recover(now))
                .is_ok_and(|recovered| recovered)
        });
        Ok(recovered.count())
    }

    async fn expire(
        &self,
        now: Timestamp,
        most: usize,
        holds: &Holds,
    ) -> Result<Vec<Fact>, StoreProblem> {
        let mut kept = self.lock();
        let mut waiting: Vec<(Timestamp, usize, String)> = kept
            .waiting
            .values()
            .filter_map(|id| {
                let Row { record, place } = kept.messages.get(id)?;
                (record.ends_at <= now).then(|| (record.ends_at, *place, id.clone()))
            })
            .collect();
        waiting.sort();
        let expire = |record: &mut Record| {
            let hold = holds.get(&record.stored.agent);
            record.expire(now, hold)
        };
        let ended = waiting
            .iter()
            .filter_map(|(_, _, id)| kept.change(id, expire).ok().flatten());
        Ok(ended.take(most).collect())
    }

    async fn settle(
        &self,
        id: &str,
        attempt: u32,
        settlement: Settlement,
    ) -> Result<bool, StoreProblem> {
        let settle = |record: &mut Record| record.settle(attempt, settlement);
        Ok(self.lock().change(id, settle).unwrap_or(false))
    }

    async fn unclaim(
        &self,
        id: &str,
        attempt: u32,
        retry_at: Timestamp,
    ) -> Result<bool, StoreProblem> {
        let unclaim = |record: &mut Record| record.unclaim(attempt, retry_at);
        Ok(self.lock().change(id, unclaim).unwrap_or(false))
    }

    async fn withdraw(&self, id: &str, now: Timestamp) -> Result<Withdrawn, StoreProblem> {
        self.lock().change(id, |record| record.withdraw(now))
    }

    async fn requeue(&self, id: &str, now: Timestamp) -> Result<Requeued, StoreProblem> {
        self.lock().change(id, |record| record.requeue(now))
    }

    async fn note(&self, id: &str, entry: Entry) -> Result<(), StoreProblem> {
        self.lock().change(id, |record| record.note(entry))
    }

    async fn next_due(&self, shares: &[Share]) -> Result<Option<Timestamp>, StoreProblem> {
        let kept = self.lock();
        let first = |(share, lane): (&Share, Lane)| {
            kept.turns(&share.agent, lane)
                .next()
                .map(|((_, _, at, _), _)| *at)
        };
        Ok(shares
            .iter()
            .flat_map(|share| share.lanes().map(move |lane| (share, lane)))
            .filter_map(first)
            .min())
    }

    async fn held_agents(&self) -> Result<BTreeMap<String, AgentHold>, StoreProblem> {
        Ok(self.lock().held.clone())
    }

    async fn register_agents(
        &self,
        agents: Vec<AgentIdentity>,
    ) -> Result<Vec<AgentIdentity>, StoreProblem> {
        let mut kept = self.lock();
        let is_first = kept.agents.is_empty();
        kept.legacy_names |= is_first && !kept.is_empty();
        for agent in agents {
            let mut known = kept.agents.iter();
            if known.any(|known| known.platform_id == agent.platform_id) {
                continue;
            }
            let goes_by_name = kept.legacy_names
                && !kept.agents.iter().any(|known| known.key == agent.key)
                && (is_first || kept.has_rows_of(&agent.key));
            kept.agents.push(agent.with_key(goes_by_name));
        }
        Ok(kept.agents.clone())
    }

    async fn message(&self, id: &str) -> Result<Option<StoredMessage>, StoreProblem> {
        Ok(self
            .lock()
            .messages
            .get(id)
            .map(|row| row.record.stored.clone()))
    }

    async fn find(&self, filter: &Filter) -> Result<Vec<StoredMessage>, StoreProblem> {
        let kept = self.lock();
        let mut ids: Vec<&String> = kept.order.iter().collect();
        if !filter.oldest_first {
            ids.reverse();
        }
        let in_order = ids
            .into_iter()
            .filter_map(|id| kept.messages.get(id))
            .map(|row| &row.record.stored);
        let after: Vec<&StoredMessage> = match &filter.after {
            Some(id) => in_order
                .skip_while(|stored| stored.message.id != *id)
                .skip(1)
                .collect(),
            None => in_order.collect(),
        };
        Ok(after
            .into_iter()
            .filter(|stored| filter.takes(stored))
            .take(filter.most)
            .cloned()
            .collect())
    }

    async fn read(
        &self,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<StoredEvent>, StoreProblem> {
        let after = after.map_or(0, |cursor| cursor.0);
        let kept = self.lock();
        let events = kept
            .events
            .iter()
            .skip_while(|(place, _)| *place <= after)
            .take(most);
        Ok(events
            .map(|(place, event)| StoredEvent {
                cursor: Cursor(*place),
                event: event.clone(),
            })
            .collect())
    }

    async fn health(&self) -> Result<Health, StoreProblem> {
        let kept = self.lock();
        let due = kept
            .messages
            .values()
            .map(|row| &row.record.stored)
            .filter(|stored| stored.next_at.is_some());
        let mut waiting = BTreeMap::new();
        due.clone()
            .for_each(|stored| *waiting.entry(stored.agent.clone()).or_default() += 1);
        let oldest_due = due.filter_map(|stored| stored.next_at).min();
        Ok(Health {
            waiting,
            oldest_due,
            quarantined: kept.quarantine.len(),
        })
    }

    async fn keep_upload(&self, upload: Upload) -> Result<(), StoreProblem> {
        self.lock().uploads.push(upload);
        Ok(())
    }

    async fn uploads(&self, agent: &str, now: Timestamp) -> Result<Vec<Upload>, StoreProblem> {
        let there = |upload: &&Upload| {
            upload.agent == agent && upload.expires_at.is_none_or(|until| until > now)
        };
        Ok(self
            .lock()
            .uploads
            .iter()
            .rev()
            .filter(there)
            .cloned()
            .collect())
    }

    async fn count_tester(
        &self,
        tester: NewTester,
        quota: TesterQuota,
    ) -> Result<Counted, StoreProblem> {
        Ok(self.lock().count_tester(tester, quota))
    }

    async fn settle_tester(
        &self,
        agent: &str,
        phone: &str,
        answer: Option<String>,
    ) -> Result<(), StoreProblem> {
        let mut kept = self.lock();
        let Some(place) = kept
            .testers
            .iter()
            .position(|(of, tester)| of == agent && tester.phone == phone)
        else {
            return Ok(());
        };
        match answer {
            Some(answer) => kept.testers[place].1.answer = Some(answer),
            None => drop(kept.testers.remove(place)),
        }
        Ok(())
    }

    async fn testers(&self, agent: &str) -> Result<Vec<StoredTester>, StoreProblem> {
        let kept = self.lock();
        Ok(kept
            .testers
            .iter()
            .rev()
            .filter(|(of, _)| of == agent)
            .map(|(_, tester)| tester.clone())
            .collect())
    }

    async fn prune(&self, now: Timestamp, retention: &Retention) -> Result<Pruned, StoreProblem> {
        Ok(self.lock().prune(now, retention))
    }

    async fn erase(&self, phone: &str) -> Result<Erased, StoreProblem> {
        Ok(self.lock().erase(phone))
    }
}

impl Kept {
    fn has_rows_of(&self, agent: &str) -> bool {
        self.consents.has_rows_of(agent)
            || self
                .messages
                .values()
                .any(|row| row.record.stored.agent == agent)
            || self.uploads.iter().any(|upload| upload.agent == agent)
            || self.testers.iter().any(|(of, _)| of == agent)
    }

    /// Whether nothing goes by an agent's key.
    fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.last_place == 0
            && self.seen.is_empty()
            && self.orphans.is_empty()
            && self.uploads.is_empty()
            && self.testers.is_empty()
            && self.consents.is_empty()
    }

    /// Changes a message by a rule, and puts it where it waits then.
    fn change<T>(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Record) -> T,
    ) -> Result<T, StoreProblem> {
        let missing = || StoreProblem(format!("there is no message {id}"));
        let row = self.messages.get_mut(id).ok_or_else(missing)?;
        let before = row.turn();
        let result = change(&mut row.record);
        before.map(|turn| self.waiting.remove(&turn));
        row.turn()
            .map(|turn| self.waiting.insert(turn, id.to_owned()));
        for event in row.record.take_events() {
            self.ingest(event);
        }
        Ok(result)
    }

    /// Who waits in a lane, those first whose time comes first.
    fn turns(&self, agent: &str, lane: Lane) -> impl Iterator<Item = (&Turn, &String)> {
        let from = (agent.to_owned(), lane.number(), Timestamp::MIN, 0);
        let to = (agent.to_owned(), lane.number(), Timestamp::MAX, usize::MAX);
        self.waiting.range(from..to)
    }

    fn count_tester(&mut self, new: NewTester, quota: TesterQuota) -> Counted {
        let NewTester { agent, phone, at } = new;
        let of_agent = self
            .testers
            .iter()
            .filter(|(of, _)| *of == agent)
            .map(|(_, tester)| tester);
        if of_agent.clone().any(|tester| tester.phone == phone) {
            return Counted::Known;
        }
        let counted = quota.allows(of_agent.map(|tester| tester.invited_at).collect(), at);
        if counted == Counted::New {
            self.testers.push((
                agent,
                StoredTester {
                    phone,
                    invited_at: at,
                    answer: None,
                },
            ));
        }
        counted
    }

    fn accept(&mut self, new: NewMessage) -> Accepted {
        let id = new.message.id.clone();
        if let Some(Row { record, .. }) = self.messages.get(&id) {
            let same = record.stored.body_hash == new.body_hash;
            return if same {
                Accepted::Same(record.stored.facts.state())
            } else {
                Accepted::Conflict
            };
        }
        let heard = self.adopt(Hex(digest::of_message(
            &new.agent,
            &new.message.recipient,
            &id,
        )));
        let mut record = Record::new(new);
        for entry in heard {
            record.join(entry);
        }
        self.keep(record);
        Accepted::New
    }

    /// After all others.
    fn keep(&mut self, record: Record) {
        let id = record.stored.message.id.clone();
        self.arrivals += 1;
        let row = Row {
            place: self.arrivals,
            record,
        };
        row.turn().map(|turn| self.waiting.insert(turn, id.clone()));
        self.messages.insert(id.clone(), row);
        self.order.push(id);
    }

    /// Takes out what was heard of a message before it came, in the order in which it was heard.
    fn adopt(&mut self, about: Hex<16>) -> Vec<Entry> {
        let heard = self
            .orphans
            .extract_if((about, 0)..=(about, u64::MAX), |_, _| true);
        heard
            .map(|(_, Orphan { at, fact, .. })| Entry::new(at, fact))
            .collect()
    }

    fn keep_orphan(&mut self, orphan: Orphan) {
        self.orphans_heard += 1;
        self.orphans
            .insert((orphan.about, self.orphans_heard), orphan);
    }

    fn ingest(&mut self, mut event: NewEvent) -> Ingested {
        let digest = |key: &str| Hex(digest::of_event(&event.agent, key));
        let key = digest(&event.content.dedupe_key());
        let before = event.content.legacy_dedupe_key().map(digest);
        let mut keys = [Some(key), before].into_iter().flatten();
        if keys.any(|key| self.seen.contains_key(&key)) {
            return Ingested::Duplicate;
        }
        if let Some((id, fact)) = event.content.fact_about() {
            let at = event.content.at().unwrap_or(event.received_at);
            if !self.join(&event, id, at, fact) {
                return Ingested::Duplicate;
            }
        }
        self.seen.insert(key, event.received_at);
        let (agent, phone, consent) = (
            event.agent.clone(),
            event.content.phone().map(str::to_owned),
            event.consent.take(),
        );
        self.last_place += 1;
        self.keep_event(self.last_place, event);
        self.note_event_s_consent(&agent, phone.as_deref(), consent);
        Ingested::New(Cursor(self.last_place))
    }

    fn keep_event(&mut self, place: u64, event: NewEvent) {
        match event.content.agent_event() {
            Some(AgentEvent {
                held: Some(hold), ..
            }) => drop(self.held.insert(event.agent.clone(), hold.clone())),
            Some(AgentEvent { held: None, .. }) => drop(self.held.remove(&event.agent)),
            None => {}
        }
        self.events.push((place, event));
    }

    /// An event counts for a message only if agent and person are the message's. False if it was told already.
    fn join(&mut self, event: &NewEvent, id: &str, at: Timestamp, fact: Fact) -> bool {
        let phone = event.content.phone().unwrap_or_default();
        let joined = self.change(id, |record| {
            if record.stored.agent == event.agent && record.stored.message.recipient == phone {
                return record.join(Entry::new(at, fact));
            }
            tracing::warn!(
                "an event names a message of another agent or person, and changes nothing"
            );
            true
        });
        joined.unwrap_or_else(|_| {
            let (about, person) = (
                digest::of_message(&event.agent, phone, id),
                digest::of_person(phone),
            );
            let (about, person) = (Hex(about), Some(Hex(person)));
            self.keep_orphan(Orphan {
                about,
                person,
                at,
                fact,
                received_at: event.received_at,
            });
            true
        })
    }

    /// All of it at once: nobody waits for a disk here.
    fn prune(&mut self, now: Timestamp, retention: &Retention) -> Pruned {
        let before = |days| days_before(now, days);
        let dedupe = self
            .seen
            .extract_if(.., |_, at| *at < before(retention.dedupe.days()))
            .count() as u64;
        let messages = self.remove_messages(|row| is_over(row, before(retention.messages_days)));
        let last = retention
            .keep_events_after
            .map_or(u64::MAX, |cursor| cursor.0);
        let is_old = |(place, event): &(u64, NewEvent)| {
            *place <= last && event.received_at < before(retention.events_days)
        };
        let old = self.events.iter().take_while(|event| is_old(event)).count();
        if let Some((place, _)) = self.events.drain(..old).next_back() {
            self.pruned = Some(Cursor(place));
        }
        let orphans =
            self.remove_orphans(|orphan| orphan.received_at < before(retention.orphans_days));
        let quarantined =
            self.remove_quarantined(|refused| refused.at < before(retention.quarantine_days));
        let kept = self.uploads.len();
        self.uploads
            .retain(|upload| upload.expires_at.is_none_or(|until| until > now));
        let uploads = (kept - self.uploads.len()) as u64;
        Pruned {
            dedupe,
            messages,
            events: old as u64,
            orphans,
            quarantined,
            uploads,
            more: false,
        }
    }

    fn erase(&mut self, phone: &str) -> Erased {
        let messages = self.remove_messages(|row| row.stored.message.recipient == phone);
        let (events, testers) = (self.events.len(), self.testers.len());
        self.events
            .retain(|(_, event)| event.content.phone() != Some(phone));
        self.testers.retain(|(_, tester)| tester.phone != phone);
        let person = Some(Hex(digest::of_person(phone)));
        let orphans = self.remove_orphans(|orphan| orphan.person == person);
        let names = |bytes: &[u8]| {
            digits_to_find(phone).is_some_and(|digits| {
                bytes
                    .windows(digits.len())
                    .any(|window| window == digits.as_bytes())
            })
        };
        let quarantined = self.remove_quarantined(|refused| {
            names(&refused.body)
                || names(refused.path.as_bytes())
                || names(refused.reason.as_bytes())
        });
        Erased {
            messages,
            events: (events - self.events.len()) as u64,
            orphans,
            quarantined,
            testers: (testers - self.testers.len()) as u64,
        }
    }

    fn remove_messages(&mut self, gone: impl Fn(&Record) -> bool) -> u64 {
        let removed = self.messages.extract_if(|_, row| gone(&row.record)).count() as u64;
        self.order.retain(|id| self.messages.contains_key(id));
        self.waiting.retain(|_, id| self.messages.contains_key(id));
        removed
    }

    fn remove_orphans(&mut self, gone: impl Fn(&Orphan) -> bool) -> u64 {
        self.orphans
            .extract_if(.., |_, orphan| gone(orphan))
            .count() as u64
    }

    fn remove_quarantined(&mut self, gone: impl Fn(&Quarantined) -> bool) -> u64 {
        let before = self.quarantine.len();
        self.quarantine.retain(|request| !gone(request));
        before - self.quarantine.len()
    }

    fn claim(&mut self, now: Timestamp, lease: Duration, mut share: Share, claims: &mut Claims) {
        for step in share.clone().steps() {
            let lane = step.lane;
            let refused_before = claims.ended.len();
            while claims.ended.len() - refused_before < REFUSED_AT_ONCE {
                let due = self
                    .turns(&share.agent, lane)
                    .take_while(|((_, _, at, _), _)| *at <= now);
                let due: Vec<String> = due
                    .take(share.room(step))
                    .map(|(_, id)| id.clone())
                    .collect();
                let before = claims.lent.len();
                let terms = Terms {
                    now,
                    lease,
                    hold: share.hold.as_ref(),
                };
                for id in &due {
                    self.lend(id, lane, terms, claims);
                }
                let lent = claims.lent.len() - before;
                share.take(step, lent);
                if lent == due.len() {
                    break;
                }
            }
        }
    }

    fn lend(&mut self, id: &str, lane: Lane, terms: Terms<'_>, claims: &mut Claims) {
        let Some(Row {
            record: Record { stored, .. },
            ..
        }) = self.messages.get(id)
        else {
            return;
        };
        let consent = self.consents.of(&stored.agent, &stored.message.recipient);
        let consent = consent
            .filter(|_| lane.urgency == Urgency::Ordinary)
            .cloned();
        match self.change(id, |record| {
            record.lend_if_permitted(consent.as_ref(), terms)
        }) {
            Ok(Ok(claimed)) => claims.lent.push(claimed),
            Ok(Err(fact)) => claims.ended.push(fact),
            // It was there a moment ago, and nobody else has the lock.
            Err(_) => {}
        }
    }
}

/// Whether it wants no attempts, and nothing was heard of it since then.
fn is_over(row: &Record, since: Timestamp) -> bool {
    let stored = &row.stored;
    let may_be_sent = matches!(
        stored.facts.state(),
        State::Queued | State::Sending | State::Unknown
    );
    let is_old = stored.accepted_at < since && stored.history.iter().all(|entry| entry.at < since);
    !may_be_sent && stored.next_at.is_none() && is_old
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[tokio::test]
    async fn the_memory_store_conforms() {
        conformance::check(&|| Box::new(MemoryStore::new())).await;
    }
}

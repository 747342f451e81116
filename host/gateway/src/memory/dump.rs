//! All that is kept, given away and taken, in memory.

use super::{Kept, MemoryStore};
use crate::store::consumer::Change;
use crate::store::dump::{
    Consumer, DeadLetter, Dump, Event, Item, Last, Message, Quarantined, Seen, Tester,
};
use crate::store::quarantine::QuarantineId;
use crate::store::{Cursor, StoreProblem, StoredEvent};
use async_trait::async_trait;
use std::collections::HashSet;
use tokio::sync::mpsc::Sender;

#[async_trait]
impl Dump for MemoryStore {
    async fn dump(&self, to: Sender<Item>) -> Result<(), StoreProblem> {
        // All of it is in memory already.
        let items = self.lock().items();
        for item in items {
            if to.send(item).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreProblem> {
        let mut kept = self.lock();
        kept.has_none_of(&items)?;
        items.into_iter().for_each(|item| kept.restore(item));
        Ok(())
    }
}

impl Kept {
    fn items(&self) -> Vec<Item> {
        let last = Last {
            event: (self.last_place > 0).then_some(Cursor(self.last_place)),
            quarantined: (self.quarantine.last > 0).then_some(QuarantineId(self.quarantine.last)),
            pruned: self.pruned,
            legacy_names: self.legacy_names,
        };
        let mut items = vec![Item::Last(last)];
        let mut agents = self.agents.clone();
        agents.sort_by(|one, other| one.key.cmp(&other.key));
        items.extend(agents.into_iter().map(Item::Agent));
        let records = self
            .order
            .iter()
            .filter_map(|id| self.messages.get(id))
            .map(|row| row.record.clone());
        items.extend(records.map(|record| Item::Message(Box::new(Message::from(record)))));
        items.extend(self.orphans.values().cloned().map(Item::Orphan));
        items.extend(self.seen.iter().map(|(event, at)| {
            Item::Seen(Seen {
                event: *event,
                received_at: *at,
            })
        }));
        let event = |(place, event): &(u64, _)| StoredEvent {
            cursor: Cursor(*place),
            event: Clone::clone(event),
        };
        items.extend(
            self.events
                .iter()
                .map(|it| Item::Event(Box::new(Event::from(event(it))))),
        );
        items.extend(self.consents.items());
        items.extend(
            self.consumers
                .iter()
                .flat_map(|(name, account)| account.items(name)),
        );
        items.extend(
            self.quarantine
                .requests
                .iter()
                .cloned()
                .map(|it| Item::Quarantined(Quarantined::from(it))),
        );
        items.extend(self.uploads.iter().cloned().map(Item::Upload));
        items.extend(self.testers.iter().map(|(agent, tester)| {
            let (agent, tester) = (agent.clone(), tester.clone());
            let (phone, invited_at, answer) = (tester.phone, tester.invited_at, tester.answer);
            Item::Tester(Tester {
                agent,
                phone,
                invited_at,
                answer,
            })
        }));
        items
    }

    /// Before anything is kept of them, so that all of them are or none.
    fn has_none_of(&self, items: &[Item]) -> Result<(), StoreProblem> {
        let (mut ids, mut last) = (
            HashSet::new(),
            self.events.last().map_or(0, |(place, _)| *place),
        );
        let mut newest = self.last_place;
        for item in items {
            let is_there = match item {
                Item::Agent(item) => self.agents.iter().any(|known| known.key == item.key),
                Item::Message(item) => {
                    !ids.insert(&item.message.id) || self.messages.contains_key(&item.message.id)
                }
                Item::Event(item) => {
                    newest = newest.max(item.cursor.0);
                    std::mem::replace(&mut last, item.cursor.0) >= item.cursor.0
                }
                Item::Last(item) => {
                    newest = newest.max(item.event.map_or(0, |cursor| cursor.0));
                    false
                }
                Item::Consumer(item) => {
                    item.check((newest > 0).then_some(Cursor(newest)))?;
                    false
                }
                _ => false,
            };
            if is_there {
                return Err(StoreProblem(format!("a {} is there already", item.kind())));
            }
        }
        Ok(())
    }

    fn restore(&mut self, item: Item) {
        match item {
            Item::Last(Last {
                event,
                quarantined,
                pruned,
                legacy_names,
            }) => {
                self.pruned = pruned;
                self.legacy_names |= legacy_names;
                self.last_place = self.last_place.max(event.map_or(0, |cursor| cursor.0));
                self.quarantine.last = self.quarantine.last.max(quarantined.map_or(0, |id| id.0));
            }
            Item::Agent(agent) => self.agents.push(agent),
            Item::Message(message) => self.keep((*message).into()),
            Item::Orphan(orphan) => self.keep_orphan(orphan),
            Item::Seen(Seen { event, received_at }) => drop(self.seen.insert(event, received_at)),
            Item::Event(event) => {
                let StoredEvent { cursor, event } = (*event).into();
                self.last_place = self.last_place.max(cursor.0);
                if self.events.is_empty() && self.pruned.is_none() && cursor.0 > 1 {
                    // Older dumps do not say what was removed for its age: it was all before the first event.
                    self.pruned = Some(Cursor(cursor.0 - 1));
                }
                self.keep_event(cursor.0, event);
            }
            Item::Consent(item) => {
                let heard = item.heard();
                self.consents
                    .note(&item.agent, &item.phone, heard.consent, heard.event);
            }
            Item::Consumer(Consumer {
                name,
                after,
                disabled,
            }) => {
                let account = self.account(&name);
                (account.after, account.disabled) = (after, disabled);
            }
            Item::Delivery(delivery) => {
                let account = self.account(&delivery.consumer);
                account.change(Change::Owed(delivery.into()));
            }
            Item::DeadLetter(DeadLetter {
                consumer,
                cursor,
                attempts,
                at,
                reason,
            }) => {
                self.account(&consumer).change(Change::Dead {
                    cursor,
                    attempts,
                    at,
                    reason,
                });
            }
            Item::Quarantined(request) => {
                self.quarantine.last = self.quarantine.last.max(request.id.0);
                self.quarantine.requests.push_back(request.into());
            }
            Item::Upload(upload) => self.uploads.push(upload),
            Item::Tester(tester) => self.testers.push((tester.agent.clone(), tester.into())),
        }
    }
}

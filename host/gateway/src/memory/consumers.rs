//! The progress of consumers, in memory.

use super::{Kept, MemoryStore};
use crate::store::consumer::{
    Change, Consumer, Consumers, DeadLetter, Delivery, Disabled, Progress,
};
use crate::store::dump::{self, Item};
use crate::store::{Cursor, NewEvent, StoreProblem, StoredEvent};
use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet};

/// What is kept of one consumer.
#[derive(Default)]
pub(super) struct Account {
    pub(super) after: Option<Cursor>,
    pub(super) disabled: Option<Disabled>,
    owed: BTreeMap<Cursor, Delivery>,
    dead: BTreeMap<Cursor, Given>,
}

/// Up, that is.
struct Given {
    attempts: u32,
    at: Timestamp,
    reason: String,
}

#[async_trait]
impl Consumers for MemoryStore {
    async fn begin(&self, name: &str, since: Timestamp) -> Result<(), StoreProblem> {
        let mut kept = self.lock();
        if !kept.consumers.contains_key(name) {
            let older = |(_, event): &&(u64, NewEvent)| event.received_at < since;
            let last = kept.events.iter().rev().find(older);
            let after = last.map(|(place, _)| Cursor(*place));
            kept.account(name).after = after;
        }
        Ok(())
    }

    async fn consumer(&self, name: &str) -> Result<Consumer, StoreProblem> {
        Ok(self
            .lock()
            .consumers
            .get(name)
            .map(Account::summary)
            .unwrap_or_default())
    }

    async fn progress(
        &self,
        name: &str,
        now: Timestamp,
        progress: Progress,
    ) -> Result<(), StoreProblem> {
        self.lock().account(name).progress(now, progress);
        Ok(())
    }

    async fn due(
        &self,
        name: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<(Delivery, Option<StoredEvent>)>, StoreProblem> {
        let kept = self.lock();
        let owed = kept
            .consumers
            .get(name)
            .into_iter()
            .flat_map(|account| account.owed.values());
        let mut due: Vec<&Delivery> = owed
            .filter(|it| it.next_at.is_some_and(|at| at <= now))
            .collect();
        due.sort_by_key(|delivery| (delivery.next_at, delivery.cursor));
        Ok(due
            .into_iter()
            .take(most)
            .map(|delivery| (delivery.clone(), kept.event(delivery.cursor)))
            .collect())
    }

    async fn owing(
        &self,
        name: &str,
        conversations: HashSet<String>,
    ) -> Result<HashSet<String>, StoreProblem> {
        let kept = self.lock();
        let owed = kept
            .consumers
            .get(name)
            .into_iter()
            .flat_map(|account| account.owed.values());
        let owing: HashSet<&String> = owed
            .filter_map(|delivery| delivery.conversation.as_ref())
            .collect();
        Ok(conversations
            .into_iter()
            .filter(|conversation| owing.contains(conversation))
            .collect())
    }

    async fn enable(&self, name: &str, now: Timestamp) -> Result<(), StoreProblem> {
        let mut kept = self.lock();
        let account = kept.account(name);
        account.disabled = None;
        account
            .owed
            .values_mut()
            .filter(|it| it.next_at.is_some())
            .for_each(|it| it.next_at = Some(now));
        Ok(())
    }

    async fn dead_letters(
        &self,
        name: &str,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<DeadLetter>, StoreProblem> {
        let kept = self.lock();
        let dead = kept
            .consumers
            .get(name)
            .into_iter()
            .flat_map(|account| &account.dead);
        let dead = dead
            .filter(|(cursor, _)| after.is_none_or(|after| **cursor > after))
            .take(most);
        Ok(dead
            .map(|(cursor, given)| given.up(*cursor, kept.event(*cursor)))
            .collect())
    }

    async fn replay(
        &self,
        name: &str,
        only: Option<Cursor>,
        now: Timestamp,
    ) -> Result<u64, StoreProblem> {
        Ok(self.lock().account(name).replay(only, now))
    }

    async fn newest(&self) -> Result<Option<Cursor>, StoreProblem> {
        let places = self.lock().last_place;
        Ok((places > 0).then_some(Cursor(places)))
    }

    async fn pruned(&self) -> Result<Option<Cursor>, StoreProblem> {
        Ok(self.lock().pruned)
    }
}

impl Kept {
    pub(super) fn account(&mut self, name: &str) -> &mut Account {
        self.consumers.entry(name.to_owned()).or_default()
    }

    fn event(&self, cursor: Cursor) -> Option<StoredEvent> {
        let index = self
            .events
            .binary_search_by_key(&cursor.0, |(place, _)| *place)
            .ok()?;
        Some(StoredEvent {
            cursor,
            event: self.events[index].1.clone(),
        })
    }
}

impl Account {
    fn summary(&self) -> Consumer {
        Consumer {
            after: self.after,
            disabled: self.disabled.clone(),
            owed: self.owed.len() as u64,
            oldest_owed: self.owed.keys().next().copied(),
            dead: self.dead.len() as u64,
        }
    }

    fn progress(&mut self, now: Timestamp, progress: Progress) {
        self.after = self.after.max(progress.after);
        self.disabled = progress.disabled.or(self.disabled.take());
        let touched: HashSet<String> = progress
            .changes
            .into_iter()
            .filter_map(|change| self.change(change))
            .collect();
        touched
            .iter()
            .for_each(|conversation| self.wake(conversation, now));
    }

    /// The conversation that it is about, if any.
    pub(super) fn change(&mut self, change: Change) -> Option<String> {
        match change {
            Change::Taken(cursor) => {
                self.dead.remove(&cursor);
                self.owed.remove(&cursor)?.conversation
            }
            Change::Owed(delivery) => {
                self.dead.remove(&delivery.cursor);
                let conversation = delivery.conversation.clone();
                self.owed.insert(delivery.cursor, delivery);
                conversation
            }
            Change::Dead {
                cursor,
                attempts,
                at,
                reason,
            } => {
                self.dead.insert(
                    cursor,
                    Given {
                        attempts,
                        at,
                        reason,
                    },
                );
                self.owed.remove(&cursor)?.conversation
            }
        }
    }

    fn wake(&mut self, conversation: &str, now: Timestamp) {
        let first = self
            .owed
            .values_mut()
            .find(|delivery| delivery.conversation.as_deref() == Some(conversation));
        if let Some(first) = first {
            first.next_at.get_or_insert(now);
        }
    }

    fn replay(&mut self, only: Option<Cursor>, now: Timestamp) -> u64 {
        let chosen = self
            .dead
            .keys()
            .copied()
            .filter(|cursor| only.is_none_or(|only| only == *cursor));
        let chosen: Vec<Cursor> = chosen.collect();
        for cursor in &chosen {
            let reason = self.dead.remove(cursor).map(|given| given.reason);
            let (cursor, next_at) = (*cursor, Some(now));
            self.owed.insert(
                cursor,
                Delivery {
                    cursor,
                    conversation: None,
                    attempts: 0,
                    reason,
                    next_at,
                },
            );
        }
        chosen.len() as u64
    }

    pub(super) fn items(&self, name: &str) -> Vec<Item> {
        let (after, disabled) = (self.after, self.disabled.clone());
        let mut items = vec![Item::Consumer(dump::Consumer {
            name: name.to_owned(),
            after,
            disabled,
        })];
        items.extend(self.owed.values().map(|delivery| {
            let Delivery {
                cursor,
                conversation,
                attempts,
                reason,
                next_at,
            } = delivery.clone();
            let consumer = name.to_owned();
            Item::Delivery(dump::Delivery {
                consumer,
                cursor,
                conversation,
                attempts,
                reason,
                next_at,
            })
        }));
        items.extend(self.dead.iter().map(|(cursor, given)| {
            let Given {
                attempts,
                at,
                reason,
            } = given;
            let (consumer, reason) = (name.to_owned(), reason.clone());
            Item::DeadLetter(dump::DeadLetter {
                consumer,
                cursor: *cursor,
                attempts: *attempts,
                at: *at,
                reason,
            })
        }));
        items
    }
}

impl Given {
    fn up(&self, cursor: Cursor, event: Option<StoredEvent>) -> DeadLetter {
        DeadLetter {
            cursor,
            attempts: self.attempts,
            at: self.at,
            reason: self.reason.clone(),
            event,
        }
    }
}

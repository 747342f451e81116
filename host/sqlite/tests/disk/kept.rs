//! What a store has acknowledged, and whether it is still there.

use rbm_gateway::lifecycle::Fact;
use rbm_gateway::store::{Filter, Store, StoredMessage};
use rbm_sqlite::SqliteStore;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// By what was answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acknowledged {
    /// Of messages, by their ids.
    pub(crate) facts: BTreeSet<(String, Fact)>,
    /// By their dedupe keys.
    pub(crate) events: BTreeSet<String>,
}

impl Acknowledged {
    pub(crate) fn fact(&mut self, id: &str, fact: Fact) {
        self.facts.insert((id.to_owned(), fact));
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.facts.extend(other.facts);
        self.events.extend(other.events);
    }

    pub(crate) fn len(&self) -> usize {
        self.facts.len() + self.events.len()
    }

    /// What is not there.
    pub(crate) async fn missing(&self, store: &SqliteStore) -> Vec<String> {
        self.pick(store, Presence::Missing).await
    }

    /// What is there.
    pub(crate) async fn found(&self, store: &SqliteStore) -> Vec<String> {
        self.pick(store, Presence::Found).await
    }

    /// Panics if something is there twice, or in a state that does not follow from what is known.
    async fn pick(&self, store: &SqliteStore, wanted: Presence) -> Vec<String> {
        let mut messages = BTreeMap::new();
        for stored in store
            .find(&Filter {
                most: usize::MAX,
                ..Filter::default()
            })
            .await
            .unwrap()
        {
            check_history(&stored);
            let twice = messages.insert(stored.message.id.clone(), stored);
            assert!(twice.is_none(), "a message is there twice: {twice:?}");
        }
        let mut events = BTreeSet::new();
        for stored in store.read(None, usize::MAX).await.unwrap() {
            let key = stored.event.content.dedupe_key().into_owned();
            assert!(events.insert(key.clone()), "the event {key} is there twice");
        }
        let has = |(id, fact): &&(String, Fact)| {
            messages
                .get(id)
                .is_some_and(|stored| stored.facts.has(*fact))
        };
        let picked = |is_there: bool| is_there == (wanted == Presence::Found);
        let facts = self
            .facts
            .iter()
            .filter(|fact| picked(has(fact)))
            .map(|fact| format!("{fact:?}"));
        facts
            .chain(
                self.events
                    .iter()
                    .filter(|key| picked(events.contains(*key)))
                    .cloned(),
            )
            .collect()
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Presence {
    Found,
    Missing,
}

/// Once queued, and nothing heard of twice.
fn check_history(stored: &StoredMessage) {
    assert_eq!(
        stored.message.content,
        crate::made::message("", 1).message.content
    );
    let count = |fact| {
        stored
            .history
            .iter()
            .filter(|entry| entry.fact == fact)
            .count()
    };
    assert_eq!(
        (count(Fact::Queued), count(Fact::Delivered) <= 1),
        (1, true),
        "{:?}",
        stored.history
    );
    let wants_attempts = stored.next_at.is_some();
    assert!(
        !wants_attempts || stored.facts.wants_attempts(),
        "{stored:?}"
    );
}

/// What `SQLite` itself finds wrong with a database.
pub(crate) fn damage(directory: &Path) -> rusqlite::Result<Option<String>> {
    let database = Connection::open(directory.join("gateway.db"))?;
    let said: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    Ok((said != "ok").then_some(said))
}

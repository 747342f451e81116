//! What is to happen, in order of time, and of planning where the time is the same.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// One thing that is planned.
pub(super) type Key = (Timestamp, u64);

#[derive(Debug)]
pub(super) struct Schedule<T> {
    planned: BTreeMap<Key, T>,
    count: u64,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self { planned: BTreeMap::new(), count: 0 }
    }
}

impl<T> Schedule<T> {
    pub(super) fn plan(&mut self, at: Timestamp, what: T) -> Key {
        self.count += 1;
        self.planned.insert((at, self.count), what);
        (at, self.count)
    }

    pub(super) fn cancel(&mut self, key: Key) {
        self.planned.remove(&key);
    }

    /// What is not kept does not happen.
    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.planned.retain(|_, what| keep(what));
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.planned.keys().next().map(|(at, _)| *at)
    }

    /// Soonest first.
    pub(super) fn planned(&self) -> impl Iterator<Item = (Timestamp, &T)> {
        self.planned.iter().map(|((at, _), what)| (*at, what))
    }

    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        let first = self.planned.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some((first.key().0, first.remove()))
    }
}

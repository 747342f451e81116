//! What is to happen, in order of time, and of planning where the time is the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that is planned.
pub(super) type Key = (Timestamp, u64);

/// JSON has no keys but texts, so the plan is a list there.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule<T> {
    #[serde(
        with = "pairs",
        bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>")
    )]
    planned: BTreeMap<Key, T>,
    count: u64,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self {
            planned: BTreeMap::new(),
            count: 0,
        }
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

    /// How many were planned so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// What is planned by this key.
    pub(super) fn at(&self, key: &Key) -> Option<&T> {
        self.planned.get(key)
    }

    /// Soonest first, with their keys.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Key, &T)> {
        self.planned.iter()
    }

    /// As if the rest had not been planned.
    pub(super) fn only(&self, keep: impl Fn(&T) -> bool) -> Schedule<&T> {
        let kept = self.planned.iter().filter(|(_, what)| keep(what));
        Schedule {
            planned: kept.map(|(key, what)| (*key, what)).collect(),
            count: self.count,
        }
    }

    /// Soonest first.
    pub(super) fn planned(&self) -> impl Iterator<Item = (Timestamp, &T)> {
        self.planned.iter().map(|((at, _), what)| (*at, what))
    }

    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        let first = self
            .planned
            .first_entry()
            .filter(|entry| entry.key().0 <= now)?;
        Some((first.key().0, first.remove()))
    }
}

mod pairs {
    use super::Key;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        planned: &BTreeMap<Key, T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(planned)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Key, T>, D::Error> {
        let mut planned = BTreeMap::new();
        for (key, what) in Vec::<(Key, T)>::deserialize(deserializer)? {
            if planned.insert(key, what).is_some() {
                return Err(D::Error::custom(format_args!(
                    "there are two steps at {} with the number {}",
                    key.0, key.1
                )));
            }
        }
        Ok(planned)
    }
}

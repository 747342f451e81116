//! How often something goes wrong on purpose: the next times, or for a part of all.
//!
//! Drawn by the seed and by how many came before it, and not by when anything happens: the same run has the same faults.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// How often a fault is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dose {
    /// It befalls so many from now on.
    pub next: u32,
    /// It befalls so many of all the others: 0 to 1.
    pub rate: f64,
}

impl Dose {
    /// Whether its rate is a part of all.
    pub(crate) fn is_sound(self) -> bool {
        (0.0..=1.0).contains(&self.rate)
    }

    /// Whether it befalls this one, by a label that only this one has.
    pub(crate) fn befalls(&mut self, seed: &Uuid, label: fmt::Arguments<'_>) -> bool {
        if self.next > 0 {
            self.next -= 1;
            return true;
        }
        self.rate > 0.0 && chance(seed, &label.to_string()) < self.rate
    }
}

/// From 0 to 1, and never 1.
#[expect(clippy::cast_precision_loss, reason = "48 bits fit the 52 of a float")]
fn chance(seed: &Uuid, label: &str) -> f64 {
    // The first 48 bits of such an id are all of the hash.
    (Uuid::new_v5(seed, label.as_bytes()).as_u64_pair().0 >> 16) as f64 / (1_u64 << 48) as f64
}

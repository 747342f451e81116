//! What the latest attempts of a callback came to, for people. Kept in memory: what must not be lost is in the store.

use jiff::Timestamp;
use serde::Serialize;
use std::sync::{Mutex, PoisonError};

/// What attempts have come to since the start.
#[derive(Debug, Default)]
pub struct Status(Mutex<Seen>);

/// The latest.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Seen {
    /// How many attempts in a row were of no use.
    pub failures: u64,
    /// What the latest attempt came to.
    pub last_answer: Option<LastAnswer>,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastAnswer {
    /// When.
    pub at: Timestamp,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// Why it was of no use, if so.
    pub reason: Option<String>,
}

impl Status {
    /// Now.
    pub fn seen(&self) -> Seen {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn note(&self, answer: LastAnswer) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.failures = if answer.reason.is_some() {
            seen.failures + 1
        } else {
            0
        };
        seen.last_answer = Some(answer);
    }
}

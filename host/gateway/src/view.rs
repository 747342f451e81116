//! Messages as callers read them.

use crate::store::{Entry, StoredMessage};
use serde::Serialize;

/// One message.
#[derive(Debug, Serialize)]
pub(crate) struct MessageView {
    id: String,
    agent: String,
    to: String,
    state: &'static str,
    history: Vec<Entry>,
}

impl MessageView {
    /// With its history in the order of time.
    pub(crate) fn new(stored: StoredMessage) -> Self {
        let mut history = stored.history;
        history.sort_by_key(|entry| entry.at);
        Self {
            id: stored.message.id,
            agent: stored.agent,
            to: stored.message.recipient,
            state: stored.facts.state().as_str(),
            history,
        }
    }

    /// For the place in a list.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

//! Messages as callers read them.

use crate::store::{Entry, StoredMessage};
use jiff::Timestamp;
use serde::Serialize;

/// One message.
#[derive(Debug, Serialize)]
pub(crate) struct MessageView {
    id: String,
    agent: String,
    to: String,
    state: &'static str,
    /// Not before, as the caller said.
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<Timestamp>,
    /// When the next attempt may begin; nothing if there is to be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at: Option<Timestamp>,
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
            send_at: stored.send_at,
            next_at: stored.next_at,
            history,
        }
    }

    /// For the place in a list.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

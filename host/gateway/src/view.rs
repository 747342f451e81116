//! Messages as callers read them.

use crate::senders::AgentNames;
use crate::store::record::{HISTORY_FIRST, HISTORY_LAST};
use crate::store::{Entry, StoredMessage};
use jiff::Timestamp;
use rbm_json::written;
use serde::Serialize;
use serde_json::{Map, Value};

/// One message.
#[derive(Debug, Serialize)]
pub(crate) struct MessageView {
    id: String,
    agent: String,
    to: String,
    state: &'static str,
    /// What it says, as its caller could have written it. Nothing in a list.
    #[serde(flatten)]
    said: Map<String, Value>,
    /// Not before, as the caller said.
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<Timestamp>,
    /// When the next attempt may begin; nothing if there is to be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at: Option<Timestamp>,
    history: Vec<Entry>,
    /// How many entries are left out after the first ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    history_omitted: Option<u32>,
}

impl MessageView {
    /// With all that its caller wrote.
    pub(crate) fn new(stored: StoredMessage, names: &AgentNames) -> Self {
        let mut said = written::message(&stored.message);
        // The view has its own.
        said.remove("to");
        Self {
            said,
            ..Self::listed(stored, names)
        }
    }

    /// With its history in the order of time: the first entries and the last ones.
    pub(crate) fn listed(stored: StoredMessage, names: &AgentNames) -> Self {
        let mut history = stored.history;
        history.sort_by_key(|entry| entry.at);
        let more = history.len().saturating_sub(HISTORY_FIRST + HISTORY_LAST);
        if more > 0 {
            history.drain(HISTORY_FIRST..HISTORY_FIRST + more);
        }
        let omitted = stored.history_omitted + u32::try_from(more).unwrap_or(u32::MAX);
        Self {
            id: stored.message.id,
            agent: names.of(&stored.agent),
            to: stored.message.recipient,
            state: stored.facts.state().as_str(),
            said: Map::new(),
            send_at: stored.send_at,
            next_at: stored.next_at,
            history,
            history_omitted: (omitted > 0).then_some(omitted),
        }
    }

    /// For the place in a list.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bare;
    use crate::lifecycle::Fact;
    use crate::store::NewMessage;
    use crate::store::record::Record;

    fn view(entries: u32, omitted: u32) -> (Vec<Option<u32>>, Option<u32>) {
        let message = bare::message("m1", "+12");
        let mut stored = Record::new(NewMessage {
            agent: "demo".into(),
            message,
            body_hash: [0; 32],
            at: Timestamp::UNIX_EPOCH,
            send_at: None,
            expires_at: None,
        })
        .stored;
        stored.history.extend((1..entries).map(|attempt| Entry {
            attempt: Some(attempt),
            ..Entry::new(Timestamp::UNIX_EPOCH, Fact::Postponed)
        }));
        stored.history_omitted = omitted;
        let view = MessageView::new(stored, &AgentNames::default());
        let attempts = view.history.iter().map(|entry| entry.attempt).collect();
        (attempts, view.history_omitted)
    }

    #[test]
    fn a_history_is_shown_whole_or_by_its_first_and_its_last_entries() {
        let all = |count: u32| {
            let numbered = (1..count).map(Some);
            [None].into_iter().chain(numbered).collect::<Vec<_>>()
        };
        for count in [1, 4, 5, 6, 25] {
            assert_eq!(view(count, 0), (all(count), None), "{count}");
        }
        for (count, omitted, left_out) in [(26, 0, 1), (60, 0, 35), (40, 100, 115)] {
            let (first, last) = (all(5), (count - 20..count).map(Some));
            let shown = first.into_iter().chain(last).collect();
            assert_eq!(view(count, omitted), (shown, Some(left_out)), "{count}");
        }
    }
}

//! The events of a callback that are under way and not written down yet, in their order. Pure: no clock, no store, no network.
//!
//! What has ended at its front can be passed by the cursor; what ended behind something that has not must wait for it, or a
//! crash would lose that. In order, an event begins only when nothing before it of its conversation is still to be delivered.

use crate::store::consumer::{Change, Delivery};
use crate::store::{Cursor, StoredEvent};
use jiff::Timestamp;
use std::collections::{HashSet, VecDeque};

/// In the order of cursors.
#[derive(Default)]
pub(super) struct Window(VecDeque<Entry>);

struct Entry {
    cursor: Cursor,
    conversation: Option<String>,
    stage: Stage,
}

enum Stage {
    Queued(Box<StoredEvent>),
    Underway {
        since: Timestamp,
    },
    /// With what stands behind the cursor when it has passed, if anything.
    Ended(Option<Change>),
}

impl Window {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// An event that is not wanted.
    pub(super) fn skip(&mut self, cursor: Cursor) {
        self.0.push_back(Entry {
            cursor,
            conversation: None,
            stage: Stage::Ended(None),
        });
    }

    /// An event that waits for one that is owed already.
    pub(super) fn hold(&mut self, cursor: Cursor, conversation: String) {
        let stage = Stage::Ended(Some(waiting(cursor, &conversation)));
        self.0.push_back(Entry {
            cursor,
            conversation: Some(conversation),
            stage,
        });
    }

    /// An event to be delivered, after those before it of its conversation.
    pub(super) fn push(&mut self, event: StoredEvent, conversation: Option<String>) {
        let cursor = event.cursor;
        match conversation {
            Some(conversation) if self.0.iter().any(|entry| entry.owes(&conversation)) => {
                self.hold(cursor, conversation);
            }
            conversation => {
                self.0.push_back(Entry {
                    cursor,
                    conversation,
                    stage: Stage::Queued(Box::new(event)),
                });
            }
        }
    }

    /// The first that may begin; it is under way then.
    pub(super) fn begin(&mut self, now: Timestamp) -> Option<(StoredEvent, Option<String>)> {
        let mut busy: HashSet<&str> = HashSet::new();
        let place = self.0.iter().position(|entry| {
            let free = entry
                .conversation
                .as_deref()
                .is_none_or(|conversation| !busy.contains(conversation));
            if !matches!(entry.stage, Stage::Ended(_)) {
                busy.extend(entry.conversation.as_deref());
            }
            free && matches!(entry.stage, Stage::Queued(_))
        })?;
        let entry = &mut self.0[place];
        match std::mem::replace(&mut entry.stage, Stage::Underway { since: now }) {
            Stage::Queued(event) => Some((*event, entry.conversation.clone())),
            _ => None,
        }
    }

    /// How one that is under way has ended. False if it is not under way here.
    pub(super) fn end(&mut self, cursor: Cursor, change: &Change) -> bool {
        let underway = |entry: &&mut Entry| {
            entry.cursor == cursor && matches!(entry.stage, Stage::Underway { .. })
        };
        let Some(entry) = self.0.iter_mut().find(underway) else {
            return false;
        };
        entry.stage = Stage::Ended((*change != Change::Taken(cursor)).then(|| change.clone()));
        if matches!(change, Change::Owed(_)) {
            self.hold_those_after(cursor);
        }
        true
    }

    /// Lets go of what is under way for so long that it holds the cursor up: it is owed from now on, until it has ended.
    pub(super) fn park(&mut self, begun_before: Timestamp, now: Timestamp) {
        let slow = |entry: &&mut Entry| matches!(entry.stage, Stage::Underway { since } if since < begun_before);
        let mut parked = Vec::new();
        for entry in self.0.iter_mut().filter(slow) {
            let (cursor, conversation) = (entry.cursor, entry.conversation.clone());
            let delivery = Delivery {
                cursor,
                conversation,
                attempts: 0,
                reason: None,
                next_at: Some(now),
            };
            entry.stage = Stage::Ended(Some(Change::Owed(delivery)));
            parked.push(cursor);
        }
        parked
            .into_iter()
            .for_each(|cursor| self.hold_those_after(cursor));
    }

    fn hold_those_after(&mut self, cursor: Cursor) {
        let of = |entry: &Entry| {
            (entry.cursor == cursor)
                .then(|| entry.conversation.clone())
                .flatten()
        };
        let Some(conversation) = self.0.iter().find_map(of) else {
            return;
        };
        for entry in self.0.iter_mut().filter(|entry| entry.cursor > cursor) {
            if entry.conversation.as_deref() == Some(&conversation)
                && matches!(entry.stage, Stage::Queued(_))
            {
                entry.stage = Stage::Ended(Some(waiting(entry.cursor, &conversation)));
            }
        }
    }

    /// How many at the front have ended.
    pub(super) fn ended(&self) -> usize {
        self.0
            .iter()
            .take_while(|entry| matches!(entry.stage, Stage::Ended(_)))
            .count()
    }

    /// Where the cursor comes to if it passes so many, and what stands behind it then.
    pub(super) fn progress(&self, passed: usize) -> (Option<Cursor>, Vec<Change>) {
        let changes = self
            .0
            .iter()
            .take(passed)
            .filter_map(|entry| match &entry.stage {
                Stage::Ended(change) => change.clone(),
                _ => None,
            });
        (
            passed.checked_sub(1).map(|last| self.0[last].cursor),
            changes.collect(),
        )
    }

    /// The cursor has passed so many.
    pub(super) fn forget(&mut self, passed: usize) {
        self.0.drain(..passed);
    }
}

impl Entry {
    /// Whether it has ended as something that others of the conversation wait for.
    fn owes(&self, conversation: &str) -> bool {
        self.conversation.as_deref() == Some(conversation)
            && matches!(self.stage, Stage::Ended(Some(Change::Owed(_))))
    }
}

fn waiting(cursor: Cursor, conversation: &str) -> Change {
    let conversation = Some(conversation.to_owned());
    Change::Owed(Delivery {
        cursor,
        conversation,
        attempts: 0,
        reason: None,
        next_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NewEvent;
    use crate::store::event::EventContent;
    use gateway_channel::{Fact, Inbound};

    #[test]
    fn the_cursor_passes_nothing_that_has_not_ended() {
        let mut window = of(&[None; 4]);
        assert_eq!(begin_all(&mut window), [1, 2, 3, 4]);
        assert_eq!(window.ended(), 0);
        for (cursor, ended) in [(2, 0), (3, 0), (1, 3), (4, 4)] {
            assert!(window.end(Cursor(cursor), &taken(cursor)));
            assert_eq!(window.ended(), ended, "after {cursor}");
        }
        assert_eq!(window.progress(3), (Some(Cursor(3)), vec![]));
        window.forget(3);
        assert_eq!(
            (window.len(), window.progress(1)),
            (1, (Some(Cursor(4)), vec![]))
        );
        assert_eq!(window.progress(0), (None, vec![]));
    }

    #[test]
    fn what_failed_is_written_down_as_the_cursor_passes_it() {
        let mut window = of(&[None, None]);
        window.skip(Cursor(3));
        begin_all(&mut window);
        assert!(window.end(Cursor(2), &owed(2, None)) && window.end(Cursor(1), &taken(1)));
        assert!(!window.end(Cursor(1), &taken(1)), "it has ended");
        assert!(!window.end(Cursor(9), &taken(9)), "it never was here");
        assert_eq!(
            window.progress(window.ended()),
            (Some(Cursor(3)), vec![owed(2, None)])
        );
    }

    #[test]
    fn without_a_conversation_nothing_waits() {
        let mut window = of(&[None, None, None]);
        assert_eq!(begin_all(&mut window), [1, 2, 3]);
        window.end(Cursor(1), &owed(1, None));
        window.push(event(4), None);
        assert_eq!(begin_all(&mut window), [4]);
    }

    #[test]
    fn in_order_one_of_a_conversation_is_under_way_at_a_time() {
        let mut window = of(&[Some("x"), Some("x"), Some("y"), Some("x"), Some("y")]);
        assert_eq!(begin_all(&mut window), [1, 3]);
        window.end(Cursor(1), &taken(1));
        assert_eq!(begin_all(&mut window), [2]);
        window.end(Cursor(3), &taken(3));
        assert_eq!(begin_all(&mut window), [5]);
    }

    #[test]
    fn in_order_those_after_one_that_failed_wait_and_no_others() {
        let mut window = of(&[Some("x"), Some("y"), Some("x")]);
        begin_all(&mut window);
        window.end(Cursor(1), &owed(1, Some("x")));
        window.push(event(4), Some("x".to_owned()));
        window.push(event(5), Some("y".to_owned()));
        assert_eq!(
            begin_all(&mut window),
            [0; 0],
            "5 waits for 2, which is under way"
        );
        window.end(Cursor(2), &taken(2));
        assert_eq!(begin_all(&mut window), [5]);
        let behind = vec![
            owed(1, Some("x")),
            waiting(Cursor(3), "x"),
            waiting(Cursor(4), "x"),
        ];
        assert_eq!(window.progress(window.ended()), (Some(Cursor(4)), behind));
    }

    #[test]
    fn what_was_given_up_holds_nobody_up() {
        let mut window = of(&[Some("x"), Some("x")]);
        begin_all(&mut window);
        let dead = Change::Dead {
            cursor: Cursor(1),
            attempts: 1,
            at: at(1),
            reason: "500".into(),
        };
        window.end(Cursor(1), &dead);
        assert_eq!(begin_all(&mut window), [2]);
        assert_eq!(
            window.progress(window.ended()),
            (Some(Cursor(1)), vec![dead])
        );
    }

    #[test]
    fn what_is_slow_is_let_go_and_still_ends() {
        let mut window = of(&[Some("x"), Some("y"), Some("x")]);
        begin_all(&mut window);
        window.end(Cursor(2), &taken(2));
        window.park(at(0), at(5));
        assert_eq!(window.ended(), 0, "it is not slow yet");
        window.park(at(1), at(5));
        let parked = Change::Owed(Delivery {
            cursor: Cursor(1),
            conversation: Some("x".into()),
            attempts: 0,
            reason: None,
            next_at: Some(at(5)),
        });
        assert_eq!(
            window.progress(window.ended()),
            (Some(Cursor(3)), vec![parked, waiting(Cursor(3), "x")])
        );
        assert!(
            !window.end(Cursor(1), &taken(1)),
            "how it ended is to be written down by itself"
        );
    }

    fn of(conversations: &[Option<&str>]) -> Window {
        let mut window = Window::default();
        for (cursor, conversation) in (1..).zip(conversations) {
            window.push(event(cursor), conversation.map(str::to_owned));
        }
        window
    }

    fn begin_all(window: &mut Window) -> Vec<u64> {
        std::iter::from_fn(|| window.begin(at(0)))
            .map(|(event, _)| event.cursor.0)
            .collect()
    }

    fn taken(cursor: u64) -> Change {
        Change::Taken(Cursor(cursor))
    }

    fn owed(cursor: u64, conversation: Option<&str>) -> Change {
        let conversation = conversation.map(str::to_owned);
        let next_at = Some(at(9));
        Change::Owed(Delivery {
            cursor: Cursor(cursor),
            conversation,
            attempts: 1,
            reason: Some("500".into()),
            next_at,
        })
    }

    fn event(cursor: u64) -> StoredEvent {
        let inbound = Inbound {
            dedupe_key: cursor.to_string(),
            agent: String::new(),
            phone: None,
            at: None,
            fact: Fact::Typing,
            details: Vec::new(),
            raw: Vec::new(),
        };
        let event = NewEvent {
            agent: "demo".into(),
            received_at: at(0),
            content: EventContent::Platform(inbound),
            consent: None,
        };
        StoredEvent {
            cursor: Cursor(cursor),
            event,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }
}

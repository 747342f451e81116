//! How far a consumer of events has got: everything up to a cursor was taken by it, or stands here as a delivery that is still
//! owed, or as one that was given up.
//!
//! In one commit the cursor moves and what it leaves behind is written down, so that at no moment an event is neither before
//! the cursor nor written down. Who delivers does so first and records it afterwards: what a crash cuts off between the two is
//! delivered again, and nothing is lost. Where all goes well, one write takes the cursor over many events.

use super::{Cursor, StoreProblem, StoredEvent};
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Where the progress of consumers is kept. Each call may be made again.
#[async_trait]
pub trait Consumers: Send + Sync {
    /// Registers a consumer that is new: it gets the events that were received at this time or later, and what comes. One that is
    /// known goes on where it is.
    async fn begin(&self, name: &str, since: Timestamp) -> Result<(), StoreProblem>;
    /// How far a consumer has got. One that was never heard of stands before the oldest event that is kept.
    async fn consumer(&self, name: &str) -> Result<Consumer, StoreProblem>;
    /// Keeps progress in one commit. The cursor never goes back. The first that is owed of a conversation never stays waiting:
    /// when those before it are concluded, its time is now.
    async fn progress(
        &self,
        name: &str,
        now: Timestamp,
        progress: Progress,
    ) -> Result<(), StoreProblem>;
    /// Deliveries whose time has come, the longest due first, each with its event if that is still kept.
    async fn due(
        &self,
        name: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<(Delivery, Option<StoredEvent>)>, StoreProblem>;
    /// Which of these conversations something is owed of.
    async fn owing(
        &self,
        name: &str,
        conversations: HashSet<String>,
    ) -> Result<HashSet<String>, StoreProblem>;
    /// Delivers again, and at once what is not waiting for another. A consumer that is enabled may be told so too.
    async fn enable(&self, name: &str, now: Timestamp) -> Result<(), StoreProblem>;
    /// What was given up after a place, oldest first.
    async fn dead_letters(
        &self,
        name: &str,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<DeadLetter>, StoreProblem>;
    /// What was given up, all or one, is owed again from now on, with all its attempts before it. It has lost its place in its
    /// conversation: it waits for nothing, and nothing waits for it. Tells how many they are.
    async fn replay(
        &self,
        name: &str,
        only: Option<Cursor>,
        now: Timestamp,
    ) -> Result<u64, StoreProblem>;
    /// The place of the newest event, if there ever was one.
    async fn newest(&self) -> Result<Option<Cursor>, StoreProblem>;
    /// The place of the last event that was removed for its age: of those up to here, none is kept. Not of what was erased.
    async fn pruned(&self) -> Result<Option<Cursor>, StoreProblem>;
}

/// How far a consumer has got.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consumer {
    /// Up to here every event was taken, or is owed, or was given up.
    pub after: Option<Cursor>,
    /// Nothing is delivered.
    pub disabled: Option<Disabled>,
    /// Deliveries that are owed.
    pub owed: u64,
    /// The first of them.
    pub oldest_owed: Option<Cursor>,
    /// Deliveries that were given up.
    pub dead: u64,
}

/// Since when a consumer gets nothing, and why.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// In a sentence.
    pub reason: String,
}

/// An event that the cursor has passed and the consumer has not taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Which event.
    pub cursor: Cursor,
    /// What is delivered in order, if this is: a delivery waits for those before it of the same conversation.
    pub conversation: Option<String>,
    /// How many were made.
    pub attempts: u32,
    /// Why the latest was of no use.
    pub reason: Option<String>,
    /// When the next is; none while it waits for another of its conversation.
    pub next_at: Option<Timestamp>,
}

/// What became of deliveries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The cursor, if it moves.
    pub after: Option<Cursor>,
    /// What stands behind the cursor, or does not any more.
    pub changes: Vec<Change>,
    /// Nothing is to be delivered any more.
    pub disabled: Option<Disabled>,
}

/// What became of one delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is done.
    Taken(Cursor),
    /// It is to be made later.
    Owed(Delivery),
    /// It will not be made.
    Dead {
        /// Which event.
        cursor: Cursor,
        /// How many were made.
        attempts: u32,
        /// When it was given up.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A delivery that was given up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Which event.
    pub cursor: Cursor,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was given up.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// The event, if it is still kept.
    pub event: Option<StoredEvent>,
}

//! The answer to a message that was taken to be sent, as callers read it.

use crate::finding::{self, FindingView};
use gateway_channel::{Finding, Message};
use serde::Serialize;

/// 202: the message is kept or handed over. It is not delivered.
#[derive(Debug, Serialize)]
pub struct AcceptedView {
    id: String,
    state: &'static str,
    /// What may go wrong all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FindingView>,
}

impl AcceptedView {
    /// Without warnings: also of a message that was accepted before, which is not checked again.
    pub fn new(id: &str, state: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            state,
            warnings: Vec::new(),
        }
    }

    /// With what a plugin's check found. A message with an error is not accepted, so all of these are warnings.
    pub fn of_checked(
        id: &str,
        state: &'static str,
        found: Vec<Finding>,
        message: &Message,
    ) -> Self {
        Self {
            warnings: finding::all_of_message(Vec::new(), found, message),
            ..Self::new(id, state)
        }
    }
}

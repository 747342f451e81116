//! What a gateway may want to count of its plugins. It only hears: nothing that it does changes a call.

use crate::instance::CallProblem;
use std::time::Duration;

/// Hears of every call into a plugin that has ended. Of one that its caller dropped half-way nobody hears.
pub trait Observer: Send + Sync {
    /// `function` is the contract's name of it, `problem` why it did not return, and `took` all of its time, the HTTP requests
    /// that it made included. Called where the call was made, so it must not block.
    fn called(&self, function: &'static str, problem: Option<&CallProblem>, took: Duration);
}

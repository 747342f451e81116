//! What callbacks promise, through real HTTP: signed, at least once, nobody held up by another, nothing lost.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod address;
mod delivery;
mod gateway;
mod order;
mod receiver;
mod refusal;
mod restart;

//! The gateway's JSON for messages, findings and events, to and from the contract's types.
//!
//! What a caller writes is read in one pass that finds everything that is wrong with it, because one error at a time is a
//! bad conversation. It sends and serves nothing, and has no WebAssembly runtime and no clock: whatever serves this JSON, the
//! JSON is the same.

pub mod accepted;
pub mod check;
pub mod event;
pub mod excerpt;
pub mod finding;
pub mod id;
pub mod message;
pub mod problem;
pub mod rules;
pub mod schedule;
pub mod strict;
pub mod written;

mod fields;
mod path;
mod suggestion;

pub use fields::nearest;

//! The contract `gateway:channel` between a message gateway and a plugin, as plain Rust.
//!
//! [`types`] has every shape of `wit/types.wit`. There is no behaviour here, no HTTP, no clock, no platform's words.
//! With the feature `wasmtime` the same types cross the boundary of a component as they are.

#[cfg(target_family = "wasm")]
mod lift;
mod types;

pub use types::*;

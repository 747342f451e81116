//! The least gateway, for hosts that serve `wasi:http`: the platform's webhooks come in, are verified, and are posted to the
//! application one by one; messages go out while their caller waits.
//!
//! It keeps nothing, so it never answers the platform 200 for an event that the application did not take, and never tells
//! a caller that a message was accepted before the platform has said so. Retries are the platform's and the caller's. What
//! needs a store (a queue, opting out, schedules, life cycles) is `rbm serve`.

#![cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "the tests use a part of it")
)]

#[cfg(any(target_family = "wasm", test))]
mod answer;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(any(target_family = "wasm", test))]
mod headers;
#[cfg(target_family = "wasm")]
mod messages;
#[cfg(any(target_family = "wasm", test))]
mod settings;
#[cfg(target_family = "wasm")]
mod webhook;

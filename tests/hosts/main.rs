//! The plugin in hosts that others wrote. Whatever the host, the same cases hold: `cases.rs` has them, and each host is one test
//! that starts it and has them pass.
//!
//! The hosts come from registries in the versions that are pinned beside this file, which is why these tests run only when asked
//! for: `cargo test --locked --features envoy,package --test hosts -- --ignored`. They want `python3` 3.11 or later with `venv`, and `npm`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../emulating/mod.rs"]
mod emulating;
#[path = "../end_to_end/program.rs"]
#[allow(dead_code, reason = "the end-to-end tests use the rest")]
mod program;

mod cases;
mod envoy;
mod installed;
mod languages;
mod receiver;
mod started;
mod tokens;
mod wasmcloud;
mod wasmtime;

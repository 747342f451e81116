//! Whatever a plugin imports, loops over, recurses into, allocates, traps on or returns: a typed error within its limit
//! and a host that serves the next call as if nothing had been.
//!
//! Each plugin here is WebAssembly text, honest but for the one thing that its test is about.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod host;
mod sketch;

mod cache;
mod fetch;
mod load;
mod memory;
mod recovery;
mod time;
mod values;

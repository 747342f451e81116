//! The twin of the platform, seen from outside over HTTP: a test binary for all of it, because each one takes seconds to link.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

mod business;
mod clock;
mod discovery;
mod emulator;
mod faults;
mod laws;
mod phones;
mod published;
mod requests;
mod scenario;
mod state;
mod surface;
mod tokens;
mod uploads;
mod upstream;
mod waiting;
mod webhooks;

//! What the software promises, seen from outside: the binary itself, the real component in it, real HTTP on loopback, and
//! nothing of its code.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../application/mod.rs"]
mod application;
#[path = "../emulating/mod.rs"]
mod emulating;
mod program;
mod schema;
#[path = "../serving/mod.rs"]
mod serving;

mod bad_input;
mod beside_messages;
mod callbacks;
mod checking;
mod command_line;
mod configuration;
mod conforming;
mod conversations;
mod dev;
mod emulate;
mod ends;
#[cfg(feature = "envoy")]
mod envoy;
mod events;
mod exporting;
mod failing;
mod messages;
mod openapi;
mod operating;
mod opting_out;
mod quarantine;
mod renaming;
mod retrying;
mod revoking;
mod scheduling;
mod secrets;
mod serve;
mod webhooks;
mod wrong_answers;

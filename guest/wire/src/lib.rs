//! What Google publishes about RCS Business Messaging (RBM): JSON shapes, names and limits.
//!
//! Shared by the plugin, which writes requests and reads callbacks, and by the emulator, which does the reverse. Facts
//! only: what to do about them is written in each of the two, on purpose twice. No WIT, no HTTP, no clock.
//!
//! Pages are cited by their path below
//! `https://developers.google.com/business-communications/rcs-business-messaging/`.

pub mod auth;
pub mod callback;
pub mod consent;
pub mod file;
pub mod json;
pub mod limits;
pub mod message;
pub mod name;
pub mod number;
pub mod origin;
pub mod problem;
pub mod quoted;
pub mod reach;
pub mod tester;
pub mod time;

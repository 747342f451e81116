//! The plugin that speaks RCS Business Messaging (RBM).
//!
//! All of it is plain Rust over the contract's types: each function takes what it needs and returns what it found, and
//! the only way out is the [`http::Host`] that a call brings along. So all of it runs natively under `cargo test`;
//! `rbm-plugin` puts the component around it. Nothing is kept between calls; time comes with each call; nothing is random.

pub mod settings;

pub mod check;
pub mod class;
mod finding;
pub mod send;

mod answer;
mod compose;
pub mod http;
mod platform;

pub mod capabilities;
pub mod reach;
pub mod revoke;
pub mod signal;
pub mod testers;
pub mod upload;

pub mod on_event;
pub mod signature;
pub mod tag;

mod notice;

pub mod describe;
pub mod plain_text;

//! The host's only way out, over real HTTP on loopback: where a request may go and with what, what comes back of it, and
//! how a service account's key becomes a token. Nothing goes where it is not listed, and no secret is ever told.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fetch;
mod key;
mod platform;
mod server;

mod allow_list;
mod answer;
mod assertion;
mod bearer;
mod connections;
mod destination;
mod key_file;
mod private_address;
mod request;
mod revoked;
mod secrets;
mod token;
mod token_endpoint;

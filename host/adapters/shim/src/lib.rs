//! The plugin's `http-client` where the host offers `wasi:http`: the same promises as `rbm-host`'s egress, as far as a component
//! can keep them. Requests go to the platform's own origins only, and credentials are added here, out of the plugin's sight.
//!
//! A private key never gets here. The host's environment has a token that somebody else renews (`RBM_ACCESS_TOKEN`), or says
//! that the platform it runs on gives one (`RBM_TOKEN_SOURCE=metadata`).

#![cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "the tests use a part of it")
)]

#[cfg(any(target_family = "wasm", test))]
mod address;
#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod token;

//! The smallest plugin that keeps the contract: its channel is an address that texts are posted to, and whoever knows a secret
//! is believed to be the platform. Begin here with a channel of your own.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
mod echo;

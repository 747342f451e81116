//! Holds any plugin to what the contract promises and its types cannot: that it describes itself, asks for its settings, keeps
//! nothing between calls, sends only where it is told to send, believes nothing that nobody signed, and returns whatever it is
//! given.
//!
//! Nothing leaves this machine: whoever answers a plugin's requests here is a script. What the platform of a plugin would do with
//! its messages is not looked at; a plugin that passes keeps the contract, and may still be wrong about its platform.

mod call;
mod describing;
mod lab;
mod promise;
mod samples;
mod script;
mod sending;
mod settings;
mod webhooks;

pub use promise::{PROMISES, Promise};

use gateway_channel::Setting;
use lab::Lab;
use rbm_host::Plugin;

/// A promise, and what was seen that breaks it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// Which.
    pub promise: &'static Promise,
    /// Empty for one that was kept. Each is a sentence.
    pub broken: Vec<String>,
}

/// Holds a plugin to all promises, in their order. `settings` must be good ones for it: made up, but such as its platform would give.
pub async fn conform(plugin: &Plugin, settings: Vec<Setting>) -> Vec<Judged> {
    let mut lab = Lab::new(plugin, settings);
    describing::hold(&mut lab).await;
    settings::hold(&mut lab).await;
    webhooks::hold(&mut lab).await;
    sending::hold(&mut lab).await;
    lab.judged()
}

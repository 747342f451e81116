//! Says who the plugin is, and what it can do.

use crate::settings;
use gateway_channel::Description;

/// The plugin, its settings, and what it can do.
pub fn describe() -> Description {
    Description {
        name: "rbm".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: settings::descriptions(),
        features: FEATURES.map(str::to_owned).to_vec(),
    }
}

/// Every function of `channel` that a plugin may leave out, and `invite`, which is that of `testers`.
const FEATURES: [&str; 11] = [
    "check",
    "plain-text",
    "send",
    "revoke",
    "signal",
    "capabilities",
    "reach",
    "upload",
    "invite",
    "verify-signature",
    "on-event",
];

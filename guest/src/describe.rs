//! Says who the plugin is, and what it can do.

use crate::{answer, settings};
use gateway_channel::{ChannelFailure, Description, FailureCode};

/// The plugin, its settings, and the functions that do more than answer `unsupported`.
pub fn describe() -> Description {
    Description {
        name: "rbm".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: settings::descriptions(),
        features: FEATURES.map(str::to_owned).to_vec(),
    }
}

/// The answer of a function that is not among the features.
pub fn unsupported(function: &str) -> ChannelFailure {
    answer::failure(FailureCode::Unsupported, format!("this version of the plugin does not do `{function}`"))
}

const FEATURES: [&str; 8] =
    ["check", "plain-text", "send", "revoke", "signal", "capabilities", "verify-signature", "on-event"];

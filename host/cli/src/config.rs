//! `rbm.toml`: what the gateway is told before it starts. Flags win over the environment, the environment over the file,
//! the file over defaults; everything that is wrong is found at once, and secrets are never shown.

#[expect(dead_code, reason = "the gateway reads it")]
mod validated;

#[expect(unused_imports, reason = "the gateway reads them")]
pub(crate) use validated::{
    Admin, AgentConfig, CallbackConfig, Config, Log, LogFormat, OptOut, Partner, Platform, QuietHours, Rate, Retention,
    Server, Store, Tls,
};

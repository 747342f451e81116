//! People who may receive before a sender is launched: the contract's interface `testers`, which a plugin may leave out.

use gateway_channel::{ChannelFailure, FailureCode};
use wasmtime::component::{ComponentType, Lift, Lower};

/// How a person has answered an invitation.
#[derive(Clone, Copy, ComponentType, Debug, Eq, Lift, Lower, PartialEq)]
#[component(enum)]
#[repr(u8)]
pub enum Invitation {
    /// No answer yet.
    #[component(name = "pending")]
    Pending,
    /// The person may receive.
    #[component(name = "accepted")]
    Accepted,
    /// The person does not want to.
    #[component(name = "declined")]
    Declined,
    /// The platform did not say.
    #[component(name = "unstated")]
    Unstated,
}

/// For a plugin that leaves them out.
pub(crate) fn unsupported() -> ChannelFailure {
    ChannelFailure {
        code: FailureCode::Unsupported,
        message: "this plugin does not manage testers".to_owned(),
        retry_after_seconds: None,
        http_status: None,
        platform_status: None,
        platform_message: None,
        findings: Vec::new(),
    }
}

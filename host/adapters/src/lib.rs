//! What loads the plugin into hosts that know nothing of its contract but serve WASI: two components, and how they are joined
//! with it.
//!
//! `shim` offers the contract's `http-client` and asks for `wasi:http`; `front` serves `wasi:http` and asks for a channel. One
//! component that did both would depend on itself. The plugin is the same in every composition, byte for byte.

mod compose;

pub use compose::{ComposeProblem, application, with_wasi_http};

/// Offers `gateway:channel/http-client` over `wasi:http/outgoing-handler`.
pub const SHIM: &[u8] = include_bytes!(env!("RBM_SHIM_FILE"));
/// Serves `wasi:http/incoming-handler` over `gateway:channel/channel`.
pub const FRONT: &[u8] = include_bytes!(env!("RBM_FRONT_FILE"));
/// The contract, as registries of components take it.
pub const CONTRACT: &[u8] = include_bytes!(env!("RBM_CONTRACT_FILE"));
/// The contract, as people read it: file names and texts.
pub const CONTRACT_TEXTS: [(&str, &str); 2] = [
    ("channel.wit", include_str!("../../../wit/channel.wit")),
    ("types.wit", include_str!("../../../wit/types.wit")),
];

//! Plugins for tests, as the bytes of WebAssembly components.

/// Posts texts to an address, and keeps the contract.
pub const ECHO: &[u8] = include_bytes!(env!("ECHO_FILE"));
/// The same, but for the one promise that its setting `breaks` names.
pub const ROGUE: &[u8] = include_bytes!(env!("ROGUE_FILE"));

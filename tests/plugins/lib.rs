//! Plugins for tests, as the bytes of WebAssembly components, and where what the runtime compiles of any plugin is kept.

use std::env::temp_dir;
use std::path::PathBuf;

/// Posts texts to an address, and keeps the contract.
pub const ECHO: &[u8] = include_bytes!(env!("ECHO_FILE"));
/// The same, but for the one promise that its setting `breaks` names.
pub const ROGUE: &[u8] = include_bytes!(env!("ROGUE_FILE"));

/// One directory for all tests, so that a plugin is compiled once. Not below `target`: a checkout that a group can write is no
/// place for a cache of machine code.
pub fn compilation_cache() -> PathBuf {
    temp_dir().join(format!("rbm-tests-{}", rustix::process::geteuid().as_raw()))
}

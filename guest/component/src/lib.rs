//! The component around the plugin: its heap, and its exports, which exist in WebAssembly only.
//!
//! The level at which the package that is linked last is compiled is the level of the passes that run over all of them
//! together. So this is compiled for speed, although there is little in it, and the packages that are to be small say so of
//! their own functions.

#[cfg(any(target_family = "wasm", test))]
mod arena;

#[cfg(target_family = "wasm")]
use rbm_exports as _;

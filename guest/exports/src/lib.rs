//! The plugin's exports, which exist in WebAssembly only.
//!
//! A package of its own because it is compiled for size, and the component around it for speed: what lifts and lowers is the
//! larger part of the component, and runs once a call.

#[cfg(target_family = "wasm")]
mod component;

//! The component around the plugin: what of it exists in WebAssembly only.
//!
//! A package of its own because what carries values across the boundary is compiled for speed, and most of the plugin for
//! size.

#[cfg(any(target_family = "wasm", test))]
mod arena;
#[cfg(target_family = "wasm")]
mod component;

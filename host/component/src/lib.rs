//! The plugin that speaks RCS Business Messaging, as the bytes of a WebAssembly component.
//!
//! There is no code here: the build script builds the guest, and this crate carries the result, so that a binary needs no
//! file beside it. The component imports `gateway:channel/http-client` and nothing else.

/// A component of the world `gateway:channel/plugin`.
pub const COMPONENT: &[u8] = include_bytes!(env!("RBM_COMPONENT_FILE"));

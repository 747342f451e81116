//! The store on a disk that fails: the power goes, every single operation fails, bits flip. What was acknowledged is there
//! afterwards, each once; what could not be kept was never acknowledged.
//!
//! All of it happens in memory and in this process ([`disk`]); each promise has a negative control that breaks it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod disk;
mod kept;
mod locks;
#[path = "../made/mod.rs"]
mod made;
mod power;
mod random;
mod rot;
mod script;
mod step;
mod vfs;

//! WASI 0.2 as the adapters use it: a request and its whole answer, the clock, randomness, the environment, a line to stderr.
//!
//! Of its own because both adapters want it, and built without Rust's own WASI target so that a component asks its host for
//! what is named in `wit/wasi.wit` and nothing else: not for files, not for arguments. There is no policy in it.

#[cfg(target_family = "wasm")]
pub mod body;
#[cfg(target_family = "wasm")]
pub mod machine;
#[cfg(target_family = "wasm")]
pub mod outgoing;

#[cfg(target_family = "wasm")]
pub use bindings::wasi;

#[cfg(target_family = "wasm")]
#[expect(missing_docs, reason = "written by wit-bindgen")]
#[expect(clippy::pedantic, reason = "written by wit-bindgen")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "rbm:wasi/imports", generate_all });
}

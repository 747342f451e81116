//! The echo, but for the one promise of the contract that its setting `breaks` names: what a check must find, or it checks nothing.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
#[path = "../../echo/src/echo.rs"]
mod echo;

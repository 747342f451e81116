//! What `bindgen!` makes of the contract's world. Private: the types are those of `gateway_channel`, and everything else is
//! wrapped.

#![expect(
    missing_docs,
    unreachable_pub,
    reason = "written by wasmtime's bindgen"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: { default: async | trappable },
    exports: { default: async },
    with: { "gateway:channel/types@0.1.0": crate::bindings::shapes },
});

/// The contract's types, in the form in which the macro wants to find an interface.
pub mod shapes {
    pub use gateway_channel::*;

    /// An interface of types only asks nothing of a host.
    pub trait Host {}
    impl<T: ?Sized> Host for T {}

    /// The same.
    pub trait HostWithStore<T> {}
    impl<T, D: ?Sized> HostWithStore<T> for D {}

    /// Nothing but the interface's name.
    pub fn add_to_linker<T: 'static, D: wasmtime::component::HasData>(
        linker: &mut wasmtime::component::Linker<T>,
        _: fn(&mut T) -> D::Data<'_>,
    ) -> wasmtime::Result<()> {
        linker.instance("gateway:channel/types@0.1.0").map(|_| ())
    }
}

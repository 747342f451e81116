//! The functions that a plugin exports. Their types are compared with the contract's in the plugin's first instance, and not
//! again: what `bindgen!` makes compares those of all twelve in every instance, which takes as long as a call.

use crate::bindings::PluginIndices;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower, TypedFunc,
};
use wasmtime::{AsContextMut, format_err};

/// A function of the contract's interface `channel`.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    Describe,
    CheckSettings,
    Check,
    PlainText,
    Send,
    Revoke,
    Signal,
    Capabilities,
    Reach,
    Upload,
    VerifySignature,
    OnEvent,
}

impl Function {
    /// Its name in the contract.
    pub(crate) fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// Where a component has the functions.
pub(crate) struct Exports {
    indices: [ComponentExportIndex; NAMES.len()],
    all: PluginIndices,
    compared: AtomicBool,
}

impl Exports {
    /// An error names the function that the component lacks.
    pub(crate) fn find<T: 'static>(component: &Component, template: &InstancePre<T>) -> wasmtime::Result<Self> {
        let lacks = |name: &str| format_err!("it does not export {name}");
        let all = PluginIndices::new(template)?;
        let channel = component.get_export_index(None, CHANNEL).ok_or_else(|| lacks(CHANNEL))?;
        let mut indices = Vec::with_capacity(NAMES.len());
        for name in NAMES {
            indices.push(component.get_export_index(Some(&channel), name).ok_or_else(|| lacks(name))?);
        }
        let indices = indices.try_into().unwrap_or_else(|_| unreachable!("there is one for each name"));
        Ok(Self { indices, all, compared: AtomicBool::new(false) })
    }

    /// Compares the types of all functions, if no other instance has done so.
    pub(crate) fn compare(&self, store: impl AsContextMut, instance: &Instance) -> wasmtime::Result<()> {
        if !self.compared.load(Ordering::Acquire) {
            self.all.load(store, instance)?;
            self.compared.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// The function in an instance that has been compared. A function is always asked for with the types of the contract:
    /// each has one caller.
    pub(crate) fn function<P, R>(
        &self,
        function: Function,
        mut store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<TypedFunc<P, R>>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let found = instance.get_func(&mut store, self.indices[function as usize]);
        let found = found.ok_or_else(|| format_err!("{} is no function", function.name()))?;
        debug_assert!(found.typed::<P, R>(&store).is_ok(), "{} is asked for with its own types", function.name());
        // SAFETY: the types of this function, here and in the component, were compared.
        #[expect(unsafe_code, reason = "comparing them in every instance costs as much as a call")]
        Ok(unsafe { TypedFunc::new_unchecked(found) })
    }
}

const CHANNEL: &str = "gateway:channel/channel@0.1.0";
/// In the order of [`Function`].
const NAMES: [&str; 12] = [
    "describe",
    "check-settings",
    "check",
    "plain-text",
    "send",
    "revoke",
    "signal",
    "capabilities",
    "reach",
    "upload",
    "verify-signature",
    "on-event",
];

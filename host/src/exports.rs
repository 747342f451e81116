//! The functions that a plugin exports. Their types are compared with the contract's in the plugin's first instance, and not
//! again: what `bindgen!` makes compares all of them in every instance, which takes as long as a call.

use crate::bindings::PluginIndices;
use crate::testers::Invitation;
use gateway_channel::{ChannelFailure, Context};
use std::sync::atomic::{AtomicBool, Ordering};
use wasmtime::component::{
    self, Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower,
    TypedFunc,
};
use wasmtime::{AsContextMut, format_err};

/// A function of the contract's interfaces `channel` and, the last one, `testers`.
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
    Invite,
}

impl Function {
    /// Its name in the contract.
    pub(crate) fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// Where a component has the functions.
pub(crate) struct Exports {
    /// None for what this plugin may leave out, and does.
    indices: [Option<ComponentExportIndex>; NAMES.len()],
    all: PluginIndices,
    compared: AtomicBool,
}

impl Exports {
    /// An error names the function that the component lacks.
    pub(crate) fn find<T: 'static>(
        component: &Component,
        template: &InstancePre<T>,
    ) -> wasmtime::Result<Self> {
        let lacks = |name: &str| format_err!("it does not export {name}");
        let all = PluginIndices::new(template)?;
        let channel = component
            .get_export_index(None, CHANNEL)
            .ok_or_else(|| lacks(CHANNEL))?;
        let testers = component.get_export_index(None, TESTERS);
        let mut indices = [None; NAMES.len()];
        for (index, name) in indices.iter_mut().zip(NAMES) {
            let interface = if name == Function::Invite.name() {
                testers
            } else {
                Some(channel)
            };
            let find = |interface| {
                component
                    .get_export_index(Some(&interface), name)
                    .ok_or_else(|| lacks(name))
            };
            *index = interface.map(find).transpose()?;
        }
        Ok(Self {
            indices,
            all,
            compared: AtomicBool::new(false),
        })
    }

    /// Compares the types of all functions, if no other instance has done so.
    pub(crate) fn compare(
        &self,
        mut store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<()> {
        if !self.compared.load(Ordering::Acquire) {
            self.all.load(&mut store, instance)?;
            if self.has(Function::Invite) {
                self.find_in(Function::Invite, &mut store, instance)?
                    .typed::<(&Context, &str), (Result<Invitation, ChannelFailure>,)>(&store)?;
            }
            self.compared.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Whether the plugin has a function that it may leave out.
    pub(crate) fn has(&self, function: Function) -> bool {
        self.indices[function as usize].is_some()
    }

    fn find_in(
        &self,
        function: Function,
        store: impl AsContextMut,
        instance: &Instance,
    ) -> wasmtime::Result<component::Func> {
        let found =
            self.indices[function as usize].and_then(|index| instance.get_func(store, index));
        found.ok_or_else(|| format_err!("{} is no function", function.name()))
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
        let found = self.find_in(function, &mut store, instance)?;
        debug_assert!(
            found.typed::<P, R>(&store).is_ok(),
            "{} is asked for with its own types",
            function.name()
        );
        // SAFETY: the types of this function, here and in the component, were compared.
        #[expect(
            unsafe_code,
            reason = "comparing them in every instance costs as much as a call"
        )]
        Ok(unsafe { TypedFunc::new_unchecked(found) })
    }
}

const CHANNEL: &str = "gateway:channel/channel@0.1.0";
const TESTERS: &str = "gateway:channel/testers@0.1.0";
/// In the order of [`Function`].
const NAMES: [&str; 13] = [
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
    "invite",
];

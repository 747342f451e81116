//! Plugins written as WebAssembly text: honest in everything but what a test writes by hand. Signatures come from the
//! contract's WIT and are never typed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{
    Function, LiftLowerAbi, ManglingAndAbi, Resolve, WasmExport, WasmExportKind, WasmImport,
    WorldId, WorldItem, WorldKey,
};

/// A plugin to be. What is not set is honest: memory that grows, an allocator, and functions that return empty values.
pub(crate) struct Sketch {
    resolve: Resolve,
    world: WorldId,
    /// The body of a core function, by the name of the contract's function.
    bodies: BTreeMap<&'static str, String>,
    /// The body of what is called after the result was read, by the name of the contract's function.
    after: BTreeMap<&'static str, String>,
    allocator: String,
    memory: String,
    fields: String,
}

impl Sketch {
    /// Of the contract.
    pub(crate) fn new() -> Self {
        Self::of_wit(CONTRACT)
    }

    /// Of the world `plugin` in this WIT, which may be anything.
    pub(crate) fn of_wit(text: &str) -> Self {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("plugin.wit", text).unwrap();
        let world = resolve.select_world(&[package], Some("plugin")).unwrap();
        let (bodies, after) = (BTreeMap::new(), BTreeMap::new());
        let (allocator, memory) = (ALLOCATOR.to_owned(), MEMORY.to_owned());
        Self {
            resolve,
            world,
            bodies,
            after,
            allocator,
            memory,
            fields: String::new(),
        }
    }

    /// What a function of the contract does. Its parameters are locals; `$fetch` is the host's.
    pub(crate) fn function(mut self, name: &'static str, body: &str) -> Self {
        self.bodies.insert(name, body.to_owned());
        self
    }

    /// What is done after the host has read the result of a function.
    pub(crate) fn after(mut self, name: &'static str, body: &str) -> Self {
        self.after.insert(name, body.to_owned());
        self
    }

    /// What the host's wish for memory meets. Local 2 is the alignment, local 3 the size.
    pub(crate) fn allocator(mut self, body: &str) -> Self {
        body.clone_into(&mut self.allocator);
        self
    }

    /// How many pages of memory there are at the start.
    pub(crate) fn memory_pages(mut self, pages: u32) -> Self {
        self.memory = format!(r#"(memory (export "memory") {pages})"#);
        self
    }

    /// Further fields of the core module.
    pub(crate) fn field(mut self, field: &str) -> Self {
        writeln!(self.fields, "{field}").unwrap();
        self
    }

    /// What is in memory at the start.
    pub(crate) fn data(self, address: u32, bytes: &[u8]) -> Self {
        let bytes: String = bytes
            .iter()
            .fold(String::new(), |text, byte| text + &format!("\\{byte:02x}"));
        self.field(&format!(r#"(data (i32.const {address}) "{bytes}")"#))
    }

    /// The same in words of 32 bits.
    pub(crate) fn words(self, address: u32, words: &[u32]) -> Self {
        self.data(
            address,
            &words
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect::<Vec<u8>>(),
        )
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.module()).unwrap();
        embed_component_metadata(&mut module, &self.resolve, self.world, StringEncoding::UTF8)
            .unwrap();
        ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .unwrap()
            .encode()
            .unwrap()
    }

    fn module(&self) -> String {
        let world = &self.resolve.worlds[self.world];
        let imports = world
            .imports
            .iter()
            .flat_map(|(key, item)| self.functions(key, item));
        let exports = world
            .exports
            .iter()
            .flat_map(|(key, item)| self.functions(key, item));
        let imports: String = imports
            .map(|(key, function)| self.import(key, function))
            .collect();
        let exports: String = exports
            .map(|(key, function)| self.export(key, function))
            .collect();
        let (memory, fields, allocator) = (&self.memory, &self.fields, &self.allocator);
        format!(
            r#"(module {imports} {memory} {fields} (global $heap (mut i32) (i32.const {HEAP}))
                (func $allocate (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local i32) {allocator})
                {exports})"#
        )
    }

    fn functions<'a>(
        &'a self,
        key: &'a WorldKey,
        item: &'a WorldItem,
    ) -> impl Iterator<Item = (&'a WorldKey, &'a Function)> {
        let WorldItem::Interface { id, .. } = item else {
            panic!("a plugin's functions are all in interfaces")
        };
        self.resolve.interfaces[*id]
            .functions
            .values()
            .map(move |function| (key, function))
    }

    fn import(&self, key: &WorldKey, function: &Function) -> String {
        let name = WasmImport::Func {
            interface: Some(key),
            func: function,
        };
        let (module, name) = self.resolve.wasm_import_name(SYNC, name);
        let signature = signature(
            &self
                .resolve
                .wasm_signature(AbiVariant::GuestImport, function),
        );
        format!(
            "(import {module:?} {name:?} (func ${} {signature}))\n",
            function.name
        )
    }

    fn export(&self, key: &WorldKey, function: &Function) -> String {
        let core = self
            .resolve
            .wasm_signature(AbiVariant::GuestExport, function);
        let empty = if core.results.is_empty() {
            ""
        } else {
            EMPTY_RESULT
        };
        let body = self
            .bodies
            .get(function.name.as_str())
            .map_or(empty, String::as_str);
        let name = self.export_name(key, function, WasmExportKind::Normal);
        let mut text = format!(
            "(func ${} (export {name:?}) {} {body})\n",
            function.name,
            signature(&core)
        );
        if let Some(body) = self.after.get(function.name.as_str()) {
            let name = self.export_name(key, function, WasmExportKind::PostReturn);
            writeln!(
                text,
                "(func (export {name:?}) {} {body})",
                types("param", &core.results)
            )
            .unwrap();
        }
        text
    }

    fn export_name(&self, interface: &WorldKey, func: &Function, kind: WasmExportKind) -> String {
        self.resolve.wasm_export_name(
            SYNC,
            WasmExport::Func {
                interface: Some(interface),
                func,
                kind,
            },
        )
    }
}

/// Fetches once and does not look at the answer.
pub(crate) fn fetching() -> Sketch {
    Sketch::new().function("verify-signature", &format!("{FETCH} (i32.const 0x100)"))
}

/// The end of `verify-signature` that tells the test a number, as its verdict's token.
pub(crate) fn tell(number: &str) -> String {
    format!(
        "(i32.store (i32.const 0x108) {number}) (i32.store8 (i32.const 0x104) (i32.const 1)) (i32.const 0x100)"
    )
}

fn signature(signature: &WasmSignature) -> String {
    format!(
        "{} {}",
        types("param", &signature.params),
        types("result", &signature.results)
    )
}

fn types(keyword: &str, types: &[WasmType]) -> String {
    let name = |kind: &WasmType| match kind {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => " i32",
        WasmType::I64 | WasmType::PointerOrI64 => " i64",
        WasmType::F32 => " f32",
        WasmType::F64 => " f64",
    };
    if types.is_empty() {
        String::new()
    } else {
        format!("({keyword}{})", types.iter().map(name).collect::<String>())
    }
}

/// The contract in one text.
pub(crate) const CONTRACT: &str = concat!(
    include_str!("../../../wit/types.wit"),
    include_str!("../../../wit/channel.wit")
);
/// Asks for HTTP with nothing in the request. The answer is at 0x200, and 0x80 says that it was asked for.
pub(crate) const FETCH: &str = "
    (i32.store (i32.const 0x80) (i32.const 1))
    (call $fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0x200))";
pub(crate) const FOREVER: &str = "(loop $forever (br $forever)) unreachable";
pub(crate) const FILL_FOREVER: &str = "
    (loop $forever (memory.fill (i32.const 0x10000) (i32.const 1) (i32.const 0x10000)) (br $forever)) unreachable";

const SYNC: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
const MEMORY: &str = r#"(memory (export "memory") 2)"#;
/// The first page is for what a test puts there.
const HEAP: u32 = 0x1_0000;
/// Nothing but zeros is here unless a test writes it, and zeros are the empty value of every type of the contract.
const EMPTY_RESULT: &str = "(i32.const 0x100)";
/// Hands out what follows, by 8, and asks for pages one by one until there are enough. Nothing is ever given back.
const ALLOCATOR: &str = "
    (local.set 4 (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get 4) (local.get 3)))
    (loop $more
        (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 0x10000)))
            (then (if (i32.lt_s (memory.grow (i32.const 1)) (i32.const 0)) (then unreachable)) (br $more))))
    (local.get 4)";

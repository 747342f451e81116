//! The WebAssembly engine: its settings, its clock of ticks, and what it takes for a plugin.

use crate::bindings;
use crate::cache::CompilationCache;
use crate::exports::Exports;
use crate::instance::CallState;
use crate::limits::Limits;
use crate::observer::Observer;
use crate::plugin::Plugin;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::Semaphore;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// Compiles plugins and bounds how many calls run at once. Cloning is cheap; one is enough for a process.
#[derive(Clone)]
pub struct Engine {
    runtime: wasmtime::Engine,
    limits: Arc<Limits>,
    turns: Arc<Semaphore>,
    observer: Option<Arc<dyn Observer>>,
    cache: Option<Arc<CompilationCache>>,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineProblem {
    /// The machine or the settings do not allow it, such as too little address space for so many instances.
    #[error(
        "no WebAssembly engine with {instances_max} instances of {memory_bytes_max} bytes: {reason}"
    )]
    NotAvailable {
        /// As set.
        instances_max: u32,
        /// As set.
        memory_bytes_max: usize,
        /// In the runtime's words.
        reason: String,
    },
}

/// Why these bytes are not a plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadProblem {
    /// Not WebAssembly, or not a component, or of a kind that this engine does not run.
    #[error("not a WebAssembly component: {reason}")]
    NotAComponent {
        /// In the runtime's words.
        reason: String,
    },
    /// It wants something of the outside that no plugin gets.
    #[error(
        "the component imports {name:?}, and a plugin may import nothing but gateway:channel/http-client@0.1.x"
    )]
    UnknownImport {
        /// The import.
        name: String,
    },
    /// It is a component of some other kind.
    #[error("the component does not export gateway:channel/channel@0.1.x; it exports {exports:?}")]
    MissingExport {
        /// What it exports.
        exports: Vec<String>,
    },
    /// The names are right and the types behind them are not. What the channel's functions take and return shows only when
    /// an instance starts: [`crate::CallProblem::NotStarted`].
    #[error("the component is of another contract: {reason}")]
    WrongTypes {
        /// In the runtime's words.
        reason: String,
    },
}

impl Engine {
    /// Sets up the runtime. Its clock ticks on a thread that ends with the last clone of the engine.
    pub fn new(limits: Limits) -> Result<Self, EngineProblem> {
        Self::start(limits, None)
    }

    /// Like [`Engine::new`], and keeps what it compiles in a directory, so that a plugin that was compiled there before is loaded
    /// in a few milliseconds.
    ///
    /// The directory holds machine code that this process runs. It is created with mode 0700 if it is missing, and is used only if
    /// it belongs to the user that this process runs as, and no other user can enter or replace it. Otherwise plugins are compiled
    /// as by [`Engine::new`], and the reason is logged at INFO. An entry that is damaged when the engine starts is compiled again.
    /// The newest 16 entries are kept. Engines and processes may share a directory.
    pub fn with_cache(limits: Limits, directory: &Path) -> Result<Self, EngineProblem> {
        let cache = CompilationCache::open(directory).inspect_err(|error| {
            tracing::info!(directory = %directory.display(), %error, "compilation cache not used");
        });
        Self::start(limits, cache.ok())
    }

    fn start(limits: Limits, cache: Option<CompilationCache>) -> Result<Self, EngineProblem> {
        let mut config = config(&limits);
        config.cache(cache.as_ref().map(CompilationCache::runtime));
        let engine =
            wasmtime::Engine::new(&config).map_err(|problem| EngineProblem::NotAvailable {
                instances_max: limits.instances_max,
                memory_bytes_max: limits.memory_bytes_max,
                reason: format!("{problem:#}"),
            })?;
        tick(&engine);
        let turns = Arc::new(Semaphore::new(limits.instances_max as usize));
        Ok(Self {
            runtime: engine,
            limits: Arc::new(limits),
            turns,
            observer: None,
            cache: cache.map(Arc::new),
        })
    }

    /// How many plugins were compiled and written to the cache; `None` if no cache is used.
    pub fn cache_misses(&self) -> Option<usize> {
        self.cache.as_ref().map(|cache| cache.misses())
    }

    /// Lets somebody hear of every call into the plugins that it loads from now on.
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn Observer>) -> Self {
        Self {
            observer: Some(observer),
            ..self
        }
    }

    /// Compiles a component, or takes it from the cache, and checks that it is a plugin and imports no more than one may have.
    /// Compiling the RBM plugin takes a fifth of a second, and four seconds where wasmtime itself is built without optimisation.
    pub fn load(&self, component: &[u8]) -> Result<Plugin, LoadProblem> {
        let component = Component::new(&self.runtime, component).map_err(|problem| {
            LoadProblem::NotAComponent {
                reason: format!("{problem:#}"),
            }
        })?;
        if let Some(cache) = &self.cache {
            cache.record();
        }
        self.check_names(&component)?;
        let mut linker = Linker::new(&self.runtime);
        let wrong_types = |problem: wasmtime::Error| LoadProblem::WrongTypes {
            reason: format!("{problem:#}"),
        };
        bindings::Plugin::add_to_linker::<_, HasSelf<CallState>>(&mut linker, |state| state)
            .map_err(wrong_types)?;
        let template = linker.instantiate_pre(&component).map_err(wrong_types)?;
        let exports = Exports::find(&component, &template).map_err(wrong_types)?;
        Ok(Plugin::new(
            template,
            exports,
            self.limits.clone(),
            self.turns.clone(),
            self.observer.clone(),
        ))
    }

    fn check_names(&self, component: &Component) -> Result<(), LoadProblem> {
        let kind = component.component_type();
        let unknown = kind
            .imports(&self.runtime)
            .find(|(name, _)| !IMPORTS.iter().any(|import| name.starts_with(import)));
        if let Some((name, _)) = unknown {
            return Err(LoadProblem::UnknownImport {
                name: name.to_owned(),
            });
        }
        let exports: Vec<String> = kind
            .exports(&self.runtime)
            .map(|(name, _)| name.to_owned())
            .collect();
        if exports.iter().any(|name| name.starts_with(EXPORT)) {
            Ok(())
        } else {
            Err(LoadProblem::MissingExport { exports })
        }
    }
}

fn config(limits: &Limits) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Components with asynchronous functions are not run, and each call is 0.3 µs quicker without them.
        .concurrency_support(false)
        .epoch_interruption(true)
        // A backtrace has names of the plugin's choosing, and problems are told in the host's words only.
        .wasm_backtrace_max_frames(None)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(limits.stack_bytes_max)
        .async_stack_size(limits.stack_bytes_max + HOST_STACK_BYTES)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    config
}

/// Tuned for a fresh instance each call: what a call touched is wiped by hand, not given back to the kernel, which would
/// cost two threads more than it costs one.
fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(limits.instances_max)
        .total_core_instances(limits.instances_max * CORE_INSTANCES_MAX)
        .total_memories(limits.instances_max)
        .total_tables(limits.instances_max * TABLES_MAX)
        .total_stacks(limits.instances_max)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES_MAX)
        .max_memory_size(limits.memory_bytes_max)
        .table_elements(limits.table_elements_max)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT_BYTES);
    pool
}

/// A deadline is counted in ticks, so somebody has to make them.
fn tick(engine: &wasmtime::Engine) {
    let engine = engine.weak();
    thread::spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    });
}

/// How often a running guest is looked at.
pub(crate) const TICK: Duration = Duration::from_millis(10);

const IMPORTS: [&str; 2] = [
    "gateway:channel/http-client@0.1.",
    "gateway:channel/types@0.1.",
];
const EXPORT: &str = "gateway:channel/channel@0.1.";
/// A component is a main module and small ones that join it to its imports.
const CORE_INSTANCES_MAX: u32 = 4;
const TABLES_MAX: u32 = 4;
/// Above what a plugin's memory has at the start.
const KEEP_RESIDENT_BYTES: usize = 2 << 20;
const STACK_KEEP_RESIDENT_BYTES: usize = 64 << 10;
/// What host functions need on top of the guest's stack.
const HOST_STACK_BYTES: usize = 1 << 20;

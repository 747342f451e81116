//! The plugin that is built into this binary, ready to be run.

use anyhow::Context as _;
use rbm_component::COMPONENT;
use rbm_host::{Engine, Limits, Plugin};
use tokio::task::spawn_blocking;

/// Compiling it takes a moment, in which others may go on.
pub(crate) async fn load() -> anyhow::Result<Plugin> {
    let loading = spawn_blocking(|| anyhow::Ok(Engine::new(Limits::default())?.load(COMPONENT)?));
    loading.await.context("the plugin was not loaded")?
}

//! The plugin that is built into this binary, ready to be run.

use anyhow::Context as _;
use rbm_component::COMPONENT;
use rbm_host::{Engine, Limits, Observer, Plugin};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Compiling it takes a moment, in which others may go on.
pub(crate) async fn load(observer: Arc<dyn Observer>) -> anyhow::Result<Plugin> {
    let load = || {
        anyhow::Ok(
            Engine::new(Limits::default())?
                .with_observer(observer)
                .load(COMPONENT)?,
        )
    };
    let loading = spawn_blocking(load);
    loading.await.context("the plugin was not loaded")?
}

//! The plugin that is built into this binary, and the engine that runs it or any other.

use anyhow::Context as _;
use etcetera::BaseStrategy as _;
use rbm_component::COMPONENT;
use rbm_host::{Engine, Limits, Observer, Plugin};
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// The built-in plugin. Compiling it takes a moment, in which other tasks go on.
pub(crate) async fn load(observer: Arc<dyn Observer>) -> anyhow::Result<Plugin> {
    let load = || anyhow::Ok(engine()?.with_observer(observer).load(COMPONENT)?);
    let loading = spawn_blocking(load);
    loading.await.context("the plugin was not loaded")?
}

/// An engine with the default limits. What it compiles is kept for the next start.
pub(crate) fn engine() -> anyhow::Result<Engine> {
    let limits = Limits::default();
    let Some(directory) = cache_directory(|name| env::var_os(name)) else {
        return Ok(Engine::new(limits)?);
    };
    let engine = Engine::with_cache(limits, &directory)?;
    if engine.cache_misses().is_none() && env::var_os(CACHE_DIRECTORY).is_some() {
        tracing::warn!(
            directory = %directory.display(),
            "{CACHE_DIRECTORY} not used, RBM_LOG=rbm_host=info tells why"
        );
    }
    Ok(engine)
}

/// `RBM_CACHE_DIR`, where an empty value means no cache; or what systemd made for `CacheDirectory=`; or `rbm` in the user's
/// directory for caches.
fn cache_directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(directory) = variable(CACHE_DIRECTORY) {
        return (!directory.is_empty()).then(|| directory.into());
    }
    if let Some(directories) = variable("CACHE_DIRECTORY") {
        return env::split_paths(&directories).next();
    }
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.cache_dir().join("rbm"))
}

const CACHE_DIRECTORY: &str = "RBM_CACHE_DIR";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_environment_says() {
        let directory = |variables: &[(&str, &str)]| {
            cache_directory(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.into())
            })
        };
        let systemd = ("CACHE_DIRECTORY", "/var/cache/rbm:/var/cache/other");
        assert_eq!(
            directory(&[("RBM_CACHE_DIR", "/a"), systemd]),
            Some("/a".into())
        );
        assert_eq!(
            directory(&[("RBM_CACHE_DIR", ""), systemd]),
            None,
            "switched off"
        );
        assert_eq!(directory(&[systemd]), Some("/var/cache/rbm".into()));
        let users = directory(&[]);
        assert!(users.is_none_or(|users| users.is_absolute() && users.ends_with("rbm")));
    }
}

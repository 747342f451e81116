//! `rbm serve`: the gateway in earnest, as `rbm.toml` says. It may be killed at any moment; told to stop (SIGTERM, Ctrl-C), it
//! ends what is under way first, and told to read its configuration again (SIGHUP), it goes on as before if that is wrong.

mod limit;
mod senders;

use crate::config::{self, CallbackConfig, Config};
use crate::exit::Failure;
use crate::signals::{Signal, Signals};
use crate::{capacity, excerpt, log, opt_out, output, plugin};
use anyhow::{Context as _, anyhow};
use rbm_clock::Clock;
use rbm_gateway::store::retention::{DedupeDays, Retention};
use rbm_gateway::{Gateway, Guard, Metrics};
use rbm_host::Plugin;
use rbm_sqlite::{OpenProblem, SqliteStore};
use sd_notify::NotifyState;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: config::Arguments,
    /// Prints one line of JSON with the addresses when ready.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = config::load(&arguments.config)?;
    log::start(&log::Settings::of(&config.log))?;
    limit::raise_descriptors();
    // Before anything is begun, so that none of them is missed.
    let mut signals = Signals::listen()?;
    let metrics = Arc::<Metrics>::default();
    let plugin = plugin::load(metrics.clone()).await?;
    let (gateway, admin) = start(&config, &plugin, metrics).await?;
    if arguments.json {
        output::line(json!({ "gateway": gateway.origin(), "admin": format!("http://{admin}") }))?;
    }
    tracing::info!(gateway = gateway.origin(), %admin, agents = config.agents.len(), "ready");
    tell_systemd(&[NotifyState::Ready]);
    let mut running = Running {
        config,
        plugin,
        gateway,
    };
    loop {
        match signals.next().await {
            Signal::Stop => return running.stop(signals).await,
            Signal::Reload => running.reload(&arguments.config).await,
        }
    }
}

/// What runs, and what it was started with.
struct Running {
    config: Config,
    plugin: Plugin,
    gateway: Gateway,
}

impl Running {
    /// A second signal does not wait for what is under way: it is in the store, and goes on after the next start.
    async fn stop(self, mut signals: Signals) -> Result<(), Failure> {
        tracing::info!("stopping: what is under way has 25 s to end");
        tell_systemd(&[NotifyState::Stopping]);
        tokio::select! {
            () = self.gateway.shutdown() => {}
            () = signals.stop() => tracing::warn!("stopped again, and ended at once"),
        }
        Ok(())
    }

    /// All of it or nothing.
    async fn reload(&mut self, arguments: &config::Arguments) {
        tell_systemd(&[
            NotifyState::Reloading,
            NotifyState::monotonic_usec_now().unwrap_or(NotifyState::Reloading),
        ]);
        match self.replace(arguments).await {
            Ok(()) => tracing::info!(
                agents = self.config.agents.len(),
                "the configuration was read again"
            ),
            Err(failure) => {
                let reason = failure.reason();
                tracing::error!("everything stays as it was: {reason:#}");
            }
        }
        tell_systemd(&[NotifyState::Ready]);
    }

    async fn replace(&mut self, arguments: &config::Arguments) -> Result<(), Failure> {
        let config = config::load(arguments)?;
        needs_no_restart(&self.config, &config)?;
        let (senders, guard) = (
            senders::senders(&config, &self.plugin).await?,
            senders::guard(&config),
        );
        self.gateway
            .replace(senders, guard)
            .await
            .map_err(anyhow::Error::from)?;
        self.config = config;
        Ok(())
    }
}

async fn start(
    config: &Config,
    plugin: &Plugin,
    metrics: Arc<Metrics>,
) -> Result<(Gateway, SocketAddr), Failure> {
    let (senders, guard) = (
        senders::senders(config, plugin).await?,
        senders::guard(config),
    );
    let store = Arc::new(open_store(config)?);
    let counting = metrics.clone();
    store.on_commit(move |took| counting.committed(took));
    let listener = listen("server.listen", config.server.listen).await?;
    let admin = listen("admin.listen", config.admin.listen).await?;
    let admin_address = admin.local_addr().context("admin.listen has no address")?;
    let admin_guard = Guard {
        tokens: config.admin.token.iter().cloned().collect(),
        ..Guard::default()
    };
    let config = rbm_gateway::Config {
        senders,
        store,
        clock: Clock::system(),
        callbacks: senders::callbacks(config)?,
        capacity: capacity::published(),
        accepted_events: config.accepted_events,
        opt_out: opt_out::rules(&config.opt_out),
        retention: retention(&config.retention)?,
        guard,
        metrics,
        admin: Some((admin, admin_guard)),
    };
    Ok((
        Gateway::start(listener, config)
            .await
            .map_err(anyhow::Error::from)?,
        admin_address,
    ))
}

fn retention(config: &config::Retention) -> Result<Retention, Failure> {
    let config::Retention {
        seen_days,
        events_days,
        messages_days,
        quarantine_days,
    } = *config;
    let dedupe = DedupeDays::new(seen_days)
        .map_err(|problem| Failure::usage(format!("retention.seen_days: {problem}")))?;
    Ok(Retention {
        dedupe,
        messages_days,
        events_days,
        keep_events_after: None,
        // What was heard of a message that never came is of no use for longer than a redelivery may take.
        orphans_days: seen_days,
        quarantine_days,
    })
}

fn open_store(config: &Config) -> Result<SqliteStore, Failure> {
    let directory = &config.store.directory;
    let shown = excerpt::path(directory);
    SqliteStore::open(directory).map_err(|problem| match problem {
        OpenProblem::Directory { reason, .. } => {
            Failure::usage(format!("store.directory {shown} cannot be used: {reason}"))
        }
        problem => Failure::Failed(anyhow!("store.directory {shown}: {problem}")),
    })
}

async fn listen(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|problem| {
        Failure::Failed(anyhow!("{key} {address} cannot be listened on: {problem}"))
    })
}

/// What is bound, what is open and what runs by itself stays so until the end.
fn needs_no_restart(old: &Config, new: &Config) -> Result<(), Failure> {
    let changed = |key: &str, same: bool| {
        let again = || Failure::usage(format!("{key} has changed, and that needs a restart"));
        if same { Ok(()) } else { Err(again()) }
    };
    changed("server.listen", old.server.listen == new.server.listen)?;
    changed("admin.listen", old.admin.listen == new.admin.listen)?;
    changed("log", old.log == new.log)?;
    changed("retention", old.retention == new.retention)?;
    changed(
        "events.accepted",
        old.accepted_events == new.accepted_events,
    )?;
    changed(
        "opt_out.keywords",
        old.opt_out.keywords == new.opt_out.keywords,
    )?;
    changed("opt_out.words", old.opt_out == new.opt_out)?;
    changed(
        "store.directory",
        old.store.directory == new.store.directory,
    )?;
    changed(
        "admin.token",
        exposed(&old.admin.token) == exposed(&new.admin.token),
    )?;
    changed(
        "callbacks",
        old.callbacks
            .iter()
            .map(comparable)
            .eq(new.callbacks.iter().map(comparable)),
    )
}

fn exposed<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Vec<&'a str> {
    secrets
        .into_iter()
        .map(ExposeSecret::expose_secret)
        .collect()
}

fn comparable(callback: &CallbackConfig) -> impl PartialEq {
    let CallbackConfig {
        name,
        url,
        secrets,
        agents,
        from,
        order,
        allow_private_addresses,
    } = callback;
    (
        name,
        url,
        exposed(secrets),
        agents,
        from,
        order,
        allow_private_addresses,
    )
}

/// Where systemd does not wait for it, nobody minds.
fn tell_systemd(state: &[NotifyState<'_>]) {
    if let Err(problem) = sd_notify::notify(state) {
        tracing::warn!(%problem, "systemd could not be told");
    }
}

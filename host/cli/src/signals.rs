//! What the process is told from outside.

use anyhow::Context as _;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What it is told to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signal {
    /// SIGTERM, SIGINT
    Stop,
    /// SIGHUP
    Reload,
}

/// All of them, from now on.
pub(crate) struct Signals {
    ends: Ends,
    hang_up: Stream,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            ends: Ends::listen()?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            () = self.ends.next() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    /// Waits until it is told to stop.
    pub(crate) async fn stop(&mut self) {
        self.ends.next().await;
    }
}

/// Those that end a process, from now on. A SIGHUP ends one that does not listen for it.
pub(crate) struct Ends {
    terminate: Stream,
    interrupt: Stream,
}

impl Ends {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn listen(kind: SignalKind) -> anyhow::Result<Stream> {
    signal(kind).context("a signal cannot be waited for")
}

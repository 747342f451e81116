//! Writes to stdout without minding that nobody reads any more, as when `head` has seen enough.

use anyhow::Context as _;
use std::fmt::Display;
use std::io::{ErrorKind, Write as _, stdout};

/// One line.
pub(crate) fn line(text: impl Display) -> anyhow::Result<()> {
    bytes(format!("{text}\n").as_bytes())
}

/// These bytes, at once.
pub(crate) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(problem) if problem.kind() != ErrorKind::BrokenPipe => Err(problem).context("stdout could not be written"),
        _ => Ok(()),
    }
}

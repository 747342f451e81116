//! Writes to stdout without minding that nobody reads any more, as when `head` has seen enough.

use anyhow::Context as _;
use std::fmt::Display;
use std::io::{ErrorKind, Write as _, stdout};

/// One line.
pub(crate) fn line(text: impl Display) -> anyhow::Result<()> {
    bytes(format!("{text}\n").as_bytes())
}

/// One line; false if nobody reads any more.
pub(crate) fn is_read(text: &str) -> anyhow::Result<bool> {
    write(format!("{text}\n").as_bytes())
}

/// These bytes, at once.
pub(crate) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    write(bytes).map(drop)
}

fn write(bytes: &[u8]) -> anyhow::Result<bool> {
    let mut stdout = stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(problem) if problem.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(problem) => Err(problem).context("stdout could not be written"),
    }
}

//! Reads what a subcommand is given: a file, or stdin where it is called `-`.

use anyhow::Context as _;
use std::io::Read as _;
use std::path::Path;

/// All of it, as text.
pub(crate) fn text(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() != "-" {
        return std::fs::read_to_string(file).with_context(|| format!("{} could not be read", file.display()));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("stdin could not be read")?;
    Ok(text)
}

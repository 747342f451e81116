//! Reads what a subcommand is given: a file, or stdin where it is called `-`.

use crate::excerpt;
use anyhow::{Context as _, anyhow};
use secrecy::{ExposeSecret as _, SecretString};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// All of it, as text.
pub(crate) fn text(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        return read(std::io::stdin()).context("stdin could not be read");
    }
    let text = File::open(file).map_err(anyhow::Error::from).and_then(read);
    text.with_context(|| format!("{} could not be read", excerpt::path(file)))
}

/// The same, without the end of its line, which editors and `echo` add.
pub(crate) fn secret(file: &Path) -> anyhow::Result<SecretString> {
    let text: SecretString = text(file)?.into();
    Ok(text.expose_secret().trim_end_matches(['\r', '\n']).into())
}

/// A device has no end, and a pipe may have none.
fn read(from: impl Read) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    from.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(anyhow!("it has more than {BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).context("it is not UTF-8")
}

/// What some editors write before UTF-8. JSON does not begin with it. (RFC 8259 §8.1)
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';
/// Many times what a gateway takes.
const BYTES_MAX: u64 = 16 << 20;

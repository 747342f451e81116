//! Reads the configuration, the environment and the files that it names: the only place where a configuration meets the
//! machine. What they mean is not looked at here.

use super::environment::Variable;
use super::secret::Content;
use crate::exit::Failure;
use crate::input;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What was given on the command line.
#[derive(clap::Args, Clone, Debug, Default)]
// Part of others, whose structs have the same name.
#[group(skip)]
pub(crate) struct Arguments {
    /// The configuration, such as rbm.toml; `-` is stdin. Without it the environment says everything.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Overrules a key, such as server.listen=127.0.0.1:0. May be repeated. Secrets are not taken.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// All of it, as it was found.
pub(super) struct Found {
    /// What to call the file.
    pub(super) name: String,
    pub(super) text: String,
    pub(super) directory: PathBuf,
    pub(super) variables: Vec<Variable>,
    pub(super) flags: Vec<String>,
}

/// Finds it.
pub(super) fn find(arguments: &Arguments) -> Result<Found, Failure> {
    let file = arguments.config.as_deref();
    let text = file
        .map(input::text)
        .transpose()
        .map_err(|problem| Failure::usage(format!("{problem:#}")))?;
    // What stdin says is about the directory that one is in.
    let directory = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let directory = std::path::absolute(if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    });
    let directory = directory.map_err(|problem| {
        Failure::usage(format!("there is no directory to start at: {problem}"))
    })?;
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok())));
    Ok(Found {
        name: file.map_or("the environment".to_owned(), |file| {
            file.display().to_string()
        }),
        text: text.unwrap_or_default(),
        directory,
        variables: variables.collect(),
        flags: arguments.set.clone(),
    })
}

/// Reads a file that the configuration names.
pub(super) fn read(path: &Path) -> Result<Content, String> {
    let file = File::open(path).map_err(|problem| problem.to_string())?;
    let metadata = file.metadata().map_err(|problem| problem.to_string())?;
    if metadata.is_dir() {
        return Err("it is a directory".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|problem| problem.to_string())?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(Content {
        text: text.into(),
        readable_by_others: is_readable_by_others(&metadata),
    })
}

#[cfg(unix)]
fn is_readable_by_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &std::fs::Metadata) -> bool {
    false
}

/// Many times a certificate with all that lead to its root.
const BYTES_MAX: u64 = 1 << 20;

//! Keeps compiled plugins in a directory, so that a later start need not compile them again.
//!
//! wasmtime reads and writes the entries. An entry is machine code, and wasmtime checks neither who wrote it nor whether it is
//! still what was written. So this module opens only a directory that nobody but its owner can read or change, and removes every
//! entry whose checksum is missing or wrong before the runtime may see it. A cache that fails a check is not used, and plugins
//! are compiled as if there were none: nothing here ever makes a plugin fail to load.

use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;
use wasmtime::{Cache, CacheConfig};

/// A directory of compiled plugins that has passed every check.
pub(crate) struct CompilationCache {
    runtime: Cache,
    directory: PathBuf,
    /// Misses whose entries have a checksum.
    recorded: AtomicUsize,
}

/// Why a directory is not used as a cache.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    #[error("{} cannot be used: {source}", path.display())]
    NotAccessible { path: PathBuf, source: io::Error },
    #[cfg(unix)]
    #[error("{} belongs to user {owner}, and this process runs as user {user}", path.display())]
    WrongOwner {
        path: PathBuf,
        owner: u32,
        user: u32,
    },
    #[cfg(unix)]
    #[error("{} has mode {mode:04o}, the limit is 0700", path.display())]
    NotPrivate { path: PathBuf, mode: u32 },
    #[cfg(unix)]
    #[error("{} can be replaced: {} has owner {owner} and mode {mode:04o}", path.display(), parent.display())]
    Replaceable {
        path: PathBuf,
        parent: PathBuf,
        owner: u32,
        mode: u32,
    },
    #[cfg(not(unix))]
    #[error("on this system nothing tells whether {} is private", path.display())]
    NotPrivate { path: PathBuf },
    #[error("the runtime does not take {}: {reason}", path.display())]
    Runtime { path: PathBuf, reason: String },
}

impl CompilationCache {
    /// Creates the directory if it is missing, checks it, and removes what was damaged.
    pub(crate) fn open(directory: &Path) -> Result<Self, CacheError> {
        let not_accessible = |source| CacheError::NotAccessible {
            path: directory.to_owned(),
            source,
        };
        create(directory).map_err(not_accessible)?;
        let directory = directory.canonicalize().map_err(not_accessible)?;
        check_private(&directory)?;
        remove_unverified(&directory).map_err(not_accessible)?;

        let mut config = CacheConfig::new();
        config
            .with_directory(directory.join(ENTRIES))
            // An entry that is compressed again no longer has its checksum.
            .with_optimized_compression_usage_counter_threshold(u64::MAX);
        let runtime = Cache::new(config).map_err(|problem| CacheError::Runtime {
            path: directory.clone(),
            reason: format!("{problem:#}"),
        })?;
        Ok(Self {
            runtime,
            directory,
            recorded: AtomicUsize::new(0),
        })
    }

    /// For the configuration of an engine.
    pub(crate) fn runtime(&self) -> Cache {
        self.runtime.clone()
    }

    /// How many plugins were compiled because the cache did not have them.
    pub(crate) fn misses(&self) -> usize {
        self.runtime.cache_misses()
    }

    /// Records the checksums of the entries that the runtime wrote since the last call. Without it they are removed at the
    /// next start.
    pub(crate) fn record(&self) {
        let misses = self.misses();
        if self.recorded.swap(misses, Ordering::Relaxed) == misses {
            return;
        }
        if let Err(error) = record_checksums(&self.directory) {
            tracing::info!(
                directory = %self.directory.display(), %error,
                "compilation cache: checksums not written, the next start compiles again"
            );
        }
    }
}

fn create(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// What OpenSSH asks of a directory of keys: it belongs to this user, nobody else may enter it, and nobody else may put another
/// in its place.
#[cfg(unix)]
fn check_private(directory: &Path) -> Result<(), CacheError> {
    use std::os::unix::fs::MetadataExt as _;
    const ROOT: u32 = 0;
    const STICKY: u32 = 0o1000;
    let metadata = |path: &Path| {
        fs::metadata(path).map_err(|source| CacheError::NotAccessible {
            path: path.to_owned(),
            source,
        })
    };
    let user = rustix::process::geteuid().as_raw();
    let own = metadata(directory)?;
    let path = directory.to_owned();
    if own.uid() != user {
        return Err(CacheError::WrongOwner {
            path,
            owner: own.uid(),
            user,
        });
    }
    if own.mode() & 0o077 != 0 {
        return Err(CacheError::NotPrivate {
            path,
            mode: own.mode() & 0o7777,
        });
    }
    for parent in directory.ancestors().skip(1) {
        let (owner, mode) = metadata(parent).map(|found| (found.uid(), found.mode() & 0o7777))?;
        if ![ROOT, user].contains(&owner) || (mode & 0o022 != 0 && mode & STICKY == 0) {
            return Err(CacheError::Replaceable {
                path,
                parent: parent.to_owned(),
                owner,
                mode,
            });
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(directory: &Path) -> Result<(), CacheError> {
    Err(CacheError::NotPrivate {
        path: directory.to_owned(),
    })
}

/// Removes entries without their checksum, and the oldest of too many.
fn remove_unverified(directory: &Path) -> io::Result<()> {
    let checksums = read_checksums(directory);
    let mut entries = entries(directory)?;
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.written));
    for (number, entry) in entries.into_iter().enumerate() {
        let verified = checksums
            .get(&entry.name)
            .is_some_and(|expected| checksum(&entry.path).is_ok_and(|found| found == *expected));
        if !verified || number >= ENTRIES_MAX {
            if_present(fs::remove_file(&entry.path))?;
            if_present(fs::remove_file(entry.path.with_added_extension(STATISTICS)))?;
        }
    }
    Ok(())
}

/// Replaces the list in one step, so that a reader never sees a part of it.
fn record_checksums(directory: &Path) -> io::Result<()> {
    let known = read_checksums(directory);
    let mut list = String::new();
    for entry in entries(directory)? {
        let checksum = match known.get(&entry.name) {
            Some(known) => Some(known.clone()),
            None => if_present(checksum(&entry.path))?,
        };
        if let Some(checksum) = checksum {
            let _ = writeln!(list, "{checksum}  {}", entry.name);
        }
    }
    let new = directory.join(format!("{CHECKSUMS}.{}", std::process::id()));
    File::create(&new)?.write_all(list.as_bytes())?;
    fs::rename(new, directory.join(CHECKSUMS))
}

/// By name. A list that is missing or damaged has none.
fn read_checksums(directory: &Path) -> BTreeMap<String, String> {
    let list = fs::read_to_string(directory.join(CHECKSUMS)).unwrap_or_default();
    list.lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(checksum, name)| (name.to_owned(), checksum.to_owned()))
        .collect()
}

/// SHA-256 in hexadecimal, as `sha256sum` prints it. Of a file only: a pipe would be read for ever.
fn checksum(file: &Path) -> io::Result<String> {
    if !fs::symlink_metadata(file)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let digest = Sha256::digest(fs::read(file)?);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// One compiled plugin.
struct Entry {
    /// Below the directory of entries.
    name: String,
    path: PathBuf,
    written: SystemTime,
}

/// `entries/modules/{compiler and version}/{hash}`. The runtime's own lists and locks have an extension; an entry has none.
fn entries(directory: &Path) -> io::Result<Vec<Entry>> {
    let modules = directory.join(ENTRIES).join("modules");
    let mut entries = Vec::new();
    for compiler in files_in(&modules)? {
        for file in files_in(&compiler)? {
            let name = file
                .strip_prefix(&modules)
                .ok()
                .and_then(Path::to_str)
                .map(str::to_owned);
            let (Some(name), None) = (name, file.extension()) else {
                continue;
            };
            if let Some(metadata) = if_present(fs::symlink_metadata(&file))? {
                entries.push(Entry {
                    name,
                    path: file,
                    written: metadata.modified()?,
                });
            }
        }
    }
    Ok(entries)
}

fn files_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let files = if_present(fs::read_dir(directory))?;
    files
        .into_iter()
        .flatten()
        .map(|file| Ok(file?.path()))
        .collect()
}

/// Another process that starts at the same time may have removed a file.
fn if_present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

const ENTRIES: &str = "entries";
const CHECKSUMS: &str = "checksums";
/// The extension of the runtime's notes about an entry, which it makes again when they are missing.
const STATISTICS: &str = "stats";
/// Some eight megabytes. A developer who changes a plugin leaves one entry for each change.
const ENTRIES_MAX: usize = 16;

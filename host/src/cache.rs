//! Keeps compiled plugins in a directory, so that a later start need not compile them again.
//!
//! wasmtime reads and writes the entries. An entry is machine code, and wasmtime checks neither who wrote it nor whether it is
//! still what was written. So this module opens only a directory that no other user can enter or replace, and removes every
//! entry whose checksum is missing or wrong when the cache is opened, before the runtime sees it. A cache that fails a check is
//! not used, and plugins are compiled as if there were none: nothing here ever makes a plugin fail to load.

use sha2::{Digest as _, Sha256};
use std::cmp::Reverse;
use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use wasmtime::{Cache, CacheConfig};

/// A directory of compiled plugins that has passed every check.
pub(crate) struct CompilationCache {
    runtime: Cache,
    directories: Directories,
    /// Misses whose entries have a checksum.
    recorded: AtomicUsize,
}

/// Why a directory is not used as a cache.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    #[error("{} cannot be used: {source}", path.display())]
    NotAccessible { path: PathBuf, source: io::Error },
    #[error("{} leads out of the cache", path.display())]
    Elsewhere { path: PathBuf },
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
    #[error("{} cannot be used: file permissions cannot be checked on this system", path.display())]
    NotChecked { path: PathBuf },
    #[error("the runtime rejected {}: {reason}", path.display())]
    Rejected { path: PathBuf, reason: String },
}

impl CompilationCache {
    /// Creates the directory if it is missing, checks it, and removes what was damaged.
    pub(crate) fn open(directory: &Path) -> Result<Self, CacheError> {
        let directories = Directories::open(directory)?;
        let not_accessible = |source| CacheError::NotAccessible {
            path: directory.to_owned(),
            source,
        };
        directories.remove_unverified().map_err(not_accessible)?;

        let mut config = CacheConfig::new();
        config
            .with_directory(&directories.entries)
            // An entry that is compressed again no longer has its checksum.
            .with_optimized_compression_usage_counter_threshold(u64::MAX);
        let runtime = Cache::new(config).map_err(|error| CacheError::Rejected {
            path: directory.to_owned(),
            reason: format!("{error:#}"),
        })?;
        Ok(Self {
            runtime,
            directories,
            recorded: AtomicUsize::new(0),
        })
    }

    /// For the configuration of an engine.
    pub(crate) fn runtime(&self) -> Cache {
        self.runtime.clone()
    }

    /// How many plugins were compiled and written to the cache.
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
        if let Err(error) = self.directories.record_checksums() {
            tracing::info!(
                directory = %self.directories.entries.display(), %error,
                "compilation cache: checksums not written, the next start compiles again"
            );
        }
    }
}

/// The entries, which are the runtime's, and their checksums: a file for each, so that processes which share the cache overwrite
/// nothing of each other.
struct Directories {
    entries: PathBuf,
    checksums: PathBuf,
}

impl Directories {
    fn open(directory: &Path) -> Result<Self, CacheError> {
        let open = |directory: &Path| {
            create(directory)
                .and_then(|()| directory.canonicalize())
                .map_err(|source| CacheError::NotAccessible {
                    path: directory.to_owned(),
                    source,
                })
        };
        let directory = open(directory)?;
        check_private(&directory)?;
        let inside = |name| {
            let path = directory.join(name);
            if open(&path)? == path {
                Ok(path)
            } else {
                Err(CacheError::Elsewhere { path })
            }
        };
        Ok(Self {
            entries: inside("entries")?,
            checksums: inside("checksums")?,
        })
    }

    /// Removes entries without their checksum, the oldest of too many, and what a process left that was killed while it wrote.
    fn remove_unverified(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for file in self.files()? {
            match &file.kind {
                Kind::Entry { checksum } => entries.push((
                    file.written,
                    file.path.clone(),
                    self.checksums.join(checksum),
                )),
                // The runtime writes no entry of this name as long as it is there.
                Kind::Unfinished if is_older_than(file.written, UNFINISHED_AGE_MAX) => {
                    if_present(fs::remove_file(&file.path))?;
                }
                Kind::Unfinished => {}
            }
        }
        entries.sort_by_key(|(written, ..)| Reverse(*written));
        for (number, (_, entry, checksum)) in entries.iter().enumerate() {
            let verified = read_regular(checksum)
                .is_ok_and(|expected| checksum_of(entry).is_ok_and(|found| found == expected));
            if !verified || number >= ENTRIES_MAX {
                if_present(fs::remove_file(entry))?;
                if_present(fs::remove_file(entry.with_added_extension(STATISTICS)))?;
                if_present(fs::remove_file(checksum))?;
            }
        }
        Ok(())
    }

    /// Of every entry that has none.
    fn record_checksums(&self) -> io::Result<()> {
        for file in self.files()? {
            let Kind::Entry { checksum } = file.kind else {
                continue;
            };
            let checksum = self.checksums.join(checksum);
            // A process that starts meanwhile may see a part of it, and removes the entry.
            if !checksum.exists()
                && let Some(found) = if_present(checksum_of(&file.path))?
            {
                fs::write(checksum, found)?;
            }
        }
        Ok(())
    }

    /// `modules/{compiler and version}/{hash}`. Directories are not the runtime's, and are no entries.
    fn files(&self) -> io::Result<Vec<CacheFile>> {
        let mut files = Vec::new();
        for (compiler, _) in list(&self.entries.join("modules"))? {
            for (path, metadata) in list(&compiler)? {
                let names = [compiler.file_name(), path.file_name()];
                let [Some(compiler), Some(hash)] = names.map(|name| name?.to_str()) else {
                    continue;
                };
                let kind = match path
                    .extension()
                    .map(|extension| extension.to_string_lossy())
                {
                    None if metadata.is_dir() => continue,
                    None => Kind::Entry {
                        checksum: format!("{compiler}-{hash}"),
                    },
                    Some(extension) if extension.starts_with("wip-") => Kind::Unfinished,
                    Some(_) => continue,
                };
                files.push(CacheFile {
                    kind,
                    written: metadata.modified()?,
                    path,
                });
            }
        }
        Ok(files)
    }
}

struct CacheFile {
    kind: Kind,
    path: PathBuf,
    written: SystemTime,
}

enum Kind {
    /// A compiled plugin, and the name of the file of its checksum.
    Entry { checksum: String },
    /// An entry that is being written, or was when the process ended.
    Unfinished,
}

fn create(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// What OpenSSH asks of a directory of keys: it belongs to this user, and no other user can enter or replace it.
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
    Err(CacheError::NotChecked {
        path: directory.to_owned(),
    })
}

/// SHA-256 in hexadecimal.
fn checksum_of(entry: &Path) -> io::Result<Vec<u8>> {
    let digest = Sha256::digest(read_regular(entry)?);
    let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(text.into_bytes())
}

/// A pipe would be read for ever, and a link leads elsewhere.
fn read_regular(file: &Path) -> io::Result<Vec<u8>> {
    if !fs::symlink_metadata(file)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    fs::read(file)
}

/// What is in a directory. Nothing, if it is none.
fn list(directory: &Path) -> io::Result<Vec<(PathBuf, Metadata)>> {
    let found = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        found => if_present(found)?,
    };
    let mut list = Vec::new();
    for file in found.into_iter().flatten() {
        let path = file?.path();
        if let Some(metadata) = if_present(fs::symlink_metadata(&path))? {
            list.push((path, metadata));
        }
    }
    Ok(list)
}

/// Another process that starts at the same time may have removed a file.
fn if_present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Also if the clock has gone back since.
fn is_older_than(written: SystemTime, age: Duration) -> bool {
    let distance = written.elapsed();
    distance.unwrap_or_else(|ahead| ahead.duration()) > age
}

/// The extension of the runtime's notes about an entry, which it makes again when they are missing.
const STATISTICS: &str = "stats";
/// Some five megabytes. A developer who changes a plugin leaves one entry for each change.
const ENTRIES_MAX: usize = 16;
const UNFINISHED_AGE_MAX: Duration = Duration::from_mins(1);

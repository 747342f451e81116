//! A disk that tells what was written from what was flushed, so that the power can be cut and each operation can fail. It holds
//! one directory in memory: what anybody sees, what has reached the platter, and every state that a sector may be in between.
//!
//! It is harder than real ones: a new name lasts only once its directory was flushed, as POSIX has it, and sectors that were not
//! flushed reach the platter or do not, each for itself. Knows nothing of `SQLite` but the codes that it answers with.

use crate::random::Random;
use rusqlite::ffi;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::c_int;
use std::sync::{Mutex, MutexGuard};

/// What is asked of the disk, as far as it can fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    Create,
    Delete,
    Grow,
    Open,
    Read,
    Sync,
    Truncate,
    Write,
}

/// What goes wrong, from a certain operation on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// That operation fails, the next one does not.
    FailsOnce,
    /// That operation and all after it.
    FailsForEver,
    /// No more room, until there is again.
    Full,
    /// The process is no more: nothing that it does has any effect.
    Stops,
}

/// What of the unflushed survives a power cut.
pub(crate) enum Cut<'a> {
    Nothing,
    /// Of each sector, length and name any state that it has been in since its flush.
    Torn(&'a mut Random),
}

/// Of one machine; a power cut makes another one of it.
#[derive(Default)]
pub(crate) struct Disk(Mutex<Kept>);

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) files: Vec<File>,
    /// As anybody sees them: places among the files.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    operations: u64,
    fault: Option<(u64, Fault)>,
    /// It says that it has flushed, and has not.
    pub(crate) lies: bool,
    /// Of the operations so far, for whoever wants to know what failed.
    calls: Vec<Call>,
}

#[derive(Clone, Default)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last flush: the states of each sector, by its number, and the file's lengths.
    sectors: BTreeMap<usize, Vec<[u8; SECTOR]>>,
    lengths: Vec<usize>,
}

impl Disk {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("nobody panics with it")
    }

    /// How many operations there were.
    pub(crate) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// From that operation on.
    pub(crate) fn fail_at(&self, operation: u64, fault: Fault) {
        self.lock().fault = Some((operation, fault));
    }

    pub(crate) fn heal(&self) {
        self.lock().fault = None;
    }

    /// What the operation of this number was.
    pub(crate) fn call(&self, operation: u64) -> Option<Call> {
        usize::try_from(operation)
            .ok()
            .and_then(|place| self.lock().calls.get(place).copied())
    }

    /// Changes a byte of a file as no writer would: on the platter and for everybody.
    pub(crate) fn flip(&self, name: &str, byte: usize, bit: u8) {
        let mut kept = self.lock();
        let file = kept.names[name];
        let file = &mut kept.files[file];
        for bytes in [&mut file.bytes, &mut file.durable] {
            if let Some(byte) = bytes.get_mut(byte) {
                *byte ^= 1 << bit;
            }
        }
    }

    pub(crate) fn length(&self, name: &str) -> usize {
        let kept = self.lock();
        kept.names
            .get(name)
            .map_or(0, |file| kept.files[*file].bytes.len())
    }

    /// The disk of the machine when it starts again.
    pub(crate) fn cut(&self, mut cut: Cut<'_>) -> Self {
        let kept = self.lock();
        let mut after = Kept::default();
        let names: BTreeSet<&String> = kept.names.keys().chain(kept.durable_names.keys()).collect();
        let mut moved = HashMap::new();
        for name in names {
            let (seen, durable) = (kept.names.get(name), kept.durable_names.get(name));
            let file = match &mut cut {
                Cut::Torn(random) => [seen, durable][random.below(2)],
                Cut::Nothing => durable,
            };
            let Some(file) = file else { continue };
            let place = *moved.entry(*file).or_insert_with(|| {
                after.files.push(kept.files[*file].survivor(&mut cut));
                after.files.len() - 1
            });
            after.names.insert(name.clone(), place);
        }
        after.durable_names.clone_from(&after.names);
        Self(Mutex::new(after))
    }
}

impl Kept {
    /// Counts an operation, and says whether it fails, and how.
    pub(crate) fn begin(&mut self, call: Call) -> Result<(), c_int> {
        let now = self.operations;
        self.operations += 1;
        self.calls.push(call);
        let failing = self.fault.filter(|(from, _)| now >= *from);
        match failing {
            Some((from, Fault::FailsOnce)) if now > from => Ok(()),
            Some((_, Fault::Full)) => call.for_want_of_room().map_or(Ok(()), Err),
            Some(_) => Err(call.failed()),
            None => Ok(()),
        }
    }

    /// Whether the process is no more.
    pub(crate) fn has_stopped(&self) -> bool {
        self.fault
            .is_some_and(|(from, fault)| fault == Fault::Stops && self.operations > from)
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(crate) fn create(&mut self, name: &str) -> usize {
        self.files.push(File::default());
        self.names.insert(name.to_owned(), self.files.len() - 1);
        self.files.len() - 1
    }

    pub(crate) fn delete(&mut self, name: &str) {
        self.names.remove(name);
    }

    pub(crate) fn sync_directory(&mut self) {
        if !self.lies {
            self.durable_names.clone_from(&self.names);
        }
    }

    pub(crate) fn sync(&mut self, file: usize) {
        if !self.lies {
            self.files[file].sync();
        }
    }
}

impl File {
    pub(crate) fn write(&mut self, bytes: &[u8], from: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = from + bytes.len();
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
            self.lengths.push(end);
        }
        self.bytes[from..end].copy_from_slice(bytes);
        for sector in from / SECTOR..end.div_ceil(SECTOR) {
            let mut state = [0; SECTOR];
            let bytes = &self.bytes[sector * SECTOR..self.bytes.len().min((sector + 1) * SECTOR)];
            state[..bytes.len()].copy_from_slice(bytes);
            self.sectors.entry(sector).or_default().push(state);
        }
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.bytes.resize(length, 0);
        self.lengths.push(length);
    }

    fn sync(&mut self) {
        self.durable.resize(self.bytes.len(), 0);
        let sectors = std::mem::take(&mut self.sectors);
        for (sector, states) in sectors {
            lay(&mut self.durable, sector, states.last().expect("a state"));
        }
        self.lengths.clear();
    }

    /// A flush that fails: everybody goes on seeing what was written, and no later flush will take it to the platter.
    pub(crate) fn forget(&mut self) {
        self.sectors.clear();
        self.lengths.clear();
    }

    fn survivor(&self, cut: &mut Cut<'_>) -> Self {
        let mut bytes = self.durable.clone();
        if let Cut::Torn(random) = cut {
            let length = random.below(self.lengths.len() + 1).checked_sub(1);
            bytes.resize(
                length.map_or(self.durable.len(), |place| self.lengths[place]),
                0,
            );
            for (sector, states) in &self.sectors {
                if let Some(place) = random.below(states.len() + 1).checked_sub(1) {
                    lay(&mut bytes, *sector, &states[place]);
                }
            }
        }
        Self {
            durable: bytes.clone(),
            bytes,
            ..Self::default()
        }
    }
}

impl Call {
    fn failed(self) -> c_int {
        match self {
            Self::Create | Self::Open => ffi::SQLITE_CANTOPEN,
            Self::Delete => ffi::SQLITE_IOERR_DELETE,
            Self::Grow => ffi::SQLITE_IOERR_SHMMAP,
            Self::Read => ffi::SQLITE_IOERR_READ,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Write => ffi::SQLITE_IOERR_WRITE,
        }
    }

    /// As `SQLite`'s own code for Unix answers.
    fn for_want_of_room(self) -> Option<c_int> {
        match self {
            Self::Create => Some(ffi::SQLITE_CANTOPEN),
            Self::Grow => Some(ffi::SQLITE_IOERR_SHMSIZE),
            Self::Write => Some(ffi::SQLITE_FULL),
            Self::Delete | Self::Open | Self::Read | Self::Sync | Self::Truncate => None,
        }
    }
}

/// As much of the sector as the file is long.
fn lay(bytes: &mut [u8], sector: usize, state: &[u8; SECTOR]) {
    let (from, end) = (sector * SECTOR, bytes.len().min((sector + 1) * SECTOR));
    if from < end {
        bytes[from..end].copy_from_slice(&state[..end - from]);
    }
}

const SECTOR: usize = 512;

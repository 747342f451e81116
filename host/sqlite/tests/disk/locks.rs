//! Who holds which lock of a file, and the memory that its connections share: what a kernel does for `SQLite`'s code for Unix.

use rusqlite::ffi;
use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::atomic::AtomicU64;

/// Of one database file, by the numbers of those who have it open.
#[derive(Default)]
pub(crate) struct Locks {
    levels: HashMap<u64, c_int>,
    slots: HashMap<u64, Slots>,
    regions: Vec<Box<[AtomicU64]>>,
}

#[derive(Clone, Copy, Default)]
struct Slots {
    shared: u32,
    exclusive: u32,
}

impl Locks {
    pub(crate) fn raise(&mut self, who: u64, level: c_int) -> c_int {
        let others = self
            .levels
            .iter()
            .filter(|(other, _)| **other != who)
            .map(|(_, level)| *level);
        let highest = others.max().unwrap_or(ffi::SQLITE_LOCK_NONE);
        let own = self.levels.entry(who).or_default();
        let allowed = match level {
            ffi::SQLITE_LOCK_SHARED => highest < ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_RESERVED => highest < ffi::SQLITE_LOCK_RESERVED,
            _ => highest == ffi::SQLITE_LOCK_NONE,
        };
        if allowed {
            *own = level.max(*own);
            return ffi::SQLITE_OK;
        }
        if level == ffi::SQLITE_LOCK_EXCLUSIVE && highest == ffi::SQLITE_LOCK_SHARED {
            // Nobody new may read meanwhile.
            *own = ffi::SQLITE_LOCK_PENDING;
        }
        ffi::SQLITE_BUSY
    }

    pub(crate) fn lower(&mut self, who: u64, level: c_int) {
        self.levels.insert(who, level);
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.levels
            .values()
            .any(|level| *level >= ffi::SQLITE_LOCK_RESERVED)
    }

    pub(crate) fn slots(&mut self, who: u64, first: c_int, count: c_int, flags: c_int) -> c_int {
        let mask = ((1_u32 << count) - 1) << first;
        let others = self
            .slots
            .iter()
            .filter(|(other, _)| **other != who)
            .map(|(_, slots)| slots);
        let taken = others.fold(Slots::default(), |all, slots| Slots {
            shared: all.shared | slots.shared,
            exclusive: all.exclusive | slots.exclusive,
        });
        let own = self.slots.entry(who).or_default();
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            own.shared &= !mask;
            own.exclusive &= !mask;
        } else if flags & ffi::SQLITE_SHM_SHARED != 0 {
            if taken.exclusive & mask != 0 {
                return ffi::SQLITE_BUSY;
            }
            own.shared |= mask;
        } else {
            if (taken.exclusive | taken.shared) & mask != 0 {
                return ffi::SQLITE_BUSY;
            }
            own.exclusive |= mask;
        }
        ffi::SQLITE_OK
    }

    pub(crate) fn region(&self, place: usize) -> Option<*mut u64> {
        self.regions.get(place).map(|region| region[0].as_ptr())
    }

    pub(crate) fn grow(&mut self, place: usize, bytes: usize) {
        let region = || (0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0)).collect();
        self.regions.resize_with(place + 1, region);
    }

    pub(crate) fn join(&mut self, who: u64) {
        self.slots.entry(who).or_default();
    }

    /// The last one takes the memory along.
    pub(crate) fn leave(&mut self, who: u64) {
        self.slots.remove(&who);
        if self.slots.is_empty() {
            self.regions.clear();
        }
    }

    pub(crate) fn close(&mut self, who: u64) {
        self.levels.remove(&who);
        self.leave(who);
    }
}

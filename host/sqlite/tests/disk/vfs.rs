//! `SQLite` on such disks: a VFS that is the process's default and takes what is in a directory where a disk is mounted; all else
//! goes to the one that was the default before. So the store under test is opened as ever and needs to know nothing.
//!
//! It does what `os_unix.c` does where that matters here: a journal's first flush flushes the directory, a deletion only if
//! asked for, and 4,096 bytes are called a sector that a write does not damage beside itself.

#![expect(unsafe_code, reason = "SQLite calls it, and it calls SQLite")]

use crate::disk::{Call, Disk};
use crate::locks::Locks;
use rusqlite::ffi;
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Once};

/// From now on this directory is on this disk. What was opened before stays on the disk that was there.
pub(crate) fn mount(directory: &Path, disk: &Arc<Disk>) {
    REGISTERED.call_once(register);
    let place = directory.to_str().expect("a name that is text").to_owned();
    let mounted = Mounted {
        disk: disk.clone(),
        locks: Arc::default(),
    };
    MOUNTS.lock().expect("no panic").insert(place, mounted);
}

#[derive(Clone)]
struct Mounted {
    disk: Arc<Disk>,
    /// By the file's place.
    locks: Arc<Mutex<HashMap<usize, Locks>>>,
}

#[repr(C)]
struct Opened {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

struct Handle {
    on: Mounted,
    file: usize,
    who: u64,
    /// With its first flush.
    flushes_directory: bool,
    delete_at_end: Option<String>,
}

impl Handle {
    fn locks<T>(&self, with: impl FnOnce(&mut Locks) -> T) -> T {
        with(
            self.on
                .locks
                .lock()
                .expect("no panic")
                .entry(self.file)
                .or_default(),
        )
    }
}

fn register() {
    // Safety: the default VFS is there as long as the process, and so is the one that is made of it here.
    unsafe {
        ffi::sqlite3_initialize();
        let inner = ffi::sqlite3_vfs_find(ptr::null());
        INNER.store(inner, Ordering::SeqCst);
        let mut outer = *inner;
        outer.szOsFile = outer
            .szOsFile
            .max(c_int::try_from(size_of::<Opened>()).expect("a few bytes"));
        outer.zName = c"disk".as_ptr();
        outer.pNext = ptr::null_mut();
        outer.xOpen = Some(open);
        outer.xDelete = Some(delete);
        outer.xAccess = Some(access);
        assert_eq!(
            ffi::sqlite3_vfs_register(Box::into_raw(Box::new(outer)), 1),
            ffi::SQLITE_OK
        );
    }
}

/// The disk of a path, and the name on it.
unsafe fn locate(path: *const c_char) -> Option<(Mounted, String)> {
    if path.is_null() {
        return None;
    }
    // Safety: SQLite's paths end with a zero.
    let path = unsafe { CStr::from_ptr(path) }.to_str().ok()?;
    let (directory, name) = path.rsplit_once('/')?;
    let mounted = MOUNTS.lock().expect("no panic").get(directory)?.clone();
    Some((mounted, name.to_owned()))
}

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // Safety: the arguments are SQLite's; a file that is not ours belongs to the inner VFS with all its methods.
    unsafe {
        let Some((on, name)) = locate(path) else {
            let inner = INNER.load(Ordering::SeqCst);
            return (*inner).xOpen.expect("a method")(inner, path, file, flags, flags_out);
        };
        (*file).pMethods = ptr::null();
        let place = match find_or_create(&on.disk, &name, flags) {
            Ok(found) => found,
            Err(code) => return code,
        };
        let journals =
            ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
        let handle = Handle {
            on,
            file: place,
            who: NEXT.fetch_add(1, Ordering::SeqCst),
            flushes_directory: flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & journals != 0,
            delete_at_end: (flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0).then_some(name),
        };
        (*file.cast::<Opened>()).handle = Box::into_raw(Box::new(handle));
        (*file).pMethods = &raw const METHODS;
        if !flags_out.is_null() {
            *flags_out = flags;
        }
        ffi::SQLITE_OK
    }
}

fn find_or_create(disk: &Disk, name: &str, flags: c_int) -> Result<usize, c_int> {
    let mut kept = disk.lock();
    match kept.find(name) {
        Some(_) if flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0 => Err(ffi::SQLITE_CANTOPEN),
        Some(file) => kept.begin(Call::Open).map(|()| file),
        None if flags & ffi::SQLITE_OPEN_CREATE == 0 => Err(ffi::SQLITE_CANTOPEN),
        None => kept.begin(Call::Create).map(|()| kept.create(name)),
    }
}

unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    sync_directory: c_int,
) -> c_int {
    // Safety: as in `open`.
    let Some((on, name)) = (unsafe { locate(path) }) else {
        let inner = INNER.load(Ordering::SeqCst);
        return unsafe { (*inner).xDelete.expect("a method")(inner, path, sync_directory) };
    };
    let mut kept = on.disk.lock();
    if let Err(code) = kept.begin(Call::Delete) {
        return code;
    }
    if kept.find(&name).is_none() {
        return ffi::SQLITE_IOERR_DELETE_NOENT;
    }
    kept.delete(&name);
    if sync_directory != 0 {
        if kept.begin(Call::Sync).is_err() {
            return ffi::SQLITE_IOERR_DIR_FSYNC;
        }
        kept.sync_directory();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn access(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    flags: c_int,
    there: *mut c_int,
) -> c_int {
    // Safety: as in `open`; `there` is SQLite's to be written.
    unsafe {
        let Some((on, name)) = locate(path) else {
            let inner = INNER.load(Ordering::SeqCst);
            return (*inner).xAccess.expect("a method")(inner, path, flags, there);
        };
        *there = c_int::from(on.disk.length(&name) > 0);
        ffi::SQLITE_OK
    }
}

/// What `SQLite` calls with a file that `open` has opened.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Handle {
    // Safety: SQLite uses a file from one thread at a time, and not after `close`.
    unsafe { &mut *(*file.cast::<Opened>()).handle }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // Safety: SQLite closes a file once.
    let handle = unsafe { Box::from_raw((*file.cast::<Opened>()).handle) };
    handle.locks(|locks| locks.close(handle.who));
    if let Some(name) = &handle.delete_at_end {
        handle.on.disk.lock().delete(name);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    amount: c_int,
    from: i64,
) -> c_int {
    // Safety: SQLite gives a buffer of that many bytes.
    let (handle, to) = unsafe {
        (
            handle(file),
            std::slice::from_raw_parts_mut(to.cast::<u8>(), length(amount)),
        )
    };
    let mut kept = handle.on.disk.lock();
    if let Err(code) = kept.begin(Call::Read) {
        return code;
    }
    let bytes = &kept.files[handle.file].bytes;
    let from = usize::try_from(from).expect("a place").min(bytes.len());
    let there = &bytes[from..bytes.len().min(from + to.len())];
    to[..there.len()].copy_from_slice(there);
    to[there.len()..].fill(0);
    if there.len() == to.len() {
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_IOERR_SHORT_READ
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    amount: c_int,
    to: i64,
) -> c_int {
    // Safety: SQLite gives that many bytes.
    let (handle, bytes) = unsafe {
        (
            handle(file),
            std::slice::from_raw_parts(bytes.cast::<u8>(), length(amount)),
        )
    };
    let mut kept = handle.on.disk.lock();
    let (begun, to) = (
        kept.begin(Call::Write),
        usize::try_from(to).expect("a place"),
    );
    let stopped = kept.has_stopped();
    match begun {
        Ok(()) => kept.files[handle.file].write(bytes, to),
        Err(_) if stopped => {}
        // What fails has done the half of it.
        Err(_) => kept.files[handle.file].write(&bytes[..bytes.len() / 2], to),
    }
    begun.err().unwrap_or(ffi::SQLITE_OK)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, to: i64) -> c_int {
    // Safety: as in `handle`.
    let handle = unsafe { handle(file) };
    let mut kept = handle.on.disk.lock();
    let begun = kept.begin(Call::Truncate);
    begun.err().unwrap_or_else(|| {
        kept.files[handle.file].truncate(usize::try_from(to).expect("a length"));
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // Safety: as in `handle`.
    let handle = unsafe { handle(file) };
    let mut kept = handle.on.disk.lock();
    if let Err(code) = kept.begin(Call::Sync) {
        if !kept.has_stopped() {
            kept.files[handle.file].forget();
        }
        return code;
    }
    kept.sync(handle.file);
    if handle.flushes_directory {
        handle.flushes_directory = false;
        // It never fails here: SQLite would not tell, since there are systems that cannot do it.
        kept.sync_directory();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // Safety: as in `handle`; `size` is SQLite's to be written.
    unsafe {
        let handle = handle(file);
        *size =
            i64::try_from(handle.on.disk.lock().files[handle.file].bytes.len()).expect("a length");
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // Safety: as in `handle`.
    let handle = unsafe { handle(file) };
    if handle.on.disk.lock().has_stopped() {
        return ffi::SQLITE_IOERR_LOCK;
    }
    handle.locks(|locks| locks.raise(handle.who, level))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // Safety: as in `handle`.
    let handle = unsafe { handle(file) };
    handle.locks(|locks| locks.lower(handle.who, level));
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    reserved: *mut c_int,
) -> c_int {
    // Safety: as in `handle`; `reserved` is SQLite's to be written.
    unsafe { *reserved = c_int::from(handle(file).locks(|locks| locks.is_reserved())) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(
    _file: *mut ffi::sqlite3_file,
    _code: c_int,
    _argument: *mut c_void,
) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    4_096
}

unsafe extern "C" fn device_characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shared_memory(
    file: *mut ffi::sqlite3_file,
    place: c_int,
    bytes: c_int,
    extend: c_int,
    region: *mut *mut c_void,
) -> c_int {
    // Safety: as in `handle`; `region` is SQLite's to be written, and stays until the last one leaves.
    unsafe {
        *region = ptr::null_mut();
        let handle = handle(file);
        handle.locks(|locks| locks.join(handle.who));
        let there = handle.locks(|locks| locks.region(length(place)));
        if there.is_none() && extend != 0 {
            if let Err(code) = handle.on.disk.lock().begin(Call::Grow) {
                return code;
            }
            handle.locks(|locks| locks.grow(length(place), length(bytes)));
        }
        if let Some(there) = handle.locks(|locks| locks.region(length(place))) {
            *region = there.cast();
        }
        ffi::SQLITE_OK
    }
}

unsafe extern "C" fn shared_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // Safety: as in `handle`.
    let handle = unsafe { handle(file) };
    if flags & ffi::SQLITE_SHM_LOCK != 0 && handle.on.disk.lock().has_stopped() {
        return ffi::SQLITE_IOERR_SHMLOCK;
    }
    handle.locks(|locks| locks.slots(handle.who, first, count, flags))
}

unsafe extern "C" fn shared_barrier(_file: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(Ordering::SeqCst);
}

unsafe extern "C" fn shared_leave(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // Safety: as in `handle`.
    let handle = unsafe { handle(file) };
    handle.locks(|locks| locks.leave(handle.who));
    ffi::SQLITE_OK
}

fn length(number: c_int) -> usize {
    usize::try_from(number).expect("SQLite counts from 0")
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shared_memory),
    xShmLock: Some(shared_lock),
    xShmBarrier: Some(shared_barrier),
    xShmUnmap: Some(shared_leave),
    xFetch: None,
    xUnfetch: None,
};
static MOUNTS: LazyLock<Mutex<HashMap<String, Mounted>>> = LazyLock::new(Mutex::default);
static REGISTERED: Once = Once::new();
static INNER: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());
static NEXT: AtomicU64 = AtomicU64::new(0);

//! The simulated disk as SQLite sees it: a VFS (<https://www.sqlite.org/vfs.html>). This file only turns C's pointers
//! into references and refusals into result codes; what a disk does is in `mount` and below.
//!
//! Each connection has a VFS of its own, so that everything SQLite does through it, opening and deleting files by name
//! included, belongs to one generation of one disk.
//!
//! **Invariant: a [`Vfs`] outlives every call into it.** SQLite calls a VFS only while it opens a connection or on a
//! connection whose main database file is open. [`connect`] holds a reference for the first; for the second, every open
//! file holds one. A main database is always a file: see [`ROOT`].

#![expect(unsafe_code, reason = "SQLite's VFS is a table of C functions over raw pointers")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::{ptr, slice};

use rusqlite::{Connection, OpenFlags, ffi};

use super::image::SECTOR;
use super::mount::Mount;
use super::simulated::{Refusal, SimDisk};

/// Leads every database's path. It keeps SQLite from taking a name for one of those that open no file (the empty name,
/// `:memory:`) or for a URI, which could name another VFS.
const ROOT: &str = "/";

/// The longest path, in bytes with its final NUL.
const PATH_MAX: c_int = 512;

/// 2025-11-08T06:00:00Z, the simulation's epoch, as a Julian day: SQL's own clock stands still.
const JULIAN_DAY: f64 = 2_460_987.75;

/// Opens (or creates) the database `file` on `disk`.
///
/// # Errors
/// While the disk is cut (`SQLITE_IOERR`), and while another connection has the database open (`SQLITE_BUSY`).
pub(super) fn connect(disk: &SimDisk, file: &str) -> rusqlite::Result<Connection> {
    let mount = Mount::new(disk).map_err(|refusal| {
        rusqlite::Error::SqliteFailure(ffi::Error::new(refusal.code()), Some(refusal.to_string()))
    })?;
    let vfs = Vfs::register(mount)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags_and_vfs(format!("{ROOT}{file}"), flags, vfs.name.as_c_str())
}

/// One registration with SQLite, taken back when the last reference goes.
struct Vfs {
    mount: Mount,
    /// What SQLite and [`connect`] find the table by: unique in this process.
    name: CString,
    /// The table that SQLite holds: a leaked box, which SQLite links into a list and so changes. Nothing here reads or
    /// writes it between registration and drop.
    table: *mut ffi::sqlite3_vfs,
    /// For the files, which keep their VFS alive.
    this: Weak<Self>,
}

// SAFETY: `table` is the only field that is not Send and Sync by itself. It is touched by `register`, before anybody
// else has the value, by `drop`, when nobody else has it any more, and in between by SQLite alone, under its own lock.
unsafe impl Send for Vfs {}
// SAFETY: as above; a shared reference gives no access to what `table` points to.
unsafe impl Sync for Vfs {}

impl Vfs {
    fn register(mount: Mount) -> rusqlite::Result<Arc<Self>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = CString::new(format!("deadzone-disk-{}", NEXT.fetch_add(1, Ordering::Relaxed)))?;
        let vfs = Arc::new_cyclic(|this| {
            let table = Box::new(table(name.as_ptr(), this.as_ptr()));
            Self { mount, name, table: Box::into_raw(table), this: this.clone() }
        });
        // SAFETY: the table and the name it points to stay where they are until `drop` has taken the table back.
        let code = unsafe { ffi::sqlite3_vfs_register(vfs.table, 0) };
        if code == ffi::SQLITE_OK { Ok(vfs) } else { Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)) }
    }

    /// The VFS that SQLite passes to a callback.
    ///
    /// # Safety
    /// `table` must come from [`Vfs::register`], and the VFS must outlive `'a`: the module's invariant gives both for
    /// the time of a callback.
    unsafe fn of<'a>(table: *mut ffi::sqlite3_vfs) -> &'a Self {
        // SAFETY: the caller vouches for the table; its pAppData is the address of the VFS in its `Arc`.
        unsafe { &*(*table).pAppData.cast::<Self>() }
    }
}

impl Drop for Vfs {
    fn drop(&mut self) {
        // SAFETY: `table` came from `Box::into_raw` and is freed only here. No call can come any more (the module's
        // invariant), and once it is unregistered no search by name finds it. SQLite holds no lock of its list while it
        // closes a file, so taking the table back inside of `xClose` cannot deadlock.
        unsafe {
            ffi::sqlite3_vfs_unregister(self.table);
            drop(Box::from_raw(self.table));
        }
    }
}

fn table(name: *const c_char, vfs: *const Vfs) -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        iVersion: 1,
        szOsFile: size_of::<File>() as c_int,
        mxPathname: PATH_MAX,
        pNext: ptr::null_mut(),
        zName: name,
        pAppData: vfs.cast_mut().cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        // Only for loadable extensions, which nothing here enables.
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: None,
        xCurrentTimeInt64: None,
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

/// What SQLite allocates for each open file and passes to every method: `base`, the part it knows, comes first.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    handle: Handle,
}

// SQLite aligns what it allocates to 8 bytes.
const _: () = assert!(align_of::<File>() <= 8);

/// An open file: a name on a mounted disk.
struct Handle {
    vfs: Arc<Vfs>,
    name: String,
    /// Whether the name is reserved for this connection.
    reserved: bool,
}

/// Version 1 has no shared memory, which WAL does without under `locking_mode = EXCLUSIVE`.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(lock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

impl Handle {
    fn open(vfs: &Vfs, name: &str, flags: c_int) -> Result<Self, Refusal> {
        let reserved = flags & ffi::SQLITE_OPEN_MAIN_DB != 0;
        let vfs = vfs.this.upgrade().ok_or(Refusal::Cut)?;
        vfs.mount.open(name, flags & ffi::SQLITE_OPEN_CREATE != 0)?;
        if reserved {
            vfs.mount.reserve(name)?;
        }
        Ok(Self { vfs, name: name.to_owned(), reserved })
    }

    /// The handle that SQLite passes to a method.
    ///
    /// # Safety
    /// `file` must have been opened by [`open`] and not yet closed, for as long as `'a`: SQLite promises that for every
    /// call of a method.
    unsafe fn of<'a>(file: *mut ffi::sqlite3_file) -> &'a Self {
        // SAFETY: then `open` has written a whole `File` there.
        unsafe { &(*file.cast::<File>()).handle }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.reserved {
            self.vfs.mount.release(&self.name);
        }
    }
}

impl Refusal {
    fn code(self) -> c_int {
        match self {
            Self::Cut => ffi::SQLITE_IOERR,
            Self::Missing => ffi::SQLITE_CANTOPEN,
            Self::InUse => ffi::SQLITE_BUSY,
            Self::Full => ffi::SQLITE_FULL,
        }
    }
}

fn code(result: Result<(), Refusal>) -> c_int {
    result.map_or_else(Refusal::code, |()| ffi::SQLITE_OK)
}

/// The file that a path names; `None` for a temporary file (a null path) and for what is not UTF-8.
///
/// # Safety
/// `path` must be null or a string that lives as long as `'a`.
unsafe fn file_name<'a>(path: *const c_char) -> Option<&'a str> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for it.
    let path = unsafe { CStr::from_ptr(path) }.to_str().ok()?;
    Some(path.strip_prefix(ROOT).unwrap_or(path))
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes a live VFS, a path that is null or a string, and room for a `File`. Null methods tell it
    // that there is nothing to close should this fail.
    let (vfs, name) = unsafe {
        (*file).pMethods = ptr::null();
        (Vfs::of(vfs), file_name(path))
    };
    let Some(name) = name else { return ffi::SQLITE_CANTOPEN };
    let handle = match Handle::open(vfs, name, flags) {
        Ok(handle) => handle,
        Err(refusal) => return refusal.code(),
    };
    // SAFETY: `file` has room for a `File`, aligned for it; `out_flags` is null or points to an int.
    unsafe {
        file.cast::<File>().write(File { base: ffi::sqlite3_file { pMethods: &raw const METHODS }, handle });
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, path: *const c_char, _sync_directory: c_int) -> c_int {
    // SAFETY: SQLite passes a live VFS and a string.
    let (vfs, name) = unsafe { (Vfs::of(vfs), file_name(path)) };
    match vfs.mount.delete(name.unwrap_or_default()) {
        Err(Refusal::Missing) => ffi::SQLITE_IOERR_DELETE_NOENT,
        result => code(result),
    }
}

/// As in SQLite's own VFS, an empty file counts as absent.
unsafe extern "C" fn access(vfs: *mut ffi::sqlite3_vfs, path: *const c_char, _flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: SQLite passes a live VFS and a string.
    let (vfs, name) = unsafe { (Vfs::of(vfs), file_name(path)) };
    let exists = match vfs.mount.len(name.unwrap_or_default()) {
        Ok(len) => len > 0,
        Err(Refusal::Missing) => false,
        Err(refusal) => return refusal.code(),
    };
    // SAFETY: `out` points to an int.
    unsafe { *out = c_int::from(exists) };
    ffi::SQLITE_OK
}

/// There are no directories: a path is full as it stands.
unsafe extern "C" fn full_pathname(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    out_len: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a string.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes_with_nul();
    if usize::try_from(out_len).is_ok_and(|room| path.len() <= room) {
        // SAFETY: `out` has room for `out_len` bytes and is no part of the path.
        unsafe { ptr::copy_nonoverlapping(path.as_ptr().cast(), out, path.len()) };
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_CANTOPEN
    }
}

/// Zeros: SQLite asks only the process's default VFS for randomness, and that is never this one.
unsafe extern "C" fn randomness(_vfs: *mut ffi::sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: `out` has room for `len` bytes.
    unsafe { ptr::write_bytes(out, 0, usize::try_from(len).unwrap_or(0)) };
    len
}

/// Nothing waits for this disk.
unsafe extern "C" fn sleep(_vfs: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    micros
}

unsafe extern "C" fn current_time(_vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: `out` points to a double.
    unsafe { *out = JULIAN_DAY };
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `open` has written the handle, and this is the last call for the file, so it is taken out once. Its drop
    // may free the VFS, which SQLite does not use after the last of its files.
    drop(unsafe { ptr::read(&raw const (*file.cast::<File>()).handle) });
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, out: *mut c_void, len: c_int, offset: i64) -> c_int {
    let (Ok(len), Ok(offset)) = (usize::try_from(len), usize::try_from(offset)) else { return ffi::SQLITE_IOERR };
    // SAFETY: `file` is open, and `out` has room for `len` bytes that nobody else uses meanwhile. SQLite may not have
    // set them yet: they are zeroed before a slice of them exists.
    let (handle, out) = unsafe {
        ptr::write_bytes(out.cast::<u8>(), 0, len);
        (Handle::of(file), slice::from_raw_parts_mut(out.cast::<u8>(), len))
    };
    match handle.vfs.mount.read(&handle.name, offset, out) {
        Ok(read) if read == len => ffi::SQLITE_OK,
        // The rest is zeros, as SQLite wants it.
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(refusal) => refusal.code(),
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, bytes: *const c_void, len: c_int, offset: i64) -> c_int {
    let (Ok(len), Ok(offset)) = (usize::try_from(len), usize::try_from(offset)) else { return ffi::SQLITE_IOERR };
    // SAFETY: `file` is open, and `bytes` points to `len` bytes that nobody changes meanwhile.
    let (handle, bytes) = unsafe { (Handle::of(file), slice::from_raw_parts(bytes.cast::<u8>(), len)) };
    code(handle.vfs.mount.write(&handle.name, offset, bytes))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    let Ok(len) = usize::try_from(len) else { return ffi::SQLITE_IOERR };
    // SAFETY: `file` is open.
    let handle = unsafe { Handle::of(file) };
    code(handle.vfs.mount.truncate(&handle.name, len))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: `file` is open.
    let handle = unsafe { Handle::of(file) };
    code(handle.vfs.mount.sync(&handle.name))
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: `file` is open.
    let handle = unsafe { Handle::of(file) };
    match handle.vfs.mount.len(&handle.name) {
        Ok(len) => {
            // SAFETY: `out` points to an i64.
            unsafe { *out = i64::try_from(len).unwrap_or(i64::MAX) };
            ffi::SQLITE_OK
        }
        Err(refusal) => refusal.code(),
    }
}

/// Locks and unlocks: granted, because a database is open only once.
unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, _level: c_int) -> c_int {
    // SAFETY: `file` is open.
    let handle = unsafe { Handle::of(file) };
    code(handle.vfs.mount.check())
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: `file` is open, and `out` points to an int.
    let handle = unsafe {
        *out = 0;
        Handle::of(file)
    };
    code(handle.vfs.mount.check())
}

unsafe extern "C" fn file_control(_file: *mut ffi::sqlite3_file, _operation: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    SECTOR as c_int
}

/// As on phones: a write leaves the bytes beside it as they are, even when the power goes.
unsafe extern "C" fn device_characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_registered(name: &CStr) -> bool {
        // SAFETY: `name` is a string, and only whether something was found is looked at.
        !unsafe { ffi::sqlite3_vfs_find(name.as_ptr()) }.is_null()
    }

    #[test]
    fn a_vfs_is_registered_as_long_as_something_of_it_is_open() {
        let vfs = Vfs::register(Mount::new(&SimDisk::new()).unwrap()).unwrap();
        let name = vfs.name.clone();
        let db = Connection::open_with_flags_and_vfs("/orders.db", OpenFlags::default(), name.as_c_str()).unwrap();
        db.execute_batch("CREATE TABLE t (x)").unwrap();
        drop(vfs);
        assert!(is_registered(&name));
        db.execute_batch("VACUUM").unwrap();
        drop(db);
        assert!(!is_registered(&name));
    }

    #[test]
    fn a_failed_opening_leaves_no_vfs_behind() {
        let disk = SimDisk::new();
        disk.arm(1, crate::base::CrashHow::Kill, crate::base::Seed(1).stream("disk"));
        let vfs = Vfs::register(Mount::new(&disk).unwrap()).unwrap();
        let name = vfs.name.clone();
        assert!(Connection::open_with_flags_and_vfs("/orders.db", OpenFlags::default(), name.as_c_str()).is_err());
        assert_eq!(Arc::strong_count(&vfs), 1);
        drop(vfs);
        assert!(!is_registered(&name));
    }
}

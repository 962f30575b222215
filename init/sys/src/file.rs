//! Ways to open and read files that the standard library has no words for.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::statfs::{FsType, TMPFS_MAGIC, statfs};

/// Opens a terminal to write on. It does not become ours, and neither a missing carrier nor a
/// stopped line makes opening or writing wait.
///
/// # Errors
///
/// The kernel's: a listed serial port that is not there answers `EIO`.
pub fn open_console(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Opens a file whose reads and writes never wait: an event device, `/dev/kmsg`.
///
/// # Errors
///
/// The kernel's.
pub fn open_without_waiting(path: &Path, read: bool, write: bool) -> io::Result<File> {
    OpenOptions::new().read(read).write(write).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Opens a device to read past the page cache. Buffers, offsets and lengths must be multiples of
/// the device's block size.
///
/// # Errors
///
/// The kernel's.
pub fn open_direct(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path)
}

/// Makes reads and writes answer [`io::ErrorKind::WouldBlock`] instead of waiting.
///
/// # Errors
///
/// The kernel's.
pub fn never_wait(fd: impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Whether `path` lies in memory (ramfs or tmpfs), as an initramfs does.
///
/// # Errors
///
/// The kernel's.
pub fn is_in_memory(path: &Path) -> io::Result<bool> {
    let kind = statfs(path)?.filesystem_type();
    Ok(kind == RAMFS || kind == TMPFS_MAGIC)
}

/// From `linux/magic.h`.
const RAMFS: FsType = FsType(0x8584_58f6);

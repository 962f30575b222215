//! Mounting, moving and unmounting.

use std::io;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount as nix_mount, umount2};

/// What a mount forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// Nothing is written.
    pub read_only: bool,
    /// Set-user-ID bits and file capabilities mean nothing.
    pub no_suid: bool,
    /// Device nodes cannot be opened.
    pub no_dev: bool,
    /// Programs cannot be started.
    pub no_exec: bool,
}

impl Flags {
    fn bits(self) -> MsFlags {
        let rows = [
            (self.read_only, MsFlags::MS_RDONLY),
            (self.no_suid, MsFlags::MS_NOSUID),
            (self.no_dev, MsFlags::MS_NODEV),
            (self.no_exec, MsFlags::MS_NOEXEC),
        ];
        rows.into_iter().filter(|(on, _)| *on).map(|(_, bit)| bit).collect()
    }
}

/// Mounts `source`, a file system of type `kind`, on `target`.
///
/// # Errors
///
/// The kernel's.
pub fn mount(source: &str, target: &Path, kind: &str, flags: Flags, data: &str) -> io::Result<()> {
    let data = Some(data).filter(|data| !data.is_empty());
    Ok(nix_mount(Some(source), target, Some(kind), flags.bits(), data)?)
}

/// Takes the mount at `from` to `to`, with all below it.
///
/// # Errors
///
/// The kernel's.
pub fn move_mount(from: &Path, to: &Path) -> io::Result<()> {
    const NONE: Option<&str> = None;
    Ok(nix_mount(Some(from), to, NONE, MsFlags::MS_MOVE, NONE)?)
}

/// Makes what is mounted on `target` read-only.
///
/// # Errors
///
/// The kernel's: `EBUSY` while a file is open for writing.
pub fn make_read_only(target: &Path) -> io::Result<()> {
    const NONE: Option<&str> = None;
    Ok(nix_mount(NONE, target, NONE, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, NONE)?)
}

/// Unmounts what is mounted on `target`.
///
/// # Errors
///
/// The kernel's: `EBUSY` while it is in use.
pub fn unmount(target: &Path) -> io::Result<()> {
    Ok(umount2(target, MntFlags::UMOUNT_NOFOLLOW)?)
}

/// Makes the mount at `root` the root of the file tree: moves it over `/` and changes into it.
/// What was the root before stays mounted below it, unreachable.
///
/// # Errors
///
/// The kernel's; after an error the root may be either.
pub fn become_root(root: &Path) -> io::Result<()> {
    nix::unistd::chdir(root)?;
    move_mount(Path::new("."), Path::new("/"))?;
    nix::unistd::chroot(".")?;
    nix::unistd::chdir("/")?;
    Ok(())
}

//! What is mounted where, as tables to read aloud.

use std::path::Path;

use sys::mount::{Flags, mount};

/// One mount.
#[derive(Debug, Clone, Copy)]
pub struct Mount {
    /// What is mounted; for file systems without a device, their name.
    pub source: &'static str,
    /// Where.
    pub target: &'static str,
    /// The type of the file system.
    pub kind: &'static str,
    /// What it forbids.
    pub flags: Flags,
    /// Its options.
    pub options: &'static str,
}

const fn row(
    kind: &'static str,
    target: &'static str,
    flags: Flags,
    options: &'static str,
) -> Mount {
    Mount { source: kind, target, kind, flags, options }
}

/// Neither set-user-ID, nor devices, nor programs.
const DATA: Flags = Flags { read_only: false, no_suid: true, no_dev: true, no_exec: true };
/// Neither set-user-ID nor devices.
const FILES: Flags = Flags { read_only: false, no_suid: true, no_dev: true, no_exec: false };
/// No set-user-ID.
const DEVICES: Flags = Flags { read_only: false, no_suid: true, no_dev: false, no_exec: false };

/// Without these nothing works.
pub const EARLY: &[Mount] = &[
    row("devtmpfs", "/dev", DEVICES, "mode=0755"),
    row("proc", "/proc", DATA, ""),
    row("sysfs", "/sys", DATA, ""),
    row("tmpfs", "/run", FILES, "mode=0755"),
];

/// In the root, before services. One that does not work is a notice: a kernel may be built
/// without it.
pub const ROOT: &[Mount] = &[
    row("devpts", "/dev/pts", DATA, "gid=5,mode=0620,ptmxmode=0666"),
    row("tmpfs", "/dev/shm", FILES, "mode=1777"),
    row("mqueue", "/dev/mqueue", DATA, ""),
    row("hugetlbfs", "/dev/hugepages", FILES, "mode=1770"),
    row("tmpfs", "/tmp", FILES, "mode=1777"),
    row("cgroup2", "/sys/fs/cgroup", DATA, "nsdelegate,memory_recursiveprot"),
    row("securityfs", "/sys/kernel/security", DATA, ""),
    row("pstore", "/sys/fs/pstore", DATA, ""),
    row("bpf", "/sys/fs/bpf", DATA, "mode=0700"),
];

/// Once modules are loaded: file systems that come as one.
pub const LATE: &[Mount] = &[row("efivarfs", "/sys/firmware/efi/efivars", DATA, "")];

/// Names programs expect in `/dev`, and what they stand for.
pub const DEVICE_LINKS: &[(&str, &str)] = &[
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/core", "/proc/kcore"),
];

/// What is taken along when the root changes.
pub const MOVED: &[&str] = &["/dev", "/proc", "/sys", "/run"];

impl Mount {
    /// Mounts it; makes the directory where it can be made.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn mount(&self) -> std::io::Result<()> {
        let target = Path::new(self.target);
        if !target.is_dir() {
            std::fs::create_dir_all(target)?;
        }
        mount(self.source, target, self.kind, self.flags, self.options)
    }
}

/// Mounts what the kernel can; answers with what did not work.
#[must_use]
pub fn mount_all(table: &[Mount]) -> Vec<String> {
    let attempt =
        |row: &Mount| row.mount().err().map(|error| format!("mount {}: {error}", row.target));
    table.iter().filter_map(attempt).collect()
}

/// Makes the links of [`DEVICE_LINKS`]; answers with what did not work.
#[must_use]
pub fn link_devices() -> Vec<String> {
    let attempt = |(link, target): &(&str, &str)| {
        let made = std::os::unix::fs::symlink(target, link);
        made.err().map(|error| format!("link {link}: {error}"))
    };
    DEVICE_LINKS.iter().filter_map(attempt).collect()
}

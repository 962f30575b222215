//! Making the mounted root the root, and giving back the memory of the initramfs.
//!
//! The initramfs cannot be unmounted. Its files are deleted, which frees their memory; our own
//! binary is deleted too and lives on as long as we run it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Node;
use crate::halt::{Halt, OrHalt, Reason};
use crate::mounts::MOVED;

/// Changes the root to what is mounted on `new_root`. Memory that does not come back is a notice.
pub(super) fn to(new_root: &Path, node: &mut Node) -> Result<(), Halt> {
    for path in MOVED {
        let target = new_root.join(path.trim_start_matches('/'));
        sys::mount::move_mount(Path::new(path), &target)
            .or_halt(Reason::SwitchRoot, || format!("move {path} into the root"))?;
    }
    if let Err(error) = empty_initramfs() {
        node.notice(format!("empty the initramfs: {error}"));
    }
    sys::mount::become_root(new_root)
        .or_halt(Reason::SwitchRoot, || "change into the root".to_owned())
}

/// Deletes everything on the file system of `/`, if and only if that lies in memory.
fn empty_initramfs() -> io::Result<()> {
    let root = Path::new("/");
    if sys::file::is_in_memory(root)? {
        let device = fs::symlink_metadata(root)?.dev();
        empty(root, device)?;
    }
    Ok(())
}

/// Deletes what is in `directory` and on `device`. Mounts are other devices and are not entered.
fn empty(directory: &Path, device: u64) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.dev() != device {
            continue;
        }
        if metadata.is_dir() {
            empty(&path, device)?;
            // A directory with a mount below it stays.
            drop(fs::remove_dir(&path));
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_the_device_is_deleted() {
        let directory = std::env::temp_dir().join(format!("pid1-switch-{}", std::process::id()));
        fs::create_dir_all(directory.join("a/b")).unwrap();
        fs::write(directory.join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", directory.join("a/link")).unwrap();
        let device = fs::symlink_metadata(&directory).unwrap().dev();
        empty(&directory, device + 1).unwrap();
        assert!(directory.join("a/b/file").exists(), "of another device nothing is");
        empty(&directory, device).unwrap();
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
        assert!(Path::new("/etc").is_dir());
        fs::remove_dir(directory).unwrap();
    }
}

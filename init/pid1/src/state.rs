//! `/var`: where the node writes.
//!
//! It is the partition labelled [`STATE_LABEL`], or memory where there is none, it holds no file
//! system, or the command line says so: nothing here can keep a node from booting. What the image
//! has in `/var` is the beginning: each directory, link and file of it that is not there yet is
//! copied, with its owner and mode.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, lchown, symlink};
use std::path::Path;

use contract::cmdline::{STATE_LABEL, StatePlace};
use sys::mount::{Flags, mount, move_mount};

use crate::devices::{Partition, partitions};
use crate::loading::{Loader, is_there};

/// Where it is made ready.
const PREPARED: &str = "/run/ashlar/var";

/// The largest file of the image's `/var` that is copied.
const COPY_LIMIT_BYTES: u64 = 4 << 20;

/// How deep the image's `/var` may be.
const DEPTH_LIMIT: usize = 16;

/// File systems and the bytes that tell them: name, offset, bytes.
const FILE_SYSTEMS: &[(&str, u64, &[u8])] =
    &[("ext4", 1080, &[0x53, 0xef]), ("xfs", 0, b"XFSB"), ("btrfs", 65_600, b"_BHRfS_M")];

/// Mounts `/var`; answers with what an operator should know.
///
/// # Errors
///
/// Not even memory could be mounted there.
pub fn mount_var(place: StatePlace) -> io::Result<Vec<String>> {
    let mut notices = Vec::new();
    fs::create_dir_all(PREPARED)?;
    if !mount_partition(place, &mut notices) {
        let flags = Flags { no_suid: true, no_dev: true, ..Flags::default() };
        mount("tmpfs", Path::new(PREPARED), "tmpfs", flags, "mode=0755")?;
    }
    copy_missing(Path::new("/var"), Path::new(PREPARED), DEPTH_LIMIT, &mut notices);
    move_mount(Path::new(PREPARED), Path::new("/var"))?;
    fs::remove_dir(PREPARED)?;
    Ok(notices)
}

fn mount_partition(place: StatePlace, notices: &mut Vec<String>) -> bool {
    if place == StatePlace::Volatile {
        return false;
    }
    let partitions = partitions();
    let of_state = |partition: &&Partition| partition.label == STATE_LABEL;
    let Some(partition) = partitions.iter().find(of_state) else { return false };
    let attempt = file_system_of(&partition.node()).and_then(|kind| {
        let kind = kind.ok_or_else(|| io::Error::other("there is no file system on it"))?;
        if !is_there(kind) {
            let mut loader = Loader::open();
            loader.load_named([kind]);
            notices.append(&mut loader.notices);
        }
        let flags = Flags { no_suid: true, no_dev: true, ..Flags::default() };
        mount(&partition.node().display().to_string(), Path::new(PREPARED), kind, flags, "")
    });
    if let Err(error) = &attempt {
        let name = &partition.name;
        notices.push(format!("state on {name}: {error}; /var is in memory and will be lost"));
    }
    attempt.is_ok()
}

fn file_system_of(node: &Path) -> io::Result<Option<&'static str>> {
    let mut file = fs::File::open(node)?;
    for (name, offset, expected) in FILE_SYSTEMS {
        let mut found = vec![0; expected.len()];
        file.seek(SeekFrom::Start(*offset))?;
        if file.read_exact(&mut found).is_ok() && found == *expected {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn copy_missing(from: &Path, to: &Path, depth: usize, notices: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(from) else { return };
    for entry in entries.filter_map(Result::ok) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if let Err(error) = copy_one(&source, &target) {
            notices.push(format!("copy {} to the state: {error}", source.display()));
        }
        if source.is_dir() && !source.is_symlink() && depth > 0 {
            copy_missing(&source, &target, depth - 1, notices);
        }
    }
}

fn copy_one(source: &Path, target: &Path) -> io::Result<()> {
    if crate::loading::exists(target) {
        return Ok(());
    }
    let metadata = fs::symlink_metadata(source)?;
    let kind = metadata.file_type();
    if kind.is_symlink() {
        symlink(fs::read_link(source)?, target)?;
    } else if kind.is_dir() {
        fs::create_dir(target)?;
    } else if kind.is_file() && metadata.len() <= COPY_LIMIT_BYTES {
        fs::write(target, fs::read(source)?)?;
    } else if kind.is_file() || kind.is_block_device() || kind.is_char_device() {
        return Err(io::Error::other("neither a directory, a link nor a small file"));
    }
    lchown(target, Some(metadata.uid()), Some(metadata.gid()))?;
    if !kind.is_symlink() {
        fs::set_permissions(target, metadata.permissions())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_missing_is_copied_and_what_is_there_stays() {
        let base = std::env::temp_dir().join(format!("pid1-state-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        fs::create_dir_all(from.join("lib/a")).unwrap();
        fs::create_dir_all(to.join("lib")).unwrap();
        fs::write(from.join("lib/a/new"), "new").unwrap();
        fs::write(from.join("lib/old"), "from the image").unwrap();
        fs::write(to.join("lib/old"), "of the node").unwrap();
        fs::set_permissions(from.join("lib/a"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("/run", from.join("run")).unwrap();
        let mut notices = Vec::new();
        copy_missing(&from, &to, 3, &mut notices);
        assert!(notices.is_empty(), "{notices:?}");
        assert_eq!(fs::read_to_string(to.join("lib/a/new")).unwrap(), "new");
        assert_eq!(fs::read_to_string(to.join("lib/old")).unwrap(), "of the node");
        assert_eq!(fs::metadata(to.join("lib/a")).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_link(to.join("run")).unwrap(), Path::new("/run"));
        fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn a_file_system_is_told_by_its_bytes() {
        let path = std::env::temp_dir().join(format!("pid1-ext4-{}", std::process::id()));
        let mut bytes = vec![0; 2048];
        fs::write(&path, &bytes).unwrap();
        assert_eq!(file_system_of(&path).unwrap(), None);
        bytes[1080..1082].copy_from_slice(&[0x53, 0xef]);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(file_system_of(&path).unwrap(), Some("ext4"));
        fs::remove_file(path).unwrap();
    }
}

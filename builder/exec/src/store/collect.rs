//! How large the store is, and the removal of what was not used for long.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, Timespec, Timestamps, UTIME_NOW, flock, futimens};

use super::{PARTIAL, Store, StoreError, TMP};
use crate::clock;

/// How old a file's time may be before a use renews it: fine enough for a collection by days, and
/// one system call a day.
const RENEWED_AFTER_S: u64 = 24 * 3600;

/// What one area of the store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AreaUsage {
    /// How many files.
    pub files: u64,
    /// How much of the disk they take.
    pub disk_bytes: u64,
}

/// What a collection removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many files.
    pub files: u64,
    /// How much of the disk they took.
    pub disk_bytes: u64,
}

/// Notes that a file was used.
pub(super) fn renew(file: &File) -> io::Result<()> {
    if age_s(&file.metadata()?) < RENEWED_AFTER_S {
        return Ok(());
    }
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    match futimens(file, &Timestamps { last_access: now, last_modification: now }) {
        // A store that may only be read is used all the same.
        Ok(()) | Err(rustix::io::Errno::ROFS | rustix::io::Errno::ACCESS) => Ok(()),
        Err(rustix::io::Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn age_s(metadata: &fs::Metadata) -> u64 {
    let modified = u64::try_from(metadata.mtime()).unwrap_or(0);
    clock::unix_seconds().saturating_sub(modified)
}

impl Store {
    /// What each area holds, by name.
    ///
    /// # Errors
    /// Something cannot be looked at.
    pub fn usage(&self) -> Result<BTreeMap<String, AreaUsage>, StoreError> {
        let mut areas = BTreeMap::new();
        for area in entries(self.root())? {
            if !area.path().is_dir() {
                continue;
            }
            let mut usage = AreaUsage::default();
            walk(&area.path(), &mut |_, metadata| {
                usage.files += 1;
                usage.disk_bytes += metadata.blocks() * 512;
                Ok(())
            })?;
            areas.insert(area.file_name().to_string_lossy().into_owned(), usage);
        }
        Ok(areas)
    }

    /// Removes what was not used for this long, and everything unfinished. Nobody else may use the
    /// store meanwhile. A thing that is a directory goes as one, by the directory's time.
    ///
    /// # Errors
    /// Somebody uses the store, or something cannot be removed.
    pub fn collect(root: &Path, unused_for: Duration) -> Result<Collected, StoreError> {
        let store = Self::open(root)?;
        flock(&store._lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| StoreError::Busy { path: root.to_owned() })?;
        let mut collected = Collected::default();
        for area in entries(root)?.iter().filter(|area| area.path().is_dir()) {
            let unfinished = [TMP, PARTIAL].iter().any(|name| area.file_name() == *name);
            let limit_s = if unfinished { 0 } else { unused_for.as_secs() };
            let fanned = |name: &std::ffi::OsStr| name.len() == 2;
            for entry in entries(&area.path())? {
                if fanned(&entry.file_name()) && entry.path().is_dir() {
                    for entry in entries(&entry.path())? {
                        remove_unused(&entry.path(), limit_s, &mut collected)?;
                    }
                } else {
                    remove_unused(&entry.path(), limit_s, &mut collected)?;
                }
            }
        }
        Ok(collected)
    }
}

fn remove_unused(path: &Path, limit_s: u64, collected: &mut Collected) -> Result<(), StoreError> {
    let failed = |source| StoreError::Use { path: path.to_owned(), source };
    let metadata = fs::symlink_metadata(path).map_err(failed)?;
    if age_s(&metadata) < limit_s {
        return Ok(());
    }
    let mut count = |metadata: &fs::Metadata| {
        collected.files += 1;
        collected.disk_bytes += metadata.blocks() * 512;
    };
    if metadata.is_dir() {
        walk(path, &mut |_, metadata| {
            count(metadata);
            Ok(())
        })?;
        return fs::remove_dir_all(path).map_err(failed);
    }
    count(&metadata);
    fs::remove_file(path).map_err(failed)
}

fn entries(path: &Path) -> Result<Vec<fs::DirEntry>, StoreError> {
    let failed = |source| StoreError::Use { path: path.to_owned(), source };
    fs::read_dir(path).map_err(failed)?.collect::<io::Result<_>>().map_err(failed)
}

/// Visits every file below a directory.
fn walk(
    path: &Path,
    visit: &mut dyn FnMut(&Path, &fs::Metadata) -> io::Result<()>,
) -> Result<(), StoreError> {
    for entry in entries(path)? {
        let path = entry.path();
        let failed = |source| StoreError::Use { path: path.clone(), source };
        let metadata = fs::symlink_metadata(&path).map_err(failed)?;
        if metadata.is_dir() {
            walk(&path, visit)?;
        } else {
            visit(&path, &metadata).map_err(failed)?;
        }
    }
    Ok(())
}

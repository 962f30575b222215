//! What a build leaves for others: a folder that is either the old one or the new one.
//!
//! The files of an image belong together: a manifest beside another build's disk would be worse
//! than none. So everything is written into a hidden folder beside the final one, and the two are
//! exchanged in one step when all of it is there. Whatever stops a build (a full disk, a signal, a
//! mistake) leaves the old folder as it was; the hidden one is removed with the value, or by the
//! next build. Modes do not depend on the umask.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::failure::Failure;

/// A folder of artefacts that is being written.
#[derive(Debug)]
pub struct Artefacts {
    scratch: tempfile::TempDir,
    last: PathBuf,
}

impl Artefacts {
    /// Begins a folder that will be at `last`.
    ///
    /// # Errors
    /// The folder above cannot be made or written to.
    pub fn begin(last: &Path) -> Result<Self, Failure> {
        let refused = |error: io::Error| {
            Failure::machine(format!("making the folder `{}`", last.display()))
                .because(error)
                .hint("name a folder that you may write to with --out DIR")
        };
        let above = last.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(above).map_err(refused)?;
        let name = last.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.new-");
        let scratch =
            tempfile::Builder::new().prefix(&prefix).tempdir_in(above).map_err(refused)?;
        set_mode(scratch.path(), 0o755).map_err(refused)?;
        Ok(Self { scratch, last: last.to_owned() })
    }

    /// Where a file of this name is while it is written.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A new file, to write to and to read back.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(&self, name: &str) -> Result<File, Failure> {
        let path = self.path(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.and_then(|file| set_mode(&path, 0o644).map(|()| file));
        file.map_err(|error| refused(name, error))
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// It cannot be written, for example because the disk is full.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let mut file = BufWriter::new(self.create(name)?);
        file.write_all(bytes).and_then(|()| file.flush()).map_err(|error| refused(name, error))
    }

    /// Puts the folder in its place. What was there before goes.
    ///
    /// # Errors
    /// It cannot be put there; then what was there before is there still.
    pub fn finish(self) -> Result<PathBuf, Failure> {
        let Self { scratch, last } = self;
        exchange(scratch.path(), &last).map_err(|error| {
            Failure::machine(format!("putting the folder `{}` in place", last.display()))
                .because(error)
        })?;
        // Now the old folder has the hidden name, or nothing has.
        drop(scratch);
        Ok(last)
    }
}

/// Writes one file whole or not at all; what was there stays until then.
///
/// # Errors
/// It cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    set_mode(file.path(), 0o644)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Copies a file with its holes: runs of zeros are not written.
///
/// # Errors
/// It cannot be read or written; then `to` is removed.
pub fn copy_sparse(from: &Path, to: &Path) -> io::Result<()> {
    let copy = || {
        let mut source = File::open(from)?;
        let target = File::create(to)?;
        let len_bytes = source.metadata()?.len();
        let mut piece = vec![0; 1 << 20];
        let mut offset_bytes = 0;
        loop {
            let len = source.read(&mut piece)?;
            let Some(read) = piece.get(..len).filter(|read| !read.is_empty()) else { break };
            if read.iter().any(|byte| *byte != 0) {
                target.write_all_at(read, offset_bytes)?;
            }
            offset_bytes += u64::try_from(len).unwrap_or(0);
        }
        target.set_len(len_bytes)
    };
    copy().inspect_err(|_: &io::Error| fs::remove_file(to).unwrap_or_default())
}

/// The failure of writing one artefact.
#[must_use]
pub fn refused(name: &str, error: io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("make room on the disk, or name another folder with --out DIR")
        }
        _ => None,
    };
    let failure = Failure::machine(format!("writing `{name}`")).because(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Puts `new` at `last`, and what was at `last` at `new`.
fn exchange(new: &Path, last: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, last, RenameFlags::EXCHANGE) {
        Err(rustix::io::Errno::NOENT) => fs::rename(new, last),
        // File systems that cannot exchange: two steps, with a moment between.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            let old = new.with_extension("old");
            fs::rename(last, &old)?;
            fs::rename(new, last).or_else(|error| {
                fs::rename(&old, last)?;
                Err(error)
            })?;
            fs::rename(&old, new)
        }
        other => other.map_err(io::Error::from),
    }
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_folder_takes_the_place_of_the_old_one_whole() {
        let dir = tempfile::tempdir().unwrap();
        let last = dir.path().join("image/arch");
        for (file, text) in [("a", "1"), ("b", "2")] {
            let artefacts = Artefacts::begin(&last).unwrap();
            artefacts.write(file, text.as_bytes()).unwrap();
            artefacts.finish().unwrap();
            assert_eq!(names(&last), [file]);
        }
        assert_eq!(names(&dir.path().join("image")), ["arch"]);
    }

    #[test]
    fn a_build_that_stops_leaves_the_old_folder_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let last = dir.path().join("arch");
        let artefacts = Artefacts::begin(&last).unwrap();
        artefacts.write("a", b"old").unwrap();
        artefacts.finish().unwrap();
        let stopped = Artefacts::begin(&last).unwrap();
        stopped.write("a", b"half").unwrap();
        drop(stopped);
        assert_eq!(names(dir.path()), ["arch"]);
        assert_eq!(fs::read(last.join("a")).unwrap(), b"old");
    }

    #[test]
    fn a_full_disk_is_said_with_what_to_do() {
        let mut file = File::options().write(true).open("/dev/full").unwrap();
        let error = file.write_all(b"x").unwrap_err();
        let failure = refused("disk.raw", error);
        assert!(failure.hint.unwrap().contains("--out"));
    }

    #[test]
    fn a_folder_that_may_not_be_made_is_said() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), b"").unwrap();
        let failure = Artefacts::begin(&dir.path().join("file/image/arch")).unwrap_err();
        assert_eq!(failure.class, crate::failure::Class::Machine);
    }
}

//! The store: what was fetched, by what it is; and what was made of it, by what it was made from.
//!
//! ```text
//! CACHE/lock               held shared by every command, exclusively by a collection
//! CACHE/objects/ab/cdef…   content by its SHA-256: packages, indices
//! CACHE/partial/abcdef…    content under way, continued by whoever asks next
//! CACHE/KIND/ab/cdef…      what was made, by the digest of all its inputs (see [`Cache`])
//! CACHE/tmp/               what is being written
//! ```
//!
//! What must stay true:
//!
//! * A file has its name only when it is whole: it is written below `tmp/` and renamed. Two
//!   commands that write the same name write the same bytes, so the later rename changes nothing.
//! * What is handed out was compared with its digest in this process. It is compared again when
//!   the file's inode, size or times changed since; a program of the same user that restores all
//!   of them while a build runs could as well change the build's memory.
//! * Nothing is synced to the disk. After a power cut a file may be empty under its final name,
//!   but then its digest is wrong, and it is fetched or made again: the cost of a rare accident,
//!   instead of a wait in every build.
//!
//! A use renews the file's time (at most daily), so that what has not been used for long can be
//! [collected](Store::collect).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use contract::digest::{Digest, Digester};
use rustix::fs::{FlockOperation, flock};

mod cache;
mod collect;
mod error;
mod partial;

pub use cache::Cache;
pub use collect::{AreaUsage, Collected};
pub use error::StoreError;
pub use partial::Partial;

const OBJECTS: &str = "objects";
const PARTIAL: &str = "partial";
const TMP: &str = "tmp";

/// The store below one cache directory.
pub struct Store {
    root: PathBuf,
    /// What was compared with its digest in this process, and what its file looked like then.
    verified: Mutex<BTreeMap<Digest, Stamp>>,
    _lock: File,
}

/// What changes when a file's content does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    len_bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            inode: (metadata.dev(), metadata.ino()),
            len_bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// A file of the store whose content was compared with its digest.
#[derive(Debug)]
pub struct Object {
    /// The open file, at its start.
    pub file: File,
    /// Where it is.
    pub path: PathBuf,
    /// How many bytes it has.
    pub len_bytes: u64,
}

impl Object {
    /// All its bytes.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.len_bytes).unwrap_or(0));
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Store {
    /// Opens the store below this directory, and makes it where there is none. It waits while
    /// somebody collects.
    ///
    /// # Errors
    /// The directory cannot be made or written to.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Use { path: root.to_owned(), source };
        for area in [OBJECTS, PARTIAL, TMP] {
            fs::create_dir_all(root.join(area)).map_err(failed)?;
        }
        let lock = File::options().create(true).truncate(false).write(true).open(root.join("lock"));
        let lock = lock.map_err(failed)?;
        flock(&lock, FlockOperation::LockShared).map_err(|error| failed(error.into()))?;
        Ok(Self { root: root.to_owned(), verified: Mutex::default(), _lock: lock })
    }

    /// The cache directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What was made, of one kind. The kind names what it is and the version of how it is made.
    #[must_use]
    pub fn cache(&self, kind: &'static str) -> Cache {
        Cache::new(&self.root, kind)
    }

    /// The directory of one kind of things that are made, for those that are more than bytes.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn area(&self, kind: &str) -> Result<PathBuf, StoreError> {
        let path = self.root.join(kind);
        fs::create_dir_all(&path)
            .map_err(|source| StoreError::Use { path: path.clone(), source })?;
        Ok(path)
    }

    /// Notes that a thing in an [area](Self::area) was used.
    ///
    /// # Errors
    /// It is not there.
    pub fn renew(&self, path: &Path) -> io::Result<()> {
        collect::renew(&File::open(path)?)
    }

    /// A new directory to write to, on the file system of the store; it goes when dropped.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn temporary_directory(&self) -> Result<tempfile::TempDir, StoreError> {
        let tmp = self.root.join(TMP);
        tempfile::TempDir::new_in(&tmp).map_err(|source| StoreError::Use { path: tmp, source })
    }

    /// Whether there is something under this digest. It is not looked at.
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.path_of(digest).exists()
    }

    /// The content of this digest, compared with it; `None` when there is none. What turns out to
    /// be something else is removed and counts as none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn get(&self, digest: &Digest) -> Result<Option<Object>, StoreError> {
        let path = self.path_of(digest);
        let failed = |source| StoreError::Use { path: path.clone(), source };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let stamp = Stamp::of(&file).map_err(failed)?;
        if self.verified().get(digest) != Some(&stamp) {
            if digest_of(&mut file).map_err(failed)? != *digest {
                fs::remove_file(&path).map_err(failed)?;
                return Ok(None);
            }
            collect::renew(&file).map_err(failed)?;
            self.verified().insert(*digest, Stamp::of(&file).map_err(failed)?);
        }
        Ok(Some(Object { file, len_bytes: stamp.len_bytes, path }))
    }

    /// Puts bytes in.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if self.get(&digest)?.is_none() {
            write_whole(&self.root, &self.path_of(&digest), &[bytes])
                .map_err(|source| StoreError::Use { path: self.path_of(&digest), source })?;
        }
        Ok(digest)
    }

    /// The place of content that is under way. It waits while somebody else has it; look with
    /// [`get`](Self::get) afterwards whether they finished.
    ///
    /// # Errors
    /// It cannot be made or read.
    pub fn partial(&self, digest: &Digest) -> Result<Partial, StoreError> {
        Partial::open(&self.root.join(PARTIAL).join(digest.to_string()), digest)
    }

    /// Takes content that is whole.
    ///
    /// # Errors
    /// It is not the content of its digest, or cannot be moved.
    pub fn finish(&self, partial: Partial) -> Result<Digest, StoreError> {
        let digest = partial.digest();
        partial.finish(&self.path_of(&digest))?;
        Ok(digest)
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, BTreeMap<Digest, Stamp>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path_of(&self, digest: &Digest) -> PathBuf {
        place(&self.root.join(OBJECTS), digest)
    }
}

/// The file of this digest: two digits are the directory, so that none has too many names.
fn place(area: &Path, digest: &Digest) -> PathBuf {
    let text = digest.to_string();
    let (directory, name) = text.split_at(2);
    area.join(directory).join(name)
}

/// The digest of a file from its start; it is at its start again afterwards.
fn digest_of(file: &mut File) -> io::Result<Digest> {
    use io::Seek as _;
    file.rewind()?;
    let mut digester = Digester::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => digester.update(buffer.get(..count).unwrap_or_default()),
        }
    }
    file.rewind()?;
    Ok(digester.finish())
}

/// Writes a file below `tmp/` and gives it its name.
fn write_whole(root: &Path, path: &Path, pieces: &[&[u8]]) -> io::Result<()> {
    let mut temporary = tempfile::NamedTempFile::new_in(root.join(TMP))?;
    for piece in pieces {
        temporary.write_all(piece)?;
    }
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests;

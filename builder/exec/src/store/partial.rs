//! Content under way: what came so far is kept, and whoever asks next continues.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use contract::digest::{Digest, Digester};
use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// Content under way. One at a time has it.
pub struct Partial {
    path: PathBuf,
    file: File,
    expected: Digest,
    digester: Digester,
    len_bytes: u64,
}

impl Partial {
    pub(super) fn open(path: &Path, expected: &Digest) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Use { path: path.to_owned(), source };
        let mut file = locked(path).map_err(failed)?;
        let mut digester = Digester::new();
        let len_bytes = io::copy(&mut file, &mut digester).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, expected: *expected, digester, len_bytes })
    }

    /// How many bytes came so far.
    #[must_use]
    pub const fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The digest the content should have.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.expected
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// They cannot be written; what came before is kept.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Err(source) = self.file.write_all(bytes) {
            // A piece of these bytes may have been written; what the digest knows stays.
            self.file.set_len(self.len_bytes).unwrap_or_default();
            self.file.seek(SeekFrom::Start(self.len_bytes)).unwrap_or_default();
            return Err(StoreError::Use { path: self.path.clone(), source });
        }
        self.digester.update(bytes);
        self.len_bytes += u64::try_from(bytes.len()).unwrap_or_default();
        Ok(())
    }

    /// Forgets what came so far.
    ///
    /// # Errors
    /// It cannot be forgotten.
    pub fn restart(&mut self) -> Result<(), StoreError> {
        let failed = |source| StoreError::Use { path: self.path.clone(), source };
        self.file.set_len(0).map_err(failed)?;
        self.file.rewind().map_err(failed)?;
        self.digester = Digester::new();
        self.len_bytes = 0;
        Ok(())
    }

    /// Forgets it for good: somebody else finished it, or nobody wants it.
    pub fn discard(self) {
        // A file that stays is only ever continued.
        fs::remove_file(&self.path).unwrap_or_default();
    }

    pub(super) fn finish(self, path: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::Use { path: path.to_owned(), source };
        let found = self.digester.clone().finish();
        if found != self.expected {
            let (expected, len_bytes) = (self.expected, self.len_bytes);
            self.discard();
            return Err(StoreError::Mismatch { expected, found, len_bytes });
        }
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        fs::rename(&self.path, path).map_err(failed)
    }
}

/// The file, locked, and still the one of this name: whoever had it may have given it another.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let file =
            File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        flock(&file, FlockOperation::LockExclusive)?;
        let ours = file.metadata()?;
        match fs::metadata(path) {
            Ok(named) if (named.dev(), named.ino()) == (ours.dev(), ours.ino()) => return Ok(file),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

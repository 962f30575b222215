//! What was made, by the digest of everything it was made from.
//!
//! An entry is one file: 8 bytes `ASHLARC1`, the SHA-256 of key and bytes (32 bytes), the bytes.
//! An entry that is damaged, cut short or under another's name is one that is not there. A cache
//! never makes a build fail: what cannot be written is made again next time.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use contract::digest::{Digest, Digester};

const MAGIC: &[u8; 8] = b"ASHLARC1";
const HEADER_BYTES: usize = 40;

/// What was made, of one kind.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
    area: PathBuf,
}

impl Cache {
    pub(super) fn new(root: &Path, kind: &str) -> Self {
        Self { root: root.to_owned(), area: root.join(kind) }
    }

    /// The bytes that were put under this key, or nothing.
    #[must_use]
    pub fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        let path = super::place(&self.area, key);
        let mut file = File::open(&path).ok()?;
        match read(&mut file, key) {
            Ok(Some(bytes)) => {
                // That a time is not renewed only makes the entry look unused.
                super::collect::renew(&file).unwrap_or_default();
                Some(bytes)
            }
            // Damaged: the next `put` replaces it.
            Ok(None) | Err(_) => None,
        }
    }

    /// Whether something is under this key. It is not looked at.
    #[must_use]
    pub fn has(&self, key: &Digest) -> bool {
        super::place(&self.area, key).exists()
    }

    /// Puts bytes under a key.
    ///
    /// # Errors
    /// They cannot be written; then the entry is as it was before.
    pub fn put(&self, key: &Digest, bytes: &[u8]) -> io::Result<()> {
        let path = super::place(&self.area, key);
        let sum = sum(key, bytes);
        super::write_whole(&self.root, &path, &[MAGIC, sum.as_bytes(), bytes])
    }

    /// Forgets what is under this key.
    pub fn forget(&self, key: &Digest) {
        // One that stays is no worse than one that was never forgotten.
        fs::remove_file(super::place(&self.area, key)).unwrap_or_default();
    }
}

fn read(file: &mut File, key: &Digest) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    let len_bytes = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(len_bytes).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    let sum = sum(key, &bytes);
    let same = header.strip_prefix(MAGIC.as_slice()) == Some(sum.as_bytes().as_slice());
    Ok(same.then_some(bytes))
}

fn sum(key: &Digest, bytes: &[u8]) -> Digest {
    let mut digester = Digester::new();
    digester.update(key.as_bytes());
    digester.update(bytes);
    digester.finish()
}

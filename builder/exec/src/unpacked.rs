//! Packages, unpacked once: one file of contents and one index each, in the store.
//!
//! Reading a `.deb` means decompressing it, which is most of what a build would do again and
//! again. So each is read once. The contents of its regular files are put end to end into one
//! file, and an index says what the package has, where each content is and what its digest is. A
//! later build reads the indices alone, and a content only when something needs its bytes.
//!
//! ```text
//! CACHE/unpacked-1/DIGEST      contents, end to end, by the digest of the .deb
//! CACHE/unpacked-index-1/…     the index: JSON, see [`Index`]
//! ```
//!
//! What must stay true: a content is compared with its digest each time it is handed out, and an
//! index is kept only after the whole package was read without a mistake.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use contract::digest::Digest;
use formats::tree::{Content, ContentSource};
use packages::deb::DebError;
use rayon::prelude::*;
use tree::input::InstalledPackage;

use crate::store::{Store, StoreError};

mod index;
mod read;

use index::Index;

const CONTENTS: &str = "unpacked-1";
const INDICES: &str = "unpacked-index-1";

/// Packages whose members are known and whose contents can be had.
#[derive(Debug)]
pub struct Unpacked {
    packages: Vec<InstalledPackage>,
    files: Vec<File>,
    places: BTreeMap<Digest, Place>,
}

/// Where a content is.
#[derive(Debug, Clone, Copy)]
struct Place {
    file: usize,
    offset_bytes: u64,
    len_bytes: u64,
}

/// Why a package was not unpacked.
#[derive(Debug)]
pub enum UnpackedError {
    /// The store has no package of this digest.
    Missing {
        /// Its name.
        name: String,
        /// Its digest.
        digest: Digest,
    },
    /// The package is not what a package should be.
    Deb {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: DebError,
    },
    /// The package says that it is another one.
    Name {
        /// The name in the lock.
        name: String,
        /// The name inside.
        found: String,
    },
    /// Its contents cannot be written or read.
    Io {
        /// Its name.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The store refuses.
    Store(StoreError),
}

impl fmt::Display for UnpackedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, digest } => {
                write!(f, "the store has no package `{name}` of digest {digest}")
            }
            Self::Deb { name, .. } => write!(f, "reading the package `{name}`"),
            Self::Name { name, found } => {
                write!(f, "the package `{name}` says inside that it is `{found}`")
            }
            Self::Io { name, .. } => write!(f, "unpacking the package `{name}` into the store"),
            Self::Store(_) => write!(f, "looking into the store"),
        }
    }
}

impl std::error::Error for UnpackedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Missing { .. } | Self::Name { .. } => None,
            Self::Deb { source, .. } => Some(source),
            Self::Io { source, .. } => Some(source),
            Self::Store(source) => Some(source),
        }
    }
}

impl Unpacked {
    /// Opens these packages (name and digest of the `.deb`), unpacking those that are not yet.
    ///
    /// # Errors
    /// One is missing, damaged, or does not fit on the disk.
    pub fn open(
        store: &Store,
        debs: &[(String, Digest)],
        threads: NonZeroUsize,
    ) -> Result<Self, UnpackedError> {
        let area = store.area(CONTENTS).map_err(UnpackedError::Store)?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build();
        let pool = pool.map_err(|error| UnpackedError::Io {
            name: "(all)".to_owned(),
            source: io::Error::other(error),
        })?;
        let read: Result<Vec<(Index, File)>, UnpackedError> = pool.install(|| {
            debs.par_iter()
                .with_max_len(1)
                .map(|(name, digest)| read::open(store, &area, name, digest))
                .collect()
        });
        let mut unpacked =
            Self { packages: Vec::new(), files: Vec::new(), places: BTreeMap::new() };
        for (index, file) in read? {
            unpacked.take(index, file);
        }
        Ok(unpacked)
    }

    fn take(&mut self, index: Index, file: File) {
        for (digest, offset_bytes, len_bytes) in index.places() {
            let place = Place { file: self.files.len(), offset_bytes, len_bytes };
            self.places.entry(digest).or_insert(place);
        }
        self.files.push(file);
        self.packages.push(index.into_package());
    }

    /// The packages, in the order they were asked for.
    #[must_use]
    pub fn packages(&self) -> &[InstalledPackage] {
        &self.packages
    }

    /// The first member of a package at this path (without a leading slash) that is a file.
    #[must_use]
    pub fn file_of(&self, package: &str, path: &str) -> Option<&Content> {
        let package = self.packages.iter().find(|each| each.name == package)?;
        package.members.iter().find_map(|member| match &member.kind {
            tree::input::MemberKind::File(content) if member.path == path => Some(content),
            _ => None,
        })
    }
}

impl ContentSource for Unpacked {
    fn load(&self, digest: &Digest) -> io::Result<Arc<[u8]>> {
        let place = self.places.get(digest);
        let (place, file) =
            place.and_then(|place| Some((place, self.files.get(place.file)?))).ok_or_else(
                || io::Error::new(io::ErrorKind::NotFound, format!("no package has {digest}")),
            )?;
        let len = usize::try_from(place.len_bytes).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, place.offset_bytes)?;
        if Digest::of(&bytes) == *digest {
            Ok(bytes.into())
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("unpacked content {digest} was changed in the cache; remove {CONTENTS}/"),
            ))
        }
    }
}

#[cfg(test)]
mod tests;

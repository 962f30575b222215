//! Why the store could not do something.

use std::fmt;
use std::io;
use std::path::PathBuf;

use contract::digest::Digest;

/// Why the store could not do something.
#[derive(Debug)]
pub enum StoreError {
    /// A file or directory of it cannot be read or written.
    Use {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Content is not what it should be.
    Mismatch {
        /// The digest it should have.
        expected: Digest,
        /// The digest it has.
        found: Digest,
        /// How many bytes came.
        len_bytes: u64,
    },
    /// Somebody uses the store, so nothing is collected.
    Busy {
        /// The store.
        path: PathBuf,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Use { path, .. } => write!(f, "cannot use `{}` of the store", path.display()),
            Self::Mismatch { expected, found, len_bytes } => {
                write!(f, "{len_bytes} bytes have the digest {found}, not {expected}")
            }
            Self::Busy { path } => {
                write!(f, "the store `{}` is in use by another command", path.display())
            }
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Use { source, .. } => Some(source),
            Self::Mismatch { .. } | Self::Busy { .. } => None,
        }
    }
}

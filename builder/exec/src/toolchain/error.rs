//! Why the node's binaries could not be built.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::runner::RunError;
use crate::store::StoreError;
use crate::tools::ToolError;

/// Why the node's binaries could not be built.
#[derive(Debug)]
pub enum ToolchainError {
    /// A file of the checkout cannot be read.
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the build cannot be written.
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A manifest or the lock file of the checkout cannot be understood.
    Manifest {
        /// The file, from the root of the checkout.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The tree lacks a part of the toolchain.
    Missing {
        /// What.
        what: &'static str,
        /// The tree.
        tree: PathBuf,
    },
    /// The lock file names a crate that the reduced one does not, or with another checksum.
    Unlocked {
        /// The crate and version.
        name: String,
    },
    /// The tree cannot be used.
    Tool(ToolError),
    /// The store cannot be used.
    Store(StoreError),
    /// The crates could not be put beside each other.
    Vendor(RunError),
    /// The compiler did not make it.
    Build(RunError),
}

impl fmt::Display for ToolchainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, .. } => write!(f, "cannot read `{}`", path.display()),
            Self::Write { path, .. } => write!(f, "cannot write `{}`", path.display()),
            Self::Manifest { file, why } => write!(f, "`{file}` cannot be understood: {why}"),
            Self::Missing { what, tree } => {
                write!(f, "the tool tree `{}` has no {what}", tree.display())
            }
            Self::Unlocked { name } => {
                write!(f, "the crate {name} is not in Cargo.lock as it is needed")
            }
            Self::Tool(_) => write!(f, "cannot use the compiler's tool tree"),
            Self::Store(_) => write!(f, "cannot keep what was compiled"),
            Self::Vendor(_) => write!(f, "cannot get the crates that the node's binaries need"),
            Self::Build(_) => write!(f, "cannot compile the node's binaries"),
        }
    }
}

impl std::error::Error for ToolchainError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } | Self::Write { source, .. } => Some(source),
            Self::Tool(source) => Some(source),
            Self::Store(source) => Some(source),
            Self::Vendor(source) | Self::Build(source) => Some(source),
            Self::Manifest { .. } | Self::Missing { .. } | Self::Unlocked { .. } => None,
        }
    }
}

impl From<ToolError> for ToolchainError {
    fn from(error: ToolError) -> Self {
        Self::Tool(error)
    }
}

impl From<StoreError> for ToolchainError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

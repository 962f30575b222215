//! Why a tool tree is of no use.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::store::StoreError;

/// Why a tool tree is of no use.
#[derive(Debug)]
pub enum ToolError {
    /// The tree cannot be read or made.
    Tree {
        /// The tree.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store cannot be used.
    Store(StoreError),
    /// A package is not in the store.
    NotFetched {
        /// The package.
        name: String,
    },
    /// A package cannot be unpacked.
    Package {
        /// The package.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// Two packages bring different files of one name.
    Conflict {
        /// The file.
        path: String,
        /// The packages.
        names: [String; 2],
    },
    /// A program of it cannot be started.
    Program {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree { path, .. } => write!(f, "cannot use the tool tree `{}`", path.display()),
            Self::Store(_) => write!(f, "cannot use the store for a tool tree"),
            Self::NotFetched { name } => write!(f, "the package {name} is not in the store"),
            Self::Package { name, .. } => write!(f, "cannot unpack the package {name}"),
            Self::Conflict { path, names: [one, other] } => {
                write!(f, "the packages {one} and {other} bring different files `{path}`")
            }
            Self::Program { path, .. } => {
                write!(f, "cannot start `{}` of a tool tree", path.display())
            }
        }
    }
}

impl std::error::Error for ToolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tree { source, .. }
            | Self::Package { source, .. }
            | Self::Program { source, .. } => Some(source),
            Self::Store(source) => Some(source),
            Self::NotFetched { .. } | Self::Conflict { .. } => None,
        }
    }
}

//! Why a file is in an image.

use std::fmt;

/// The last link of a chain from an entry point to a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// An entry of a recipe names it.
    Entry {
        /// The recipe's why.
        why: String,
        /// The pattern that matched.
        pattern: String,
        /// Whether the pattern stands for this path alone.
        exact: bool,
    },
    /// A recipe brings it.
    Declared {
        /// The recipe.
        recipe: String,
    },
    /// A declaration of modules names it.
    Module {
        /// The recipe's why.
        why: String,
        /// The pattern that matched.
        pattern: String,
    },
    /// `DT_NEEDED` of another file.
    Needed {
        /// The file that needs it.
        by: String,
        /// The name it asks for.
        name: String,
    },
    /// The loader or interpreter of another file.
    Interpreter {
        /// That file.
        of: String,
    },
    /// Loaded at run time by another file, as a recipe or a note in the file says.
    Dlopen {
        /// The file that loads it.
        by: String,
        /// The name it asks for.
        name: String,
    },
    /// A symbolic link leads to it.
    LinkTarget {
        /// The link.
        of: String,
    },
    /// Another name of the same file is kept.
    HardlinkTarget {
        /// The other name.
        of: String,
    },
    /// The loader finds a kept library only through it.
    LibraryCache {
        /// The library.
        of: String,
    },
    /// A module uses its symbols.
    ModuleNeeds {
        /// That module's file.
        by: String,
    },
    /// A module wants it loaded too (`softdep`, `weakdep`).
    ModuleWants {
        /// That module's file.
        by: String,
        /// The name it asks for.
        name: String,
    },
    /// Firmware of a module.
    Firmware {
        /// The module's file.
        of: String,
        /// The name it asks for.
        name: String,
    },
    /// It tells which modules there are.
    ModuleIndex,
    /// A directory above something kept.
    Above {
        /// The first such path.
        path: String,
    },
}

impl Reason {
    /// The file before this one in the chain; `None` at its beginning.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        match self {
            Self::Entry { .. }
            | Self::Declared { .. }
            | Self::Module { .. }
            | Self::ModuleIndex => None,
            Self::Needed { by: path, .. }
            | Self::Interpreter { of: path }
            | Self::Dlopen { by: path, .. }
            | Self::LinkTarget { of: path }
            | Self::HardlinkTarget { of: path }
            | Self::LibraryCache { of: path }
            | Self::ModuleNeeds { by: path }
            | Self::ModuleWants { by: path, .. }
            | Self::Firmware { of: path, .. }
            | Self::Above { path } => Some(path),
        }
    }

    /// Whether something does not work when the file is missing, so that leaving it out is a
    /// mistake.
    #[must_use]
    pub const fn is_hard(&self) -> bool {
        match self {
            Self::Entry { exact, .. } => *exact,
            Self::ModuleWants { .. }
            | Self::Firmware { .. }
            | Self::Module { .. }
            | Self::ModuleIndex
            | Self::Above { .. } => false,
            Self::Declared { .. }
            | Self::Needed { .. }
            | Self::Interpreter { .. }
            | Self::Dlopen { .. }
            | Self::LinkTarget { .. }
            | Self::HardlinkTarget { .. }
            | Self::LibraryCache { .. }
            | Self::ModuleNeeds { .. } => true,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { why, pattern, exact: true } => write!(f, "entry /{pattern}: {why}"),
            Self::Entry { why, pattern, exact: false } => {
                write!(f, "entry /{pattern} matches it: {why}")
            }
            Self::Declared { recipe } => write!(f, "a file of the recipe {recipe}"),
            Self::Module { why, pattern } => write!(f, "modules {pattern}: {why}"),
            Self::Needed { by, name } => write!(f, "/{by} needs {name}"),
            Self::Interpreter { of } => write!(f, "/{of} is run by it"),
            Self::Dlopen { by, name } => write!(f, "/{by} loads {name} at run time"),
            Self::LinkTarget { of } => write!(f, "/{of} is a link that leads to it"),
            Self::HardlinkTarget { of } => write!(f, "/{of} is another name of it"),
            Self::LibraryCache { of } => write!(f, "the loader finds /{of} only through it"),
            Self::ModuleNeeds { by } => write!(f, "/{by} uses its symbols"),
            Self::ModuleWants { by, name } => write!(f, "/{by} wants {name} beside it"),
            Self::Firmware { of, name } => write!(f, "/{of} asks for the firmware {name}"),
            Self::ModuleIndex => f.write_str("it tells which modules there are"),
            Self::Above { path } => write!(f, "the directory of /{path}"),
        }
    }
}

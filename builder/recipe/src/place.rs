//! Where in a declaration something is written.

use std::fmt;

use serde::Serialize;

/// A position in a declaration. Lines and columns count from 1, columns in characters, as editors
/// show them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The file, from the top of the tree of declarations: `recipes/qemu/recipe.toml`.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// How many characters of the line are meant, at least one.
    pub length: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

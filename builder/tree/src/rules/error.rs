//! Why a rule table is none.

use std::fmt;

/// A mistake in the rule table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleError {
    /// A file is not of the table's shape.
    Shape {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        why: String,
    },
    /// Two rules speak of one thing.
    Twice {
        /// The file of the second.
        file: String,
        /// What kind of thing.
        what: String,
        /// Its name.
        name: String,
    },
    /// A rule does not say why.
    NoReason {
        /// The file.
        file: String,
        /// The package.
        name: String,
    },
    /// The beginning of a varying line is so short that it would hide others.
    VaryingTooShort {
        /// The file.
        file: String,
        /// The package.
        name: String,
    },
    /// A fingerprint is no SHA-256.
    BadDigest {
        /// The file.
        file: String,
        /// The package.
        name: String,
        /// The text.
        text: String,
    },
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { file, why } => write!(f, "{file}: {why}"),
            Self::Twice { file, what, name } => {
                write!(f, "{file}: the {what} `{name}` has a rule already")
            }
            Self::NoReason { file, name } => {
                write!(f, "{file}: the rule for `{name}` does not say why")
            }
            Self::VaryingTooShort { file, name } => {
                write!(f, "{file}: a varying line of `{name}` is named by less than 3 characters")
            }
            Self::BadDigest { file, name, text } => {
                write!(f, "{file}: `{text}`, a fingerprint of `{name}`, is no SHA-256")
            }
        }
    }
}

impl std::error::Error for RuleError {}

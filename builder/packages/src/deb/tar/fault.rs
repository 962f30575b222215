//! What can be wrong with a tar stream, with the facts to say so.

use std::fmt;
use std::io;

/// A tar stream that is not one, or has what packages may not have.
#[derive(Debug)]
pub struct TarError {
    /// Where in the unpacked stream.
    pub offset_bytes: u64,
    /// What is wrong there.
    pub why: TarFault,
}

/// What is wrong with a tar stream.
#[derive(Debug)]
pub enum TarFault {
    /// The stream below could not be read or unpacked.
    Read(io::Error),
    /// It ends too early.
    Truncated,
    /// Something other than zeros follows its end.
    Trailing,
    /// A header's sum is wrong.
    Sum,
    /// A header is neither ustar nor GNU's.
    Magic,
    /// This field is no number, or too large a one.
    Number(&'static str),
    /// This field is not UTF-8.
    NotUtf8(&'static str),
    /// A path that is absolute, leaves the root, is too long, or is no path.
    Path {
        /// The path as written.
        path: String,
    },
    /// A symbolic link without a target, or with one that is too long.
    Target {
        /// The path of the link.
        path: String,
    },
    /// A kind of entry that packages have no use for.
    Kind {
        /// The path of the entry.
        path: String,
        /// The letter of its kind.
        kind: char,
    },
    /// An entry that is no regular file has content.
    ContentOfNonFile {
        /// The path of the entry.
        path: String,
    },
    /// A header that says more of the next entry is too long.
    LongMeta {
        /// How long it is.
        len_bytes: u64,
        /// How long it may be.
        limit_bytes: u64,
    },
    /// A header that says more of the next entry says it twice, or there is no next entry.
    StrayMeta,
    /// A pax header that is not a list of records.
    PaxRecord,
    /// A pax keyword that would change what the entry means.
    PaxKeyword(String),
}

impl fmt::Display for TarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset_bytes, self.why)
    }
}

impl fmt::Display for TarFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("unreadable"),
            Self::Truncated => f.write_str("the tar ends too early"),
            Self::Trailing => f.write_str("bytes follow the end of the tar"),
            Self::Sum => f.write_str("the sum of a header is wrong"),
            Self::Magic => f.write_str("a header is neither ustar nor GNU tar"),
            Self::Number(field) => write!(f, "the field `{field}` is no number that fits"),
            Self::NotUtf8(field) => write!(f, "the field `{field}` is not UTF-8"),
            Self::Path { path } => write!(f, "`{path}` is not a path inside the package"),
            Self::Target { path } => write!(f, "`{path}` is a link without a usable target"),
            Self::Kind { path, kind } => write!(f, "`{path}` is of the unknown kind {kind:?}"),
            Self::ContentOfNonFile { path } => write!(f, "`{path}` is no file and has content"),
            Self::LongMeta { len_bytes, limit_bytes } => {
                write!(f, "an extended header of {len_bytes} bytes, {limit_bytes} are allowed")
            }
            Self::StrayMeta => f.write_str("an extended header that belongs to no entry"),
            Self::PaxRecord => f.write_str("a pax header is not made of records"),
            Self::PaxKeyword(word) => write!(f, "the pax keyword `{word}` is not understood"),
        }
    }
}

impl std::error::Error for TarError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            TarFault::Read(error) => Some(error),
            _ => None,
        }
    }
}

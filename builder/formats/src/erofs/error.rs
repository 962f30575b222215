//! What can be wrong: with a tree or its options when writing, with bytes when reading.

use std::{fmt, io};

/// Why an image was not written.
#[derive(Debug)]
pub enum Error {
    /// An option is outside of what the format or the codec takes.
    Option {
        /// Which option.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it takes.
        takes: &'static str,
    },
    /// A hard link names something that is not a regular file of the tree.
    Hardlink {
        /// The link.
        path: String,
        /// What it names.
        target: String,
    },
    /// An extended attribute outside of the name spaces the format has, or too large for it.
    Xattr {
        /// The file.
        path: String,
        /// The attribute.
        name: String,
    },
    /// A device number outside of what Linux has (12 bits major, 20 bits minor).
    Device {
        /// The device.
        path: String,
    },
    /// The source could not give the content of a file.
    Content {
        /// The first file with this content.
        path: String,
        /// What the source answered.
        source: io::Error,
    },
    /// The source gave another number of bytes than the tree says.
    ContentLen {
        /// The first file with this content.
        path: String,
        /// Bytes by the tree.
        expected: u64,
        /// Bytes from the source.
        found: u64,
    },
    /// The codec refused.
    Codec {
        /// What it was working on.
        path: String,
        /// What it answered.
        source: io::Error,
    },
    /// The image would be larger than the format's 32-bit block numbers reach.
    TooLarge {
        /// What is too large.
        what: &'static str,
    },
    /// The output refused.
    Output(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option { name, found, takes } => write!(f, "{name} is {found}, it takes {takes}"),
            Self::Hardlink { path, target } => {
                write!(f, "hard link `{path}` names `{target}`, which is no regular file")
            }
            Self::Xattr { path, name } => {
                write!(f, "extended attribute `{name}` of `{path}` does not fit the format")
            }
            Self::Device { path } => write!(f, "device number of `{path}` is out of range"),
            Self::Content { path, .. } => write!(f, "reading the content of `{path}`"),
            Self::ContentLen { path, expected, found } => {
                write!(f, "content of `{path}` has {found} bytes, expected {expected}")
            }
            Self::Codec { path, .. } => write!(f, "compressing `{path}`"),
            Self::TooLarge { what } => write!(f, "{what} is larger than the format can say"),
            Self::Output(_) => write!(f, "writing the image"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Content { source, .. } | Self::Codec { source, .. } | Self::Output(source) => {
                Some(source)
            }
            _ => None,
        }
    }
}

/// Why bytes were not taken for an image, or a file not read from it.
#[derive(Debug)]
pub enum ReadError {
    /// Nothing here says it is EROFS.
    NotErofs,
    /// Features that this reader does not know.
    Feature {
        /// Their bits among the incompatible features.
        bits: u32,
    },
    /// A block size other than 4 KiB.
    BlockSize {
        /// log2 of it.
        bits: u8,
    },
    /// Algorithms other than LZ4 or Zstandard alone.
    Algorithms {
        /// The bitmap found.
        bits: u16,
    },
    /// The first block is not the one that was written.
    Checksum {
        /// As stored.
        expected: u32,
        /// As computed.
        found: u32,
    },
    /// Something contradicts the format.
    Broken {
        /// What it is.
        what: &'static str,
        /// Where: an offset in the image, or in the file it was read from.
        at: u64,
    },
    /// There is more of it than the caller allows.
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// The bytes could not be read.
    Input(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotErofs => write!(f, "not an EROFS image"),
            Self::Feature { bits } => write!(f, "EROFS features {bits:#x} are not known"),
            Self::BlockSize { bits } => write!(f, "blocks of 2^{bits} bytes, expected 2^12"),
            Self::Algorithms { bits } => write!(f, "compression algorithms {bits:#x} not known"),
            Self::Checksum { expected, found } => {
                write!(f, "superblock checksum is {found:#010x}, expected {expected:#010x}")
            }
            Self::Broken { what, at } => write!(f, "broken image: {what} at {at}"),
            Self::Limit { what, limit } => write!(f, "more than {limit} {what}"),
            Self::Input(_) => write!(f, "reading the image"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Input(source) => Some(source),
            _ => None,
        }
    }
}

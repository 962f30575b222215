//! Why something was not fetched.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use contract::digest::Digest;

use crate::store::StoreError;

/// Why something was not fetched.
#[derive(Debug)]
pub enum FetchError {
    /// No mirror had it, or not as it should be.
    Nowhere {
        /// What.
        name: String,
        /// Who was asked, and what came of it.
        attempts: Vec<Attempt>,
    },
    /// It is not in the store, and the network may not be asked.
    Offline {
        /// What.
        names: Vec<String>,
    },
    /// The store cannot be used.
    Store(StoreError),
    /// A proxy that is none.
    Proxy {
        /// Its address.
        url: String,
    },
    /// A file of authorities that cannot be used.
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What came of asking a mirror once.
#[derive(Debug)]
pub struct Attempt {
    /// What was asked for.
    pub url: String,
    /// What was wrong.
    pub why: Why,
}

/// What was wrong with an answer.
#[derive(Debug)]
pub enum Why {
    /// The mirror answered with this status.
    Status(u16),
    /// The connection could not be made, or broke.
    Connection(String),
    /// The mirror fell silent for this long.
    Silent(Duration),
    /// The mirror sends too slowly.
    Slow {
        /// How much came.
        len_bytes: u64,
        /// In which time.
        window: Duration,
    },
    /// The mirror announces another length.
    Length {
        /// The length it should have.
        expected: u64,
        /// The length announced.
        found: u64,
    },
    /// More comes than should.
    More {
        /// The length it should have, or may have at most.
        expected: u64,
    },
    /// It ends early.
    Short {
        /// The length it should have.
        expected: u64,
        /// The length that came.
        found: u64,
    },
    /// Other bytes of the right length.
    Digest {
        /// The digest they should have.
        expected: Digest,
        /// The digest they have.
        found: Digest,
        /// Whether some of them came from an earlier answer.
        continued: bool,
    },
    /// The asker does not accept it.
    Refused(Box<dyn Error + Send + Sync>),
    /// It came, and cannot be kept.
    Store(StoreError),
}

impl Why {
    /// Whether it may be better when the same mirror is asked again.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Silent(_) | Self::Slow { .. } | Self::Short { .. } => true,
            // The earlier answer may have been another mirror's.
            Self::Digest { continued, .. } => *continued,
            Self::Status(status) => matches!(status, 408 | 416 | 429 | 500..),
            Self::Length { .. } | Self::More { .. } | Self::Refused(_) | Self::Store(_) => false,
        }
    }

    /// Whether what came before is of no use any more.
    pub(super) const fn spoils(&self) -> bool {
        match self {
            Self::More { .. } | Self::Status(416) | Self::Digest { .. } => true,
            Self::Status(_)
            | Self::Length { .. }
            | Self::Connection(_)
            | Self::Silent(_)
            | Self::Slow { .. }
            | Self::Short { .. }
            | Self::Refused(_)
            | Self::Store(_) => false,
        }
    }
}

impl From<StoreError> for Why {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<StoreError> for FetchError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere { name, attempts } => {
                write!(f, "no mirror gives {name} as it should be")?;
                attempts.iter().try_for_each(|attempt| write!(f, "\n  | {attempt}"))
            }
            Self::Offline { names } => {
                let (first, more) = (names.first().map_or("", |name| name), names.len() - 1);
                write!(f, "{first} ")?;
                if more > 0 {
                    write!(f, "and {more} more ")?;
                }
                write!(f, "not in the store, and the network may not be asked")
            }
            Self::Store(_) => write!(f, "cannot keep what was fetched"),
            Self::Proxy { url } => write!(f, "the proxy `{url}` of the environment is none"),
            Self::Authorities { path, .. } => {
                write!(f, "cannot use the authorities in `{}`", path.display())
            }
        }
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(source) => Some(source),
            Self::Authorities { source, .. } => Some(source),
            Self::Nowhere { .. } | Self::Offline { .. } | Self::Proxy { .. } => None,
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "answered with status {status}"),
            Self::Connection(why) => write!(f, "{why}"),
            Self::Silent(time) => write!(f, "silent for {} s", time.as_secs_f32()),
            Self::Slow { len_bytes, window } => {
                write!(f, "only {len_bytes} bytes in {} s", window.as_secs_f32())
            }
            Self::Length { expected, found } => {
                write!(f, "announces {found} bytes, {expected} are expected")
            }
            Self::More { expected } => write!(f, "sends more than {expected} bytes"),
            Self::Short { expected, found } => {
                write!(f, "ends after {found} bytes, {expected} are expected")
            }
            Self::Digest { expected, found, .. } => {
                write!(f, "sends bytes of the digest {found}, {expected} is expected")
            }
            Self::Refused(why) => {
                write!(f, "{why}")?;
                let mut below = why.source();
                while let Some(source) = below {
                    write!(f, ": {source}")?;
                    below = source.source();
                }
                Ok(())
            }
            Self::Store(why) => write!(f, "{why}"),
        }
    }
}

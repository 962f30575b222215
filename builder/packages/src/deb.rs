//! Reading a package: the two halves of a `.deb` (deb(5)), straight from the compressed bytes.
//!
//! ```no_run
//! # fn main() -> Result<(), packages::deb::DebError> {
//! # let bytes: &[u8] = &[];
//! let (control, mut members) = packages::deb::open(bytes, packages::deb::Limits::ARCHIVE)?;
//! while let Some(member) = members.next_member()? {
//!     println!("{} {}", control.package(), member.path);
//!     std::io::copy(&mut members, &mut std::io::sink())?; // the content, for regular files
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A package is read once and as a stream: a kernel's half a gigabyte never stands in memory. It is
//! also the widest door that outside bytes come in by, so whatever no package of the archive has is
//! an error: a path that is absolute or leaves the root, a path twice, a hard link to nothing that
//! came before, device nodes, an outer member twice or unknown, bytes after the end of any of the
//! four layers (compression, tar, member, file), and more content than [`Limits`] says. All of it
//! was seen only when [`Members::next_member`] answered `None`: until then nothing that was read
//! may be used as the package's content.
//!
//! What one package cannot know is the merger's work: a path below what another package (or this
//! one) makes a symbolic link. Links are given as they were written.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Read};

pub use self::ar::{ArError, ArFault};
pub use self::control::{Conffile, Control, ControlPartError};
pub use self::tar::{Entry as Member, EntryKind as MemberKind, TarError, TarFault};
use crate::compression::{Compression, UnpackError, Unpacker};

mod ar;
mod control;
mod path;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
pub mod tar;
#[cfg(test)]
mod tests;

/// What a package may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the control half, unpacked.
    pub control_bytes: u64,
    /// Bytes of the data half, unpacked.
    pub data_bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// How many times larger than the compressed data half the unpacked one may be, once it is
    /// larger than 64 MiB.
    pub ratio: u64,
    /// Entries of the data half.
    pub entries: usize,
    /// Whether device nodes are taken.
    pub devices: Devices,
}

/// All paths of a package together; they stand in memory to find one that comes twice.
const PATHS_BYTES: usize = 256 << 20;

/// Whether a package may hold device nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Devices {
    /// They are an error.
    Refused,
    /// They are given as they are.
    Taken,
}

impl Limits {
    /// Above everything in the archive: its largest package unpacks to 7 GB, its best compressed
    /// one to 570 times its size, its most numerous one to about 200,000 entries.
    pub const ARCHIVE: Self = Self {
        control_bytes: 64 << 20,
        data_bytes: 8 << 30,
        file_bytes: 4 << 30,
        ratio: 1000,
        entries: 1_000_000,
        devices: Devices::Refused,
    };

    /// How much may come out of so many compressed bytes.
    fn unpacked_bytes(&self, compressed_bytes: u64) -> u64 {
        compressed_bytes.saturating_mul(self.ratio).max(64 << 20).min(self.data_bytes)
    }
}

/// Why a package was not read.
#[derive(Debug)]
pub enum DebError {
    /// The outer container.
    Ar(ArError),
    /// An outer member where another should be; `None` for the end of the file.
    Order {
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: Option<String>,
    },
    /// The version of the format is not 2.
    Format(String),
    /// The compression of an outer member.
    Unpack {
        /// The outer member.
        part: String,
        /// What is wrong with it.
        source: UnpackError,
    },
    /// The tar in an outer member.
    Tar {
        /// The outer member.
        part: String,
        /// What is wrong with it.
        source: TarError,
    },
    /// The control half's content.
    Control(ControlPartError),
    /// One file is larger than the limit.
    FileTooLarge {
        /// Its path.
        path: String,
        /// Its length.
        len_bytes: u64,
        /// What is allowed.
        limit_bytes: u64,
    },
    /// More entries than the limit.
    TooManyEntries {
        /// What is allowed.
        limit: usize,
    },
    /// The same path twice.
    Twice {
        /// The path.
        path: String,
    },
    /// A hard link to a path that was no file before it.
    LooseHardlink {
        /// The path of the link.
        path: String,
        /// What it should be a further name of.
        target: String,
    },
    /// A device node where none are taken.
    Device {
        /// Its path.
        path: String,
    },
}

impl fmt::Display for DebError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ar(_) => f.write_str("not a whole .deb"),
            Self::Order { expected, found: Some(found) } => {
                write!(f, "the member `{found}` where {expected} should be")
            }
            Self::Order { expected, found: None } => {
                write!(f, "the end of the file where {expected} should be")
            }
            Self::Format(found) => write!(f, "format {found:?} of .deb, only 2.x is known"),
            Self::Unpack { part, .. } | Self::Tar { part, .. } => write!(f, "in {part}"),
            Self::Control(_) => f.write_str("in the control half"),
            Self::FileTooLarge { path, len_bytes, limit_bytes } => {
                write!(f, "`{path}` has {len_bytes} bytes, {limit_bytes} are allowed")
            }
            Self::TooManyEntries { limit } => {
                write!(f, "more than {limit} entries, or too long paths")
            }
            Self::Twice { path } => write!(f, "`{path}` is there twice"),
            Self::LooseHardlink { path, target } => {
                write!(f, "`{path}` is a hard link to `{target}`, which is no file before it")
            }
            Self::Device { path } => write!(f, "`{path}` is a device node"),
        }
    }
}

impl std::error::Error for DebError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Ar(source) => Some(source),
            Self::Unpack { source, .. } => Some(source),
            Self::Tar { source, .. } => Some(source),
            Self::Control(source) => Some(source),
            _ => None,
        }
    }
}

impl From<DebError> for io::Error {
    fn from(error: DebError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

impl From<io::Error> for DebError {
    fn from(error: io::Error) -> Self {
        let read = |error| Self::Ar(ArError { offset_bytes: 0, why: ArFault::Read(error) });
        error.downcast().unwrap_or_else(read)
    }
}

/// Reads the control half of a package and stands before its data half.
///
/// # Errors
/// The bytes are no package, or one outside the limits.
pub fn open<R: BufRead>(reader: R, limits: Limits) -> Result<(Control, Members<R>), DebError> {
    let mut ar = ar::Reader::new(reader).map_err(DebError::Ar)?;
    format_version(&mut ar)?;

    let (part, kind) = tar_member(&mut ar, "control.tar")?;
    let unpacker = Unpacker::new(kind, &mut ar, limits.control_bytes);
    let mut reader = tar::Reader::new(unpacker.map_err(|source| unpacking(&part.name, source))?);
    let control = Control::read(&mut reader).map_err(|error| match error {
        ControlPartError::Tar(source) => in_tar(&part.name, source),
        other => DebError::Control(other),
    })?;
    finish(reader.into_inner(), &part.name)?;

    let (part, kind) = tar_member(&mut ar, "data.tar")?;
    let unpacker = Unpacker::new(kind, ar, limits.unpacked_bytes(part.len_bytes));
    let reader = tar::Reader::new(unpacker.map_err(|source| unpacking(&part.name, source))?);
    let data = Some(Data { reader, part: part.name });
    Ok((control, Members { data, limits, paths: BTreeMap::new(), paths_bytes: 0 }))
}

/// Reads a whole package and throws its content away: whether these bytes are one.
///
/// # Errors
/// The bytes are no package, or one outside the limits.
pub fn check(bytes: &[u8], limits: Limits) -> Result<Control, DebError> {
    let (control, mut members) = open(bytes, limits)?;
    while members.next_member()?.is_some() {}
    Ok(control)
}

fn format_version<R: BufRead>(ar: &mut ar::Reader<R>) -> Result<(), DebError> {
    let expected = "debian-binary";
    let member = ar.next_member().map_err(DebError::Ar)?;
    let found = member.map(|member| (member.name, member.len_bytes));
    match found {
        Some((name, length)) if name == expected && length <= 64 => {
            let mut text = Vec::new();
            ar.read_to_end(&mut text)?;
            let sound = text.starts_with(b"2.") && text.ends_with(b"\n");
            let words = || String::from_utf8_lossy(&text).into_owned();
            if sound { Ok(()) } else { Err(DebError::Format(words())) }
        }
        other => Err(DebError::Order { expected, found: other.map(|(name, _)| name) }),
    }
}

fn tar_member<R: BufRead>(
    ar: &mut ar::Reader<R>,
    expected: &'static str,
) -> Result<(ar::Member, Compression), DebError> {
    let member = ar.next_member().map_err(DebError::Ar)?;
    let Some(member) = member else { return Err(DebError::Order { expected, found: None }) };
    match Compression::of_name(&member.name) {
        (stem, kind) if stem == expected => Ok((member, kind)),
        _ => Err(DebError::Order { expected, found: Some(member.name) }),
    }
}

fn unpacking(part: &str, source: UnpackError) -> DebError {
    DebError::Unpack { part: part.to_owned(), source }
}

/// An error of the tar, or of the layers below it if it is one of theirs.
fn in_tar(part: &str, source: TarError) -> DebError {
    match source.why {
        TarFault::Read(error) => unpacking(part, error.into()),
        why => DebError::Tar { part: part.to_owned(), source: TarError { why, ..source } },
    }
}

fn finish<R: BufRead>(unpacker: Unpacker<R>, part: &str) -> Result<R, DebError> {
    unpacker.finish().map_err(|source| unpacking(part, source))
}

/// The data half: entries one after the other, and as [`Read`] the content of the last one.
pub struct Members<R: BufRead> {
    /// Gone when the end was seen, or an error.
    data: Option<Data<R>>,
    limits: Limits,
    /// Every path so far, and whether it is a regular file.
    paths: BTreeMap<String, bool>,
    paths_bytes: usize,
}

struct Data<R: BufRead> {
    reader: tar::Reader<Unpacker<ar::Reader<R>>>,
    part: String,
}

impl<R: BufRead> Members<R> {
    /// The next entry, in the order of the package. `None` says that the whole file was read, and
    /// is one. After an error there are no more entries.
    ///
    /// # Errors
    /// The data half is not whole, not sound, or outside the limits.
    pub fn next_member(&mut self) -> Result<Option<Member>, DebError> {
        let Some(mut data) = self.data.take() else { return Ok(None) };
        match data.reader.next_entry() {
            Ok(Some(member)) => {
                self.admit(&member)?;
                self.data = Some(data);
                Ok(Some(member))
            }
            Ok(None) => {
                let mut ar = finish(data.reader.into_inner(), &data.part)?;
                let expected = "the end of the file";
                match ar.next_member().map_err(DebError::Ar)? {
                    Some(more) => Err(DebError::Order { expected, found: Some(more.name) }),
                    None => Ok(None),
                }
            }
            Err(error) => Err(in_tar(&data.part, error)),
        }
    }

    fn admit(&mut self, member: &Member) -> Result<(), DebError> {
        let path = || member.path.clone();
        self.paths_bytes += member.path.len();
        if self.paths.len() == self.limits.entries || self.paths_bytes > PATHS_BYTES {
            return Err(DebError::TooManyEntries { limit: self.limits.entries });
        }
        let is_file = matches!(member.kind, MemberKind::File { .. });
        if self.paths.insert(path(), is_file).is_some() {
            return Err(DebError::Twice { path: path() });
        }
        match &member.kind {
            MemberKind::File { len_bytes } if *len_bytes > self.limits.file_bytes => {
                let (len_bytes, limit_bytes) = (*len_bytes, self.limits.file_bytes);
                Err(DebError::FileTooLarge { path: path(), len_bytes, limit_bytes })
            }
            MemberKind::Hardlink(target) if self.paths.get(target) != Some(&true) => {
                Err(DebError::LooseHardlink { path: path(), target: target.clone() })
            }
            MemberKind::CharDevice(..) | MemberKind::BlockDevice(..)
                if self.limits.devices == Devices::Refused =>
            {
                Err(DebError::Device { path: path() })
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(data) = &mut self.data else { return Ok(0) };
        let read = data.reader.read_content(buffer);
        read.map_err(|error| in_tar(&data.part, error).into())
    }
}

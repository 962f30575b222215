//! Reading tar streams: POSIX ustar and pax (IEEE Std 1003.1-2024, *pax*), and GNU's long names.
//!
//! An own reader, because here a tar comes from outside and its reader has to be strict and
//! bounded: a header with a wrong sum, a number that is none, a kind of entry that packages have
//! no use for (sparse files, volumes, global headers), a keyword that would change what an entry
//! means, zeros missing at the end or anything after them, all are errors. Names become paths
//! relative to the root; a path that would leave it never comes out.
//!
//! Layout: blocks of 512 bytes. An entry is a header block and, for files, content padded to a
//! block. Two blocks of zeros end the stream; more zeros may follow.
//!
//! ```text
//! offset len  field          offset len  field
//!      0 100  name              257   6  magic `ustar\0` or `ustar `
//!    100   8  mode, octal       263   2  version
//!    108   8  uid               265  32  user's name
//!    116   8  gid               297  32  group's name
//!    124  12  size              329   8  device, major
//!    136  12  mtime             337   8  device, minor
//!    148   8  sum of bytes      345 155  prefix of the name (ustar only)
//!    156   1  kind              500  12  zeros
//!    157 100  target of a link
//! ```

use std::collections::BTreeMap;
use std::io::{self, Read};

pub use self::fault::{TarError, TarFault};
use self::header::{Header, Numbers};
use self::pax::Extended;
use super::path;

mod fault;
mod header;
mod pax;
#[cfg(test)]
mod tests;

const BLOCK: usize = 512;

/// The longest name or target that is read. Linux takes 4096 bytes with the final zero.
const NAME_BYTES: u64 = 4096;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file of this length; its content follows.
    File {
        /// How long its content is.
        len_bytes: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link with its target as written: it may be absolute, and may lead anywhere.
    Symlink(String),
    /// A further name of the file at this path, which is relative to the root.
    Hardlink(String),
    /// A character device: major, minor.
    CharDevice(u32, u32),
    /// A block device: major, minor.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
}

/// One entry, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it goes: relative, without `.` and `..`; empty for the root itself.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with set-user-ID, set-group-ID and sticky (`0o7777`).
    pub mode: u16,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The owner's name; may be empty.
    pub uname: String,
    /// The group's name; may be empty.
    pub gname: String,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Extended attributes by full name (`security.capability`).
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// Reads entries one after the other.
pub struct Reader<R> {
    inner: R,
    /// Bytes taken so far: where an error is.
    offset: u64,
    /// Content of the current entry not yet read, and the padding after it.
    content_bytes: u64,
    padding_bytes: u64,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    pub const fn new(inner: R) -> Self {
        Self { inner, offset: 0, content_bytes: 0, padding_bytes: 0 }
    }

    /// The stream below; what was read of it is gone.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// The next entry. What was left of the content of the one before is passed over. `None` after
    /// the end was seen and nothing but zeros followed it.
    ///
    /// # Errors
    /// The stream is not a tar, or not whole, or has what packages may not have.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        self.pass_content()?;
        let mut extended = Extended::default();
        loop {
            let at = self.offset;
            let fault = |why| TarError { offset_bytes: at, why };
            let block = self.block()?;
            if block.iter().all(|byte| *byte == 0) {
                extended.must_be_empty().map_err(fault)?;
                return self.end().map(|()| None);
            }
            let header = Header::parse(&block).map_err(fault)?;
            match header.kind {
                b'x' => extended.take_pax(&self.meta(&header, pax::LIMIT_BYTES)?).map_err(fault)?,
                b'L' => extended.take_name(self.meta(&header, NAME_BYTES)?).map_err(fault)?,
                b'K' => extended.take_target(self.meta(&header, NAME_BYTES)?).map_err(fault)?,
                _ => {
                    let entry = entry(&header, extended).map_err(fault)?;
                    if let EntryKind::File { len_bytes } = entry.kind {
                        self.set_content(len_bytes).map_err(fault)?;
                    }
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// Reads content of the entry that came last; 0 at its end.
    ///
    /// # Errors
    /// The stream ends before the content does, or cannot be read.
    pub fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        let most = usize::try_from(self.content_bytes).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        let read = self.pull(buffer)?;
        if read == 0 {
            return Err(TarError { offset_bytes: self.offset, why: TarFault::Truncated });
        }
        self.content_bytes = self.content_bytes.saturating_sub(length(read));
        Ok(read)
    }

    fn pull(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.refused(error)),
                Ok(read) => {
                    self.offset += length(read);
                    return Ok(read);
                }
            }
        }
    }

    fn refused(&self, error: io::Error) -> TarError {
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => TarFault::Truncated,
            _ => TarFault::Read(error),
        };
        TarError { offset_bytes: self.offset, why }
    }

    fn block(&mut self) -> Result<[u8; BLOCK], TarError> {
        let mut block = [0; BLOCK];
        self.inner.read_exact(&mut block).map_err(|error| self.refused(error))?;
        self.offset += 512;
        Ok(block)
    }

    fn set_content(&mut self, len_bytes: u64) -> Result<(), TarFault> {
        let padded = len_bytes.checked_next_multiple_of(512).ok_or(TarFault::Number("size"))?;
        self.content_bytes = len_bytes;
        self.padding_bytes = padded - len_bytes;
        Ok(())
    }

    fn pass_content(&mut self) -> Result<(), TarError> {
        let mut scratch = [0; 16 * BLOCK];
        while self.read_content(&mut scratch)? > 0 {}
        self.content_bytes = std::mem::take(&mut self.padding_bytes);
        while self.read_content(&mut scratch)? > 0 {}
        Ok(())
    }

    /// The content of an entry that only says more of the next one.
    fn meta(&mut self, header: &Header<'_>, limit_bytes: u64) -> Result<Vec<u8>, TarError> {
        let at = self.offset;
        let fault = |why| TarError { offset_bytes: at, why };
        let len_bytes = header.size().map_err(fault)?;
        if len_bytes > limit_bytes {
            return Err(fault(TarFault::LongMeta { len_bytes, limit_bytes }));
        }
        self.set_content(len_bytes).map_err(fault)?;
        let mut bytes = vec![0; usize::try_from(len_bytes).unwrap_or(0)];
        let mut rest = bytes.as_mut_slice();
        while !rest.is_empty() {
            let read = self.read_content(rest)?;
            rest = rest.get_mut(read..).unwrap_or_default();
        }
        self.pass_content()?;
        Ok(bytes)
    }

    /// After the first block of zeros: another one, and nothing but zeros to the end.
    fn end(&mut self) -> Result<(), TarError> {
        let mut zeros: u64 = 512;
        let mut scratch = [0; 16 * BLOCK];
        loop {
            let read = self.pull(&mut scratch)?;
            let bytes = scratch.get(..read).unwrap_or_default();
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(TarError { offset_bytes: self.offset, why: TarFault::Trailing });
            }
            zeros += length(read);
            if read == 0 && (zeros < 1024 || !zeros.is_multiple_of(512)) {
                return Err(TarError { offset_bytes: self.offset, why: TarFault::Truncated });
            }
            if read == 0 {
                return Ok(());
            }
        }
    }
}

fn length(read: usize) -> u64 {
    u64::try_from(read).unwrap_or(u64::MAX)
}

/// Puts an entry together from its header and what was said of it before.
fn entry(header: &Header<'_>, extended: Extended) -> Result<Entry, TarFault> {
    let numbers = Numbers::of(header, &extended)?;
    let name = extended.path.map_or_else(|| header.name(), Ok)?;
    let target = extended.target.map_or_else(|| header.target(), Ok)?;
    let kind = kind(header, &name, target, numbers.size)?;
    let is_file = matches!(kind, EntryKind::File { .. });
    if numbers.size != 0 && !is_file {
        return Err(TarFault::ContentOfNonFile { path: name });
    }
    let path = path::inside(&name).ok_or_else(|| TarFault::Path { path: name.clone() })?;
    if path.is_empty() && kind != EntryKind::Directory {
        return Err(TarFault::Path { path: name });
    }
    Ok(Entry {
        path,
        kind,
        mode: numbers.mode,
        uid: numbers.uid,
        gid: numbers.gid,
        uname: extended.uname.map_or_else(|| header.uname(), Ok)?,
        gname: extended.gname.map_or_else(|| header.gname(), Ok)?,
        mtime: numbers.mtime,
        xattrs: extended.xattrs,
    })
}

fn kind(header: &Header<'_>, name: &str, target: String, size: u64) -> Result<EntryKind, TarFault> {
    let kind = match header.kind {
        b'0' | 0 if name.ends_with('/') => return Err(TarFault::Path { path: name.to_owned() }),
        b'0' | 0 => EntryKind::File { len_bytes: size },
        b'1' => {
            let inside = path::inside(&target).filter(|target| !target.is_empty());
            EntryKind::Hardlink(inside.ok_or(TarFault::Path { path: target })?)
        }
        b'2' if target.is_empty() || target.len() >= 4096 || target.contains('\0') => {
            return Err(TarFault::Target { path: name.to_owned() });
        }
        b'2' => EntryKind::Symlink(target),
        b'3' => EntryKind::CharDevice(header.major()?, header.minor()?),
        b'4' => EntryKind::BlockDevice(header.major()?, header.minor()?),
        b'5' => EntryKind::Directory,
        b'6' => EntryKind::Fifo,
        other => return Err(TarFault::Kind { path: name.to_owned(), kind: char::from(other) }),
    };
    Ok(kind)
}

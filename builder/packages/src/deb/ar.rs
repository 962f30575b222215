//! The outer container of a `.deb`: an `ar` archive (deb(5), ar(5)).
//!
//! ```text
//! `!<arch>\n`, then for each member, at an even offset:
//! offset len  field
//!      0  16  name, padded with blanks, with or without a `/` at its end
//!     16  12  mtime, decimal            40   8  mode, octal
//!     28   6  uid, decimal              48  10  size in bytes, decimal
//!     34   6  gid, decimal              58   2  `` `\n ``
//! ```
//!
//! Only name and size mean anything in a package; the others must be numbers.

use std::fmt;
use std::io::{self, BufRead, Read};

const MAGIC: &[u8; 8] = b"!<arch>\n";

/// An outer container that is not one.
#[derive(Debug)]
pub struct ArError {
    /// Where in the file.
    pub offset_bytes: u64,
    /// What is wrong there.
    pub why: ArFault,
}

/// What is wrong with an outer container.
#[derive(Debug)]
pub enum ArFault {
    /// The file could not be read.
    Read(io::Error),
    /// It does not begin with `!<arch>`.
    Magic,
    /// It ends too early.
    Truncated,
    /// A member's header is not of the form.
    Header,
    /// The byte between two members is no line break.
    Padding,
}

impl fmt::Display for ArError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: ", self.offset_bytes)?;
        f.write_str(match self.why {
            ArFault::Read(_) => "unreadable",
            ArFault::Magic => "not an ar archive",
            ArFault::Truncated => "the archive ends too early",
            ArFault::Header => "no header of an ar member",
            ArFault::Padding => "no line break between two ar members",
        })
    }
}

impl std::error::Error for ArError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            ArFault::Read(error) => Some(error),
            _ => None,
        }
    }
}

/// The name and length of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) len_bytes: u64,
}

/// Reads members one after the other; itself it reads as the content of the current one.
pub(super) struct Reader<R> {
    inner: R,
    offset: u64,
    left_bytes: u64,
    padded: bool,
    /// The file ended inside the current member.
    cut: bool,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(inner: R) -> Result<Self, ArError> {
        let mut reader = Self { inner, offset: 0, left_bytes: 0, padded: false, cut: false };
        let mut magic = [0; 8];
        reader.exact(&mut magic)?;
        if &magic == MAGIC {
            Ok(reader)
        } else {
            Err(ArError { offset_bytes: 0, why: ArFault::Magic })
        }
    }

    /// The next member; `None` at the end of the file. The content of the one before must have
    /// been read to its end.
    pub(super) fn next_member(&mut self) -> Result<Option<Member>, ArError> {
        if self.left_bytes > 0 || self.cut {
            return Err(self.fault(ArFault::Truncated));
        }
        // The archive's own tools leave out the last padding byte at times.
        let at_end = self.inner.fill_buf().map(<[u8]>::is_empty);
        if at_end.map_err(|error| self.fault(ArFault::Read(error)))? {
            return Ok(None);
        }
        if std::mem::take(&mut self.padded) {
            let mut padding = [0];
            self.exact(&mut padding)?;
            if padding != *b"\n" {
                return Err(self.fault(ArFault::Padding));
            }
            return self.next_member();
        }
        let mut header = [0; 60];
        let at = self.offset;
        self.exact(&mut header)?;
        let fault = ArError { offset_bytes: at, why: ArFault::Header };
        let member = parse(&header).ok_or(fault)?;
        self.left_bytes = member.len_bytes;
        self.padded = member.len_bytes % 2 == 1;
        Ok(Some(member))
    }

    const fn fault(&self, why: ArFault) -> ArError {
        ArError { offset_bytes: self.offset, why }
    }

    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), ArError> {
        self.inner.read_exact(buffer).map_err(|error| {
            self.fault(match error.kind() {
                io::ErrorKind::UnexpectedEof => ArFault::Truncated,
                _ => ArFault::Read(error),
            })
        })?;
        self.offset += u64::try_from(buffer.len()).unwrap_or(0);
        Ok(())
    }
}

impl<R: BufRead> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), available.get(..length)) {
            to.copy_from_slice(from);
        }
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Reader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left_bytes == 0 {
            return Ok(&[]);
        }
        let available = self.inner.fill_buf()?;
        self.cut = available.is_empty();
        let most = usize::try_from(self.left_bytes).unwrap_or(usize::MAX);
        Ok(available.get(..most.min(available.len())).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        let length = u64::try_from(amount).unwrap_or(u64::MAX);
        self.offset += length;
        self.left_bytes = self.left_bytes.saturating_sub(length);
        self.inner.consume(amount);
    }
}

fn parse(header: &[u8; 60]) -> Option<Member> {
    let text = std::str::from_utf8(header).ok().filter(|text| text.is_ascii())?;
    let (fields, end) = text.split_at_checked(58)?;
    let field =
        |start, length| fields.get(start..start + length).map(|field| field.trim_end_matches(' '));
    let name = field(0, 16)?;
    let name = name.strip_suffix('/').unwrap_or(name);
    let plain =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    let numbers = [field(16, 12)?, field(28, 6)?, field(34, 6)?, field(40, 8)?];
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let size = field(48, 10)?;
    let sound = end == "`\n" && plain && numbers.into_iter().all(digits) && digits(size);
    let len_bytes = size.parse().ok().filter(|_| sound)?;
    Some(Member { name: name.to_owned(), len_bytes })
}

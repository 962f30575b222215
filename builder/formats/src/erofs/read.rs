//! Reading an image back: to check what was written, to explain it, to compare two of them.
//!
//! The bytes may be anyone's. Whatever they are, the answer is a value or an error; what is held
//! in memory is bounded by [`Limits`] and by the length of the image, never by what the image says
//! about itself.
//!
//! Understood is what our writer and a plain `mkfs.erofs` write: all kinds of nodes, inline and
//! whole blocks, both indexes, LZ4 and Zstandard, pieces of the packed inode, tails beside the
//! inode. Not understood: chunks, several devices, LZMA, DEFLATE.

mod file;
mod map;
mod walk;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use super::bytes::wide;
use super::error::ReadError;
use super::inode::{Inode, SLOT};
use super::superblock::{BLOCK, BLOCK_U64, Compression, LABEL_LEN, Superblock};
use super::xattr;

pub use walk::{Contents, Entry};

/// Something that bytes can be read from at any place.
pub trait ReadAt {
    /// How many bytes there are.
    ///
    /// # Errors
    /// Whatever keeps from knowing it.
    fn len_bytes(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` past the end; any other error when reading is refused.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(wide(self.len()))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let end = start.and_then(|start| start.checked_add(buffer.len()));
        let found = start.zip(end).and_then(|(start, end)| self.get(start..end));
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len_bytes(&self) -> io::Result<u64> {
        self.as_slice().len_bytes()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, offset)
    }
}

impl ReadAt for std::fs::File {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len_bytes(&self) -> io::Result<u64> {
        (**self).len_bytes()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        (**self).read_exact_at(buffer, offset)
    }
}

/// How much of an image is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Names in the image.
    pub entries: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files that one call reads.
    pub total_bytes: u64,
}

impl Default for Limits {
    /// A million names, files of 4 GiB, 64 GiB in all.
    fn default() -> Self {
        Self { entries: 1 << 20, file_bytes: 1 << 32, total_bytes: 1 << 36 }
    }
}

/// An image that can be read.
pub struct Reader<R> {
    input: R,
    len_bytes: u64,
    superblock: Superblock,
    limits: Limits,
    /// The pieces of the packed inode, which many files ask for.
    packed: OnceLock<Arc<[map::Piece]>>,
    /// The last clusters of it that were decoded, by their offset.
    decoded: Mutex<VecDeque<(u64, Arc<Vec<u8>>)>>,
}

/// An inode with its number and place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    inode: Inode,
    number: u64,
    offset: u64,
}

impl Found {
    /// Where what follows the inode and its attributes starts.
    fn data_offset(&self) -> u64 {
        self.offset + self.stored_len() + wide(xattr::body_len(self.inode.xattr_count))
    }

    /// Bytes of the inode. Not what they would be: a compact one may be stored extended.
    fn stored_len(&self) -> u64 {
        if self.inode.stored_extended { 2 * SLOT } else { SLOT }
    }
}

impl<R: ReadAt> Reader<R> {
    /// Checks the superblock.
    ///
    /// # Errors
    /// This is no EROFS image, one that this reader does not know, or not the one written.
    pub fn open(input: R, limits: Limits) -> Result<Self, ReadError> {
        let len_bytes = input.len_bytes().map_err(ReadError::Input)?;
        let mut block = vec![0; BLOCK];
        if len_bytes < BLOCK_U64 {
            return Err(ReadError::NotErofs);
        }
        input.read_exact_at(&mut block, 0).map_err(ReadError::Input)?;
        let superblock = Superblock::parse(&block)?;
        let blocks = u64::from(superblock.blocks) * BLOCK_U64;
        if blocks > len_bytes {
            return Err(ReadError::Broken { what: "an image cut short", at: len_bytes });
        }
        let (packed, decoded) = (OnceLock::new(), Mutex::default());
        Ok(Self { input, len_bytes, superblock, limits, packed, decoded })
    }

    /// The UUID of the volume.
    pub const fn uuid(&self) -> [u8; 16] {
        self.superblock.uuid
    }

    /// The name of the volume.
    pub fn label(&self) -> String {
        let label: [u8; LABEL_LEN] = self.superblock.label;
        let name = label.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }

    /// The time of the image and of every file with a compact inode, in seconds since the epoch.
    pub const fn build_time_s(&self) -> u64 {
        self.superblock.build_time_s
    }

    /// Bytes of the image, the length of what was opened.
    pub const fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// Up to `len` bytes from `offset` on, refused past the end before any memory is taken.
    fn bytes(&self, offset: u64, len: u64) -> Result<Vec<u8>, ReadError> {
        let end = offset.checked_add(len).filter(|end| *end <= self.len_bytes);
        let broken = || ReadError::Broken { what: "a place past the end", at: offset };
        end.ok_or_else(broken)?;
        let mut out = vec![0; usize::try_from(len).map_err(|_| broken())?];
        self.input.read_exact_at(&mut out, offset).map_err(ReadError::Input)?;
        Ok(out)
    }

    fn inode(&self, number: u64) -> Result<Found, ReadError> {
        let broken = || ReadError::Broken { what: "an inode number", at: number };
        let area = u64::from(self.superblock.meta_block) * BLOCK_U64;
        let offset = number.checked_mul(SLOT).and_then(|at| at.checked_add(area));
        let offset = offset.ok_or_else(broken)?;
        let mut bytes = self.bytes(offset, SLOT)?;
        if Inode::is_extended(&bytes) {
            bytes = self.bytes(offset, 2 * SLOT)?;
        }
        let broken = || ReadError::Broken { what: "an inode", at: offset };
        let inode = Inode::parse(&bytes).ok_or_else(broken)?;
        Ok(Found { inode, number, offset })
    }

    fn xattrs(&self, found: &Found) -> Result<xattr::Xattrs, ReadError> {
        let start = found.offset + found.stored_len();
        let body = self.bytes(start, wide(xattr::body_len(found.inode.xattr_count)))?;
        let area = u64::from(self.superblock.xattr_block) * BLOCK_U64;
        xattr::parse(&body, |place, len| self.bytes(area + 4 * u64::from(place), wide(len)))
    }

    const fn compression(&self) -> Compression {
        self.superblock.compression
    }
}

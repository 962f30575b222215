//! The bytes of one file.

use std::sync::{Arc, PoisonError};

use super::map::{Piece, Storage};
use super::{Found, ReadAt, Reader};
use crate::erofs::bytes::wide;
use crate::erofs::error::ReadError;
use crate::erofs::inode::{LAYOUT_COMPACT_INDEX, LAYOUT_FULL_INDEX, LAYOUT_INLINE, LAYOUT_PLAIN};
use crate::erofs::superblock::{BLOCK_U64, Compression};

/// How much plain data is read at once.
const STEP: u64 = 1 << 20;
/// How many decoded clusters of the packed inode are kept.
const KEPT: usize = 4;

/// Whether a file may be a piece of the packed inode. The packed inode itself may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Any file.
    File,
    /// The packed inode.
    Packed,
}

/// What takes the bytes of a file, piece by piece.
type Sink<'a> = &'a mut dyn FnMut(&[u8]);

impl<R: ReadAt> Reader<R> {
    /// Hands the bytes of a file over from front to back.
    pub(super) fn read(&self, found: &Found, sink: Sink<'_>) -> Result<(), ReadError> {
        if found.inode.len_bytes > self.limits.file_bytes {
            let limit = self.limits.file_bytes;
            return Err(ReadError::Limit { what: "bytes in a file", limit });
        }
        self.read_part(found, (0, found.inode.len_bytes), Depth::File, sink)
    }

    /// The same for `len` bytes from `start` on, which are within the file.
    fn read_part(
        &self,
        found: &Found,
        (start, len): (u64, u64),
        depth: Depth,
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        let end = start.checked_add(len).filter(|end| *end <= found.inode.len_bytes);
        let broken = ReadError::Broken { what: "a piece of a file", at: start };
        let end = end.ok_or(broken)?;
        match found.inode.layout {
            LAYOUT_PLAIN | LAYOUT_INLINE => self.read_blocks(found, start, end, sink),
            LAYOUT_FULL_INDEX | LAYOUT_COMPACT_INDEX => {
                for piece in self.pieces_of(found, depth)?.iter() {
                    let (from, to) = (piece.start.max(start), (piece.start + piece.len).min(end));
                    if from < to {
                        let part = (from - piece.start, to - from);
                        self.read_piece(piece, part, depth, sink)?;
                    }
                }
                Ok(())
            }
            _ => Err(ReadError::Broken { what: "a data layout", at: found.offset }),
        }
    }

    fn pieces_of(&self, found: &Found, depth: Depth) -> Result<Arc<[Piece]>, ReadError> {
        if depth == Depth::File {
            return Ok(Arc::from(self.pieces(found)?));
        }
        if let Some(pieces) = self.packed.get() {
            return Ok(Arc::clone(pieces));
        }
        let pieces = Arc::from(self.pieces(found)?);
        Ok(Arc::clone(self.packed.get_or_init(|| pieces)))
    }

    fn read_blocks(
        &self,
        found: &Found,
        start: u64,
        end: u64,
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        let len = found.inode.len_bytes;
        let inline = match found.inode.layout {
            LAYOUT_INLINE => len - len % BLOCK_U64,
            _ => len,
        };
        let mut at = start;
        while at < end {
            let (stop, offset) = match at < inline {
                true => {
                    (end.min(inline).min(at + STEP), u64::from(found.inode.place) * BLOCK_U64 + at)
                }
                false => (end, found.data_offset() + (at - inline)),
            };
            sink(&self.bytes(offset, stop - at)?);
            at = stop;
        }
        Ok(())
    }

    /// Hands over `len` bytes of a piece from `skip` on.
    fn read_piece(
        &self,
        piece: &Piece,
        (skip, len): (u64, u64),
        depth: Depth,
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        let whole = match piece.storage {
            Storage::Plain(offset) => Arc::new(self.bytes(offset, piece.len)?),
            Storage::Interlaced(offset) => {
                let shift = piece.start % BLOCK_U64;
                let first = piece.len.min(BLOCK_U64 - shift);
                let mut out = self.bytes(offset + shift, first)?;
                out.extend(self.bytes(offset, piece.len - first)?);
                Arc::new(out)
            }
            Storage::Compressed(offset, stored) => {
                self.decoded(offset, stored, piece.len, depth)?
            }
            Storage::Fragment(offset) if depth == Depth::File && self.superblock.packed != 0 => {
                let packed = self.inode(self.superblock.packed)?;
                let start = offset.checked_add(skip);
                let broken = ReadError::Broken { what: "a piece of the packed inode", at: offset };
                return self.read_part(&packed, (start.ok_or(broken)?, len), Depth::Packed, sink);
            }
            Storage::Fragment(offset) => {
                return Err(ReadError::Broken { what: "a piece of no packed inode", at: offset });
            }
        };
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        sink(whole.get(at(skip)..at(skip + len)).unwrap_or_default());
        Ok(())
    }

    /// A cluster decoded. Those of the packed inode are kept for a while.
    fn decoded(
        &self,
        offset: u64,
        stored: u64,
        len: u64,
        depth: Depth,
    ) -> Result<Arc<Vec<u8>>, ReadError> {
        let kept = || self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(at, bytes): &&(u64, Arc<Vec<u8>>)| *at == offset && wide(bytes.len()) == len;
        if let Some((_, bytes)) = kept().iter().find(is_it) {
            return Ok(Arc::clone(bytes));
        }
        let bytes = Arc::new(self.decode(&self.bytes(offset, stored)?, len, offset)?);
        if depth == Depth::Packed {
            let mut kept = kept();
            kept.push_back((offset, Arc::clone(&bytes)));
            if kept.len() > KEPT {
                kept.pop_front();
            }
        }
        Ok(bytes)
    }

    /// Decodes one cluster to exactly `len` bytes.
    fn decode(&self, stored: &[u8], len: u64, offset: u64) -> Result<Vec<u8>, ReadError> {
        let zeros = stored.iter().take_while(|byte| **byte == 0).count();
        let stored = stored.get(zeros..).unwrap_or_default();
        let room = usize::try_from(len).unwrap_or_default();
        let out = match self.compression() {
            Compression::Zstd { window_bits } => decode_zstd(stored, room, window_bits),
            Compression::Lz4 { .. } | Compression::None => decode_lz4(stored, room),
        };
        out.filter(|out| wide(out.len()) == len)
            .ok_or(ReadError::Broken { what: "compressed data", at: offset })
    }
}

/// The first `len` bytes of a frame.
fn decode_zstd(stored: &[u8], len: usize, window_bits: u8) -> Option<Vec<u8>> {
    use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};
    let mut context = DCtx::create();
    let window = DParameter::WindowLogMax(u32::from(window_bits.clamp(10, 20)));
    context.set_parameter(window).ok()?;
    let mut out = Vec::with_capacity(len);
    let mut input = InBuffer::around(stored);
    while out.len() < len {
        let (before, read) = (out.len(), input.pos());
        let mut output = OutBuffer::around_pos(&mut out, before);
        let hint = context.decompress_stream(&mut output, &mut input).ok()?;
        if hint == 0 || (out.len() == before && input.pos() == read) {
            break;
        }
    }
    Some(out)
}

/// The first `len` bytes of a block.
fn decode_lz4(stored: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; len];
    let found = lz4_flex::block::decompress_into(stored, &mut out).ok()?;
    out.truncate(found);
    Some(out)
}

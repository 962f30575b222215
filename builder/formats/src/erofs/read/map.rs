//! Where the pieces of a compressed file are, by its index.

use super::{Found, ReadAt, Reader};
use crate::erofs::bytes::{round_up, u16_at, u32_at, wide};
use crate::erofs::error::ReadError;
use crate::erofs::index::{self, COUNT_FLAG, TYPE_FOLLOW, TYPE_HEAD, TYPE_PLAIN};
use crate::erofs::inode::LAYOUT_FULL_INDEX;
use crate::erofs::superblock::{BLOCK, BLOCK_U64};

/// The largest physical cluster there is.
const MAX_CLUSTER_BLOCKS: u32 = 256;
/// The most bytes a cluster may decode to, the kernel's limit.
const MAX_EXTENT: u64 = 12 << 20;
/// The type with the second algorithm; no writer uses it with Zstandard or LZ4 alone.
const TYPE_HEAD2: u16 = 3;
/// A cluster of which this extent is a part.
const PARTIAL: u16 = 1 << 15;
/// The file ends with a cluster beside its inode.
const ADVISE_INLINE_TAIL: u16 = 0x8;
/// Clusters may have more than a block, and say so.
const ADVISE_BIG_CLUSTERS: u16 = 0x2;
/// Plain blocks are rotated by their place in the file.
const ADVISE_INTERLACED: u16 = 0x10;

/// How a piece of a file is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    /// As it is, from this offset of the image on.
    Plain(u64),
    /// As it is, in the block at this offset, shifted by its place in the file, around its end.
    Interlaced(u64),
    /// Compressed, in so many bytes from this offset on.
    Compressed(u64, u64),
    /// From this offset of the packed inode on.
    Fragment(u64),
}

/// A piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where in the file it starts.
    pub(super) start: u64,
    /// Bytes of the file.
    pub(super) len: u64,
    /// Where they are.
    pub(super) storage: Storage,
}

/// One entry of an index.
#[derive(Clone, Copy)]
struct Entry {
    kind: u16,
    value: u16,
    block: u32,
    /// How many blocks the cluster before it has, where this entry says so.
    blocks: Option<u16>,
}

/// The header of an index.
struct Header {
    advise: u16,
    algorithm: u8,
    fragment: u32,
    inline_len: u16,
    /// Where the entries start.
    offset: u64,
}

impl<R: ReadAt> Reader<R> {
    /// The pieces of a compressed file, in order and without gaps.
    pub(super) fn pieces(&self, found: &Found) -> Result<Vec<Piece>, ReadError> {
        let len = found.inode.len_bytes;
        let at = round_up(found.data_offset(), 8);
        let bytes = self.bytes(at, index::HEADER)?;
        let broken = ReadError::Broken { what: "an index", at };
        let word = |at| u16_at(&bytes, at).unwrap_or_default();
        let whole = u64::from_le_bytes(bytes.as_slice().try_into().unwrap_or_default());
        if whole & index::WHOLE_FRAGMENT != 0 {
            let storage = Storage::Fragment(whole & !index::WHOLE_FRAGMENT);
            return Ok(vec![Piece { start: 0, len, storage }]);
        }
        let [algorithm, cluster_bits] = word(6).to_le_bytes();
        if cluster_bits != 0 || !matches!(algorithm & 0xF, 0 | 3) {
            return Err(broken);
        }
        let header = Header {
            advise: word(4),
            algorithm: algorithm & 0xF,
            fragment: u32_at(&bytes, 0).unwrap_or_default(),
            inline_len: word(2),
            offset: at + index::HEADER,
        };
        if self.algorithm() != header.algorithm {
            return Err(broken);
        }
        let count = len.div_ceil(BLOCK_U64);
        let (entries, end) = match found.inode.layout {
            LAYOUT_FULL_INDEX => self.full_entries(&header, count)?,
            _ => self.compact_entries(&header, count)?,
        };
        join(&entries, &header, len, end).ok_or(broken)
    }

    fn full_entries(&self, header: &Header, count: u64) -> Result<(Vec<Entry>, u64), ReadError> {
        // Eight bytes that once were something else come before the entries.
        let start = header.offset + 8;
        let len = count.saturating_mul(8);
        let bytes = self.bytes(start, len)?;
        let entry = |bytes: &[u8]| {
            let kind = u16_at(bytes, 0)?;
            let follows = kind & 3 == TYPE_FOLLOW;
            let value = u16_at(bytes, if follows { 4 } else { 2 })?;
            let block = u32_at(bytes, 4)?;
            let (kind, partial) = (kind & 3, kind & PARTIAL != 0);
            let blocks = count_in(kind, value, header.big());
            (!partial || !follows).then_some(Entry { kind, value, block, blocks })
        };
        let entries = bytes.chunks_exact(8).map(entry).collect::<Option<_>>();
        let broken = || ReadError::Broken { what: "an index entry", at: start };
        Ok((entries.ok_or_else(broken)?, start + len))
    }

    fn compact_entries(&self, header: &Header, count: u64) -> Result<(Vec<Entry>, u64), ReadError> {
        let large = header.advise & index::ADVISE_LARGE_PACKS != 0;
        let (pairs, in_large) = match large {
            true => index::split(count, header.offset),
            false => (count, 0),
        };
        let rest = count - pairs - in_large;
        let len = 4 * pairs.next_multiple_of(2) + 2 * in_large + 4 * rest.next_multiple_of(2);
        let bytes = self.bytes(header.offset, len)?;
        let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let mut out = Vec::with_capacity(at(count));
        let (first, others) = bytes.split_at(at(4 * pairs.next_multiple_of(2)));
        let (middle, last) = others.split_at(at(2 * in_large));
        let big = header.big();
        first.chunks_exact(8).for_each(|pack| unpack(pack, (2, 16), big, &mut out));
        out.truncate(at(pairs));
        middle.chunks_exact(32).for_each(|pack| unpack(pack, (16, 14), big, &mut out));
        last.chunks_exact(8).for_each(|pack| unpack(pack, (2, 16), big, &mut out));
        out.truncate(at(count));
        Ok((out, header.offset + len))
    }

    /// The number of the image's algorithm in an index.
    fn algorithm(&self) -> u8 {
        match self.compression() {
            crate::erofs::superblock::Compression::Zstd { .. } => 3,
            _ => 0,
        }
    }
}

impl Header {
    const fn big(&self) -> bool {
        self.advise & ADVISE_BIG_CLUSTERS != 0
    }
}

/// How many blocks the cluster has whose beginning was just before this entry.
fn count_in(kind: u16, value: u16, big: bool) -> Option<u16> {
    (big && kind == TYPE_FOLLOW && value & COUNT_FLAG != 0).then_some(value & !COUNT_FLAG)
}

/// Takes a pack apart: entries of `width_bits` bits, then the block number they count from. Where
/// all clusters have one block, that is the number of the one before the first.
fn unpack(pack: &[u8], (size, width_bits): (usize, usize), big: bool, out: &mut Vec<Entry>) {
    let base = u32_at(pack, pack.len().saturating_sub(4)).unwrap_or_default();
    let (mut bits, mut held, mut bytes) = (0_u64, 0, pack.iter());
    let mut entries = Vec::with_capacity(size);
    for _ in 0..size {
        while held < width_bits {
            bits |= u64::from(bytes.next().copied().unwrap_or_default()) << held;
            held += 8;
        }
        let entry = u16::try_from(bits & ((1 << width_bits) - 1)).unwrap_or_default();
        (bits, held) = (bits >> width_bits, held - width_bits);
        let (kind, value) = (entry >> 12 & 3, entry & 0xFFF);
        entries.push(Entry { kind, value, block: 0, blocks: count_in(kind, value, big) });
    }
    let mut counted = u32::from(!big);
    for number in 0..entries.len() {
        let says = entries.get(number + 1).is_some_and(|next| next.blocks.is_some());
        let Some(entry) = entries.get_mut(number) else { break };
        if entry.kind != TYPE_FOLLOW {
            entry.block = base.wrapping_add(counted);
            counted = counted.wrapping_add(u32::from(!says));
        }
        counted = counted.wrapping_add(entry.blocks.map_or(0, u32::from));
    }
    out.extend(entries);
}

/// Joins the entries of a file into pieces. `end` is where its index ends. None for an index that
/// contradicts itself.
fn join(entries: &[Entry], header: &Header, len: u64, end: u64) -> Option<Vec<Piece>> {
    let mut heads = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        if entry.kind == TYPE_FOLLOW {
            continue;
        }
        let start = wide(number).checked_mul(BLOCK_U64)? + u64::from(entry.value);
        let says = entries.get(number + 1).and_then(|next| next.blocks);
        let blocks = says.map_or(1, u32::from);
        if usize::from(entry.value) >= BLOCK || entry.kind == TYPE_HEAD2 {
            return None;
        }
        heads.push((start, *entry, blocks));
    }
    // Where a file ends inside a block, the last beginning may be there, of nothing.
    heads.pop_if(|(start, ..)| *start == len);
    if heads.first().map_or(0, |(start, ..)| *start) != 0 || (heads.is_empty() && len > 0) {
        return None;
    }
    let mut out = Vec::with_capacity(heads.len());
    for (number, (start, entry, blocks)) in heads.iter().enumerate() {
        let is_last = number + 1 == heads.len();
        let next = heads.get(number + 1).map_or(len, |(start, ..)| *start);
        let piece_len = next.checked_sub(*start).filter(|len| (1..=MAX_EXTENT).contains(len))?;
        let storage = storage(entry, *blocks, header, is_last, end)?;
        if matches!(storage, Storage::Plain(_) | Storage::Interlaced(_)) && piece_len > BLOCK_U64 {
            return None;
        }
        out.push(Piece { start: *start, len: piece_len, storage });
    }
    Some(out)
}

fn storage(
    entry: &Entry,
    blocks: u32,
    header: &Header,
    is_last: bool,
    end: u64,
) -> Option<Storage> {
    let offset = u64::from(entry.block) * BLOCK_U64;
    if is_last && header.advise & index::ADVISE_FRAGMENT != 0 {
        return Some(Storage::Fragment(header.fragment.into()));
    }
    if is_last && header.advise & ADVISE_INLINE_TAIL != 0 && header.inline_len > 0 {
        return Some(match entry.kind {
            TYPE_PLAIN => Storage::Plain(end),
            _ => Storage::Compressed(end, header.inline_len.into()),
        });
    }
    match entry.kind {
        TYPE_PLAIN if header.advise & ADVISE_INTERLACED != 0 => Some(Storage::Interlaced(offset)),
        TYPE_PLAIN => Some(Storage::Plain(offset)),
        TYPE_HEAD if (1..=MAX_CLUSTER_BLOCKS).contains(&blocks) => {
            Some(Storage::Compressed(offset, u64::from(blocks) * BLOCK_U64))
        }
        _ => None,
    }
}

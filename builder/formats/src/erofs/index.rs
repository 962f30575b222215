//! Where a compressed file's pieces are: the compact index.
//!
//! A header of eight bytes (`struct z_erofs_map_header`), then one entry for each block of the
//! file (an lcluster in the kernel's words), packed: entries of 16 bits in pairs with one 32-bit
//! block number (8 bytes), and, from a 32-byte boundary of the image on, 16 entries of 14 bits
//! with one block number (32 bytes). The rest, fewer than 16, is in pairs again.
//!
//! An entry is twelve bits of value and two of type. Where an extent begins in the block, the type
//! is *head* (compressed) or *plain* (one block as it is), the value the place in the block. In
//! the blocks that follow it the type is *non-head*: the first of them says how many blocks of the
//! image the extent fills, with bit 11 set; the others say how far back the beginning is, and the
//! last of a pack how far on the next beginning is. Where a file ends inside a block that has no
//! beginning yet, a plain one stands at the end.
//!
//! The block number of a pack is that of the first cluster whose size the pack counts: the others
//! follow by adding up. So the clusters of a file must lie one after the other.

use super::superblock::{BLOCK_U64, Compression};
use super::unit::Extent;

/// Bytes before the entries.
pub(super) const HEADER: u64 = 8;
/// Entries of the large packs.
const LARGE_PACK: usize = 16;
/// Entries of the small packs.
const SMALL_PACK: usize = 2;
/// Marks a count of blocks rather than a distance.
pub(super) const COUNT_FLAG: u16 = 1 << 11;
/// The largest distance an entry can hold.
const MAX_DISTANCE: u64 = 0x7FF;

/// Large packs are used where they fit.
pub(super) const ADVISE_LARGE_PACKS: u16 = 0x1;
/// Clusters of more than a block; in a compact index both bits go together.
const ADVISE_BIG_CLUSTERS: u16 = 0x2 | 0x4;
/// The file ends as a piece of the packed inode.
pub(super) const ADVISE_FRAGMENT: u16 = 0x20;
/// In the header of a file that is a piece of the packed inode altogether.
pub(super) const WHOLE_FRAGMENT: u64 = 1 << 63;

/// Plain, one block.
pub(super) const TYPE_PLAIN: u16 = 0;
/// The beginning of a compressed extent.
pub(super) const TYPE_HEAD: u16 = 1;
/// Not a beginning.
pub(super) const TYPE_FOLLOW: u16 = 2;

/// The header of a file with an index.
pub(super) fn header(compression: Compression) -> [u8; 8] {
    let algorithm = match compression {
        Compression::Zstd { .. } => 3,
        Compression::None | Compression::Lz4 { .. } => 0,
    };
    let [low, high] = (ADVISE_LARGE_PACKS | ADVISE_BIG_CLUSTERS).to_le_bytes();
    [0, 0, 0, 0, low, high, algorithm, 0]
}

/// How many of `count` entries that start at `offset` are in pairs before the large packs, and in
/// large packs.
pub(super) fn split(count: u64, offset: u64) -> (u64, u64) {
    let pairs = (32 - offset % 32) / 4 % 8;
    match count.checked_sub(pairs) {
        Some(rest) if rest > 0 => (pairs, rest - rest % 16),
        _ => (count, 0),
    }
}

/// The length of the entries of a file of `count` blocks that start at `offset` of the image.
pub(super) fn len(count: u64, offset: u64) -> u64 {
    let (pairs, large) = split(count, offset);
    let rest = count - pairs - large;
    4 * pairs.next_multiple_of(2) + 2 * large + 4 * rest.next_multiple_of(2)
}

/// One entry before it is packed.
#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: u16,
    value: u16,
    /// How many blocks on the next beginning is, for what is no beginning.
    next: u16,
    /// The block number of a pack that starts with this entry.
    base: u32,
}

fn distance(blocks: u64) -> u16 {
    u16::try_from(blocks.min(MAX_DISTANCE)).unwrap_or(u16::MAX)
}

/// The entries of a file, growing.
struct Entries {
    list: Vec<Entry>,
    start: u64,
    block: u32,
}

impl Entries {
    fn extent(&mut self, kind: u16, raw_len: u64, blocks: u32) {
        let end = self.start + raw_len;
        let (first, last) = (self.start / BLOCK_U64, end / BLOCK_U64);
        let value = u16::try_from(self.start % BLOCK_U64).unwrap_or(u16::MAX);
        self.list.push(Entry { kind, value, next: 0, base: self.block });
        let after = self.block.saturating_add(blocks);
        for at in first + 1..last {
            let (value, base) = match at - first {
                1 => (COUNT_FLAG | u16::try_from(blocks).unwrap_or(u16::MAX), self.block),
                back => (distance(back), after),
            };
            let next = distance(last - at);
            self.list.push(Entry { kind: TYPE_FOLLOW, value, next, base });
        }
        (self.start, self.block) = (end, after);
    }

    fn finish(mut self) -> Vec<Entry> {
        let whole = usize::try_from(self.start.div_ceil(BLOCK_U64)).unwrap_or(usize::MAX);
        if self.list.len() < whole {
            self.extent(TYPE_PLAIN, 0, 0);
        }
        self.list
    }
}

/// The index of a file whose extents fill the image from `first_block` on, without its header.
/// `offset` is where in the image it will stand.
pub(super) fn encode(extents: &[Extent], first_block: u32, offset: u64) -> Vec<u8> {
    let mut entries = Entries { list: Vec::new(), start: 0, block: first_block };
    for extent in extents {
        let raw_len = u64::from(extent.raw_len);
        if extent.compressed {
            entries.extent(TYPE_HEAD, raw_len, extent.blocks);
            continue;
        }
        for at in (0..raw_len).step_by(1 << 12) {
            entries.extent(TYPE_PLAIN, (raw_len - at).min(BLOCK_U64), 1);
        }
    }
    let list = entries.finish();
    let count = u64::try_from(list.len()).unwrap_or(u64::MAX);
    let (pairs, large) = split(count, offset);
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let (first, rest) = list.split_at(at(pairs));
    let (middle, last) = rest.split_at(at(large));
    let mut out = Vec::new();
    first.chunks(SMALL_PACK).for_each(|pack| encode_pack(pack, SMALL_PACK, 16, &mut out));
    middle.chunks(LARGE_PACK).for_each(|pack| encode_pack(pack, LARGE_PACK, 14, &mut out));
    last.chunks(SMALL_PACK).for_each(|pack| encode_pack(pack, SMALL_PACK, 16, &mut out));
    out
}

fn encode_pack(pack: &[Entry], size: usize, width_bits: usize, out: &mut Vec<u8>) {
    let (mut bits, mut filled) = (0_u64, 0);
    for number in 0..size {
        let entry = pack.get(number).map_or(0, |entry| {
            let last = number + 1 == size;
            let distance = entry.kind == TYPE_FOLLOW && entry.value & COUNT_FLAG == 0;
            entry.kind << 12 | if last && distance { entry.next } else { entry.value }
        });
        bits |= u64::from(entry) << filled;
        filled += width_bits;
        while filled >= 8 {
            out.push(bits.to_le_bytes()[0]);
            (bits, filled) = (bits >> 8, filled - 8);
        }
    }
    out.extend(pack.first().map_or(0, |entry| entry.base).to_le_bytes());
}

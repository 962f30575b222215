//! The metadata area: inodes with what stands beside them, one after the other.
//!
//! Each inode starts at a multiple of 32 bytes; the first 32 bytes of the area are left empty, so
//! that no inode has the number zero, which programs take for "no file". What stands beside an
//! inode may cross from one block into the next, except inline data: where it would, the inode
//! moves to the next block.

use super::bytes::{round_up, wide};
use super::index;
use super::inode::{Inode, SLOT};
use super::layout::{Layout, Owner};
use super::superblock::{BLOCK_U64, Compression};
use super::unit::Extent;

/// What stands beside an inode, after its attributes.
pub(super) enum After {
    /// Nothing.
    Nothing,
    /// The last piece of its data, or all of it.
    Inline(Vec<u8>),
    /// An index of clusters that start at this block.
    Index {
        /// The first block.
        first_block: u32,
        /// The extents from there on.
        extents: Vec<Extent>,
    },
    /// The place in the hidden file where all of its data is.
    Fragment(u64),
}

/// One inode with everything that belongs to it.
pub(super) struct Record {
    /// The inode.
    pub(super) inode: Inode,
    /// Its attributes.
    pub(super) xattrs: Vec<u8>,
    /// What follows.
    pub(super) after: After,
    /// Whose it is.
    pub(super) owner: Owner,
}

impl Record {
    /// Bytes of the inode and its attributes.
    fn head_len(&self) -> u64 {
        self.inode.len() + wide(self.xattrs.len())
    }

    /// Where the record starts if the bytes before `at` are taken, and where it ends.
    fn span(&self, at: u64) -> (u64, u64) {
        let start = round_up(at, SLOT);
        let head_end = start + self.head_len();
        match &self.after {
            After::Nothing => (start, head_end),
            After::Inline(data) => {
                let len = wide(data.len());
                if head_end % BLOCK_U64 + len <= BLOCK_U64 {
                    return (start, head_end + len);
                }
                let start = round_up(start + 1, BLOCK_U64);
                (start, start + self.head_len() + len)
            }
            After::Index { .. } => {
                let entries = round_up(head_end, 8) + index::HEADER;
                let blocks = self.inode.len_bytes.div_ceil(BLOCK_U64);
                (start, entries + index::len(blocks, entries))
            }
            After::Fragment(_) => (start, round_up(head_end, 8) + index::HEADER),
        }
    }

    fn encode(&self, compression: Compression, out: &mut Vec<u8>) {
        out.extend(self.inode.encode());
        out.extend(&self.xattrs);
        let align = |out: &mut Vec<u8>| out.resize(out.len().next_multiple_of(8), 0);
        match &self.after {
            After::Nothing => {}
            After::Inline(data) => out.extend(data),
            After::Index { first_block, extents } => {
                align(out);
                out.extend(index::header(compression));
                out.extend(index::encode(extents, *first_block, wide(out.len())));
            }
            After::Fragment(offset) => {
                align(out);
                out.extend((offset | index::WHOLE_FRAGMENT).to_le_bytes());
            }
        }
    }
}

/// Where each record starts, if the area begins with `taken` bytes of something else.
pub(super) fn places(records: &[Record], taken: u64) -> Vec<u64> {
    let mut at = taken;
    let mut out = Vec::with_capacity(records.len());
    for record in records {
        let (start, end) = record.span(at);
        out.push(start);
        at = end;
    }
    out
}

/// The area from `taken` bytes on, to a whole number of blocks.
pub(super) fn encode(
    records: &[Record],
    taken: Vec<u8>,
    compression: Compression,
    layout: &mut Layout,
) -> Vec<u8> {
    let mut out = taken;
    for record in records {
        let (start, _) = record.span(wide(out.len()));
        let before = out.len();
        out.resize(usize::try_from(start).unwrap_or(usize::MAX), 0);
        layout.push(wide(out.len() - before), Owner::Padding);
        let before = out.len();
        record.encode(compression, &mut out);
        layout.push(wide(out.len() - before), record.owner.clone());
    }
    let before = out.len();
    out.resize(usize::try_from(round_up(wide(before), BLOCK_U64)).unwrap_or(before), 0);
    layout.push(wide(out.len() - before), Owner::Padding);
    out
}

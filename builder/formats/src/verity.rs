//! dm-verity: the hash tree that lets the kernel check every block of a root as it is read.
//!
//! The tree is what turns one digest in a signed UKI into trust in a whole file system. It is
//! written while the data streams past, with only the digests in memory (32 bytes for each 4096),
//! and it is the same bytes for any number of threads: blocks are hashed in parallel, their order
//! is that of the data. Salt and UUID come from the caller; nothing is random. Data that is no
//! whole number of blocks is refused, because the kernel would never show its end.
//!
//! The format is that of [`contract::verity`]: superblock in the first block, then the levels, the
//! one nearest the root first. It is what `veritysetup format` writes with the same salt and UUID,
//! to the byte.
#![expect(clippy::as_conversions, reason = "lengths in memory: usize and u64 are one size here")]

use std::fmt;
use std::io::{self, Read, Write};

use contract::digest::{Digest, Digester};
use contract::partition::Guid;
use contract::verity::{BLOCK_BYTES, SUPERBLOCK_BYTES, Superblock, VerityError};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

/// The block size as a length.
const BLOCK: usize = 4096;
/// How much data is held at a time: enough that threads are kept busy, little beside the rest.
const PIECE_BYTES: usize = 1024 * BLOCK;
const _: () = assert!(BLOCK == BLOCK_BYTES as usize);

/// A tree that was not written, or data and tree that do not belong together.
#[derive(Debug)]
pub enum Error {
    /// The data cannot be read.
    Data(io::Error),
    /// The tree cannot be read or written.
    Tree(io::Error),
    /// There is no superblock, or not one of ours.
    Superblock(VerityError),
    /// The data is not a whole number of blocks.
    PartialBlock {
        /// How long it is.
        len_bytes: u64,
    },
    /// The tree covers another amount of data.
    Coverage {
        /// How long the data is.
        data_bytes: u64,
        /// How much the superblock says there is.
        covered_bytes: u64,
    },
    /// The top of the tree does not have the root hash.
    RootHash {
        /// The root hash that was asked for.
        expected: Digest,
        /// The root hash of what is there.
        found: Digest,
    },
    /// A block of the tree is not what the level above says.
    TreeBlock {
        /// The level, counted from the root.
        level: usize,
        /// The block in that level.
        block: u64,
    },
    /// A block of data is not what the tree says.
    DataBlock {
        /// The block, of 4096 bytes.
        block: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(_) => f.write_str("reading the data of a verity device"),
            Self::Tree(_) => f.write_str("reading or writing a verity tree"),
            Self::Superblock(_) => f.write_str("the verity tree has no usable superblock"),
            Self::PartialBlock { len_bytes } => {
                write!(f, "{len_bytes} bytes are no whole number of blocks of {BLOCK} bytes")
            }
            Self::Coverage { data_bytes, covered_bytes } => {
                write!(f, "the data has {data_bytes} bytes, its verity tree covers {covered_bytes}")
            }
            Self::RootHash { expected, found } => {
                write!(f, "the root hash is {found}, expected {expected}")
            }
            Self::TreeBlock { level, block } => {
                write!(f, "block {block} of level {level} of the verity tree is damaged")
            }
            Self::DataBlock { block } => write!(f, "data block {block} is not what was hashed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Data(error) | Self::Tree(error) => Some(error),
            Self::Superblock(error) => Some(error),
            _ => None,
        }
    }
}

/// Hashes data as it is written into it; [`Hasher::finish`] answers the tree.
pub struct Hasher {
    salted: Digester,
    salt: Vec<u8>,
    pending: Vec<u8>,
    digests: Vec<u8>,
    len_bytes: u64,
}

impl Hasher {
    /// Starts a tree with this salt.
    #[must_use]
    pub fn new(salt: &[u8]) -> Self {
        Self {
            salted: salted(salt),
            salt: salt.to_vec(),
            pending: Vec::new(),
            digests: Vec::new(),
            len_bytes: 0,
        }
    }

    /// Takes the next piece of the data.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.len_bytes = self.len_bytes.saturating_add(bytes.len() as u64);
        while !bytes.is_empty() {
            let room = PIECE_BYTES - self.pending.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if self.pending.is_empty() && now.len() == PIECE_BYTES {
                hash_blocks(&self.salted, now, &mut self.digests);
            } else {
                self.pending.extend_from_slice(now);
                self.flush_piece();
            }
            bytes = later;
        }
    }

    fn flush_piece(&mut self) {
        if self.pending.len() == PIECE_BYTES {
            hash_blocks(&self.salted, &self.pending, &mut self.digests);
            self.pending.clear();
        }
    }

    /// The tree over all data taken.
    ///
    /// # Errors
    /// There was no data, or not a whole number of blocks, or the salt is too long.
    pub fn finish(mut self, uuid: Guid) -> Result<HashTree, Error> {
        let block_bytes = u64::from(BLOCK_BYTES);
        if !self.len_bytes.is_multiple_of(block_bytes) {
            return Err(Error::PartialBlock { len_bytes: self.len_bytes });
        }
        let superblock = Superblock::new(uuid, self.len_bytes / block_bytes, &self.salt)
            .map_err(Error::Superblock)?;
        hash_blocks(&self.salted, &self.pending, &mut self.digests);
        let mut levels = Vec::new();
        let mut digests = self.digests;
        while digests.len() > 32 {
            let mut level = digests;
            level.resize(level.len().next_multiple_of(BLOCK), 0);
            digests = Vec::new();
            hash_blocks(&self.salted, &level, &mut digests);
            levels.push(level);
        }
        levels.reverse();
        let root_hash = digests.first_chunk().copied().map_or(Digest::of(b""), Digest::from_bytes);
        Ok(HashTree { superblock, levels, root_hash })
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A finished tree.
pub struct HashTree {
    superblock: Superblock,
    levels: Vec<Vec<u8>>,
    root_hash: Digest,
}

impl HashTree {
    /// What the superblock says.
    #[must_use]
    pub const fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// The digest that stands for all the data.
    #[must_use]
    pub const fn root_hash(&self) -> Digest {
        self.root_hash
    }

    /// Writes superblock and levels: [`Superblock::hash_device_bytes`] bytes.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut first = [0; BLOCK];
        for (byte, value) in first.iter_mut().zip(self.superblock.to_bytes()) {
            *byte = value;
        }
        out.write_all(&first)?;
        self.levels.iter().try_for_each(|level| out.write_all(level))
    }
}

/// Hashes `len_bytes` bytes of `data`, writes superblock and tree to `out`, and answers the root
/// hash.
///
/// # Errors
/// The data ends early or is no whole number of blocks, the salt is too long, or `data` or `out`
/// answers an error.
pub fn write(
    data: &mut dyn Read,
    len_bytes: u64,
    salt: &[u8],
    uuid: Guid,
    out: &mut dyn Write,
) -> Result<Digest, Error> {
    let mut hasher = Hasher::new(salt);
    for_each_piece(data, len_bytes, &mut |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    let tree = hasher.finish(uuid)?;
    tree.write_to(out).map_err(Error::Tree)?;
    Ok(tree.root_hash())
}

/// Checks that `tree` (superblock and levels) has this root hash and that `len_bytes` bytes of
/// `data` are what it was made from, and answers the superblock.
///
/// Everything is checked from the root down, so that the first damaged block is named. Memory is
/// bounded by `len_bytes`, not by what the superblock says.
///
/// # Errors
/// The first thing that does not agree.
pub fn verify(
    data: &mut dyn Read,
    len_bytes: u64,
    tree: &mut dyn Read,
    root_hash: &Digest,
) -> Result<Superblock, Error> {
    let superblock = read_superblock(tree, len_bytes)?;
    let salted = salted(&superblock.salt);
    let mut expected = root_hash.as_bytes().to_vec();
    for (level, blocks) in superblock.levels().into_iter().enumerate() {
        let mut bytes = Vec::new();
        tree.take(blocks.saturating_mul(u64::from(BLOCK_BYTES)))
            .read_to_end(&mut bytes)
            .map_err(Error::Tree)?;
        let mut found = Vec::new();
        hash_blocks(&salted, &bytes, &mut found);
        // A level that was cut short has fewer digests, and its first missing one differs.
        if let Some(block) = first_difference(&found, &expected, blocks) {
            let [first, ..] = found.as_chunks::<32>().0 else {
                return Err(Error::Tree(io::ErrorKind::UnexpectedEof.into()));
            };
            return Err(match level {
                0 => Error::RootHash { expected: *root_hash, found: Digest::from_bytes(*first) },
                _ => Error::TreeBlock { level, block },
            });
        }
        expected = bytes;
    }
    let mut block = 0_u64;
    for_each_piece(data, len_bytes, &mut |piece| {
        let mut found = Vec::new();
        hash_blocks(&salted, piece, &mut found);
        let blocks = (found.len() / 32) as u64;
        let rest = expected.get(block as usize * 32..).unwrap_or_default();
        match first_difference(&found, rest, blocks) {
            Some(bad) => Err(Error::DataBlock { block: block + bad }),
            None => {
                block += blocks;
                Ok(())
            }
        }
    })?;
    Ok(superblock)
}

fn read_superblock(tree: &mut dyn Read, data_bytes: u64) -> Result<Superblock, Error> {
    let mut first = [0; BLOCK];
    tree.read_exact(&mut first).map_err(Error::Tree)?;
    let superblock = Superblock::parse(&first).map_err(Error::Superblock)?;
    for found_bytes in [superblock.data_block_bytes, superblock.hash_block_bytes] {
        if found_bytes != BLOCK_BYTES {
            return Err(Error::Superblock(VerityError::BlockSize { found_bytes }));
        }
    }
    if let Some(rest) = first.iter().skip(SUPERBLOCK_BYTES).position(|byte| *byte != 0) {
        let offset_bytes = SUPERBLOCK_BYTES + rest;
        return Err(Error::Superblock(VerityError::Reserved { offset_bytes }));
    }
    match superblock.data_bytes() {
        covered_bytes if covered_bytes == data_bytes => Ok(superblock),
        covered_bytes => Err(Error::Coverage { data_bytes, covered_bytes }),
    }
}

fn first_difference(found: &[u8], expected: &[u8], blocks: u64) -> Option<u64> {
    (0..blocks).find(|block| {
        let at = *block as usize * 32;
        match (found.get(at..at + 32), expected.get(at..at + 32)) {
            (Some(found), Some(expected)) => found != expected,
            _ => true,
        }
    })
}

fn for_each_piece(
    data: &mut dyn Read,
    len_bytes: u64,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut buffer = vec![0; PIECE_BYTES.min(usize::try_from(len_bytes).unwrap_or(PIECE_BYTES))];
    let mut left = len_bytes;
    while left > 0 {
        let now = buffer.len().min(usize::try_from(left).unwrap_or(buffer.len()));
        let Some(piece) = buffer.get_mut(..now) else { break };
        data.read_exact(piece).map_err(Error::Data)?;
        take(piece)?;
        left -= now as u64;
    }
    Ok(())
}

fn salted(salt: &[u8]) -> Digester {
    let mut digester = Digester::new();
    digester.update(salt);
    digester
}

/// Appends the digest of every block of `bytes`, in order.
fn hash_blocks(salted: &Digester, bytes: &[u8], digests: &mut Vec<u8>) {
    let hash = |block: &[u8]| {
        let mut digester = salted.clone();
        digester.update(block);
        *digester.finish().as_bytes()
    };
    let new: Vec<[u8; 32]> = bytes.par_chunks(BLOCK).with_min_len(64).map(hash).collect();
    digests.extend(new.iter().flatten());
}

#[cfg(test)]
mod tests;

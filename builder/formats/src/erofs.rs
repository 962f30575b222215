//! EROFS: the read-only file system of the image's root, written and read back.
//!
//! Written here because no crate does it: the ones there are hold the whole image in memory, use
//! one thread and one block a cluster, or write data the kernel cannot read
//! (`docs/decisions/0003-erofs-writer.md`). The structures are those of the kernel's
//! `fs/erofs/erofs_fs.h` and `Documentation/filesystems/erofs.rst`; the images mount on Linux 6.12
//! and later, and nothing newer is used.
//!
//! The order of an image, each part named in [`Layout`]:
//!
//! | part | what |
//! |---|---|
//! | first block | 1024 zeros, [`superblock`] |
//! | data | files with clusters of their own, then the hidden file of small ones: [`plan`] |
//! | blocks of directories and links | those too large to stand beside their inodes |
//! | metadata | shared attributes, inodes with attributes and index: [`metadata`] |
//!
//! What must stay true:
//!
//! * The bytes depend on the tree and the options alone: not on threads, the cache, or the order
//!   anything came in. Every time stamp is the build time, so nearly every inode has 32 bytes.
//! * With a cache that holds every unit no content is loaded.
//! * Memory holds the units being worked on and the metadata, never the image.
//!
//! What it refuses: device numbers, attributes and hard links the format has no room for. What it
//! leaves out: deduplication within files, LZMA and DEFLATE, several devices, blocks other than
//! 4 KiB.

mod bytes;
mod codec;
mod data;
mod directory;
mod error;
mod index;
mod inode;
mod layout;
mod metadata;
mod ordered;
mod plan;
mod read;
mod superblock;
mod survey;
mod unit;
mod write;
mod xattr;

use std::num::NonZeroUsize;

use contract::digest::Digest;

pub use codec::Codec;
pub use error::{Error, ReadError};
pub use layout::{Layout, Owner, Region};
pub use read::{Contents, Entry, Limits, ReadAt, Reader};
pub use write::write;

/// How an image is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How file data is compressed.
    pub codec: Codec,
    /// The size of a physical cluster to aim at: a multiple of 4 KiB up to 1 MiB. Larger clusters
    /// compress better and cost more for a read of a few bytes.
    pub cluster_bytes: u32,
    /// Files up to this size are compressed together. Zero for none.
    pub pack_below_bytes: u32,
    /// How many threads compress. The image does not depend on it.
    pub threads: NonZeroUsize,
    /// UUID of the volume.
    pub uuid: [u8; 16],
    /// Seconds since the epoch: the time of the image and of every file in it.
    pub build_time_s: u64,
    /// Name of the volume, up to 15 bytes.
    pub label: String,
}

/// Keeps compressed data from one build to the next.
///
/// A key stands for everything the bytes depend on, so an entry never becomes wrong. What comes
/// back is checked for sense, not for truth: the cache must give back what was put in.
pub trait ClusterCache: Sync {
    /// What was put in under this key, if it is still there.
    fn get(&self, key: &Digest) -> Option<Vec<u8>>;
    /// Keeps bytes, or not: a cache that has no room or cannot write stays silent.
    fn put(&self, key: &Digest, bytes: &[u8]);
}

/// A cache that keeps nothing.
pub struct NoCache;

impl ClusterCache for NoCache {
    fn get(&self, _: &Digest) -> Option<Vec<u8>> {
        None
    }

    fn put(&self, _: &Digest, _: &[u8]) {}
}

#[cfg(test)]
mod tests;

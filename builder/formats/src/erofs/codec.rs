//! How one physical cluster is filled.
//!
//! A physical cluster is a whole number of blocks. What is compressed first and cut into blocks
//! afterwards wastes half a block a cluster. So both codecs here look for the length of input
//! whose compressed form ends just before a block does. The reference tool finds it by bisection,
//! compressing the same bytes many times over. Zstandard does not need that: a frame is a
//! sequence of blocks of our choice, so the frame is built block by block, and ever smaller ones
//! fill the last four kilobytes ([`zstd`]). LZ4 has no such seams but is quick, so there a few
//! guesses do ([`lz4`]).
//!
//! All arithmetic is in integers: the same input gives the same clusters on every machine.

mod lz4;
mod zstd;

use std::io;

use super::superblock::{BLOCK, Compression};

/// The largest physical cluster the kernel takes (`Z_EROFS_PCLUSTER_MAX_SIZE`).
pub(super) const MAX_CLUSTER: usize = 1 << 20;
/// The most input one cluster may hold. The kernel's limit is 12 MiB; the compact index counts
/// 2047 blocks back to the start of an extent, and a reader decodes whole clusters.
pub(super) const MAX_RAW: usize = 4 << 20;

/// How file data is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    None,
    /// LZ4: quick to read, large.
    Lz4,
    /// Zstandard.
    Zstd {
        /// 1 to 22, as the library numbers them.
        level: i32,
    },
}

impl Codec {
    /// A name for cache keys. What changes the bytes of a cluster must change it.
    pub(super) fn key(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Lz4 => "lz4_flex-0.11".to_owned(),
            Self::Zstd { level } => {
                format!("zstd-{} level {level}", ::zstd::zstd_safe::version_number())
            }
        }
    }

    /// What the superblock says of this codec with clusters of this size.
    pub(super) fn compression(self, cluster_bytes: usize) -> Compression {
        match self {
            Self::None => Compression::None,
            Self::Lz4 => Compression::Lz4 {
                cluster_blocks: u16::try_from(cluster_bytes / BLOCK).unwrap_or(u16::MAX),
            },
            Self::Zstd { .. } => {
                Compression::Zstd { window_bits: zstd::window_bits(cluster_bytes) }
            }
        }
    }
}

/// One filled cluster: `raw_len` bytes of input became `bytes`.
pub(super) struct Cluster {
    /// How much of the input is in it.
    pub(super) raw_len: usize,
    /// The compressed form, not padded; none where it would not have become smaller.
    pub(super) bytes: Option<Vec<u8>>,
}

/// A codec at work. One packer serves one unit of work from its beginning, so that what it
/// remembers between clusters is the same for any number of threads.
pub(super) enum Packer {
    /// LZ4.
    Lz4(lz4::Packer),
    /// Zstandard.
    Zstd(zstd::Packer),
}

impl Packer {
    /// A packer that aims at clusters of this size; none where nothing is compressed.
    pub(super) fn new(codec: Codec, cluster_bytes: usize) -> io::Result<Option<Self>> {
        match codec {
            Codec::None => Ok(None),
            Codec::Lz4 => Ok(Some(Self::Lz4(lz4::Packer::new(cluster_bytes)))),
            Codec::Zstd { level } => Ok(Some(Self::Zstd(zstd::Packer::new(level, cluster_bytes)?))),
        }
    }

    /// Fills the next cluster from the front of `data`, which is not empty.
    pub(super) fn next(&mut self, data: &[u8]) -> io::Result<Cluster> {
        match self {
            Self::Lz4(packer) => Ok(packer.next(data)),
            Self::Zstd(packer) => packer.next(data),
        }
    }
}

/// `part` of `whole`, scaled to `of`: `of * part / whole` without overflow, rounded down.
fn scale(of: usize, part: usize, whole: usize) -> usize {
    let wide = |value: usize| u128::try_from(value).unwrap_or(u128::MAX);
    let scaled = wide(of).saturating_mul(wide(part)) / wide(whole.max(1));
    usize::try_from(scaled).unwrap_or(usize::MAX)
}

//! The superblock: what the image is, where its parts are, and a checksum over the first block.
//!
//! At offset 1024 of the image, 128 bytes, little-endian, `struct erofs_super_block` of the
//! kernel's `fs/erofs/erofs_fs.h`. The parameters of each compression algorithm follow it, each
//! as a 16-bit length and that many bytes, in the order of the algorithms' numbers.
//!
//! The checksum is CRC-32C with an initial value of all ones and without the final inversion,
//! over the block from the superblock on, its own field counted as zero.

use super::bytes::{u16_at, u32_at, u64_at};
use super::error::ReadError;

/// log2 of the block size; the kernel takes nothing larger than a page, and 4 KiB is a page
/// everywhere we go.
pub(super) const BLOCK_BITS: u32 = 12;
/// Bytes in a block.
pub(super) const BLOCK: usize = 1 << BLOCK_BITS;
/// The same, as an offset.
pub(super) const BLOCK_U64: u64 = 1 << BLOCK_BITS;
/// Where the superblock starts; the bytes before it are left to boot loaders.
pub(super) const SUPERBLOCK_OFFSET: usize = 1024;
const SUPERBLOCK_LEN: usize = 128;
const MAGIC: u32 = 0xE0F5_E1E2;
/// Bytes in the volume name, one of them for the terminating zero.
pub(super) const LABEL_LEN: usize = 16;

/// A checksum is in the superblock.
const COMPAT_CHECKSUM: u32 = 0x1;
/// The times in inodes are modification times.
const COMPAT_MTIME: u32 = 0x2;
/// Compressed data ends at the end of its last block, zeros fill the front.
const INCOMPAT_ZERO_PADDING: u32 = 0x1;
/// Algorithms carry parameters, and physical clusters may be larger than a block.
const INCOMPAT_BIG_CLUSTERS: u32 = 0x2;
/// Files may end in a compressed piece beside their inode.
const INCOMPAT_TAIL_PACKING: u32 = 0x10;
/// Files may be pieces of the packed inode, and may share physical clusters.
const INCOMPAT_FRAGMENTS: u32 = 0x20;
const KNOWN_INCOMPAT: u32 =
    INCOMPAT_ZERO_PADDING | INCOMPAT_BIG_CLUSTERS | INCOMPAT_TAIL_PACKING | INCOMPAT_FRAGMENTS;

/// LZ4 in the bitmap of algorithms.
const ALGORITHM_LZ4: u16 = 1 << 0;
/// Zstandard in the bitmap of algorithms.
const ALGORITHM_ZSTD: u16 = 1 << 3;
/// Window sizes of Zstandard are stored as the power of two above this.
const ZSTD_WINDOW_BASE: u8 = 10;

/// How data is compressed, as far as a reader must know before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Nothing is compressed.
    None,
    /// LZ4 blocks.
    Lz4 {
        /// The largest physical cluster, in blocks.
        cluster_blocks: u16,
    },
    /// Zstandard frames.
    Zstd {
        /// log2 of the largest window.
        window_bits: u8,
    },
}

/// What the superblock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Superblock {
    /// Number of the root's inode.
    pub(super) root: u16,
    /// Inodes in the image.
    pub(super) inodes: u64,
    /// Seconds since the epoch: the modification time of every compact inode.
    pub(super) build_time_s: u64,
    /// Blocks in the image.
    pub(super) blocks: u32,
    /// First block of the area that inode numbers count from.
    pub(super) meta_block: u32,
    /// First block of the area that shared extended attributes count from.
    pub(super) xattr_block: u32,
    /// UUID of the volume.
    pub(super) uuid: [u8; 16],
    /// Name of the volume, filled with zeros.
    pub(super) label: [u8; LABEL_LEN],
    /// Inode of the packed data, zero for none.
    pub(super) packed: u64,
    /// What compressed data needs.
    pub(super) compression: Compression,
}

impl Superblock {
    fn incompat(&self) -> u32 {
        let compressed = match self.compression {
            Compression::None => 0,
            _ => INCOMPAT_ZERO_PADDING | INCOMPAT_BIG_CLUSTERS,
        };
        compressed | if self.packed == 0 { 0 } else { INCOMPAT_FRAGMENTS }
    }

    /// The first block of the image, with its checksum.
    pub(super) fn first_block(&self) -> Vec<u8> {
        let mut out = vec![0; SUPERBLOCK_OFFSET];
        for word in [MAGIC, 0, COMPAT_CHECKSUM | COMPAT_MTIME] {
            out.extend(word.to_le_bytes());
        }
        out.extend([BLOCK_BITS.to_le_bytes()[0], 0]);
        out.extend(self.root.to_le_bytes());
        out.extend(self.inodes.to_le_bytes());
        out.extend(self.build_time_s.to_le_bytes());
        for word in [0, self.blocks, self.meta_block, self.xattr_block] {
            out.extend(word.to_le_bytes());
        }
        out.extend(self.uuid);
        out.extend(self.label);
        out.extend(self.incompat().to_le_bytes());
        out.extend(self.algorithms().to_le_bytes());
        out.resize(SUPERBLOCK_OFFSET + 96, 0);
        out.extend(self.packed.to_le_bytes());
        out.resize(SUPERBLOCK_OFFSET + SUPERBLOCK_LEN, 0);
        out.extend(self.parameters());
        out.resize(BLOCK, 0);
        let checksum = crc32c(out.get(SUPERBLOCK_OFFSET..).unwrap_or_default());
        out.splice(SUPERBLOCK_OFFSET + 4..SUPERBLOCK_OFFSET + 8, checksum.to_le_bytes());
        out
    }

    fn algorithms(&self) -> u16 {
        match self.compression {
            Compression::None => 0,
            Compression::Lz4 { .. } => ALGORITHM_LZ4,
            Compression::Zstd { .. } => ALGORITHM_ZSTD,
        }
    }

    fn parameters(&self) -> Vec<u8> {
        match self.compression {
            Compression::None => Vec::new(),
            Compression::Lz4 { cluster_blocks } => {
                let mut out = Vec::from(14_u16.to_le_bytes());
                out.extend(u16::MAX.to_le_bytes());
                out.extend(cluster_blocks.to_le_bytes());
                out.extend([0; 10]);
                out
            }
            Compression::Zstd { window_bits } => {
                let mut out = Vec::from(6_u16.to_le_bytes());
                out.extend([0, window_bits.saturating_sub(ZSTD_WINDOW_BASE), 0, 0, 0, 0]);
                out
            }
        }
    }

    /// Reads the first block of an image.
    pub(super) fn parse(first_block: &[u8]) -> Result<Self, ReadError> {
        let whole = first_block.get(..BLOCK).ok_or(ReadError::NotErofs)?;
        let area = whole.get(SUPERBLOCK_OFFSET..).ok_or(ReadError::NotErofs)?;
        let word = |at| u32_at(area, at).ok_or(ReadError::NotErofs);
        let wide = |at| u64_at(area, at).ok_or(ReadError::NotErofs);
        if word(0)? != MAGIC {
            return Err(ReadError::NotErofs);
        }
        check_features(area, word(8)?, word(80)?)?;
        let bytes_at = |at: usize| -> [u8; 16] {
            let found = area.get(at..at + 16).and_then(|bytes| bytes.try_into().ok());
            found.unwrap_or_default()
        };
        Ok(Self {
            root: u16_at(area, 14).ok_or(ReadError::NotErofs)?,
            inodes: wide(16)?,
            build_time_s: wide(24)?,
            blocks: word(36)?,
            meta_block: word(40)?,
            xattr_block: word(44)?,
            uuid: bytes_at(48),
            label: bytes_at(64),
            packed: if word(80)? & INCOMPAT_FRAGMENTS == 0 { 0 } else { wide(96)? },
            compression: parse_compression(area, word(80)?)?,
        })
    }
}

fn check_features(area: &[u8], compat: u32, incompat: u32) -> Result<(), ReadError> {
    if incompat & !KNOWN_INCOMPAT != 0 {
        return Err(ReadError::Feature { bits: incompat & !KNOWN_INCOMPAT });
    }
    match (area.get(12), area.get(86..88)) {
        (Some(12), Some([0, 0])) => {}
        (Some(12), _) => return Err(ReadError::Broken { what: "further devices", at: 86 }),
        (bits, _) => {
            return Err(ReadError::BlockSize { bits: bits.copied().unwrap_or_default() });
        }
    }
    if compat & COMPAT_CHECKSUM != 0 {
        let expected = u32_at(area, 4).unwrap_or_default();
        let mut plain = area.to_vec();
        plain.splice(4..8, [0; 4]);
        let found = crc32c(&plain);
        if expected != found {
            return Err(ReadError::Checksum { expected, found });
        }
    }
    Ok(())
}

fn parse_compression(area: &[u8], incompat: u32) -> Result<Compression, ReadError> {
    if incompat & INCOMPAT_BIG_CLUSTERS == 0 {
        return Ok(match incompat & INCOMPAT_ZERO_PADDING {
            0 => Compression::None,
            _ => Compression::Lz4 { cluster_blocks: 1 },
        });
    }
    let algorithms = u16_at(area, 84).unwrap_or_default();
    let at = SUPERBLOCK_LEN + 16 * usize::from(area.get(13).copied().unwrap_or_default());
    let parameters = area.get(at + 2..).unwrap_or_default();
    match algorithms {
        0 => Ok(Compression::None),
        ALGORITHM_LZ4 => {
            Ok(Compression::Lz4 { cluster_blocks: u16_at(parameters, 2).unwrap_or_default() })
        }
        ALGORITHM_ZSTD => {
            let window = parameters.get(1).copied().unwrap_or_default();
            Ok(Compression::Zstd { window_bits: window.saturating_add(ZSTD_WINDOW_BASE) })
        }
        other => Err(ReadError::Algorithms { bits: other }),
    }
}

/// CRC-32C as the kernel stores it: without the final inversion.
fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ POLYNOMIAL }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(compression: Compression) -> Superblock {
        Superblock {
            root: 1,
            inodes: 7,
            build_time_s: 1_700_000_000,
            blocks: 99,
            meta_block: 90,
            xattr_block: 91,
            uuid: *b"0123456789abcdef",
            label: *b"volume\0\0\0\0\0\0\0\0\0\0",
            packed: 12,
            compression,
        }
    }

    #[test]
    fn the_checksum_is_the_published_one_before_inversion() {
        assert_eq!(!crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn what_was_written_is_read() {
        for compression in [
            Compression::None,
            Compression::Lz4 { cluster_blocks: 16 },
            Compression::Zstd { window_bits: 20 },
        ] {
            let superblock = sample(compression);
            assert_eq!(Superblock::parse(&superblock.first_block()).unwrap(), superblock);
        }
    }

    #[test]
    fn any_flipped_bit_of_the_area_is_noticed() {
        let block = sample(Compression::None).first_block();
        for at in SUPERBLOCK_OFFSET..BLOCK {
            let mut broken = block.clone();
            broken[at] ^= 4;
            assert!(Superblock::parse(&broken).is_err(), "byte {at}");
        }
    }

    #[test]
    fn features_from_the_future_are_refused() {
        let mut block = sample(Compression::None).first_block();
        block[SUPERBLOCK_OFFSET + 81] |= 1;
        assert!(matches!(Superblock::parse(&block), Err(ReadError::Feature { bits: 0x100 })));
    }
}

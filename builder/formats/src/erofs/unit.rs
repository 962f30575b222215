//! The unit of work: a stretch of file data, compressed in one go by one thread.
//!
//! A unit starts on a block boundary of the file it belongs to and is compressed from a fresh
//! state, so its bytes depend on nothing but its input and the options. That makes it the unit of
//! the cache too, and of the threads.
//!
//! The result is a list of extents and the blocks they fill, one after the other. What the format
//! asks of extents is kept here: each but the last of a unit is at least a block long, so no block
//! of a file holds two extents' beginnings; and a compressed one always saves at least a block.

use std::io;

use super::bytes::u32_at;
use super::codec::{Cluster, MAX_CLUSTER, MAX_RAW, Packer};
use super::superblock::BLOCK;

/// A run of file data that is stored in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Compressed into one physical cluster, or block by block as it is.
    pub(super) compressed: bool,
    /// Bytes of the file.
    pub(super) raw_len: u32,
    /// Blocks of the image.
    pub(super) blocks: u32,
}

/// A unit as it goes into the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Packed {
    /// In the order of the file.
    pub(super) extents: Vec<Extent>,
    /// Their blocks.
    pub(super) blocks: Vec<u8>,
}

/// Compresses a unit. Without a packer everything is stored as it is.
pub(super) fn pack(data: &[u8], packer: Option<&mut Packer>) -> io::Result<Packed> {
    let mut packed = Packed::default();
    let Some(packer) = packer else {
        packed.plain(data);
        return Ok(packed);
    };
    let mut left = data;
    while !left.is_empty() {
        let Cluster { raw_len, bytes } = packer.next(left)?;
        let used = match bytes {
            Some(bytes) if bytes.len().next_multiple_of(BLOCK) < raw_len => {
                packed.compressed(raw_len, &bytes);
                raw_len
            }
            _ if raw_len == left.len() => packed.plain(left),
            _ => {
                let whole = (raw_len - raw_len % BLOCK).max(BLOCK);
                packed.plain(left.get(..whole).unwrap_or(left))
            }
        };
        left = left.get(used..).unwrap_or_default();
    }
    Ok(packed)
}

fn narrow(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Packed {
    fn compressed(&mut self, raw_len: usize, bytes: &[u8]) {
        let len = bytes.len().next_multiple_of(BLOCK);
        self.blocks.resize(self.blocks.len() + len - bytes.len(), 0);
        self.blocks.extend(bytes);
        let (raw_len, blocks) = (narrow(raw_len), narrow(len / BLOCK));
        self.extents.push(Extent { compressed: true, raw_len, blocks });
    }

    fn plain(&mut self, data: &[u8]) -> usize {
        self.blocks.extend(data);
        let blocks = narrow(data.len().div_ceil(BLOCK));
        self.blocks.resize(self.blocks.len().next_multiple_of(BLOCK), 0);
        match self.extents.last_mut() {
            Some(last) if !last.compressed => {
                last.raw_len = last.raw_len.saturating_add(narrow(data.len()));
                last.blocks = last.blocks.saturating_add(blocks);
            }
            _ if data.is_empty() => {}
            _ => {
                self.extents.push(Extent { compressed: false, raw_len: narrow(data.len()), blocks })
            }
        }
        data.len()
    }

    /// The form kept in a cache: the number of extents, each as its kind, length and blocks, in
    /// 32-bit little-endian numbers, and the blocks.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + 12 * self.extents.len() + self.blocks.len());
        out.extend(narrow(self.extents.len()).to_le_bytes());
        for extent in &self.extents {
            for number in [u32::from(extent.compressed), extent.raw_len, extent.blocks] {
                out.extend(number.to_le_bytes());
            }
        }
        out.extend(&self.blocks);
        out
    }

    /// Reads what [`Self::to_bytes`] wrote for a unit of `raw_len` bytes. None for anything that
    /// could not have come from there.
    pub(super) fn from_bytes(mut bytes: Vec<u8>, raw_len: u64) -> Option<Self> {
        let count = usize::try_from(u32_at(&bytes, 0)?).ok()?;
        let start = count.checked_mul(12)?.checked_add(4)?;
        let table = bytes.get(4..start)?;
        let extents: Vec<Extent> = table.chunks_exact(12).map(extent).collect::<Option<_>>()?;
        let raw: u64 = extents.iter().map(|extent| u64::from(extent.raw_len)).sum();
        let blocks: u64 = extents.iter().map(|extent| u64::from(extent.blocks)).sum();
        let len = u64::try_from(bytes.len() - start).ok()?;
        let block = u64::try_from(BLOCK).ok()?;
        let short = |extent: &Extent| {
            let raw_len = u64::from(extent.raw_len);
            raw_len < block || (!extent.compressed && raw_len % block != 0)
        };
        let all_but_last = extents.split_last().map_or(&[][..], |(_, rest)| rest);
        if raw != raw_len || blocks * block != len || all_but_last.iter().any(short) {
            return None;
        }
        bytes.drain(..start);
        Some(Self { extents, blocks: bytes })
    }
}

fn extent(entry: &[u8]) -> Option<Extent> {
    let (kind, raw_len, blocks) = (u32_at(entry, 0)?, u32_at(entry, 4)?, u32_at(entry, 8)?);
    let block = u32::try_from(BLOCK).ok()?;
    let stored = u64::from(blocks) * u64::from(block);
    let sound = match kind {
        0 => raw_len > 0 && blocks == raw_len.div_ceil(block),
        1 => {
            (1..=u64::try_from(MAX_CLUSTER).ok()?).contains(&stored)
                && stored < u64::from(raw_len)
                && raw_len <= u32::try_from(MAX_RAW).ok()?
        }
        _ => false,
    };
    sound.then_some(Extent { compressed: kind == 1, raw_len, blocks })
}

#[cfg(test)]
mod tests {
    use super::super::codec::Codec;
    use super::*;

    /// Bytes that do not compress.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        (0..len).map(|_| next()).collect()
    }

    fn packed(data: &[u8], codec: Codec) -> Packed {
        let mut packer = Packer::new(codec, 64 << 10).unwrap();
        pack(data, packer.as_mut()).unwrap()
    }

    fn samples() -> Vec<Vec<u8>> {
        let text = "one line of text, then another; ".repeat(20_000).into_bytes();
        let mixed = [noise(300_001), text.clone(), noise(5), text.clone()].concat();
        vec![text, noise(4096), noise(200_000), mixed, vec![0; 3 << 20], vec![7], noise(4097)]
    }

    #[test]
    fn extents_keep_what_the_format_asks() {
        for codec in [Codec::None, Codec::Lz4, Codec::Zstd { level: 3 }] {
            for data in samples() {
                let packed = packed(&data, codec);
                let len = u64::try_from(data.len()).unwrap();
                let bytes = packed.to_bytes();
                assert_eq!(Packed::from_bytes(bytes, len).as_ref(), Some(&packed), "{codec:?}");
                assert!(packed.blocks.len() <= data.len().next_multiple_of(BLOCK));
            }
        }
    }

    #[test]
    fn what_does_not_compress_is_stored_as_it_is() {
        let data = noise(100_000);
        for codec in [Codec::Lz4, Codec::Zstd { level: 3 }] {
            let packed = packed(&data, codec);
            assert!(packed.extents.iter().all(|extent| !extent.compressed));
            assert_eq!(packed.extents.len(), 1);
            assert_eq!(packed.blocks[..data.len()], data);
        }
    }

    #[test]
    fn the_last_block_of_a_cluster_is_nearly_full() {
        let text: String = (0..400_000).map(|n: u64| format!("{:x} ", n * n)).collect();
        let packed = packed(text.as_bytes(), Codec::Zstd { level: 3 });
        let mut at = 0;
        for extent in &packed.extents[..packed.extents.len() - 1] {
            let padding = packed.blocks[at..].iter().take_while(|byte| **byte == 0).count();
            assert!(padding < 600, "{padding} bytes of padding");
            at += usize::try_from(extent.blocks).unwrap() * BLOCK;
        }
        assert!(packed.extents.len() > 10);
    }

    #[test]
    fn frames_say_how_long_they_are() {
        for data in samples() {
            let packed = packed(&data, Codec::Zstd { level: 3 });
            let mut at = 0;
            for extent in &packed.extents {
                let end = at + usize::try_from(extent.blocks).unwrap() * BLOCK;
                let padding = packed.blocks[at..].iter().take_while(|byte| **byte == 0).count();
                let frame = &packed.blocks[at + padding..end];
                if extent.compressed {
                    let len = zstd::zstd_safe::get_frame_content_size(frame).unwrap();
                    assert_eq!(len, Some(extent.raw_len.into()));
                    let raw = zstd::bulk::decompress(frame, MAX_RAW).unwrap();
                    assert_eq!(raw.len(), usize::try_from(extent.raw_len).unwrap());
                }
                at = end;
            }
        }
    }

    #[test]
    fn other_bytes_from_a_cache_are_not_taken() {
        let packed = packed(&samples()[0], Codec::Zstd { level: 3 });
        let len = u64::try_from(samples()[0].len()).unwrap();
        let bytes = packed.to_bytes();
        assert_eq!(Packed::from_bytes(bytes.clone(), len - 1), None);
        assert_eq!(Packed::from_bytes(bytes[..bytes.len() - 1].to_vec(), len), None);
        for at in 0..4 + 12 * packed.extents.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0x40;
            assert_eq!(Packed::from_bytes(broken, len), None, "byte {at}");
        }
    }
}

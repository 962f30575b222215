//! Filling a cluster with LZ4, by guessing.
//!
//! An LZ4 block has no seams, so the length of input that fits is found by trying: the first guess
//! takes the ratio of the cluster before, the next ones fill the block of the image that the last
//! one ended in. The aim is never exceeded, because the superblock announces it.

use super::{Cluster, MAX_RAW, scale};
use crate::erofs::superblock::BLOCK;

/// How many lengths are tried.
const GUESSES: usize = 3;
/// A block with less than this free is full.
const FULL: usize = 256;

/// LZ4, see [`super::Packer`].
pub(in crate::erofs) struct Packer {
    cluster: usize,
    /// How much input the last cluster held: the next one starts with that.
    last: usize,
}

impl Packer {
    pub(super) fn new(cluster_bytes: usize) -> Self {
        Self { cluster: cluster_bytes, last: cluster_bytes.saturating_mul(2) }
    }

    pub(super) fn next(&mut self, data: &[u8]) -> Cluster {
        let most = data.len().min(MAX_RAW);
        let mut best = Cluster { raw_len: 0, bytes: None };
        let mut guess = self.last.clamp(1, most);
        for _ in 0..GUESSES {
            let bytes = lz4_flex::block::compress(data.get(..guess).unwrap_or_default());
            let (raw_len, len) = (guess, bytes.len());
            let free = len.next_multiple_of(BLOCK) - len;
            guess = match len > self.cluster {
                true => scale(raw_len, self.cluster - self.cluster / 32, len),
                false => (raw_len + scale(free - free / 16, raw_len, len)).min(most),
            };
            if len <= self.cluster {
                let denser = best.bytes.as_ref().is_none_or(|best_bytes| {
                    raw_len * blocks(best_bytes.len()) > best.raw_len * blocks(len)
                });
                if denser {
                    best = Cluster { raw_len, bytes: Some(bytes) };
                }
                if free < FULL || guess == raw_len {
                    break;
                }
            }
        }
        if best.raw_len == 0 {
            best.raw_len = most.min(self.cluster);
        }
        self.last = best.raw_len.max(self.cluster);
        best
    }
}

fn blocks(len: usize) -> usize {
    len.div_ceil(BLOCK)
}

//! Filling a cluster with LZ4, by guessing.
//!
//! An LZ4 block has no seams, so the length of input that fits is found by trying: each guess
//! takes the ratio of the one before. LZ4 is quick enough for a handful of them. The aim is never
//! exceeded, because the superblock announces it.

use super::{Cluster, MAX_RAW, scale};

/// How many lengths are tried.
const GUESSES: usize = 6;
/// A cluster with less than this free is full.
const FULL: usize = 128;

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
        let mut fits = Cluster { raw_len: 0, bytes: None };
        let mut too_long = most + 1;
        let mut guess = self.last.clamp(1, most);
        for _ in 0..GUESSES {
            let bytes = lz4_flex::block::compress(data.get(..guess).unwrap_or_default());
            let len = bytes.len();
            if len <= self.cluster {
                fits = Cluster { raw_len: guess, bytes: Some(bytes) };
            } else {
                too_long = guess;
            }
            let full = fits.raw_len == guess && self.cluster - len < FULL;
            if full || fits.raw_len + 1 >= too_long {
                break;
            }
            let next = scale(guess, self.cluster, len);
            guess = (next - next / 256).clamp(fits.raw_len + 1, too_long - 1);
        }
        if fits.raw_len == 0 {
            fits.raw_len = most.min(self.cluster);
        }
        self.last = fits.raw_len;
        fits
    }
}

//! Filling a cluster with Zstandard, in one pass over the input.
//!
//! The frame is flushed after each piece, so each piece is one block of the frame and its size is
//! known at once. Pieces of 128 KiB, the largest block there is, bring the frame near the size
//! asked for. Then a few small pieces fill the block of the image that it ends in: each is chosen
//! a little short of what the ratio so far promises. If one comes out larger than hoped, the
//! cluster grows by a block, nothing is compressed twice.
//!
//! How much is in the frame is known only at its end, so the library writes a header without it;
//! readers outside of the kernel insist on it. So the header is replaced at the end (RFC 8878,
//! section 3.1.1.1): the same window, and the length in four bytes.
//!
//! The cluster size is an aim: a cluster has at most one piece more, and never more than the
//! kernel's limit.

use std::io;

use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd::zstd_safe::{self, CCtx, CParameter, InBuffer, OutBuffer, ResetDirective};

use super::{Cluster, MAX_CLUSTER, MAX_RAW, scale};
use crate::erofs::superblock::BLOCK;

/// The largest block of a frame; larger pieces would be cut into several.
const PIECE: usize = 128 << 10;
/// A block costs its header and often new tables; what a small piece is thought to cost extra.
const PIECE_COST: usize = 30;
/// Ending a frame after a flush adds an empty block, and its length to the header.
const END: usize = 3 + 4;
/// A frame header as the library writes it for a frame of unknown length: the magic number, no
/// flags, and the window.
const OPEN_HEADER: usize = 6;
/// The flag for a length in four bytes.
const LEN_IN_FOUR: u8 = 2 << 6;
/// A gap smaller than this is left.
const SMALL_GAP: usize = 160;
/// A piece smaller than this is not worth its header.
const SMALL_PIECE: usize = 256;
/// How often the gap is filled.
const FILLS: usize = 4;
/// The ratio assumed before the first piece: 35 %.
const FIRST_RATE: Rate = Rate { packed: 35, raw: 100 };

/// The window a decoder needs: four times the cluster, at most the kernel's megabyte. The kernel
/// keeps one such window for each processor, so a small one is a favour to large machines.
pub(super) fn window_bits(cluster_bytes: usize) -> u8 {
    let window = cluster_bytes.saturating_mul(4).next_power_of_two();
    u8::try_from(window.trailing_zeros()).unwrap_or(u8::MAX).clamp(17, 20)
}

/// How well the last pieces were compressed.
#[derive(Clone, Copy)]
struct Rate {
    packed: usize,
    raw: usize,
}

impl Rate {
    /// How much input becomes `packed` bytes. Never more than two hundred times as much.
    fn input_for(self, packed: usize) -> usize {
        scale(packed, self.raw, self.packed.max(self.raw / 200).max(1))
    }

    /// The mean of this rate and, counted twice, the one of the newest piece.
    fn then(self, packed: usize, raw: usize) -> Self {
        let old = scale(1 << 20, self.packed, self.raw);
        let new = scale(1 << 20, packed, raw);
        Self { packed: (old + 2 * new) / 3, raw: 1 << 20 }
    }
}

/// The frame being built.
struct Frame<'a> {
    data: &'a [u8],
    used: usize,
    out: Vec<u8>,
    rate: Rate,
    ended: bool,
}

/// Zstandard at one level, see [`super::Packer`].
pub(in crate::erofs) struct Packer {
    context: CCtx<'static>,
    aim: usize,
}

impl Packer {
    pub(super) fn new(level: i32, cluster_bytes: usize) -> io::Result<Self> {
        let mut context = CCtx::create();
        let window = u32::from(window_bits(cluster_bytes));
        for parameter in [CParameter::CompressionLevel(level), CParameter::WindowLog(window)] {
            context.set_parameter(parameter).map_err(refused)?;
        }
        Ok(Self { context, aim: cluster_bytes.min(MAX_CLUSTER - PIECE / 2) })
    }

    pub(super) fn next(&mut self, data: &[u8]) -> io::Result<Cluster> {
        self.context.reset(ResetDirective::SessionOnly).map_err(refused)?;
        let out = Vec::with_capacity(self.aim + PIECE);
        let mut frame = Frame { data, used: 0, out, rate: FIRST_RATE, ended: false };
        self.approach(&mut frame)?;
        for _ in 0..FILLS {
            let gap = gap(&frame);
            let piece = frame.rate.input_for(gap.saturating_sub(PIECE_COST));
            let piece = (piece - piece / 10).min(limit(&frame));
            if frame.ended || gap < SMALL_GAP || piece < SMALL_PIECE {
                break;
            }
            let (raw, packed) = self.feed(&mut frame, piece)?;
            frame.rate = frame.rate.then(packed, raw);
        }
        if !frame.ended {
            self.compress(&mut frame, 0, ZSTD_EndDirective::ZSTD_e_end)?;
        }
        Ok(Cluster { raw_len: frame.used, bytes: Some(with_len(frame.out, frame.used)) })
    }

    /// Large pieces until the next one would lead past the aim.
    fn approach(&mut self, frame: &mut Frame<'_>) -> io::Result<()> {
        loop {
            let room = self.aim.saturating_sub(frame.out.len());
            let piece = frame.rate.input_for(room).min(limit(frame));
            if frame.ended || room < BLOCK / 2 || piece < PIECE / 4 {
                return Ok(());
            }
            let (raw, packed) = self.feed(frame, piece)?;
            frame.rate = Rate { packed, raw };
        }
    }

    /// One piece; with it the frame ends where the input does.
    fn feed(&mut self, frame: &mut Frame<'_>, piece: usize) -> io::Result<(usize, usize)> {
        let left = frame.data.len() - frame.used;
        let before = frame.out.len();
        frame.ended = left <= piece;
        let directive = match frame.ended {
            true => ZSTD_EndDirective::ZSTD_e_end,
            false => ZSTD_EndDirective::ZSTD_e_flush,
        };
        self.compress(frame, piece.min(left), directive)?;
        Ok((piece.min(left).max(1), frame.out.len() - before))
    }

    fn compress(
        &mut self,
        frame: &mut Frame<'_>,
        piece: usize,
        directive: ZSTD_EndDirective,
    ) -> io::Result<()> {
        let piece = frame.data.get(frame.used..frame.used + piece).unwrap_or_default();
        frame.out.reserve(zstd_safe::compress_bound(piece.len()) + 64);
        frame.used += piece.len();
        let mut input = InBuffer::around(piece);
        loop {
            let at = frame.out.len();
            let mut output = OutBuffer::around_pos(&mut frame.out, at);
            let left = self.context.compress_stream2(&mut output, &mut input, directive);
            if left.map_err(refused)? == 0 && input.pos() == piece.len() {
                return Ok(());
            }
            frame.out.reserve(PIECE);
        }
    }
}

/// The frame with its length in the header, which a frame of a single piece has already.
fn with_len(mut frame: Vec<u8>, raw_len: usize) -> Vec<u8> {
    if let [.., flags @ 0, _window] = frame.get_mut(..OPEN_HEADER).unwrap_or_default() {
        *flags = LEN_IN_FOUR;
        let len = u32::try_from(raw_len).unwrap_or(u32::MAX).to_le_bytes();
        frame.splice(OPEN_HEADER..OPEN_HEADER, len);
    }
    frame
}

/// What is free in the block of the image that the frame ends in.
fn gap(frame: &Frame<'_>) -> usize {
    let len = frame.out.len() + END;
    len.next_multiple_of(BLOCK) - len
}

/// The most input that may follow, should it turn out not to compress at all.
fn limit(frame: &Frame<'_>) -> usize {
    let room = (MAX_CLUSTER - 64).saturating_sub(frame.out.len());
    PIECE.min(room).min(MAX_RAW.saturating_sub(frame.used))
}

fn refused(code: usize) -> io::Error {
    io::Error::other(zstd_safe::get_error_name(code))
}

//! What is compressed together, and in which order.
//!
//! Contents are in the order of who put them there (packages, then recipes, then what the builder
//! derived: what changes often comes last and moves nothing), then of their paths. Equal contents
//! are one. Each goes one of two ways:
//!
//! * *Own*: a file above the packing limit has clusters of its own, in segments of 4 MiB, so that
//!   several threads can work on one file.
//! * *Packed*: smaller files are put one behind the other in a hidden file (the kernel's packed
//!   inode) and compressed together. That saves the half-empty last block of each, and lets one
//!   file's bytes help to compress the next one's.
//!
//! The hidden file is cut into groups, so that a changed file costs the compression of its group
//! and no more. A group ends after 2 MiB at the next path whose digest says so, at 4 MiB at the
//! latest: a path that comes or goes changes its group's cut, and the next ones find back to where
//! they were.

use std::collections::BTreeMap;
use std::io::Write as _;

use contract::digest::{Digest, Digester};

use super::bytes::round_up;
use super::codec::Codec;
use super::superblock::{BLOCK_U64, LABEL_LEN};
use super::{Error, Options};
use crate::tree::Content;

/// The version of this writer in cache keys: bump it when the same input gives other blocks.
const VERSION: &str = "ashlar erofs unit 1";
/// How much of a large file is compressed in one go.
const SEGMENT: u64 = 4 << 20;
/// A group of small files is at least as large, if there are as many,
const GROUP_MIN: u64 = 2 << 20;
/// and at most as large, unless one file is.
const GROUP_MAX: u64 = 4 << 20;
/// One path in this many ends a group of the least size.
const GROUP_ENDS: u8 = 16;

/// A content of the tree.
pub(super) struct Planned<'a> {
    /// The first path that has it.
    pub(super) path: &'a str,
    /// Its digest, length, and where to get it.
    pub(super) content: &'a Content,
    /// How it is stored.
    pub(super) way: Way,
}

/// How a content is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By itself; so many of its last bytes stand beside the inode.
    Own {
        /// Bytes beside the inode.
        tail_bytes: u64,
    },
    /// In the hidden file, from this byte on.
    Packed {
        /// Where it starts.
        offset: u64,
    },
}

/// What one unit of work compresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unit {
    /// A part of a file.
    Segment {
        /// Which content.
        content: usize,
        /// From where on.
        start: u64,
        /// How much.
        len: u64,
    },
    /// Small files, filled with zeros to a whole number of blocks.
    Group {
        /// Which contents.
        contents: Vec<usize>,
        /// How much with the zeros.
        len: u64,
    },
}

impl Unit {
    /// How many bytes it compresses.
    pub(super) const fn len(&self) -> u64 {
        match self {
            Self::Segment { len, .. } | Self::Group { len, .. } => *len,
        }
    }
}

/// A file that asks for its content to be stored.
pub(super) struct Wish<'a> {
    /// Its path.
    pub(super) path: &'a str,
    /// Who put it there.
    pub(super) origin: &'a str,
    /// What is in it.
    pub(super) content: &'a Content,
    /// Bytes that its inode and attributes take before an inline tail, at most.
    pub(super) head_bytes: u64,
}

/// What is to be compressed.
pub(super) struct Plan<'a> {
    /// The distinct contents, those of their own first.
    pub(super) contents: Vec<Planned<'a>>,
    /// Which of them a digest is.
    pub(super) by_digest: BTreeMap<&'a Digest, usize>,
    /// The units in the order of the image, segments first.
    pub(super) units: Vec<Unit>,
    /// Length of the hidden file.
    pub(super) packed_bytes: u64,
}

/// Whether a group of sufficient size ends after this path.
fn ends_group(path: &str) -> bool {
    Digest::of(path.as_bytes()).as_bytes().first().is_some_and(|mark| mark % GROUP_ENDS == 0)
}

/// Who changes least comes first.
fn class(origin: &str) -> u8 {
    match origin.split_once(':') {
        Some(("package", _)) => 0,
        Some(("recipe", _)) => 1,
        _ => 2,
    }
}

impl<'a> Plan<'a> {
    /// Decides what goes where.
    pub(super) fn new(mut wishes: Vec<Wish<'a>>, options: &Options) -> Self {
        wishes.sort_by_key(|wish| (class(wish.origin), wish.origin, wish.path));
        let mut head_bytes = BTreeMap::<&Digest, u64>::new();
        for wish in &wishes {
            let most = head_bytes.entry(wish.content.digest()).or_default();
            *most = wish.head_bytes.max(*most);
        }
        let mut plan = Self {
            contents: Vec::new(),
            by_digest: BTreeMap::new(),
            units: Vec::new(),
            packed_bytes: 0,
        };
        let is_packed = |wish: &Wish<'_>| {
            options.codec != Codec::None
                && wish.content.len_bytes() <= u64::from(options.pack_below_bytes)
        };
        let (small, large): (Vec<_>, Vec<_>) = wishes.into_iter().partition(is_packed);
        for wish in large {
            let room = head_bytes.get(wish.content.digest()).copied().unwrap_or_default();
            plan.add_own(&wish, room, options.codec);
        }
        plan.add_groups(&small);
        plan
    }

    fn add(&mut self, wish: &Wish<'a>, way: Way) -> Option<usize> {
        let number = self.contents.len();
        if wish.content.len_bytes() == 0 || self.by_digest.contains_key(wish.content.digest()) {
            return None;
        }
        self.by_digest.insert(wish.content.digest(), number);
        self.contents.push(Planned { path: wish.path, content: wish.content, way });
        Some(number)
    }

    fn add_own(&mut self, wish: &Wish<'a>, head_bytes: u64, codec: Codec) {
        let len = wish.content.len_bytes();
        let fits = head_bytes + len % BLOCK_U64 <= BLOCK_U64;
        let tail_bytes = if codec == Codec::None && fits { len % BLOCK_U64 } else { 0 };
        let Some(content) = self.add(wish, Way::Own { tail_bytes }) else { return };
        // The tail is loaded with the last segment, so there is one even where only a tail is.
        let mut start = 0;
        while start < len {
            let len = SEGMENT.min(len - start);
            self.units.push(Unit::Segment { content, start, len });
            start += len;
        }
    }

    fn add_groups(&mut self, small: &[Wish<'a>]) {
        let (mut contents, mut len, mut of) = (Vec::new(), 0, 0);
        for wish in small {
            if !contents.is_empty() && (len >= GROUP_MAX || class(wish.origin) != of) {
                self.end_group(&mut contents, &mut len);
            }
            of = class(wish.origin);
            let way = Way::Packed { offset: self.packed_bytes + len };
            let Some(content) = self.add(wish, way) else { continue };
            contents.push(content);
            len += wish.content.len_bytes();
            if len >= GROUP_MIN && ends_group(wish.path) {
                self.end_group(&mut contents, &mut len);
            }
        }
        self.end_group(&mut contents, &mut len);
    }

    fn end_group(&mut self, contents: &mut Vec<usize>, len: &mut u64) {
        let contents = std::mem::take(contents);
        let len = round_up(std::mem::take(len), BLOCK_U64);
        if !contents.is_empty() {
            self.packed_bytes += len;
            self.units.push(Unit::Group { contents, len });
        }
    }

    /// The name of a unit's compressed form: everything that its bytes depend on.
    pub(super) fn key(&self, unit: &Unit, options: &Options) -> Digest {
        let mut digester = Digester::new();
        let (codec, cluster) = (options.codec.key(), options.cluster_bytes);
        let mut line = |line: std::fmt::Arguments<'_>| {
            // Writing to a digest does not fail.
            drop(digester.write_fmt(line));
        };
        line(format_args!("{VERSION}\n{codec}\n{cluster}\n"));
        let digest = |number: &usize| self.contents.get(*number).map(|one| one.content.digest());
        match unit {
            Unit::Segment { content, start, len } => {
                if let Some(digest) = digest(content) {
                    line(format_args!("segment {digest} {start} {len}\n"));
                }
            }
            Unit::Group { contents, len } => {
                line(format_args!("group {len}\n"));
                contents.iter().filter_map(digest).for_each(|one| line(format_args!("{one}\n")));
            }
        }
        digester.finish()
    }
}

/// Refuses options the format or a codec does not take.
pub(super) fn check(options: &Options) -> Result<(), Error> {
    let wrong = |name, found: String, takes| Err(Error::Option { name, found, takes });
    let cluster = u64::from(options.cluster_bytes);
    if cluster % BLOCK_U64 != 0 || !(BLOCK_U64..=1 << 20).contains(&cluster) {
        return wrong("cluster size", cluster.to_string(), "multiples of 4 KiB up to 1 MiB");
    }
    if options.pack_below_bytes > 1 << 26 {
        return wrong("packing limit", options.pack_below_bytes.to_string(), "up to 64 MiB");
    }
    match options.codec {
        Codec::Zstd { level } if !(1..=22).contains(&level) => {
            return wrong("zstd level", level.to_string(), "1 to 22");
        }
        _ => {}
    }
    if options.label.len() >= LABEL_LEN || options.label.contains('\0') {
        return wrong("label", format!("`{}`", options.label), "up to 15 bytes without a zero");
    }
    Ok(())
}

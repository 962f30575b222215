//! The data of an image: units loaded or taken from the cache, compressed on many threads, and
//! written one behind the other.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bytes::wide;
use super::codec::{Codec, Packer};
use super::layout::{Layout, Owner};
use super::ordered::ordered;
use super::plan::{Plan, Planned, Unit, Way};
use super::superblock::BLOCK_U64;
use super::unit::{Extent, Packed, pack};
use super::{ClusterCache, Error, Options};
use crate::tree::ContentSource;

/// Where the data of a file is in the image.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    /// Its first block.
    pub(super) first_block: u32,
    /// The blocks from there on.
    pub(super) extents: Vec<Extent>,
    /// The bytes that stand beside the inode.
    pub(super) tail: Vec<u8>,
}

/// Where all data is.
pub(super) struct Data {
    /// By number of the content in the plan.
    pub(super) contents: Vec<Stored>,
    /// The hidden file.
    pub(super) packed: Stored,
}

/// A content that several segments need.
#[derive(Default)]
struct Slot {
    bytes: Option<Arc<[u8]>>,
    segments_left: u64,
}

/// What all threads share.
struct Work<'a> {
    plan: &'a Plan<'a>,
    options: &'a Options,
    source: &'a dyn ContentSource,
    cache: &'a dyn ClusterCache,
    slots: Vec<Mutex<Slot>>,
}

struct Done {
    packed: Packed,
    tail: Vec<u8>,
    cached: bool,
}

/// The first block after what is written.
pub(super) fn next_block(layout: &Layout) -> Result<u32, Error> {
    u32::try_from(layout.len_bytes / BLOCK_U64).map_err(|_| Error::TooLarge { what: "the image" })
}

/// Writes all data, and says where it is.
pub(super) fn write<W: Write>(
    plan: &Plan<'_>,
    source: &dyn ContentSource,
    cache: &dyn ClusterCache,
    options: &Options,
    (out, layout): (&mut W, &mut Layout),
) -> Result<Data, Error> {
    let work = Work { plan, options, source, cache, slots: slots(plan) };
    let mut data =
        Data { contents: vec![Stored::default(); plan.contents.len()], packed: Stored::default() };
    layout.units = plan.units.len();
    let run = |number: usize| plan.units.get(number).map(|unit| work.run(unit)).transpose();
    ordered(options.threads, plan.units.len(), run, |number, done| {
        let (Some(unit), Some(done)) = (plan.units.get(number), done) else { return Ok(()) };
        layout.units_cached += usize::from(done.cached);
        data.place(unit, &done, next_block(layout)?);
        out.write_all(&done.packed.blocks).map_err(Error::Output)?;
        describe(plan, unit, &done.packed, layout);
        Ok(())
    })?;
    Ok(data)
}

fn slots(plan: &Plan<'_>) -> Vec<Mutex<Slot>> {
    let mut slots: Vec<Slot> = plan.contents.iter().map(|_| Slot::default()).collect();
    for unit in &plan.units {
        if let Unit::Segment { content, .. } = unit
            && let Some(slot) = slots.get_mut(*content)
        {
            slot.segments_left += 1;
        }
    }
    slots.into_iter().map(Mutex::new).collect()
}

impl Data {
    fn place(&mut self, unit: &Unit, done: &Done, block: u32) {
        let stored = match unit {
            Unit::Segment { content, .. } => self.contents.get_mut(*content),
            Unit::Group { .. } => Some(&mut self.packed),
        };
        let Some(stored) = stored else { return };
        if stored.extents.is_empty() {
            stored.first_block = block;
        }
        stored.extents.extend(&done.packed.extents);
        stored.tail.extend(&done.tail);
    }
}

/// Names the files in the blocks of a unit.
fn describe(plan: &Plan<'_>, unit: &Unit, packed: &Packed, layout: &mut Layout) {
    let planned = |number: &usize| plan.contents.get(*number);
    let members: Vec<&Planned<'_>> = match unit {
        Unit::Segment { content, .. } => planned(content).into_iter().collect(),
        Unit::Group { contents, .. } => contents.iter().filter_map(planned).collect(),
    };
    let mut start = members.first().map_or(0, |first| first.offset());
    for extent in &packed.extents {
        let end = start + u64::from(extent.raw_len);
        let inside = |one: &&&Planned<'_>| one.offset() < end && one.end() > start;
        let owner = match unit {
            Unit::Segment { .. } => members.first().map(|one| Owner::File(Arc::from(one.path))),
            Unit::Group { .. } => Some(Owner::Files(
                members.iter().filter(inside).map(|one| Arc::from(one.path)).collect(),
            )),
        };
        let len = u64::from(extent.blocks) * BLOCK_U64;
        layout.push(len, owner.unwrap_or(Owner::Padding));
        start = end;
    }
}

impl Planned<'_> {
    /// Where it starts in the hidden file.
    const fn offset(&self) -> u64 {
        match self.way {
            Way::Packed { offset } => offset,
            Way::Own { .. } => 0,
        }
    }

    const fn end(&self) -> u64 {
        self.offset() + self.content.len_bytes()
    }
}

impl Work<'_> {
    fn run(&self, unit: &Unit) -> Result<Done, Error> {
        // Without a codec the cache would be a second copy of what the source holds.
        let key = (self.options.codec != Codec::None).then(|| self.plan.key(unit, self.options));
        let cached = key
            .and_then(|key| self.cache.get(&key))
            .and_then(|bytes| Packed::from_bytes(bytes, unit.len()));
        let done = match cached {
            Some(packed) => Done { packed, tail: Vec::new(), cached: true },
            None => {
                let done = self.compress(unit)?;
                if let Some(key) = key {
                    self.cache.put(&key, &done.packed.to_bytes());
                }
                done
            }
        };
        self.finish(unit);
        Ok(done)
    }

    fn compress(&self, unit: &Unit) -> Result<Done, Error> {
        match unit {
            Unit::Segment { content, start, len } => {
                let Some(planned) = self.plan.contents.get(*content) else { return Ok(nothing()) };
                let bytes = self.shared(*content, planned)?;
                let Way::Own { tail_bytes } = planned.way else { return Ok(nothing()) };
                let end = start + len;
                let is_last = end == planned.content.len_bytes();
                let cut = if is_last { end - tail_bytes } else { end };
                let packed = self.pack(part(&bytes, *start, cut), planned.path)?;
                Ok(Done { packed, tail: part(&bytes, cut, end).to_vec(), cached: false })
            }
            Unit::Group { contents, len } => {
                let capacity = usize::try_from(*len).unwrap_or_default();
                let mut bytes = Vec::with_capacity(capacity);
                let planned = |number: &usize| self.plan.contents.get(*number);
                for planned in contents.iter().filter_map(planned) {
                    bytes.extend_from_slice(&self.load(planned)?);
                }
                bytes.resize(capacity, 0);
                let first = contents.first().and_then(planned).map_or("", |one| one.path);
                let packed = self.pack(&bytes, first)?;
                Ok(Done { packed, tail: Vec::new(), cached: false })
            }
        }
    }

    fn pack(&self, data: &[u8], path: &str) -> Result<Packed, Error> {
        let cluster = usize::try_from(self.options.cluster_bytes).unwrap_or_default();
        Packer::new(self.options.codec, cluster)
            .and_then(|mut packer| pack(data, packer.as_mut()))
            .map_err(|source| Error::Codec { path: path.to_owned(), source })
    }

    fn load(&self, planned: &Planned<'_>) -> Result<Arc<[u8]>, Error> {
        let path = || planned.path.to_owned();
        let bytes = planned.content.load(self.source);
        let bytes = bytes.map_err(|source| Error::Content { path: path(), source })?;
        let (expected, found) = (planned.content.len_bytes(), wide(bytes.len()));
        match expected == found {
            true => Ok(bytes),
            false => Err(Error::ContentLen { path: path(), expected, found }),
        }
    }

    fn slot(&self, content: usize) -> Option<MutexGuard<'_, Slot>> {
        Some(self.slots.get(content)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Loads a file once for all its segments.
    fn shared(&self, content: usize, planned: &Planned<'_>) -> Result<Arc<[u8]>, Error> {
        let Some(mut slot) = self.slot(content) else { return self.load(planned) };
        if let Some(bytes) = &slot.bytes {
            return Ok(Arc::clone(bytes));
        }
        let bytes = self.load(planned)?;
        slot.bytes = Some(Arc::clone(&bytes));
        Ok(bytes)
    }

    /// Forgets a file after its last segment.
    fn finish(&self, unit: &Unit) {
        if let Unit::Segment { content, .. } = unit
            && let Some(mut slot) = self.slot(*content)
        {
            slot.segments_left = slot.segments_left.saturating_sub(1);
            if slot.segments_left == 0 {
                slot.bytes = None;
            }
        }
    }
}

fn nothing() -> Done {
    Done { packed: Packed::default(), tail: Vec::new(), cached: false }
}

fn part(bytes: &[u8], start: u64, end: u64) -> &[u8] {
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    bytes.get(at(start)..at(end)).unwrap_or_default()
}

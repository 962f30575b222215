//! The image from beginning to end: data, then metadata, then the superblock.
//!
//! Data comes first because only after compressing it is known where it lies; so nothing but
//! metadata is ever held back, and the output is written once from front to back but for the first
//! block.

use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use super::bytes::{round_up, wide};
use super::data::{self, Data, next_block};
use super::directory;
use super::inode::{self, Inode, SLOT};
use super::layout::{Layout, Owner};
use super::metadata::{self, After, Record};
use super::plan::{self, Plan, Way, Wish};
use super::superblock::{BLOCK_U64, Compression, LABEL_LEN, Superblock};
use super::survey::{Item, Survey, file_type, kind_bits};
use super::xattr::{self, Shared};
use super::{ClusterCache, Error, Options};
use crate::tree::{ContentSource, Kind, Tree};

/// Writes an image of `tree` to `out`, from position zero on.
///
/// # Errors
/// An option or a node of the tree is outside of what the format holds, a content could not be
/// loaded, or `out` refused. What was written until then is no image: its first block is zeros.
pub fn write<W: Write + Seek>(
    tree: &Tree,
    source: &dyn ContentSource,
    cache: &dyn ClusterCache,
    out: &mut W,
    options: &Options,
) -> Result<Layout, Error> {
    plan::check(options)?;
    let survey = Survey::new(tree)?;
    let first_place = u32::try_from(SLOT / 4).unwrap_or_default();
    let shared = Shared::choose(survey.items.iter().map(|item| &item.xattrs), first_place);
    let plan = Plan::new(wishes(&survey, &shared), options);
    let mut layout = Layout::default();
    out.seek(SeekFrom::Start(0)).map_err(Error::Output)?;
    let block = usize::try_from(BLOCK_U64).unwrap_or_default();
    out.write_all(&vec![0; block]).map_err(Error::Output)?;
    layout.push(BLOCK_U64, Owner::Superblock);
    layout.content_bytes = plan.contents.iter().map(|one| one.content.len_bytes()).sum();
    let data = data::write(&plan, source, cache, options, (out, &mut layout))?;
    let image = Image { survey: &survey, plan: &plan, data, options, shared };
    image.finish(out, &mut layout)?;
    Ok(layout)
}

/// What an inode with these attributes takes before inline data, at most.
fn head_bytes(item: &Item<'_>, shared: &Shared) -> u64 {
    2 * SLOT + wide(shared.body(&item.xattrs).len())
}

fn wishes<'a>(survey: &Survey<'a>, shared: &Shared) -> Vec<Wish<'a>> {
    let wish = |item: &Item<'a>| {
        let content = item.node.content()?;
        let (path, origin) = (item.path, &*item.node.origin);
        Some(Wish { path, origin, content, head_bytes: head_bytes(item, shared) })
    };
    survey.items.iter().filter_map(wish).collect()
}

/// Everything that is known once the data is written.
struct Image<'a> {
    survey: &'a Survey<'a>,
    plan: &'a Plan<'a>,
    data: Data,
    options: &'a Options,
    shared: Shared,
}

impl Image<'_> {
    fn finish<W: Write + Seek>(&self, out: &mut W, layout: &mut Layout) -> Result<(), Error> {
        let block = next_block(layout)?;
        let (mut records, blocks) = self.records(block)?;
        let meta_block = block.checked_add(blocks).ok_or(Error::TooLarge { what: "the image" })?;
        let mut taken = vec![0; usize::try_from(SLOT).unwrap_or_default()];
        taken.extend(&self.shared.area);
        let places = metadata::places(&records, wide(taken.len()));
        self.write_directories(out, &mut records, &places, layout)?;
        layout.push(SLOT, Owner::Padding);
        layout.push(wide(self.shared.area.len()), Owner::Xattrs);
        let area = metadata::encode(&records, taken, self.compression(), layout);
        out.write_all(&area).map_err(Error::Output)?;
        layout.inodes = wide(records.len());
        let number = |record: usize| places.get(record).map_or(0, |place| place / SLOT);
        let superblock = Superblock {
            root: u16::try_from(number(0)).map_err(|_| Error::TooLarge { what: "attributes" })?,
            inodes: layout.inodes,
            build_time_s: self.options.build_time_s,
            blocks: next_block(layout)?,
            meta_block,
            xattr_block: meta_block,
            uuid: self.options.uuid,
            label: label(&self.options.label),
            packed: if self.plan.packed_bytes == 0 { 0 } else { number(records.len() - 1) },
            compression: self.compression(),
        };
        out.seek(SeekFrom::Start(0)).map_err(Error::Output)?;
        out.write_all(&superblock.first_block()).map_err(Error::Output)?;
        out.flush().map_err(Error::Output)
    }

    /// What the superblock announces; small images of a codec that found nothing to do keep it.
    fn compression(&self) -> Compression {
        let cluster = usize::try_from(self.options.cluster_bytes).unwrap_or(usize::MAX);
        self.options.codec.compression(cluster)
    }

    /// A record for each inode, and how many blocks directories and links need from `block` on.
    fn records(&self, block: u32) -> Result<(Vec<Record>, u32), Error> {
        let mut next = block;
        let mut records = Vec::with_capacity(self.survey.items.len() + 1);
        for (serial, item) in (1..).zip(&self.survey.items) {
            records.push(self.record(serial, item, &mut next)?);
        }
        if self.plan.packed_bytes > 0 {
            let serial = u32::try_from(records.len() + 1).unwrap_or(u32::MAX);
            records.push(self.packed_record(serial));
        }
        Ok((records, next - block))
    }

    fn record(&self, serial: u32, item: &Item<'_>, next: &mut u32) -> Result<Record, Error> {
        let xattrs = self.shared.body(&item.xattrs);
        let node = item.node;
        let xattr_count = xattr::count(xattrs.len()).ok_or(Error::TooLarge { what: "attributes" });
        let mut inode = Inode {
            layout: inode::LAYOUT_PLAIN,
            xattr_count: xattr_count?,
            mode: kind_bits(node) | node.mode & 0o7777,
            links: item.links,
            len_bytes: 0,
            place: 0,
            serial,
            uid: node.uid,
            gid: node.gid,
            mtime_s: self.options.build_time_s,
            stored_extended: false,
        };
        let after = match &node.kind {
            Kind::File(content) => match self.plan.by_digest.get(content.digest()) {
                Some(number) => self.place_file(*number, &mut inode),
                None => After::Nothing,
            },
            Kind::Directory => {
                let names = self.survey.entries(item.path);
                let len = directory::len(names.iter().map(|(name, _)| name.len()));
                place_bytes(vec![0; len], wide(xattrs.len()), &mut inode, next)?
            }
            Kind::Symlink(target) => {
                let target = target.clone().into_bytes();
                place_bytes(target, wide(xattrs.len()), &mut inode, next)?
            }
            Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) => {
                inode.place = inode::device(*major, *minor).unwrap_or_default();
                After::Nothing
            }
            Kind::Hardlink(_) | Kind::Fifo | Kind::Socket => After::Nothing,
        };
        Ok(Record { inode, xattrs, after, owner: Owner::Inode(Arc::from(item.path)) })
    }

    fn place_file(&self, number: usize, inode: &mut Inode) -> After {
        let (Some(planned), Some(stored)) =
            (self.plan.contents.get(number), self.data.contents.get(number))
        else {
            return After::Nothing;
        };
        inode.len_bytes = planned.content.len_bytes();
        if let Way::Packed { offset } = planned.way {
            inode.layout = inode::LAYOUT_FULL_INDEX;
            return After::Fragment(offset);
        }
        if stored.extents.iter().any(|extent| extent.compressed) {
            return place_index(stored, inode);
        }
        inode.place = stored.first_block;
        if stored.tail.is_empty() {
            return After::Nothing;
        }
        inode.layout = inode::LAYOUT_INLINE;
        After::Inline(stored.tail.clone())
    }

    fn packed_record(&self, serial: u32) -> Record {
        let mut inode = Inode {
            layout: inode::LAYOUT_PLAIN,
            xattr_count: 0,
            mode: 0o100_000,
            links: 1,
            len_bytes: self.plan.packed_bytes,
            place: self.data.packed.first_block,
            serial,
            uid: 0,
            gid: 0,
            mtime_s: self.options.build_time_s,
            stored_extended: false,
        };
        let is_compressed = self.data.packed.extents.iter().any(|extent| extent.compressed);
        let after = match is_compressed {
            true => place_index(&self.data.packed, &mut inode),
            false => After::Nothing,
        };
        Record { inode, xattrs: Vec::new(), after, owner: Owner::PackedInode }
    }

    /// Directories and links that do not fit beside their inodes.
    fn write_directories<W: Write>(
        &self,
        out: &mut W,
        records: &mut [Record],
        places: &[u64],
        layout: &mut Layout,
    ) -> Result<(), Error> {
        for (item, record) in self.survey.items.iter().zip(records) {
            let (data, owner) = match &item.node.kind {
                Kind::Directory => {
                    (self.directory(item, places), Owner::Directory(Arc::from(item.path)))
                }
                Kind::Symlink(target) => {
                    (target.clone().into_bytes(), Owner::Symlink(Arc::from(item.path)))
                }
                _ => continue,
            };
            let inline = match &mut record.after {
                After::Inline(inline) => {
                    let start = data.len() - inline.len();
                    inline.copy_from_slice(data.get(start..).unwrap_or_default());
                    inline.len()
                }
                _ => 0,
            };
            let blocks = data.get(..data.len() - inline).unwrap_or_default();
            let padding = round_up(wide(blocks.len()), BLOCK_U64) - wide(blocks.len());
            let padding = vec![0; usize::try_from(padding).unwrap_or_default()];
            layout.push(wide(blocks.len()), owner);
            layout.push(wide(padding.len()), Owner::Padding);
            out.write_all(blocks).and_then(|()| out.write_all(&padding)).map_err(Error::Output)?;
        }
        Ok(())
    }

    fn directory(&self, item: &Item<'_>, places: &[u64]) -> Vec<u8> {
        let entries: Vec<directory::Entry<'_>> = self
            .survey
            .entries(item.path)
            .into_iter()
            .filter_map(|(name, number)| {
                let inode = places.get(number)? / SLOT;
                let file_type = file_type(self.survey.items.get(number)?.node);
                Some(directory::Entry { name, inode, file_type })
            })
            .collect();
        directory::encode(&entries)
    }
}

/// Stores bytes as whole blocks with the rest beside the inode, where it fits there.
fn place_bytes(
    data: Vec<u8>,
    xattr_bytes: u64,
    inode: &mut Inode,
    next: &mut u32,
) -> Result<After, Error> {
    inode.len_bytes = wide(data.len());
    let tail = inode.len_bytes % BLOCK_U64;
    let fits = inode.len() + xattr_bytes + tail <= BLOCK_U64 && tail > 0;
    let blocks = match fits {
        true => inode.len_bytes / BLOCK_U64,
        false => inode.len_bytes.div_ceil(BLOCK_U64),
    };
    let blocks = u32::try_from(blocks).map_err(|_| Error::TooLarge { what: "a directory" })?;
    inode.place = *next;
    *next = next.checked_add(blocks).ok_or(Error::TooLarge { what: "the image" })?;
    if !fits {
        return Ok(After::Nothing);
    }
    inode.layout = inode::LAYOUT_INLINE;
    let start = data.len() - usize::try_from(tail).unwrap_or_default();
    Ok(After::Inline(data.get(start..).unwrap_or_default().to_vec()))
}

fn place_index(stored: &data::Stored, inode: &mut Inode) -> After {
    inode.layout = inode::LAYOUT_COMPACT_INDEX;
    inode.place = stored.extents.iter().map(|extent| extent.blocks).sum();
    After::Index { first_block: stored.first_block, extents: stored.extents.clone() }
}

fn label(text: &str) -> [u8; LABEL_LEN] {
    let mut out = [0; LABEL_LEN];
    out.iter_mut().zip(text.as_bytes()).for_each(|(out, byte)| *out = *byte);
    out
}

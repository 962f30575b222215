//! Writing a tree as a volume.

use std::collections::BTreeMap;

use super::alias::{Short, checksum, exact, is_name, is_short, short_names};
use super::{
    COPY_SECTOR_NUMBER, Content, DAY_ONE, END_OF_CHAIN, ENTRY, FatError, Geometry,
    INFO_SECTOR_NUMBER, Kind, Node, ROOT_CLUSTER, SECTOR, TABLES, Tree, Volume, attribute, boot,
    name,
};
use crate::layout::put;
use crate::sparse::{Piece, Sparse};
use crate::tree::parent;

/// The most entries a directory may have: 2 MiB of them.
const MAX_ENTRIES: usize = 65_536;

/// Writes the tree as a volume: the pieces of it, the rest of its length being zero. File contents
/// stay where they are.
///
/// # Errors
/// The volume cannot be FAT32, or the tree does not fit or has what FAT has not.
pub fn write(tree: &Tree, volume: &Volume) -> Result<Sparse, FatError> {
    let size = || FatError::Size { len_bytes: volume.len_bytes };
    let geometry = Geometry::of(volume.len_bytes).ok_or_else(size)?;
    let label = label(&volume.label)?;
    let folders = folders(tree)?;
    let plan = Plan::of(tree, &folders, &geometry)?;
    let mut pieces = Vec::new();
    let boot = boot_sector(&geometry, volume, &label).ok_or_else(size)?;
    let info = info_sector(&geometry, plan.used).ok_or_else(size)?;
    for copy in [0, COPY_SECTOR_NUMBER] {
        let at = u64::from(copy) * SECTOR;
        pieces.push(Piece::inline(at, [boot.as_slice(), &info].concat(), "FAT boot sector"));
    }
    for copy in 0..TABLES {
        let at = (geometry.reserved_sectors + copy * geometry.table_sectors) * SECTOR;
        pieces.push(Piece::inline(at, plan.table(), "FAT table"));
    }
    for (path, folder) in &folders {
        let at = geometry.offset_of(plan.run(path).first);
        let bytes = plan.directory(path, folder, &label);
        pieces.push(Piece::inline(at, bytes, if path.is_empty() { "/" } else { path }));
    }
    for (path, node) in tree.iter() {
        if let Some(content) = node.content() {
            let offset_bytes = geometry.offset_of(plan.run(path).first);
            let (content, name) = (content.clone(), path.to_owned());
            pieces.push(Piece { offset_bytes, content, name });
        }
    }
    Sparse::new(volume.len_bytes, pieces).ok_or_else(size)
}

fn label(label: &str) -> Result<Short, FatError> {
    let bad = || FatError::Label { label: label.to_owned() };
    let good = |letter: u8| is_short(letter) || letter == b' ';
    let plain = !label.is_empty() && !label.starts_with(' ') && label.bytes().all(good);
    let mut short = [b' '; 11];
    put(&mut short, 0, label.as_bytes()).filter(|()| plain).ok_or_else(bad)?;
    Ok(short)
}

/// The entries of a directory: path, node, short name.
type Folder<'a> = Vec<(&'a str, &'a Node, Short)>;

/// All directories with what is in them, in the byte order of paths.
fn folders(tree: &Tree) -> Result<BTreeMap<&str, Folder<'_>>, FatError> {
    let mut children: BTreeMap<&str, Vec<(&str, &Node)>> = BTreeMap::new();
    for (path, node) in tree.iter() {
        check(path, node)?;
        if node.kind == Kind::Directory {
            children.insert(path, Vec::new());
        }
        if let Some(siblings) = children.get_mut(parent(path)).filter(|_| !path.is_empty()) {
            siblings.push((path, node));
        }
    }
    let mut folders = BTreeMap::new();
    for (path, children) in children {
        let names: Vec<&str> = children.iter().map(|(path, _)| name(path)).collect();
        check_cases(&children)?;
        let short = short_names(&names);
        let folder: Folder<'_> = children
            .into_iter()
            .zip(short)
            .map(|((path, node), short)| (path, node, short))
            .collect();
        if directory_bytes(path, &folder) > MAX_ENTRIES * ENTRY {
            return Err(FatError::TooMany { path: path.to_owned() });
        }
        folders.insert(path, folder);
    }
    Ok(folders)
}

fn check(path: &str, node: &Node) -> Result<(), FatError> {
    let path = || path.to_owned();
    let len_bytes = node.content().map_or(0, Content::len_bytes);
    if !matches!(node.kind, Kind::Directory | Kind::File(_)) || !node.xattrs.is_empty() {
        return Err(FatError::Kind { path: path() });
    }
    if !path().is_empty() && !is_name(name(&path())) {
        return Err(FatError::Name { path: path() });
    }
    u32::try_from(len_bytes).map(|_| ()).map_err(|_| FatError::TooLarge { path: path() })
}

fn check_cases(children: &[(&str, &Node)]) -> Result<(), FatError> {
    let mut seen = std::collections::BTreeSet::new();
    for (path, _) in children {
        if !seen.insert(name(path).to_uppercase()) {
            return Err(FatError::SameName { path: (*path).to_owned() });
        }
    }
    Ok(())
}

/// How many entries a name takes: its own, and one for 13 units of a long name.
fn entries_of(name: &str) -> usize {
    match exact(name) {
        Some(_) => 1,
        None => 1 + name.encode_utf16().count().div_ceil(13),
    }
}

fn directory_bytes(path: &str, folder: &Folder<'_>) -> usize {
    // The root has the label; any other directory has `.` and `..`.
    let own = if path.is_empty() { 1 } else { 2 };
    let names = folder.iter().map(|(path, ..)| entries_of(name(path))).sum::<usize>();
    (own + names) * ENTRY
}

/// Clusters that belong together; `first` is 0 where there are none.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    first: u32,
    clusters: u32,
}

/// Which clusters everything lies in.
struct Plan<'a> {
    runs: BTreeMap<&'a str, Run>,
    used: u32,
}

impl<'a> Plan<'a> {
    fn of(
        tree: &'a Tree,
        folders: &BTreeMap<&str, Folder<'_>>,
        geometry: &Geometry,
    ) -> Result<Self, FatError> {
        let mut plan = Self { runs: BTreeMap::new(), used: 0 };
        let mut needed = 0_u64;
        for (path, node) in tree.iter() {
            let bytes = match (folders.get(path), node.content()) {
                (Some(folder), _) => {
                    u64::try_from(directory_bytes(path, folder)).unwrap_or(u64::MAX)
                }
                (None, Some(content)) => content.len_bytes(),
                (None, None) => 0,
            };
            let clusters = bytes.div_ceil(geometry.cluster_bytes);
            needed = needed.saturating_add(clusters);
            // Beyond the volume's end nothing is placed; the sum below says so.
            let clusters = u32::try_from(clusters).unwrap_or(u32::MAX);
            let first = if clusters == 0 { 0 } else { ROOT_CLUSTER.saturating_add(plan.used) };
            plan.runs.insert(path, Run { first, clusters });
            plan.used = plan.used.saturating_add(clusters);
        }
        if needed > geometry.clusters {
            return Err(FatError::Full {
                needed_bytes: needed.saturating_mul(geometry.cluster_bytes),
                room_bytes: geometry.clusters * geometry.cluster_bytes,
            });
        }
        Ok(plan)
    }

    fn run(&self, path: &str) -> Run {
        self.runs.get(path).copied().unwrap_or_default()
    }

    /// The used part of the table; what follows is free and zero.
    fn table(&self) -> Vec<u8> {
        // The first two entries: the media byte, and "was unmounted cleanly, no disk errors".
        let mut links = vec![0x0fff_fff8, END_OF_CHAIN];
        // In the order of their clusters, which is that of the paths.
        for run in self.runs.values().filter(|run| run.clusters > 0) {
            links.extend(run.first + 1..run.first + run.clusters);
            links.push(END_OF_CHAIN);
        }
        links.iter().flat_map(|link| link.to_le_bytes()).collect()
    }

    fn directory(&self, path: &str, folder: &Folder<'_>, label: &Short) -> Vec<u8> {
        let mut bytes = Vec::new();
        if path.is_empty() {
            bytes.extend(entry(label, attribute::VOLUME, 0, 0));
        } else {
            // `..` of a directory in the root says 0, not where the root is.
            let above = Some(parent(path)).filter(|above| !above.is_empty());
            let above = above.map_or(0, |above| self.run(above).first);
            bytes.extend(entry(b".          ", attribute::DIRECTORY, self.run(path).first, 0));
            bytes.extend(entry(b"..         ", attribute::DIRECTORY, above, 0));
        }
        for (path, node, short) in folder {
            bytes.extend(long_name(name(path), short));
            let attributes = match node.kind {
                Kind::Directory => attribute::DIRECTORY,
                _ => attribute::ARCHIVE,
            };
            let len_bytes = node.content().map_or(0, Content::len_bytes);
            let len_bytes = u32::try_from(len_bytes).unwrap_or(u32::MAX);
            bytes.extend(entry(short, attributes, self.run(path).first, len_bytes));
        }
        bytes
    }
}

fn entry(short: &Short, attributes: u8, cluster: u32, len_bytes: u32) -> Vec<u8> {
    let [c0, c1, c2, c3] = cluster.to_le_bytes();
    let [d0, d1] = DAY_ONE.to_le_bytes();
    let mut entry = short.to_vec();
    // Attributes; reserved and hundredths; time and day made, day read; high half of the cluster;
    // time and day changed; low half.
    entry.extend([attributes, 0, 0, 0, 0, d0, d1, d0, d1, c2, c3, 0, 0, d0, d1, c0, c1]);
    entry.extend(len_bytes.to_le_bytes());
    entry
}

/// The entries of a long name, last part first; none for a name that is its own short name.
fn long_name(name: &str, short: &Short) -> Vec<u8> {
    if exact(name).is_some() {
        return Vec::new();
    }
    let mut units: Vec<u16> = name.encode_utf16().collect();
    let parts = units.len().div_ceil(13);
    // A name that does not fill its last part ends in zero, then ones.
    if units.len() < parts * 13 {
        units.push(0);
        units.resize(parts * 13, 0xffff);
    }
    let sum = checksum(short);
    let part = |(index, units): (usize, &[u16])| {
        let number = u8::try_from(index + 1).unwrap_or(u8::MAX);
        let number = if index + 1 == parts { number | 0x40 } else { number };
        let units: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let (first, rest) = units.split_at(10);
        let (second, third) = rest.split_at(12);
        let head = [attribute::LONG_NAME, 0, sum];
        [&[number], first, &head, second, &[0, 0], third].concat()
    };
    units.chunks_exact(13).enumerate().rev().flat_map(part).collect()
}

fn boot_sector(geometry: &Geometry, volume: &Volume, label: &Short) -> Option<Vec<u8>> {
    let mut sector = vec![0; 512];
    let sectors = u32::try_from(geometry.sectors).ok()?;
    let table_sectors = u32::try_from(geometry.table_sectors).ok()?;
    let cluster_sectors = u8::try_from(geometry.cluster_bytes / SECTOR).ok()?;
    let reserved = u16::try_from(geometry.reserved_sectors).ok()?;
    // A jump over the fields to code that hands back to firmware, and the name of the writer.
    put(&mut sector, 0, b"\xeb\x58\x90ASHLAR  ")?;
    put(&mut sector, boot::SECTOR_BYTES, &512_u16.to_le_bytes())?;
    put(&mut sector, boot::CLUSTER_SECTORS, &[cluster_sectors])?;
    put(&mut sector, boot::RESERVED_SECTORS, &reserved.to_le_bytes())?;
    put(&mut sector, boot::TABLES, &[2])?;
    put(&mut sector, boot::MEDIA, &[0xf8])?;
    // 63 sectors and 255 heads: the geometry that disks without one are given.
    put(&mut sector, boot::GEOMETRY, &[63, 0, 255, 0])?;
    put(&mut sector, boot::SECTORS, &sectors.to_le_bytes())?;
    put(&mut sector, boot::TABLE_SECTORS, &table_sectors.to_le_bytes())?;
    put(&mut sector, boot::ROOT_CLUSTER, &ROOT_CLUSTER.to_le_bytes())?;
    put(&mut sector, boot::INFO_SECTOR, &INFO_SECTOR_NUMBER.to_le_bytes())?;
    put(&mut sector, boot::COPY_SECTOR, &COPY_SECTOR_NUMBER.to_le_bytes())?;
    put(&mut sector, boot::DRIVE, &[0x80])?;
    put(&mut sector, boot::EXTENDED, &[0x29])?;
    put(&mut sector, boot::VOLUME_ID, &volume.id.to_le_bytes())?;
    put(&mut sector, boot::LABEL, label)?;
    put(&mut sector, boot::KIND, b"FAT32   ")?;
    // Should a BIOS start this: `int 0x18`, "nothing to boot here", then stand still.
    put(&mut sector, 90, b"\xcd\x18\xf4\xeb\xfd")?;
    put(&mut sector, boot::SIGNATURE, &[0x55, 0xaa])?;
    Some(sector)
}

fn info_sector(geometry: &Geometry, used: u32) -> Option<Vec<u8>> {
    let mut sector = vec![0; 512];
    let free = u32::try_from(geometry.clusters).ok()?.checked_sub(used)?;
    put(&mut sector, 0, b"RRaA")?;
    put(&mut sector, 484, b"rrAa")?;
    put(&mut sector, 488, &free.to_le_bytes())?;
    put(&mut sector, 492, &ROOT_CLUSTER.saturating_add(used).to_le_bytes())?;
    put(&mut sector, 508, &[0, 0, 0x55, 0xaa])?;
    Some(sector)
}

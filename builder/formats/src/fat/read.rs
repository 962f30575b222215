//! Reading a volume back into a tree.
//!
//! Strict where firmware and kernels are lenient: the two tables must be the same, every chain as
//! long as its file, no cluster used twice, every long name complete and tied to its alias. So a
//! volume that is read whole is one that every other reader sees the same way. Memory is bounded
//! by the length of the volume, because every cluster is taken at most once.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use super::alias::{Short, checksum, is_name};
use super::{
    CLUSTER_MASK, Content, ENTRY, Geometry, Kind, MIN_CLUSTERS, Node, SECTOR, TABLES, Tree, Volume,
    attribute, boot,
};
use crate::layout::{array_at, u16_at, u32_at};
use crate::tree::TreeError;

/// The most a directory may have.
const MAX_DIRECTORY_BYTES: u64 = 65_536 * 32;

/// A volume that cannot be read.
#[derive(Debug)]
pub enum FatReadError {
    /// The device answers an error, or ends early.
    Read(io::Error),
    /// The boot sector is none, or not one of a FAT32 volume with two tables.
    Boot {
        /// The byte of the first field that is wrong.
        offset_bytes: usize,
    },
    /// The two tables differ.
    TablesDiffer,
    /// A chain of clusters leaves the volume, is not as long as what it holds, or shares a cluster
    /// with another.
    Chain {
        /// What it holds.
        path: String,
        /// The cluster.
        cluster: u32,
    },
    /// A name is no text, or a long name is not complete.
    Name {
        /// The directory.
        path: String,
    },
    /// A directory has too many entries.
    TooMany {
        /// The directory.
        path: String,
    },
    /// There are two entries of this path.
    Twice {
        /// The path.
        path: String,
    },
    /// An entry does not fit into the tree.
    Tree(TreeError),
}

impl fmt::Display for FatReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(_) => f.write_str("reading a FAT volume"),
            Self::Boot { offset_bytes } => {
                write!(f, "this is no FAT32 volume: byte {offset_bytes} of the boot sector")
            }
            Self::TablesDiffer => f.write_str("the two tables of the FAT volume differ"),
            Self::Chain { path, cluster } => {
                write!(f, "the clusters of `{path}` are wrong at cluster {cluster}")
            }
            Self::Name { path } => write!(f, "a name in the directory `{path}` is damaged"),
            Self::TooMany { path } => write!(f, "the directory `{path}` is too long"),
            Self::Twice { path } => write!(f, "the FAT volume has `{path}` twice"),
            Self::Tree(_) => f.write_str("an entry of the FAT volume has no place"),
        }
    }
}

impl std::error::Error for FatReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Tree(error) => Some(error),
            _ => None,
        }
    }
}

/// Reads a volume that fills `device`. `origin` is put down as the origin of every entry.
///
/// # Errors
/// It is no FAT32 volume, or one that two readers could see differently.
pub fn read<D: Read + Seek>(device: &mut D, origin: &str) -> Result<(Volume, Tree), FatReadError> {
    let len_bytes = device.seek(SeekFrom::End(0)).map_err(FatReadError::Read)?;
    let mut reader = Reader::open(device, len_bytes)?;
    let mut tree = Tree::new();
    let mut label = reader.volume.label.clone();
    let mut folders = vec![(String::new(), reader.root)];
    while let Some((folder, cluster)) = folders.pop() {
        let bytes = reader.directory(&folder, cluster)?;
        for entry in entries(&folder, &bytes)? {
            if entry.attributes & attribute::VOLUME != 0 {
                label.clone_from(&entry.name);
                continue;
            }
            let path =
                if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
            let (kind, mode) = if entry.attributes & attribute::DIRECTORY != 0 {
                folders.push((path.clone(), entry.cluster));
                (Kind::Directory, 0o755)
            } else {
                let content = reader.file(&path, entry.cluster, entry.len_bytes)?;
                (Kind::File(Content::inline(content)), 0o644)
            };
            match tree.insert(&path, Node::new(kind, mode, origin)) {
                Ok(None) => {}
                Ok(Some(_)) => return Err(FatReadError::Twice { path }),
                Err(error) => return Err(FatReadError::Tree(error)),
            }
        }
    }
    Ok((Volume { label, ..reader.volume }, tree))
}

struct Reader<'a, D> {
    device: &'a mut D,
    geometry: Geometry,
    table: Vec<u8>,
    taken: BTreeSet<u32>,
    volume: Volume,
    root: u32,
}

impl<'a, D: Read + Seek> Reader<'a, D> {
    fn open(device: &'a mut D, len_bytes: u64) -> Result<Self, FatReadError> {
        let sector = read_at(device, 0, SECTOR)?;
        let geometry = geometry(&sector, len_bytes)?;
        let at = |copy: u64| (geometry.reserved_sectors + copy * geometry.table_sectors) * SECTOR;
        let table = read_at(device, at(0), geometry.table_sectors * SECTOR)?;
        if read_at(device, at(1), geometry.table_sectors * SECTOR)? != table {
            return Err(FatReadError::TablesDiffer);
        }
        let label = array_at::<11>(&sector, boot::LABEL).unwrap_or_default();
        let volume = Volume {
            len_bytes: geometry.sectors * SECTOR,
            id: u32_at(&sector, boot::VOLUME_ID).unwrap_or_default(),
            label: String::from_utf8_lossy(&label).trim_end().to_owned(),
        };
        let root = u32_at(&sector, boot::ROOT_CLUSTER).unwrap_or_default();
        Ok(Self { device, geometry, table, taken: BTreeSet::new(), volume, root })
    }

    /// The clusters from this one on; at most `most`.
    fn chain(&mut self, path: &str, first: u32, most: u64) -> Result<Vec<u32>, FatReadError> {
        let mut chain = Vec::new();
        let mut cluster = first;
        loop {
            let inside =
                u64::from(cluster).checked_sub(2).is_some_and(|n| n < self.geometry.clusters);
            let room = u64::try_from(chain.len()).is_ok_and(|taken| taken < most);
            if !inside || !room || !self.taken.insert(cluster) {
                return Err(FatReadError::Chain { path: path.to_owned(), cluster });
            }
            chain.push(cluster);
            let at = usize::try_from(cluster).unwrap_or(usize::MAX).saturating_mul(4);
            let next = u32_at(&self.table, at).unwrap_or_default() & CLUSTER_MASK;
            match next {
                0x0fff_fff8.. => return Ok(chain),
                next => cluster = next,
            }
        }
    }

    fn clusters(&mut self, chain: &[u32]) -> Result<Vec<u8>, FatReadError> {
        let mut bytes = Vec::new();
        for cluster in chain {
            let at = self.geometry.offset_of(*cluster);
            bytes.extend(read_at(self.device, at, self.geometry.cluster_bytes)?);
        }
        Ok(bytes)
    }

    fn directory(&mut self, path: &str, first: u32) -> Result<Vec<u8>, FatReadError> {
        let most = MAX_DIRECTORY_BYTES.div_ceil(self.geometry.cluster_bytes);
        let chain = self.chain(path, first, most.saturating_add(1))?;
        match u64::try_from(chain.len()) {
            Ok(len) if len <= most => self.clusters(&chain),
            _ => Err(FatReadError::TooMany { path: path.to_owned() }),
        }
    }

    fn file(&mut self, path: &str, first: u32, len_bytes: u32) -> Result<Vec<u8>, FatReadError> {
        let clusters = u64::from(len_bytes).div_ceil(self.geometry.cluster_bytes);
        let wrong = |cluster| FatReadError::Chain { path: path.to_owned(), cluster };
        if clusters == 0 {
            return if first == 0 { Ok(Vec::new()) } else { Err(wrong(first)) };
        }
        let chain = self.chain(path, first, clusters)?;
        if u64::try_from(chain.len()) != Ok(clusters) {
            return Err(wrong(chain.last().copied().unwrap_or(first)));
        }
        let mut bytes = self.clusters(&chain)?;
        bytes.truncate(usize::try_from(len_bytes).unwrap_or(usize::MAX));
        Ok(bytes)
    }
}

fn read_at<D: Read + Seek>(device: &mut D, at: u64, len: u64) -> Result<Vec<u8>, FatReadError> {
    let mut bytes = Vec::new();
    device.seek(SeekFrom::Start(at)).map_err(FatReadError::Read)?;
    let read = device.take(len).read_to_end(&mut bytes).map_err(FatReadError::Read)?;
    if u64::try_from(read) == Ok(len) {
        return Ok(bytes);
    }
    Err(FatReadError::Read(io::ErrorKind::UnexpectedEof.into()))
}

fn geometry(sector: &[u8], len_bytes: u64) -> Result<Geometry, FatReadError> {
    let wrong = |offset_bytes| FatReadError::Boot { offset_bytes };
    let half = |at| u16_at(sector, at).map(u64::from).ok_or_else(|| wrong(at));
    let word = |at| u32_at(sector, at).map(u64::from).ok_or_else(|| wrong(at));
    let fixed = [
        (boot::SIGNATURE, half(boot::SIGNATURE)? == 0xaa55),
        (boot::SECTOR_BYTES, half(boot::SECTOR_BYTES)? == SECTOR),
        (boot::TABLES, sector.get(boot::TABLES) == Some(&2)),
        (boot::ROOT_ENTRIES, half(boot::ROOT_ENTRIES)? == 0),
        (boot::SECTORS_16, half(boot::SECTORS_16)? == 0),
        (boot::TABLE_SECTORS_16, half(boot::TABLE_SECTORS_16)? == 0),
        (boot::EXTENDED, sector.get(boot::EXTENDED) == Some(&0x29)),
    ];
    if let Some((at, _)) = fixed.into_iter().find(|(_, right)| !right) {
        return Err(wrong(at));
    }
    let cluster_sectors = sector.get(boot::CLUSTER_SECTORS).copied().unwrap_or_default();
    let sectors = word(boot::SECTORS)?;
    let mut geometry = Geometry {
        cluster_bytes: u64::from(cluster_sectors) * SECTOR,
        reserved_sectors: half(boot::RESERVED_SECTORS)?,
        table_sectors: word(boot::TABLE_SECTORS)?,
        sectors,
        clusters: 0,
    };
    if !cluster_sectors.is_power_of_two() {
        return Err(wrong(boot::CLUSTER_SECTORS));
    }
    if sectors * SECTOR > len_bytes {
        return Err(wrong(boot::SECTORS));
    }
    let data = (sectors * SECTOR).checked_sub(geometry.data_at());
    geometry.clusters = data.ok_or_else(|| wrong(boot::TABLE_SECTORS))? / geometry.cluster_bytes;
    let entries = geometry.table_sectors * (SECTOR / 4);
    if geometry.clusters < MIN_CLUSTERS || geometry.clusters + TABLES > entries {
        return Err(wrong(boot::TABLE_SECTORS));
    }
    Ok(geometry)
}

/// One entry of a directory.
struct Entry {
    name: String,
    attributes: u8,
    cluster: u32,
    len_bytes: u32,
}

/// The entries of a directory, without `.` and `..`.
fn entries(folder: &str, bytes: &[u8]) -> Result<Vec<Entry>, FatReadError> {
    let damaged = || FatReadError::Name { path: folder.to_owned() };
    let mut entries = Vec::new();
    let mut long = LongName::default();
    for raw in bytes.as_chunks::<ENTRY>().0 {
        let short: Short = array_at(raw, 0).unwrap_or_default();
        let attributes = raw.get(11).copied().unwrap_or_default();
        match short.first() {
            Some(0) | None => break,
            // Deleted.
            Some(0xe5) => long = LongName::default(),
            _ if attributes & 0x3f == attribute::LONG_NAME => {
                long.take(raw).ok_or_else(damaged)?;
            }
            _ if &short == b".          " || &short == b"..         " => {}
            _ => {
                let name = match std::mem::take(&mut long) {
                    long if long.is_empty() => short_name(&short, raw.get(12).copied()),
                    long => long.finish(&short),
                };
                let half = |at| u16_at(raw, at).map_or(0, u32::from);
                let label = attributes & attribute::VOLUME != 0;
                entries.push(Entry {
                    name: name.filter(|name| label || is_name(name)).ok_or_else(damaged)?,
                    attributes,
                    cluster: half(20) << 16 | half(26),
                    len_bytes: u32_at(raw, 28).unwrap_or_default(),
                });
            }
        }
    }
    if long.is_empty() { Ok(entries) } else { Err(damaged()) }
}

/// A long name while its parts come in, the last one first.
#[derive(Default)]
struct LongName {
    parts: Vec<[u8; ENTRY]>,
    missing: u8,
}

impl LongName {
    const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn take(&mut self, raw: &[u8; ENTRY]) -> Option<()> {
        let [number, ..] = *raw;
        let expected = if self.is_empty() { number ^ 0x40 } else { self.missing };
        let starts = number & 0x40 != 0;
        if number & 0x3f != expected || starts != self.is_empty() || !(1..=20).contains(&expected) {
            return None;
        }
        self.missing = expected - 1;
        self.parts.push(*raw);
        Some(())
    }

    fn finish(&self, short: &Short) -> Option<String> {
        let sum = checksum(short);
        if self.missing != 0 || self.parts.iter().any(|part| part.get(13) != Some(&sum)) {
            return None;
        }
        let mut units = Vec::new();
        for part in self.parts.iter().rev() {
            let places = (1..11).chain(14..26).chain(28..32).step_by(2);
            units.extend(places.filter_map(|at| u16_at(part, at)));
        }
        let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
        String::from_utf16(units.get(..end)?).ok()
    }
}

fn short_name(short: &Short, case: Option<u8>) -> Option<String> {
    let text = str::from_utf8(short).ok().filter(|text| text.is_ascii())?;
    let (base, extension) = text.split_at(8);
    let case = case.unwrap_or_default();
    let cased = |part: &str, lower: bool| {
        let part = part.trim_end_matches(' ');
        if lower { part.to_ascii_lowercase() } else { part.to_owned() }
    };
    let (base, extension) = (cased(base, case & 0x08 != 0), cased(extension, case & 0x10 != 0));
    Some(if extension.is_empty() { base } else { format!("{base}.{extension}") })
}

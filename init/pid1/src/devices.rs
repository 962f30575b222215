//! Partitions: their nodes from `/sys/class/block`, who they are from each disk's own table.
//!
//! The kernel numbers partitions as the table does, so an entry of the table and a node with the
//! same number on the same disk are the same partition.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use contract::gpt::{Entry, Header};
use contract::partition::Guid;

use crate::kernel::uevent;

const BLOCK: &str = "/sys/class/block";

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its name below `/dev`.
    pub name: String,
    /// Its identifier.
    pub id: Guid,
    /// What it is for.
    pub kind: Guid,
    /// Its label.
    pub label: String,
}

impl Partition {
    /// Its device node.
    #[must_use]
    pub fn node(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }
}

/// Every partition there is now, by name.
#[must_use]
pub fn partitions() -> Vec<Partition> {
    let mut found = Vec::new();
    for (disk, nodes) in nodes_by_disk() {
        // A disk without a table of ours, or none that can be read, holds nothing of ours.
        let entries = read_table(&disk).unwrap_or_default();
        found.extend(name_entries(entries, &nodes));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn name_entries(entries: Vec<Entry>, nodes: &BTreeMap<u32, String>) -> Vec<Partition> {
    let named = entries.into_iter().filter_map(|entry| {
        let name = nodes.get(&entry.number)?.clone();
        Some(Partition { name, id: entry.id, kind: entry.kind, label: entry.label })
    });
    named.collect()
}

/// The partitions' nodes by their numbers, by the name of the disk they are on.
fn nodes_by_disk() -> BTreeMap<String, BTreeMap<u32, String>> {
    let mut disks: BTreeMap<String, BTreeMap<u32, String>> = BTreeMap::new();
    let Ok(entries) = fs::read_dir(BLOCK) else { return disks };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let text = fs::read_to_string(path.join("uevent")).unwrap_or_default();
        let event = uevent::parse_file(&text);
        let (Some(name), Some(number)) = (event.device_name, event.partition_number) else {
            continue;
        };
        // A partition's directory lies in that of its disk.
        let parent =
            fs::canonicalize(&path).ok().and_then(|path| path.parent().map(Path::to_owned));
        let disk = parent.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        if let Some(disk) = disk {
            disks.entry(disk.to_owned()).or_default().insert(number, name.to_owned());
        }
    }
    disks
}

fn read_table(disk: &str) -> io::Result<Vec<Entry>> {
    let size = fs::read_to_string(Path::new(BLOCK).join(disk).join("queue/logical_block_size"))?;
    let sector_bytes: u64 = size.trim().parse().map_err(io::Error::other)?;
    let mut file = File::open(Path::new("/dev").join(disk))?;
    let sector = read_at(&mut file, sector_bytes, usize::try_from(sector_bytes).unwrap_or(512))?;
    let header = Header::parse(&sector).map_err(io::Error::other)?;
    let at = header.entries_sector.saturating_mul(sector_bytes);
    let entries = read_at(&mut file, at, header.entries_bytes)?;
    header.entries(&entries).map_err(io::Error::other)
}

fn read_at(file: &mut File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The partition with this identifier. Of two that claim it the first by name: what is in it is
/// verified, so a wrong one cannot do worse than not boot.
#[must_use]
pub fn with_id(partitions: &[Partition], id: Guid) -> Option<&Partition> {
    partitions.iter().find(|partition| partition.id == id)
}

/// What is there, for somebody who looks for what is not.
#[must_use]
pub fn list(partitions: &[Partition]) -> String {
    let words = partitions.iter().map(|partition| {
        let Partition { name, label, id, .. } = partition;
        format!("{name} (`{label}`, {id})")
    });
    let list: Vec<_> = words.collect();
    if list.is_empty() { "no partition at all".to_owned() } else { list.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Vec<Partition> {
        let entry =
            |number, id| Entry { number, kind: Guid(1), id: Guid(id), label: "root".into() };
        let nodes = BTreeMap::from([(2, "vda2".to_owned()), (3, "vda3".to_owned())]);
        name_entries(vec![entry(1, 10), entry(2, 20)], &nodes)
    }

    #[test]
    fn an_entry_and_a_node_of_one_number_are_one_partition() {
        let found = found();
        assert_eq!(found.len(), 1);
        assert_eq!(with_id(&found, Guid(20)).unwrap().node(), PathBuf::from("/dev/vda2"));
        assert_eq!(with_id(&found, Guid(10)), None);
    }

    #[test]
    fn a_search_in_vain_says_what_was_there() {
        assert_eq!(list(&[]), "no partition at all");
        assert_eq!(list(&found()), "vda2 (`root`, 00000000-0000-0000-0000-000000000014)");
    }
}

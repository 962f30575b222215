//! Partitions, as the kernel lists them in `/sys/class/block`.
//!
//! The kernel reads the partition tables (since Linux 6.9 it says each partition's identifier in
//! its `uevent` file), so PID 1 holds no parser for disks.

use std::fs;
use std::path::PathBuf;

use contract::partition::Guid;

use crate::kernel::uevent;

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its name below `/dev`.
    pub name: String,
    /// Its identifier, in lower case.
    pub uuid: String,
    /// Its label.
    pub label: Option<String>,
}

impl Partition {
    /// Its device node.
    #[must_use]
    pub fn node(&self) -> PathBuf {
        PathBuf::from("/dev").join(&self.name)
    }

    /// Reads a `uevent` file; `None`: it is of no partition with an identifier.
    #[must_use]
    pub fn from_uevent(text: &str) -> Option<Self> {
        let event = uevent::parse_file(text);
        Some(Self {
            name: event.device_name?.to_owned(),
            uuid: event.partition_uuid?.to_ascii_lowercase(),
            label: event.partition_name.map(str::to_owned),
        })
    }
}

/// Every partition there is now, by name.
#[must_use]
pub fn partitions() -> Vec<Partition> {
    let Ok(entries) = fs::read_dir("/sys/class/block") else { return Vec::new() };
    let mut found: Vec<_> = entries
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("uevent")).ok())
        .filter_map(|text| Partition::from_uevent(&text))
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The partition with this identifier. Of two that claim it the first by name: what is in it is
/// verified, so a wrong one cannot do worse than not boot.
#[must_use]
pub fn with_guid(partitions: &[Partition], guid: Guid) -> Option<&Partition> {
    let wanted = guid.to_string();
    partitions.iter().find(|partition| partition.uuid == wanted)
}

/// What is there, for somebody who looks for what is not.
#[must_use]
pub fn list(partitions: &[Partition]) -> String {
    let words = partitions.iter().map(|partition| {
        let label = partition.label.as_deref().unwrap_or("no label");
        format!("{} ({label}, {})", partition.name, partition.uuid)
    });
    let list: Vec<_> = words.collect();
    if list.is_empty() { "no partition at all".to_owned() } else { list.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "DEVNAME=vda2\nDEVTYPE=partition\nPARTNAME=root\n\
                        PARTUUID=E3B0C442-98fc-1c14-9afb-f4c8996fb924\n";

    #[test]
    fn a_partition_is_found_by_its_identifier() {
        let root = Partition::from_uevent(ROOT).unwrap();
        assert_eq!(root.node(), PathBuf::from("/dev/vda2"));
        let guid = contract::partition::root_guid(&contract::digest::Digest::of(b""));
        assert_eq!(with_guid(std::slice::from_ref(&root), guid), Some(&root));
        assert_eq!(with_guid(&[root], Guid(0)), None);
    }

    #[test]
    fn a_disk_is_no_partition() {
        assert_eq!(Partition::from_uevent("DEVNAME=vda\nDEVTYPE=disk\nDISKSEQ=1\n"), None);
    }

    #[test]
    fn a_search_in_vain_says_what_was_there() {
        assert_eq!(list(&[]), "no partition at all");
        let root = Partition::from_uevent(ROOT).unwrap();
        assert_eq!(list(&[root]), "vda2 (root, e3b0c442-98fc-1c14-9afb-f4c8996fb924)");
    }
}

//! `report.json`: what a build weighs, by part, package and file, and how long each phase took.
//!
//! The sizes follow from the inputs, the times do not; so the report is no artefact whose digest
//! the manifest binds. JSON; sizes in bytes, times in milliseconds.

use std::collections::BTreeMap;

use contract::arch::Arch;
use contract::digest::Digest;
use serde::{Deserialize, Serialize};

/// The whole report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The image's name.
    pub image: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub arch: Arch,
    /// The compression level it was built at.
    pub level: String,
    /// Whether it was taken from the store as it was.
    pub unchanged: bool,
    /// Sizes of the parts.
    pub parts: Vec<Part>,
    /// Sizes of the packages in the root, largest first.
    pub packages: Vec<PackageSize>,
    /// How long each phase took, in order.
    pub phases: Vec<Phase>,
    /// Firmware that kept modules ask for and that no package of the image has: module to names.
    pub missing_firmware: BTreeMap<String, Vec<String>>,
    /// Every entry of the root, by path.
    pub files: BTreeMap<String, FileRecord>,
    /// What lies where in `root.erofs`, without gaps.
    pub root_layout: Vec<Stretch>,
    /// What lies where in `disk.raw`; between are holes.
    pub disk_layout: Vec<Stretch>,
}

/// A stretch of a file and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Where it begins.
    pub offset_bytes: u64,
    /// How long it is.
    pub len_bytes: u64,
    /// What it is: `file PATH`, `files PATH|PATH`, `inode PATH`, or a name of its own.
    pub what: String,
}

impl Stretch {
    /// The stretch with this byte, and how far into it.
    #[must_use]
    pub fn find(stretches: &[Self], offset_bytes: u64) -> Option<(&Self, u64)> {
        let after = stretches.partition_point(|each| each.offset_bytes <= offset_bytes);
        let stretch = stretches.get(after.checked_sub(1)?)?;
        let into = offset_bytes.checked_sub(stretch.offset_bytes)?;
        (into < stretch.len_bytes).then_some((stretch, into))
    }
}

/// A part of the image and how large it may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name: `root.erofs`, `uki.efi`, `ashlar-init`.
    pub name: String,
    /// How large it is.
    pub size_bytes: u64,
    /// How large it may be, where the image says so.
    pub budget_bytes: Option<u64>,
}

/// What one package brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageSize {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How many entries.
    pub entries: u64,
    /// Their content, uncompressed.
    pub size_bytes: u64,
    /// What that takes in the root, compressed.
    pub stored_bytes: u64,
}

/// A phase of the build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// What was done.
    pub name: String,
    /// How long it took.
    pub duration_ms: u64,
}

/// One entry of the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// `file`, `directory`, `symlink`, `hardlink`, `device`, `fifo` or `socket`.
    pub kind: String,
    /// Permission bits in octal: `0755`.
    pub mode: String,
    /// Owner and group as numbers: `0:0`.
    pub owner: String,
    /// The package or recipe it is from.
    pub origin: String,
    /// Length of a regular file.
    pub size_bytes: u64,
    /// What it takes in the root, compressed.
    pub stored_bytes: u64,
    /// Digest of a regular file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<Digest>,
    /// Target of a link.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
}

impl Report {
    /// The parts that are larger than they may be.
    pub fn over_budget(&self) -> impl Iterator<Item = &Part> {
        self.parts
            .iter()
            .filter(|part| part.budget_bytes.is_some_and(|most| part.size_bytes > most))
    }

    /// The short table for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{} {} for {}", self.image, self.version, self.arch);
        text.push_str(if self.unchanged { " (nothing changed)\n" } else { "\n" });
        for part in &self.parts {
            let budget = part.budget_bytes.map_or_else(String::new, |most| {
                format!("  of {} ({} %)", size(most), percent(part.size_bytes, most))
            });
            text.push_str(&format!("  {:<14}{:>10}{budget}\n", part.name, size(part.size_bytes)));
        }
        let largest: Vec<String> = self
            .packages
            .iter()
            .take(5)
            .map(|each| format!("{} {}", each.name, size(each.stored_bytes)))
            .collect();
        text.push_str(&format!("  largest: {}\n", largest.join(", ")));
        let total: u64 = self.phases.iter().map(|phase| phase.duration_ms).sum();
        let phases: Vec<String> = self
            .phases
            .iter()
            .filter(|phase| phase.duration_ms >= 10)
            .map(|phase| format!("{} {}", phase.name, seconds(phase.duration_ms)))
            .collect();
        text.push_str(&format!("  {} in all: {}\n", seconds(total), phases.join(", ")));
        text
    }
}

/// A size in MB with one digit, or in kB below one MB.
#[must_use]
pub fn size(bytes: u64) -> String {
    if bytes >= 1_000_000 {
        let tenths = (bytes + 50_000) / 100_000;
        format!("{}.{} MB", tenths / 10, tenths % 10)
    } else {
        format!("{} kB", bytes.div_ceil(1_000))
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10)
}

fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        let sizes = [0, 1, 999_999, 1_000_000, 24_960_000];
        assert_eq!(sizes.map(size), ["0 kB", "1 kB", "1000 kB", "1.0 MB", "25.0 MB"]);
    }
}

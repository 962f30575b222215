//! The report of a build: sizes by part, package and file.

use std::collections::BTreeMap;

use formats::tree::{Kind, Node};
use tree::reach::Note;

use super::compose::Composed;
use super::image::Prepared;
use super::parts::WrittenRoot;
use super::report::{FileRecord, PackageSize, Part, Phase, Report};

/// Writes the report.
#[must_use]
pub fn report(
    prepared: &Prepared,
    composed: &Composed,
    written: &WrittenRoot,
    parts: Vec<Part>,
    phases: Vec<Phase>,
) -> Report {
    let assembly = &prepared.declared.assembly;
    let stored = |path: &str| written.stored_bytes.get(path).copied().unwrap_or(0);
    let files: BTreeMap<String, FileRecord> = composed
        .root
        .iter()
        .map(|(path, node)| (path.to_owned(), record(node, stored(path))))
        .collect();
    Report {
        image: assembly.image.name.clone(),
        version: prepared.version.clone(),
        arch: assembly.arch,
        level: prepared.how.level.word().to_owned(),
        unchanged: false,
        parts,
        packages: packages(prepared, &files),
        phases,
        missing_firmware: missing_firmware(&composed.reached.notes),
        files,
        root_layout: written.regions.clone(),
        disk_layout: written.pieces.clone(),
    }
}

fn record(node: &Node, stored_bytes: u64) -> FileRecord {
    let (kind, target) = match &node.kind {
        Kind::Directory => ("directory", None),
        Kind::File(_) => ("file", None),
        Kind::Symlink(target) => ("symlink", Some(target.clone())),
        Kind::Hardlink(target) => ("hardlink", Some(target.clone())),
        Kind::CharDevice(..) | Kind::BlockDevice(..) => ("device", None),
        Kind::Fifo => ("fifo", None),
        Kind::Socket => ("socket", None),
    };
    FileRecord {
        kind: kind.to_owned(),
        mode: format!("{:04o}", node.mode),
        owner: format!("{}:{}", node.uid, node.gid),
        origin: node.origin.to_string(),
        size_bytes: node.content().map_or(0, formats::tree::Content::len_bytes),
        stored_bytes,
        sha256: node.content().map(|content| *content.digest()),
        target,
    }
}

/// Sizes by package, largest first; what has no package stands under who made it.
fn packages(prepared: &Prepared, files: &BTreeMap<String, FileRecord>) -> Vec<PackageSize> {
    let mut sizes: BTreeMap<&str, PackageSize> = BTreeMap::new();
    for file in files.values() {
        let name = file.origin.strip_prefix("package:").unwrap_or(&file.origin);
        let size = sizes.entry(name).or_insert_with(|| PackageSize {
            name: name.to_owned(),
            version: version(prepared, name),
            entries: 0,
            size_bytes: 0,
            stored_bytes: 0,
        });
        size.entries += 1;
        size.size_bytes += file.size_bytes;
        size.stored_bytes += file.stored_bytes;
    }
    let mut sizes: Vec<PackageSize> = sizes.into_values().collect();
    sizes.sort_by_key(|size| std::cmp::Reverse(size.stored_bytes));
    sizes
}

fn version(prepared: &Prepared, name: &str) -> String {
    let package = prepared.inputs.packages.get(name);
    package.map_or_else(|| prepared.inputs.builder.clone(), |package| package.version.clone())
}

fn missing_firmware(notes: &[Note]) -> BTreeMap<String, Vec<String>> {
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for note in notes {
        if let Note::MissingFirmware { module, name } = note {
            missing.entry(module.clone()).or_default().push(name.clone());
        }
    }
    missing
}

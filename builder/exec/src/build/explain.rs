//! `ashlar explain`: where a byte of a disk comes from.
//!
//! From the partition table of the disk itself and the layouts in the build's report: partition,
//! file, package, and the signed index that named the package.

use std::fs::File;
use std::path::Path;

use contract::manifest::Manifest;
use formats::gpt;
use serde::Serialize;

use super::report::{Report, Stretch};
use crate::failure::Failure;

/// Where a byte comes from, as far as that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The offset asked about.
    pub offset_bytes: u64,
    /// The partition's label; none outside of partitions.
    pub partition: Option<String>,
    /// How far into the partition.
    pub partition_offset_bytes: Option<u64>,
    /// What lies there in the partition: a file of the EFI system partition, or a part of the root.
    pub content: Option<String>,
    /// Section of the unified kernel image, where it is one.
    pub section: Option<String>,
    /// Paths of the root whose content or metadata it is; small files share one piece.
    pub paths: Vec<PathOrigin>,
}

/// Where a path of the root comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathOrigin {
    /// The path.
    pub path: String,
    /// The package or recipe.
    pub origin: String,
    /// The package's version and digest, where it is a package.
    pub package: Option<String>,
    /// The suite and the digest of the signed index that named it.
    pub index: Option<String>,
}

/// Explains a byte of a disk that lies beside its manifest and report.
///
/// # Errors
/// The files beside the disk are missing, or the disk has no partition table.
pub fn explain(disk: &Path, offset_bytes: u64) -> Result<Origin, Failure> {
    let folder = disk.parent().unwrap_or_else(|| Path::new("."));
    let (manifest, report) = records(folder)?;
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::promise(format!("reading the partition table of `{}`", disk.display()))
            .because(error)
    };
    let mut file = File::open(disk).map_err(|error| {
        Failure::machine(format!("opening `{}`", disk.display())).because(error)
    })?;
    let table = gpt::Table::read(&mut file).map_err(|error| failed(error.into()))?;
    if offset_bytes >= table.disk_bytes {
        return Err(Failure::asked(format!(
            "the disk ends at {}, before byte {offset_bytes}",
            table.disk_bytes
        )));
    }
    let partition = table.partitions.iter().find_map(|partition| {
        let into = offset_bytes.checked_sub(partition.offset_bytes)?;
        (into < partition.len_bytes).then_some((partition, into))
    });
    let piece = Stretch::find(&report.disk_layout, offset_bytes);
    let mut origin = Origin {
        offset_bytes,
        partition: partition.map(|(partition, _)| partition.name.clone()),
        partition_offset_bytes: partition.map(|(_, into)| into),
        content: piece.map(|(piece, _)| piece.what.clone()),
        section: None,
        paths: Vec::new(),
    };
    if let Some((piece, into)) = piece {
        origin.section = section(folder, &piece.what, into);
        let is_root = partition.is_some_and(|(partition, _)| {
            partition.guid == contract::partition::root_guid(&manifest.root_hash)
        });
        if let Some((stretch, _)) = Stretch::find(&report.root_layout, into).filter(|_| is_root) {
            origin.content = Some(stretch.what.clone());
            origin.paths =
                paths(&stretch.what).map(|path| path_origin(path, &manifest, &report)).collect();
        }
    }
    Ok(origin)
}

/// Manifest and report of a built image's folder.
///
/// # Errors
/// They are missing, or are not what they should be.
pub fn records(folder: &Path) -> Result<(Manifest, Report), Failure> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|error| {
            Failure::asked(format!("`{}` holds no built image", folder.display()))
                .because(format!("{name}: {error}"))
                .hint("name a folder that `ashlar build` wrote: OUT/IMAGE/ARCH")
        })
    };
    let wrong = |name: &str, error: serde_json::Error| {
        Failure::promise(format!("`{}` is not what a build wrote", folder.join(name).display()))
            .because(error)
    };
    let manifest = serde_json::from_slice(&read("manifest.json")?)
        .map_err(|error| wrong("manifest.json", error))?;
    let report = serde_json::from_slice(&read("report.json")?)
        .map_err(|error| wrong("report.json", error))?;
    Ok((manifest, report))
}

/// The section of the unified kernel image that a byte of it is in.
fn section(folder: &Path, what: &str, into: u64) -> Option<String> {
    if !what.ends_with(".efi") || !what.contains("EFI/Linux/") {
        return None;
    }
    let bytes = std::fs::read(folder.join("uki.efi")).ok()?;
    let entries = formats::pe::uki::inspect(&bytes).ok()?;
    let holds = |entry: &&formats::pe::uki::Entry| {
        into.checked_sub(entry.offset_bytes).is_some_and(|at| at < entry.len_bytes)
    };
    entries.iter().find(holds).map(|entry| entry.name.clone())
}

fn paths(what: &str) -> impl Iterator<Item = &str> {
    let list = ["file ", "files ", "inode ", "directory ", "symlink "]
        .iter()
        .find_map(|prefix| what.strip_prefix(prefix));
    list.into_iter().flat_map(|list| list.split('|'))
}

fn path_origin(path: &str, manifest: &Manifest, report: &Report) -> PathOrigin {
    let origin = report.files.get(path).map_or("", |file| file.origin.as_str());
    let name = origin.strip_prefix("package:").unwrap_or_default();
    let package = manifest.inputs.packages.get(name);
    let suite = package.and_then(|package| {
        let suite = manifest.inputs.suites.get(&package.suite)?;
        Some(format!("{} of {}, InRelease {}", package.suite, suite.date, suite.inrelease))
    });
    PathOrigin {
        path: format!("/{path}"),
        origin: origin.to_owned(),
        package: package.map(|each| format!("{name} {} sha256 {}", each.version, each.sha256)),
        index: suite,
    }
}

impl Origin {
    /// As text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("byte {}\n", self.offset_bytes);
        let mut line = |name: &str, value: &str| {
            text.push_str(&format!("  {name:<10} {value}\n"));
        };
        match (&self.partition, self.partition_offset_bytes) {
            (Some(name), Some(into)) => line("partition", &format!("{name}, byte {into} of it")),
            _ => line("partition", "none: partition table or space between partitions"),
        }
        match &self.content {
            Some(content) => line("content", content),
            None => line("content", "a hole: nothing was written here"),
        }
        if let Some(section) = &self.section {
            line("section", section);
        }
        for path in &self.paths {
            line("path", &format!("{} from {}", path.path, path.origin));
            if let Some(package) = &path.package {
                line("package", package);
            }
            if let Some(index) = &path.index {
                line("index", index);
            }
        }
        text
    }
}

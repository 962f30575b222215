//! What changed between two images, by package and by file.

use std::collections::{BTreeMap, BTreeSet};

use contract::manifest::{Manifest, Package};
use serde::Serialize;

use super::report::{FileRecord, Report, size};

/// What changed from one image to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The versions compared.
    pub versions: [String; 2],
    /// Packages, by name: the version before and after; none where it was not there.
    pub packages: BTreeMap<String, [Option<String>; 2]>,
    /// Entries of the root, by path.
    pub files: BTreeMap<String, Change>,
    /// Other inputs that changed: declarations, programs, codecs, kernel arguments.
    pub inputs: BTreeSet<String>,
    /// Compressed size of the root before and after.
    pub root_bytes: [u64; 2],
}

/// How one entry changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `added`, `removed` or what of it changed: `content`, `mode`, `owner`, `kind`, `target`.
    pub what: Vec<&'static str>,
    /// The package or recipe it is from, after where there is one.
    pub origin: String,
    /// How many bytes more or fewer it has.
    pub size_change_bytes: i64,
}

/// Compares two images by their manifests and reports.
#[must_use]
pub fn diff(before: (&Manifest, &Report), after: (&Manifest, &Report)) -> Changes {
    let (old, old_report) = before;
    let (new, new_report) = after;
    let root = |manifest: &Manifest| {
        manifest.artefacts.get("root.erofs").map_or(0, |artefact| artefact.size_bytes)
    };
    Changes {
        versions: [old.version.clone(), new.version.clone()],
        packages: packages(&old.inputs.packages, &new.inputs.packages),
        files: files(&old_report.files, &new_report.files),
        inputs: inputs(old, new),
        root_bytes: [root(old), root(new)],
    }
}

/// Every key of either map, with what each has there.
fn sides<'a, V>(
    old: &'a BTreeMap<String, V>,
    new: &'a BTreeMap<String, V>,
) -> impl Iterator<Item = (&'a String, Option<&'a V>, Option<&'a V>)> {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter().map(|key| (key, old.get(key), new.get(key)))
}

fn packages(
    old: &BTreeMap<String, Package>,
    new: &BTreeMap<String, Package>,
) -> BTreeMap<String, [Option<String>; 2]> {
    let version = |package: Option<&Package>| package.map(|package| package.version.clone());
    sides(old, new)
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| (name.clone(), [version(before), version(after)]))
        .collect()
}

fn files(
    old: &BTreeMap<String, FileRecord>,
    new: &BTreeMap<String, FileRecord>,
) -> BTreeMap<String, Change> {
    sides(old, new)
        .filter_map(|(path, before, after)| {
            let what = match (before, after) {
                (None, _) => vec!["added"],
                (_, None) => vec!["removed"],
                (Some(before), Some(after)) => changed(before, after),
            };
            let origin = after.or(before).map(|file| file.origin.clone()).unwrap_or_default();
            let bytes = |file: Option<&FileRecord>| file.map_or(0, |file| file.size_bytes);
            let size_change_bytes = bytes(after).wrapping_sub(bytes(before)).cast_signed();
            let change = Change { what, origin, size_change_bytes };
            (!change.what.is_empty()).then(|| (path.clone(), change))
        })
        .collect()
}

fn changed(before: &FileRecord, after: &FileRecord) -> Vec<&'static str> {
    [
        ("kind", before.kind != after.kind),
        ("content", before.sha256 != after.sha256),
        ("target", before.target != after.target),
        ("mode", before.mode != after.mode),
        ("owner", before.owner != after.owner),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

fn inputs(old: &Manifest, new: &Manifest) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (path, before, after) in sides(&old.inputs.declarations, &new.inputs.declarations) {
        if before != after {
            names.insert(path.clone());
        }
    }
    for (name, before, after) in sides(&old.inputs.node_binaries, &new.inputs.node_binaries) {
        if before != after {
            names.insert(format!("program {name}"));
        }
    }
    for (name, before, after) in sides(&old.inputs.codecs, &new.inputs.codecs) {
        if before != after {
            names.insert(format!("codec {name}"));
        }
    }
    let words = |manifest: &Manifest| -> BTreeSet<String> {
        let line = manifest.kernel_command_line.split(' ');
        line.filter(|word| !word.starts_with("roothash=")).map(str::to_owned).collect()
    };
    let (old, new) = (words(old), words(new));
    names.extend(old.symmetric_difference(&new).map(|word| format!("kernel argument {word}")));
    names
}

impl Changes {
    /// The changes as text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let [old, new] = &self.versions;
        let [old_bytes, new_bytes] = self.root_bytes;
        let mut text = format!("{old} -> {new}, root {} -> {}\n", size(old_bytes), size(new_bytes));
        for input in &self.inputs {
            text.push_str(&format!("  input    {input}\n"));
        }
        for (name, [before, after]) in &self.packages {
            let (before, after) = (before.as_deref(), after.as_deref());
            let (before, after) = (before.unwrap_or("(none)"), after.unwrap_or("(none)"));
            text.push_str(&format!("  package  {name} {before} -> {after}\n"));
        }
        for (path, change) in &self.files {
            let (what, origin) = (change.what.join("+"), &change.origin);
            let bytes = change.size_change_bytes;
            text.push_str(&format!("  file     /{path} {what} {bytes:+} ({origin})\n"));
        }
        if self.files.is_empty() && self.packages.is_empty() && self.inputs.is_empty() {
            text.push_str("  nothing differs\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(mode: &str, size_bytes: u64) -> FileRecord {
        FileRecord {
            kind: "file".into(),
            mode: mode.into(),
            owner: "0:0".into(),
            origin: "package:a".into(),
            size_bytes,
            stored_bytes: size_bytes,
            sha256: None,
            target: None,
        }
    }

    #[test]
    fn a_change_names_what_of_a_file_changed() {
        let old = BTreeMap::from([
            ("gone".to_owned(), record("0644", 3)),
            ("mode".to_owned(), record("0644", 1)),
            ("same".to_owned(), record("0644", 1)),
        ]);
        let new = BTreeMap::from([
            ("mode".to_owned(), record("0755", 1)),
            ("new".to_owned(), record("0644", 5)),
            ("same".to_owned(), record("0644", 1)),
        ]);
        let changes: Vec<_> = files(&old, &new)
            .into_iter()
            .map(|(path, change)| (path, change.what.join(","), change.size_change_bytes))
            .collect();
        let row = |path: &str, what: &str, bytes| (path.to_owned(), what.to_owned(), bytes);
        assert_eq!(
            changes,
            [row("gone", "removed", -3), row("mode", "mode", 0), row("new", "added", 5)]
        );
    }
}

//! The repository is what its documents say it is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A source file past this many lines has stopped being about one thing.
const LINES: usize = 600;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file of the repository with one of these endings, build output left out.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![top()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !matches!(name.as_str(), "target" | "out" | ".git") {
                open.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn short(path: &Path) -> String {
    path.strip_prefix(top()).unwrap_or(path).display().to_string()
}

/// The rows of the Markdown table below this heading, first two columns, back-ticked words only.
fn table(document: &str, heading: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(top().join(document)).unwrap();
    let words = |cell: &str| -> BTreeSet<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    text.split(heading)
        .nth(1)
        .unwrap_or_else(|| panic!("{document} has no heading {heading}"))
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            (words(cells[1]).into_iter().next().unwrap(), words(cells[2]))
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "cargo itself is the oracle of who uses whom")]
fn workspace() -> BTreeMap<String, BTreeSet<String>> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(top())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap().to_owned();
    let members: BTreeSet<String> = packages.iter().map(name).collect();
    packages
        .iter()
        .map(|package| {
            let uses = package["dependencies"].as_array().unwrap().iter();
            let uses = uses.filter(|used| used["kind"].is_null()).map(name);
            (name(package), uses.filter(|used| members.contains(used)).collect())
        })
        .collect()
}

#[test]
fn each_crate_uses_only_what_the_table_allows() {
    let allowed = table("docs/ARCHITECTURE.md", "## Who may depend on whom");
    let real = workspace();
    let names = |map: &BTreeMap<String, _>| map.keys().cloned().collect::<BTreeSet<String>>();
    assert_eq!(names(&allowed), names(&real), "the table's crates and the workspace's");
    for (name, uses) in &real {
        let further: Vec<_> = uses.difference(&allowed[name]).collect();
        assert!(further.is_empty(), "{name} uses {further:?}, which docs/ARCHITECTURE.md forbids");
    }
}

#[test]
fn every_folder_of_code_has_a_row() {
    let rooms = table("docs/ARCHITECTURE.md", "## Rooms");
    for manifest in files(&["Cargo.toml"]) {
        let folder = short(manifest.parent().unwrap());
        let known = folder.is_empty()
            || folder.starts_with("docs")
            || folder == "qemu-tests"
            || folder == "builder/fuzz"
            || rooms.contains_key(&folder);
        assert!(known, "{folder} has no row under Rooms");
    }
}

#[test]
fn source_files_are_short() {
    let long: Vec<String> = files(&[".rs"])
        .iter()
        .filter(|path| !short(path).contains("tests"))
        .map(|path| (fs::read_to_string(path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > LINES)
        .map(|(lines, path)| format!("{} has {lines} lines", short(path)))
        .collect();
    assert!(long.is_empty(), "over {LINES}: {long:#?}");
}

#[test]
fn unsafe_stands_in_one_crate() {
    let lifted: Vec<String> = files(&[".rs"])
        .iter()
        .filter(|path| !short(path).starts_with("init/sys/") && !short(path).starts_with("docs/"))
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.contains("allow(unsafe_code") || text.contains("expect(unsafe_code")
        })
        .map(|path| short(path))
        .collect();
    assert!(lifted.is_empty(), "{lifted:?} lift the ban on unsafe code");
}

#[test]
fn every_module_says_why_it_is_there() {
    let silent: Vec<String> = files(&[".rs"])
        .iter()
        .filter(|path| !short(path).contains("tests"))
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            let first = text.lines().find(|line| !line.starts_with("#!") && !line.is_empty());
            !first.is_some_and(|line| line.starts_with("//!"))
        })
        .map(|path| short(path))
        .collect();
    assert!(silent.is_empty(), "no module documentation: {silent:?}");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for path in files(&[".md"]) {
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.is_empty();
            if !outside && !path.parent().unwrap().join(target).exists() {
                broken.push(format!("{}: {link}", short(&path)));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_top_level_holds_what_it_should() {
    let allowed = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "builder",
        "docs",
        "images",
        "init",
        "out",
        "qemu-tests",
        "recipes",
        "target",
    ];
    for entry in fs::read_dir(top()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let known = name.starts_with('.') || allowed.contains(&name.as_str());
        assert!(known, "{name} does not belong at the top");
    }
}

#[test]
fn no_test_is_switched_off() {
    let mark = concat!("#[ign", "ore");
    let off: Vec<String> = files(&[".rs"])
        .iter()
        .filter(|path| fs::read_to_string(path).unwrap().contains(mark))
        .map(|path| short(path))
        .collect();
    assert!(off.is_empty(), "ignored tests in {off:?}");
}

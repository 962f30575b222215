//! The workspace of the node's binaries alone.
//!
//! The whole workspace has the builder in it, with hundreds of crates that the node never sees.
//! What is compiled hermetically is a copy of `init/` under a manifest of its own, made from the
//! root's: the same package facts, the profile of the node, and of the dependencies only those
//! that `init/` names. So a change to the builder changes neither the node's binaries nor the key
//! they are kept under.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use contract::digest::{Digest, Digester};
use toml::{Table, Value};

use super::ToolchainError;

/// The files of that workspace: path and bytes, in the byte order of the paths.
#[derive(Debug)]
pub(super) struct Workspace {
    files: Vec<(String, Vec<u8>)>,
}

impl Workspace {
    /// Reads it from a checkout.
    pub(super) fn read(checkout: &Path) -> Result<Self, ToolchainError> {
        let mut files = Vec::new();
        collect(checkout, Path::new("init"), &mut files)?;
        let root = parse(checkout, "Cargo.toml")?;
        let mut members = Vec::new();
        let mut wanted = BTreeSet::new();
        for (path, bytes) in &mut files {
            let Some(member) = path.strip_suffix("/Cargo.toml") else { continue };
            members.push(Value::String(member.to_owned()));
            let mut manifest = parse_bytes(path, bytes)?;
            // Tests are not compiled here, and what they need is not fetched.
            manifest.remove("dev-dependencies");
            for table in ["dependencies", "build-dependencies"] {
                let names = manifest.get(table).and_then(Value::as_table);
                wanted.extend(names.into_iter().flat_map(Table::keys).cloned());
            }
            *bytes = manifest.to_string().into_bytes();
        }
        let manifest = reduced(&root, members, &wanted).ok_or_else(|| {
            ToolchainError::Manifest { file: "Cargo.toml".into(), why: "it is no workspace".into() }
        })?;
        files.push(("Cargo.toml".into(), manifest.to_string().into_bytes()));
        let lock = parse(checkout, "Cargo.lock")?;
        files.push(("Cargo.lock".into(), reachable(lock, &files).into_bytes()));
        files.sort();
        Ok(Self { files })
    }

    /// The digest of everything in it.
    pub(super) fn digest(&self) -> Digest {
        let mut digester = Digester::new();
        for (path, bytes) in &self.files {
            digester.update(Digest::of(path.as_bytes()).as_bytes());
            digester.update(Digest::of(bytes).as_bytes());
        }
        digester.finish()
    }

    /// The digest of what says which crates it needs.
    pub(super) fn manifests_digest(&self) -> Digest {
        let is_manifest = |path: &str| path.ends_with("Cargo.toml") || path == "Cargo.lock";
        let files = self.files.iter().filter(|(path, _)| is_manifest(path)).cloned().collect();
        Self { files }.digest()
    }

    /// Writes it.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        for (path, bytes) in &self.files {
            let path = directory.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    /// The same with another lock file: the one that `cargo` made of ours.
    pub(super) fn with_lock(mut self, lock: Vec<u8>) -> Self {
        for (path, bytes) in &mut self.files {
            if path == "Cargo.lock" {
                bytes.clone_from(&lock);
            }
        }
        self
    }

    pub(super) fn lock(&self) -> &[u8] {
        let lock = self.files.iter().find(|(path, _)| path == "Cargo.lock");
        lock.map_or(&[], |(_, bytes)| bytes)
    }
}

fn parse(checkout: &Path, name: &str) -> Result<Table, ToolchainError> {
    let path = checkout.join(name);
    let bytes = fs::read(&path).map_err(|source| ToolchainError::Read { path, source })?;
    parse_bytes(name, &bytes)
}

fn parse_bytes(file: &str, bytes: &[u8]) -> Result<Table, ToolchainError> {
    let wrong = |why: String| ToolchainError::Manifest { file: file.to_owned(), why };
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
    text.parse().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))
}

/// Every file below a directory of the checkout, but for what is built or tested there.
fn collect(
    checkout: &Path,
    directory: &Path,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), ToolchainError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| ToolchainError::Read { path, source }
    };
    let absolute = checkout.join(directory);
    for entry in fs::read_dir(&absolute).map_err(failed(&absolute))? {
        let entry = entry.map_err(failed(&absolute))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = directory.join(name.as_ref());
        let kind = entry.file_type().map_err(failed(&entry.path()))?;
        if kind.is_dir() && !matches!(name.as_ref(), "target" | "tests" | "fuzz") {
            collect(checkout, &path, files)?;
        } else if kind.is_file() && !name.starts_with('.') {
            let bytes = fs::read(entry.path()).map_err(failed(&entry.path()))?;
            files.push((path.to_string_lossy().into_owned(), bytes));
        }
    }
    Ok(())
}

/// The root manifest, for these members.
fn reduced(root: &Table, members: Vec<Value>, wanted: &BTreeSet<String>) -> Option<Table> {
    let workspace = root.get("workspace")?.as_table()?;
    let mut kept = Table::new();
    for key in ["resolver", "package", "lints"] {
        if let Some(value) = workspace.get(key) {
            kept.insert(key.into(), value.clone());
        }
    }
    let all = workspace.get("dependencies").and_then(Value::as_table);
    let named = all.into_iter().flatten().filter(|(name, _)| wanted.contains(*name));
    let dependencies = named.map(|(name, value)| (name.clone(), value.clone())).collect();
    kept.insert("dependencies".into(), Value::Table(dependencies));
    kept.insert("members".into(), Value::Array(members));
    let mut manifest = Table::new();
    manifest.insert("workspace".into(), Value::Table(kept));
    if let Some(profiles) = root.get("profile") {
        manifest.insert("profile".into(), profiles.clone());
    }
    Some(manifest)
}

/// The part of a lock file that the packages of these files reach.
fn reachable(mut lock: Table, files: &[(String, Vec<u8>)]) -> String {
    let Some(Value::Array(packages)) = lock.remove("package") else { return lock.to_string() };
    let text = |package: &Value, key: &str| {
        package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let members = files.iter().filter(|(path, _)| path.ends_with("/Cargo.toml"));
    let mut wanted: Vec<String> = members
        .filter_map(|(path, bytes)| parse_bytes(path, bytes).ok())
        .filter_map(|manifest| {
            let package = manifest.get("package")?;
            Some(text(package, "name"))
        })
        .collect();
    let mut kept = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        // `NAME`, or `NAME VERSION` where there are several.
        let mut words = name.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        for (index, package) in packages.iter().enumerate() {
            let same = text(package, "name") == name
                && version.is_none_or(|version| text(package, "version") == version);
            if same && kept.insert(index) {
                let needs = package.get("dependencies").and_then(Value::as_array);
                let needs = needs.into_iter().flatten().filter_map(Value::as_str);
                wanted.extend(needs.map(str::to_owned));
            }
        }
    }
    let packages = packages.into_iter().enumerate().filter(|(index, _)| kept.contains(index));
    lock.insert("package".into(), Value::Array(packages.map(|(_, package)| package).collect()));
    lock.to_string()
}

/// Where the files of a build are, all below one directory.
pub(super) struct Places {
    pub(super) source: PathBuf,
    pub(super) home: PathBuf,
    pub(super) target: PathBuf,
    pub(super) scripts: PathBuf,
}

impl Places {
    pub(super) fn below(directory: &Path) -> io::Result<Self> {
        let make = |name: &str| {
            let path = directory.join(name);
            fs::create_dir_all(&path).map(|()| path)
        };
        Ok(Self {
            source: make("source")?,
            home: make("home")?,
            target: make("target")?,
            scripts: make("scripts")?,
        })
    }
}

//! Packages side by side in a directory, without root.
//!
//! What a tree is for is its programs, so what differs from an installation is on purpose: owners
//! and set-user-ID bits are dropped, documentation is left out, absolute links are made relative,
//! and `/bin`, `/lib` and the like are the links into `/usr` that every current Debian has.
//!
//! Links are made last, when every directory and file is there: so nothing is ever written through
//! a link, and a file below what another package makes a link is a conflict, not an escape.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use contract::digest::{Digest, Digester};
use packages::deb::{self, Limits, Member, MemberKind, Members};
use rayon::prelude::*;

use super::{Package, ToolError};
use crate::store::Store;

/// Directories of the root that are links into `usr`.
const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// What no program needs.
const LEFT_OUT: [&str; 6] = [
    "usr/share/bug/",
    "usr/share/doc/",
    "usr/share/info/",
    "usr/share/lintian/",
    "usr/share/locale/",
    "usr/share/man/",
];

/// What is to be done when all files are there.
#[derive(Default)]
struct Ledger {
    /// The package that brings each file, link and further name.
    owners: BTreeMap<String, usize>,
    /// Files that a further package brings, and what it brings.
    again: Vec<(String, Digest, usize)>,
    symlinks: BTreeMap<String, String>,
    hardlinks: BTreeMap<String, String>,
}

/// Unpacks packages into a directory that is there and empty.
pub(super) fn unpack(store: &Store, packages: &[Package], root: &Path) -> Result<(), ToolError> {
    let ledger = Mutex::new(Ledger::default());
    packages.par_iter().enumerate().try_for_each(|(number, package)| {
        let broken = |source| ToolError::Package { name: package.name.clone(), source };
        let object = store.get(&package.digest).map_err(ToolError::Store)?;
        let object = object.ok_or_else(|| ToolError::NotFetched { name: package.name.clone() })?;
        let reader = BufReader::with_capacity(256 << 10, object.file);
        let (_, mut members) = deb::open(reader, Limits::ARCHIVE).map_err(|e| broken(e.into()))?;
        while let Some(member) = members.next_member().map_err(|e| broken(e.into()))? {
            one(root, &ledger, number, &member, &mut members).map_err(broken)?;
        }
        Ok(())
    })?;
    let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    let name = |number: usize| packages.get(number).map_or("", |package| &package.name);
    for (path, digest, number) in &ledger.again {
        let same = digest_of(&root.join(path)).map(|found| found == *digest).unwrap_or(false);
        if !same {
            let first = ledger.owners.get(path).copied().unwrap_or(*number);
            let (path, names) = (path.clone(), [name(first).into(), name(*number).into()]);
            return Err(ToolError::Conflict { path, names });
        }
    }
    links(root, &ledger).map_err(|source| ToolError::Tree { path: root.to_owned(), source })
}

fn one(
    root: &Path,
    ledger: &Mutex<Ledger>,
    number: usize,
    member: &Member,
    members: &mut Members<impl io::BufRead>,
) -> io::Result<()> {
    let Some(path) = merged(&member.path) else { return Ok(()) };
    if LEFT_OUT.iter().any(|left| path.starts_with(left)) || MERGED.contains(&path.as_str()) {
        return Ok(());
    }
    if matches!(member.kind, MemberKind::Directory) {
        return fs::create_dir_all(root.join(&path));
    }
    let mut guard = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    let owner = *guard.owners.entry(path.clone()).or_insert(number);
    match &member.kind {
        MemberKind::Symlink(target) => {
            guard.symlinks.insert(path.clone(), relative(&path, target));
        }
        MemberKind::Hardlink(target) => {
            if let Some(target) = merged(target) {
                guard.hardlinks.insert(path, target);
            }
        }
        MemberKind::File { .. } if owner == number => {
            drop(guard);
            write(&root.join(&path), member.mode & 0o111 != 0, members)?;
        }
        MemberKind::File { .. } => {
            drop(guard);
            let mut digester = Digester::new();
            copy(members, &mut digester)?;
            let mut guard = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            guard.again.push((path, digester.finish(), number));
        }
        // Nothing that a program needs.
        _ => {}
    }
    Ok(())
}

fn write(path: &Path, executable: bool, content: &mut impl Read) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    copy(content, &mut file)
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 128 << 10];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => to.write_all(buffer.get(..count).unwrap_or_default())?,
        }
    }
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut digester = Digester::new();
    copy(&mut File::open(path)?, &mut digester)?;
    Ok(digester.finish())
}

fn links(root: &Path, ledger: &Ledger) -> io::Result<()> {
    for (path, target) in &ledger.hardlinks {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::hard_link(root.join(target), path)?;
    }
    for (path, target) in &ledger.symlinks {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let made = std::os::unix::fs::symlink(target, &path);
        made.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    }
    for name in MERGED {
        fs::create_dir_all(root.join("usr").join(name))?;
        std::os::unix::fs::symlink(format!("usr/{name}"), root.join(name))?;
    }
    Ok(())
}

/// A path of a package as it is in a merged tree; `None` for the root.
fn merged(path: &str) -> Option<String> {
    let names = names(path);
    let first = names.first()?;
    let merged = MERGED.contains(first) && names.len() > 1;
    let names = names.join("/");
    Some(if merged { format!("usr/{names}") } else { names })
}

/// The names of a path, with `.` and `..` taken out; one that would leave the root stays in it.
fn names(path: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names
}

/// The target of the link at `path`, relative and inside the tree.
fn relative(path: &str, target: &str) -> String {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let absolute =
        if target.starts_with('/') { target.into() } else { format!("{parent}/{target}") };
    let target = merged(&absolute).unwrap_or_default();
    let (from, to) = (names(parent), names(&target));
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - same);
    let words: Vec<&str> = up.chain(to.into_iter().skip(same)).collect();
    if words.is_empty() { ".".into() } else { words.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_into_the_tree() {
        for (path, target, expect) in [
            ("usr/lib64/ld.so", "/lib/x/ld.so", "../lib/x/ld.so"),
            ("usr/bin/lld", "../lib/llvm/bin/lld", "../lib/llvm/bin/lld"),
            ("usr/bin/a", "b", "b"),
            ("etc/mtab", "../../../../../proc/mounts", "../proc/mounts"),
            ("etc/here", "/etc", "."),
            ("a", "/", "."),
            ("usr/lib/x", "/lib", "../../lib"),
            ("b", "/../../lib/c", "usr/lib/c"),
        ] {
            assert_eq!(relative(path, target), expect, "{path} -> {target}");
        }
    }

    #[test]
    fn paths_of_the_old_layout_are_below_usr() {
        for (path, expect) in [
            ("./lib/x/libc.so", Some("usr/lib/x/libc.so")),
            ("./lib", Some("lib")),
            ("./library/x", Some("library/x")),
            ("./", None),
        ] {
            assert_eq!(merged(path).as_deref(), expect, "{path}");
        }
    }
}

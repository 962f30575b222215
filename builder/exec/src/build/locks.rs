//! Locks of images: where they are, what they ask for, and that they fit the declarations.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use contract::arch::Arch;
use contract::digest::Digest;
use packages::lock::{Key, Lock, Locked};
use packages::reason::Reason;
use recipe::assembly::Assembly;
use recipe::declared::{Omission, Package};
use recipe::image;

use super::repository::Repository;
use super::resolving;
use super::session::{Locking, Session};
use crate::failure::Failure;
use crate::fetch::{FetchError, Wanted};
use crate::mirrors::Archive;

/// The packages of the tree itself.
pub const IMAGE: &str = "image";
/// Packages that are only read while the image is put together.
pub const BUILD: &str = "build";

/// Where the lock of an image is, below the repository.
#[must_use]
pub fn path(image: &str, arch: Arch) -> String {
    format!("images/{image}/{arch}.lock")
}

/// The set of a target's packages.
#[must_use]
pub fn target(arch: Arch) -> String {
    format!("target-{arch}")
}

/// Reads the lock of an image, if it has one.
///
/// # Errors
/// It cannot be read, or is no lock.
pub fn read(repository: &Repository, image: &str, arch: Arch) -> Result<Option<Lock>, Failure> {
    let below = path(image, arch);
    let text = match std::fs::read_to_string(repository.path(&below)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::machine(format!("reading `{below}`")).because(error));
        }
    };
    let lock: Lock = Lock::parse(text.as_bytes()).map_err(|error| {
        Failure::promise(format!("`{below}` is no lock"))
            .because(error)
            .hint(format!("take the file from version control, or run `ashlar lock {image}`"))
    })?;
    Ok(Some(lock))
}

/// What an image asks for, by set: name of the package to the declaration.
#[must_use]
pub fn asked(assembly: &Assembly) -> BTreeMap<String, Vec<&Package>> {
    let mut sets: BTreeMap<String, Vec<&Package>> = BTreeMap::new();
    for (set, packages) in [(IMAGE, &assembly.packages), (BUILD, &assembly.build_packages)] {
        if !packages.is_empty() {
            sets.insert(set.to_owned(), packages.iter().collect());
        }
    }
    if let image::Kind::Tools(tools) = &assembly.image.kind {
        for arch in &tools.targets {
            let of_target = assembly
                .target_packages
                .iter()
                .filter(|package| package.arch.is_none_or(|only| only == *arch));
            sets.insert(target(*arch), of_target.collect());
        }
    }
    sets
}

/// The packages that are taken as there, with the reason.
#[must_use]
pub fn left_out(assembly: &Assembly) -> BTreeMap<String, String> {
    let package = |each: &recipe::declared::LeaveOut| match &each.what {
        Omission::Package(name) => Some((name.clone(), each.why.clone())),
        Omission::Path(_) => None,
    };
    assembly.leave_out.iter().filter_map(package).collect()
}

/// Why a lock does not fit the declarations; nothing where it does.
#[must_use]
pub fn misfit(lock: &Lock, assembly: &Assembly) -> Option<String> {
    let sets = asked(assembly);
    for (set, packages) in &sets {
        let asked: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        let by_recipe = |locked: &Locked| {
            locked.why.iter().any(|reason| matches!(reason, Reason::Recipe { .. }))
        };
        let locked: BTreeSet<&str> = lock
            .set(set)
            .filter(|(_, locked)| by_recipe(locked))
            .map(|(key, _)| key.name.as_str())
            .collect();
        if let Some(name) = asked.difference(&locked).next() {
            return Some(format!("a recipe asks for `{name}`, which the lock does not have"));
        }
        if let Some(name) = locked.difference(&asked).next() {
            return Some(format!("the lock has `{name}`, for which no recipe asks any more"));
        }
    }
    if let Some(set) = lock.sets().into_iter().find(|set| !sets.contains_key(*set)) {
        return Some(format!("the lock has packages for `{set}`, for which no recipe asks"));
    }
    (lock.left_out.keys().ne(left_out(assembly).keys()))
        .then(|| "the recipes leave out other packages than the lock".to_owned())
}

/// The lock to build from. Where there is none, or it does not fit, one is made if that is
/// allowed.
///
/// # Errors
/// There is none that fits and none may be made, or none can be made.
pub fn ensure(session: &Session<'_>, assembly: &Assembly) -> Result<Lock, Failure> {
    let (image, arch) = (&assembly.image.name, assembly.arch);
    let lock = read(session.repository, image, arch)?;
    let reason = match &lock {
        None => format!("the image `{image}` has no lock for {arch} yet"),
        Some(lock) => match misfit(lock, assembly) {
            None => return Ok(lock.clone()),
            Some(reason) => reason,
        },
    };
    match session.locking {
        Locking::Locked => Err(Failure::asked(reason)
            .hint(format!("run `ashlar lock {image} --arch {arch}` and look at what changes"))),
        Locking::Follow => {
            session.watcher.note(&format!("{reason}; resolving"));
            resolving::lock(session, assembly, lock.as_ref())
        }
    }
}

/// The packages of some sets, as they are asked from mirrors.
#[must_use]
pub fn wanted(lock: &Lock, takes: &dyn Fn(&str) -> bool) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = lock
        .packages
        .iter()
        .filter(|(key, _)| takes(&key.set))
        .map(|(key, locked)| Wanted {
            name: format!("{} {}", key.name, key.version),
            archive: Archive::of_suite(&locked.suite),
            paths: vec![locked.path.clone()],
            len_bytes: locked.len_bytes,
            digest: locked.digest,
        })
        .collect();
    wanted.sort_by_key(|wanted| wanted.digest);
    wanted.dedup_by_key(|wanted| wanted.digest);
    wanted
}

/// Names and digests of a set's packages, by name.
#[must_use]
pub fn names(lock: &Lock, set: &str) -> Vec<(String, Digest)> {
    lock.set(set).map(|(key, locked)| (key.name.clone(), locked.digest)).collect()
}

/// Makes sure that the store has the packages of these sets. A package that left the mirrors is
/// replaced by what the mirrors have now, with a warning, or refused, as the session allows. The
/// answer is the lock to go on with.
///
/// # Errors
/// Packages are not to be had.
pub fn fetch(
    session: &Session<'_>,
    assembly: &Assembly,
    lock: Lock,
    takes: &dyn Fn(&str) -> bool,
) -> Result<Lock, Failure> {
    let (image, arch) = (&assembly.image.name, assembly.arch);
    let get =
        |lock: &Lock| session.fetcher.fetch(session.store, &wanted(lock, takes), session.watcher);
    match get(&lock) {
        Ok(()) => Ok(lock),
        Err(error) if session.locking == Locking::Follow && has_left(&error) => {
            let note = format!("{error}: a package of {image} for {arch} left the mirrors");
            session.watcher.note(&note);
            let newer = resolving::lock(session, assembly, Some(&lock))?;
            session.watcher.note(&changes(&lock, &newer));
            get(&newer).map_err(unavailable)?;
            Ok(newer)
        }
        Err(error) => Err(unavailable(error)),
    }
}

fn has_left(error: &FetchError) -> bool {
    use crate::fetch::Why;
    match error {
        FetchError::Nowhere { attempts, .. } => attempts.iter().all(
            |attempt| matches!(attempt.why, Why::Status(status) if status == 404 || status == 410),
        ),
        _ => false,
    }
}

/// A package is not to be had.
pub(super) fn unavailable(error: FetchError) -> Failure {
    let hint = match &error {
        FetchError::Offline { .. } => "run it once without --offline",
        FetchError::Nowhere { .. } => {
            "name another mirror with --mirror URL, or resolve anew with `ashlar lock`"
        }
        _ => "look at the cache directory and the proxy settings",
    };
    Failure::machine("packages are not to be had").because(error).hint(hint)
}

/// What changes from one lock to another, a line each.
#[must_use]
pub fn changes(before: &Lock, after: &Lock) -> String {
    let versions = |lock: &Lock| -> BTreeMap<(String, String), String> {
        let row =
            |(key, _): (&Key, &Locked)| ((key.set.clone(), key.name.clone()), key.version.clone());
        lock.packages.iter().map(row).collect()
    };
    let (old, new) = (versions(before), versions(after));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let mut text = String::from("the lock changes:");
    for key in names {
        let (before, after) = (old.get(key), new.get(key));
        if before != after {
            let word = |version: Option<&String>| {
                version.map_or_else(|| "(none)".to_owned(), Clone::clone)
            };
            let (set, name) = key;
            text.push_str(&format!("\n  {name} ({set}): {} -> {}", word(before), word(after)));
        }
    }
    if old == new {
        text.push_str(" no version, only dates of indices");
    }
    text
}

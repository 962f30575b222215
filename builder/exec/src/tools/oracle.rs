//! The reference tools that tests compare our formats with.
//!
//! They come from the locked image `tools-oracle` of the checkout, fetched and unpacked like any
//! other tool tree, so that a test asks nothing of the machine but a mirror and a cache. Only tests
//! use this; nothing that is built does.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use contract::arch::Arch;
use packages::lock::Lock;

use super::{Package, ToolTree};
use crate::environment::Environment;
use crate::fetch::{Fetcher, Limits, Network, Unseen, Wanted};
use crate::mirrors::{Archive, Mirrors};
use crate::runner::Command;
use crate::store::Store;

/// The image whose lock names the packages.
const IMAGE: &str = "tools-oracle";

/// The directories that a tool is looked for in.
const PLACES: [&str; 3] = ["usr/bin", "usr/sbin", "usr/lib/systemd"];

static TREE: OnceLock<Result<ToolTree, String>> = OnceLock::new();

/// A reference tool by its name.
///
/// # Errors
/// The tools cannot be had, or this is none of them; in words.
pub fn oracle(name: &str) -> Result<Command, String> {
    let tree = oracle_tree()?;
    let path = PLACES.iter().map(|place| format!("{place}/{name}"));
    let path = path.into_iter().find(|path| tree.path(path).exists());
    let path = path.ok_or_else(|| format!("`{name}` is no program of {IMAGE}"))?;
    let command = tree.command(&path).map_err(|error| words(&error))?;
    // A program that starts another of the tree must find none: the host's loader would start it.
    // And a user's own settings are none of a test's.
    Ok(command.env("PATH", "/nonexistent").env("MTOOLSRC", "/dev/null"))
}

/// The tree of the reference tools, for the files it has.
///
/// # Errors
/// It cannot be had; in words.
pub fn oracle_tree() -> Result<&'static ToolTree, String> {
    let make = || -> Result<ToolTree, Box<dyn Error>> {
        let arch = Arch::of_this_program().ok_or("there are no tools for this machine")?;
        let store = Store::open(&Environment::read()?.cache_dir)?;
        let wanted = fetch(&store, IMAGE, arch, &|_| true)?;
        let package = |wanted: Wanted| Package { name: wanted.name, digest: wanted.digest };
        let packages: Vec<Package> = wanted.into_iter().map(package).collect();
        Ok(ToolTree::ensure(&store, arch, &packages)?)
    };
    let made = TREE.get_or_init(|| make().map_err(|error| words(error.as_ref())));
    made.as_ref().map_err(Clone::clone)
}

/// The `.deb` of the first package of an image's lock whose name is the wanted one.
///
/// # Errors
/// There is none, or it cannot be had; in words.
pub fn oracle_package(
    image: &str,
    arch: Arch,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<u8>, String> {
    let read = || -> Result<Vec<u8>, Box<dyn Error>> {
        let store = Store::open(&Environment::read()?.cache_dir)?;
        let wanted = fetch(&store, image, arch, is_wanted)?;
        let first = wanted.first().ok_or("the lock has no such package")?;
        let object = store.get(&first.digest)?.ok_or("it left the store")?;
        Ok(object.read()?)
    };
    read().map_err(|error| words(error.as_ref()))
}

/// Fetches the packages of a lock that are wanted.
fn fetch(
    store: &Store,
    image: &str,
    arch: Arch,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Wanted>, Box<dyn Error>> {
    let lock = Lock::parse(&fs::read(lock_path(image, arch))?)?;
    let packages = lock.packages.iter().filter(|(key, _)| is_wanted(&key.name));
    let wanted: Vec<Wanted> = packages
        .map(|(key, locked)| Wanted {
            name: format!("{} {}", key.name, key.version),
            archive: Archive::of_suite(&locked.suite),
            paths: vec![locked.path.clone()],
            len_bytes: locked.len_bytes,
            digest: locked.digest,
        })
        .collect();
    let environment = Environment::read()?;
    let mirrors = Mirrors::find(&[], &environment.config_file, Path::new("/"))?;
    let fetcher = Fetcher::new(mirrors, Network::Online, &environment, Limits::default())?;
    fetcher.fetch(store, &wanted, &Unseen)?;
    Ok(wanted)
}

/// Where the checkout has the lock: this crate is two directories below it.
fn lock_path(image: &str, arch: Arch) -> PathBuf {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images");
    images.join(image).join(format!("{arch}.lock"))
}

fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        // Writing to a string does not fail.
        write!(text, ": {source}").unwrap_or_default();
        below = source.source();
    }
    text
}

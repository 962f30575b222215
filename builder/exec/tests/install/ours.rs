//! The packages of the lock, and our way of installing them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use contract::arch::Arch;
use contract::digest::Digest;
use exec::environment::Environment;
use exec::fetch::{Fetcher, Limits, Network, Unseen, Wanted};
use exec::mirrors::{Archive, Mirrors};
use exec::store::Store;
use exec::unpacked::Unpacked;
use formats::tree::Node;
use packages::lock::Lock;
use tree::derive::ld_cache::read_facts;
use tree::rules::Rules;

use super::listing::{Entry, Kind, Listing, names};

/// The packages, by name and digest, and the store that has them.
pub struct Packages {
    /// The store.
    pub store: Store,
    /// Name and digest of each.
    pub debs: Vec<(String, Digest)>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Makes sure that the store has the packages.
pub fn packages() -> Packages {
    let lock = repository().join("images/tools-install").join("x86_64.lock");
    let lock = Lock::parse(&std::fs::read(lock).unwrap()).unwrap();
    let environment = Environment::read().unwrap();
    let store = Store::open(&environment.cache_dir).unwrap();
    let mirrors = Mirrors::find(&[], &environment.config_file, Path::new("/")).unwrap();
    let fetcher = Fetcher::new(mirrors, Network::Online, &environment, Limits::default()).unwrap();
    let wanted: Vec<Wanted> = lock
        .set("image")
        .map(|(key, locked)| Wanted {
            name: key.name.clone(),
            archive: Archive::of_suite(&locked.suite),
            paths: vec![locked.path.clone()],
            len_bytes: locked.len_bytes,
            digest: locked.digest,
        })
        .collect();
    fetcher.fetch(&store, &wanted, &Unseen).unwrap_or_else(|error| panic!("{error:#?}"));
    let debs = lock.set("image").map(|(key, locked)| (key.name.clone(), locked.digest)).collect();
    Packages { store, debs }
}

fn rules() -> Rules {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(repository().join("recipes/rules")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        files.insert(name, std::fs::read_to_string(&path).unwrap());
    }
    Rules::read(&files).unwrap_or_else(|error| panic!("{error}"))
}

/// Installs the packages without running a script.
pub fn installed(packages: &Packages) -> Listing {
    let two = NonZeroUsize::new(2).unwrap();
    let unpacked = Unpacked::open(&packages.store, &packages.debs, two).unwrap();
    let rules = rules();
    let request = tree::install::Request {
        packages: unpacked.packages(),
        rules: &rules,
        arch: Arch::X86_64,
        users: &[],
        groups: &[],
        source: &unpacked,
        facts: &|content| read_facts(content, &unpacked),
    };
    let installed = tree::install::install(request).unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        panic!("{error}: {}", cause.unwrap_or_default())
    });
    let tree = installed.tree;
    let mut listing = Listing::default();
    for (path, node) in tree.iter().filter(|(path, _)| path.starts_with("etc/")) {
        if let Some(content) = node.content() {
            listing.contents.insert(path.to_owned(), content.load(&unpacked).unwrap().to_vec());
        }
    }
    let (users, groups) = (names(listing.bytes("etc/passwd")), names(listing.bytes("etc/group")));
    for (path, node) in tree.iter().filter(|(path, _)| !path.is_empty()) {
        let owner = format!("{}:{}", users[&node.uid.into()], groups[&node.gid.into()]);
        let entry = Entry {
            kind: kind(&tree, node),
            mode: node.mode.into(),
            owner,
            capability: node.xattrs.get("security.capability").cloned(),
        };
        listing.entries.insert(path.to_owned(), entry);
    }
    listing
}

fn kind(tree: &formats::tree::Tree, node: &Node) -> Kind {
    use formats::tree::Kind as Ours;
    match &node.kind {
        Ours::Directory => Kind::Directory,
        Ours::File(content) => Kind::File(*content.digest()),
        Ours::Symlink(target) => Kind::Symlink(target.clone()),
        Ours::Hardlink(first) => kind(tree, tree.get(first).unwrap()),
        _ => Kind::Special,
    }
}

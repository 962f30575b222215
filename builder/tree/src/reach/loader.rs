//! The rules by which the dynamic loader finds libraries, followed without running it.
//!
//! As glibc's `ld.so` does it (ld.so(8); gABI, chapter 5, "Shared Object Dependencies"). A name
//! with a slash is a path. Any other is looked for in: the `DT_RPATH` of the object that needs it
//! and of those that loaded that one, unless it has a `DT_RUNPATH`; its `DT_RUNPATH`; the
//! directories of `/etc/ld.so.conf` (which the loader knows through `/etc/ld.so.cache`); the
//! default directories. A file for another machine is passed over. A library is loaded once a
//! program: a name that something already loaded has, by file name or `DT_SONAME`, is that one.
//!
//! `LD_LIBRARY_PATH` has no part in it: an image that needs it says so in a service and declares
//! the library. The faster builds in `glibc-hwcaps` directories are not looked at: a processor may
//! lack what they ask for, so the plain one must be there, and it suffices.

mod configuration;
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use contract::arch::Arch;
use formats::elf::{ElfFacts, Machine};
use formats::tree::{Content, Kind, Tree};

use super::facts::{Body, Facts};
use super::{Note, ReachError, Reason};
use crate::resolve::{Last, Walked, walk};
use process::Process;

/// What the loader looks at.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) tree: &'a Tree,
    pub(super) facts: &'a dyn Facts,
}

/// The loader of an image, and everything it was seen to load.
pub(super) struct Loader {
    arch: Arch,
    /// Directories that need the cache, then the default ones, each by its own place.
    directories: Vec<Directory>,
    /// What each object loads: where that is, and why.
    edges: BTreeMap<String, Vec<(Walked, Reason)>>,
    /// Programs and libraries that were linked.
    linked: BTreeSet<String>,
    /// Answers of the directories that are the same for every program.
    common: BTreeMap<String, Lookup>,
}

#[derive(Clone)]
struct Directory {
    path: String,
    /// Whether the loader knows it only through its cache.
    cached: bool,
}

/// Where a library is.
#[derive(Clone)]
struct Found {
    walked: Walked,
    /// The directory it was found in, which is its `$ORIGIN`.
    origin: String,
    cached: bool,
}

/// The answer for one name.
#[derive(Clone)]
enum Lookup {
    Found(Found),
    /// Only a file for another machine is there.
    Foreign(String, Machine),
    Missing,
}

impl Loader {
    /// The loader of a tree, with its configuration.
    pub(super) fn new(tree: &Tree, arch: Arch, facts: &dyn Facts) -> Result<Self, ReachError> {
        let configured = configuration::directories(tree, facts)?;
        Ok(Self::with(tree, arch, &configured))
    }

    /// The loader of a tree whose configuration cannot be read.
    pub(super) fn without_configuration(tree: &Tree, arch: Arch) -> Self {
        Self::with(tree, arch, &[])
    }

    fn with(tree: &Tree, arch: Arch, configured: &[String]) -> Self {
        let multiarch = arch.multiarch();
        let plain = [format!("lib/{multiarch}"), format!("usr/lib/{multiarch}")];
        let plain = plain.into_iter().chain(["lib", "usr/lib"].map(str::to_owned));
        let place = |path: &str| walk(path, tree, Last::Follow).ok().map(|walked| walked.place);
        let mut defaults: Vec<String> = Vec::new();
        for path in plain.filter_map(|path| place(&path)) {
            if !defaults.contains(&path) {
                defaults.push(path);
            }
        }
        let mut directories = Vec::new();
        for path in configured.iter().filter_map(|path| place(path)) {
            let cached = !defaults.contains(&path);
            directories.push(Directory { path, cached });
        }
        directories.extend(defaults.into_iter().map(|path| Directory { path, cached: false }));
        Self {
            arch,
            directories,
            edges: BTreeMap::new(),
            linked: BTreeSet::new(),
            common: BTreeMap::new(),
        }
    }

    /// What an object was seen to load.
    pub(super) fn edges(&self, path: &str) -> Vec<(Walked, Reason)> {
        self.edges.get(path).cloned().unwrap_or_default()
    }

    /// Whether an object was linked.
    pub(super) fn has_linked(&self, path: &str) -> bool {
        self.linked.contains(path)
    }

    /// Loads a program, or a library on its own, with all it needs and with `wanted`, which it
    /// loads at run time. Answers the objects for which something new was found.
    pub(super) fn link(
        &mut self,
        context: Context<'_>,
        path: &str,
        wanted: &[String],
        notes: &mut Vec<Note>,
        errors: &mut Vec<ReachError>,
    ) -> BTreeSet<String> {
        if wanted.is_empty() && self.has_linked(path) {
            return BTreeSet::new();
        }
        let mut process = Process::new(self, context);
        process.start(path, wanted);
        notes.append(&mut process.notes);
        errors.append(&mut process.errors);
        process.changed
    }

    /// Looks for a library in the directories that are the same for every program.
    fn find_common(&mut self, context: Context<'_>, name: &str) -> io::Result<Lookup> {
        if let Some(lookup) = self.common.get(name) {
            return Ok(lookup.clone());
        }
        let lookup = self.find_in(context, name, &self.directories)?;
        self.common.insert(name.to_owned(), lookup.clone());
        Ok(lookup)
    }

    fn find_in(
        &self,
        context: Context<'_>,
        name: &str,
        directories: &[Directory],
    ) -> io::Result<Lookup> {
        let mut foreign = None;
        for Directory { path, cached } in directories {
            match self.look_at(context, &format!("{path}/{name}"))? {
                Lookup::Found(found) => {
                    return Ok(Lookup::Found(Found { cached: *cached, ..found }));
                }
                Lookup::Foreign(path, machine) => foreign = foreign.or(Some((path, machine))),
                Lookup::Missing => {}
            }
        }
        Ok(foreign.map_or(Lookup::Missing, |(path, machine)| Lookup::Foreign(path, machine)))
    }

    /// Whether there is a library for this machine at a path.
    fn look_at(&self, context: Context<'_>, path: &str) -> io::Result<Lookup> {
        let Ok(walked) = walk(path, context.tree, Last::Follow) else { return Ok(Lookup::Missing) };
        let Some(content) = content(context.tree, &walked.place) else {
            return Ok(Lookup::Missing);
        };
        let facts = context.facts.of(content)?;
        let Body::Elf(elf) = &facts.body else { return Ok(Lookup::Missing) };
        if elf.machine != Machine::of(self.arch) {
            return Ok(Lookup::Foreign(walked.place, elf.machine));
        }
        let origin = formats::tree::parent(path).to_owned();
        Ok(Lookup::Found(Found { walked, origin, cached: false }))
    }

    /// Writes the names that `DT_RPATH` and `DT_RUNPATH` may hold (ld.so(8), "Dynamic string
    /// tokens") into the directories of a list. Those that are relative to wherever the program is
    /// started are left out.
    fn expand(&self, list: &str, origin: &str) -> Vec<Directory> {
        let library = format!("lib/{}", self.arch.multiarch());
        let origin = format!("/{origin}");
        let tokens = [
            ("ORIGIN", origin.as_str()),
            ("LIB", library.as_str()),
            ("PLATFORM", self.arch.name()),
        ];
        let one = |path: &str| {
            let mut path = path.to_owned();
            for (token, value) in tokens {
                path = path.replace(&format!("${{{token}}}"), value);
                path = path.replace(&format!("${token}"), value);
            }
            let path = path.strip_prefix('/').map(str::to_owned);
            path.map(|path| Directory { path, cached: false })
        };
        list.split(':').filter_map(one).collect()
    }
}

/// The content at a place, through a hard link where it is one.
fn content<'a>(tree: &'a Tree, place: &str) -> Option<&'a Content> {
    match &tree.get(place)?.kind {
        Kind::Hardlink(target) => tree.get(target)?.content(),
        kind => match kind {
            Kind::File(content) => Some(content),
            _ => None,
        },
    }
}

/// The ELF facts at a place.
fn elf_at(context: Context<'_>, place: &str) -> io::Result<Option<Box<ElfFacts>>> {
    let Some(content) = content(context.tree, place) else { return Ok(None) };
    match &context.facts.of(content)?.body {
        Body::Elf(elf) => Ok(Some(elf.clone())),
        _ => Ok(None),
    }
}

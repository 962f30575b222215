//! What of the full tree an image needs: everything its entry points reach, and nothing else.
//!
//! An entry point is a file that a recipe names, with a why. From there the walk follows what the
//! kernel and the loader would follow: the loader of a program, the libraries it needs (found by
//! the loader's own rules), the interpreter of a script, the target of a symbolic link, the
//! modules a module needs and the firmware it asks for, and what a recipe or a note in the file
//! declares to be loaded at run time. Every file kept has a [`Reason`], which names the file before
//! it in a shortest chain, so `ashlar why` can print the chain.
//!
//! It is pure: the tree, facts of contents (by digest, through [`Facts`]) and declarations come in,
//! a set of paths comes out, the same for the same input. All mistakes are reported together.
//!
//! What it refuses: to guess. A library that is missing, a program for another machine, an entry
//! that matches nothing, something left out that is needed, are errors. What it does not see: files
//! that a program opens by name, and libraries it loads without a note. Recipes declare those.

mod error;
mod facts;
mod loader;
mod modules;
mod reason;
mod root;
mod secret;

pub use error::{ReachError, ReachErrors};
pub use facts::{Body, Facts, FileFacts, KnownFacts, Script, read_facts, write_facts};
pub use modules::{KeptModule, Modules};
pub use reason::Reason;
pub use root::RootError;
pub use secret::Secret;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use contract::arch::Arch;
use formats::kmod::uncompressed_path;
use formats::tree::{Content, Kind, Node, Tree};
use recipe::assembly::Assembly;
use recipe::declared::{Entry, LeaveOut, ModuleDecl, Omission};
use recipe::glob::Glob;

use crate::resolve::{Last, Walked, walk};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The architecture of the image.
    pub arch: Arch,
    /// Entry points.
    pub entries: &'a [Entry],
    /// Kernel modules.
    pub modules: &'a [ModuleDecl],
    /// What stays out.
    pub leave_out: &'a [LeaveOut],
}

impl<'a> Request<'a> {
    /// What the recipes of an image ask for.
    #[must_use]
    pub fn of(assembly: &'a Assembly) -> Self {
        Self {
            arch: assembly.arch,
            entries: &assembly.entries,
            modules: &assembly.modules,
            leave_out: &assembly.leave_out,
        }
    }
}

/// Something worth telling that is no mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// A library that a program may load at run time and no entry asks for.
    OptionalLibrary {
        /// The file that says so.
        by: String,
        /// The library, as the file prefers it.
        name: String,
        /// What for.
        feature: String,
        /// Whether the full tree has it.
        present: bool,
    },
    /// Firmware that a kept module may ask for and the full tree does not have.
    MissingFirmware {
        /// The module.
        module: String,
        /// The file below the firmware directory.
        name: String,
    },
    /// A module that another would like beside it, and that this kernel does not have.
    MissingSoftDependency {
        /// The module.
        module: String,
        /// What it asks for.
        name: String,
    },
    /// A declared module that is part of the kernel itself.
    BuiltIn {
        /// The name.
        name: String,
    },
    /// A symbolic link whose target is not in the full tree.
    Dangling {
        /// The link.
        path: String,
        /// Its target as written.
        target: String,
    },
    /// Something left out that was reached, and is not there now.
    LeftOut {
        /// The file.
        path: String,
    },
}

/// What is kept, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// Every path of the root tree with the last link of a shortest chain to it. Modules stand
    /// under their uncompressed path.
    pub keep: BTreeMap<String, Reason>,
    /// The kernel modules among them.
    pub modules: Option<Modules>,
    /// What is worth telling, sorted.
    pub notes: Vec<Note>,
}

/// Finds what the entry points reach.
///
/// # Errors
/// All mistakes found, together.
pub fn reach(tree: &Tree, request: Request<'_>, facts: &dyn Facts) -> Result<Reached, ReachErrors> {
    let mut walk = Walk::new(tree, request, facts);
    let roots = walk.declared_files();
    for (path, reason) in roots {
        walk.add(&path, reason);
    }
    for entry in request.entries {
        walk.add_entry(entry);
    }
    let modules = walk.add_modules();
    walk.follow_all();
    walk.finish(modules)
}

/// The walk from the entry points outward, nearest first.
struct Walk<'a> {
    tree: &'a Tree,
    request: Request<'a>,
    facts: &'a dyn Facts,
    keep: BTreeMap<String, Reason>,
    open: VecDeque<String>,
    /// Libraries that were reached without a program that loads them.
    loose: VecDeque<String>,
    loader: loader::Loader,
    /// What entries say is loaded at run time, by the program's own place.
    dlopen: BTreeMap<String, Vec<String>>,
    notes: Vec<Note>,
    errors: Vec<ReachError>,
}

impl<'a> Walk<'a> {
    fn new(tree: &'a Tree, request: Request<'a>, facts: &'a dyn Facts) -> Self {
        let mut errors = Vec::new();
        let loader = loader::Loader::new(tree, request.arch, facts).unwrap_or_else(|error| {
            errors.push(error);
            loader::Loader::without_configuration(tree, request.arch)
        });
        Self {
            tree,
            request,
            facts,
            keep: BTreeMap::new(),
            open: VecDeque::new(),
            loose: VecDeque::new(),
            loader,
            dlopen: BTreeMap::new(),
            notes: Vec::new(),
            errors,
        }
    }

    /// Files that recipes bring: they are asked for by being there.
    fn declared_files(&self) -> Vec<(String, Reason)> {
        let declared = self.tree.iter().filter_map(|(path, node)| {
            let recipe = node.origin.strip_prefix("recipe:")?.to_owned();
            Some((path.to_owned(), Reason::Declared { recipe }))
        });
        declared.filter(|(path, _)| !path.is_empty()).collect()
    }

    fn add_entry(&mut self, entry: &Entry) {
        let found = self.matches(&entry.path);
        if found.is_empty() && !entry.optional {
            let pattern = entry.path.to_string();
            self.errors.push(ReachError::NothingMatches { pattern, place: entry.place.clone() });
        }
        for walked in found {
            let reason = Reason::Entry {
                why: entry.why.clone(),
                pattern: entry.path.to_string(),
                exact: entry.path.literal().is_some(),
            };
            if !entry.dlopen.is_empty() {
                self.declare_dlopen(&walked.place, entry);
            }
            self.add_walked(&walked, &reason);
        }
    }

    fn declare_dlopen(&mut self, path: &str, entry: &Entry) {
        let Ok(program) = walk(path, self.tree, Last::Follow) else { return };
        let list = self.dlopen.entry(program.place).or_default();
        list.extend(entry.dlopen.iter().cloned());
    }

    /// The paths of the tree that a pattern stands for. A pattern without a special character may
    /// lead through links to directories.
    fn matches(&self, pattern: &Glob) -> Vec<Walked> {
        if let Some(path) = pattern.literal() {
            let walked = walk(path, self.tree, Last::Keep).ok();
            return walked
                .filter(|walked| self.tree.get(&walked.place).is_some())
                .into_iter()
                .collect();
        }
        let place = |place| Walked { place, through: Vec::new() };
        matching(self.tree, pattern).into_iter().map(place).collect()
    }

    /// Keeps the links on a way and what is at its end.
    fn add_walked(&mut self, walked: &Walked, reason: &Reason) {
        let mut reason = reason.clone();
        for path in walked.through.iter().chain([&walked.place]) {
            if !self.add(path, reason) {
                return;
            }
            reason = Reason::LinkTarget { of: path.clone() };
        }
    }

    /// Keeps a path of the full tree, for the first reason that comes. Answers whether it is kept.
    fn add(&mut self, path: &str, reason: Reason) -> bool {
        let kept_as = image_path(path);
        if path.is_empty() || self.keep.contains_key(kept_as) {
            return true;
        }
        if let Some(left_out) = self.left_out(path) {
            let (pattern, place) = (left_out.0.to_string(), left_out.1.place.clone());
            if reason.is_hard() {
                let (path, reason) = (path.to_owned(), Box::new(reason));
                self.errors.push(ReachError::LeftOut { path, reason, pattern, place });
            } else {
                self.notes.push(Note::LeftOut { path: path.to_owned() });
            }
            return false;
        }
        self.keep.insert(kept_as.to_owned(), reason);
        self.open.push_back(path.to_owned());
        true
    }

    fn left_out(&self, path: &str) -> Option<(&'a Glob, &'a LeaveOut)> {
        self.request.leave_out.iter().find_map(|left_out| match &left_out.what {
            Omission::Path(glob) if glob.matches(path) || glob.matches(image_path(path)) => {
                Some((glob, left_out))
            }
            _ => None,
        })
    }

    fn follow_all(&mut self) {
        loop {
            if let Some(path) = self.open.pop_front() {
                self.follow(&path);
            } else if let Some(library) = self.loose.pop_front() {
                self.link(&library);
                self.follow_edges(&library);
            } else {
                return;
            }
        }
    }

    fn follow(&mut self, path: &str) {
        let Some(node) = self.tree.get(path) else { return };
        match &node.kind {
            Kind::Symlink(target) => self.follow_link(path, target),
            Kind::Hardlink(target) => {
                self.add(target, Reason::HardlinkTarget { of: path.to_owned() });
            }
            Kind::File(content) if uncompressed_path(path).is_none() => {
                self.follow_file(path, node, content);
            }
            _ => {}
        }
        self.follow_edges(path);
    }

    fn follow_edges(&mut self, path: &str) {
        for (walked, reason) in self.loader.edges(path) {
            self.add_walked(&walked, &reason);
        }
    }

    fn follow_link(&mut self, path: &str, target: &str) {
        let walked = match walk(path, self.tree, Last::Follow) {
            Ok(walked) => walked,
            Err(error) => return self.errors.push(ReachError::Walk(error)),
        };
        if self.tree.get(&walked.place).is_none() {
            let (path, target) = (path.to_owned(), target.to_owned());
            return self.notes.push(Note::Dangling { path, target });
        }
        let through = walked.through.into_iter().filter(|link| link != path).collect();
        let walked = Walked { through, ..walked };
        self.add_walked(&walked, &Reason::LinkTarget { of: path.to_owned() });
    }

    fn follow_file(&mut self, path: &str, node: &Node, content: &Content) {
        let Some(facts) = self.facts_of(path, content) else { return };
        match &facts.body {
            Body::Elf(elf) if elf.is_dynamic_program() => self.link(path),
            Body::Elf(_) => self.loose.push_back(path.to_owned()),
            Body::Script(script) if node.mode & 0o111 != 0 => self.follow_script(path, script),
            Body::Broken { reason } if node.mode & 0o111 != 0 => {
                let (path, reason) = (path.to_owned(), reason.clone());
                self.errors.push(ReachError::Broken { path, reason });
            }
            _ => {}
        }
    }

    fn facts_of(&mut self, path: &str, content: &Content) -> Option<Arc<FileFacts>> {
        let facts = self.facts.of(content);
        facts.map_err(|error| self.errors.push(ReachError::facts(path, &error))).ok()
    }

    fn follow_script(&mut self, path: &str, script: &Script) {
        self.add_interpreter(path, &script.interpreter);
        if let Some(program) = script.through_env() {
            let places = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin"];
            let place = places.iter().map(|place| format!("{place}/{program}"));
            let found = place.clone().find(|place| self.tree.get(place).is_some());
            self.add_interpreter(path, &found.unwrap_or_else(|| program.to_owned()));
        }
    }

    fn add_interpreter(&mut self, path: &str, interpreter: &str) {
        let walked = match walk(interpreter, self.tree, Last::Follow) {
            Ok(walked) => walked,
            Err(error) => return self.errors.push(ReachError::Walk(error)),
        };
        if self.tree.get(&walked.place).is_none() {
            let (path, name) = (path.to_owned(), interpreter.to_owned());
            return self.errors.push(ReachError::MissingInterpreter { path, name });
        }
        self.add_walked(&walked, &Reason::Interpreter { of: path.to_owned() });
    }

    /// Does what the loader does for a program, or for a library that nobody loads.
    fn link(&mut self, path: &str) {
        let wanted = self.dlopen.get(path).cloned().unwrap_or_default();
        let context = loader::Context { tree: self.tree, facts: self.facts };
        let (notes, errors) = (&mut self.notes, &mut self.errors);
        let changed = self.loader.link(context, path, &wanted, notes, errors);
        // Those that come later are followed in their turn, so that chains stay short.
        let passed = changed.into_iter().filter(|object| self.keep.contains_key(object));
        for object in passed.collect::<Vec<_>>() {
            self.follow_edges(&object);
        }
    }

    /// What is said to load something at run time must be something that the loader starts.
    fn check_dlopen(&mut self) {
        for (path, names) in &self.dlopen {
            if !self.loader.has_linked(path) {
                let name = names.first().cloned().unwrap_or_default();
                self.errors.push(ReachError::NoLoader { path: path.clone(), name });
            }
        }
    }

    /// Adds the directories above everything kept, and hands out the result.
    fn finish(mut self, modules: Option<Modules>) -> Result<Reached, ReachErrors> {
        self.check_dlopen();
        let kept: Vec<String> = self.keep.keys().cloned().collect();
        for path in kept {
            let mut above = formats::tree::parent(&path);
            while !above.is_empty() && !self.keep.contains_key(above) {
                self.keep.insert(above.to_owned(), Reason::Above { path: path.clone() });
                above = formats::tree::parent(above);
            }
        }
        if let Some(errors) = ReachErrors::of(self.errors) {
            return Err(errors);
        }
        self.notes.sort();
        self.notes.dedup();
        Ok(Reached { keep: self.keep, modules, notes: self.notes })
    }
}

/// The paths of a tree that a pattern stands for, sorted.
fn matching(tree: &Tree, pattern: &Glob) -> Vec<String> {
    if let Some(path) = pattern.literal() {
        return tree.get(path).map(|_| path.to_owned()).into_iter().collect();
    }
    let prefix = pattern.literal_prefix();
    let below = tree.below(&prefix).filter(|(path, _)| pattern.matches(path));
    below.map(|(path, _)| path.to_owned()).collect()
}

/// Where a file of the full tree is in the image: modules lose their compression.
#[must_use]
pub fn image_path(path: &str) -> &str {
    match uncompressed_path(path) {
        Some(plain) if path.contains("lib/modules/") => plain,
        _ => path,
    }
}

#[cfg(test)]
mod tests;

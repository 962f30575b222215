//! One program as the loader sees it: a list of loaded objects that grows until nothing is asked
//! for any more.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use formats::elf::{Dlopen, ElfFacts, Machine, Priority};
use formats::tree::{name, parent};
use recipe::glob::Glob;

use super::super::{Note, ReachError, Reason, matching};
use super::{Context, Found, Loader, Lookup, elf_at};
use crate::resolve::{Last, Walked, walk};

/// Something that is loaded.
struct Object {
    place: String,
    /// The directory that `$ORIGIN` stands for.
    origin: String,
    /// What loaded it.
    loader: Option<usize>,
    elf: Box<ElfFacts>,
    /// How it was found, to find it the same way again.
    walked: Walked,
}

/// A program with what it has loaded so far.
pub(super) struct Process<'l, 'c> {
    loader: &'l mut Loader,
    context: Context<'c>,
    objects: Vec<Object>,
    /// Names that loaded objects answer to.
    names: BTreeMap<String, usize>,
    /// Names for which an entry says that they are loaded.
    wanted: BTreeSet<String>,
    pub(super) notes: Vec<Note>,
    pub(super) errors: Vec<ReachError>,
    pub(super) changed: BTreeSet<String>,
}

impl<'l, 'c> Process<'l, 'c> {
    pub(super) fn new(loader: &'l mut Loader, context: Context<'c>) -> Self {
        Self {
            loader,
            context,
            objects: Vec::new(),
            names: BTreeMap::new(),
            wanted: BTreeSet::new(),
            notes: Vec::new(),
            errors: Vec::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Loads the program or library at `path`, everything it needs, and what it wants later.
    pub(super) fn start(&mut self, path: &str, wanted: &[String]) {
        let walked = Walked { place: path.to_owned(), through: Vec::new() };
        self.wanted = wanted.iter().cloned().collect();
        self.open(walked, parent(path).to_owned(), None);
        let Some(main) = self.objects.first() else { return };
        if main.elf.machine != Machine::of(self.loader.arch) {
            return self.refuse_machine(path);
        }
        self.interpreter();
        let done = self.load_needs(0);
        for name in wanted {
            self.want(name);
        }
        self.load_needs(done);
    }

    /// Foreign code is data (firmware of guests) until somebody is to run or load it.
    fn refuse_machine(&mut self, path: &str) {
        let Some(main) = self.objects.first() else { return };
        if main.elf.is_dynamic_program() || !main.elf.needed.is_empty() {
            let (path, expected) = (path.to_owned(), self.loader.arch);
            let found = main.elf.machine;
            self.errors.push(ReachError::WrongMachine { path, found, expected, by: None });
        }
    }

    fn interpreter(&mut self) {
        let Some(main) = self.objects.first() else { return };
        let Some(interpreter) = main.elf.interpreter.clone() else { return };
        let path = main.place.clone();
        match self.loader.look_at(self.context, &interpreter) {
            Ok(Lookup::Found(found)) => {
                self.note_edge(&path, found.walked, Reason::Interpreter { of: path.clone() });
            }
            Ok(Lookup::Foreign(foreign, machine)) => self.wrong_machine(&path, foreign, machine),
            Ok(Lookup::Missing) => {
                self.errors.push(ReachError::MissingInterpreter { path, name: interpreter });
            }
            Err(error) => self.errors.push(ReachError::facts(&path, &error)),
        }
    }

    /// Loads what objects need, from the one at `at` on, until nobody needs more.
    fn load_needs(&mut self, mut at: usize) -> usize {
        while let Some(object) = self.objects.get(at) {
            let (place, elf) = (object.place.clone(), object.elf.clone());
            for name in &elf.needed {
                let reason = Reason::Needed { by: place.clone(), name: name.clone() };
                if !self.load(at, name, reason) {
                    self.missing(&place, name);
                }
            }
            for note in &elf.dlopen {
                self.declared_in_note(at, &place, note);
            }
            at += 1;
        }
        at
    }

    /// What a note in the file declares: one of the names must be there where it is required; the
    /// others are loaded where an entry asks for them.
    fn declared_in_note(&mut self, at: usize, place: &str, note: &Dlopen) {
        let asked = note.soname.iter().any(|name| self.wanted.contains(name));
        let Some(first) = note.soname.first() else { return };
        if note.priority == Priority::Required || asked {
            let load = |process: &mut Self, name: &String| {
                let reason = Reason::Dlopen { by: place.to_owned(), name: name.clone() };
                process.load(at, name, reason)
            };
            if !note.soname.iter().any(|name| load(self, name)) {
                self.missing(place, first);
            }
            return;
        }
        let found =
            note.soname.iter().any(|name| matches!(self.find(at, name), Ok(Lookup::Found(_))));
        self.notes.push(Note::OptionalLibrary {
            by: place.to_owned(),
            name: first.clone(),
            feature: note.feature.clone(),
            present: found,
        });
    }

    /// What an entry says the program loads at run time: a name, or a pattern of paths.
    fn want(&mut self, wanted: &str) {
        let Some(main) = self.objects.first() else { return };
        let place = main.place.clone();
        let reason = Reason::Dlopen { by: place.clone(), name: wanted.to_owned() };
        if !wanted.contains('/') {
            let as_noted = self.names.contains_key(wanted);
            if !self.load(0, wanted, reason) && !as_noted {
                self.missing(&place, wanted);
            }
            return;
        }
        let paths = self.paths(wanted);
        if paths.is_empty() {
            self.missing(&place, wanted);
        }
        for path in paths {
            match self.loader.look_at(self.context, &path) {
                Ok(Lookup::Found(found)) => self.take(0, found, reason.clone()),
                Ok(Lookup::Foreign(foreign, machine)) => {
                    self.wrong_machine(&place, foreign, machine);
                }
                Ok(Lookup::Missing) => {}
                Err(error) => self.errors.push(ReachError::facts(&path, &error)),
            }
        }
    }

    fn paths(&self, pattern: &str) -> Vec<String> {
        let Ok(glob) = Glob::parse(pattern.trim_start_matches('/')) else { return Vec::new() };
        if let Some(path) = glob.literal() {
            let walked = walk(path, self.context.tree, Last::Follow).ok();
            let found = walked.filter(|walked| self.context.tree.get(&walked.place).is_some());
            return found.map(|_| path.to_owned()).into_iter().collect();
        }
        matching(self.context.tree, &glob)
    }

    /// Loads a library by name for an object. Answers whether it is there.
    fn load(&mut self, at: usize, name: &str, reason: Reason) -> bool {
        let Some(object) = self.objects.get(at) else { return true };
        let place = object.place.clone();
        if let Some(loaded) = self.names.get(name).and_then(|loaded| self.objects.get(*loaded)) {
            let walked = loaded.walked.clone();
            self.note_edge(&place, walked, reason);
            return true;
        }
        match self.find(at, name) {
            Ok(Lookup::Found(found)) => {
                let walked = found.walked.clone();
                self.take(at, found, reason);
                let loaded = self.objects.iter().position(|object| object.place == walked.place);
                self.names.extend(loaded.map(|loaded| (name.to_owned(), loaded)));
                true
            }
            Ok(Lookup::Foreign(foreign, machine)) => {
                self.wrong_machine(&place, foreign, machine);
                true
            }
            Ok(Lookup::Missing) => false,
            Err(error) => {
                self.errors.push(ReachError::facts(&place, &error));
                true
            }
        }
    }

    /// Takes a library that was found for an object.
    fn take(&mut self, at: usize, found: Found, reason: Reason) {
        let Some(object) = self.objects.get(at) else { return };
        let place = object.place.clone();
        if found.cached {
            let cache = Walked { place: "etc/ld.so.cache".to_owned(), through: Vec::new() };
            if self.context.tree.get(&cache.place).is_some() {
                let of = found.walked.place.clone();
                self.note_edge(&found.walked.place, cache, Reason::LibraryCache { of });
            }
        }
        self.note_edge(&place, found.walked.clone(), reason);
        if !self.objects.iter().any(|object| object.place == found.walked.place) {
            self.open(found.walked, found.origin, Some(at));
        }
    }

    fn open(&mut self, walked: Walked, origin: String, loader: Option<usize>) {
        let elf = match elf_at(self.context, &walked.place) {
            Ok(Some(elf)) => elf,
            Ok(None) => return,
            Err(error) => return self.errors.push(ReachError::facts(&walked.place, &error)),
        };
        let at = self.objects.len();
        if let Some(soname) = &elf.soname {
            self.names.entry(soname.clone()).or_insert(at);
        }
        self.loader.linked.insert(walked.place.clone());
        let place = walked.place.clone();
        self.objects.push(Object { place, origin, loader, elf, walked });
    }

    /// Looks for a library as the loader does for this object.
    fn find(&mut self, at: usize, name: &str) -> io::Result<Lookup> {
        let Some(object) = self.objects.get(at) else { return Ok(Lookup::Missing) };
        if name.contains('/') {
            let path = self.loader.expand(name, &object.origin).pop();
            let path = path.map(|directory| directory.path).unwrap_or_default();
            return self.loader.look_at(self.context, &path);
        }
        let mut own = Vec::new();
        if object.elf.runpath.is_none() {
            let mut next = Some(object);
            while let Some(loader) = next {
                let rpath = loader.elf.rpath.iter().filter(|_| loader.elf.runpath.is_none());
                own.extend(rpath.flat_map(|list| self.loader.expand(list, &loader.origin)));
                next = loader.loader.and_then(|at| self.objects.get(at));
            }
        }
        let runpath = object.elf.runpath.iter();
        own.extend(runpath.flat_map(|list| self.loader.expand(list, &object.origin)));
        let only_own = object.elf.no_default_directories;
        match self.loader.find_in(self.context, name, &own)? {
            Lookup::Missing if !only_own => self.loader.find_common(self.context, name),
            Lookup::Foreign(path, machine) if !only_own => {
                let common = self.loader.find_common(self.context, name)?;
                let found = matches!(common, Lookup::Found(_));
                Ok(if found { common } else { Lookup::Foreign(path, machine) })
            }
            lookup => Ok(lookup),
        }
    }

    fn note_edge(&mut self, from: &str, walked: Walked, reason: Reason) {
        let edges = self.loader.edges.entry(from.to_owned()).or_default();
        if !edges.iter().any(|(known, _)| known.place == walked.place) && walked.place != from {
            edges.push((walked, reason));
            self.changed.insert(from.to_owned());
        }
    }

    fn wrong_machine(&mut self, by: &str, path: String, found: Machine) {
        let (expected, by) = (self.loader.arch, Some(by.to_owned()));
        self.errors.push(ReachError::WrongMachine { path, found, expected, by });
    }

    fn missing(&mut self, by: &str, wanted: &str) {
        let tree = self.context.tree;
        let same_name = |path: &&str| name(path) == name(wanted);
        self.errors.push(ReachError::MissingLibrary {
            by: by.to_owned(),
            origin: tree.get(by).map(|node| node.origin.to_string()).unwrap_or_default(),
            name: wanted.to_owned(),
            elsewhere: tree.iter().map(|(path, _)| path).find(same_name).map(str::to_owned),
            package: self.context.facts.package_with(wanted),
        });
    }
}

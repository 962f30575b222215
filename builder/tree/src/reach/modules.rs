//! Which kernel modules an image keeps, and the index files made for exactly those.
//!
//! Declarations name modules by name or path. A module brings those whose symbols it uses, those
//! it asks to have beside it (`softdep`, and `weakdep` where the kernel has them), and the firmware
//! it names where a package of the image has the file. What the kernel has built in needs no file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use formats::kmod::{
    AliasIndex, BuiltIn, IndexError, ModuleFacts, ModuleSet, module_name, name_of_file,
};
use formats::tree::{Content, Kind};
use recipe::declared::ModuleDecl;
use recipe::glob::Glob;

use super::facts::{Body, FileFacts};
use super::{Note, ReachError, Reason, Walk, image_path, matching};
use crate::resolve::{Last, walk};

/// Where kernels keep their modules.
const MODULES: &str = "usr/lib/modules";
/// The suffixes by which the kernel looks for compressed firmware.
const FIRMWARE_ENDINGS: [&str; 3] = ["", ".xz", ".zst"];

/// The kernel modules of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modules {
    /// The kernel's version, the name of its directory.
    pub version: String,
    /// The text of the package's `modules.order`.
    pub order: String,
    /// The modules that are kept, by name.
    pub kept: BTreeMap<String, KeptModule>,
}

/// A module that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptModule {
    /// Its path in the image.
    pub path: String,
    /// Its path in the full tree, where it may be compressed.
    pub full_path: String,
    /// Whether it also goes into the initrd.
    pub initrd: bool,
    /// Whether it is loaded at start.
    pub load: bool,
    /// Its firmware, by paths in the image.
    pub firmware: Vec<String>,
    facts: Arc<FileFacts>,
}

impl KeptModule {
    /// What the module says of itself.
    #[must_use]
    pub fn facts(&self) -> Option<&ModuleFacts> {
        match &self.facts.body {
            Body::Module(facts) => Some(facts),
            _ => None,
        }
    }
}

impl Modules {
    /// The directory of this kernel's modules.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("{MODULES}/{}", self.version)
    }

    /// The index files, by name, for the modules that `takes` accepts: all of the root, or those
    /// of the initrd.
    ///
    /// # Errors
    /// Modules need one another in a circle.
    pub fn index_files(
        &self,
        takes: impl Fn(&KeptModule) -> bool,
    ) -> Result<Vec<(&'static str, Vec<u8>)>, IndexError> {
        let top = format!("{}/", self.directory());
        let taken = self.kept.values().filter(|module| takes(module));
        let pairs = taken.filter_map(|module| {
            Some((module.path.strip_prefix(&top).unwrap_or(&module.path), module.facts()?))
        });
        let set = ModuleSet::new(pairs, &self.order)?;
        Ok(vec![
            ("modules.alias", set.alias().into_bytes()),
            ("modules.dep", set.dep().into_bytes()),
            ("modules.devname", set.devname().into_bytes()),
            ("modules.softdep", set.softdep().into_bytes()),
            ("modules.weakdep", set.weakdep().into_bytes()),
        ])
    }
}

/// A kernel's modules as the packages bring them.
struct Kernel {
    version: String,
    directory: String,
    /// Paths in the full tree, by module name.
    files: BTreeMap<String, String>,
    built_in: BuiltIn,
    order: String,
    /// Made when something is asked for that is no module's name.
    aliases: Option<AliasIndex>,
}

impl Walk<'_> {
    /// Keeps the declared modules with all they bring.
    pub(super) fn add_modules(&mut self) -> Option<Modules> {
        if self.request.modules.is_empty() {
            return None;
        }
        let mut kernel = self.kernel()?;
        let mut kept = BTreeMap::new();
        for decl in self.request.modules {
            self.add_declared(&mut kernel, decl, &mut kept);
        }
        let directory = kernel.directory.clone();
        for name in ["modules.builtin", "modules.builtin.modinfo"] {
            let path = format!("{directory}/{name}");
            if self.tree.get(&path).is_some() && !kept.is_empty() {
                self.add(&path, Reason::ModuleIndex);
            }
        }
        Some(Modules { version: kernel.version, order: kernel.order, kept })
    }

    fn kernel(&mut self) -> Option<Kernel> {
        let below = self.tree.below(MODULES).filter_map(|(path, _)| {
            let rest = path.strip_prefix(MODULES)?.strip_prefix('/')?;
            rest.split_once("/kernel/").map(|(version, _)| version)
        });
        let versions: BTreeSet<&str> = below.filter(|version| !version.contains('/')).collect();
        let mut versions = versions.into_iter();
        let (Some(version), None) = (versions.next(), versions.next()) else {
            let found = self.kernel_versions();
            self.errors.push(ReachError::Kernels { found });
            return None;
        };
        let directory = format!("{MODULES}/{version}");
        let mut files = BTreeMap::new();
        for (path, node) in self.tree.below(&directory) {
            let name = name_of_file(path).filter(|_| matches!(node.kind, Kind::File(_)));
            let Some(name) = name else { continue };
            if let Some(first) = files.insert(name.clone(), path.to_owned()) {
                let second = path.to_owned();
                let error = IndexError::SameName { name, first, second };
                self.errors.push(ReachError::Index(error));
            }
        }
        let built_in = self.text(&format!("{directory}/modules.builtin"));
        let modinfo = self.text(&format!("{directory}/modules.builtin.modinfo"));
        let built_in = BuiltIn::parse(&built_in, modinfo.as_bytes());
        let order = self.text(&format!("{directory}/modules.order"));
        let version = version.to_owned();
        Some(Kernel { version, directory, files, built_in, order, aliases: None })
    }

    fn kernel_versions(&self) -> Vec<String> {
        let below = self.tree.below(MODULES).map(|(path, _)| path);
        let direct = below.filter(|path| formats::tree::parent(path) == MODULES);
        direct.map(|path| formats::tree::name(path).to_owned()).collect()
    }

    /// The text of a small file of the full tree; empty when it is not there.
    fn text(&mut self, path: &str) -> String {
        let Some(content) = self.tree.get(path).and_then(|node| node.content()) else {
            return String::new();
        };
        match content.load(self.facts) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                self.errors.push(ReachError::facts(path, &error));
                String::new()
            }
        }
    }

    fn add_declared(
        &mut self,
        kernel: &mut Kernel,
        decl: &ModuleDecl,
        kept: &mut BTreeMap<String, KeptModule>,
    ) {
        let prefix = format!("{}/kernel/", kernel.directory);
        let matches = |path: &&String| {
            path.strip_prefix(&prefix).is_some_and(|below| decl.pattern.matches(below))
        };
        let found: Vec<String> = kernel.files.values().filter(matches).cloned().collect();
        if found.is_empty() {
            return self.nothing_declared(kernel, decl);
        }
        let mut open: VecDeque<(String, Reason, bool)> = VecDeque::new();
        for path in found {
            let (why, pattern) = (decl.why.clone(), decl.pattern.to_string());
            open.push_back((path, Reason::Module { why, pattern }, decl.load));
        }
        // One that is kept is looked at again when it now goes into the initrd too.
        while let Some((path, reason, load)) = open.pop_front() {
            let Some(name) = name_of_file(&path) else { continue };
            let known = kept.get_mut(&name).map(|known| {
                known.load |= load;
                let before = known.initrd;
                known.initrd |= decl.initrd;
                before
            });
            if known == Some(true) || (known == Some(false) && !decl.initrd) {
                continue;
            }
            if known.is_none() && !self.keep_module(&name, &path, reason, decl, load, kept) {
                continue;
            }
            let facts = kept.get(&name).map(|module| Arc::clone(&module.facts));
            if let Some(Body::Module(facts)) = facts.as_deref().map(|facts| &facts.body) {
                open.extend(self.brought(kernel, &path, facts));
            }
        }
    }

    fn nothing_declared(&mut self, kernel: &Kernel, decl: &ModuleDecl) {
        let name = decl.pattern.to_string();
        if kernel.built_in.answers(&name) {
            self.notes.push(Note::BuiltIn { name });
        } else if !decl.optional {
            let place = decl.place.clone();
            self.errors.push(ReachError::NoSuchModule { pattern: name, place });
        }
    }

    fn keep_module(
        &mut self,
        name: &str,
        path: &str,
        reason: Reason,
        decl: &ModuleDecl,
        load: bool,
        kept: &mut BTreeMap<String, KeptModule>,
    ) -> bool {
        let Some(facts) = self.module_facts(path) else { return false };
        if !self.add(path, reason) {
            return false;
        }
        let image = image_path(path).to_owned();
        let firmware = match &facts.body {
            Body::Module(module) => self.add_firmware(&image, &module.firmware),
            _ => Vec::new(),
        };
        let full_path = path.to_owned();
        let module =
            KeptModule { path: image, full_path, initrd: decl.initrd, load, firmware, facts };
        kept.insert(name.to_owned(), module);
        true
    }

    fn module_facts(&mut self, path: &str) -> Option<Arc<FileFacts>> {
        let content = self.tree.get(path)?.content()?;
        let facts = match self.facts.of_module(content) {
            Ok(facts) => facts,
            Err(error) => {
                self.errors.push(ReachError::facts(path, &error));
                return None;
            }
        };
        let path = path.to_owned();
        match &facts.body {
            Body::Module(module)
                if module.machine == formats::elf::Machine::of(self.request.arch) =>
            {
                return Some(facts);
            }
            Body::Module(module) => self.errors.push(ReachError::WrongMachine {
                path,
                found: module.machine,
                expected: self.request.arch,
                by: None,
            }),
            Body::Broken { reason } => {
                self.errors.push(ReachError::Broken { path, reason: reason.clone() });
            }
            _ => self.errors.push(ReachError::NotModule { path }),
        }
        None
    }

    /// What a module brings: paths with reasons.
    fn brought(
        &mut self,
        kernel: &mut Kernel,
        path: &str,
        facts: &ModuleFacts,
    ) -> Vec<(String, Reason, bool)> {
        let mut brought = Vec::new();
        let by = image_path(path).to_owned();
        for name in &facts.depends {
            match kernel.files.get(name) {
                Some(file) => {
                    let reason = Reason::ModuleNeeds { by: by.clone() };
                    brought.push((file.clone(), reason, false));
                }
                None if kernel.built_in.answers(name) => {}
                None => {
                    let (by, name) = (by.clone(), name.clone());
                    self.errors.push(ReachError::MissingModule { by, name });
                }
            }
        }
        for name in facts.soft_names().chain(facts.weak_names()) {
            let files = self.answering(kernel, name);
            if files.is_empty() && !kernel.built_in.answers(name) {
                let (module, name) = (by.clone(), name.to_owned());
                self.notes.push(Note::MissingSoftDependency { module, name });
            }
            for file in files {
                let (by, name) = (by.clone(), name.to_owned());
                brought.push((file, Reason::ModuleWants { by, name }, false));
            }
        }
        brought
    }

    /// The modules that answer to a name or, when none has it, to an alias.
    fn answering(&mut self, kernel: &mut Kernel, asked: &str) -> Vec<String> {
        if let Some(file) = kernel.files.get(&module_name(asked)) {
            return vec![file.clone()];
        }
        if kernel.aliases.is_none() {
            kernel.aliases = Some(self.alias_index(kernel));
        }
        let names = kernel.aliases.as_ref().map(|aliases| aliases.find(asked)).unwrap_or_default();
        names.into_iter().filter_map(|name| kernel.files.get(name)).cloned().collect()
    }

    fn alias_index(&mut self, kernel: &Kernel) -> AliasIndex {
        let content = |path: &String| self.tree.get(path)?.content();
        let contents: Vec<&Content> = kernel.files.values().filter_map(content).collect();
        self.facts.prepare_modules(&contents);
        let mut index = AliasIndex::default();
        for (name, path) in &kernel.files {
            let Some(facts) = self.module_facts(path) else { continue };
            let Body::Module(module) = &facts.body else { continue };
            module.aliases.iter().for_each(|alias| index.insert(alias, name));
        }
        index
    }

    /// Keeps the firmware that a module names, where it is there: below the directories that the
    /// kernel looks into (`drivers/base/firmware_loader`), the first that has it.
    fn add_firmware(&mut self, module: &str, names: &[String]) -> Vec<String> {
        let mut kept = Vec::new();
        for name in names {
            let found = self.firmware(name);
            if found.is_empty() {
                let (module, name) = (module.to_owned(), name.clone());
                self.notes.push(Note::MissingFirmware { module, name });
            }
            for path in found {
                let Ok(walked) = walk(&path, self.tree, Last::Keep) else { continue };
                let (of, name) = (module.to_owned(), name.clone());
                if self.add(&walked.place, Reason::Firmware { of, name }) {
                    kept.push(walked.place);
                }
            }
        }
        kept
    }

    fn firmware(&self, name: &str) -> Vec<String> {
        let top = "usr/lib/firmware";
        if name.contains(['*', '?', '[']) {
            let Ok(glob) = Glob::parse(&format!("{top}/{name}")) else { return Vec::new() };
            return matching(self.tree, &glob);
        }
        let paths = ["updates/", ""].into_iter().flat_map(|directory| {
            let path = format!("{top}/{directory}{name}");
            FIRMWARE_ENDINGS.map(|ending| format!("{path}{ending}"))
        });
        let there = |path: &String| {
            let walked = walk(path, self.tree, Last::Follow);
            walked.is_ok_and(|walked| self.tree.get(&walked.place).is_some())
        };
        paths.into_iter().find(there).into_iter().collect()
    }
}

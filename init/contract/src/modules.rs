//! Which kernel modules a device needs, and in which order they load.
//!
//! The builder writes the text indexes of `depmod(8)` and the node reads them; the binary ones are
//! not used, because a sorted scan of the text is quick enough and nothing has to be trusted about
//! offsets. The forms, one entry a line, `#` begins a comment line:
//!
//! | file | line |
//! |---|---|
//! | `modules.dep` | `kernel/a/b.ko: kernel/c/d.ko kernel/e/f.ko`: `b` needs `d` and `f`; the last one loads first |
//! | `modules.alias` | `alias PATTERN MODULE`, the pattern as in `fnmatch(3)` without flags |
//! | `modules.softdep` | `softdep MODULE pre: a b post: c` |
//! | `modules.builtin` | `kernel/a/b.ko`: it is inside the kernel and needs no loading |
//!
//! Module names hold no difference between `-` and `_`; here they are always written with `_`.
//! Nothing here loads anything: the answer is an order of paths. A soft dependency that is not
//! there is passed over; a hard one that is not there is for the kernel to refuse.

mod glob;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use glob::matches;
pub use settings::Settings;

/// The hard dependencies, the soft ones, and what is built in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modules {
    files: BTreeMap<String, File>,
    soft: BTreeMap<String, Soft>,
    built_in: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct File {
    path: String,
    /// Names, in loading order.
    needs: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Soft {
    pre: Vec<String>,
    post: Vec<String>,
}

impl Modules {
    /// Reads `modules.dep`, `modules.softdep`, `modules.builtin` and `modules.alias`. A line that
    /// has not the form is passed over: one odd line must not keep a node from its disk.
    #[must_use]
    pub fn parse(dep: &str, softdep: &str, builtin: &str, alias: &str) -> Self {
        let files: BTreeMap<_, _> = lines(dep).filter_map(dependency_line).collect();
        let mut soft: BTreeMap<String, Soft> = BTreeMap::new();
        for (name, found) in lines(softdep).filter_map(softdep_line) {
            let all = soft.entry(name).or_default();
            all.pre.extend(found.pre);
            all.post.extend(found.post);
        }
        resolve_soft(&mut soft, &files, alias);
        let built_in = lines(builtin).filter_map(name_of_path).collect();
        Self { files, soft, built_in }
    }

    /// Whether the kernel holds this module already.
    #[must_use]
    pub fn is_built_in(&self, name: &str) -> bool {
        self.built_in.contains(&canonical(name))
    }

    /// Whether there is a file for this module.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(&canonical(name))
    }

    /// The paths to load so that `names` are there, each once, needs before those that need them.
    /// Names with no file are left out: they are built in, or this tree does not have them.
    #[must_use]
    pub fn load_order<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<&str> {
        let mut order = Order { modules: self, seen: BTreeSet::new(), paths: Vec::new() };
        for name in names {
            order.add(&canonical(name));
        }
        order.paths
    }
}

/// How deep soft dependencies are followed; the longest chain in Debian's kernels is three.
const SOFT_DEPTH_LIMIT: usize = 16;

/// Soft dependencies may be written as aliases (`crypto-crc32c`); each stands for every module
/// that has it.
fn resolve_soft(soft: &mut BTreeMap<String, Soft>, files: &BTreeMap<String, File>, alias: &str) {
    let lists = soft.values().flat_map(|soft| soft.pre.iter().chain(&soft.post));
    let unknown: BTreeSet<String> =
        lists.filter(|word| !files.contains_key(&canonical(word))).cloned().collect();
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (word, module) in pairs(alias, &unknown) {
        found.entry(word).or_default().push(canonical(module));
    }
    for soft in soft.values_mut() {
        for list in [&mut soft.pre, &mut soft.post] {
            let words = std::mem::take(list);
            list.extend(words.into_iter().flat_map(|word| match found.get(word.as_str()) {
                Some(modules) => modules.clone(),
                None => vec![canonical(&word)],
            }));
        }
    }
}

struct Order<'m> {
    modules: &'m Modules,
    seen: BTreeSet<String>,
    paths: Vec<&'m str>,
}

impl Order<'_> {
    fn add(&mut self, name: &str) {
        self.add_at(name, 0);
    }

    fn add_at(&mut self, name: &str, depth: usize) {
        if depth > SOFT_DEPTH_LIMIT || !self.seen.insert(name.to_owned()) {
            return;
        }
        let modules = self.modules;
        let soft = modules.soft.get(name);
        for before in soft.iter().flat_map(|soft| &soft.pre) {
            self.add_at(before, depth + 1);
        }
        if let Some(file) = modules.files.get(name) {
            // `modules.dep` lists the whole closure, so one level is all of it; following the
            // entries again only finds their soft dependencies.
            for need in &file.needs {
                self.add_at(need, depth + 1);
            }
            self.paths.push(&file.path);
        }
        for after in soft.iter().flat_map(|soft| &soft.post) {
            self.add_at(after, depth + 1);
        }
    }
}

/// The modules whose alias patterns in `alias_file` match one of `wanted`, sorted by name.
///
/// The file is read once from top to bottom. Most patterns begin with a long literal part
/// (`pci:v00008086d…`), so each line costs one binary search in `wanted` and a comparison.
#[must_use]
pub fn modules_for<'a>(alias_file: &'a str, wanted: &BTreeSet<String>) -> BTreeSet<&'a str> {
    pairs(alias_file, wanted).map(|(_, module)| module).collect()
}

/// Each of `wanted` with each module whose pattern it matches, in the order of the file.
fn pairs<'f, 'w>(
    alias_file: &'f str,
    wanted: &'w BTreeSet<String>,
) -> impl Iterator<Item = (&'w str, &'f str)> {
    lines(alias_file).filter_map(alias_line).flat_map(move |(pattern, module)| {
        let literal = glob::literal_prefix(pattern);
        let from = (std::ops::Bound::Included(literal), std::ops::Bound::Unbounded);
        wanted
            .range::<str, _>(from)
            .map(String::as_str)
            .take_while(move |alias| alias.starts_with(literal))
            .filter(move |alias| matches(pattern, alias))
            .map(move |alias| (alias, module))
    })
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn alias_line(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("alias")?;
    // Patterns may hold blanks (DMI strings), module names never.
    let (pattern, module) = rest.trim_start().rsplit_once(|c: char| c.is_ascii_whitespace())?;
    rest.starts_with(|c: char| c.is_ascii_whitespace()).then(|| (pattern.trim_end(), module))
}

fn dependency_line(line: &str) -> Option<(String, File)> {
    let (path, needs) = line.split_once(':')?;
    // Written furthest first: reading backwards gives the loading order.
    let needs = needs.split_ascii_whitespace().rev().filter_map(name_of_path).collect();
    Some((name_of_path(path)?, File { path: path.to_owned(), needs }))
}

fn softdep_line(line: &str) -> Option<(String, Soft)> {
    let mut words = line.strip_prefix("softdep")?.split_ascii_whitespace();
    let name = canonical(words.next()?);
    let mut soft = Soft::default();
    let mut list = None;
    for word in words {
        match word {
            "pre:" => list = Some(&mut soft.pre),
            "post:" => list = Some(&mut soft.post),
            _ => {
                if let Some(list) = list.as_mut() {
                    list.push(word.to_owned());
                }
            }
        }
    }
    Some((name, soft))
}

/// The module in a file: `kernel/fs/ext4/ext4.ko` is `ext4`; so are `.ko.xz`, `.ko.zst` and `.ko.gz`.
#[must_use]
pub fn name_of_path(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let (name, _) = file.split_once(".ko")?;
    (!name.is_empty()).then(|| canonical(name))
}

/// The one way to write a module's name.
#[must_use]
pub fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

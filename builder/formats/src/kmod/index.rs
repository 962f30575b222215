//! The index files of a set of modules.
//!
//! Text forms, one line each, as `depmod` of kmod 34 writes them:
//! * `modules.dep`: `PATH: PATH…`, the module and everything it needs, those that need others
//!   before those that are needed;
//! * `modules.alias`: `alias PATTERN NAME`; `modules.softdep`: `softdep NAME TEXT`;
//!   `modules.weakdep`: `weakdep NAME TEXT`;
//! * `modules.devname`: `NAME DEVICE cMAJOR:MINOR`, device nodes that load a module when opened.
//!
//! Modules stand in the order of `modules.order`; those it does not name come after, by path
//! (depmod leaves their order to its hash table). Dependencies of a line are sorted by one
//! topological order of all modules, which depends on the order of symbols: see
//! [`super::ModuleFacts::imports`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write as _;

use super::{AliasIndex, ModuleFacts, module_name, name_of_file};

/// Why modules do not make a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexError {
    /// Two files are the same module.
    SameName {
        /// The module.
        name: String,
        /// The file taken first.
        first: String,
        /// The other file.
        second: String,
    },
    /// A path is not that of an uncompressed module.
    NotModule {
        /// The path.
        path: String,
    },
    /// Modules need one another in a circle.
    Cycle {
        /// Those in it or behind it, by name.
        names: Vec<String>,
    },
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameName { name, first, second } => {
                write!(f, "{first} and {second} are both the module {name}")
            }
            Self::NotModule { path } => write!(f, "{path} is not the path of a module"),
            Self::Cycle { names } => {
                write!(f, "modules need one another in a circle: {}", names.join(", "))
            }
        }
    }
}

impl std::error::Error for IndexError {}

struct Member<'a> {
    path: &'a str,
    name: String,
    facts: &'a ModuleFacts,
    /// Those whose symbols it uses, in the order of its symbols.
    needs: Vec<usize>,
    /// Place in the topological order; what needs comes before what is needed.
    rank: usize,
}

/// A set of modules, in the order of the index files.
pub struct ModuleSet<'a> {
    members: Vec<Member<'a>>,
}

/// The paths that `modules.order` names, in order.
pub fn parse_order(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty())
}

impl<'a> ModuleSet<'a> {
    /// Puts modules together. Paths are below the directory of the kernel version and end in
    /// `.ko`; `order` is the text of `modules.order`.
    ///
    /// # Errors
    /// Two files are the same module, or modules need one another in a circle.
    pub fn new(
        modules: impl IntoIterator<Item = (&'a str, &'a ModuleFacts)>,
        order: &str,
    ) -> Result<Self, IndexError> {
        let mut places = BTreeMap::new();
        for (place, path) in parse_order(order).enumerate() {
            places.entry(path).or_insert(place);
        }
        let mut sorted: Vec<_> = modules.into_iter().collect();
        sorted.sort_by_key(|(path, _)| (places.get(path).copied().unwrap_or(usize::MAX), *path));
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        let mut members = Vec::with_capacity(sorted.len());
        for (path, facts) in sorted {
            let name = name_of_file(path).filter(|_| path.ends_with(".ko"));
            let name = name.ok_or_else(|| IndexError::NotModule { path: path.to_owned() })?;
            if let Some(first) = names.insert(name.clone(), path) {
                let (first, second) = (first.to_owned(), path.to_owned());
                return Err(IndexError::SameName { name, first, second });
            }
            members.push(Member { path, name, facts, needs: Vec::new(), rank: 0 });
        }
        let mut set = Self { members };
        set.link();
        set.rank()?;
        Ok(set)
    }

    /// Finds for each module the others whose symbols it uses. Where two give the same symbol, the
    /// later one in order is taken.
    fn link(&mut self) {
        let mut owners = BTreeMap::new();
        for (at, member) in self.members.iter().enumerate() {
            owners.extend(member.facts.exports.iter().map(|symbol| (symbol, at)));
        }
        for member in &mut self.members {
            let mut seen = BTreeSet::new();
            for symbol in member.facts.imports.iter() {
                // 64-bit PowerPC writes `.name` for the code of `name`.
                let symbol = symbol.strip_prefix('.').unwrap_or(symbol);
                if let Some(owner) = owners.get(symbol)
                    && seen.insert(*owner)
                {
                    member.needs.push(*owner);
                }
            }
        }
    }

    /// Gives each module its place in a topological order: repeatedly the last found module that
    /// nobody left needs, as depmod's stack does it.
    fn rank(&mut self) -> Result<(), IndexError> {
        let mut users = vec![0_usize; self.members.len()];
        for need in self.members.iter().flat_map(|member| &member.needs) {
            if let Some(count) = users.get_mut(*need) {
                *count += 1;
            }
        }
        let free = users.iter().enumerate().filter(|(_, count)| **count == 0);
        let mut free: Vec<usize> = free.map(|(at, _)| at).collect();
        let mut rank = 0;
        while let Some(member) = free.pop().and_then(|at| self.members.get_mut(at)) {
            member.rank = rank;
            rank += 1;
            for need in &member.needs {
                let Some(count) = users.get_mut(*need) else { continue };
                *count -= 1;
                if *count == 0 {
                    free.push(*need);
                }
            }
        }
        if rank == self.members.len() {
            return Ok(());
        }
        let stuck = self.members.iter().zip(&users).filter(|(_, count)| **count > 0);
        Err(IndexError::Cycle { names: stuck.map(|(member, _)| member.name.clone()).collect() })
    }

    /// The members that one needs, directly or not, in the order of its line.
    fn closure(&self, member: &Member<'a>) -> Vec<&Member<'a>> {
        let mut found = BTreeMap::new();
        let mut open = member.needs.clone();
        while let Some(at) = open.pop() {
            let Some(need) = self.members.get(at) else { continue };
            if found.insert(need.rank, need).is_none() {
                open.extend(&need.needs);
            }
        }
        found.into_values().collect()
    }

    /// The modules whose symbols one uses, by name, in the order of its symbols.
    pub fn direct(&self, name: &str) -> impl Iterator<Item = &str> {
        let member = self.members.iter().find(|member| member.name == name);
        let needs = member.map(|member| member.needs.as_slice()).unwrap_or_default();
        needs.iter().filter_map(|need| Some(self.members.get(*need)?.name.as_str()))
    }

    /// The modules in order: path and name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|member| (member.path, member.name.as_str()))
    }

    /// The text of `modules.dep`.
    #[must_use]
    pub fn dep(&self) -> String {
        let mut text = String::new();
        for member in &self.members {
            text.push_str(member.path);
            text.push(':');
            for need in self.closure(member) {
                text.push(' ');
                text.push_str(need.path);
            }
            text.push('\n');
        }
        text
    }

    /// The text of `modules.alias`.
    #[must_use]
    pub fn alias(&self) -> String {
        let line = |alias: &str, name: &str| format!("alias {alias} {name}\n");
        let head = "# Aliases extracted from modules themselves.\n";
        self.lines(head, |facts| &facts.aliases, line)
    }

    /// The text of `modules.softdep`.
    #[must_use]
    pub fn softdep(&self) -> String {
        let line = |text: &str, name: &str| format!("softdep {name} {text}\n");
        let head = "# Soft dependencies extracted from modules themselves.\n";
        self.lines(head, |facts| &facts.softdeps, line)
    }

    /// The text of `modules.weakdep`.
    #[must_use]
    pub fn weakdep(&self) -> String {
        let line = |text: &str, name: &str| format!("weakdep {name} {text}\n");
        let head = "# Weak dependencies extracted from modules themselves.\n";
        self.lines(head, |facts| &facts.weakdeps, line)
    }

    fn lines(
        &self,
        head: &str,
        values: fn(&ModuleFacts) -> &Vec<String>,
        line: fn(&str, &str) -> String,
    ) -> String {
        let lines = self.members.iter().flat_map(|member| {
            values(member.facts).iter().map(move |value| line(value, &member.name))
        });
        std::iter::once(head.to_owned()).chain(lines).collect()
    }

    /// The text of `modules.devname`; empty when no module has a device node of its own.
    #[must_use]
    pub fn devname(&self) -> String {
        let mut text = String::new();
        for member in &self.members {
            let Some((node, kind, major, minor)) = device_node(member.facts) else { continue };
            if text.is_empty() {
                text.push_str("# Device nodes to trigger on-demand module loading.\n");
            }
            // Writing to a string cannot be refused.
            writeln!(text, "{} {node} {kind}{major}:{minor}", member.name).unwrap_or_default();
        }
        text
    }
}

/// The device node that a module is loaded by: a `devname:` alias with a major and minor alias.
fn device_node(facts: &ModuleFacts) -> Option<(&str, char, u32, u32)> {
    let mut node = None;
    let mut number = None;
    for alias in &facts.aliases {
        if let Some(name) = alias.strip_prefix("devname:") {
            node = Some(name);
        } else if let Some(rest) = alias.strip_prefix("char-major-") {
            number = device_number('c', rest).or(number);
        } else if let Some(rest) = alias.strip_prefix("block-major-") {
            number = device_number('b', rest).or(number);
        }
        if let (Some(node), Some((kind, major, minor))) = (node, number) {
            return Some((node, kind, major, minor));
        }
    }
    None
}

fn device_number(kind: char, text: &str) -> Option<(char, u32, u32)> {
    let (major, minor) = text.split_once('-')?;
    let digits = minor.find(|char: char| !char.is_ascii_digit()).unwrap_or(minor.len());
    Some((kind, major.parse().ok()?, minor.get(..digits)?.parse().ok()?))
}

/// What is built into the kernel: the package's `modules.builtin` and `modules.builtin.modinfo`.
#[derive(Debug, Clone, Default)]
pub struct BuiltIn {
    names: BTreeSet<String>,
    aliases: AliasIndex,
}

impl BuiltIn {
    /// Reads `modules.builtin` (a path a line) and `modules.builtin.modinfo` (`NAME.KEY=value`,
    /// each ended by a zero byte). What is in another form is skipped: both only tell what needs
    /// no module.
    #[must_use]
    pub fn parse(builtin: &str, modinfo: &[u8]) -> Self {
        let names = builtin.lines().filter_map(name_of_file).collect();
        let mut aliases = AliasIndex::default();
        for text in modinfo.split(|byte| *byte == 0) {
            let text = std::str::from_utf8(text).unwrap_or_default();
            let Some((name, rest)) = text.split_once('.') else { continue };
            if let Some(alias) = rest.strip_prefix("alias=") {
                aliases.insert(alias, &module_name(name));
            }
        }
        Self { names, aliases }
    }

    /// Whether the kernel itself answers to a module's name or an alias.
    #[must_use]
    pub fn answers(&self, asked: &str) -> bool {
        self.names.contains(&module_name(asked)) || !self.aliases.find(asked).is_empty()
    }
}

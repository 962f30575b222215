//! The rule table: what maintainer scripts would have done to a fresh image.
//!
//! The table is text (`recipes/rules/*.toml`), because a person has to read it beside the scripts
//! and say "yes"; here it becomes values. Its shape is described in `docs/RULES.md`. Nothing is
//! optional that a reader would miss: every rule says why, unknown keys are refused, and a rule
//! knows the fingerprints of the scripts it stands in for, so that a script that changed is
//! noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use contract::digest::Digest;
use serde::Deserialize;

use crate::accounts::Numbers;
use crate::input::ScriptKind;
use crate::merge::Diversion;

mod error;
#[cfg(test)]
mod tests;

pub use error::RuleError;

/// All rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    packages: Vec<PackageRule>,
    generators: BTreeMap<String, GeneratorRule>,
    triggers: BTreeMap<String, String>,
    /// Numbers of users and groups whose makers leave the choice to the machine.
    pub numbers: Numbers,
    /// Paths that packages keep for themselves.
    pub diversions: Vec<Diversion>,
}

/// What the scripts of a package come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRule {
    /// The package's name; one `*` may stand for a part of it.
    pub name: String,
    /// What the scripts do and why this is the same, or why it is left undone.
    pub why: String,
    /// Fingerprints of the scripts it was written for.
    pub scripts: BTreeMap<ScriptKind, Vec<Digest>>,
    /// Beginnings of lines that do not count for the fingerprint.
    pub varying: Vec<String>,
    /// What is done to the tree.
    pub acts: Vec<Act>,
}

/// What sections of one generator come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratorRule {
    /// What is done.
    pub effect: Effect,
    /// Why that is right.
    pub why: String,
}

/// What is done about a generated section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It does nothing to a fresh installation.
    Nothing,
    /// It does something that an image does not want.
    Dropped,
    /// The `sysusers.d` files it names are evaluated.
    Sysusers,
    /// The `tmpfiles.d` files it names are evaluated.
    Tmpfiles,
    /// Its `update-alternatives --install` commands are evaluated.
    Alternatives,
    /// The empty local part of an AppArmor profile is made.
    ApparmorLocal,
    /// The directories below `/usr/local` that it lists are made.
    UsrLocal,
}

/// One thing that is done to the tree.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// Evaluates the `update-alternatives --install` commands of the package's scripts.
    Alternatives {},
    /// Copies a file that a package brings, unless there is one.
    Copy {
        /// The file.
        from: String,
        /// Where the copy goes.
        to: String,
        /// Its mode; that of the original without.
        mode: Option<Mode>,
    },
    /// Makes something that depends on more than this package.
    Derive {
        /// What.
        what: Derivation,
    },
    /// Makes a directory, unless there is one.
    Directory {
        /// Where.
        path: String,
        /// Its mode.
        #[serde(default = "Mode::directory")]
        mode: Mode,
        /// Its owner.
        #[serde(default = "root")]
        user: String,
        /// Its group.
        #[serde(default = "root")]
        group: String,
    },
    /// Writes a file, unless there is one.
    File {
        /// Where.
        path: String,
        /// What is in it.
        #[serde(default)]
        text: String,
        /// Its mode.
        #[serde(default = "Mode::file")]
        mode: Mode,
        /// Its owner.
        #[serde(default = "root")]
        user: String,
        /// Its group.
        #[serde(default = "root")]
        group: String,
    },
    /// Makes a group.
    Group {
        /// Its name.
        name: String,
        /// Its number, where the script gives one.
        gid: Option<u32>,
    },
    /// Sets mode and owner of something that is there.
    Permissions {
        /// Of what.
        path: String,
        /// The mode.
        mode: Mode,
        /// The owner.
        #[serde(default = "root")]
        user: String,
        /// The group.
        #[serde(default = "root")]
        group: String,
    },
    /// Takes away a file, a link, or a directory with nothing in it.
    Remove {
        /// What.
        path: String,
    },
    /// Makes a symbolic link, unless it is there.
    Symlink {
        /// Where.
        path: String,
        /// What it leads to, as written.
        target: String,
    },
    /// Evaluates `sysusers.d` files.
    Sysusers {
        /// Their names.
        files: Vec<String>,
    },
    /// Evaluates `tmpfiles.d` files.
    Tmpfiles {
        /// Their names.
        files: Vec<String>,
    },
    /// Makes a user.
    User {
        /// Its name.
        name: String,
        /// Its number, where the script gives one.
        uid: Option<u32>,
        /// Its primary group; one of its own name without.
        group: Option<String>,
        /// Further groups.
        #[serde(default)]
        groups: Vec<String>,
        /// The comment field.
        #[serde(default)]
        comment: String,
        /// The home directory.
        home: String,
        /// The login shell.
        #[serde(default = "nologin")]
        shell: String,
    },
}

/// What depends on more than one package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Derivation {
    /// The accounts that `base-passwd` reserves.
    ReservedAccounts,
    /// `/etc/ssl/certs` and `/etc/ca-certificates.conf`.
    Certificates,
    /// `/etc/ld.so.cache`.
    LdCache,
    /// `/etc/pam.d/common-*`.
    Pam,
    /// `/etc/shells`.
    Shells,
}

impl Act {
    /// Its word in the table.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Alternatives {} => "alternatives",
            Self::Copy { .. } => "copy",
            Self::Derive { .. } => "derive",
            Self::Directory { .. } => "directory",
            Self::File { .. } => "file",
            Self::Group { .. } => "group",
            Self::Permissions { .. } => "permissions",
            Self::Remove { .. } => "remove",
            Self::Symlink { .. } => "symlink",
            Self::Sysusers { .. } => "sysusers",
            Self::Tmpfiles { .. } => "tmpfiles",
            Self::User { .. } => "user",
        }
    }
}

impl Derivation {
    /// Its word in the table.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ReservedAccounts => "reserved-accounts",
            Self::Certificates => "certificates",
            Self::LdCache => "ld-cache",
            Self::Pam => "pam",
            Self::Shells => "shells",
        }
    }
}

/// Permission bits, written in octal with a leading zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mode(pub u16);

impl Mode {
    const fn directory() -> Self {
        Self(0o755)
    }

    const fn file() -> Self {
        Self(0o644)
    }
}

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let octal = text.strip_prefix('0').filter(|rest| (3..=4).contains(&rest.len()));
        let bits = octal.and_then(|octal| u16::from_str_radix(octal, 8).ok());
        bits.map(Self).ok_or_else(|| format!("`{text}` is no mode; write it as `0755` or `04755`"))
    }
}

fn root() -> String {
    "root".into()
}

fn nologin() -> String {
    "/usr/sbin/nologin".into()
}

/// One file of the table, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    package: Vec<PackageText>,
    #[serde(default)]
    generator: Vec<GeneratorText>,
    #[serde(default)]
    trigger: Vec<TriggerText>,
    #[serde(default)]
    diversion: Vec<DiversionText>,
    #[serde(default)]
    users: BTreeMap<String, u32>,
    #[serde(default)]
    groups: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageText {
    name: String,
    why: String,
    #[serde(default)]
    config: Vec<String>,
    #[serde(default)]
    preinst: Vec<String>,
    #[serde(default)]
    postinst: Vec<String>,
    #[serde(default)]
    varying: Vec<String>,
    #[serde(default)]
    acts: Vec<Act>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GeneratorText {
    name: String,
    effect: Effect,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TriggerText {
    name: String,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiversionText {
    path: String,
    to: String,
    package: String,
}

impl Rules {
    /// Reads the table: the text of each file by its name.
    ///
    /// # Errors
    /// A file is not of the table's shape, or two rules speak of one thing.
    pub fn read(files: &BTreeMap<String, String>) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        for (name, text) in files {
            let file: File = toml::from_str(text).map_err(|error| RuleError::Shape {
                file: name.clone(),
                why: error.to_string().trim_end().to_owned(),
            })?;
            rules.add(name, file)?;
        }
        rules.packages.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(rules)
    }

    fn add(&mut self, file: &str, text: File) -> Result<(), RuleError> {
        let twice = |what: &str, name: &str| {
            let (file, what, name) = (file.to_owned(), what.to_owned(), name.to_owned());
            RuleError::Twice { file, what, name }
        };
        for rule in text.package {
            if self.packages.iter().any(|known| known.name == rule.name) {
                return Err(twice("package", &rule.name));
            }
            self.packages.push(package_rule(file, rule)?);
        }
        for GeneratorText { name, effect, why } in text.generator {
            if self.generators.insert(name.clone(), GeneratorRule { effect, why }).is_some() {
                return Err(twice("generator", &name));
            }
        }
        for TriggerText { name, why } in text.trigger {
            if self.triggers.insert(name.clone(), why).is_some() {
                return Err(twice("trigger", &name));
            }
        }
        for (name, number) in text.users {
            if self.numbers.users.insert(name.clone(), number).is_some() {
                return Err(twice("user", &name));
            }
        }
        for (name, number) in text.groups {
            if self.numbers.groups.insert(name.clone(), number).is_some() {
                return Err(twice("group", &name));
            }
        }
        for DiversionText { path, to, package } in text.diversion {
            if self.diversions.iter().any(|known| known.path == path) {
                return Err(twice("diversion", &path));
            }
            self.diversions.push(Diversion { path, to, package });
        }
        Ok(())
    }

    /// The rule for this package, with what the star in its pattern stands for. A rule with the
    /// package's own name goes before a pattern, a longer pattern before a shorter one.
    #[must_use]
    pub fn package<'a, 'b>(&'a self, name: &'b str) -> Option<(&'a PackageRule, &'b str)> {
        let matching = self.packages.iter().filter_map(|rule| Some((rule, rule.star(name)?)));
        matching.max_by_key(|(rule, _)| (!rule.name.contains('*'), rule.name.len()))
    }

    /// What sections of this generator come to.
    #[must_use]
    pub fn generator(&self, name: &str) -> Option<&GeneratorRule> {
        self.generators.get(name)
    }

    /// Whether activating this trigger is known to be stood in for.
    #[must_use]
    pub fn knows_trigger(&self, name: &str) -> bool {
        self.triggers.contains_key(name)
    }

    /// All rules for packages, by name.
    #[must_use]
    pub fn packages(&self) -> &[PackageRule] {
        &self.packages
    }

    /// Paths whose mode and owner a rule sets.
    #[must_use]
    pub fn decided(&self) -> BTreeSet<String> {
        let acts = self.packages.iter().flat_map(|rule| &rule.acts);
        let paths = acts.filter_map(|act| match act {
            Act::Permissions { path, .. } => Some(path.clone()),
            _ => None,
        });
        paths.collect()
    }
}

impl PackageRule {
    /// What the star stands for in this name; empty without a star.
    fn star<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self.name.split_once('*') {
            None => (self.name == name).then_some(""),
            Some((before, after)) => {
                name.strip_prefix(before)?.strip_suffix(after).filter(|star| !star.is_empty())
            }
        }
    }
}

fn package_rule(file: &str, text: PackageText) -> Result<PackageRule, RuleError> {
    let PackageText { name, why, config, preinst, postinst, varying, acts } = text;
    if why.trim().is_empty() {
        return Err(RuleError::NoReason { file: file.to_owned(), name });
    }
    if varying.iter().any(|start| start.trim().len() < 3) {
        return Err(RuleError::VaryingTooShort { file: file.to_owned(), name });
    }
    let mut scripts = BTreeMap::new();
    let kinds = [ScriptKind::Config, ScriptKind::Preinst, ScriptKind::Postinst];
    for (kind, texts) in kinds.into_iter().zip([config, preinst, postinst]) {
        let mut digests = Vec::new();
        for text in texts {
            let bad = |_| RuleError::BadDigest {
                file: file.to_owned(),
                name: name.clone(),
                text: text.clone(),
            };
            digests.push(Digest::from_str(&text).map_err(bad)?);
        }
        if !digests.is_empty() {
            scripts.insert(kind, digests);
        }
    }
    Ok(PackageRule { name, why, scripts, varying, acts })
}

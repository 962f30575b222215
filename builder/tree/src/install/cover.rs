//! Every script that would run, looked up in the rule table.
//!
//! The outcome is a list of steps for each package, or everything that is not covered, at once:
//! whoever updates packages reads all changed scripts in one go.

use std::collections::BTreeMap;
use std::fmt;

use contract::digest::Digest;

use super::{InstallError, Request};
use crate::input::{InstalledPackage, ScriptKind};
use crate::rules::{Act, Effect, PackageRule};
use crate::script::{self, Script, Section, Variables};

/// The most of a script that is quoted.
const QUOTED_CHARS: usize = 20_000;

/// One thing to do for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// An act of its rule.
    Act(&'a Act),
    /// Evaluate these files of `sysusers.d`.
    Sysusers(Vec<String>),
    /// Evaluate these files of `tmpfiles.d`.
    Tmpfiles(Vec<String>),
    /// The words of an `update-alternatives` command.
    Alternative(Vec<String>),
    /// Make an empty file unless there is one.
    EmptyFile(String),
    /// Make directories.
    Directories(Vec<String>),
}

impl Step<'_> {
    /// What it is, for messages.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Act(act) => act.word(),
            Self::Sysusers(_) => "sysusers",
            Self::Tmpfiles(_) => "tmpfiles",
            Self::Alternative(_) => "alternatives",
            Self::EmptyFile(_) => "file",
            Self::Directories(_) => "directory",
        }
    }
}

/// What to do, by package.
pub(super) type Steps<'a> = BTreeMap<String, Vec<Step<'a>>>;

/// A script, or a part of one, that the rule table does not cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What is wrong.
    pub why: UncoveredWhy,
    /// What it says.
    pub text: String,
}

/// Why something is not covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UncoveredWhy {
    /// There is no rule for the package, or none for this script of it.
    NoRule {
        /// The script.
        script: ScriptKind,
        /// Its fingerprint.
        fingerprint: Digest,
    },
    /// The rule was written for another text.
    Changed {
        /// The script.
        script: ScriptKind,
        /// Its fingerprint.
        fingerprint: Digest,
    },
    /// Sections of this generator have no rule.
    Generator {
        /// The script.
        script: ScriptKind,
        /// The generator.
        generator: String,
    },
    /// A generated section does not end.
    OpenSection {
        /// The script.
        script: ScriptKind,
        /// The generator.
        generator: String,
    },
    /// The words of a command depend on what the script does.
    Command {
        /// The script.
        script: ScriptKind,
    },
    /// The package activates a trigger that is not known.
    Trigger {
        /// The trigger.
        name: String,
    },
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, version, why, text } = self;
        match why {
            UncoveredWhy::NoRule { script, fingerprint } => {
                write!(f, "{script} of {package} {version} has no rule (fingerprint {fingerprint})")
            }
            UncoveredWhy::Changed { script, fingerprint } => {
                write!(f, "{script} of {package} {version} is not the one its rule was written ")?;
                write!(f, "for; read it and add the fingerprint {fingerprint}")
            }
            UncoveredWhy::Generator { script, generator } => {
                write!(f, "{script} of {package} {version} has a section of `{generator}`, ")?;
                f.write_str("a generator without a rule")
            }
            UncoveredWhy::OpenSection { script, generator } => {
                write!(f, "{script} of {package} {version} has a section of `{generator}` ")?;
                f.write_str("that does not end")
            }
            UncoveredWhy::Command { script } => {
                write!(f, "{script} of {package} {version} has a command whose words it computes")
            }
            UncoveredWhy::Trigger { name } => {
                write!(f, "{package} {version} activates the trigger `{name}`, which has no rule")
            }
        }?;
        text.lines().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// Looks every script up.
pub(super) fn steps<'a>(request: &Request<'a>) -> Result<Steps<'a>, InstallError> {
    let mut packages: Vec<&InstalledPackage> = request.packages.iter().collect();
    packages.sort_by_key(|package| &package.name);
    let mut steps = Steps::new();
    let mut uncovered = Vec::new();
    for package in packages {
        let mut covering = Covering { request: *request, package, found: Vec::new(), uncovered };
        covering.package();
        steps.insert(package.name.clone(), covering.found);
        uncovered = covering.uncovered;
    }
    if uncovered.is_empty() { Ok(steps) } else { Err(InstallError::Uncovered(uncovered)) }
}

struct Covering<'a, 'b> {
    request: Request<'a>,
    package: &'b InstalledPackage,
    found: Vec<Step<'a>>,
    uncovered: Vec<Uncovered>,
}

impl<'a> Covering<'a, '_> {
    fn package(&mut self) {
        let rule = self.request.rules.package(&self.package.name);
        self.found.extend(rule.iter().flat_map(|(rule, _)| &rule.acts).map(Step::Act));
        let package = self.package;
        for (kind, text) in &package.scripts {
            if kind.runs_on_install() {
                match script::parse(text) {
                    Ok(script) => self.script(*kind, &script, rule),
                    Err(script::OpenSection { generator }) => {
                        self.lacks(UncoveredWhy::OpenSection { script: *kind, generator }, text);
                    }
                }
            }
        }
        for line in package.triggers.lines() {
            let mut words = line.split_ascii_whitespace();
            let activates = words.next().is_some_and(|word| word.starts_with("activate"));
            let unknown = |name: &&str| activates && !self.request.rules.knows_trigger(name);
            if let Some(name) = words.next().filter(unknown) {
                self.lacks(UncoveredWhy::Trigger { name: name.to_owned() }, line);
            }
        }
    }

    fn script(
        &mut self,
        kind: ScriptKind,
        script: &Script<'_>,
        rule: Option<(&'a PackageRule, &str)>,
    ) {
        if !script.is_plain() {
            let (varying, name) = rule.map_or((&[][..], ""), |(rule, star)| (&rule.varying, star));
            let multiarch = self.request.arch.multiarch();
            let fingerprint = script.fingerprint(Variables { multiarch, name, varying });
            let known = rule.and_then(|(rule, _)| rule.scripts.get(&kind));
            let why = match known {
                Some(known) if known.contains(&fingerprint) => None,
                Some(_) => Some(UncoveredWhy::Changed { script: kind, fingerprint }),
                None => Some(UncoveredWhy::NoRule { script: kind, fingerprint }),
            };
            if let Some(why) = why {
                self.lacks(why, &script.own.join("\n"));
            }
        }
        for section in &script.sections {
            self.section(kind, section);
        }
        let acts = rule.iter().flat_map(|(rule, _)| &rule.acts);
        if acts.into_iter().any(|act| matches!(act, Act::Alternatives {})) {
            let own = Script { sections: Vec::new(), own: script.own.clone() };
            self.alternatives(kind, &own);
        }
    }

    fn section(&mut self, kind: ScriptKind, section: &Section<'_>) {
        let Some(rule) = self.request.rules.generator(section.generator) else {
            let generator = section.generator.to_owned();
            let why = UncoveredWhy::Generator { script: kind, generator };
            return self.lacks(why, &section.lines.join("\n"));
        };
        match rule.effect {
            Effect::Nothing | Effect::Dropped => {}
            Effect::Sysusers => {
                let files = section.arguments("systemd-sysusers", ".conf");
                self.found.push(Step::Sysusers(files));
            }
            Effect::Tmpfiles => {
                let files = section.arguments("systemd-tmpfiles", ".conf");
                self.found.push(Step::Tmpfiles(files));
            }
            Effect::Alternatives => {
                let alone = Script { sections: vec![section.clone()], own: Vec::new() };
                self.alternatives(kind, &alone);
            }
            Effect::ApparmorLocal => {
                let paths = section.lines.iter().filter_map(|line| {
                    let path = line.trim().strip_prefix("LOCAL_APP_PROFILE=\"")?;
                    Some(Step::EmptyFile(path.strip_suffix('"')?.to_owned()))
                });
                self.found.extend(paths);
            }
            Effect::UsrLocal => {
                let listed = section.lines.iter().filter(|line| line.starts_with('/'));
                let paths =
                    listed.filter_map(|line| Some(line.strip_suffix(" default")?.to_owned()));
                self.found.push(Step::Directories(paths.collect()));
            }
        }
    }

    fn alternatives(&mut self, kind: ScriptKind, script: &Script<'_>) {
        match script.commands("update-alternatives") {
            Ok(commands) => self.found.extend(commands.into_iter().map(Step::Alternative)),
            Err(command) => self.lacks(UncoveredWhy::Command { script: kind }, &command),
        }
    }

    fn lacks(&mut self, why: UncoveredWhy, text: &str) {
        self.uncovered.push(Uncovered {
            package: self.package.name.clone(),
            version: self.package.version.clone(),
            why,
            text: text.chars().take(QUOTED_CHARS).collect(),
        });
    }
}

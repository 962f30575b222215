//! A list of packages: what an archive has for one architecture.
//!
//! Sixty thousand stanzas are read to install two hundred packages, so a [`Package`] borrows from
//! the text, and what it says of others stays text until somebody asks. What decides where bytes
//! come from and what they must be (name, version, file, size, digest) is checked for every stanza:
//! a list that has one wrong is not a list to install from.

use std::collections::BTreeSet;
use std::fmt;

use contract::digest::{Digest, DigestError};

use crate::control::{ControlError, Stanza, stanzas, text};
use crate::relation::{
    Clause, Relation, RelationError, clauses, is_package_name, provides, relations,
};
use crate::release::is_below;
use crate::version::{Version, VersionError};

#[cfg(test)]
mod tests;

/// How a package of one architecture may serve another (Debian's *Multi-Arch* specification).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiArch {
    /// Only its own.
    No,
    /// Installable beside itself of another architecture.
    Same,
    /// Whoever depends on it may be of any.
    Foreign,
    /// Whoever depends on it may say `:any`.
    Allowed,
}

/// A package that an archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: Version<'a>,
    /// Its architecture, or `all`.
    pub architecture: &'a str,
    /// The name of the source it was built from.
    pub source: &'a str,
    /// The version of that source.
    pub source_version: &'a str,
    /// Where the file is, below the archive.
    pub filename: &'a str,
    /// How large the file is.
    pub len_bytes: u64,
    /// The file's digest.
    pub digest: Digest,
    /// What the archive estimates it takes up when installed.
    pub installed_kib: u64,
    /// Whether a system needs it.
    pub essential: bool,
    /// How it serves other architectures.
    pub multi_arch: MultiArch,
    /// `admin`, `libs` and their like.
    pub section: &'a str,
    /// `required`, `important`, `standard`, `optional` or `extra`.
    pub priority: &'a str,
    /// The line of the list where it begins.
    pub line: usize,
    relations: [&'a str; RELATION_FIELDS.len()],
}

/// The fields that speak of other packages, as they stand in [`Package::relations`].
const RELATION_FIELDS: [&str; 7] =
    ["Pre-Depends", "Depends", "Recommends", "Provides", "Conflicts", "Breaks", "Replaces"];

/// A list that is not to be installed from.
#[derive(Debug)]
pub struct IndexError {
    /// The line.
    pub line: usize,
    /// The package, as far as it is known.
    pub package: String,
    /// What is wrong.
    pub why: IndexFault,
}

/// What is wrong with a stanza.
#[derive(Debug)]
pub enum IndexFault {
    /// The text is not made of stanzas.
    Control(ControlError),
    /// A field is missing or empty.
    NoField(&'static str),
    /// The name is none.
    Name,
    /// The version is none.
    Version(VersionError),
    /// It is for another architecture.
    Architecture(String),
    /// A field is no number.
    Number(&'static str),
    /// The digest is none.
    Digest(DigestError),
    /// The file's path is absolute, has `..` in it, or is no `.deb`.
    Filename(String),
    /// A field has none of the values it may have.
    Word(&'static str, String),
    /// The same package of the same version was there before.
    Twice,
    /// A field that speaks of other packages.
    Relation(&'static str, RelationError),
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let IndexFault::Control(error) = &self.why {
            return error.fmt(f);
        }
        write!(f, "line {}: package `{}`: {}", self.line, self.package, self.why)
    }
}

impl fmt::Display for IndexFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(error) => error.fmt(f),
            Self::NoField(name) => write!(f, "no field `{name}`"),
            Self::Name => f.write_str("not the name of a package"),
            Self::Version(error) => error.fmt(f),
            Self::Architecture(found) => write!(f, "is for `{found}`"),
            Self::Number(name) => write!(f, "the field `{name}` is no number"),
            Self::Digest(error) => error.fmt(f),
            Self::Filename(found) => write!(f, "`{found}` is no .deb below the archive"),
            Self::Word(name, found) => write!(f, "`{name}: {found}` is not known"),
            Self::Twice => f.write_str("the same version is there twice"),
            Self::Relation(name, error) => write!(f, "the field `{name}`: {error}"),
        }
    }
}

impl std::error::Error for IndexError {}

/// Reads a list of packages for an architecture, by Debian's name of it.
///
/// # Errors
/// The bytes are no such list, or something in it is not to be installed from.
pub fn read<'a>(bytes: &'a [u8], architecture: &str) -> Result<Vec<Package<'a>>, IndexError> {
    let control = |error: ControlError| {
        let (line, package) = (error.line, String::new());
        IndexError { line, package, why: IndexFault::Control(error) }
    };
    let mut packages = Vec::new();
    let mut seen = BTreeSet::new();
    for stanza in stanzas(text(bytes).map_err(control)?) {
        let stanza = stanza.map_err(control)?;
        let fault = |why| {
            let package = stanza.get("Package").unwrap_or_default().chars().take(80).collect();
            IndexError { line: stanza.line(), package, why }
        };
        let package = package(&stanza, architecture).map_err(fault)?;
        if !seen.insert((package.name, package.version)) {
            return Err(fault(IndexFault::Twice));
        }
        packages.push(package);
    }
    Ok(packages)
}

fn package<'a>(stanza: &Stanza<'a>, architecture: &str) -> Result<Package<'a>, IndexFault> {
    let mut relations = [""; RELATION_FIELDS.len()];
    for (text, field) in relations.iter_mut().zip(RELATION_FIELDS) {
        *text = stanza.get(field).unwrap_or_default();
    }
    let name = required(stanza, "Package")?;
    if !is_package_name(name) {
        return Err(IndexFault::Name);
    }
    let version = Version::parse(required(stanza, "Version")?).map_err(IndexFault::Version)?;
    let own = required(stanza, "Architecture")?;
    if own != "all" && own != architecture {
        return Err(IndexFault::Architecture(own.chars().take(40).collect()));
    }
    let filename = required(stanza, "Filename")?;
    if !is_below(filename) || !filename.ends_with(".deb") || filename.contains('\n') {
        return Err(IndexFault::Filename(filename.chars().take(200).collect()));
    }
    let (source, source_version) = source(stanza, name, version)?;
    Ok(Package {
        name,
        version,
        architecture: own,
        source,
        source_version,
        filename,
        len_bytes: number(required(stanza, "Size")?, "Size")?,
        digest: required(stanza, "SHA256")?.parse().map_err(IndexFault::Digest)?,
        installed_kib: number(stanza.get("Installed-Size").unwrap_or("0"), "Installed-Size")?,
        essential: yes(stanza, "Essential")?,
        multi_arch: multi_arch(stanza)?,
        section: stanza.get("Section").unwrap_or_default(),
        priority: stanza.get("Priority").unwrap_or_default(),
        line: stanza.line(),
        relations,
    })
}

fn required<'a>(stanza: &Stanza<'a>, name: &'static str) -> Result<&'a str, IndexFault> {
    stanza.get(name).filter(|value| !value.is_empty()).ok_or(IndexFault::NoField(name))
}

fn number(digits: &str, field: &'static str) -> Result<u64, IndexFault> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).ok_or(IndexFault::Number(field))
}

fn yes(stanza: &Stanza<'_>, field: &'static str) -> Result<bool, IndexFault> {
    match stanza.get(field) {
        None | Some("no") => Ok(false),
        Some("yes") => Ok(true),
        Some(other) => Err(IndexFault::Word(field, other.chars().take(40).collect())),
    }
}

fn multi_arch(stanza: &Stanza<'_>) -> Result<MultiArch, IndexFault> {
    Ok(match stanza.get("Multi-Arch") {
        None | Some("no") => MultiArch::No,
        Some("same") => MultiArch::Same,
        Some("foreign") => MultiArch::Foreign,
        Some("allowed") => MultiArch::Allowed,
        Some(other) => {
            return Err(IndexFault::Word("Multi-Arch", other.chars().take(40).collect()));
        }
    })
}

/// `Source: name (version)`; both are the package's own where they are not said.
fn source<'a>(
    stanza: &Stanza<'a>,
    name: &'a str,
    version: Version<'a>,
) -> Result<(&'a str, &'a str), IndexFault> {
    let Some(source) = stanza.get("Source") else { return Ok((name, version.text())) };
    let wrong = || IndexFault::Word("Source", source.chars().take(80).collect());
    let (source_name, source_version) = match source.split_once(" (") {
        None => (source, version.text()),
        Some((source_name, rest)) => (source_name, rest.strip_suffix(')').ok_or_else(wrong)?),
    };
    Version::parse(source_version).map_err(IndexFault::Version)?;
    if is_package_name(source_name) { Ok((source_name, source_version)) } else { Err(wrong()) }
}

impl<'a> Package<'a> {
    fn said<T>(
        &self,
        number: usize,
        read: impl FnOnce(&'a str) -> Result<T, RelationError>,
    ) -> Result<T, IndexError> {
        let text = self.relations.get(number).copied().unwrap_or_default();
        let field = RELATION_FIELDS.get(number).copied().unwrap_or_default();
        read(text).map_err(|error| {
            let (line, package) = (self.line, self.name.to_owned());
            IndexError { line, package, why: IndexFault::Relation(field, error) }
        })
    }

    /// What must be there before its scripts would run.
    ///
    /// # Errors
    /// The field is no list of clauses.
    pub fn pre_depends(&self) -> Result<Vec<Clause<'a>>, IndexError> {
        self.said(0, clauses)
    }

    /// What must be there.
    ///
    /// # Errors
    /// The field is no list of clauses.
    pub fn depends(&self) -> Result<Vec<Clause<'a>>, IndexError> {
        self.said(1, clauses)
    }

    /// What would usually be there.
    ///
    /// # Errors
    /// The field is no list of clauses.
    pub fn recommends(&self) -> Result<Vec<Clause<'a>>, IndexError> {
        self.said(2, clauses)
    }

    /// The names it also answers to.
    ///
    /// # Errors
    /// The field is no list of names.
    pub fn provides(&self) -> Result<Vec<Relation<'a>>, IndexError> {
        self.said(3, provides)
    }

    /// What cannot be unpacked beside it.
    ///
    /// # Errors
    /// The field is no list of relations.
    pub fn conflicts(&self) -> Result<Vec<Relation<'a>>, IndexError> {
        self.said(4, relations)
    }

    /// What does not work beside it.
    ///
    /// # Errors
    /// The field is no list of relations.
    pub fn breaks(&self) -> Result<Vec<Relation<'a>>, IndexError> {
        self.said(5, relations)
    }

    /// Whose files it may overwrite.
    ///
    /// # Errors
    /// The field is no list of relations.
    pub fn replaces(&self) -> Result<Vec<Relation<'a>>, IndexError> {
        self.said(6, relations)
    }
}

//! What a package says of other packages: `Depends`, `Provides`, `Breaks` and their like
//! (Debian Policy, chapter 7).
//!
//! A field is a list of clauses, all of which must hold; a clause is a list of relations, one of
//! which must. Lists of architectures (`[amd64]`) and build profiles (`<!nocheck>`) belong to
//! source packages and are refused here, as are the operators `<` and `>` that Policy retired:
//! nothing in the archive uses them, and a guess at their meaning would be a guess at a version.

use std::fmt;

use crate::version::{Version, VersionError};

#[cfg(test)]
mod tests;

/// The most relations one field may have; the archive's longest has about 2,000.
pub const RELATIONS: usize = 20_000;

/// How a version must stand to the one that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Operator {
    const ALL: [(&'static str, Self); 5] = [
        ("<<", Self::Earlier),
        ("<=", Self::EarlierOrEqual),
        (">=", Self::LaterOrEqual),
        (">>", Self::Later),
        ("=", Self::Equal),
    ];

    /// The operator's sign.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }

    /// Whether `left` stands so to `right`.
    #[must_use]
    pub fn holds(self, left: Version<'_>, right: Version<'_>) -> bool {
        match self {
            Self::Earlier => left < right,
            Self::EarlierOrEqual => left <= right,
            Self::Equal => left == right,
            Self::LaterOrEqual => left >= right,
            Self::Later => left > right,
        }
    }
}

/// Which architectures' packages a relation means, where it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// `:any`: any architecture, if the package is `Multi-Arch: allowed`.
    Any,
    /// `:native`: the architecture that is being installed for.
    Native,
    /// A named architecture.
    Named(&'a str),
}

/// One package that a field speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation<'a> {
    /// The name of a package, real or virtual.
    pub name: &'a str,
    /// After the colon.
    pub qualifier: Option<Qualifier<'a>>,
    /// In the brackets.
    pub constraint: Option<(Operator, Version<'a>)>,
}

impl Relation<'_> {
    /// Whether this version is one of those that are meant.
    #[must_use]
    pub fn admits(&self, version: Version<'_>) -> bool {
        self.constraint.is_none_or(|(operator, named)| operator.holds(version, named))
    }
}

impl fmt::Display for Relation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.qualifier {
            None => {}
            Some(Qualifier::Any) => f.write_str(":any")?,
            Some(Qualifier::Native) => f.write_str(":native")?,
            Some(Qualifier::Named(arch)) => write!(f, ":{arch}")?,
        }
        match self.constraint {
            None => Ok(()),
            Some((operator, version)) => write!(f, " ({} {version})", operator.sign()),
        }
    }
}

/// Relations of which one must hold, the preferred first; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause<'a> {
    alternatives: Vec<Relation<'a>>,
}

impl<'a> Clause<'a> {
    /// The relations, the preferred first.
    #[must_use]
    pub fn alternatives(&self) -> &[Relation<'a>] {
        &self.alternatives
    }
}

impl fmt::Display for Clause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, relation) in self.alternatives.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { " | " })?;
            relation.fmt(f)?;
        }
        Ok(())
    }
}

/// Text that is no list of relations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationError {
    /// The part that is wrong, its first 80 characters.
    pub found: String,
    /// What is wrong with it.
    pub why: RelationFault,
}

/// What is wrong with a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelationFault {
    /// The name of the package is empty or has letters that no package's has.
    Name,
    /// What stands after the colon is no architecture.
    Qualifier,
    /// The bracket does not close, or text follows it.
    Bracket,
    /// The bracket does not begin with an operator that is in use.
    Operator,
    /// The version in the bracket is none.
    Version(VersionError),
    /// Alternatives where the field has none.
    Alternatives,
    /// `Provides` with an operator other than `=`.
    ProvidesOperator,
    /// More than [`RELATIONS`] in one field.
    TooMany,
}

impl fmt::Display for RelationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.found)?;
        match &self.why {
            RelationFault::Name => f.write_str("not the name of a package"),
            RelationFault::Qualifier => f.write_str("no architecture after the colon"),
            RelationFault::Bracket => f.write_str("not of the form `name (operator version)`"),
            RelationFault::Operator => f.write_str("no operator of `<<`, `<=`, `=`, `>=`, `>>`"),
            RelationFault::Version(error) => error.fmt(f),
            RelationFault::Alternatives => f.write_str("no alternatives belong here"),
            RelationFault::ProvidesOperator => f.write_str("a version is provided with `=` only"),
            RelationFault::TooMany => write!(f, "more than {RELATIONS} relations in one field"),
        }
    }
}

impl std::error::Error for RelationError {}

fn fault(found: &str, why: RelationFault) -> RelationError {
    RelationError { found: found.chars().take(80).collect(), why }
}

/// Reads `Depends`, `Pre-Depends`, `Recommends` or `Suggests`.
///
/// # Errors
/// The text is no list of clauses.
pub fn clauses(text: &str) -> Result<Vec<Clause<'_>>, RelationError> {
    let mut count = 0;
    let mut all = Vec::new();
    for clause in parts(text) {
        let alternatives =
            clause.split('|').map(relation).collect::<Result<Vec<_>, RelationError>>()?;
        count += alternatives.len();
        if count > RELATIONS {
            return Err(fault(clause, RelationFault::TooMany));
        }
        all.push(Clause { alternatives });
    }
    Ok(all)
}

/// Reads `Conflicts`, `Breaks`, `Replaces` or `Enhances`: lists without alternatives.
///
/// # Errors
/// The text is no list of relations.
pub fn relations(text: &str) -> Result<Vec<Relation<'_>>, RelationError> {
    let mut all = Vec::new();
    for part in parts(text) {
        if part.contains('|') {
            return Err(fault(part, RelationFault::Alternatives));
        }
        if all.len() == RELATIONS {
            return Err(fault(part, RelationFault::TooMany));
        }
        all.push(relation(part)?);
    }
    Ok(all)
}

/// Reads `Provides`: names, some with a version after `=`.
///
/// # Errors
/// The text is no list of names, or an operator other than `=` stands in it.
pub fn provides(text: &str) -> Result<Vec<Relation<'_>>, RelationError> {
    let all = relations(text)?;
    let other = |relation: &&Relation<'_>| {
        relation.constraint.is_some_and(|(operator, _)| operator != Operator::Equal)
    };
    match all.iter().find(other) {
        Some(relation) => Err(fault(&relation.to_string(), RelationFault::ProvidesOperator)),
        None => Ok(all),
    }
}

/// Reads one relation: `name[:qualifier] [(operator version)]`.
///
/// # Errors
/// The text is not of that form.
pub fn relation(text: &str) -> Result<Relation<'_>, RelationError> {
    let text = text.trim_ascii();
    let (subject, constraint) = match text.split_once('(') {
        None => (text, None),
        Some((subject, bracket)) => {
            let inside = bracket.strip_suffix(')').filter(|inside| !inside.contains(['(', ')']));
            let inside = inside.ok_or_else(|| fault(text, RelationFault::Bracket))?;
            (subject.trim_ascii_end(), Some(constraint(inside.trim_ascii())?))
        }
    };
    let (name, qualifier) = match subject.split_once(':') {
        None => (subject, None),
        Some((name, arch)) => (name, Some(qualifier(arch).map_err(|why| fault(text, why))?)),
    };
    if !is_package_name(name) {
        return Err(fault(text, RelationFault::Name));
    }
    Ok(Relation { name, qualifier, constraint })
}

/// Whether this could be the name of a package (Debian Policy, section 5.6.1).
#[must_use]
pub fn is_package_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() >= 2
        && name.as_bytes().first().is_some_and(|first| plain(*first))
        && name.bytes().all(|byte| plain(byte) || matches!(byte, b'+' | b'-' | b'.'))
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim_ascii();
    text.split(',').map(str::trim_ascii).filter(move |_| !text.is_empty())
}

fn qualifier(arch: &str) -> Result<Qualifier<'_>, RelationFault> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match arch {
        "any" => Ok(Qualifier::Any),
        "native" => Ok(Qualifier::Native),
        named if !named.is_empty() && named.bytes().all(plain) => Ok(Qualifier::Named(named)),
        _ => Err(RelationFault::Qualifier),
    }
}

fn constraint(text: &str) -> Result<(Operator, Version<'_>), RelationError> {
    let (sign, operator) = Operator::ALL
        .into_iter()
        .find(|(sign, _)| text.starts_with(sign))
        .ok_or_else(|| fault(text, RelationFault::Operator))?;
    let version = text.get(sign.len()..).unwrap_or_default().trim_ascii_start();
    let version =
        Version::parse(version).map_err(|error| fault(text, RelationFault::Version(error)))?;
    Ok((operator, version))
}

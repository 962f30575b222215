//! What is wrong with a declaration: where, what, and what to try.
//!
//! A [`Diagnostic`] holds facts; [`crate::render`] makes text of it, and its `Serialize` form is
//! for programs. The words are the same in both.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::glob::GlobError;
use crate::place::Place;
use crate::size::SizeError;
use crate::sources::Sources;

/// Findings that are kept; a file with more is not worth reading on.
pub const MAX_FINDINGS: usize = 100;

/// One mistake in a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
    /// What to try.
    pub advice: Option<String>,
    /// Other places that have to do with it.
    pub notes: Vec<Note>,
}

/// Another place that has to do with a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Where.
    pub place: Place,
    /// What is there.
    pub text: String,
}

/// All mistakes that were found, with the texts to show them in.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The mistakes, at least one, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts they are in.
    pub sources: Sources,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.diagnostics.as_slice() {
            [one] => write!(f, "{}: {}", one.place, one.problem),
            several => write!(f, "{} mistakes in declarations", several.len()),
        }
    }
}

impl std::error::Error for Rejected {}

impl Diagnostic {
    /// A mistake at a place. For what is found after the text was read, such
    /// as a pattern that matches nothing, with [`Problem::Found`].
    #[must_use]
    pub const fn at(place: Place, problem: Problem) -> Self {
        Self { place, problem, advice: None, notes: Vec::new() }
    }

    /// The same with advice.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same with a note on another place.
    #[must_use]
    pub fn note(mut self, place: &Place, text: impl Into<String>) -> Self {
        self.notes.push(Note { place: place.clone(), text: text.into() });
        self
    }
}

/// Mistakes as they are found, up to [`MAX_FINDINGS`].
#[derive(Default)]
pub(crate) struct Findings(Vec<Diagnostic>);

impl Findings {
    /// Whether no more are kept, so that looking for more is a waste.
    pub(crate) fn full(&self) -> bool {
        self.0.len() > MAX_FINDINGS
    }

    pub(crate) fn push(&mut self, mut diagnostic: Diagnostic) {
        if self.full() || self.0.last() == Some(&diagnostic) {
            return;
        }
        if self.0.len() == MAX_FINDINGS {
            diagnostic = Diagnostic::at(diagnostic.place, Problem::TooMany);
        }
        self.0.push(diagnostic);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, by place.
    pub(crate) fn sorted(mut self) -> Vec<Diagnostic> {
        let too_many = self.full().then(|| self.0.pop()).flatten();
        self.0.sort_by(|a, b| a.place.cmp(&b.place));
        self.0.extend(too_many);
        self.0
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such image, recipe, firmware pack or file.
    NotThere {
        /// What it is: `recipe`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A file is there and cannot be read.
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// A file is too long to be a declaration.
    TooLong {
        /// The most bytes that are read.
        limit_bytes: usize,
    },
    /// A file is not UTF-8 text.
    NotText,
    /// A file is no TOML.
    Syntax {
        /// What the parser said.
        message: String,
    },
    /// A key that does not exist there.
    UnknownKey {
        /// The key.
        key: String,
        /// The table it is in: `a recipe`.
        section: &'static str,
    },
    /// A key that must be there is not.
    MissingKey {
        /// The key.
        key: &'static str,
        /// The table it is missing in.
        section: &'static str,
    },
    /// A value of the wrong kind.
    WrongKind {
        /// The key.
        key: String,
        /// What was expected: `a text`.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A word that is none of the known ones.
    UnknownWord {
        /// The key.
        key: String,
        /// The word.
        found: String,
        /// The known ones.
        known: Vec<String>,
    },
    /// A value that is not what it must be.
    Malformed {
        /// What it should be: `a package name`.
        what: &'static str,
        /// What is there.
        found: String,
    },
    /// A number outside its range.
    OutOfRange {
        /// The key.
        key: String,
        /// What is there.
        found: i64,
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// A pattern that does not parse.
    Pattern(GlobError),
    /// A size that does not parse.
    Size(SizeError),
    /// Not exactly one of several keys.
    OneOf {
        /// The keys.
        keys: &'static [&'static str],
        /// How many are there.
        found: usize,
    },
    /// A key that means nothing beside another.
    NotBeside {
        /// The key.
        key: String,
        /// The other.
        other: String,
    },
    /// The same thing twice in one list.
    Repeated {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Two declarations of one thing that differ.
    Conflict {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A number that another user or group has.
    NumberTaken {
        /// `user` or `group`.
        what: &'static str,
        /// The number.
        number: u32,
        /// Who has it.
        by: String,
    },
    /// A user or group that nothing declares.
    NobodyHas {
        /// `user` or `group`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Recipes need one another in a circle.
    Circle {
        /// The recipes, the first again at the end.
        names: Vec<String>,
    },
    /// No recipe of a bootable image declares a part of the boot.
    NoBootPart {
        /// `kernel`, `stub` or `loader`.
        part: &'static str,
        /// The architecture without it.
        arch: &'static str,
    },
    /// A size that cannot be with another.
    DoesNotFit {
        /// What is too large or too small.
        what: &'static str,
        /// Its bytes.
        found_bytes: u64,
        /// The bytes it must have at least, or at most.
        bound_bytes: u64,
    },
    /// A service that the node would refuse.
    Service {
        /// Its name.
        name: String,
        /// What the node's own reader says.
        message: String,
    },
    /// More mistakes than are kept.
    TooMany,
    /// Something that was found after the declarations were read.
    Found {
        /// What.
        message: String,
    },
}

impl Problem {
    /// A stable name for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotThere { .. } => "not-there",
            Self::Unreadable { .. } => "unreadable",
            Self::TooLong { .. } => "too-long",
            Self::NotText => "not-text",
            Self::Syntax { .. } => "syntax",
            Self::UnknownKey { .. } => "unknown-key",
            Self::MissingKey { .. } => "missing-key",
            Self::WrongKind { .. } => "wrong-kind",
            Self::UnknownWord { .. } => "unknown-word",
            Self::Malformed { .. } => "malformed",
            Self::OutOfRange { .. } => "out-of-range",
            Self::Pattern(_) => "pattern",
            Self::Size(_) => "size",
            Self::OneOf { .. } => "one-of",
            Self::NotBeside { .. } => "not-beside",
            Self::Repeated { .. } => "repeated",
            Self::Conflict { .. } => "conflict",
            Self::NumberTaken { .. } => "number-taken",
            Self::NobodyHas { .. } => "nobody-has",
            Self::Circle { .. } => "circle",
            Self::NoBootPart { .. } => "no-boot-part",
            Self::DoesNotFit { .. } => "does-not-fit",
            Self::Service { .. } => "service",
            Self::TooMany => "too-many",
            Self::Found { .. } => "found",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere { what, name } => write!(f, "there is no {what} `{name}`"),
            Self::Unreadable { reason } => write!(f, "the file cannot be read: {reason}"),
            Self::TooLong { limit_bytes } => write!(f, "more than {limit_bytes} bytes"),
            Self::NotText => f.write_str("the file is not UTF-8 text"),
            Self::Syntax { message } | Self::Found { message } => f.write_str(message),
            Self::UnknownKey { key, section } => write!(f, "unknown key `{key}` in {section}"),
            Self::MissingKey { key, section } => write!(f, "{section} has no `{key}`"),
            Self::WrongKind { key, expected, found } => {
                write!(f, "`{key}` is {found}, not {expected}")
            }
            Self::UnknownWord { key, found, .. } => write!(f, "`{found}` is no word for `{key}`"),
            Self::Malformed { what, found } => write!(f, "`{found}` is not {what}"),
            Self::OutOfRange { key, found, least, most } => {
                write!(f, "`{key}` is {found}, not between {least} and {most}")
            }
            Self::Pattern(error) => error.fmt(f),
            Self::Size(error) => error.fmt(f),
            Self::OneOf { keys, found: 0 } => write!(f, "one of {} is missing", quoted(keys)),
            Self::OneOf { keys, .. } => write!(f, "only one of {} can be", quoted(keys)),
            Self::NotBeside { key, other } => write!(f, "`{key}` means nothing beside `{other}`"),
            Self::Repeated { what, name } => write!(f, "{what} `{name}` is listed twice"),
            Self::Conflict { what, name } => {
                write!(f, "{what} `{name}` is declared twice, in different ways")
            }
            Self::NumberTaken { what, number, by } => {
                write!(f, "{what} number {number} belongs to `{by}`")
            }
            Self::NobodyHas { what, name } => write!(f, "no recipe declares the {what} `{name}`"),
            Self::Circle { names } => {
                write!(f, "recipes need one another in a circle: {}", names.join(" → "))
            }
            Self::NoBootPart { part, arch } => {
                write!(f, "no recipe of the image says which file is the {part} on {arch}")
            }
            Self::DoesNotFit { what, found_bytes, bound_bytes } => {
                write!(f, "{what}: {found_bytes} bytes, and the bound is {bound_bytes}")
            }
            Self::Service { name, message } => write!(f, "service `{name}`: {message}"),
            Self::TooMany => write!(f, "more than {MAX_FINDINGS} mistakes"),
        }
    }
}

/// Words in quotes, joined as in a sentence.
pub(crate) fn quoted(words: &[impl AsRef<str>]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} or {last}", front.join(", ")),
    }
}

/// What `--format json` shows of a diagnostic.
#[derive(Serialize)]
struct Machine<'d> {
    code: &'static str,
    #[serde(flatten)]
    place: &'d Place,
    message: String,
    #[serde(rename = "try", skip_serializing_if = "Option::is_none")]
    advice: Option<&'d str>,
    #[serde(skip_serializing_if = "<[Note]>::is_empty")]
    notes: &'d [Note],
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Machine {
            code: self.problem.code(),
            place: &self.place,
            message: self.problem.to_string(),
            advice: self.advice.as_deref(),
            notes: &self.notes,
        }
        .serialize(serializer)
    }
}

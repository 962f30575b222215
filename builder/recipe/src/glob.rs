//! Path patterns, so that a declaration can name "every driver below this directory".
//!
//! A pattern is matched against whole paths as the file tree has them: relative to the root,
//! `/` between names, no leading slash. Within one name `*` stands for any characters, `?` for
//! one, `[a-z]` and `[!a-z]` for one of (or none of) a set; a name that is exactly `**` stands
//! for any number of names, and at the end of a pattern for at least one, so `usr/lib/**` is
//! everything below the directory and not the directory itself. A leading dot is not special.
//!
//! What must stay true: no pattern costs more than pattern length times path length. Both levels
//! (names in a path, characters in a name) therefore go back only to the last star, which is
//! enough because a star takes anything. There are no alternatives, no back references and no
//! escape character: a character that is special stands for itself inside a set (`[*]`).
//!

use std::fmt;
use std::str::FromStr;

/// The longest pattern that is taken, in bytes: a path can be no longer on Linux (`PATH_MAX`).
pub const MAX_PATTERN_BYTES: usize = 4096;

/// A checked pattern. Holding one proves that it parses; it may still match nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glob {
    text: String,
    names: Vec<Name>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// `**`.
    AnyNames,
    /// A name without a special character.
    Literal(String),
    /// A name with one.
    Pattern(Vec<Token>),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Token {
    Char(char),
    AnyChar,
    AnyChars,
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GlobError {
    /// Nothing is written.
    Empty,
    /// Longer than [`MAX_PATTERN_BYTES`].
    TooLong {
        /// Its length.
        found_bytes: usize,
    },
    /// The pattern of a declaration does not begin with `/`.
    NotAbsolute,
    /// A pattern for paths inside the tree begins with `/`.
    Absolute,
    /// Two slashes in a row, or one at the end.
    EmptyName,
    /// A name is `.` or `..`.
    DotName,
    /// `[` without its `]`.
    OpenSet,
    /// `[]` or `[!]`.
    EmptySet,
    /// `[z-a]`.
    BackwardRange {
        /// The first character.
        from: char,
        /// The last character, which comes before the first.
        to: char,
    },
    /// `**` beside other characters in one name.
    StarsInName,
    /// `{`, `}` or `\`, which other pattern languages give a meaning, or a control character.
    Unsupported {
        /// The character.
        found: char,
    },
}

impl GlobError {
    /// What to write instead.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Empty => "name a path, such as `/usr/bin/nft`",
            Self::TooLong { .. } => "shorten the pattern, for example with `**`",
            Self::NotAbsolute => "write the path from the root, with a `/` in front",
            Self::Absolute => "leave the leading `/` out",
            Self::EmptyName => "leave the extra `/` out; `/dir/**` is everything below a directory",
            Self::DotName => "write the path without `.` and `..`",
            Self::OpenSet => "close the set with `]`, or write `[[]` for a bracket",
            Self::EmptySet => "put the characters between the brackets",
            Self::BackwardRange { .. } => "write the range from the lower to the higher character",
            Self::StarsInName => "write `*` within a name; `**` stands alone between slashes",
            Self::Unsupported { .. } => "write two patterns, or put the character in a set",
        }
    }
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the pattern is empty"),
            Self::TooLong { found_bytes } => {
                write!(f, "the pattern has {found_bytes} bytes, more than {MAX_PATTERN_BYTES}")
            }
            Self::NotAbsolute => f.write_str("the pattern does not begin with `/`"),
            Self::Absolute => f.write_str("the pattern begins with `/`"),
            Self::EmptyName => f.write_str("the pattern has an empty name"),
            Self::DotName => f.write_str("the pattern has `.` or `..` as a name"),
            Self::OpenSet => f.write_str("the pattern has `[` without `]`"),
            Self::EmptySet => f.write_str("the pattern has an empty set"),
            Self::BackwardRange { from, to } => {
                write!(f, "the pattern has a range from `{from}` back to `{to}`")
            }
            Self::StarsInName => f.write_str("the pattern has `**` within a name"),
            Self::Unsupported { found } => {
                write!(f, "the pattern has `{}`, which stands for nothing", found.escape_default())
            }
        }
    }
}

impl std::error::Error for GlobError {}

impl Glob {
    /// Reads a pattern for paths without a leading slash.
    ///
    /// # Errors
    /// What is wrong with the text; [`GlobError::advice`] says what to write.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        if text.starts_with('/') {
            return Err(GlobError::Absolute);
        }
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > MAX_PATTERN_BYTES {
            return Err(GlobError::TooLong { found_bytes: text.len() });
        }
        let names = text.split('/').map(parse_name).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), names })
    }

    /// Reads a pattern as declarations have it: from the root, with a leading slash.
    ///
    /// # Errors
    /// As [`Glob::parse`], and when there is no leading slash.
    pub fn absolute(text: &str) -> Result<Self, GlobError> {
        match text.strip_prefix('/') {
            Some(rest) => Self::parse(rest),
            None if text.is_empty() => Err(GlobError::Empty),
            None => Err(GlobError::NotAbsolute),
        }
    }

    /// The pattern as it was written, without a leading slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The one path that the pattern matches, where it has no special character.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        self.names.iter().all(|name| matches!(name, Name::Literal(_))).then_some(&self.text)
    }

    /// The names in front that have no special character, joined by `/`: every match is this path
    /// or below it, so that a sorted tree needs to be searched only there. Empty for `**`.
    #[must_use]
    pub fn literal_prefix(&self) -> String {
        let count = self.names.iter().take_while(|name| matches!(name, Name::Literal(_))).count();
        self.text.split('/').take(count).collect::<Vec<_>>().join("/")
    }

    /// Whether `path`, without a leading slash, is one that the pattern stands for.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        let (mut at, mut token) = (0, 0);
        let mut star = None;
        while let Some(name) = names.get(at) {
            match self.names.get(token) {
                Some(Name::AnyNames) if token + 1 == self.names.len() => return true,
                Some(Name::AnyNames) => {
                    star = Some((at, token));
                    token += 1;
                }
                Some(pattern) if pattern.takes(name) => {
                    at += 1;
                    token += 1;
                }
                _ => {
                    let Some((star_at, star_token)) = star else { return false };
                    star = Some((star_at + 1, star_token));
                    at = star_at + 1;
                    token = star_token + 1;
                }
            }
        }
        token == self.names.len()
    }
}

fn parse_name(text: &str) -> Result<Name, GlobError> {
    match text {
        "" => return Err(GlobError::EmptyName),
        "." | ".." => return Err(GlobError::DotName),
        "**" => return Ok(Name::AnyNames),
        _ if text.contains("**") => return Err(GlobError::StarsInName),
        _ => {}
    }
    let mut tokens = Vec::new();
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        tokens.push(match char {
            '*' => Token::AnyChars,
            '?' => Token::AnyChar,
            '[' => parse_set(&mut rest)?,
            '{' | '}' | '\\' => return Err(GlobError::Unsupported { found: char }),
            _ if char.is_control() => return Err(GlobError::Unsupported { found: char }),
            _ => Token::Char(char),
        });
    }
    let literal = tokens.iter().all(|token| matches!(token, Token::Char(_)));
    Ok(if literal { Name::Literal(text.to_owned()) } else { Name::Pattern(tokens) })
}

fn parse_set(rest: &mut std::str::Chars<'_>) -> Result<Token, GlobError> {
    let mut members = Vec::new();
    let negated = rest.as_str().starts_with('!');
    if negated {
        rest.next();
    }
    loop {
        match rest.next().ok_or(GlobError::OpenSet)? {
            ']' => break,
            char if char.is_control() => return Err(GlobError::Unsupported { found: char }),
            char => members.push(char),
        }
    }
    if members.is_empty() {
        return Err(GlobError::EmptySet);
    }
    Ok(Token::Set { negated, ranges: ranges(&members)? })
}

fn ranges(mut members: &[char]) -> Result<Vec<(char, char)>, GlobError> {
    let mut ranges = Vec::new();
    loop {
        members = match members {
            [from, '-', to, ..] if from > to => {
                return Err(GlobError::BackwardRange { from: *from, to: *to });
            }
            [from, '-', to, rest @ ..] => {
                ranges.push((*from, *to));
                rest
            }
            [one, rest @ ..] => {
                ranges.push((*one, *one));
                rest
            }
            [] => return Ok(ranges),
        };
    }
}

impl Name {
    fn takes(&self, name: &str) -> bool {
        match self {
            Self::AnyNames => true,
            Self::Literal(text) => text == name,
            Self::Pattern(tokens) => takes_chars(tokens, name),
        }
    }
}

fn takes_chars(tokens: &[Token], name: &str) -> bool {
    let mut rest = name.chars();
    let mut token = 0;
    let mut star: Option<(std::str::Chars<'_>, usize)> = None;
    loop {
        if let Some(Token::AnyChars) = tokens.get(token) {
            token += 1;
            star = Some((rest.clone(), token));
            continue;
        }
        match (rest.next(), tokens.get(token)) {
            (None, None) => return true,
            (None, Some(_)) => return false,
            (Some(char), Some(wanted)) if wanted.takes(char) => token += 1,
            (Some(_), _) => {
                let Some((after, start)) = &mut star else { return false };
                after.next();
                rest = after.clone();
                token = *start;
            }
        }
    }
}

impl Token {
    fn takes(&self, char: char) -> bool {
        match self {
            Self::Char(wanted) => *wanted == char,
            Self::AnyChar | Self::AnyChars => true,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&char)) != *negated
            }
        }
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        Self::parse(text)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({})", self.text)
    }
}

#[cfg(test)]
mod tests;

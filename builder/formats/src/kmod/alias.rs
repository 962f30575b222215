//! Matching what is asked for against what modules answer to.
//!
//! A device or a soft dependency asks by alias (`pci:v00008086d…`, `crypto-crc32c`); a module
//! answers to patterns with `*`, `?` and `[a-z]`. kmod takes `-` and `_` as the same outside
//! brackets on both sides, and so does this. A pattern with an open bracket matches nothing, as
//! with kmod, which drops it from its index.

use std::collections::{BTreeMap, BTreeSet};

/// Whether a module with the alias `pattern` answers to `asked`.
#[must_use]
pub fn alias_matches(pattern: &str, asked: &str) -> bool {
    let (pattern, asked) = (pattern.as_bytes(), asked.as_bytes());
    let (mut at, mut token) = (0, 0);
    let mut star = None;
    loop {
        if pattern.get(token) == Some(&b'*') {
            token += 1;
            star = Some((at, token));
            continue;
        }
        let Some(byte) = asked.get(at) else { return token == pattern.len() };
        if let Some(width) = takes(pattern.get(token..).unwrap_or_default(), *byte) {
            at += 1;
            token += width;
            continue;
        }
        let Some((star_at, star_token)) = star else { return false };
        star = Some((star_at + 1, star_token));
        (at, token) = (star_at + 1, star_token);
    }
}

/// How many bytes of the pattern stand for `byte`; `None` when they do not.
fn takes(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => {
            let end = pattern.iter().skip(2).position(|byte| *byte == b']')? + 2;
            set_takes(pattern.get(1..end)?, byte).then_some(end + 1)
        }
        literal => (same(literal) == same(byte)).then_some(1),
    }
}

/// The members of a set: bytes and ranges, negated by a leading `!` or `^`.
fn set_takes(members: &[u8], byte: u8) -> bool {
    let negated = matches!(members.first(), Some(b'!' | b'^'));
    let mut members = members.get(usize::from(negated)..).unwrap_or_default();
    let mut found = false;
    loop {
        members = match members {
            [from, b'-', to, rest @ ..] => {
                found |= (*from..=*to).contains(&byte);
                rest
            }
            [one, rest @ ..] => {
                found |= *one == byte;
                rest
            }
            [] => return found != negated,
        };
    }
}

const fn same(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte }
}

/// Who answers to an alias, among many modules.
#[derive(Debug, Clone, Default)]
pub struct AliasIndex {
    exact: BTreeMap<String, BTreeSet<String>>,
    patterns: Vec<(String, String)>,
}

impl AliasIndex {
    /// Adds an alias of a module.
    pub fn insert(&mut self, alias: &str, module: &str) {
        if alias.contains(['*', '?', '[']) {
            self.patterns.push((alias.to_owned(), module.to_owned()));
        } else {
            let alias = super::module_name(alias);
            self.exact.entry(alias).or_default().insert(module.to_owned());
        }
    }

    /// The modules that answer, by name.
    #[must_use]
    pub fn find(&self, asked: &str) -> BTreeSet<&str> {
        let exact = self.exact.get(&super::module_name(asked)).into_iter().flatten();
        let matching = self.patterns.iter().filter(|(alias, _)| alias_matches(alias, asked));
        exact.chain(matching.map(|(_, module)| module)).map(String::as_str).collect()
    }
}

//! Access to the tables of a file by key and kind, noting what is not as expected.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Findings, Problem, quoted};
use crate::glob::{Glob, GlobError};
use crate::keys::Section;
use crate::nearest::nearest;
use crate::place::Place;
use crate::size;
use crate::sources::LineIndex;

/// Reads one file and collects what is wrong with it.
pub(crate) struct Reader<'t> {
    lines: LineIndex<'t>,
    found: Findings,
}

/// A table whose keys were checked.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    pub(crate) section: &'static Section,
    entries: &'a DeTable<'a>,
    start: usize,
    end: usize,
}

/// A text value with where it is written.
#[derive(Clone)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) span: Range<usize>,
}

impl<'a> Table<'a> {
    /// The value of a key, which must be one of the section's.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        debug_assert!(self.section.keys.contains(&key), "{key} is not in keys.rs");
        self.entries.get(key)
    }

    /// Where the table is written. Tables with a header have the span of the header.
    pub(crate) const fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

impl<'t> Reader<'t> {
    pub(crate) fn new(lines: LineIndex<'t>) -> Self {
        Self { lines, found: Findings::default() }
    }

    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        self.lines.place(span)
    }

    /// Notes a mistake.
    pub(crate) fn report(&mut self, span: Range<usize>, problem: Problem, advice: Option<String>) {
        if !self.found.full() {
            let place = self.lines.place(span);
            self.found.push(Diagnostic { place, problem, advice, notes: Vec::new() });
        }
    }

    /// What was noted, by place.
    pub(crate) fn into_findings(self) -> Vec<Diagnostic> {
        self.found.sorted()
    }

    /// Opens a table: notes the keys that its section does not have.
    pub(crate) fn open<'a>(
        &mut self,
        entries: &'a DeTable<'a>,
        span: Range<usize>,
        section: &'static Section,
    ) -> Table<'a> {
        for key in entries.keys().filter(|key| !section.keys.contains(&key.get_ref().as_ref())) {
            if self.found.full() {
                break;
            }
            let name = key.get_ref();
            let advice = match nearest(name, section.keys.iter().copied()) {
                Some(known) => format!("`{known}`"),
                None => format!("a key of {}: {}", section.title, quoted(section.keys)),
            };
            let problem = Problem::UnknownKey { key: short(name), section: section.title };
            self.report(key.span(), problem, Some(advice));
        }
        Table { section, entries, start: span.start, end: span.end }
    }

    /// Takes a value as a table of a section.
    pub(crate) fn as_table<'a>(
        &mut self,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
        section: &'static Section,
    ) -> Option<Table<'a>> {
        match value.get_ref() {
            DeValue::Table(entries) => Some(self.open(entries, value.span(), section)),
            _ => self.wrong_kind(key, value, "a table"),
        }
    }

    /// Takes a value as text.
    pub(crate) fn as_text<'a>(
        &mut self,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Option<Text<'a>> {
        match value.get_ref() {
            DeValue::String(text) => Some(Text { text, span: value.span() }),
            _ => self.wrong_kind(key, value, "a text"),
        }
    }

    fn wrong_kind<T>(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        expected: &'static str,
    ) -> Option<T> {
        let problem =
            Problem::WrongKind { key: short(key), expected, found: kind(value.get_ref()) };
        self.report(value.span(), problem, None);
        None
    }

    /// Notes that a key is missing.
    pub(crate) fn missing(&mut self, table: Table<'_>, key: &'static str) {
        let problem = Problem::MissingKey { key, section: table.section.title };
        let advice = format!("add `{key} = …`");
        self.report(table.span(), problem, Some(advice));
    }

    /// The text of a key, where there is one.
    pub(crate) fn text<'a>(&mut self, table: Table<'a>, key: &str) -> Option<Text<'a>> {
        let value = table.get(key)?;
        self.as_text(key, value)
    }

    /// The text of a key that must be there and not be empty.
    pub(crate) fn need_text<'a>(
        &mut self,
        table: Table<'a>,
        key: &'static str,
    ) -> Option<Text<'a>> {
        if table.get(key).is_none() {
            self.missing(table, key);
        }
        let text = self.text(table, key)?;
        if text.text.trim().is_empty() {
            let problem =
                Problem::Malformed { what: "a text that says something", found: "".into() };
            self.report(text.span, problem, None);
            return None;
        }
        Some(text)
    }

    /// As [`Reader::need_text`], as an owned text; empty when it is not there.
    pub(crate) fn sentence(&mut self, table: Table<'_>, key: &'static str) -> String {
        self.need_text(table, key).map(|text| text.text.to_owned()).unwrap_or_default()
    }

    /// Whether a key is there and true.
    pub(crate) fn flag(&mut self, table: Table<'_>, key: &str) -> Option<bool> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong_kind(key, value, "true or false"),
        }
    }

    /// The whole number of a key, within a range.
    pub(crate) fn integer(
        &mut self,
        table: Table<'_>,
        key: &str,
        range: (i64, i64),
    ) -> Option<i64> {
        let value = table.get(key)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            return self.wrong_kind(key, value, "a whole number");
        };
        let (least, most) = range;
        let found = i64::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(i64::MAX);
        if (least..=most).contains(&found) {
            return Some(found);
        }
        let problem = Problem::OutOfRange { key: short(key), found, least, most };
        self.report(value.span(), problem, None);
        None
    }

    /// The values of a key that is a list; nothing when it is not there.
    pub(crate) fn list<'a>(
        &mut self,
        table: Table<'a>,
        key: &str,
    ) -> Vec<&'a Spanned<DeValue<'a>>> {
        let Some(value) = table.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(list) => list.iter().collect(),
            _ => self.wrong_kind(key, value, "a list").unwrap_or_default(),
        }
    }

    /// The texts of a key that is a list of texts.
    pub(crate) fn texts<'a>(&mut self, table: Table<'a>, key: &str) -> Vec<Text<'a>> {
        let list = self.list(table, key);
        let texts: Vec<_> = list.into_iter().filter_map(|value| self.as_text(key, value)).collect();
        let mut seen = BTreeSet::new();
        for text in &texts {
            if !seen.insert(text.text) {
                let problem = Problem::Repeated { what: "the text", name: short(text.text) };
                self.report(text.span.clone(), problem, Some("list it once".into()));
            }
        }
        texts
    }

    /// The same, where at least one must be there.
    pub(crate) fn need_texts<'a>(&mut self, table: Table<'a>, key: &'static str) -> Vec<Text<'a>> {
        let empty = |value: &Spanned<DeValue<'_>>| matches!(value.get_ref(), DeValue::Array(list) if list.is_empty());
        if table.get(key).is_none_or(empty) {
            self.missing(table, key);
        }
        self.texts(table, key)
    }

    /// The tables of a key that is a list of tables.
    pub(crate) fn tables<'a>(
        &mut self,
        table: Table<'a>,
        key: &str,
        section: &'static Section,
    ) -> Vec<Table<'a>> {
        let list = self.list(table, key);
        list.into_iter().filter_map(|value| self.as_table(key, value, section)).collect()
    }

    /// One of several words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        key: &str,
        text: &Text<'_>,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.text) {
            return Some(*value);
        }
        let known: Vec<String> = words.iter().map(|(word, _)| (*word).to_owned()).collect();
        let advice = match nearest(text.text, words.iter().map(|(word, _)| *word)) {
            Some(word) => format!("`{word}`"),
            None => quoted(&known),
        };
        let problem = Problem::UnknownWord { key: short(key), found: short(text.text), known };
        self.report(text.span.clone(), problem, Some(advice));
        None
    }

    /// A pattern of paths from the root.
    pub(crate) fn pattern(&mut self, text: &Text<'_>) -> Option<Glob> {
        self.pattern_by(text, Glob::absolute)
    }

    /// A pattern that `parse` reads.
    pub(crate) fn pattern_by<T>(
        &mut self,
        text: &Text<'_>,
        parse: impl FnOnce(&str) -> Result<T, GlobError>,
    ) -> Option<T> {
        parse(text.text)
            .map_err(|error| {
                let advice = error.advice().to_owned();
                self.report(text.span.clone(), Problem::Pattern(error), Some(advice));
            })
            .ok()
    }

    /// A size that must be there; 0 when it is not.
    pub(crate) fn size(&mut self, table: Table<'_>, key: &'static str) -> u64 {
        let Some(text) = self.need_text(table, key) else { return 0 };
        size::parse(text.text).unwrap_or_else(|error| {
            let advice = "a whole number and a unit: `80 MB`, `1 GiB`".to_owned();
            self.report(text.span, Problem::Size(error), Some(advice));
            0
        })
    }

    /// A text of which `good` must be true.
    pub(crate) fn checked(
        &mut self,
        text: &Text<'_>,
        what: &'static str,
        good: impl FnOnce(&str) -> bool,
    ) -> String {
        if !good(text.text) {
            let problem = Problem::Malformed { what, found: short(text.text) };
            self.report(text.span.clone(), problem, None);
        }
        text.text.to_owned()
    }
}

/// A text from a file as it is quoted in a message.
pub(crate) fn short(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

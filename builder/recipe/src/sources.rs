//! The texts that declarations were read from, kept so that an error can show its line.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::place::Place;

/// Texts by file name.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    texts: BTreeMap<String, String>,
}

impl Sources {
    /// Keeps the text of a file.
    pub fn keep(&mut self, file: &str, text: &str) {
        self.texts.insert(file.to_owned(), text.to_owned());
    }

    /// Takes over all texts of another collection.
    pub fn extend(&mut self, other: Self) {
        self.texts.extend(other.texts);
    }

    /// The line that a place is in, where the text is known.
    #[must_use]
    pub fn line(&self, place: &Place) -> Option<&str> {
        let index = usize::try_from(place.line.checked_sub(1)?).ok()?;
        self.texts.get(&place.file)?.lines().nth(index)
    }
}

/// One text with an index of its lines, for turning byte offsets into places.
pub(crate) struct LineIndex<'t> {
    file: &'t str,
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file, text, starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// The place of a byte range; its length is that of the part in the first line.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let start = floor(self.text, span.start);
        let line = self.starts.partition_point(|at| *at <= start);
        let line_start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied();
        let before = self.text.get(line_start.unwrap_or(0)..start).unwrap_or_default();
        let marked = self.text.get(start..floor(self.text, span.end)).unwrap_or_default();
        let marked = marked.lines().next().unwrap_or_default();
        Place {
            file: self.file.to_owned(),
            line: count(line),
            column: count(before.chars().count() + 1),
            length: count(marked.chars().count().max(1)),
        }
    }
}

fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, span: Range<usize>, expect: (u32, u32, u32)) {
        let place = LineIndex::new("f", text).place(span);
        assert_eq!((place.line, place.column, place.length), expect, "{text:?}");
    }

    #[test]
    fn offsets_become_lines_and_columns_in_characters() {
        check("ab\ncd", 0..2, (1, 1, 2));
        check("ab\ncd", 3..5, (2, 1, 2));
        check("é=1\n", 2..3, (1, 2, 1));
        check("ab\ncd\n", 1..5, (1, 2, 1));
        check("", 0..0, (1, 1, 1));
        check("ab\n", 3..3, (2, 1, 1));
        check("é", 1..99, (1, 1, 1));
    }
}

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
///
/// Every place costs the same however long the lines are: a hostile file has one line of a
/// megabyte and a hundred thousand values in it.
pub(crate) struct LineIndex<'t> {
    file: &'t str,
    text: &'t str,
    starts: Vec<usize>,
    /// How many characters begin before each block of [`BLOCK_BYTES`].
    characters: Vec<usize>,
}

const BLOCK_BYTES: usize = 1024;

impl<'t> LineIndex<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after_newlines).collect();
        let sum = |before: &mut usize, block: &[u8]| {
            let here = *before;
            *before += beginnings(block);
            Some(here)
        };
        let blocks = text.as_bytes().chunks(BLOCK_BYTES);
        let characters = blocks.chain([&[][..]]).scan(0, sum).collect();
        Self { file, text, starts, characters }
    }

    /// The place of a byte range; its length is that of the part in the first line.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let start = span.start.min(self.text.len());
        let line = self.starts.partition_point(|at| *at <= start);
        let line_start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied();
        let next_line = self.starts.get(line).map_or(self.text.len(), |at| at - 1);
        let before = self.characters_before(start);
        let marked = self.characters_before(span.end.min(next_line)).saturating_sub(before);
        let column = before - self.characters_before(line_start.unwrap_or(0)) + 1;
        Place {
            file: self.file.to_owned(),
            line: count(line),
            column: count(column),
            length: count(marked.max(1)),
        }
    }

    /// How many characters begin before this offset.
    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK_BYTES;
        let rest = self.text.as_bytes().get(block * BLOCK_BYTES..offset).unwrap_or_default();
        self.characters.get(block).copied().unwrap_or_default() + beginnings(rest)
    }
}

/// How many characters begin in these bytes of UTF-8.
fn beginnings(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
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
        check("é", 5..99, (1, 2, 1));
        check("ab\n\ncd", 1..9, (1, 2, 1));
    }

    #[test]
    fn long_lines_are_counted_in_characters_too() {
        let text = format!("x\n{}y", "é".repeat(2000));
        check(&text, 4002..4003, (2, 2001, 1));
        check(&text, 2..4003, (2, 1, 2001));
        check(&text, 1026..2050, (2, 513, 512));
    }
}

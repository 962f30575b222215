//! Diagnostics as text, in the form that compilers have made familiar.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Rejected};
use crate::place::Place;
use crate::sources::Sources;

/// Characters of a line that are shown; longer lines are cut around the mistake.
const WIDTH: usize = 100;

impl Rejected {
    /// All mistakes as text for a person.
    #[must_use]
    pub fn render(&self) -> String {
        render(&self.diagnostics, &self.sources)
    }
}

/// Diagnostics as text for a person: the mistake, its place, its line with the part that is meant
/// underlined, other places, and what to try.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let texts: Vec<String> = diagnostics.iter().map(|one| block(one, sources)).collect();
    texts.join("\n")
}

fn block(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut text = format!("error: {}\n", clean(&diagnostic.problem.to_string()));
    text += &excerpt(&diagnostic.place, '^', "", sources);
    for note in &diagnostic.notes {
        text += &excerpt(&note.place, '-', &note.text, sources);
    }
    if let Some(advice) = &diagnostic.advice {
        text += "try: ";
        text += &clean(advice);
        text.push('\n');
    }
    text
}

fn excerpt(place: &Place, mark: char, label: &str, sources: &Sources) -> String {
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let mut text = format!("{margin}--> {place}\n");
    let Some(line) = sources.line(place).filter(|line| !line.is_empty()) else {
        if !label.is_empty() {
            writeln!(text, "{margin} = {}", clean(label)).unwrap_or_default();
        }
        return text;
    };
    let (shown, column) = cut(line, size(place.column).saturating_sub(1));
    let length = size(place.length).min(shown.chars().count().saturating_sub(column)).max(1);
    let marks = mark.to_string().repeat(length);
    let label = if label.is_empty() { String::new() } else { format!(" {}", clean(label)) };
    let space = " ".repeat(column);
    writeln!(text, "{margin} |\n{number} | {shown}\n{margin} | {space}{marks}{label}")
        .unwrap_or_default();
    text
}

/// The part of a line around a column, and where the column is in it.
fn cut(line: &str, column: usize) -> (String, usize) {
    let skip = if column < WIDTH * 3 / 4 { 0 } else { column - WIDTH / 2 };
    let shown = line.chars().skip(skip).take(WIDTH).map(visible).collect::<String>();
    if skip == 0 { (shown, column) } else { (format!("… {shown}"), column - skip + 2) }
}

/// A file may hold anything; a terminal gets no control characters from it.
fn clean(text: &str) -> String {
    text.chars().map(visible).collect()
}

fn visible(char: char) -> char {
    match char {
        '\t' => ' ',
        _ if char.is_control() => '\u{fffd}',
        // Marks that turn the direction of text would show another line than is written.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => char,
    }
}

fn size(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

//! One line into words, as `sysusers.d`, `tmpfiles.d` and simple shell commands quote them.
//!
//! Words are separated by blanks; `'…'` and `"…"` keep blanks, a backslash keeps the next
//! character. Expansion of any kind is not done, so whoever reads shell commands must refuse words
//! with `$` or a backquote in them.

/// A quote that does not end, or a backslash with nothing after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenQuote;

/// Splits one line.
pub(crate) fn split(line: &str) -> Result<Vec<String>, OpenQuote> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or(OpenQuote)? {
                        end if end == c => break,
                        '\\' if c == '"' => word.push(chars.next().ok_or(OpenQuote)?),
                        other => word.push(other),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(OpenQuote)?),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_at_blanks_outside_quotes() {
        let check = |line, expect: &[&str]| assert_eq!(split(line).unwrap(), expect, "{line}");
        check(
            "u messagebus - \"System Message Bus\" /x",
            &["u", "messagebus", "-", "System Message Bus", "/x"],
        );
        check("  a\t b\\ c ''  'd\"e'f ", &["a", "b c", "", "d\"ef"]);
        check("", &[]);
        assert_eq!(split("a 'b"), Err(OpenQuote));
        assert_eq!(split("a\\"), Err(OpenQuote));
    }
}

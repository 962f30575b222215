//! Patterns as `fnmatch(3)` without flags reads them: `*`, `?`, `[a-f]`, `[!a]`, `\x`.
//!
//! Time is bounded by the product of both lengths: only the last `*` is ever tried again.

/// Whether `pattern` matches the whole of `text`.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.as_bytes();
    let mut text = text.as_bytes();
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let Some((b'*', rest)) = pattern.split_first().map(|(c, rest)| (*c, rest)) {
            retry = Some((rest, text));
            pattern = rest;
            continue;
        }
        match (step(pattern, text), pattern.is_empty() && text.is_empty()) {
            (_, true) => return true,
            (Some((next_pattern, next_text)), false) => (pattern, text) = (next_pattern, next_text),
            (None, false) => {
                // Let the last `*` take one letter more.
                let Some((after_star, tried)) = retry else { return false };
                let Some((_, shorter)) = tried.split_first() else { return false };
                retry = Some((after_star, shorter));
                (pattern, text) = (after_star, shorter);
            }
        }
    }
}

/// Matches one letter and says what is left of both.
fn step<'p, 't>(pattern: &'p [u8], text: &'t [u8]) -> Option<(&'p [u8], &'t [u8])> {
    let (letter, text) = text.split_first()?;
    let (first, rest) = pattern.split_first()?;
    match first {
        b'?' => Some((rest, text)),
        b'[' => match set(rest, *letter) {
            Some((true, rest)) => Some((rest, text)),
            Some((false, _)) => None,
            // A bracket that never closes stands for itself.
            None => (*letter == b'[').then_some((rest, text)),
        },
        b'\\' => {
            let (escaped, rest) = rest.split_first()?;
            (escaped == letter).then_some((rest, text))
        }
        _ => (first == letter).then_some((rest, text)),
    }
}

/// Reads a bracket expression after its `[`: whether it holds `letter`, and what follows the `]`.
fn set(pattern: &[u8], letter: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match pattern {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut found = false;
    let mut first = true;
    loop {
        match rest {
            [b']', after @ ..] if !first => return Some((found != negated, after)),
            [low, b'-', high, after @ ..] if *high != b']' => {
                found |= (*low..=*high).contains(&letter);
                rest = after;
            }
            [one, after @ ..] => {
                found |= *one == letter;
                rest = after;
            }
            [] => return None,
        }
        first = false;
    }
}

/// What every match of `pattern` begins with.
pub(super) fn literal_prefix(pattern: &str) -> &str {
    pattern.split(['*', '?', '[', '\\']).next().unwrap_or_default()
}

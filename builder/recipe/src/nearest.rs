//! The known word that was most likely meant.

/// The word of `known` that is fewest edits away from `found`, where that is near enough to be
/// worth naming: a third of its letters, at least one. The first of equals in order.
#[must_use]
pub fn nearest<'w>(found: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let found: Vec<char> = found.to_lowercase().chars().take(65).collect();
    let allowed = (found.len() / 3).max(1);
    known
        .into_iter()
        .map(|word| (edits(&found, &word.to_lowercase().chars().collect::<Vec<_>>()), word))
        .filter(|(edits, word)| *edits <= allowed && *edits < word.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// How many letters to insert, delete, replace or swap with their neighbour.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&last, j) + usize::from(x != y);
            let mut best = replaced.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: &str, expect: Option<&str>) {
        assert_eq!(nearest(found, ["packages", "path", "why", "uid", "TERM"]), expect, "{found}");
    }

    #[test]
    fn small_slips_are_seen() {
        check("pakages", Some("packages"));
        check("package", Some("packages"));
        check("Packages", Some("packages"));
        check("apth", Some("path"));
        check("wyh", Some("why"));
        check("uit", Some("uid"));
        check("TREM", Some("TERM"));
        check("why ", Some("why"));
    }

    #[test]
    fn other_words_are_not() {
        check("kernel", None);
        check("x", None);
        check("", None);
        check(&"y".repeat(100_000), None);
    }
}

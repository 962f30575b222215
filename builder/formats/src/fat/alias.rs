//! Short names: what every file on FAT has, and what the long name hides behind.
//!
//! A name that is 8.3 but for its case is its own short name. Any other gets an alias made from it:
//! upper case, what 8.3 has no place for left out or replaced by `_`, cut to eight and three
//! characters, and `~N` with the least N that is free (fatgen103, "The Basis-Name Generation
//! Algorithm" and "The Numeric-Tail Generation Algorithm").

use std::collections::BTreeSet;

/// A short name: eight characters and three, padded with spaces.
pub(super) type Short = [u8; 11];

/// Whether FAT can hold a name at all: 1 to 255 UTF-16 units, none of them a control character or
/// one with a meaning in paths, no dot or space at the end.
pub(super) fn is_name(name: &str) -> bool {
    let forbidden = |letter: char| letter.is_control() || "\"*/:<>?\\|".contains(letter);
    !name.is_empty()
        && name.encode_utf16().count() <= 255
        && !name.ends_with(['.', ' '])
        && !name.starts_with(' ')
        && !name.contains(forbidden)
}

/// Whether a character may stand in a short name.
pub(super) fn is_short(letter: u8) -> bool {
    letter.is_ascii_uppercase() || letter.is_ascii_digit() || b"!#$%&'()-@^_`{}~".contains(&letter)
}

/// The name as its own short name, where it is one.
pub(super) fn exact(name: &str) -> Option<Short> {
    let (base, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let has_dot = name.contains('.');
    let fits = (1..=8).contains(&base.len())
        && extension.len() <= 3
        && (!has_dot || !extension.is_empty())
        && base.bytes().chain(extension.bytes()).all(is_short);
    fits.then(|| padded(base.as_bytes(), extension.as_bytes()))
}

/// The name as its own short name but for case.
fn whole(name: &str) -> Option<Short> {
    exact(&name.to_ascii_uppercase())
}

/// Short names for all names of a directory, in their order. The names must differ in more than
/// case.
pub(super) fn short_names(names: &[&str]) -> Vec<Short> {
    // An alias must not be the name of another file, in whatever case that is written.
    let mut taken: BTreeSet<Short> = names.iter().filter_map(|name| whole(name)).collect();
    let mut short = Vec::new();
    for name in names {
        short.push(whole(name).unwrap_or_else(|| {
            let alias = alias(name, &taken);
            taken.insert(alias);
            alias
        }));
    }
    short
}

fn alias(name: &str, taken: &BTreeSet<Short>) -> Short {
    let (base, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    // A leading dot starts no extension.
    let (base, extension) = if base.is_empty() { (extension, "") } else { (base, extension) };
    let (base, extension) = (reduced(base), reduced(extension));
    let numbered = |number: u32| {
        let tail = format!("~{number}").into_bytes();
        let kept = base.iter().copied().take(8 - tail.len());
        padded(&kept.chain(tail.iter().copied()).collect::<Vec<u8>>(), &extension)
    };
    // A directory has at most 65,536 entries, so a free number below a million is always there.
    (1..1_000_000).map(numbered).find(|short| !taken.contains(short)).unwrap_or([b'~'; 11])
}

/// Upper case, without spaces and dots, `_` for what has no place.
fn reduced(part: &str) -> Vec<u8> {
    let short = |letter: char| {
        let upper = u8::try_from(letter.to_ascii_uppercase()).ok();
        upper.filter(|byte| is_short(*byte)).unwrap_or(b'_')
    };
    part.chars().filter(|letter| !matches!(letter, ' ' | '.')).map(short).collect()
}

fn padded(base: &[u8], extension: &[u8]) -> Short {
    let mut short = [b' '; 11];
    let (first, last) = short.split_at_mut(8);
    first.iter_mut().zip(base).for_each(|(place, letter)| *place = *letter);
    last.iter_mut().zip(extension).for_each(|(place, letter)| *place = *letter);
    short
}

/// The checksum that ties a long name to its alias.
pub(super) fn checksum(short: &Short) -> u8 {
    short.iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str], expect: &[&str]) {
        let short = short_names(names);
        let found: Vec<_> = short.iter().map(|name| str::from_utf8(name).unwrap()).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn names_of_8_3_in_upper_case_stay() {
        check(&["EFI", "BOOTX64.EFI", "A~1"], &["EFI        ", "BOOTX64 EFI", "A~1        "]);
    }

    #[test]
    fn what_differs_in_case_only_needs_no_number() {
        check(&["loader", "Linux.efi"], &["LOADER     ", "LINUX   EFI"]);
    }

    #[test]
    fn what_is_cut_or_replaced_gets_the_first_free_number() {
        check(&["systemd-bootx64.efi"], &["SYSTEM~1EFI"]);
        check(&["loader.conf", "loader.conf2"], &["LOADER~1CON", "LOADER~2CON"]);
        check(&["ashlar_1+3-0.efi"], &["ASHLAR~1EFI"]);
        check(
            &["ä", "a b", ".hid", "a.b.c"],
            &["_~1        ", "AB~1       ", "HID~1      ", "AB~1    C  "],
        );
    }

    #[test]
    fn a_number_never_takes_the_name_of_another_file() {
        check(&["longname1", "longna~1"], &["LONGNA~2   ", "LONGNA~1   "]);
        let names: Vec<String> = (0..12).map(|number| format!("a long name {number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let short: BTreeSet<_> = short_names(&names).into_iter().collect();
        assert_eq!(short.len(), 12);
        assert!(short.contains(b"ALONG~12   "));
    }

    #[test]
    fn names_fat_cannot_hold_are_known() {
        for name in ["", "a.", "a ", " a", "a:b", "a\\b", "a\u{7}", "a?", &"x".repeat(256)] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_name(&"x".repeat(255)) && is_name("a+b,c;=[d]"));
    }
}

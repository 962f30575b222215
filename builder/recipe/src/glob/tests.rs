use proptest::prelude::*;

use super::*;

fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    let glob = Glob::parse(pattern).unwrap();
    for path in yes {
        assert!(glob.matches(path), "{pattern} takes {path}");
    }
    for path in no {
        assert!(!glob.matches(path), "{pattern} does not take {path}");
    }
}

#[test]
fn a_plain_path_matches_itself_only() {
    check("usr/bin/nft", &["usr/bin/nft"], &["usr/bin/nf", "usr/bin/nft/x", "usr/bin", ""]);
}

#[test]
fn a_star_stays_within_its_name() {
    check("lib/*.so*", &["lib/a.so", "lib/.so.1", "lib/a.so.1.so"], &["lib/x/a.so", "a.so"]);
    check("*/b", &["a/b"], &["b", "a/a/b", "a/b/b"]);
    check("a*b*c", &["abc", "aXbXbc", "abbcc"], &["ab", "acb", "abcd"]);
}

#[test]
fn two_stars_take_any_number_of_names() {
    check("**", &["a", "a/b/c"], &[]);
    check("a/**", &["a/b", "a/b/c"], &["a", "ab", "b/a/c"]);
    check("a/**/z", &["a/z", "a/b/z", "a/z/b/z"], &["a/b", "z", "a/z/b"]);
    check("**/x/**/y", &["x/y", "a/x/b/y", "x/x/y/y"], &["x", "y/x", "x/y/z"]);
}

#[test]
fn sets_and_single_characters() {
    check("sd[a-c]?", &["sda1", "sdcé"], &["sdd1", "sda", "sda12"]);
    check("[!a-c]x", &["dx", "-x"], &["ax", "x"]);
    check("[*][[][a-]", &["*[a", "*[-"], &["x[a"]);
}

#[test]
fn what_is_no_pattern_is_refused() {
    let cases = [
        ("", GlobError::Empty),
        ("/a", GlobError::Absolute),
        ("a//b", GlobError::EmptyName),
        ("a/", GlobError::EmptyName),
        ("a/../b", GlobError::DotName),
        ("./a", GlobError::DotName),
        ("a[b", GlobError::OpenSet),
        ("a[b/c]", GlobError::OpenSet),
        ("a[]", GlobError::EmptySet),
        ("[!]", GlobError::EmptySet),
        ("[z-a]", GlobError::BackwardRange { from: 'z', to: 'a' }),
        ("a**", GlobError::StarsInName),
        ("{a,b}", GlobError::Unsupported { found: '{' }),
        ("a\\*", GlobError::Unsupported { found: '\\' }),
        ("a\0", GlobError::Unsupported { found: '\0' }),
    ];
    for (text, error) in cases {
        assert_eq!(Glob::parse(text), Err(error), "{text:?}");
    }
    let long = "a".repeat(MAX_PATTERN_BYTES + 1);
    assert_eq!(Glob::parse(&long), Err(GlobError::TooLong { found_bytes: 4097 }));
}

#[test]
fn a_declaration_writes_paths_from_the_root() {
    assert_eq!(Glob::absolute("/usr/**").unwrap().as_str(), "usr/**");
    assert_eq!(Glob::absolute("usr"), Err(GlobError::NotAbsolute));
    assert_eq!(Glob::absolute("/"), Err(GlobError::Empty));
    assert_eq!(Glob::absolute("//a"), Err(GlobError::Absolute));
}

#[test]
fn the_part_in_front_narrows_the_search() {
    assert_eq!(Glob::parse("usr/lib/*.so").unwrap().literal_prefix(), "usr/lib");
    assert_eq!(Glob::parse("**/x").unwrap().literal_prefix(), "");
    assert_eq!(Glob::parse("usr/bin").unwrap().literal(), Some("usr/bin"));
    assert_eq!(Glob::parse("usr/b?n").unwrap().literal(), None);
}

#[test]
fn many_stars_take_no_longer_than_the_product_of_lengths() {
    let names = "a*".repeat(1000) + "b";
    assert!(!Glob::parse(&names).unwrap().matches(&"a".repeat(4000)));
    let paths = "**/a/".repeat(500) + "b";
    assert!(!Glob::parse(&paths).unwrap().matches(&vec!["a"; 2000].join("/")));
}

/// The obvious matcher: tries everything.
fn slow(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => {
            (0..=text.len()).any(|n| !text[..n].contains(&'/') && slow(rest, &text[n..]))
        }
        ['?', rest @ ..] => {
            text.first().is_some_and(|c| *c != '/') && slow(rest, text.get(1..).unwrap_or(&[]))
        }
        [c, rest @ ..] => text.first() == Some(c) && slow(rest, &text[1..]),
    }
}

proptest! {
    #[test]
    fn agrees_with_the_obvious_matcher(pattern in "[ab*?/]{1,8}", path in "[ab/]{1,10}") {
        if let Ok(glob) = Glob::parse(&pattern) && !pattern.contains("**") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob.matches(&path), slow(&chars(&pattern), &chars(&path)));
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error(pattern in "\\PC*", path in "\\PC*") {
        if let Ok(glob) = Glob::parse(&pattern) {
            let _answer = glob.matches(&path);
            prop_assert_eq!(glob.as_str(), pattern);
        }
    }
}

use super::*;
use proptest::prelude::*;

fn version(text: &str) -> Version<'_> {
    Version::parse(text).unwrap()
}

/// Each is older than the next.
const RISING: &[&str] = &[
    "0~~",
    "0~~a",
    "0~",
    "0",
    "0a",
    "0+a",
    "1.0~rc1-1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1+deb13u1",
    "1.0-2",
    "1.0-10",
    "1.0.1",
    "1.1",
    "1.10",
    "1.10a",
    "1.10.0",
    "1:0.1",
    "2:0.0~a",
    "10:0",
];

#[test]
fn the_order_is_that_of_the_manual() {
    for (place, one) in RISING.iter().enumerate() {
        for (other_place, two) in RISING.iter().enumerate() {
            let (left, right) = (version(one), version(two));
            assert_eq!(left.cmp(&right), place.cmp(&other_place), "{one} and {two}");
        }
    }
}

#[test]
fn the_same_version_has_several_spellings() {
    for (one, two) in [("1.0", "1.00"), ("0:1", "1"), ("1-0", "1"), ("1.", "1.0"), ("01", "1")] {
        assert_eq!(version(one), version(two));
    }
}

#[test]
fn numbers_may_be_longer_than_any_integer() {
    let (short, long) = ("9".repeat(400), format!("1{}", "0".repeat(400)));
    assert!(version(&short) < version(&long));
}

#[test]
fn what_is_no_version_says_why() {
    let why = |text: &str| Version::parse(text).unwrap_err().why;
    assert_eq!(why(""), VersionFault::Empty);
    assert_eq!(why("1:"), VersionFault::Empty);
    assert_eq!(why("-1"), VersionFault::Empty);
    assert_eq!(why("1-"), VersionFault::EmptyRevision);
    assert_eq!(why("a:1"), VersionFault::Epoch);
    assert_eq!(why("+1:1"), VersionFault::Epoch);
    assert_eq!(why("2147483648:1"), VersionFault::Epoch);
    assert_eq!(why("1 2"), VersionFault::Letter(' '));
    assert_eq!(why("1_2"), VersionFault::Letter('_'));
    assert_eq!(why("1-2_3"), VersionFault::Letter('_'));
}

#[test]
fn a_file_name_carries_no_epoch() {
    assert_eq!(version("1:2.3-4").without_epoch(), "2.3-4");
    assert_eq!(version("2.3-4").without_epoch(), "2.3-4");
    assert_eq!(version("1:2.3-a-4").upstream(), "2.3-a");
}

/// A second telling of the order, slow and close to the manual's words: each text is cut into
/// alternating pieces, which are compared as keys.
fn key(text: &str) -> Vec<(Vec<i32>, u128)> {
    let mut rest: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    for _ in 0..=text.len() {
        let word: Vec<char> = rest.iter().copied().take_while(|c| !c.is_ascii_digit()).collect();
        rest.drain(..word.len());
        let digits: String = rest.iter().take_while(|c| c.is_ascii_digit()).collect();
        rest.drain(..digits.len());
        let letter = |c: char| match c {
            '~' => -1,
            c if c.is_ascii_alphabetic() => i32::try_from(u32::from(c)).unwrap(),
            c => i32::try_from(u32::from(c)).unwrap() + 256,
        };
        let word = word.into_iter().map(letter).chain([0]).collect();
        pieces.push((word, digits.parse().unwrap_or(0)));
    }
    pieces
}

fn padded(one: &str, two: &str) -> Ordering {
    let (mut left, mut right) = (key(one), key(two));
    let longest = left.len().max(right.len());
    left.resize(longest, (vec![0], 0));
    right.resize(longest, (vec![0], 0));
    left.cmp(&right)
}

proptest! {
    #[test]
    fn the_order_is_total(
        a in "[0-9]{1,2}[a-c0-2.+~]{0,6}(-[a0-1~]{1,3})?",
        b in "[0-9]{1,2}[a-c0-2.+~]{0,6}(-[a0-1~]{1,3})?",
        c in "[0-9]{1,2}[a-c0-2.+~]{0,6}(-[a0-1~]{1,3})?",
    ) {
        let mut three = [version(&a), version(&b), version(&c)];
        three.sort();
        let [low, middle, high] = three;
        prop_assert!(low <= middle && middle <= high && low <= high);
        prop_assert_eq!(low.cmp(&high), high.cmp(&low).reverse());
        prop_assert_eq!(version(&a).cmp(&version(&a)), Ordering::Equal);
    }

    #[test]
    fn the_order_agrees_with_its_second_telling(
        a in "[a-cA-C0-9.+~]{0,8}", b in "[a-cA-C0-9.+~]{0,8}",
    ) {
        prop_assert_eq!(compare(&a, &b), padded(&a, &b));
    }

    #[test]
    fn any_text_is_a_version_or_an_error(text in "\\PC{0,40}") {
        if let Ok(version) = Version::parse(&text) {
            prop_assert_eq!(version.text(), text.as_str());
        }
    }
}

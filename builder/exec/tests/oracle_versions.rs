//! Our order of versions is that of `dpkg --compare-versions`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here is to fail loudly"
)]

mod reference;

use std::cmp::Ordering;

use packages::compression::{Compression, unpack};
use packages::version::Version;
use reference::{folder, tool};

const PACKAGES: &[u8] = include_bytes!("data/hypervisor.Packages.xz");

/// Real versions, each beside its neighbour, and made ones of few letters, which often agree for a
/// while before they differ.
fn pairs() -> Vec<(String, String)> {
    let list = unpack(Compression::Xz, PACKAGES, 1 << 20).unwrap();
    let list = String::from_utf8(list).unwrap();
    let real: Vec<&str> = list.lines().filter_map(|line| line.strip_prefix("Version: ")).collect();
    let mut pairs: Vec<(String, String)> =
        real.windows(2).map(|two| (two[0].to_owned(), two[1].to_owned())).collect();
    let mut state: u64 = 1;
    let mut next = |most: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let letters: Vec<char> = "0019aZb.+~-".chars().collect();
    let mut made = || {
        let epoch = if next(5) == 0 { format!("{}:", next(3)) } else { String::new() };
        let length = next(7);
        let text: String =
            (0..length).map(|_| letters[usize::try_from(next(11)).unwrap()]).collect();
        format!("{epoch}{}{}", next(2), text.trim_end_matches('-'))
    };
    for _ in 0..700 {
        let one = made();
        pairs.push((one.clone(), made()));
        pairs.push((one.clone(), format!("{one}~")));
    }
    pairs
}

#[test]
fn versions_stand_in_the_order_of_dpkg() {
    let folder = folder();
    let holds = |one: &str, operator: &str, two: &str| {
        let arguments = ["--compare-versions", one, operator, two];
        tool(folder.path(), "dpkg").args(arguments).finish().unwrap().is_success()
    };
    for (one, two) in &pairs() {
        let ours = Version::parse(one).unwrap().cmp(&Version::parse(two).unwrap());
        let operator = match ours {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        assert!(holds(one, operator, two), "not {one} {operator} {two}");
    }
    assert!(!holds("1", "gt", "2"), "dpkg says yes to everything");
}

//! The full tree is what an ordinary installation of the same packages leaves, or somebody wrote
//! down why it is not.
//!
//! The packages of `images/tools-install` are installed twice: by `mmdebstrap`, which runs every
//! maintainer script, and by us, who run none. Both results are compared path by path: type, mode,
//! owner by name, target, content. Each difference is in `data/install-differences.toml`, and each
//! line there is a difference.
//!
//! `mmdebstrap` comes from the host, because dpkg and apt work in a root directory and need root's
//! rights or a user namespace; it takes the very packages of the lock, from a directory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::as_conversions,
    unreachable_pub,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod install;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use install::differences::{Classified, Difference, Side, differences};
use install::listing::Listing;
use install::{ordinary, ours};

/// Both trees; made once for all tests.
struct Both {
    ordinary: Listing,
    ours: Listing,
}

static BOTH: LazyLock<Both> = LazyLock::new(|| {
    let packages = ours::packages();
    Both { ordinary: ordinary::installed(&packages), ours: ours::installed(&packages) }
});

/// Lines of a file on both sides: the ordinary one, ours.
fn lines(path: &str) -> [BTreeSet<String>; 2] {
    [&BOTH.ordinary, &BOTH.ours].map(|listing| {
        let text = String::from_utf8(listing.bytes(path).to_vec()).unwrap();
        text.lines().map(str::to_owned).collect()
    })
}

#[test]
fn every_difference_has_a_reason_and_every_reason_a_difference() {
    let found = differences(&BOTH.ordinary, &BOTH.ours);
    let classified = Classified::read(include_str!("data/install-differences.toml"));
    let unexplained: Vec<&Difference> =
        found.iter().filter(|difference| !classified.explain(difference)).collect();
    assert!(unexplained.is_empty(), "no reason is written down for {unexplained:#?}");
    let idle = classified.idle(&found);
    assert!(idle.is_empty(), "these patterns match no difference: {idle:#?}");
    let both = found.iter().filter(|difference| difference.side == Side::Both).count();
    assert!(both < 20, "{both} paths differ that both have");
}

#[test]
fn accounts_are_the_same_but_for_chosen_numbers() {
    // The name, and what is not a number: comment, home, shell; members.
    for (path, kept) in [("etc/passwd", &[0, 4, 5, 6][..]), ("etc/group", &[0, 3])] {
        let [ordinary, ours] = lines(path).map(|lines| {
            let field = |line: &str, at: &usize| line.split(':').nth(*at).unwrap().to_owned();
            let row = |line: &String| kept.iter().map(|at| field(line, at)).collect::<Vec<_>>();
            lines.iter().map(row).collect::<BTreeSet<_>>()
        });
        assert_eq!(ordinary, ours, "{path}");
    }
}

#[test]
fn reserved_accounts_have_debians_numbers() {
    for path in ["etc/passwd", "etc/group"] {
        let number = |line: &str| line.split(':').nth(2).unwrap().parse::<u32>().unwrap();
        let [ordinary, ours] = lines(path);
        let reserved = |line: &&String| !(100..=999).contains(&number(line));
        // The primary group of a reserved user may have a chosen number.
        let bare = |line: &String| {
            let fields: Vec<&str> = line.split(':').collect();
            fields[..3].join(":")
        };
        let of = |lines: &BTreeSet<String>| lines.iter().filter(reserved).map(bare).collect();
        let (ordinary, ours): (BTreeSet<String>, BTreeSet<String>) = (of(&ordinary), of(&ours));
        assert_eq!(ordinary, ours, "{path}");
    }
}

#[test]
fn nobody_has_a_password() {
    for path in ["etc/shadow", "etc/gshadow"] {
        let [ordinary, ours] = lines(path).map(|lines| {
            let fields = lines.iter().map(|line| line.split(':').collect::<Vec<_>>());
            fields
                .map(|fields| (fields[0].to_owned(), fields[1].trim_matches(['!', '*']).is_empty()))
                .collect::<BTreeSet<_>>()
        });
        assert_eq!(ordinary, ours, "{path}");
        assert!(ours.iter().all(|(_, locked)| *locked), "{path}");
    }
}

#[test]
fn the_cache_of_libraries_is_ldconfigs_but_for_who_wrote_it() {
    let [theirs, ours] = [&BOTH.ordinary, &BOTH.ours].map(|side| side.bytes("etc/ld.so.cache"));
    // Where the extension is, and in it the length of the writer's name.
    let extension = u32::from_le_bytes(theirs[32..36].try_into().unwrap()) as usize;
    let name_len = extension + 20;
    assert!(theirs[..name_len] == ours[..name_len]);
    assert_eq!(theirs[name_len + 4..][..0], ours[name_len + 4..][..0]);
}

#[test]
fn the_same_authorities_are_trusted() {
    let [ordinary, ours] = lines("etc/ca-certificates.conf").map(|lines| {
        lines.into_iter().filter(|line| !line.starts_with('#')).collect::<BTreeSet<_>>()
    });
    assert!(ordinary.len() > 100, "{}", ordinary.len());
    assert_eq!(ordinary, ours);
}

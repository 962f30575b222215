//! What is resolved is what `apt-get install --no-install-recommends` would install on an empty
//! system, package by package and version by version.
//!
//! The list of packages is trixie's of November 2026, cut down to all that the hypervisor's packages
//! could possibly bring in and to the fields that matter. Differences that are meant are listed in
//! [`MEANT`] with their reason; there are none. Two that exist are kept out of the comparison: apt
//! takes its requests in the order of the command line where ours are taken by name (so they are
//! given by name), and an older version instead of a conflict is never taken by us.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here is to fail loudly"
)]

mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use contract::arch::Arch;
use packages::compression::{Compression, unpack};
use packages::resolve::{Demand, Follow, SuiteOf, Universe, Wish, solve};
use reference::{folder, run};

const PACKAGES: &[u8] = include_bytes!("data/hypervisor.Packages.xz");

const HYPERVISOR: &[&str] = &[
    "containerd",
    "crun",
    "erofs-utils",
    "libvirt-daemon-driver-qemu",
    "linux-image-amd64",
    "nftables",
    "qemu-system-x86",
];

/// Packages that one of the two has and the other has not, with the reason.
const MEANT: &[(&str, &str)] = &[];

/// What apt is told, so that it reads nothing but the folder of the test and starts no program.
const OPTIONS: &[&str] = &[
    "Dir::State=./state",
    "Dir::State::status=/dev/null",
    "Dir::Cache=./cache",
    "Dir::Etc=./etc",
    "APT::Sandbox::User=root",
    "APT::Architecture=amd64",
    "APT::Architectures::=amd64",
];

/// Lays out the folder as if apt had fetched the list from an archive.
fn prepare(folder: &Path, list: &[u8]) {
    for name in ["state/lists/partial", "cache/archives/partial", "etc"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::write(folder.join("etc/sources.list"), "deb [trusted=yes] file:/archive ./\n").unwrap();
    fs::write(folder.join("state/lists/_archive_._Packages"), list).unwrap();
}

/// Lines of the form `Inst NAME (VERSION …)`.
fn theirs(folder: &Path, wishes: &[&str]) -> BTreeSet<String> {
    let mut arguments: Vec<&str> = OPTIONS.iter().flat_map(|option| ["-o", *option]).collect();
    arguments.extend(["--simulate", "--no-install-recommends", "install"]);
    arguments.extend(wishes);
    let printed = run(folder, "apt-get", &arguments);
    let line = |line: &str| {
        let mut words = line.strip_prefix("Inst ")?.split(' ');
        Some(format!("{} {}", words.next()?, words.next()?.trim_start_matches('(')))
    };
    printed.lines().filter_map(line).collect()
}

fn ours(universe: &Universe<'_>, wishes: &[&str]) -> BTreeSet<String> {
    let wish = |name: &&str| Wish {
        recipe: "test".to_owned(),
        package: (*name).to_owned(),
        suite: None,
        follow: Follow::Dependencies,
    };
    let demand = Demand { wishes: wishes.iter().map(wish).collect(), left_out: BTreeMap::new() };
    let solution = solve(universe, &demand).unwrap();
    let chosen = solution.chosen().values();
    chosen.map(|one| format!("{} {}", one.package.name, one.package.version)).collect()
}

#[test]
fn what_is_resolved_is_what_apt_installs() {
    let folder = folder();
    let list = unpack(Compression::Xz, PACKAGES, 1 << 20).unwrap();
    prepare(folder.path(), &list);
    let packages = packages::index::read(&list, "amd64").unwrap();
    let suite = SuiteOf { name: "trixie", only_by_name: false, packages: &packages };
    let universe = Universe::new(Arch::X86_64, &[suite]).unwrap();

    let single: Vec<&str> = packages.iter().map(|package| package.name).collect();
    let mut sets: Vec<&[&str]> = vec![HYPERVISOR];
    sets.extend(single.chunks(1).step_by(9));
    for wishes in sets {
        let (ours, theirs) = (ours(&universe, wishes), theirs(folder.path(), wishes));
        let differs: Vec<&String> = ours
            .symmetric_difference(&theirs)
            .filter(|one| !MEANT.iter().any(|(name, _)| one.split(' ').next() == Some(name)))
            .collect();
        assert!(differs.is_empty(), "{wishes:?}: only in one of both: {differs:?}");
        assert!(ours.len() >= wishes.len());
    }
}

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

/// Where apt keeps its state, below the folder of the test, and what it is told.
fn apt(folder: &Path, arguments: &[&str]) -> String {
    let options = [
        "Dir::State=./state",
        "Dir::State::status=/dev/null",
        "Dir::Cache=./cache",
        "Dir::Etc::sourcelist=./sources.list",
        "Dir::Etc::sourceparts=/dev/null",
        "APT::Sandbox::User=root",
        "APT::Architecture=amd64",
    ];
    let inside = Path::new("/tmp").join(folder.file_name().unwrap());
    let here = |option: &str| option.replace("./", &format!("{}/", inside.display()));
    let options: Vec<String> =
        options.iter().flat_map(|one| ["-o".to_owned(), here(one)]).collect();
    let all: Vec<&str> =
        options.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
    run(folder, "apt-get", &all)
}

fn prepare(folder: &Path, list: &[u8]) {
    for name in ["state/lists/partial", "cache/archives/partial", "archive"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::write(folder.join("archive/Packages"), list).unwrap();
    let inside = Path::new("/tmp").join(folder.file_name().unwrap());
    let source = format!("deb [trusted=yes] file:{}/archive ./\n", inside.display());
    fs::write(folder.join("sources.list"), source).unwrap();
    apt(folder, &["update"]);
}

/// Lines of the form `Inst NAME (VERSION …)`.
fn theirs(folder: &Path, wishes: &[&str]) -> BTreeSet<String> {
    let mut arguments = vec!["--simulate", "--no-install-recommends", "install"];
    arguments.extend(wishes);
    let printed = apt(folder, &arguments);
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

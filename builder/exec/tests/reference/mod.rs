//! The reference tools that the oracle tests compare our writers with.
//!
//! They come from a locked tool tree and run in a folder of their own test, with file names
//! relative to it.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::io::Read as _;
use std::path::Path;

use contract::arch::Arch;
use exec::runner::Command;
use exec::tools::{oracle, oracle_package};
use packages::deb::{self, Limits, MemberKind};

/// The reference tool `name`, to be run in `folder` (from [`folder`]).
pub(crate) fn tool(folder: &Path, name: &str) -> Command {
    oracle(name).unwrap().directory(folder)
}

/// A folder for one test; gone when dropped.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs a tool that must succeed, and answers what it printed on both streams.
pub(crate) fn run(folder: &Path, name: &str, arguments: &[&str]) -> String {
    let done = tool(folder, name).args(arguments).run().unwrap();
    done.text() + &done.errors()
}

/// The regular files of a package of the image `minimal`, of those paths that are wanted.
pub(crate) fn packaged(
    arch: Arch,
    package: impl Fn(&str) -> bool,
    wanted: impl Fn(&str) -> bool,
) -> Vec<(String, Vec<u8>)> {
    let bytes = oracle_package("minimal", arch, &package).unwrap();
    let (_, mut members) = deb::open(&*bytes, Limits::ARCHIVE).unwrap();
    let mut files = Vec::new();
    while let Some(member) = members.next_member().unwrap() {
        let path = member.path.trim_start_matches("./").to_owned();
        if matches!(member.kind, MemberKind::File { .. }) && wanted(&path) {
            let mut content = Vec::new();
            members.read_to_end(&mut content).unwrap();
            files.push((path, content));
        }
    }
    files
}

/// One file of a package of the image `minimal`.
pub(crate) fn file(arch: Arch, package: &str, path: &str) -> Vec<u8> {
    packaged(arch, |name| name == package, |found| found == path).pop().unwrap().1
}

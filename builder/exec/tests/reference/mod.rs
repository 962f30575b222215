//! The reference tools that the oracle tests compare our writers with.
//!
//! Every tool runs in a folder of its own test and gets file names relative to it, so that it does
//! not matter where the tools live.
#![allow(dead_code, reason = "each test program uses its own part")]
#![expect(clippy::disallowed_methods, reason = "a test starts reference tools itself")]

use std::path::Path;
use std::process::Command;

/// Where the reference tools are unpacked.
const TOOLS: &str = "/work/trixie";

/// The reference tool `name`, to be run in `folder` (from [`folder`]).
pub(crate) fn tool(folder: &Path, name: &str) -> Command {
    let inside = folder.strip_prefix(TOOLS).unwrap();
    let mut command = Command::new("chroot");
    command.args([TOOLS, "env", &format!("--chdir=/{}", inside.display())]);
    command.args(["LC_ALL=C.UTF-8", "TZ=UTC", "MTOOLSRC=/dev/null", name]);
    command
}

/// A folder that the tools can reach; gone when dropped.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(format!("{TOOLS}/tmp")).unwrap()
}

/// Runs a tool that must succeed, and answers what it printed on both streams.
pub(crate) fn run(folder: &Path, name: &str, arguments: &[&str]) -> String {
    let output = tool(folder, name).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{printed}", output.status);
    printed
}

/// A file that one of the tools' packages installs.
pub(crate) fn file(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(TOOLS).join(path)).unwrap()
}

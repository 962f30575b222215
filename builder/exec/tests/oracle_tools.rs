//! The reference tools run from their locked tree, with nothing of the host's but its kernel.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is to fail loudly")]

use exec::tools::{oracle, oracle_tree};

/// Tools of every kind: plain, one that looks at its own name, a script, of `sbin`.
const TOOLS: &[(&str, &str)] = &[
    ("mkfs.erofs", "--version"),
    ("fsck.erofs", "--version"),
    ("veritysetup", "--version"),
    ("sgdisk", "--version"),
    ("mdir", "--version"),
    ("depmod", "--version"),
    ("objdump", "--version"),
    ("ukify", "--version"),
    ("sbverify", "--version"),
    ("gpgv", "--version"),
    ("cpio", "--version"),
    ("ldconfig", "--version"),
];

#[test]
fn every_tool_says_which_version_it_is() {
    for (name, argument) in TOOLS {
        let done = oracle(name).unwrap().arg(argument).run().unwrap();
        assert!(!done.text().is_empty() || !done.errors().is_empty(), "{name}");
    }
}

#[test]
fn no_library_of_the_host_is_loaded() {
    let tree = oracle_tree().unwrap();
    let root = tree.root().display().to_string();
    // A script and a static program load nothing themselves.
    let loaded = TOOLS.iter().filter(|(name, _)| !matches!(*name, "ukify" | "ldconfig"));
    for (name, _) in loaded {
        // The loader lists what it would load, and starts nothing.
        let listed = oracle(name).unwrap().env("LD_TRACE_LOADED_OBJECTS", "1").run().unwrap();
        let text = listed.text();
        assert!(text.contains("libc.so.6"), "{name}: {text}");
        for line in text.lines().filter(|line| !line.contains("linux-vdso")) {
            assert!(line.contains(&root), "{name}: {line}");
        }
    }
}

#[test]
fn a_tool_that_is_not_there_is_named() {
    let error = oracle("mkfs.none").err().unwrap();
    assert!(error.contains("`mkfs.none` is no program of tools-oracle"), "{error}");
}

use std::os::unix::fs::PermissionsExt;

use packages::deb::sample::{self, Tar};

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

fn package(store: &Store, name: &str, data: Tar) -> Package {
    let digest = store.put(&sample::package(name, data)).unwrap();
    Package { name: name.into(), digest }
}

fn library() -> Tar {
    Tar::new()
        .directory("./lib/x86_64-linux-gnu/")
        .file("./lib/x86_64-linux-gnu/libx.so.1.0", 0o644, b"library")
        .symlink("./lib/x86_64-linux-gnu/libx.so.1", "/lib/x86_64-linux-gnu/libx.so.1.0")
        .directory("./usr/lib/x86_64-linux-gnu/private/")
        .file("./usr/lib/x86_64-linux-gnu/private/libp.so", 0o644, b"private")
        .file("./usr/share/doc/x/copyright", 0o644, b"words")
}

fn ensure(store: &Store, packages: &[Package]) -> Result<ToolTree, ToolError> {
    ToolTree::ensure(store, Arch::X86_64, packages)
}

#[test]
fn packages_stand_side_by_side_in_a_merged_tree() {
    let (_dir, store) = store();
    let program = Tar::new().file("./bin/tool", 0o4755, b"#!/bin/sh\necho tool\n");
    let packages = [package(&store, "lib", library()), package(&store, "tool", program)];
    let tree = ensure(&store, &packages).unwrap();
    let read = |path: &str| fs::read(tree.path(path)).unwrap();
    assert_eq!(read("usr/lib/x86_64-linux-gnu/libx.so.1"), b"library");
    assert_eq!(read("lib/x86_64-linux-gnu/libx.so.1"), b"library");
    assert!(!tree.path("usr/share/doc").exists());
    let mode = fs::metadata(tree.path("usr/bin/tool")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
    assert_eq!(fs::read_dir(store.root().join("tmp")).unwrap().count(), 0);
    // The order that packages are named in is not part of what the tree is.
    let [one, two] = packages;
    assert_eq!(ensure(&store, &[two.clone(), one.clone(), two]).unwrap().root(), tree.root());
}

#[test]
fn a_program_finds_private_libraries_of_its_tree() {
    let (_dir, store) = store();
    let tree = ensure(&store, &[package(&store, "lib", library())]).unwrap();
    let at = |path: &str| tree.path(path).display().to_string();
    assert_eq!(
        tree.libraries,
        [at("usr/lib/x86_64-linux-gnu"), at("usr/lib"), at("usr/lib/x86_64-linux-gnu/private")]
            .join(":")
    );
}

#[test]
fn the_same_file_twice_is_taken_and_two_of_one_name_are_not() {
    let (_dir, store) = store();
    let other = |bytes: &[u8]| library().file("./usr/share/x/data", 0o644, bytes);
    let lib = package(&store, "lib", library());
    let same = package(&store, "lib-arm64", other(b"data"));
    ensure(&store, &[lib.clone(), same]).unwrap();
    let data = b"#!/bin/sh\n".as_slice();
    let libx = Tar::new().file("./usr/lib/x86_64-linux-gnu/libx.so.1.0", 0o644, data);
    let error = ensure(&store, &[lib, package(&store, "liby", libx)]).unwrap_err();
    let ToolError::Conflict { path, mut names } = error else { panic!("{error}") };
    names.sort();
    assert_eq!(path, "usr/lib/x86_64-linux-gnu/libx.so.1.0");
    assert_eq!(names, ["lib", "liby"]);
}

#[test]
fn nothing_is_written_through_a_link() {
    let (dir, store) = store();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let link = Tar::new().symlink("./usr/x", outside.to_str().unwrap());
    let below = Tar::new().file("./usr/x/file", 0o644, b"escaped");
    let packages = [
        package(&store, "lib", library()),
        package(&store, "link", link),
        package(&store, "below", below),
    ];
    assert!(matches!(ensure(&store, &packages).unwrap_err(), ToolError::Tree { .. }));
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(fs::read_dir(store.root().join(KIND)).unwrap().count(), 0, "half a tree");
}

#[test]
fn a_damaged_or_missing_package_makes_no_tree() {
    let (_dir, store) = store();
    let missing = Package { name: "gone".into(), digest: Digest::of(b"gone") };
    assert!(matches!(ensure(&store, &[missing]).unwrap_err(), ToolError::NotFetched { .. }));
    let mut bytes = sample::package("lib", library());
    bytes.truncate(bytes.len() - 100);
    let cut = Package { name: "cut".into(), digest: store.put(&bytes).unwrap() };
    assert!(matches!(ensure(&store, &[cut]).unwrap_err(), ToolError::Package { .. }));
    assert_eq!(fs::read_dir(store.root().join(KIND)).unwrap().count(), 0, "half a tree");
}

#[test]
fn scripts_run_through_the_trees_interpreter_and_others_not_at_all() {
    let (_dir, store) = store();
    let this = fs::read(std::env::current_exe().unwrap()).unwrap();
    let program = Tar::new()
        .file("./usr/bin/script", 0o755, b"#!/usr/bin/env static -x\n")
        .file("./usr/bin/shell", 0o755, b"#!/bin/sh\n")
        .file("./usr/bin/tool", 0o755, this.get(..4096).unwrap())
        .file("./usr/bin/data", 0o755, b"data");
    let packages = [package(&store, "lib", library()), package(&store, "tool", program)];
    let tree = ensure(&store, &packages).unwrap();
    let words = tree.words("usr/bin/tool").unwrap();
    assert_eq!(
        words.first().unwrap(),
        &tree.path("lib64/ld-linux-x86-64.so.2").display().to_string()
    );
    assert_eq!(words.last().unwrap(), &tree.path("usr/bin/tool").display().to_string());
    for path in ["usr/bin/script", "usr/bin/shell", "usr/bin/data", "usr/bin/none"] {
        assert!(tree.command(path).is_err(), "{path}");
    }
}

//! The archives we write are what cpio(1) unpacks, and we read what it writes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "what fails here is to fail loudly"
)]

mod reference;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use formats::cpio;
use formats::tree::{Content, Kind, NoContent, Node, Tree};
use reference::{folder, tool};

fn sample() -> Tree {
    let mut tree = Tree::new();
    let mut insert = |path: &str, mode, kind| {
        let node = Node { uid: 3, gid: 4, ..Node::new(kind, mode, "test") };
        tree.insert(path, node).unwrap();
    };
    insert("bin", 0o755, Kind::Directory);
    insert("bin/a", 0o4755, Kind::File(Content::inline(vec![0x7f; 70_001])));
    insert("bin/b", 0o4755, Kind::Hardlink("bin/a".into()));
    insert("dev", 0o700, Kind::Directory);
    insert("dev/console", 0o600, Kind::CharDevice(5, 1));
    insert("empty", 0o444, Kind::File(Content::inline([])));
    insert("link", 0o777, Kind::Symlink("bin/a".into()));
    insert("pipe", 0o640, Kind::Fifo);
    tree
}

fn cpio(folder: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    tool(folder, "cpio").args(arguments).input(input).run().unwrap().stdout
}

fn archive() -> Vec<u8> {
    let mut archive = Vec::new();
    cpio::write(&sample(), &NoContent, &mut archive).unwrap();
    archive
}

#[test]
fn cpio_lists_what_we_write() {
    let listed = cpio(folder().path(), &["-itv", "--numeric-uid-gid", "--quiet"], &archive());
    let listed = String::from_utf8(listed).unwrap();
    let found: Vec<String> = listed
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .map(|line| line.replace(" Jan 1 1970", "").replace(", ", ","))
        .collect();
    let expect = [
        "drwxr-xr-x 4 0 0 0 .",
        "drwxr-xr-x 2 3 4 0 bin",
        "-rwsr-xr-x 2 3 4 0 bin/a",
        "-rwsr-xr-x 2 3 4 70001 bin/b",
        "drwx------ 2 3 4 0 dev",
        "crw------- 1 3 4 5,1 dev/console",
        "-r--r--r-- 1 3 4 0 empty",
        "lrwxrwxrwx 1 3 4 5 link -> bin/a",
        "prw-r----- 1 3 4 0 pipe",
    ];
    assert_eq!(found, expect);
}

#[test]
fn cpio_unpacks_what_we_write() {
    let folder = folder();
    let ours = ["-id", "--quiet", "--no-preserve-owner", "bin/*", "empty", "link"];
    cpio(folder.path(), &ours, &archive());
    let meta = |path: &str| fs::symlink_metadata(folder.path().join(path)).unwrap();
    assert_eq!(fs::read(folder.path().join("bin/a")).unwrap(), vec![0x7f; 70_001]);
    assert_eq!((meta("bin/a").ino(), meta("bin/a").nlink()), (meta("bin/b").ino(), 2));
    assert_eq!((meta("empty").len(), meta("empty").mode() & 0o777), (0, 0o444));
    assert_eq!(fs::read_link(folder.path().join("link")).unwrap().to_str(), Some("bin/a"));
}

#[test]
fn we_read_what_cpio_writes() {
    let folder = folder();
    fs::create_dir(folder.path().join("in")).unwrap();
    fs::write(folder.path().join("in/a"), "content").unwrap();
    fs::hard_link(folder.path().join("in/a"), folder.path().join("in/b")).unwrap();
    std::os::unix::fs::symlink("a", folder.path().join("in/c")).unwrap();
    let archive = cpio(folder.path(), &["-oH", "newc", "--quiet"], b"in\nin/a\nin/b\nin/c\n");

    let tree = cpio::read(&archive, "test").unwrap().tree;
    assert_eq!(tree.get("in/a").unwrap().kind, Kind::File(Content::inline(*b"content")));
    assert_eq!(tree.get("in/b").unwrap().kind, Kind::Hardlink("in/a".into()));
    assert_eq!(tree.get("in/c").unwrap().kind, Kind::Symlink("a".into()));
}

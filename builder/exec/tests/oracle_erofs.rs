//! erofs-utils find our images whole and read from them what we put in; we read what they write.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "what fails here is to fail loudly"
)]

mod reference;

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use formats::erofs::{Codec, Contents, Limits, NoCache, Options, Reader};
use formats::tree::{Content, Kind, NoContent, Node, Tree};
use reference::{folder, run};

const UUID: [u8; 16] = *b"\x3b\x2c\x1d\x0e\xaa\xbb\x4c\xdd\x8e\xff\x00\x11\x22\x33\x44\x55";

fn options(codec: Codec, pack_below_bytes: u32) -> Options {
    Options {
        codec,
        cluster_bytes: 64 << 10,
        pack_below_bytes,
        threads: NonZeroUsize::new(2).unwrap(),
        uuid: UUID,
        build_time_s: 1_700_000_000,
        label: "oracle".to_owned(),
    }
}

/// Bytes that compress about as programs do; with `noise` not at all.
fn bytes(seed: u64, len: usize, noise: bool) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = |number: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if noise { state as u8 } else { [state as u8 % 16, 0, state as u8 % 5, b'x'][number % 4] }
    };
    (0..len).map(&mut next).collect()
}

/// What a tree without privileges can hold: files, directories, links.
fn plain_tree() -> Tree {
    let mut tree = Tree::new();
    let mut put = |path: &str, mode, kind| {
        tree.insert(path, Node::new(kind, mode, "package:oracle")).unwrap();
    };
    for path in ["etc", "usr", "usr/lib", "many"] {
        put(path, 0o755, Kind::Directory);
    }
    for len in [0, 1, 31, 4095, 4096, 4097, 70_000] {
        put(&format!("etc/text-{len}"), 0o644, file(bytes(1, len, false)));
        put(&format!("etc/noise-{len}"), 0o600, file(bytes(2, len, true)));
    }
    put("usr/lib/large", 0o755, file(bytes(3, 5_000_001, false)));
    put("usr/lib/same", 0o4755, file(bytes(3, 5_000_001, false)));
    let mixed = [bytes(4, 300_000, false), bytes(5, 200_003, true), bytes(6, 90_000, false)];
    put("usr/lib/mixed", 0o755, file(mixed.concat()));
    put("usr/lib/zeros", 0o644, file(vec![0; 3 << 20]));
    put("usr/name", 0o755, Kind::Hardlink("usr/lib/large".to_owned()));
    put("lib", 0o777, Kind::Symlink("usr/lib".to_owned()));
    put("long", 0o777, Kind::Symlink("x/".repeat(2000)));
    for number in 0..500 {
        put(&format!("many/{number:0>100}"), 0o644, file(bytes(number, 100, false)));
    }
    tree
}

fn file(bytes: Vec<u8>) -> Kind {
    Kind::File(Content::inline(bytes))
}

/// The same with owners, attributes, devices and modes that ordinary users do not have.
fn tree() -> Tree {
    let mut tree = plain_tree();
    let mut put = |path: &str, kind| {
        tree.insert(path, Node::new(kind, 0o640, "package:oracle")).unwrap();
    };
    put("dev", Kind::Directory);
    put("dev/null", Kind::CharDevice(1, 3));
    put("dev/sda", Kind::BlockDevice(259, 300));
    put("dev/fifo", Kind::Fifo);
    let capability = vec![1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for path in ["etc/text-70000", "usr/lib/mixed"] {
        let node = tree.get_mut(path).unwrap();
        node.xattrs.insert("security.capability".to_owned(), capability.clone());
    }
    let node = tree.get_mut("etc/text-31").unwrap();
    (node.uid, node.gid, node.mode) = (64_055, 100_000, 0o4750);
    node.xattrs.insert("user.note".to_owned(), b"seen".to_vec());
    tree
}

fn write(folder: &Path, tree: &Tree, options: &Options) {
    let mut image = fs::File::create(folder.join("image")).unwrap();
    formats::erofs::write(tree, &NoContent, &NoCache, &mut image, options).unwrap();
}

fn variants() -> impl Iterator<Item = (Codec, u32)> {
    let codecs = [Codec::None, Codec::Lz4, Codec::Zstd { level: 3 }];
    codecs.into_iter().flat_map(|codec| [0, 10_000, 1 << 20].map(|pack| (codec, pack)))
}

#[test]
fn fsck_extracts_what_we_put_in() {
    let tree = plain_tree();
    for (codec, pack) in variants() {
        let folder = folder();
        write(folder.path(), &tree, &options(codec, pack));
        let arguments = ["--extract=out", "--no-preserve-owner", "--preserve-perms", "image"];
        run(folder.path(), "fsck.erofs", &arguments);
        let out = folder.path().join("out");
        for (path, node) in tree.iter() {
            let context = format!("{path}, {codec:?}, {pack}");
            let found = fs::symlink_metadata(out.join(path)).unwrap();
            match &node.kind {
                Kind::Directory => assert!(found.is_dir(), "{context}"),
                Kind::Symlink(target) => {
                    let found = fs::read_link(out.join(path)).unwrap();
                    assert_eq!(found.to_str(), Some(target.as_str()), "{context}");
                    continue;
                }
                Kind::Hardlink(target) => {
                    let target = fs::metadata(out.join(target)).unwrap();
                    assert_eq!((found.ino(), found.nlink()), (target.ino(), 2), "{context}");
                }
                _ => {
                    let expected = node.content().unwrap().load(&NoContent).unwrap();
                    assert!(fs::read(out.join(path)).unwrap() == *expected, "{context}");
                }
            }
            assert_eq!(found.mode() & 0o7777, u32::from(node.mode), "{context}");
        }
    }
}

#[test]
fn fsck_and_dump_agree_on_owners_devices_and_the_superblock() {
    let tree = tree();
    for (codec, pack) in variants() {
        let folder = folder();
        write(folder.path(), &tree, &options(codec, pack));
        run(folder.path(), "fsck.erofs", &["--extract", "image"]);
        let said = run(folder.path(), "dump.erofs", &["-s", "image"]);
        let hidden = usize::from(codec != Codec::None && pack > 0);
        let inodes = tree.len() - 1 + hidden;
        for (name, value) in [
            ("UUID", "3b2c1d0e-aabb-4cdd-8eff-001122334455".to_owned()),
            ("inode count", inodes.to_string()),
            ("created", "Tue Nov 14 22:13:20 2023".to_owned()),
            ("magic number", "0xE0F5E1E2".to_owned()),
        ] {
            let line = said.lines().find(|line| line.contains(name)).unwrap();
            assert!(line.ends_with(&value), "{line}, {codec:?}, {pack}");
        }
        assert!(said.contains("sb_csum"), "{said}");
        for (path, expected) in [
            ("/etc/text-31", "Uid: 64055   Gid: 100000  Access: 0750"),
            ("/dev/sda", "Uid: 0   Gid: 0  Access: 0640"),
            ("/usr/name", "Links: 2"),
            ("/dev", "Links: 2"),
            ("/usr/lib/large", "Size: 5000001"),
            ("/usr/lib/mixed", "Inode size: 32   Xattr size: 16"),
        ] {
            let said = run(folder.path(), "dump.erofs", &[&format!("--path={path}"), "image"]);
            assert!(said.contains(expected), "{path} {expected}: {said}");
        }
    }
}

/// One member of a tar archive, with its attributes in a header of the pax kind before it.
fn member(out: &mut Vec<u8>, path: &str, node: &Node) {
    let records: Vec<u8> = node
        .xattrs
        .iter()
        .flat_map(|(name, value)| {
            let rest = [b" SCHILY.xattr.", name.as_bytes(), b"=", value, b"\n"].concat();
            let len = (rest.len()..).find(|len| len - rest.len() == len.to_string().len());
            [len.unwrap().to_string().into_bytes(), rest].concat()
        })
        .collect();
    if !records.is_empty() {
        header(out, ("pax", 'x', ""), &Node::new(file(Vec::new()), 0o644, ""), records.len());
        body(out, &records);
    }
    let content = node.content().map(|content| content.load(&NoContent).unwrap());
    let (kind, link) = match &node.kind {
        Kind::Directory => ('5', ""),
        Kind::Symlink(target) => ('2', target.as_str()),
        Kind::Hardlink(target) => ('1', target.as_str()),
        Kind::CharDevice(..) => ('3', ""),
        Kind::BlockDevice(..) => ('4', ""),
        Kind::Fifo => ('6', ""),
        _ => ('0', ""),
    };
    let content = content.as_deref().unwrap_or_default();
    header(out, (path, kind, link), node, content.len());
    body(out, content);
}

fn body(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
}

fn header(out: &mut Vec<u8>, (path, kind, link): (&str, char, &str), node: &Node, len: usize) {
    let mut block = [0; 512];
    let mut put = |at: usize, text: &str| {
        block[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    let (major, minor) = match node.kind {
        Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) => (major, minor),
        _ => (0, 0),
    };
    put(0, path);
    put(100, &format!("{:07o}", node.mode));
    put(108, &format!("{:07o}", node.uid));
    put(116, &format!("{:07o}", node.gid));
    put(124, &format!("{len:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(156, &kind.to_string());
    put(157, link);
    put(257, "ustar\x0000");
    put(329, &format!("{major:07o}"));
    put(337, &format!("{minor:07o}"));
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    out.extend(block);
}

#[test]
fn images_of_mkfs_are_read() {
    let mut tree = tree();
    // Longer than the field of a tar header.
    tree.remove("long");
    tree.remove("many");
    let mut archive = Vec::new();
    for (path, node) in tree.iter() {
        member(&mut archive, &format!("./{path}"), node);
    }
    archive.resize(archive.len() + 1024, 0);
    let plain = without_origins(&tree);
    for arguments in [
        &["-x1"][..],
        &["-zlz4"],
        &["-zlz4", "-C65536"],
        &["-zzstd,3", "-C65536"],
        &["-zzstd,3", "-C65536", "-Eztailpacking"],
        &["-zzstd,3", "-C131072", "-Efragments,ztailpacking"],
        &["-zzstd,3", "-C16384", "-Eforce-inode-extended"],
    ] {
        let folder = folder();
        fs::write(folder.path().join("tar"), &archive).unwrap();
        let fixed = ["--tar=f", "--quiet", "-T0", "image", "tar"];
        run(folder.path(), "mkfs.erofs", &[arguments, &fixed].concat());
        let image = fs::File::open(folder.path().join("image")).unwrap();
        let reader = Reader::open(image, Limits::default());
        let found = match reader.and_then(|reader| reader.tree(Contents::Whole)) {
            Ok(found) => found,
            Err(error) => panic!("{arguments:?}: {error}"),
        };
        for ((path, expected), (found_path, found)) in plain.iter().zip(found.iter()) {
            assert_eq!((path, expected), (found_path, found), "{arguments:?}");
        }
        assert_eq!(plain.len(), found.len(), "{arguments:?}");
    }
}

/// An image does not hold where a file came from, and a hard link has its file's attributes.
fn without_origins(tree: &Tree) -> Tree {
    let mut out = Tree::new();
    for (path, node) in tree.iter() {
        let node = Node { origin: "".into(), ..node.clone() };
        match path {
            "" => *out.get_mut("").unwrap() = node,
            path => drop(out.insert(path, node).unwrap()),
        }
    }
    out
}

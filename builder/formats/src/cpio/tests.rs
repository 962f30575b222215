use proptest::prelude::*;

use super::*;
use crate::tree::NoContent;

fn node(kind: Kind) -> Node {
    Node::new(kind, 0o640, "test")
}

fn file(content: &[u8]) -> Node {
    node(Kind::File(Content::inline(content)))
}

fn archive(tree: &Tree) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(tree, &NoContent, &mut bytes).unwrap();
    bytes
}

fn sample() -> Tree {
    let mut tree = Tree::new();
    let mut insert = |path: &str, node| tree.insert(path, node).unwrap();
    insert("a", Node { uid: 7, gid: 8, ..Node::new(Kind::Directory, 0o1755, "test") });
    insert("a/b", file(b"linked"));
    insert("a/c", node(Kind::Directory));
    insert("dev", node(Kind::Directory));
    insert("dev/console", node(Kind::CharDevice(5, 1)));
    insert("dev/vda", node(Kind::BlockDevice(254, 70_000)));
    insert("empty", file(b""));
    insert("fifo", node(Kind::Fifo));
    insert("init", Node { mode: 0o4755, ..file(b"\x7fELF") });
    insert("link", node(Kind::Symlink("a/b".into())));
    insert("other", Node { kind: Kind::Hardlink("a/b".into()), ..file(b"") });
    insert("socket", node(Kind::Socket));
    tree
}

#[test]
fn what_is_written_is_read_back() {
    let tree = sample();
    let bytes = archive(&tree);
    let read = read(&bytes, "test").unwrap();
    assert_eq!(read.len_bytes, bytes.len());
    let nodes = |tree: &Tree| {
        tree.iter().skip(1).map(|(path, node)| (path.to_owned(), node.clone())).collect::<Vec<_>>()
    };
    assert_eq!(nodes(&read.tree), nodes(&tree));
}

#[test]
fn an_entry_is_laid_out_as_the_format_says() {
    let mut tree = Tree::new();
    tree.insert("ab", Node { uid: 1, gid: 2, ..file(b"hello") }).unwrap();
    let text = String::from_utf8(archive(&tree)).unwrap();
    let (root, rest) = text.split_at(112);
    assert!(root.starts_with("07070100000001000041ed0000000000000000000000020000000000000000"));
    assert!(root.ends_with("0000000200000000.\0"), "{root:?}");
    let numbers = [2, 0o100_640, 1, 2, 1, 0, 5, 0, 0, 0, 0, 3, 0].map(|n| format!("{n:08x}"));
    // 110 + 3 bytes and padding to a multiple of 4 from the archive's start, which 112 is.
    let header = format!("070701{}ab\0\0\0\0hello\0\0\0", numbers.concat());
    assert_eq!(rest.get(..header.len()).unwrap(), header);
    assert!(rest.ends_with("TRAILER!!!\0\0\0\0"), "{rest:?}");
}

#[test]
fn link_counts_are_real_and_content_comes_with_the_last_name() {
    let bytes = archive(&sample());
    let number = |path: &str, index: usize| {
        let name = format!("{path}\0");
        let at = bytes.windows(name.len()).position(|window| window == name.as_bytes()).unwrap();
        let at = at - HEADER_BYTES + 6 + index * 8;
        u32::from_str_radix(str::from_utf8(&bytes[at..at + 8]).unwrap(), 16).unwrap()
    };
    assert_eq!((number("a", 4), number("a/c", 4), number("init", 4)), (3, 2, 1));
    assert_eq!((number("a/b", 4), number("other", 4)), (2, 2));
    assert_eq!((number("a/b", 6), number("other", 6)), (0, 6));
    assert_eq!(number("a/b", 0), number("other", 0));
    assert_eq!((number("a/b", 1), number("other", 1)), (0o100_640, 0o100_640));
}

#[test]
fn what_newc_cannot_hold_is_refused() {
    let refused = |path: &str, node| {
        let mut tree = Tree::new();
        tree.insert(path, node).unwrap();
        write(&tree, &NoContent, &mut io::sink()).unwrap_err()
    };
    let mut capable = file(b"");
    capable.xattrs.insert("security.capability".into(), vec![1]);
    assert!(matches!(refused("a", capable), WriteError::Attributes { .. }));
    assert!(matches!(refused(TRAILER, file(b"")), WriteError::Trailer));
    let dangling = node(Kind::Hardlink("b".into()));
    assert!(matches!(refused("a", dangling), WriteError::NoTarget { .. }));
    let gone = node(Kind::File(Content::stored(contract::digest::Digest::of(b"x"), 1)));
    assert!(matches!(refused("a", gone), WriteError::Content { .. }));
}

#[test]
fn archives_that_make_no_tree_are_refused() {
    let check = |from: &str, to: &str, expect: ReadError| {
        let text = String::from_utf8(archive(&sample())).unwrap();
        assert!(text.contains(from), "{from}");
        let changed = text.replacen(from, to, 1);
        assert_eq!(read(changed.as_bytes(), "test").unwrap_err(), expect);
    };
    let bad = |path: &str| ReadError::Tree(TreeError::BadPath { path: path.into() });
    let orphan = |path: &str| ReadError::Tree(TreeError::NoParent { path: path.into() });
    check("a/b\0", "../\0", bad("../"));
    check("fifo\0", "/ifo\0", bad("/ifo"));
    check("fifo\0", "x/fo\0", orphan("x/fo"));
    check("fifo\0", "init\0", ReadError::Twice { path: "init".into() });
    check("000011a0", "0000f1a0", ReadError::Type { path: "fifo".into(), mode: 0o170_640 });
    check("070701", "070702", ReadError::Header { offset_bytes: 0 });
    check("070701", "07070x", ReadError::Header { offset_bytes: 0 });
    check("07070100000001", "0707010000000g", ReadError::Header { offset_bytes: 0 });
    let bytes = archive(&sample());
    for len in 0..bytes.len() - 4 {
        let error = read(&bytes[..len], "test").unwrap_err();
        assert!(matches!(error, ReadError::Truncated { .. }), "{len}: {error}");
    }
}

#[test]
fn an_initrd_is_an_early_archive_and_one_zstd_frame() {
    let mut early = Tree::new();
    early.insert("kernel", node(Kind::Directory)).unwrap();
    let initrd = initrd(Some(&early), &sample(), &NoContent, 3).unwrap();
    let first = read(&initrd, "test").unwrap();
    assert!(first.tree.get("kernel").is_some());
    let frame = &initrd[first.len_bytes..];
    assert_eq!(zstd::decode_all(frame).unwrap(), archive(&sample()));
    assert_eq!(zstd::zstd_safe::find_frame_compressed_size(frame), Ok(frame.len()));
    assert_eq!(frame, compress_initrd(&archive(&sample()), 3).unwrap());
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let entry = ("[a-c]{1,2}(/[a-c]{1,2}){0,2}", 0_u8..8, any::<u16>(), any::<[u32; 2]>(), 0_u8..9);
    proptest::collection::vec(entry, 0..12).prop_map(|entries| {
        let mut tree = Tree::new();
        for (path, kind, mode, [left, right], fill) in entries {
            let kind = match kind {
                0 => Kind::Symlink("t".repeat(usize::from(fill))),
                1 => Kind::CharDevice(left, right),
                2 => Kind::BlockDevice(right, left),
                3 => Kind::Fifo,
                4 => Kind::Socket,
                5 => Kind::Directory,
                _ => Kind::File(Content::inline(vec![fill; usize::from(fill)])),
            };
            let fits = tree.make_parents(&path, "test").is_ok() && tree.get(&path).is_none();
            if fits {
                let node = Node { uid: left, gid: right, ..Node::new(kind, mode & 0o7777, "test") };
                tree.insert(&path, node).ok();
            }
        }
        *tree.get_mut("").unwrap() = Node::new(Kind::Directory, 0o700, "test");
        tree
    })
}

proptest! {
    #[test]
    fn any_tree_is_read_back(tree in any_tree()) {
        let read = read(&archive(&tree), "test").unwrap();
        let origins = |tree: &Tree| tree.iter().map(|(path, node)| {
            (path.to_owned(), Node { origin: "test".into(), ..node.clone() })
        }).collect::<Vec<_>>();
        prop_assert_eq!(origins(&read.tree), origins(&tree));
    }

    #[test]
    fn any_bytes_are_a_tree_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        read(&bytes, "test").ok();
    }

    #[test]
    fn a_changed_archive_is_a_tree_or_an_error(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = archive(&sample());
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read(&bytes, "test").ok();
    }
}

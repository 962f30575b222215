use formats::elf::{Linkage, Machine};
use formats::tree::{NoContent, Node};

use super::*;

/// A tree where a file's text is the name a library gives itself; `-` for what is no library.
fn tree(files: &[(&str, &str)], links: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::new();
    let mut put = |path: &str, kind| {
        tree.make_parents(path, "test").unwrap();
        tree.insert(path, Node::new(kind, 0o644, "test")).unwrap();
    };
    for (path, text) in files {
        put(path, Kind::File(Content::inline(text.as_bytes())));
    }
    for (path, target) in links {
        put(path, Kind::Symlink((*target).to_owned()));
    }
    tree
}

fn facts(content: &Content) -> io::Result<Option<ElfFacts>> {
    let text = String::from_utf8(content.load(&NoContent)?.to_vec()).unwrap();
    let soname = Some(text.clone()).filter(|text| !text.is_empty());
    Ok((text != "-").then_some(ElfFacts {
        machine: Machine::of(Arch::X86_64),
        object: ObjectType::Shared,
        linkage: Linkage::Dynamic,
        interpreter: None,
        needed: Vec::new(),
        soname,
        rpath: None,
        runpath: None,
        no_default_directories: false,
        dlopen: Vec::new(),
        build_id: None,
    }))
}

/// Reads a cache back: names and paths in order.
fn entries(bytes: &[u8]) -> Vec<(String, String)> {
    let word = |at: usize| {
        usize::try_from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap()
    };
    let string = |at: usize| {
        let end = at + bytes[at..].iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(bytes[at..end].to_vec()).unwrap()
    };
    assert_eq!(&bytes[..20], MAGIC);
    let entry = |number| HEADER_BYTES + ENTRY_BYTES * number;
    (0..word(20)).map(|n| (string(word(entry(n) + 4)), string(word(entry(n) + 8)))).collect()
}

fn cache(tree: &Tree) -> Vec<(String, String)> {
    entries(&write(tree, Arch::X86_64, &NoContent, &facts).unwrap())
}

#[test]
fn names_fall_with_numbers_as_numbers() {
    let falling = ["libx.so.10", "libx.so.9", "libx.so", "libx-a.so", "libB.so", "ld-linux.so.2"];
    for pair in falling.windows(2) {
        assert_eq!(compare(pair[0], pair[1]), Ordering::Greater, "{pair:?}");
        assert_eq!(compare(pair[1], pair[0]), Ordering::Less, "{pair:?}");
    }
    assert_eq!(compare("liba.so.1", "liba.so.1"), Ordering::Equal);
}

#[test]
fn libraries_are_found_in_configured_and_built_in_directories() {
    let tree = tree(
        &[
            ("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n"),
            ("etc/ld.so.conf.d/b.conf", "# words\n/lib/multi\n/usr/lib/multi/\n"),
            ("etc/ld.so.conf.d/a.conf", "/usr/local/lib"),
            ("etc/ld.so.conf.d/c.other", "/nowhere"),
            ("usr/lib/multi/liba.so.1.0.2", "liba.so.1"),
            ("usr/lib/multi/libtext.so", "-"),
            ("usr/lib/multi/other.txt", "other"),
            ("usr/lib/multi/deeper/libdeep.so.1", "libdeep.so.1"),
            ("usr/lib/libtop.so.2", ""),
        ],
        &[("lib", "usr/lib"), ("usr/lib/multi/liba.so.1", "liba.so.1.0.2")],
    );
    let expect = [("libtop.so.2", "/lib/libtop.so.2"), ("liba.so.1", "/lib/multi/liba.so.1")];
    assert_eq!(cache(&tree), expect.map(|(name, path)| (name.to_owned(), path.to_owned())));
}

#[test]
fn links_for_compilers_are_listed_under_their_own_name() {
    let tree = tree(&[("usr/lib/liba.so.1", "liba.so.1")], &[("usr/lib/liba.so", "liba.so.1")]);
    let names: Vec<String> = cache(&tree).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["liba.so.1", "liba.so"]);
}

#[test]
fn a_configuration_that_includes_itself_ends() {
    let tree = tree(&[("etc/ld.so.conf", "include /etc/*.conf")], &[]);
    assert!(write(&tree, Arch::X86_64, &NoContent, &facts).is_err());
}

#[test]
fn strings_that_end_others_share_their_bytes() {
    let strings = Strings::of(["/lib/liba.so", "liba.so", "so", "b"].into_iter());
    assert_eq!(strings.bytes, b"/lib/liba.so\0b\0");
    assert_eq!(strings.offsets["liba.so"], 5);
    assert_eq!(strings.offsets["so"], 10);
}

//! Reference tools find our FAT volumes whole and read from them what we put in.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "what fails here is to fail loudly"
)]

mod reference;

use std::fs::{self, File};

use formats::fat::{self, Volume};
use formats::tree::{Content, Kind, NoContent, Node, Tree};
use reference::{folder, run};

const MIB: u64 = 1 << 20;

fn tree() -> Tree {
    let files: [(&str, &[u8]); 6] = [
        ("EFI/BOOT/BOOTX64.EFI", &[1; 130_000]),
        ("EFI/Linux/ashlar_20261125+3-0.efi", &[2; 70_000]),
        ("loader/loader.conf", b"timeout 0\n"),
        ("loader/loader.config", b""),
        ("loader/Grüße aus dem Wald.txt", b"moin\n"),
        ("README", b"exact"),
    ];
    let mut tree = Tree::new();
    for (path, content) in files {
        tree.make_parents(path, "test").unwrap();
        let kind = Kind::File(Content::inline(content));
        tree.insert(path, Node::new(kind, 0o644, "test")).unwrap();
    }
    for number in 0..300 {
        let kind = Kind::File(Content::inline(*b"x"));
        let path = format!("loader/a long name, number {number}");
        tree.insert(&path, Node::new(kind, 0o644, "test")).unwrap();
    }
    tree
}

fn check(len_bytes: u64) {
    let folder = folder();
    let volume = Volume { len_bytes, id: 0x1234_abcd, label: "ASHLAR ESP".into() };
    let mut file = File::create(folder.path().join("volume")).unwrap();
    fat::write(&tree(), &volume).unwrap().write_to(&NoContent, &mut file).unwrap();

    let checked = run(folder.path(), "fsck.fat", &["-n", "-v", "volume"]);
    assert!(checked.contains("32 bit entries"), "{checked}");
    let problems = ["differ", "Dirty", "Free cluster summary", "ontain", "eclaimed", "Warning"];
    assert!(problems.iter().all(|problem| !checked.contains(problem)), "{checked}");

    fs::create_dir(folder.path().join("out")).unwrap();
    run(folder.path(), "mcopy", &["-s", "-n", "-i", "volume", "::/*", "out"]);
    for (path, node) in tree().iter() {
        let at = folder.path().join("out").join(path);
        match node.content() {
            None => assert!(at.is_dir(), "{path}"),
            Some(content) => {
                let bytes = content.load(&NoContent).unwrap();
                assert!(fs::read(at).unwrap() == *bytes, "{path}");
            }
        }
    }
    let label = run(folder.path(), "mlabel", &["-s", "-i", "volume", "::"]);
    assert!(label.contains("Volume label is ASHLAR ESP"), "{label}");
    let printed = run(folder.path(), "mdir", &["-i", "volume", "::"]);
    assert!(printed.contains("Volume Serial Number is 1234-ABCD"), "{printed}");
    assert!(printed.contains("1980-01-01"), "{printed}");
}

#[test]
fn volumes_of_every_cluster_size_are_whole() {
    for size in [34, 70, 140, 300] {
        check(size * MIB);
    }
}

#[test]
fn we_read_what_mkfs_and_mcopy_write() {
    let folder = folder();
    File::create(folder.path().join("volume")).unwrap().set_len(40 * MIB).unwrap();
    fs::write(folder.path().join("file"), "content").unwrap();
    let make = ["-F", "32", "-s", "1", "-i", "0000beef", "-n", "ESP", "volume"];
    run(folder.path(), "mkfs.fat", &make);
    run(folder.path(), "mmd", &["-i", "volume", "::/EFI", "::/EFI/a longer name"]);
    run(folder.path(), "mcopy", &["-i", "volume", "file", "::/EFI/a longer name/File.txt"]);
    run(folder.path(), "mcopy", &["-i", "volume", "file", "::/lower.cfg"]);
    let mut device = File::open(folder.path().join("volume")).unwrap();
    let (volume, tree) = fat::read(&mut device, "test").unwrap();
    assert_eq!(volume, Volume { len_bytes: 40 * MIB, id: 0xbeef, label: "ESP".into() });
    let content = |path: &str| tree.get(path).and_then(Node::content).cloned();
    assert_eq!(content("EFI/a longer name/File.txt"), Some(Content::inline(*b"content")));
    assert_eq!(content("lower.cfg"), Some(Content::inline(*b"content")));
}

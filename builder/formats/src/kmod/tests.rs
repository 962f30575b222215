#![allow(
    clippy::as_conversions,
    clippy::let_underscore_must_use,
    reason = "samples are laid out byte by byte, and some parsers are only asked not to panic"
)]

use proptest::prelude::*;

use super::*;
use crate::elf::Machine;

/// Writes module files as the kernel's build does, small: 64-bit, little-endian, sections alone.
#[derive(Default, Clone)]
struct Module {
    modinfo: Vec<u8>,
    undefined: Vec<&'static str>,
    crcs: Vec<&'static str>,
    ksymtab: Vec<u8>,
    versions: Vec<&'static str>,
}

impl Module {
    fn new(modinfo: &[&str]) -> Self {
        let modinfo = modinfo.iter().flat_map(|text| text.bytes().chain([0])).collect();
        Self { modinfo, ..Self::default() }
    }

    fn build(&self) -> Vec<u8> {
        let mut strings = vec![0];
        let mut symbols = vec![0; 24];
        let crcs = self.crcs.iter().map(|name| (format!("__crc_{name}"), 7_u16));
        let undefined = self.undefined.iter().map(|name| ((*name).to_owned(), 0));
        for (name, section) in crcs.chain(undefined) {
            symbols.extend((strings.len() as u32).to_le_bytes());
            symbols.extend([0x10, 0]);
            symbols.extend(section.to_le_bytes());
            symbols.extend([0; 16]);
            strings.extend(name.bytes().chain([0]));
        }
        let mut versions = Vec::new();
        for name in &self.versions {
            versions.extend([1; 8]);
            versions.extend(name.bytes());
            versions.resize(versions.len().next_multiple_of(64), 0);
        }
        let sections: [(&str, u32, u32, &[u8]); 7] = [
            ("", 0, 0, &[]),
            (".modinfo", 1, 0, &self.modinfo),
            (".symtab", 2, 3, &symbols),
            (".strtab", 3, 0, &strings),
            ("__ksymtab_strings", 1, 0, &self.ksymtab),
            ("__versions", 1, 0, &versions),
            (".shstrtab", 3, 0, b""),
        ];
        file(&sections)
    }

    fn read(&self) -> ModuleFacts {
        ModuleFacts::read(&self.build()).unwrap().unwrap()
    }
}

fn file(sections: &[(&str, u32, u32, &[u8])]) -> Vec<u8> {
    let mut names = Vec::new();
    let name_at: Vec<u32> = sections
        .iter()
        .map(|(name, ..)| {
            let at = names.len() as u32;
            names.extend(name.bytes().chain([0]));
            at
        })
        .collect();
    let mut body = Vec::new();
    let mut rows = Vec::new();
    for ((name, kind, link, bytes), name_at) in sections.iter().zip(name_at) {
        let bytes = if *name == ".shstrtab" { &names } else { *bytes };
        rows.extend([name_at, *kind].map(u32::to_le_bytes).concat());
        let place = [0, 0, 64 + body.len() as u64, bytes.len() as u64];
        rows.extend(place.map(u64::to_le_bytes).concat());
        rows.extend([*link, 0].map(u32::to_le_bytes).concat());
        rows.extend([1_u64, 0].map(u64::to_le_bytes).concat());
        body.extend_from_slice(bytes);
    }
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0\x01\0\0\0".to_vec();
    file.extend([0, 0, 64 + body.len() as u64].map(u64::to_le_bytes).concat());
    file.extend([0; 4]);
    let count = sections.len() as u16;
    file.extend([64, 0, 0, 64, count, count - 1].map(u16::to_le_bytes).concat());
    [file, body, rows].concat()
}

/// The index files of modules given by path.
fn set<'a>(modules: &'a [(&'a str, ModuleFacts)], order: &str) -> ModuleSet<'a> {
    ModuleSet::new(modules.iter().map(|(path, facts)| (*path, facts)), order).unwrap()
}

fn gives(names: &[&'static str], needs: &[&'static str]) -> ModuleFacts {
    let (crcs, undefined) = (names.to_vec(), needs.to_vec());
    Module { crcs, undefined, ..Module::new(&["license=GPL"]) }.read()
}

#[test]
fn a_module_says_what_it_is() {
    let facts = Module::new(&[
        "name=kvm_intel",
        "author=J\u{f6}rg",
        "alias=cpu:type:x86*",
        "alias=devname:kvm",
        "depends=kvm,irq-bypass",
        "softdep=pre: a b post: c",
        "weakdep=d",
        "firmware=x/y.bin",
        "license=GPL",
        "vermagic=6.12 SMP",
    ])
    .read();
    assert_eq!(facts.machine, Machine::of(contract::arch::Arch::X86_64));
    assert_eq!(facts.name, "kvm_intel");
    assert_eq!(facts.aliases, ["cpu:type:x86*", "devname:kvm"]);
    assert_eq!(facts.depends, ["kvm", "irq_bypass"]);
    assert_eq!(facts.soft_names().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(facts.weak_names().collect::<Vec<_>>(), ["d"]);
    assert_eq!(facts.firmware, ["x/y.bin"]);
    assert_eq!((facts.license.as_str(), facts.vermagic.as_str()), ("GPL", "6.12 SMP"));
}

#[test]
fn symbols_are_taken_in_the_order_of_depmod() {
    let undefined = vec!["printk", "b"];
    let versions = vec!["module_layout", "b"];
    let module = Module { undefined, versions, crcs: vec!["x", "y"], ..Module::new(&["name=m"]) };
    let facts = module.read();
    assert_eq!(facts.imports.iter().collect::<Vec<_>>(), ["printk", "b", "module_layout"]);
    assert_eq!(facts.exports.iter().collect::<Vec<_>>(), ["x", "y"]);
}

#[test]
fn exports_without_versions_stand_in_the_string_section() {
    let ksymtab = b"\0\0one\0\0two\0".to_vec();
    let facts = Module { ksymtab, ..Module::new(&["name=m"]) }.read();
    assert_eq!(facts.exports.iter().collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn an_author_in_another_encoding_does_not_matter_and_an_alias_does() {
    assert!(parse_modinfo(b"author=J\xf6rg\0").unwrap().is_empty());
    let error = parse_modinfo(b"alias=J\xf6rg\0").unwrap_err();
    assert!(matches!(error, ModuleError::BadText { what: "value", .. }));
    assert!(matches!(parse_modinfo(b"alias\0"), Err(ModuleError::NoKey { .. })));
    assert!(matches!(parse_modinfo(b"alias=a\nb\0"), Err(ModuleError::BadText { .. })));
}

#[test]
fn what_is_no_module_is_none() {
    assert_eq!(ModuleFacts::read(b"text"), Ok(None));
    assert_eq!(ModuleFacts::read(&file(&[("", 0, 0, &[]), (".shstrtab", 3, 0, &[])])), Ok(None));
}

#[test]
fn dependencies_come_before_what_they_need_in_turn() {
    let modules = [
        ("kernel/c.ko", gives(&["c"], &[])),
        ("kernel/b.ko", gives(&["b"], &["c"])),
        ("kernel/a-a.ko", gives(&[], &["printk", "c", "b"])),
    ];
    let set = set(&modules, "kernel/b.ko\nkernel/gone.ko\nkernel/c.ko\n");
    let expect = "kernel/b.ko: kernel/c.ko\nkernel/c.ko:\nkernel/a-a.ko: kernel/b.ko kernel/c.ko\n";
    assert_eq!(set.dep(), expect);
    assert_eq!(set.direct("a_a").collect::<Vec<_>>(), ["c", "b"]);
}

#[test]
fn a_circle_of_modules_is_an_error() {
    let modules = [("a.ko", gives(&["a"], &["b"])), ("b.ko", gives(&["b"], &["a"]))];
    let result = ModuleSet::new(modules.iter().map(|(path, facts)| (*path, facts)), "");
    assert_eq!(
        result.err(),
        Some(IndexError::Cycle { names: vec!["a".to_owned(), "b".to_owned()] })
    );
}

#[test]
fn two_files_of_one_module_are_an_error() {
    let modules = [("a-b.ko", gives(&[], &[])), ("x/a_b.ko", gives(&[], &[]))];
    let result = ModuleSet::new(modules.iter().map(|(path, facts)| (*path, facts)), "");
    assert!(matches!(result.err(), Some(IndexError::SameName { name, .. }) if name == "a_b"));
}

#[test]
fn aliases_and_soft_dependencies_have_a_line_each() {
    let facts = Module::new(&["alias=a*", "alias=b", "softdep=pre: x", "weakdep=y z"]).read();
    let modules = [("k/m-n.ko", facts)];
    let set = set(&modules, "");
    assert!(set.alias().ends_with(".\nalias a* m_n\nalias b m_n\n"));
    assert!(set.softdep().ends_with(".\nsoftdep m_n pre: x\n"));
    assert!(set.weakdep().ends_with(".\nweakdep m_n y z\n"));
    assert_eq!(set.devname(), "");
}

#[test]
fn a_device_node_needs_a_name_and_a_number() {
    let check = |modinfo: &[&str], expect: &str| {
        let modules = [("m.ko", Module::new(modinfo).read())];
        let text = set(&modules, "").devname();
        assert_eq!(text.lines().nth(1).unwrap_or_default(), expect, "{modinfo:?}");
    };
    check(&["alias=devname:fuse", "alias=char-major-10-229"], "m fuse c10:229");
    check(&["alias=block-major-7-0", "alias=devname:loop"], "m loop b7:0");
    check(&["alias=devname:x", "alias=char-major-10-*"], "");
    check(&["alias=char-major-10-1"], "");
}

#[test]
fn aliases_match_as_kmod_matches_them() {
    let check = |pattern: &str, asked: &str, expect: bool| {
        assert_eq!(alias_matches(pattern, asked), expect, "{pattern} {asked}");
    };
    check("pci:v00008086d*sv*", "pci:v00008086d00001234sv00000000", true);
    check("pci:v00008086d*sv*", "pci:v00001022d00001234sv00000000", false);
    check("crypto-crc32c", "crypto_crc32c", true);
    check("acpi*:LNXVIDEO:*", "acpi:LNXVIDEO:", true);
    check("usb:v12d[0-3]p*", "usb:v12d2p9", true);
    check("usb:v12d[0-3]p*", "usb:v12d7p9", false);
    check("x[!a]", "xb", true);
    check("x[ab", "x[ab", false);
    check("a?c", "abc", true);
    check("*", "", true);
    check("", "", true);
}

#[test]
fn many_stars_do_not_make_it_slow() {
    assert!(!alias_matches(&"*a".repeat(200), &"a".repeat(199)));
    assert!(!alias_matches(&format!("{}b", "*a".repeat(500)), &"a".repeat(5000)));
}

#[test]
fn what_is_built_in_answers_by_name_and_alias() {
    let modinfo = b"libcrc.alias=crypto-crc32c\0libcrc.license=GPL\0odd\0";
    let built_in = BuiltIn::parse("kernel/fs/ext-four.ko\n", modinfo);
    for asked in ["ext_four", "ext-four", "crypto-crc32c"] {
        assert!(built_in.answers(asked), "{asked}");
    }
    assert!(!built_in.answers("btrfs"));
}

#[test]
fn compressed_names_are_those_of_their_modules() {
    assert_eq!(name_of_file("a/b-c.ko.xz").as_deref(), Some("b_c"));
    assert_eq!(uncompressed_path("a/b-c.ko.zst"), Some("a/b-c.ko"));
    assert_eq!(name_of_file("a/b.kon"), None);
    assert_eq!(name_of_file(".ko"), None);
}

#[test]
fn facts_survive_being_kept() {
    let facts = gives(&["a", "b"], &["c"]);
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<ModuleFacts>(&text).unwrap(), facts);
}

proptest! {
    #[test]
    fn any_bytes_as_modinfo_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_modinfo(&bytes);
    }

    #[test]
    fn any_change_of_a_module_is_an_answer(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Module {
            undefined: vec!["printk", "kmalloc"],
            crcs: vec!["mine"],
            versions: vec!["module_layout"],
            ..Module::new(&["name=m", "alias=x"])
        }
        .build();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = ModuleFacts::read(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        let _ = ModuleFacts::read(&bytes);
    }
}

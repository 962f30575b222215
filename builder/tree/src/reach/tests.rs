use std::io;

use contract::digest::Digest;
use formats::elf::{Dlopen, ElfFacts, Linkage, Machine, ObjectType, Priority};
use formats::kmod::{ModuleFacts, Words};
use formats::tree::ContentSource;
use recipe::module::ModulePattern;
use recipe::place::Place;

use super::*;

/// Facts as tests write them: the content of a file says what it is, in words.
/// `elf: needs=a,b runpath=… soname=… interp=… machine=arm64 required=… suggested=…`,
/// `module: depends=a softdep=b alias=c firmware=d`, or anything else.
struct InWords;

impl ContentSource for InWords {
    fn load(&self, digest: &Digest) -> io::Result<Arc<[u8]>> {
        Err(io::Error::other(format!("{digest} is not inline")))
    }
}

impl Facts for InWords {
    fn of(&self, content: &Content) -> io::Result<Arc<FileFacts>> {
        let bytes = content.load(self)?;
        let text = std::str::from_utf8(&bytes).unwrap();
        let body = match text.split_once(": ").unwrap_or((text, "")) {
            ("elf", words) => Body::Elf(Box::new(elf(words))),
            ("module", words) => Body::Module(Box::new(module(words))),
            ("broken", reason) => Body::Broken { reason: reason.to_owned() },
            _ => return Ok(Arc::new(FileFacts::of(&bytes))),
        };
        Ok(Arc::new(FileFacts { body, secret: None }))
    }

    fn package_with(&self, file_name: &str) -> Option<String> {
        (file_name == "libelse.so").then(|| "libelse1".to_owned())
    }
}

fn word(words: &str, key: &str) -> Option<String> {
    let mut pairs = words.split(' ').filter_map(|word| word.split_once('='));
    pairs.find(|(found, _)| *found == key).map(|(_, value)| value.to_owned())
}

fn list(words: &str, key: &str) -> Vec<String> {
    word(words, key).iter().flat_map(|text| text.split(',')).map(str::to_owned).collect()
}

fn machine(words: &str) -> Machine {
    let arch = word(words, "machine").map_or(Arch::X86_64, |_| Arch::Aarch64);
    Machine::of(arch)
}

fn elf(words: &str) -> ElfFacts {
    let dlopen = [("required", Priority::Required), ("suggested", Priority::Suggested)];
    let dlopen = dlopen.into_iter().filter(|(key, _)| word(words, key).is_some());
    let dlopen = dlopen.map(|(key, priority)| Dlopen {
        soname: list(words, key),
        feature: "f".into(),
        description: String::new(),
        priority,
    });
    ElfFacts {
        machine: machine(words),
        object: ObjectType::Shared,
        linkage: Linkage::Dynamic,
        interpreter: word(words, "interp"),
        needed: list(words, "needs"),
        soname: word(words, "soname"),
        rpath: word(words, "rpath"),
        runpath: word(words, "runpath"),
        no_default_directories: words.contains("nodeflib"),
        dlopen: dlopen.collect(),
        build_id: None,
    }
}

fn module(words: &str) -> ModuleFacts {
    ModuleFacts {
        machine: machine(words),
        name: String::new(),
        license: "GPL".into(),
        vermagic: String::new(),
        aliases: list(words, "alias"),
        depends: list(words, "depends"),
        softdeps: list(words, "softdep"),
        weakdeps: list(words, "weakdep"),
        firmware: list(words, "firmware"),
        exports: Words::default(),
        imports: Words::default(),
    }
}

/// A tree from lines `PATH` (directory), `PATH -> TARGET`, `PATH = CONTENT`; `!` in front of the
/// content makes it executable. Paths of the merged `/usr` and the loader are there already.
fn tree(lines: &[&str]) -> Tree {
    let mut tree = Tree::new();
    let base = [
        "lib -> usr/lib",
        "lib64 -> usr/lib64",
        "usr/lib64/ld.so -> ../lib/x86_64-linux-gnu/ld.so",
        "usr/lib/x86_64-linux-gnu/ld.so = elf: soname=ld.so",
    ];
    for line in base.iter().chain(lines) {
        let (path, kind, mode) = if let Some((path, target)) = line.split_once(" -> ") {
            (path, Kind::Symlink(target.to_owned()), 0o777)
        } else if let Some((path, text)) = line.split_once(" = ") {
            let program = text.starts_with('!') || text.contains("interp=");
            let content = Content::inline(text.trim_start_matches('!').as_bytes());
            (path, Kind::File(content), if program { 0o755 } else { 0o644 })
        } else {
            (*line, Kind::Directory, 0o755)
        };
        tree.make_parents(path, "package:base").unwrap();
        tree.insert(path, Node::new(kind, mode, "package:base")).unwrap();
    }
    tree
}

fn place(line: u32) -> Place {
    Place { file: "recipes/x/recipe.toml".into(), line, column: 1, length: 1 }
}

/// An entry from `PATTERN` or `PATTERN loads NAME,NAME`; a leading `?` makes it optional.
fn entry(text: &str) -> Entry {
    let (pattern, dlopen) = text.split_once(" loads ").unwrap_or((text, ""));
    Entry {
        path: Glob::parse(pattern.trim_start_matches('?')).unwrap(),
        why: "the test".into(),
        dlopen: dlopen.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        optional: pattern.starts_with('?'),
        arch: None,
        place: place(1),
    }
}

fn module_decl(text: &str) -> ModuleDecl {
    let (pattern, initrd) = text.strip_suffix(" early").map_or((text, false), |text| (text, true));
    ModuleDecl {
        pattern: ModulePattern::parse(pattern).unwrap(),
        why: "the test".into(),
        initrd,
        load: false,
        optional: false,
        arch: None,
        place: place(2),
    }
}

fn leave_out(pattern: &str) -> LeaveOut {
    let what = Omission::Path(Glob::parse(pattern).unwrap());
    LeaveOut { what, why: "the test".into(), arch: None, place: place(3) }
}

#[derive(Default)]
struct Case {
    tree: Vec<&'static str>,
    entries: Vec<&'static str>,
    modules: Vec<&'static str>,
    leave_out: Vec<&'static str>,
}

impl Case {
    fn run(&self) -> Result<Reached, Vec<ReachError>> {
        let entries: Vec<Entry> = self.entries.iter().map(|text| entry(text)).collect();
        let modules: Vec<ModuleDecl> = self.modules.iter().map(|text| module_decl(text)).collect();
        let leave_out: Vec<LeaveOut> = self.leave_out.iter().map(|text| leave_out(text)).collect();
        let request = Request {
            arch: Arch::X86_64,
            entries: &entries,
            modules: &modules,
            leave_out: &leave_out,
        };
        reach(&tree(&self.tree), request, &InWords).map_err(|errors| errors.all().to_vec())
    }

    /// What is kept, but for the loader's own files and directories that no entry names.
    fn kept(&self) -> Vec<String> {
        let (reached, tree) = (self.run().unwrap(), tree(&self.tree));
        let told = |path: &str, reason: &Reason| {
            let directory = tree.get(path).unwrap().kind == Kind::Directory;
            let named = matches!(reason, Reason::Entry { .. });
            !path.contains("ld.so") && path != "lib64" && (named || !directory)
        };
        let kept = reached.keep.iter().filter(|(path, reason)| told(path, reason));
        let mut kept: Vec<String> =
            kept.map(|(path, _)| path.replace("usr/lib/x86_64-linux-gnu/", "LIB/")).collect();
        kept.sort();
        kept
    }

    fn error(&self) -> ReachError {
        let errors = self.run().unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        errors[0].clone()
    }
}

fn check(tree: &[&'static str], entries: &[&'static str], expect: &[&str]) {
    let case = Case { tree: tree.to_vec(), entries: entries.to_vec(), ..Case::default() };
    assert_eq!(case.kept(), expect, "{tree:#?} {entries:?}");
}

fn error(tree: &[&'static str], entries: &[&'static str]) -> ReachError {
    Case { tree: tree.to_vec(), entries: entries.to_vec(), ..Case::default() }.error()
}

const PROGRAM: &str = "usr/bin/p = elf: interp=/lib64/ld.so needs=liba.so";

#[test]
fn a_program_brings_its_libraries_and_theirs() {
    let lib = [
        PROGRAM,
        "usr/lib/x86_64-linux-gnu/liba.so -> liba.so.1",
        "usr/lib/x86_64-linux-gnu/liba.so.1 = elf: soname=liba.so needs=libb.so",
        "usr/lib/x86_64-linux-gnu/libb.so = elf: soname=libb.so needs=liba.so",
        "usr/lib/x86_64-linux-gnu/libc.so = elf: soname=libc.so",
        "usr/share/doc/p = text",
    ];
    check(&lib, &["usr/bin/p"], &["LIB/liba.so", "LIB/liba.so.1", "LIB/libb.so", "usr/bin/p"]);
}

#[test]
fn a_program_brings_its_loader_with_every_link_on_the_way() {
    let case = Case {
        tree: vec!["usr/bin/p = elf: interp=/lib64/ld.so"],
        entries: vec!["usr/bin/p"],
        ..Case::default()
    };
    let kept: Vec<String> = case.run().unwrap().keep.into_keys().collect();
    let expect = [
        "lib64",
        "usr",
        "usr/bin",
        "usr/bin/p",
        "usr/lib",
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/x86_64-linux-gnu/ld.so",
        "usr/lib64",
        "usr/lib64/ld.so",
    ];
    assert_eq!(kept, expect);
}

#[test]
fn the_runpath_of_an_object_is_for_that_object_alone() {
    let tree = [
        "opt/p = elf: interp=/lib64/ld.so needs=liba.so runpath=$ORIGIN/lib:/nowhere",
        "opt/lib/liba.so = elf: needs=libb.so",
        "opt/lib/libb.so = elf: ",
        "usr/lib/libb.so = elf: ",
    ];
    check(&tree, &["opt/p"], &["opt/lib/liba.so", "opt/p", "usr/lib/libb.so"]);
}

#[test]
fn the_rpath_of_a_program_is_for_its_libraries_too() {
    let tree = [
        "opt/p = elf: interp=/lib64/ld.so needs=liba.so rpath=${ORIGIN}/lib",
        "opt/lib/liba.so = elf: needs=libb.so",
        "opt/lib/libb.so = elf: ",
        "usr/lib/libb.so = elf: ",
    ];
    check(&tree, &["opt/p"], &["opt/lib/liba.so", "opt/lib/libb.so", "opt/p"]);
}

#[test]
fn a_runpath_makes_the_loader_forget_every_rpath() {
    let tree = [
        "opt/p = elf: interp=/lib64/ld.so needs=liba.so rpath=/opt/lib",
        "opt/lib/liba.so = elf: needs=libb.so runpath=/nowhere",
        "opt/lib/libb.so = elf: ",
        "usr/lib/libb.so = elf: ",
    ];
    check(&tree, &["opt/p"], &["opt/lib/liba.so", "opt/p", "usr/lib/libb.so"]);
}

#[test]
fn a_name_that_is_loaded_already_is_not_looked_for_again() {
    let tree = [
        "opt/p = elf: interp=/lib64/ld.so needs=libpriv.so,libb.so runpath=/opt/priv",
        "opt/priv/libpriv.so = elf: soname=libpriv.so.1",
        "usr/lib/libb.so = elf: needs=libpriv.so.1,libpriv.so",
    ];
    check(&tree, &["opt/p"], &["opt/p", "opt/priv/libpriv.so", "usr/lib/libb.so"]);
}

#[test]
fn configured_directories_need_the_cache() {
    let tree = [
        PROGRAM,
        "etc/ld.so.conf = include /etc/ld.so.conf.d/*.conf",
        "etc/ld.so.conf.d/x.conf = # more\n/opt/lib # here\n",
        "etc/ld.so.cache = …",
        "opt/lib/liba.so = elf: ",
    ];
    let case = Case { tree: tree.to_vec(), entries: vec!["usr/bin/p"], ..Case::default() };
    let reached = case.run().unwrap();
    assert_eq!(
        reached.keep["etc/ld.so.cache"],
        Reason::LibraryCache { of: "opt/lib/liba.so".into() }
    );
}

#[test]
fn a_library_without_default_directories_stays_in_its_own() {
    let tree =
        ["usr/bin/p = elf: interp=/lib64/ld.so needs=liba.so nodeflib", "usr/lib/liba.so = elf: "];
    assert!(matches!(error(&tree, &["usr/bin/p"]), ReachError::MissingLibrary { .. }));
}

#[test]
fn a_library_for_another_machine_is_passed_over() {
    let tree = [
        PROGRAM,
        "usr/lib/x86_64-linux-gnu/liba.so = elf: machine=arm64",
        "usr/lib/liba.so = elf: ",
    ];
    check(&tree, &["usr/bin/p"], &["usr/bin/p", "usr/lib/liba.so"]);
}

#[test]
fn only_libraries_for_another_machine_are_an_error() {
    let tree = [PROGRAM, "usr/lib/liba.so = elf: machine=arm64"];
    let found = error(&tree, &["usr/bin/p"]);
    let expect = "/usr/bin/p needs /usr/lib/liba.so, which is for aarch64, not for x86_64";
    assert_eq!(found.to_string(), expect);
}

#[test]
fn a_program_for_another_machine_is_refused_and_firmware_is_not() {
    let program = ["usr/bin/p = elf: machine=arm64 interp=/lib/ld.so"];
    assert!(matches!(error(&program, &["usr/bin/p"]), ReachError::WrongMachine { by: None, .. }));
    check(&["usr/share/rom = elf: machine=arm64"], &["usr/share/rom"], &["usr/share/rom"]);
}

#[test]
fn a_missing_library_says_who_needs_it_and_what_to_try() {
    let elsewhere = error(&[PROGRAM, "opt/liba.so = elf: "], &["usr/bin/p"]);
    assert_eq!(
        elsewhere.to_string(),
        "/usr/bin/p (package:base) needs liba.so, which the loader would not find"
    );
    assert!(elsewhere.hint().unwrap().starts_with("/opt/liba.so is there"));
    let package = error(&["p = elf: interp=/lib64/ld.so needs=libelse.so"], &["p"]);
    assert_eq!(package.hint().unwrap(), "the package libelse1 has a file of this name");
}

#[test]
fn a_missing_loader_is_an_error() {
    let found = error(&["usr/bin/p = elf: interp=/lib/ld-musl.so"], &["usr/bin/p"]);
    assert_eq!(found.to_string(), "/usr/bin/p is run by /lib/ld-musl.so, which no package has");
}

#[test]
fn an_entry_says_what_is_loaded_at_run_time() {
    let tree = [
        "usr/bin/p = elf: interp=/lib64/ld.so runpath=/opt/lib",
        "opt/lib/liba.so = elf: needs=libb.so",
        "usr/lib/libb.so = elf: ",
        "usr/lib/p/one.so = elf: ",
        "usr/lib/p/two.so = elf: ",
    ];
    let entries = ["usr/bin/p loads liba.so,/usr/lib/p/*.so"];
    let expect =
        ["opt/lib/liba.so", "usr/bin/p", "usr/lib/libb.so", "usr/lib/p/one.so", "usr/lib/p/two.so"];
    check(&tree, &entries, &expect);
    let found = error(&tree, &["usr/bin/p loads libgone.so"]);
    assert!(matches!(found, ReachError::MissingLibrary { name, .. } if name == "libgone.so"));
    let found = error(&["usr/x = text"], &["usr/x loads liba.so"]);
    assert!(matches!(found, ReachError::NoLoader { .. }));
}

#[test]
fn a_plugin_finds_what_its_program_has_loaded() {
    let tree = [
        "opt/p = elf: interp=/lib64/ld.so needs=libpriv.so runpath=/opt/priv",
        "opt/priv/libpriv.so = elf: soname=libpriv.so",
        "usr/lib/p/plugin.so = elf: needs=libpriv.so",
    ];
    let expect = ["opt/p", "opt/priv/libpriv.so", "usr/lib/p/plugin.so"];
    check(&tree, &["opt/p loads /usr/lib/p/plugin.so"], &expect);
}

#[test]
fn notes_are_followed_where_they_say_required_or_an_entry_asks() {
    let tree = [
        "usr/bin/p = elf: interp=/lib64/ld.so required=libnone.so,libr.so suggested=libs.so",
        "usr/lib/libr.so = elf: ",
        "usr/lib/libs.so = elf: ",
    ];
    check(&tree, &["usr/bin/p"], &["usr/bin/p", "usr/lib/libr.so"]);
    let both = ["usr/bin/p", "usr/lib/libr.so", "usr/lib/libs.so"];
    check(&tree, &["usr/bin/p loads libs.so"], &both);
    let case = Case { tree: tree.to_vec(), entries: vec!["usr/bin/p"], ..Case::default() };
    let (by, name, feature) = ("usr/bin/p".into(), "libs.so".into(), "f".into());
    let expect = Note::OptionalLibrary { by, name, feature, present: true };
    assert_eq!(case.run().unwrap().notes, [expect]);
}

#[test]
fn a_required_note_without_its_library_is_an_error() {
    let found = error(&["p = elf: interp=/lib64/ld.so required=libr.so"], &["p"]);
    assert!(matches!(found, ReachError::MissingLibrary { name, .. } if name == "libr.so"));
}

#[test]
fn a_script_brings_its_interpreter() {
    let tree = [
        "bin -> usr/bin",
        "usr/bin/s = !#!/bin/sh -e\n",
        "usr/bin/sh -> dash",
        "usr/bin/dash = elf: ",
        "usr/bin/e = !#!/usr/bin/env -S X=1 tool\n",
        "usr/bin/env = elf: ",
        "usr/sbin/tool = elf: ",
        "usr/share/example = #!/bin/none\n",
    ];
    check(&tree, &["usr/bin/s"], &["bin", "usr/bin/dash", "usr/bin/s", "usr/bin/sh"]);
    check(&tree, &["usr/bin/e"], &["usr/bin/e", "usr/bin/env", "usr/sbin/tool"]);
    check(&tree, &["usr/share/example"], &["usr/share/example"]);
    assert!(matches!(
        error(&["x = !#!/bin/none\n"], &["x"]),
        ReachError::MissingInterpreter { .. }
    ));
}

#[test]
fn links_bring_what_they_lead_to() {
    let tree = ["a/b -> ../c/d", "c/d -> /e", "e = text", "gone -> nowhere"];
    check(&tree, &["a/b"], &["a/b", "c/d", "e"]);
    let case = Case { tree: tree.to_vec(), entries: vec!["gone"], ..Case::default() };
    let (path, target) = ("gone".into(), "nowhere".into());
    assert_eq!(case.run().unwrap().notes, [Note::Dangling { path, target }]);
    assert!(matches!(error(&["l -> l"], &["l"]), ReachError::Walk(_)));
}

#[test]
fn a_further_name_of_a_file_brings_the_file() {
    let mut tree = tree(&["bin/a = text"]);
    let node = Node::new(Kind::Hardlink("bin/a".into()), 0o644, "package:base");
    tree.insert("bin/b", node).unwrap();
    let entries = [entry("bin/b")];
    let request = Request { arch: Arch::X86_64, entries: &entries, modules: &[], leave_out: &[] };
    let reached = reach(&tree, request, &InWords).unwrap();
    assert_eq!(reached.keep["bin/a"], Reason::HardlinkTarget { of: "bin/b".into() });
}

#[test]
fn directories_are_kept_above_files_and_where_they_are_declared() {
    let tree = ["a/b/c = text", "d/e", "d/f", "g/h = text"];
    check(&tree, &["a/b/c", "d/e"], &["a/b/c", "d/e"]);
    let case = Case { tree: tree.to_vec(), entries: vec!["a/**", "d/e"], ..Case::default() };
    let kept: Vec<String> = case.run().unwrap().keep.into_keys().collect();
    assert_eq!(kept, ["a", "a/b", "a/b/c", "d", "d/e"]);
}

#[test]
fn an_entry_that_matches_nothing_is_an_error_at_its_line() {
    let found = error(&[], &["usr/bin/none", "?usr/bin/perhaps"]);
    assert_eq!(found.place(), Some(&place(1)));
    assert_eq!(found.to_string(), "the entry /usr/bin/none matches nothing of the packages");
}

#[test]
fn an_entry_may_lead_through_a_link_to_a_directory() {
    let tree = ["sbin -> usr/sbin", "usr/sbin/x = text"];
    check(&tree, &["sbin/x"], &["sbin", "usr/sbin/x"]);
}

#[test]
fn files_of_recipes_stay() {
    let mut tree = tree(&["etc"]);
    let node = Node::new(Kind::File(Content::inline(*b"x")), 0o644, "recipe:base");
    tree.insert("etc/x", node).unwrap();
    let request = Request { arch: Arch::X86_64, entries: &[], modules: &[], leave_out: &[] };
    let reached = reach(&tree, request, &InWords).unwrap();
    assert_eq!(reached.keep["etc/x"], Reason::Declared { recipe: "base".into() });
}

#[test]
fn what_is_left_out_stays_out_unless_it_is_needed() {
    let mut case = Case {
        tree: vec![PROGRAM, "usr/lib/liba.so = elf: ", "usr/lib/x/a = text", "usr/lib/x/b = text"],
        entries: vec!["usr/lib/x/*"],
        leave_out: vec!["usr/lib/x/b"],
        ..Case::default()
    };
    assert_eq!(case.kept(), ["usr/lib/x/a"]);
    case.entries.push("usr/bin/p");
    case.leave_out.push("usr/lib/lib*.so");
    let found = case.error();
    assert_eq!(found.place(), Some(&place(3)));
    assert_eq!(
        found.to_string(),
        "/usr/lib/liba.so is left out by /usr/lib/lib*.so, but /usr/bin/p needs liba.so"
    );
}

#[test]
fn a_broken_program_is_an_error_and_broken_data_is_not() {
    let found = error(&["p = !broken: cut short"], &["p"]);
    assert_eq!(found.to_string(), "/p is broken: cut short");
    check(&["p = broken: cut short"], &["p"], &["p"]);
}

#[test]
fn the_chain_is_a_shortest_one() {
    let tree = vec![
        "a = elf: interp=/lib64/ld.so needs=libx.so",
        "b = elf: interp=/lib64/ld.so needs=libz.so",
        "usr/lib/libx.so = elf: needs=liby.so",
        "usr/lib/liby.so = elf: needs=libz.so",
        "usr/lib/libz.so = elf: ",
    ];
    let case = Case { tree, entries: vec!["a", "b"], ..Case::default() };
    let reason = case.run().unwrap().keep["usr/lib/libz.so"].clone();
    assert_eq!(reason, Reason::Needed { by: "b".into(), name: "libz.so".into() });
}

#[test]
fn all_mistakes_are_told_at_once() {
    let case = Case {
        tree: vec![PROGRAM],
        entries: vec!["usr/bin/p", "none", "nothing"],
        ..Case::default()
    };
    assert_eq!(case.run().unwrap_err().len(), 3);
}

const KERNEL: [&str; 9] = [
    "usr/lib/modules/6.1/modules.builtin = kernel/ext4.ko\n",
    "usr/lib/modules/6.1/modules.builtin.modinfo = ext4.alias=fs-ext4\0",
    "usr/lib/modules/6.1/modules.order = kernel/c.ko\nkernel/a-a.ko\n",
    "usr/lib/modules/6.1/kernel/a-a.ko.xz = module: depends=b softdep=crypto-c,fs-ext4,gone",
    "usr/lib/modules/6.1/kernel/b.ko.xz = module: firmware=b.bin,none.bin",
    "usr/lib/modules/6.1/kernel/c.ko.xz = module: alias=crypto-c",
    "usr/lib/modules/6.1/kernel/net/d.ko.xz = module: depends=nowhere",
    "usr/lib/firmware/b.bin -> b-2.bin",
    "usr/lib/firmware/b-2.bin = text",
];

fn kernel(modules: &[&'static str]) -> Case {
    Case { tree: KERNEL.to_vec(), modules: modules.to_vec(), ..Case::default() }
}

#[test]
fn a_module_brings_what_it_depends_on_and_its_firmware() {
    let case = kernel(&["a_a"]);
    let reached = case.run().unwrap();
    let kept: Vec<&str> =
        reached.keep.keys().filter_map(|path| path.strip_prefix("usr/lib/")).collect();
    let expect = [
        "firmware",
        "firmware/b-2.bin",
        "firmware/b.bin",
        "modules",
        "modules/6.1",
        "modules/6.1/kernel",
        "modules/6.1/kernel/a-a.ko",
        "modules/6.1/kernel/b.ko",
        "modules/6.1/kernel/c.ko",
        "modules/6.1/modules.builtin",
        "modules/6.1/modules.builtin.modinfo",
    ];
    assert_eq!(kept, expect);
    let module = "usr/lib/modules/6.1/kernel/b.ko".to_owned();
    let wanted = "usr/lib/modules/6.1/kernel/a-a.ko".to_owned();
    let expect = [
        Note::MissingFirmware { module, name: "none.bin".into() },
        Note::MissingSoftDependency { module: wanted, name: "gone".into() },
    ];
    assert_eq!(reached.notes, expect);
}

#[test]
fn modules_of_the_initrd_bring_theirs_into_the_initrd() {
    let modules = kernel(&["b", "a_a early"]).run().unwrap().modules.unwrap();
    let early: Vec<&str> = modules
        .kept
        .iter()
        .filter(|(_, module)| module.initrd)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(early, ["a_a", "b", "c"]);
    let modules = kernel(&["a_a", "b early"]).run().unwrap().modules.unwrap();
    assert!(modules.kept["b"].initrd && !modules.kept["a_a"].initrd);
    assert_eq!(modules.kept["b"].firmware, ["usr/lib/firmware/b.bin"]);
    let files = modules.index_files(|module| module.initrd).unwrap();
    assert_eq!(files[1], ("modules.dep", b"kernel/b.ko:\n".to_vec()));
}

#[test]
fn the_root_has_plain_modules_and_the_index_of_those() {
    let case = kernel(&["c"]);
    let reached = case.run().unwrap();
    let plain = |_: &Content| Ok(Content::inline(*b"plain"));
    let root = reached.root_tree(&tree(&case.tree), &plain).unwrap();
    let module = root.get("usr/lib/modules/6.1/kernel/c.ko").unwrap();
    assert_eq!(module.content(), Some(&Content::inline(*b"plain")));
    assert!(root.get("usr/lib/modules/6.1/kernel/b.ko").is_none());
    let alias = root.get("usr/lib/modules/6.1/modules.alias").unwrap().content().unwrap().clone();
    let alias = alias.load(&InWords).unwrap();
    assert!(alias.ends_with(b"\nalias crypto-c c\n"));
}

#[test]
fn modules_that_are_not_there_are_errors_unless_built_in() {
    let reached = kernel(&["ext4"]).run().unwrap();
    assert_eq!(reached.notes, [Note::BuiltIn { name: "ext4".into() }]);
    assert!(matches!(kernel(&["zfs"]).error(), ReachError::NoSuchModule { .. }));
    let missing = kernel(&["net/*"]).error();
    assert!(matches!(missing, ReachError::MissingModule { name, .. } if name == "nowhere"));
    let none = Case { modules: vec!["a"], ..Case::default() };
    assert_eq!(none.error(), ReachError::Kernels { found: Vec::new() });
}

#[test]
fn a_module_that_is_left_out_is_missed_only_by_those_that_use_it() {
    let mut case = kernel(&["a_a"]);
    case.leave_out = vec!["usr/lib/modules/*/kernel/c.ko.xz"];
    assert!(!case.run().unwrap().keep.contains_key("usr/lib/modules/6.1/kernel/c.ko"));
    case.leave_out = vec!["usr/lib/modules/*/kernel/b.ko"];
    assert!(matches!(case.error(), ReachError::LeftOut { .. }));
}

#[test]
fn facts_are_kept_by_digest_and_found_once() {
    let tree = tree(&["a = #!/bin/sh\n", "b = text"]);
    let content = tree.get("a").unwrap().content().unwrap();
    let facts = KnownFacts::new(BTreeMap::new(), &InWords);
    facts.of(content).unwrap();
    let found = facts.into_found();
    assert_eq!(read_facts(&write_facts(&found)).unwrap(), found);
    let stored = Content::stored(*content.digest(), content.len_bytes());
    let again = KnownFacts::new(found, &InWords);
    assert!(matches!(again.of(&stored).unwrap().body, Body::Script(_)));
    assert!(again.into_found().is_empty());
}

#[test]
fn the_first_line_of_a_script_is_read_as_linux_reads_it() {
    let check = |text: &str, expect: Option<(&str, Option<&str>)>| {
        let script = Script::parse(text.as_bytes());
        let found = script.as_ref().map(|it| (it.interpreter.as_str(), it.argument.as_deref()));
        assert_eq!(found, expect, "{text:?}");
    };
    check("#!/bin/sh\nx", Some(("/bin/sh", None)));
    check("#! /bin/sh -e  -u \n", Some(("/bin/sh", Some("-e  -u"))));
    check("#!/usr/bin/env\tpython3", Some(("/usr/bin/env", Some("python3"))));
    check("#!python\n", None);
    check("#!\n", None);
    check("#", None);
}

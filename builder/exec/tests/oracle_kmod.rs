//! The index files we write for kernel modules are those of kmod's depmod, byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod reference;

use std::fs;
use std::path::Path;

use contract::arch::Arch;
use formats::kmod::{self, ModuleFacts, ModuleSet};
use packages::compression::{self, Compression};
use reference::{folder, run};

/// A kernel's modules, unpacked and uncompressed in a folder that the tools reach; answers the
/// kernel's release.
fn unpack(folder: &Path, arch: Arch) -> String {
    let is_kernel = |name: &str| name.starts_with("linux-image-6");
    let is_module = |path: &str| path.starts_with("usr/lib/modules/");
    let mut release = String::new();
    for (path, mut content) in reference::packaged(arch, is_kernel, is_module) {
        path.split('/').nth(3).unwrap().clone_into(&mut release);
        let mut path = folder.join(path);
        if path.extension().is_some_and(|end| end == "xz") {
            content = compression::unpack(Compression::Xz, &content, 1 << 30).unwrap();
            path.set_extension("");
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    std::os::unix::fs::symlink("usr/lib", folder.join("lib")).unwrap();
    release
}

/// The paths of all modules below `top`, and what each says.
fn read(top: &Path) -> Vec<(String, ModuleFacts)> {
    let mut found = Vec::new();
    let mut open = vec![top.join("kernel")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let facts = ModuleFacts::read(&fs::read(&path).unwrap()).unwrap().unwrap();
                let path = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
                found.push((path, facts));
            }
        }
    }
    found
}

/// Where our text and depmod's part ways.
fn assert_same(file: &str, ours: &str, theirs: &str) {
    for (at, (ours, theirs)) in ours.lines().zip(theirs.lines()).enumerate() {
        assert_eq!(ours, theirs, "{file}:{}", at + 1);
    }
    assert_eq!(ours.len(), theirs.len(), "{file}");
}

fn compare(folder: &Path, top: &Path, modules: &[(String, ModuleFacts)], release: &str) {
    let order = fs::read_to_string(top.join("modules.order")).unwrap();
    let pairs = modules.iter().map(|(path, facts)| (path.as_str(), facts));
    let set = ModuleSet::new(pairs, &order).unwrap();
    run(folder, "depmod", &["-b", ".", release]);
    let theirs = |file: &str| fs::read_to_string(top.join(file)).unwrap();
    assert_same("modules.dep", &set.dep(), &theirs("modules.dep"));
    assert_same("modules.alias", &set.alias(), &theirs("modules.alias"));
    assert_same("modules.softdep", &set.softdep(), &theirs("modules.softdep"));
    assert_same("modules.weakdep", &set.weakdep(), &theirs("modules.weakdep"));
    assert_same("modules.devname", &set.devname(), &theirs("modules.devname"));
}

/// What `.modinfo` calls dependencies and what the symbols say are the same set.
fn assert_depends_are_the_symbols(modules: &[(String, ModuleFacts)]) {
    let pairs = modules.iter().map(|(path, facts)| (path.as_str(), facts));
    let set = ModuleSet::new(pairs, "").unwrap();
    for (path, facts) in modules {
        let name = kmod::name_of_file(path).unwrap();
        let mut declared: Vec<&str> = facts.depends.iter().map(String::as_str).collect();
        declared.sort_unstable();
        let mut used: Vec<&str> = set.direct(&name).collect();
        used.sort_unstable();
        assert_eq!(declared, used, "{path}");
        assert!(facts.name.is_empty() || facts.name == name, "{path} calls itself {}", facts.name);
    }
}

/// All of Debian's modules, then a third of them: an image keeps a part.
fn check(arch: Arch) {
    let folder = folder();
    let release = unpack(folder.path(), arch);
    let top = folder.path().join("usr/lib/modules").join(&release);
    let mut modules = read(&top);
    assert!(modules.len() > 4000, "{} modules", modules.len());
    assert_depends_are_the_symbols(&modules);
    compare(folder.path(), &top, &modules, &release);
    modules.sort_by(|(a, _), (b, _)| a.cmp(b));
    let (mut kept, mut at) = (Vec::new(), 0);
    for module in modules {
        at += 1;
        if at % 3 == 0 {
            kept.push(module);
        } else {
            fs::remove_file(top.join(&module.0)).unwrap();
        }
    }
    compare(folder.path(), &top, &kept, &release);
}

#[test]
fn indexes_of_the_x86_64_kernel_are_those_of_depmod() {
    check(Arch::X86_64);
}

#[test]
fn indexes_of_the_aarch64_kernel_are_those_of_depmod() {
    check(Arch::Aarch64);
}

use std::collections::BTreeMap;

use super::*;

/// Runs a script and says what the program it starts was given.
fn given(script: &str, args: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("script");
    scripts::write(&path, script).unwrap();
    let text = Command::new(&path).args(args).run().unwrap().text();
    text.lines().map(str::to_owned).collect()
}

fn compiler(args: &[&str]) -> Vec<String> {
    let names = [(PathBuf::from("/home/it's me/source"), "/ashlar")];
    let compiler = scripts::Compiler {
        words: &["/usr/bin/printf".into(), "%s\\n".into()],
        verbose_version: &scripts::same_everywhere(
            "rustc 1\nhost: aarch64-unknown-linux-gnu\nx: y",
        ),
        sysroot: Path::new("/tree/usr"),
        linkers: [Path::new("/ld host"), Path::new("/ld target")],
        names: &names,
    };
    given(&compiler.script(), args)
}

const ALWAYS: [&str; 4] = [
    "--sysroot=/tree/usr",
    "--remap-path-prefix=/home/it's me/source=/ashlar",
    "-C",
    "linker-flavor=ld.lld",
];

#[test]
fn the_compiler_says_the_same_on_every_host() {
    assert_eq!(compiler(&["-vV"]), ["rustc 1", "host: x86_64-unknown-linux-gnu", "x: y"]);
}

#[test]
fn programs_are_linked_static_and_procedural_macros_are_not() {
    let host = ["-C", "linker=/ld host"];
    let target = ["-C", "linker=/ld target"];
    let fixed = ["-C", "target-feature=+crt-static"];
    let cases: [(&[&str], Vec<&str>); 5] = [
        (&["--crate-type", "lib", "a b"], host.to_vec()),
        (&["--crate-type", "bin"], [host, fixed].concat()),
        (&["--crate-type", "proc-macro"], host.to_vec()),
        (&["--crate-type", "bin", "--crate-type", "proc-macro"], host.to_vec()),
        (&["--crate-type", "lib", "--target", "x"], [target, fixed].concat()),
    ];
    for (args, expect) in cases {
        assert_eq!(compiler(args), [&ALWAYS[..], &expect, args].concat(), "{args:?}");
    }
}

#[test]
fn start_files_come_first_and_end_files_last() {
    let linker = scripts::Linker {
        words: &["/usr/bin/printf".into(), "%s\\n".into()],
        sysroot: Path::new("/tree"),
        arch: Arch::Aarch64,
        gcc: "14",
    };
    let program = given(&linker.script(), &["-flavor", "gnu", "a.o", "-o", "a b"]);
    let libc = "/tree/usr/lib/aarch64-linux-gnu";
    let gcc = "/tree/usr/lib/gcc/aarch64-linux-gnu/14";
    let files: Vec<_> = program.iter().filter(|word| word.ends_with(".o")).cloned().collect();
    let at = |dir: &str, name: &str| format!("{dir}/{name}");
    assert_eq!(
        files,
        [
            at(libc, "rcrt1.o"),
            at(libc, "crti.o"),
            at(gcc, "crtbeginS.o"),
            "a.o".into(),
            at(gcc, "crtendS.o"),
            at(libc, "crtn.o")
        ]
    );
    assert!(program.contains(&"a b".to_owned()) && program.contains(&"-lgcc_eh".to_owned()));
    let library = given(&linker.script(), &["-flavor", "gnu", "-shared", "a.o"]);
    let unwanted = ["-pie", "-lgcc_eh", "--pack-dyn-relocs=relr", &at(libc, "rcrt1.o")];
    assert!(unwanted.iter().all(|word| !library.contains(&(*word).to_owned())), "{library:?}");
}

/// A checkout with a node's crate and a builder's.
fn checkout() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let files = BTreeMap::from([
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"init/a\", \"builder/b\"]\n[workspace.package]\n\
             version = \"1.0.0\"\n[workspace.dependencies]\nserde = \"1\"\nureq = \"3\"\n\
             [profile.node]\ninherits = \"release\"\n",
        ),
        (
            "Cargo.lock",
            "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
             dependencies = [\"serde 1.0.0\"]\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n\
             dependencies = [\"serde 2.0.0\", \"ureq\"]\n[[package]]\nname = \"serde\"\n\
             version = \"1.0.0\"\n[[package]]\nname = \"serde\"\nversion = \"2.0.0\"\n\
             [[package]]\nname = \"ureq\"\nversion = \"3.0.0\"\n",
        ),
        (
            "init/a/Cargo.toml",
            "[package]\nname = \"a\"\n[dependencies]\nserde.workspace = true\n\
             [dev-dependencies]\nureq.workspace = true\n",
        ),
        ("init/a/src/main.rs", "fn main() {}\n"),
        ("init/a/tests/long.rs", "#[test]\n"),
        ("builder/b/Cargo.toml", "[package]\nname = \"b\"\n"),
    ]);
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn the_builder_is_no_part_of_the_nodes_workspace() {
    let dir = checkout();
    let copy = tempfile::tempdir().unwrap();
    Workspace::read(dir.path()).unwrap().write(copy.path()).unwrap();
    let read = |path: &str| fs::read_to_string(copy.path().join(path)).unwrap();
    let (root, lock, member) = (read("Cargo.toml"), read("Cargo.lock"), read("init/a/Cargo.toml"));
    assert!(root.contains("serde") && root.contains("profile.node"), "{root}");
    assert!(!root.contains("ureq") && !root.contains("builder"), "{root}");
    assert!(lock.contains("1.0.0") && !lock.contains("2.0.0") && !lock.contains("ureq"), "{lock}");
    assert!(!member.contains("ureq"), "{member}");
    assert!(!copy.path().join("init/a/tests").exists() && !copy.path().join("builder").exists());
}

#[test]
fn what_is_kept_depends_on_what_the_node_is_made_of_and_on_nothing_else() {
    let dir = checkout();
    let digest = || Workspace::read(dir.path()).unwrap().digest();
    let first = digest();
    let change = |path: &str, from: &str, to: &str| {
        let path = dir.path().join(path);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(&path, text.replace(from, to)).unwrap();
    };
    change("Cargo.lock", "3.0.0", "3.0.1");
    change("Cargo.toml", "ureq = \"3\"", "ureq = \"4\"");
    change("init/a/tests/long.rs", "test", "ignore");
    assert_eq!(digest(), first);
    change("init/a/src/main.rs", "{}", "{ }");
    let second = digest();
    change("Cargo.toml", "release", "dev");
    assert!(first != second && digest() != second);
}

#[test]
fn a_broken_manifest_is_named() {
    let dir = checkout();
    fs::write(dir.path().join("init/a/Cargo.toml"), "[package\n").unwrap();
    let error = Workspace::read(dir.path()).unwrap_err();
    assert!(matches!(error, ToolchainError::Manifest { file, .. } if file == "init/a/Cargo.toml"));
}

#[test]
fn what_was_compiled_is_not_compiled_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let made = NodeBinaries { init: Arc::from(*b"init"), agent: Arc::from(*b"agent") };
    let key = Digest::of(b"key");
    assert_eq!(kept(&store, &key, || Ok(made.clone())).unwrap(), made);
    assert_eq!(kept(&store, &key, || panic!("compiled again")).unwrap(), made);
}

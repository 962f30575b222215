//! The three small programs between `cargo`, `rustc` and the linker.
//!
//! `cargo` wants a path it can start as the compiler, and `rustc` one it can start as the linker;
//! ours are started through the loader of their tree, with arguments before their own. So three
//! shell scripts are written for each build; they use nothing but the shell itself.
//!
//! `rustc`:
//! * answers `-vV` with the words of the real one, but always the same `host:` line. `cargo` mixes
//!   these words into the hashes that name crates, and so into symbols and their order: this line
//!   is the only thing by which the node's binaries would depend on where they are built.
//! * gives every crate the tree as its sysroot, our linker, static linking where it becomes a
//!   program (a build script runs on the host, whatever libc is there), and names for paths that
//!   are the same on every machine.
//!
//! `ld-TARGET` puts the C library's start files first and its end files last, as `cc` would. What
//! it links is either a static program that moves itself to any address (`rcrt1.o`), which the
//! compiler knows how to ask for on some targets only, or a shared library (a procedural macro).

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use contract::arch::Arch;

/// What the host is called, on every host.
const HOST_LINE: &str = "host: x86_64-unknown-linux-gnu";

/// A word in single quotes for the shell.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn joined(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// The compiler's words about itself, with our host line.
pub(super) fn same_everywhere(verbose_version: &str) -> String {
    let lines = verbose_version.lines();
    let lines = lines.map(|line| if line.starts_with("host: ") { HOST_LINE } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// What the `rustc` script is made of.
pub(super) struct Compiler<'a> {
    /// The words that start the real one.
    pub(super) words: &'a [String],
    /// What it says to `-vV`.
    pub(super) verbose_version: &'a str,
    /// Its `--sysroot`.
    pub(super) sysroot: &'a Path,
    /// The linker scripts: the host's, the target's.
    pub(super) linkers: [&'a Path; 2],
    /// Paths of this machine, and what each is called instead.
    pub(super) names: &'a [(PathBuf, &'static str)],
}

impl Compiler<'_> {
    pub(super) fn script(&self) -> String {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut always = vec![format!("--sysroot={}", text(self.sysroot))];
        for (path, name) in self.names {
            always.push(format!("--remap-path-prefix={}={name}", text(path)));
        }
        always.extend(["-C".to_owned(), "linker-flavor=ld.lld".to_owned()]);
        let [host, target] = self.linkers.map(|path| quoted(&text(path)));
        format!(
            "#!/bin/sh\n\
             if [ \"$*\" = -vV ]; then\n\
             \tprintf '%s\\n' {version}\n\
             \texit\n\
             fi\n\
             linker={host}\n\
             static=\n\
             for arg do\n\
             \tcase $arg in\n\
             \t--target | --target=*) linker={target} static=yes ;;\n\
             \tbin) static=yes ;;\n\
             \tproc-macro) static=; break ;;\n\
             \tesac\n\
             done\n\
             exec {words} {always} -C linker=\"$linker\" \
             ${{static:+-C target-feature=+crt-static}} \"$@\"\n",
            version = quoted(self.verbose_version),
            words = joined(self.words),
            always = joined(&always),
        )
    }
}

/// What an `ld-TARGET` script is made of.
pub(super) struct Linker<'a> {
    /// The words that start the real one, as `ld.lld`.
    pub(super) words: &'a [String],
    /// The root of the target's libraries.
    pub(super) sysroot: &'a Path,
    /// The target.
    pub(super) arch: Arch,
    /// The version of the compiler that the support libraries come from, as its directory names it.
    pub(super) gcc: &'a str,
}

impl Linker<'_> {
    pub(super) fn script(&self) -> String {
        let root = self.sysroot.to_string_lossy();
        let libc = format!("{root}/usr/lib/{}", self.arch.multiarch());
        let gcc = format!("{root}/usr/lib/gcc/{}/{}", self.arch.multiarch(), self.gcc);
        let file = |directory: &str, name: &str| quoted(&format!("{directory}/{name}"));
        format!(
            "#!/bin/sh\n\
             if [ \"$1\" = -flavor ]; then shift 2; fi\n\
             first={rcrt1}\n\
             model='-pie --no-dynamic-linker -z text --pack-dyn-relocs=relr'\n\
             libraries='-lc -lgcc -lgcc_eh'\n\
             for arg do\n\
             \tcase $arg in\n\
             \t-shared) first= model= libraries='-lc -lgcc -lgcc_s' ;;\n\
             \tesac\n\
             done\n\
             exec {words} {sysroot} -L {gcc} -L {libc} --build-id=none $model \
             ${{first:+\"$first\"}} {crti} {begin} \"$@\" \
             --start-group $libraries --end-group {end} {crtn}\n",
            rcrt1 = file(&libc, "rcrt1.o"),
            crti = file(&libc, "crti.o"),
            crtn = file(&libc, "crtn.o"),
            begin = file(&gcc, "crtbeginS.o"),
            end = file(&gcc, "crtendS.o"),
            words = joined(self.words),
            sysroot = quoted(&format!("--sysroot={root}")),
            gcc = quoted(&gcc),
            libc = quoted(&libc),
        )
    }
}

/// Writes a script that can be started.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

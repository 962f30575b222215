//! The node's binaries, compiled the same way everywhere.
//!
//! `ashlar-init` and `ashlar-agent` must be the same bytes on every machine that builds an image,
//! whatever its distribution, its user, its directories and its architecture. So the compiler is a
//! locked tree of Debian's own packages (`rustc`, `cargo`, `lld`, the standard library and the C
//! library of host and target), started through its own loader; the sources are a copy of `init/`
//! under a manifest of its own; the crates are those of the lock file; and what the compiler could
//! see of the machine (paths, the host's name, the user's settings) is named away.
//!
//! What it refuses: crates that need a C compiler (none is in the tree, and nothing of the host is
//! in reach), and crates outside the lock file.
//!
//! What is compiled is kept by the digest of everything it was made from.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use contract::arch::Arch;
use contract::digest::{Digest, Digester};

use crate::runner::{Command, LineSink};
use crate::store::Store;
use crate::tools::ToolTree;

mod error;
mod scripts;
mod vendor;
mod workspace;

pub use error::ToolchainError;
use workspace::{Places, Workspace};

/// Bump when the way of compiling changes, so that what was kept is made again.
const KIND: &str = "node-binaries-1";

/// A build with a cold cache takes a minute or two on two cores; emulated, many times that.
const TIME_LIMIT: Duration = Duration::from_secs(3600);

/// The programs, by the name of their package.
const PROGRAMS: [&str; 2] = ["ashlar-init", "ashlar-agent"];

/// What is to be compiled, and with what.
pub struct Request<'a> {
    /// The directory with `Cargo.toml`, `Cargo.lock` and `init/`.
    pub checkout: &'a Path,
    /// What the programs run on.
    pub target: Arch,
    /// Where crates and results are kept.
    pub store: &'a Store,
    /// The user's own `cargo`, which fetches crates.
    pub cargo: &'a Path,
    /// Whether the network must not be asked.
    pub offline: bool,
    /// Sees what the compiler says while it runs.
    pub lines: Option<LineSink>,
}

/// The node's binaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeBinaries {
    /// `ashlar-init`.
    pub init: Arc<[u8]>,
    /// `ashlar-agent`.
    pub agent: Arc<[u8]>,
}

/// Compiles the node's binaries with a tool tree, or takes what was kept of it.
///
/// # Errors
/// The sources cannot be read or compiled, or a crate is not to be had.
pub fn node_binaries(
    request: &Request<'_>,
    tree: &ToolTree,
) -> Result<NodeBinaries, ToolchainError> {
    let workspace = Workspace::read(request.checkout)?;
    let mut key = Digester::new();
    for part in [workspace.digest(), tree.id(), Digest::of(request.target.name().as_bytes())] {
        key.update(part.as_bytes());
    }
    kept(request.store, &key.finish(), || {
        let (crates, workspace) = vendor::ensure(request, workspace)?;
        let temporary = request.store.temporary_directory()?;
        let failed = |source| ToolchainError::Write { path: temporary.path().to_owned(), source };
        let places = Places::below(temporary.path()).map_err(failed)?;
        workspace.write(&places.source).map_err(failed)?;
        let build = prepare(request, tree, &places, &crates)?;
        build.run().map_err(ToolchainError::Build)?;
        collect(&places.target.join(request.target.rust_target()).join("node"))
    })
}

/// Compiles the node's binaries with the user's own compiler, for this machine's architecture:
/// quick, for daily work, and not the same bytes elsewhere. Nothing of it is kept but by `cargo`
/// itself, in this target directory.
///
/// # Errors
/// They cannot be compiled.
pub fn node_binaries_of_the_host(
    request: &Request<'_>,
    target_directory: &Path,
) -> Result<NodeBinaries, ToolchainError> {
    let target = request.target.rust_target();
    let mut command = Command::new(request.cargo)
        .inherit_environment()
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .directory(request.checkout)
        .args(["build", "--locked", "--profile=node", "--target", target])
        .args(PROGRAMS.map(|program| format!("--package={program}")))
        .arg("--target-dir")
        .arg(target_directory)
        .time_limit(TIME_LIMIT);
    if request.offline {
        command = command.arg("--offline");
    }
    if let Some(lines) = &request.lines {
        command = command.on_line(Arc::clone(lines));
    }
    command.run().map_err(ToolchainError::Build)?;
    collect(&target_directory.join(target).join("node"))
}

fn kept(
    store: &Store,
    key: &Digest,
    make: impl FnOnce() -> Result<NodeBinaries, ToolchainError>,
) -> Result<NodeBinaries, ToolchainError> {
    let cache = store.cache(KIND);
    let keys = PROGRAMS.map(|program| {
        let mut digester = Digester::new();
        digester.update(key.as_bytes());
        digester.update(program.as_bytes());
        digester.finish()
    });
    if let [Some(init), Some(agent)] = keys.map(|key| cache.get(&key)) {
        return Ok(NodeBinaries { init: init.into(), agent: agent.into() });
    }
    let made = make()?;
    for (key, bytes) in keys.iter().zip([&made.init, &made.agent]) {
        let failed = |source| ToolchainError::Write { path: store.root().to_owned(), source };
        cache.put(key, bytes).map_err(failed)?;
    }
    Ok(made)
}

fn collect(directory: &Path) -> Result<NodeBinaries, ToolchainError> {
    let [init, agent] = PROGRAMS.map(|program| {
        let path = directory.join(program);
        fs::read(&path).map_err(|source| ToolchainError::Read { path, source })
    });
    Ok(NodeBinaries { init: init?.into(), agent: agent?.into() })
}

/// The command that compiles, with everything it needs written below `places`.
fn prepare(
    request: &Request<'_>,
    tree: &ToolTree,
    places: &Places,
    crates: &Path,
) -> Result<Command, ToolchainError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| ToolchainError::Write { path, source }
    };
    let rustc = write_scripts(request, tree, places, crates)?;
    let config = places.home.join("config.toml");
    let text = format!(
        "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = {}\n",
        toml::Value::String(crates.to_string_lossy().into_owned()),
    );
    fs::write(&config, text).map_err(failed(&config))?;
    let mut command = tree
        .command("usr/bin/cargo")?
        .env("CARGO_HOME", &places.home)
        .env("HOME", &places.home)
        .env("RUSTC", rustc)
        // `cargo` reads settings from the directories above the one it runs in, and the cache may
        // be below the user's own.
        .directory("/")
        .args(["build", "--offline", "--locked", "--profile=node"])
        .args(["--target", request.target.rust_target()])
        .args(PROGRAMS.map(|program| format!("--package={program}")))
        .arg("--manifest-path")
        .arg(places.source.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&places.target)
        .time_limit(TIME_LIMIT);
    if let Some(lines) = &request.lines {
        command = command.on_line(Arc::clone(lines));
    }
    Ok(command)
}

/// Writes the compiler's and the linkers' scripts and says where the compiler's is.
fn write_scripts(
    request: &Request<'_>,
    tree: &ToolTree,
    places: &Places,
    crates: &Path,
) -> Result<PathBuf, ToolchainError> {
    let failed = |source| ToolchainError::Write { path: places.scripts.clone(), source };
    let lld = linker_words(tree)?;
    let mut linkers = Vec::new();
    for (role, arch) in [("host", tree.arch()), ("target", request.target)] {
        let path = places.scripts.join(format!("ld-{role}"));
        let gcc = gcc_version(tree, arch)?;
        let linker = scripts::Linker { words: &lld, sysroot: tree.root(), arch, gcc: &gcc };
        scripts::write(&path, &linker.script()).map_err(failed)?;
        linkers.push(path);
    }
    let [host, target] = linkers.as_slice() else { return Err(missing(tree, "linker")) };
    let version = tree.command("usr/bin/rustc")?.arg("-vV").run();
    let version =
        scripts::same_everywhere(version.map_err(ToolchainError::Build)?.text().trim_end());
    let names = [
        (places.source.clone(), "/ashlar"),
        (places.target.clone(), "/target"),
        (crates.to_owned(), "/crates"),
        (tree.root().to_owned(), "/toolchain"),
    ];
    let compiler = scripts::Compiler {
        words: &tree.words("usr/bin/rustc")?,
        verbose_version: &version,
        sysroot: &tree.path("usr"),
        linkers: [host, target],
        names: &names,
    };
    let path = places.scripts.join("rustc");
    scripts::write(&path, &compiler.script()).map_err(failed)?;
    Ok(path)
}

fn missing(tree: &ToolTree, what: &'static str) -> ToolchainError {
    ToolchainError::Missing { what, tree: tree.root().to_owned() }
}

/// The words that start the linker of the tree, which looks at its name to know what it is.
fn linker_words(tree: &ToolTree) -> Result<Vec<String>, ToolchainError> {
    let lld = only(&tree.path("usr/lib"), "llvm-", &|path| path.join("bin/lld").exists());
    let name = lld.ok_or_else(|| missing(tree, "linker (package lld-…)"))?;
    let mut words = tree.words(&format!("usr/lib/{name}/bin/lld"))?;
    if let Some(at) = words.iter().position(|word| word == "--argv0")
        && let Some(argv0) = words.get_mut(at + 1)
    {
        *argv0 = "ld.lld".into();
    }
    Ok(words)
}

/// The version of the compiler's support libraries, as their directory names it.
fn gcc_version(tree: &ToolTree, arch: Arch) -> Result<String, ToolchainError> {
    let directory = tree.path("usr/lib/gcc").join(arch.multiarch());
    let found = only(&directory, "", &|path| path.join("crtbeginS.o").exists());
    found.ok_or_else(|| missing(tree, "start files (packages libc6-dev and libgcc-…-dev)"))
}

/// The last name in a directory that starts so and is the one.
fn only(directory: &Path, prefix: &str, is_it: &dyn Fn(&Path) -> bool) -> Option<String> {
    let entries = fs::read_dir(directory).ok()?.filter_map(Result::ok);
    let names = entries.filter(|entry| is_it(&entry.path()));
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(prefix)).max()
}

#[cfg(test)]
mod tests;

//! Tool trees from the repository's own tools images, and what is made with them.

use std::collections::BTreeMap;

use contract::arch::Arch;

use super::compose::Programs;
use super::declarations;
use super::locks;
use super::session::{Compiler, Session};
use crate::failure::Failure;
use crate::fetch::Network;
use crate::toolchain;
use crate::tools::{Package, ToolTree};

/// The image with QEMU and firmware.
pub const RUN: &str = "tools-run";
/// The image with the compiler of the node's programs.
pub const RUST: &str = "tools-rust";
/// The image with the reference tools that tests compare with.
pub const ORACLE: &str = "tools-oracle";

/// The architecture of this machine.
///
/// # Errors
/// It is none of ours.
pub fn host() -> Result<Arch, Failure> {
    Arch::of_this_program().ok_or_else(|| {
        Failure::machine("tools run on x86_64 and aarch64 machines, and this is neither")
    })
}

/// The tree of a tools image, for this machine and, where it has them, for these targets.
///
/// # Errors
/// The image cannot be locked or fetched, or the tree cannot be unpacked.
pub fn tree(session: &Session<'_>, image: &str, targets: &[Arch]) -> Result<ToolTree, Failure> {
    let host = host()?;
    let declared = declarations::read(session.repository, image, host)?;
    let lock = locks::ensure(session, &declared.assembly)?;
    let targets: Vec<String> = targets.iter().map(|arch| locks::target(*arch)).collect();
    let takes = |set: &str| set == locks::IMAGE || targets.iter().any(|target| target == set);
    let lock = locks::fetch(session, &declared.assembly, lock, &takes)?;
    let packages: Vec<Package> = lock
        .packages
        .iter()
        .filter(|(key, _)| takes(&key.set))
        .map(|(key, locked)| Package { name: key.name.clone(), digest: locked.digest })
        .collect();
    ToolTree::ensure(session.store, host, &packages).map_err(|error| {
        Failure::machine(format!("unpacking the tools of `{image}`")).because(error)
    })
}

/// The node's programs, by name.
///
/// # Errors
/// The compiler cannot be had, or does not compile them.
pub fn programs(
    session: &Session<'_>,
    target: Arch,
    compiler: Compiler,
) -> Result<Programs, Failure> {
    let cargo = session.environment.cargo.clone();
    let cargo = cargo.or_else(|| session.environment.program("cargo")).ok_or_else(|| {
        Failure::machine("`cargo` is not in PATH; it fetches the crates of the node's programs")
            .hint("install Rust, or set CARGO to the program")
    })?;
    let request = toolchain::Request {
        checkout: session.repository.top(),
        target,
        store: session.store,
        cargo: &cargo,
        offline: session.network == Network::Offline,
        lines: None,
    };
    let compiled = match compiler {
        Compiler::Locked => {
            // What runs while compiling (procedural macros) is linked for this machine.
            let tree = tree(session, RUST, &[target, host()?])?;
            session.watcher.phase("node programs");
            toolchain::node_binaries(&request, &tree)
        }
        Compiler::Host => {
            let native = host()?;
            if native != target {
                return Err(Failure::asked(format!(
                    "the host's compiler makes programs for {native}, not for {target}"
                ))
                .hint("leave out --node-binaries, so that the locked compiler is used"));
            }
            session.watcher.phase("node programs");
            let folder = session.repository.path("target/node-binaries");
            toolchain::node_binaries_of_the_host(&request, &folder)
        }
    };
    let compiled = compiled.map_err(|error| {
        Failure::machine(format!("compiling the node's programs for {target}")).because(error)
    })?;
    Ok(BTreeMap::from([
        ("ashlar-init".to_owned(), compiled.init),
        ("ashlar-agent".to_owned(), compiled.agent),
    ]))
}

//! The crates that the node's binaries need, beside each other in a directory of the cache.
//!
//! The user's own `cargo` puts them there: it knows the user's registry, proxy and credentials,
//! and has fetched most of them already, as the builder needs them too. What it may not do is
//! choose: every crate it takes must be in the lock file with the same checksum, and the compiler's
//! `cargo` compares each file with that checksum's list again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::workspace::Workspace;
use super::{Request, ToolchainError};
use crate::runner::Command;

/// Bump when the contents of a vendored directory change.
const KIND: &str = "crates-1";

/// The directory of the crates, and the workspace with the lock file that fits it exactly.
pub(super) fn ensure(
    request: &Request<'_>,
    workspace: Workspace,
) -> Result<(PathBuf, Workspace), ToolchainError> {
    let area = request.store.area(KIND)?;
    let directory = area.join(workspace.manifests_digest().to_string());
    let crates = directory.join("crates");
    if !directory.exists() {
        make(request, &workspace, &directory)?;
    }
    let path = directory.join("Cargo.lock");
    let lock = fs::read(&path).map_err(|source| ToolchainError::Read { path, source })?;
    contained(workspace.lock(), &lock)?;
    Ok((crates, workspace.with_lock(lock)))
}

fn make(
    request: &Request<'_>,
    workspace: &Workspace,
    directory: &Path,
) -> Result<(), ToolchainError> {
    let temporary = request.store.temporary_directory()?;
    let failed = |source| ToolchainError::Write { path: temporary.path().to_owned(), source };
    let source = temporary.path().join("source");
    let made = temporary.path().join("made");
    fs::create_dir_all(&made).map_err(failed)?;
    workspace.write(&source).map_err(failed)?;
    let mut command = Command::new(request.cargo)
        .inherit_environment()
        .args(["vendor", "--quiet", "--versioned-dirs", "--respect-source-config"])
        .arg("--manifest-path")
        .arg(source.join("Cargo.toml"));
    if request.offline {
        command = command.arg("--offline");
    }
    command.arg(made.join("crates")).run().map_err(ToolchainError::Vendor)?;
    // Where no crate is needed, no directory is made.
    fs::create_dir_all(made.join("crates")).map_err(failed)?;
    fs::copy(source.join("Cargo.lock"), made.join("Cargo.lock")).map_err(failed)?;
    match fs::rename(&made, directory) {
        // Somebody else was quicker, and made the same.
        Err(_) if directory.exists() => Ok(()),
        result => result.map_err(failed),
    }
}

/// Every package of a lock file is in another one, with the same checksum.
fn contained(all: &[u8], some: &[u8]) -> Result<(), ToolchainError> {
    let all = packages(all);
    for (name, checksum) in packages(some) {
        if all.get(&name) != Some(&checksum) {
            return Err(ToolchainError::Unlocked { name });
        }
    }
    Ok(())
}

fn packages(lock: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(lock);
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let packages = table.get("package").and_then(toml::Value::as_array);
    let field = |package: &toml::Value, key: &str| {
        package.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let pair = |package: &toml::Value| {
        let name = format!("{} {}", field(package, "name"), field(package, "version"));
        (name, field(package, "checksum"))
    };
    packages.into_iter().flatten().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
        checksum = \"11\"\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\nchecksum = \"22\"\n";

    #[test]
    fn a_crate_that_the_lock_does_not_name_is_refused() {
        contained(LOCK.as_bytes(), LOCK.as_bytes()).unwrap();
        for other in [LOCK.replace("22", "23"), LOCK.replace("2.0.0", "2.0.1")] {
            let error = contained(LOCK.as_bytes(), other.as_bytes()).unwrap_err();
            assert!(matches!(error, ToolchainError::Unlocked { name } if name.starts_with("b 2")));
        }
    }
}

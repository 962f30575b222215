//! `ashlar lock`

use exec::build::{declarations, locks, resolving};
use exec::failure::Failure;
use serde::Serialize;

use crate::arguments::{Common, Images};
use crate::context::Context;
use crate::say;

/// A lock that was written.
#[derive(Serialize)]
struct Written {
    path: String,
    packages: usize,
    changes: String,
}

pub(super) fn run(common: &Common, images: &Images) -> Result<(), Failure> {
    if common.locked {
        return Err(Failure::asked("`lock` resolves versions, and --locked forbids it"));
    }
    let context = Context::new(common)?;
    let session = context.session();
    let mut all = Vec::new();
    for image in &images.images {
        let arches = match common.arch {
            Some(arch) => vec![arch],
            None => declarations::architectures(session.repository, image)?,
        };
        for arch in arches {
            let declared = declarations::read(session.repository, image, arch)?;
            let before = locks::read(session.repository, image, arch)?;
            let lock = resolving::lock(&session, &declared.assembly, before.as_ref())?;
            let changes = before.map_or_else(String::new, |old| locks::changes(&old, &lock));
            let path = locks::path(image, arch);
            all.push(Written { path, packages: lock.packages.len(), changes });
        }
    }
    context.quiet();
    let line = |written: &Written| {
        let Written { path, packages, changes } = written;
        format!("{path}: {packages} packages\n{changes}\n")
    };
    say::result(common.format, &all, &all.iter().map(line).collect::<String>())
}

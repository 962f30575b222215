//! `ashlar check`

use contract::arch::Arch;
use exec::build::{declarations, locks};
use exec::failure::Failure;
use serde::Serialize;

use crate::arguments::{Common, Images};
use crate::context::Context;
use crate::say;

/// What was found about one image for one architecture.
#[derive(Serialize)]
struct Checked {
    image: String,
    arch: Arch,
    recipes: Vec<String>,
    lock: String,
}

pub(super) fn run(common: &Common, images: &Images) -> Result<(), Failure> {
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
            let lock = match locks::read(session.repository, image, arch)? {
                None => "none yet".to_owned(),
                Some(lock) => locks::misfit(&lock, &declared.assembly)
                    .unwrap_or_else(|| format!("{} packages", lock.packages.len())),
            };
            let recipes = declared.assembly.recipes;
            all.push(Checked { image: image.clone(), arch, recipes, lock });
        }
    }
    context.quiet();
    let line = |checked: &Checked| {
        let Checked { image, arch, recipes, lock } = checked;
        format!("{image} for {arch}: {}; lock: {lock}\n", recipes.join(", "))
    };
    say::result(common.format, &all, &all.iter().map(line).collect::<String>())
}

//! The first step: what is declared, for one image and one architecture.

use std::collections::BTreeMap;

use contract::arch::Arch;
use contract::digest::Digest;
use recipe::assembly::Assembly;
use recipe::diagnostic::Rejected;
use recipe::sources::Sources;

use super::repository::Repository;
use crate::failure::Failure;

/// An image's declarations, put together, with the digests of the files they came from.
#[derive(Debug, Clone)]
pub struct Declared {
    /// What is declared.
    pub assembly: Assembly,
    /// Every file that was read: path below the repository to digest.
    pub files: BTreeMap<String, Digest>,
    /// The texts, for showing what is found later.
    pub sources: Sources,
}

/// Reads an image's declarations.
///
/// # Errors
/// They have mistakes, or the image is not for this architecture.
pub fn read(repository: &Repository, image: &str, arch: Arch) -> Result<Declared, Failure> {
    let shelf = repository.reader();
    let loaded = recipe::load::load(&shelf, image).map_err(rejected)?;
    if !loaded.image.architectures.contains(&arch) {
        let names: Vec<&str> = loaded.image.architectures.iter().map(|arch| arch.name()).collect();
        return Err(Failure::asked(format!("the image `{image}` is not built for {arch}"))
            .hint(format!("give --arch {}", names.join(" or "))));
    }
    let assembly = loaded.assemble(arch).map_err(rejected)?;
    Ok(Declared { assembly, files: shelf.noted(), sources: loaded.sources })
}

/// The architectures an image is built for.
///
/// # Errors
/// Its declarations have mistakes.
pub fn architectures(repository: &Repository, image: &str) -> Result<Vec<Arch>, Failure> {
    let loaded = recipe::load::load(&repository.reader(), image).map_err(rejected)?;
    Ok(loaded.image.architectures)
}

/// Mistakes in declarations, with the lines they are in.
#[must_use]
pub fn rejected(rejected: Rejected) -> Failure {
    let mut failure = Failure::asked(rejected.to_string());
    failure.excerpt = Some(recipe::render::render(&rejected.diagnostics, &rejected.sources));
    failure.facts = serde_json::to_value(&rejected.diagnostics).ok().map(Box::new);
    failure
}

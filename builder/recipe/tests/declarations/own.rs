//! The declarations of this repository.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use contract::arch::Arch;
use recipe::diagnostic::Rejected;
use recipe::image::Kind;
use recipe::load::load;
use recipe::shelf::Shelf;

/// The repository.
struct Checkout(PathBuf);

impl Checkout {
    fn open() -> Self {
        Self(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
    }
}

impl Shelf for Checkout {
    fn read(&self, path: &str, limit_bytes: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(limit_bytes).unwrap() + 1;
        std::fs::File::open(self.0.join(path))?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let names: BTreeSet<String> = std::fs::read_dir(self.0.join(directory))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.into_iter().collect()
    }
}

fn shown<T>(result: Result<T, Rejected>) -> T {
    result.unwrap_or_else(|rejected| panic!("\n{}", rejected.render()))
}

#[test]
fn every_image_is_right_on_every_architecture() {
    let shelf = Checkout::open();
    let images = shelf.names("images");
    for expected in ["hypervisor", "minimal", "tools-oracle", "tools-run", "tools-rust"] {
        assert!(images.iter().any(|name| name == expected), "no image {expected}");
    }
    for name in images {
        let loaded = shown(load(&shelf, &name));
        for arch in loaded.image.architectures.clone() {
            let assembly = shown(loaded.assemble(arch));
            assert!(!assembly.packages.is_empty(), "{name} has packages on {arch}");
        }
    }
}

#[test]
fn every_recipe_is_part_of_an_image_or_a_firmware_pack() {
    let shelf = Checkout::open();
    let used: BTreeSet<String> = shelf
        .names("images")
        .iter()
        .flat_map(|name| shown(load(&shelf, name)).recipes.into_keys())
        .collect();
    for name in shelf.names("recipes") {
        let file = format!("recipes/{name}/recipe.toml");
        let Ok(bytes) = shelf.read(&file, 1 << 20) else { continue };
        shown(recipe::load::parse_recipe(&name, &bytes, &shelf));
        assert!(used.contains(&name) || name.starts_with("firmware-"), "nobody uses {name}");
    }
}

/// The declarations of this repository with one file changed.
struct Changed(Checkout, &'static str, String);

impl Shelf for Changed {
    fn read(&self, path: &str, limit_bytes: usize) -> io::Result<Vec<u8>> {
        if path == self.1 { Ok(self.2.clone().into()) } else { self.0.read(path, limit_bytes) }
    }

    fn names(&self, directory: &str) -> Vec<String> {
        self.0.names(directory)
    }
}

#[test]
fn an_image_can_name_firmware_packs() {
    const FILE: &str = "images/hypervisor/image.toml";
    let shelf = Checkout::open();
    let text = String::from_utf8(shelf.read(FILE, 1 << 20).unwrap()).unwrap();
    let packs: Vec<String> = shelf
        .names("recipes")
        .iter()
        .filter_map(|name| Some(format!("{:?}", name.strip_prefix("firmware-")?)))
        .collect();
    let text = format!("firmware = [{}]\n{text}", packs.join(", "));
    let loaded = shown(load(&Changed(shelf, FILE, text), "hypervisor"));
    let assembly = shown(loaded.assemble(Arch::X86_64));
    assert!(assembly.packages.iter().any(|package| package.name == "firmware-bnx2x"));
    assert!(packs.len() >= 2);
}

#[test]
fn bootable_images_have_both_architectures_and_room_to_grow() {
    let shelf = Checkout::open();
    for name in ["minimal", "hypervisor"] {
        let image = shown(load(&shelf, name)).image;
        assert_eq!(image.architectures, Arch::ALL);
        let Kind::Bootable(bootable) = image.kind else { panic!("{name} is bootable") };
        assert!(bootable.slots.root_bytes >= 5 * bootable.budgets.root_bytes);
    }
}

//! A shelf in memory with an image and recipes that are right, for tests that make one wrong.

use std::collections::BTreeMap;

use contract::arch::Arch;
use recipe::assembly::Assembly;
use recipe::diagnostic::Rejected;

pub(crate) const IMAGE: &str = r#"summary = "a test"
kind = "bootable"
recipes = ["one", "two"]
architectures = ["x86_64", "aarch64"]
outputs = ["disk"]

[slots]
root = "128 MiB"
verity = "2 MiB"
esp = "64 MiB"
state = "1 GiB"

[budgets]
root = "80 MB"
uki = "25 MB"
init = "2 MB"

[compression]
dev = { codec = "zstd", level = 3, cluster = "64 KiB" }
release = { codec = "zstd", level = 19, cluster = "128 KiB" }

[[suite]]
name = "trixie"
components = ["main"]
"#;

pub(crate) const BOOT: &str = r#"summary = "boots"
program = [{ name = "ashlar-init", path = "/usr/lib/ashlar/init", initrd = true }]
boot = [
    { part = "kernel", path = "/boot/vmlinuz-*" },
    { part = "stub", path = "/usr/lib/systemd/boot/efi/linux*.efi.stub" },
    { part = "loader", path = "/usr/lib/systemd/boot/efi/systemd-boot*.efi" },
]
"#;

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The files of image `test` with recipes `one` and `two` (which brings the boot).
pub(crate) fn files(one: &str, two: &str) -> Files {
    let two = format!("{BOOT}{two}");
    let text = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    [
        text("images/test/image.toml", IMAGE),
        text("recipes/one/recipe.toml", one),
        text("recipes/two/recipe.toml", &two),
    ]
    .into()
}

pub(crate) fn build(files: &Files, arch: Arch) -> Result<Assembly, Rejected> {
    recipe::load::load(files, "test")?.assemble(arch)
}

/// The mistakes as text.
pub(crate) fn mistakes(files: &Files) -> String {
    build(files, Arch::X86_64).unwrap_err().render()
}

//! The formats an image is made of: bytes in, bytes out.
//!
//! Pure over `Read`, `Write` and `Seek`: nothing here opens a file, asks the clock or reads the
//! environment, and the same input gives the same bytes for any number of threads. Each writer has
//! a reader that reads its own output back, and an oracle in its tests: the reference tool.

pub mod cpio;
pub mod disk;
pub mod elf;
pub mod erofs;
pub mod fat;
pub mod gpt;
pub mod kmod;
mod layout;
pub mod pe;
pub mod sbom;
pub mod sparse;
pub mod tree;
pub mod verity;

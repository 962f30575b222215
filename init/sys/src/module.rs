//! Loading kernel modules.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

/// Loads the module in the file `path`, uncompressed, without parameters (those of the kernel
/// command line, `module.key=value`, are given to it by the kernel). A module that is there
/// already is fine.
///
/// # Errors
///
/// The file cannot be opened, or the kernel refuses it.
pub fn load(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    match finit_module(file, c"", ModuleInitFlags::empty()) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

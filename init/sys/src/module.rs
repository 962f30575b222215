//! Loading kernel modules.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

/// Loads the module in the file `path`, uncompressed, with `parameters` separated by blanks. A
/// module that is there already is fine.
///
/// # Errors
///
/// The file cannot be opened, or the kernel refuses it.
pub fn load(path: &Path, parameters: &str) -> io::Result<()> {
    let file = File::open(path)?;
    let parameters = CString::new(parameters)?;
    match finit_module(file, &parameters, ModuleInitFlags::empty()) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

//! The ends of a machine's run.

use std::convert::Infallible;
use std::io;

use nix::sys::reboot::{RebootMode, reboot, set_cad_enabled};

/// Switches the machine off. Nothing is written back first.
///
/// # Errors
///
/// The kernel's: it returns only when it refused.
pub fn off() -> io::Result<Infallible> {
    Ok(reboot(RebootMode::RB_POWER_OFF)?)
}

/// Starts the machine again. Nothing is written back first.
///
/// # Errors
///
/// The kernel's: it returns only when it refused.
pub fn restart() -> io::Result<Infallible> {
    Ok(reboot(RebootMode::RB_AUTOBOOT)?)
}

/// Makes ctrl-alt-del send `SIGINT` to PID 1 instead of restarting on the spot.
///
/// # Errors
///
/// The kernel's.
pub fn ask_before_ctrl_alt_del() -> io::Result<()> {
    Ok(set_cad_enabled(false)?)
}

/// Writes back everything that waits to be written.
pub fn sync() {
    nix::unistd::sync();
}

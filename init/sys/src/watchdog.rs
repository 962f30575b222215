//! The hardware watchdog (`Documentation/watchdog/watchdog-api.rst`): a machine that is not heard
//! of for a while is started again by its own hardware.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::libc::c_int;

mod request {
    nix::ioctl_readwrite!(set_timeout, b'W', 6, nix::libc::c_int);
}

/// An armed watchdog. Dropping it leaves it armed: a PID 1 that is gone must be noticed.
#[derive(Debug)]
pub struct Watchdog {
    device: File,
    timeout_s: u32,
}

impl Watchdog {
    /// Arms the watchdog at `path` to restart the machine `timeout_s` after it was last fed, or
    /// after what the hardware makes of that.
    ///
    /// # Errors
    ///
    /// The kernel's: [`io::ErrorKind::NotFound`] where there is none.
    pub fn arm(path: &Path, timeout_s: u32) -> io::Result<Self> {
        let device = OpenOptions::new().write(true).open(path)?;
        let mut timeout = c_int::try_from(timeout_s).unwrap_or(c_int::MAX);
        // SAFETY: the descriptor is open for as long as `device` lives, and the request reads and
        // writes one int, which `timeout` is and which outlives the call.
        let set = unsafe { request::set_timeout(device.as_raw_fd(), &raw mut timeout) };
        let timeout_s = match set {
            Ok(_) => u32::try_from(timeout).unwrap_or(timeout_s),
            // A fixed timeout is not ours to choose; feeding often enough still works.
            Err(_) => timeout_s,
        };
        Ok(Self { device, timeout_s })
    }

    /// The time after which it acts.
    #[must_use]
    pub fn timeout_s(&self) -> u32 {
        self.timeout_s
    }

    /// Says that we are alive.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn feed(&mut self) -> io::Result<()> {
        self.device.write_all(b"1")
    }

    /// Disarms it, where the hardware lets anyone.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn disarm(mut self) -> io::Result<()> {
        self.device.write_all(b"V")
    }
}

//! Signals as something to read, so that nothing ever runs in a signal handler.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::libc;
use nix::sys::signal::{SigSet, Signal as NixSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// A signal that means something to PID 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `SIGCHLD`: a process ended.
    Child,
    /// `SIGTERM`.
    Terminate,
    /// `SIGINT`: ctrl-alt-del.
    Interrupt,
}

const HEARD: [(NixSignal, Signal); 3] = [
    (NixSignal::SIGCHLD, Signal::Child),
    (NixSignal::SIGTERM, Signal::Terminate),
    (NixSignal::SIGINT, Signal::Interrupt),
];

/// Where signals are read.
#[derive(Debug)]
pub struct Signals {
    fd: SignalFd,
}

impl Signals {
    /// Blocks every signal for this thread and those it starts, and begins to collect ours.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn collect() -> io::Result<Self> {
        SigSet::all().thread_block()?;
        let heard: SigSet = HEARD.iter().map(|(signal, _)| *signal).collect();
        let fd = SignalFd::with_flags(&heard, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { fd })
    }

    /// The next signal that came, if one did.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn next(&self) -> io::Result<Option<Signal>> {
        let Some(info) = self.fd.read_signal()? else { return Ok(None) };
        let number = libc::c_int::try_from(info.ssi_signo).unwrap_or_default();
        let found = HEARD.iter().find(|(signal, _)| NixSignal::try_from(number) == Ok(*signal));
        Ok(found.map(|(_, ours)| *ours))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

//! The process groups of what we started, and their end.
//!
//! A program in its own process group does not see the terminal's interrupt, so when this process
//! is told to end it ends them first.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process group that ends with this value. Its leader must not have been reaped before, so
/// that the number cannot have gone to somebody else.
#[derive(Debug)]
pub(super) struct Group(Pid);

impl Group {
    pub(super) fn of(leader: Pid) -> Self {
        groups().insert(leader.as_raw_nonzero().get());
        Self(leader)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        groups().remove(&self.0.as_raw_nonzero().get());
        // An empty group is what is wanted.
        kill_process_group(self.0, Signal::KILL).unwrap_or_default();
    }
}

/// From now on, an interrupt, a hang-up or a request to end also ends what we started.
///
/// # Errors
/// The system refused the handlers or the thread.
pub fn end_children_on_signals() -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in &mut signals {
            for group in groups().iter().filter_map(|raw| Pid::from_raw(*raw)) {
                kill_process_group(group, Signal::KILL).unwrap_or_default();
            }
            signal_hook::low_level::emulate_default_handler(signal).unwrap_or_default();
        }
    })?;
    Ok(())
}

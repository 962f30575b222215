//! The boot up to the root, as types.
//!
//! `Early` → `Grounded` → `Rooted`; each is made by the one before and by nothing else, so a
//! root that was not verified cannot be mounted and one that is not mounted cannot run services.
//! The process stays the same all the way: PID 1 continues in the binary of the initrd. Its pages
//! lie in memory, verified with the UKI, and do not go away with the disk, so that a node whose
//! disk died can still say so and restart; started anew from the root, PID 1 would be killed by
//! the first page the disk does not give back, and the kernel with it.

mod early;
mod grounded;
mod rooted;
mod switch;

use contract::cmdline::CommandLine;
use sys::signal::Signals;
use sys::uevent::Uevents;
use sys::watchdog::Watchdog;

pub use early::Early;
pub use grounded::Grounded;
pub use rooted::{ROOT_DEVICE, Rooted, is_corrupt};

use crate::console::Console;
use crate::halt::Halt;
use crate::record::Record;

/// What every phase hands on.
#[derive(Debug)]
pub struct Node {
    /// Who is told.
    pub console: Console,
    /// How it went.
    pub record: Record,
    /// What the kernel was told.
    pub command_line: CommandLine,
    /// Signals, from the start: one that came early is not lost.
    pub signals: Signals,
    /// Devices that come and go.
    pub uevents: Uevents,
    /// The hardware watchdog, if there is one.
    pub watchdog: Option<Watchdog>,
}

/// How long the hardware waits for us before it restarts the machine: twice the longest time the
/// kernel may keep us in one call, and no more than common watchdogs can count.
pub const WATCHDOG_S: u32 = 60;

impl Node {
    /// Feeds the watchdog, if there is one.
    pub fn feed(&mut self) {
        let fed = self.watchdog.as_mut().map_or(Ok(()), Watchdog::feed);
        if let Err(error) = fed {
            self.notice(format!("watchdog: {error}"));
            self.watchdog = None;
        }
    }

    /// Tells and records what went wrong and does not end the boot.
    pub fn notice(&mut self, text: String) {
        self.console.say(crate::console::Level::Warning, &text);
        self.record.notice(text);
    }
}

/// A boot that ended, with what is needed to tell it.
pub struct Ended {
    /// Why.
    pub halt: Halt,
    /// Who is told.
    pub console: Console,
    /// How it went.
    pub record: Record,
}

/// Goes from the kernel's hand-over to a verified root.
///
/// # Errors
///
/// What ended the boot.
pub fn boot() -> Result<Rooted, Box<Ended>> {
    let record = Record::begin(sys::clock::boot_us());
    let (early, guard) = Early::begin(record)?;
    let grounded = early.find_root(&guard)?;
    let rooted = grounded.become_root(&guard)?;
    Ok(rooted)
}

impl Node {
    /// Ends the boot.
    pub(crate) fn ended(self, halt: Halt) -> Box<Ended> {
        Box::new(Ended { halt, console: self.console, record: self.record })
    }
}

/// Does a step with the node; if it ends the boot, the node goes with the reason.
fn step<T>(
    mut node: Node,
    work: impl FnOnce(&mut Node) -> Result<T, Halt>,
) -> Result<(Node, T), Box<Ended>> {
    match work(&mut node) {
        Ok(value) => Ok((node, value)),
        Err(halt) => Err(node.ended(halt)),
    }
}

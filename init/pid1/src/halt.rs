//! Why a boot ends, and the one way in which it does.
//!
//! PID 1 never panics and never exits. What it cannot get over becomes a [`Halt`]: shown on every
//! console in plain words, written to the kernel's log at its highest level, put into the boot
//! record, left for the next boot in pstore, and then the machine restarts, so that the boot
//! counter of the loader can fall back to the other slot.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use contract::boot::{HaltRecord, PhaseName};

use crate::console::{Console, Level};
use crate::record::Record;

/// How long a halt is shown before the machine restarts: long enough to read three lines, short
/// enough that three tries and the fall-back fit into two minutes.
pub const SHOWN_S: u64 = 15;

/// What ended a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// One of the kernel's own file systems could not be mounted.
    KernelFileSystem,
    /// The kernel command line cannot be followed.
    CommandLine,
    /// The kernel command line names no root.
    NoRootHash,
    /// The root's partitions did not appear.
    RootNotFound,
    /// The hash tree's partition holds no superblock we take.
    VeritySuperblock,
    /// The kernel did not make the verified device.
    VerityDevice,
    /// A block of the root is not the one that was signed.
    RootCorrupt,
    /// The root could not be mounted.
    RootMount,
    /// The root could not become the root.
    SwitchRoot,
    /// The image's services cannot be started in any order.
    Services,
    /// A phase took too long.
    TimeLimit,
    /// PID 1 itself could not go on.
    Internal,
}

struct Row {
    reason: Reason,
    word: &'static str,
    try_this: &'static str,
}

const fn row(reason: Reason, word: &'static str, try_this: &'static str) -> Row {
    Row { reason, word, try_this }
}

const REBUILD: &str = "build the image again; this one cannot boot";
const REWRITE: &str =
    "write the image to the disk again, or boot the other slot; if it comes back, replace the disk";

/// Every reason, its word in the record, and what an operator may try. `docs/BOOT.md` shows it.
const ROWS: &[Row] = &[
    row(Reason::KernelFileSystem, "kernel-file-system", "boot the kernel the image was built with"),
    row(Reason::CommandLine, "command-line", "boot the UKI as it was built, without added words"),
    row(
        Reason::NoRootHash,
        "no-root-hash",
        "boot the UKI, not the bare kernel: it carries `roothash=`",
    ),
    row(
        Reason::RootNotFound,
        "root-not-found",
        "check that the disk is connected and its controller's driver is in the image's initrd; \
         after an update, that both halves of the slot were written",
    ),
    row(Reason::VeritySuperblock, "verity-superblock", REWRITE),
    row(Reason::VerityDevice, "verity-device", REWRITE),
    row(Reason::RootCorrupt, "root-corrupt", REWRITE),
    row(
        Reason::RootMount,
        "root-mount",
        "look for a module above that did not load: the initrd may lack one; \
         else write the image to the disk again",
    ),
    row(Reason::SwitchRoot, "switch-root", REBUILD),
    row(Reason::Services, "services", REBUILD),
    row(
        Reason::TimeLimit,
        "time-limit",
        "look at the kernel's last lines for a device that does not answer",
    ),
    row(Reason::Internal, "internal", "report it, with the lines above"),
];

impl Reason {
    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.reason == self)
    }

    /// The word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().map_or("internal", |row| row.word)
    }

    /// What an operator may try.
    #[must_use]
    pub fn try_this(self) -> &'static str {
        self.row().map_or("", |row| row.try_this)
    }
}

/// The end of a boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    /// Why, in one word.
    pub reason: Reason,
    /// What happened, in a sentence, and every cause behind it.
    pub what: String,
}

impl Halt {
    /// An end for which there is no error of somebody else.
    #[must_use]
    pub fn new(reason: Reason, what: impl Into<String>) -> Self {
        Self { reason, what: what.into() }
    }

    /// The record of it.
    #[must_use]
    pub fn record(&self, phase: PhaseName) -> HaltRecord {
        HaltRecord {
            reason: self.reason.word().to_owned(),
            phase,
            what: self.what.clone(),
            try_this: self.reason.try_this().to_owned(),
        }
    }
}

/// Turns an error into the end of the boot.
pub trait OrHalt<T> {
    /// The value, or a halt that says what we were `doing` and why it did not work.
    ///
    /// # Errors
    ///
    /// The halt.
    fn or_halt(self, reason: Reason, doing: impl FnOnce() -> String) -> Result<T, Halt>;
}

impl<T, E: Error> OrHalt<T> for Result<T, E> {
    fn or_halt(self, reason: Reason, doing: impl FnOnce() -> String) -> Result<T, Halt> {
        self.map_err(|error| Halt::new(reason, format!("{}: {}", doing(), Chain(&error))))
    }
}

/// An error and its causes on one line.
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut error = self.0;
        while let Some(source) = error.source() {
            write!(f, ": {source}")?;
            error = source;
        }
        Ok(())
    }
}

/// Shows and records a halt, waits until it can have been read, and restarts the machine.
pub fn end(halt: &Halt, record: &mut Record, console: &mut Console) -> ! {
    let shown = record.halted(halt);
    console
        .say(Level::Emergency, &format!("HALT in phase {}: {}", shown.phase.word(), shown.reason));
    console.say(Level::Emergency, &format!("what: {}", shown.what));
    console.say(Level::Emergency, &format!("try: {}", shown.try_this));
    console.say(Level::Emergency, &format!("restarting in {SHOWN_S} s"));
    keep_log_over_restart();
    std::thread::sleep(Duration::from_secs(SHOWN_S));
    sys::power::sync();
    let Err(error) = sys::power::restart();
    console.say(Level::Emergency, &format!("the kernel did not restart: {error}"));
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Asks the kernel to leave its log in pstore at the restart, as it does by itself at a panic.
fn keep_log_over_restart() {
    let asked = std::fs::write("/sys/module/printk/parameters/always_kmsg_dump", "Y");
    // Without pstore the consoles have said it; there is nobody left to tell.
    drop(asked);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_row_and_its_own_word() {
        let all = [
            Reason::KernelFileSystem,
            Reason::CommandLine,
            Reason::NoRootHash,
            Reason::RootNotFound,
            Reason::VeritySuperblock,
            Reason::VerityDevice,
            Reason::RootCorrupt,
            Reason::RootMount,
            Reason::SwitchRoot,
            Reason::Services,
            Reason::TimeLimit,
            Reason::Internal,
        ];
        assert!(all.iter().all(|reason| reason.row().is_some() && !reason.try_this().is_empty()));
        let words: std::collections::BTreeSet<_> = all.iter().map(|reason| reason.word()).collect();
        assert_eq!((words.len(), ROWS.len()), (all.len(), all.len()));
    }

    #[test]
    fn the_document_lists_every_reason() {
        let document = include_str!("../../../docs/BOOT.md");
        for row in ROWS {
            let line = format!("| `{}` | {} |", row.word, row.try_this);
            assert!(document.contains(&line), "{line}");
        }
    }

    #[test]
    fn a_halt_says_what_we_did_and_every_cause() {
        let error = contract::cmdline::parse("roothash=x").unwrap_err();
        let halt = Err::<(), _>(error).or_halt(Reason::CommandLine, || "read it".into());
        let what = halt.unwrap_err().what;
        assert!(what.starts_with("read it: `roothash=` on"), "{what}");
        assert!(what.ends_with("lower-case hexadecimal digits"), "{what}");
    }
}

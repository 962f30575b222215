//! `Early`: the kernel's file systems, the console, the drivers of disks, the watchdog.

use std::fs;
use std::path::Path;

use contract::cmdline::{self, CommandLine};
use contract::digest::Digest;
use sys::signal::Signals;
use sys::uevent::Uevents;
use sys::watchdog::Watchdog;

use super::grounded::find;
use super::{Ended, Node, WATCHDOG_S};
use crate::console::{Console, Level};
use crate::devices::partitions;
use crate::guard::Guard;
use crate::halt::{Halt, OrHalt, Reason};
use crate::loading::{Loader, names_in};
use crate::mounts;
use crate::record::{Record, read_os_release};

/// The modules the builder wants loaded whatever devices there are: one name a line.
const NAMED_MODULES: &str = "/usr/lib/ashlar/modules";

/// What is set before anything can go wrong: a panic restarts the machine instead of standing
/// still, and our lines are never held back.
const SETTINGS: &[(&str, &str)] =
    &[("/proc/sys/kernel/panic", "10\n"), ("/proc/sys/kernel/printk_devkmsg", "on\n")];

/// Holding one proves: `/dev`, `/proc`, `/sys` and `/run` are there, drivers for the devices found
/// so far are loaded, and the command line named a root. Not that any disk is there.
#[derive(Debug)]
pub struct Early {
    pub(super) node: Node,
    pub(super) root_hash: Digest,
}

impl Early {
    /// Begins.
    ///
    /// # Errors
    ///
    /// What ended the boot.
    pub fn begin(mut record: Record) -> Result<(Self, Guard), Box<Ended>> {
        let mounted = mount_early();
        let console = Console::open();
        let prepared = mounted.and_then(|()| prepare(&mut record));
        let (node, guard) = match prepared {
            Ok((command_line, signals, uevents, guard)) => {
                let watchdog = None;
                let node = Node { console, record, command_line, signals, uevents, watchdog };
                (node, guard)
            }
            Err(halt) => return Err(Box::new(Ended { halt, console, record })),
        };
        let (node, root_hash) = super::step(node, Self::settle)?;
        Ok((Self { node, root_hash }, guard))
    }

    fn settle(node: &mut Node) -> Result<Digest, Halt> {
        for problem in node.record.boot().notices.clone() {
            node.console.say(Level::Warning, &problem);
        }
        for word in std::mem::take(&mut node.command_line.unknown) {
            node.notice(format!("`{word}` on the kernel command line means nothing to this node"));
        }
        let root_hash = node.command_line.root_hash.ok_or_else(|| {
            Halt::new(Reason::NoRootHash, "the kernel command line has no `roothash=`")
        })?;
        load_drivers(node, &root_hash);
        arm_watchdog(node);
        Ok(root_hash)
    }
}

fn mount_early() -> Result<(), Halt> {
    for row in mounts::EARLY {
        row.mount().or_halt(Reason::KernelFileSystem, || format!("mount {}", row.target))?;
    }
    Ok(())
}

fn prepare(record: &mut Record) -> Result<(CommandLine, Signals, Uevents, Guard), Halt> {
    for problem in mounts::link_devices().into_iter().chain(set_early()) {
        record.notice(problem);
    }
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = fs::read_to_string("/usr/lib/os-release").unwrap_or_default();
    let text = fs::read_to_string("/proc/cmdline")
        .or_halt(Reason::KernelFileSystem, || "read the kernel command line".to_owned())?;
    read_os_release(record.boot_mut(), &release);
    record.boot_mut().kernel = Some(kernel.trim().to_owned());
    let command_line = cmdline::parse(&text)
        .or_halt(Reason::CommandLine, || "read the kernel command line".to_owned())?;
    record.boot_mut().root_hash = command_line.root_hash;
    // Signals are blocked before the guard's thread begins, which inherits that.
    let signals = Signals::collect().or_halt(Reason::Internal, || "collect signals".to_owned())?;
    let uevents =
        Uevents::listen().or_halt(Reason::Internal, || "listen for devices".to_owned())?;
    let guard = Guard::begin().or_halt(Reason::Internal, || "watch the clock".to_owned())?;
    Ok((command_line, signals, uevents, guard))
}

fn set_early() -> Vec<String> {
    let mut problems: Vec<String> = SETTINGS
        .iter()
        .filter_map(|(path, value)| {
            fs::write(path, value).err().map(|error| format!("set {path}: {error}"))
        })
        .collect();
    if let Err(error) = sys::power::ask_before_ctrl_alt_del() {
        problems.push(format!("ctrl-alt-del: {error}"));
    }
    problems
}

fn load_drivers(node: &mut Node, root_hash: &Digest) {
    let mut loader = Loader::open();
    let named = fs::read_to_string(NAMED_MODULES).unwrap_or_default();
    loader.load_named(names_in(&named));
    loader.coldplug_until(|| find(&partitions(), root_hash).is_some());
    let count = loader.count();
    node.console.say(Level::Info, &format!("{count} modules loaded"));
    for notice in loader.notices {
        node.notice(notice);
    }
}

fn arm_watchdog(node: &mut Node) {
    let path = Path::new("/dev/watchdog");
    if !path.exists() {
        return;
    }
    match Watchdog::arm(path, WATCHDOG_S) {
        Ok(watchdog) => {
            let text = format!("watchdog armed: {} s", watchdog.timeout_s());
            node.console.say(Level::Info, &text);
            node.watchdog = Some(watchdog);
        }
        Err(error) => node.notice(format!("watchdog: {error}")),
    }
}

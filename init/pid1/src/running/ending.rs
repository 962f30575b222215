//! How the node stops.
//!
//! Services are stopped first, in reverse order and within their own limits. Then everything that
//! is left is asked, killed, and what is mounted is written back and unmounted. Each step has a
//! limit, so that the machine goes off even if nothing co-operates.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sys::process::{Ending as Signal, signal_all};
use sys::signal::Signal as Heard;

use crate::console::Level;
use crate::phases::Node;

/// All services together may take this long to stop.
pub(super) const SERVICES_STOP_WITHIN_US: u64 = 90_000_000;

/// What is left of their processes may take this long.
const LEFT_STOP_WITHIN_MS: u32 = 2000;

const LOOK_EVERY_MS: u32 = 20;

/// What follows when everything has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The machine is off.
    PowerOff,
    /// The machine starts again.
    Reboot,
}

impl Ending {
    /// What the console says.
    #[must_use]
    pub const fn doing(self) -> &'static str {
        match self {
            Self::PowerOff => "powering off",
            Self::Reboot => "restarting",
        }
    }
}

/// What a signal asks for.
pub(super) const fn asked_by(signal: Heard) -> Option<(Ending, &'static str)> {
    match signal {
        Heard::Terminate => Some((Ending::PowerOff, "somebody sent SIGTERM")),
        Heard::Interrupt => Some((Ending::PowerOff, "ctrl-alt-del was pressed")),
        Heard::Child => None,
    }
}

/// Stops what is left and the machine with it.
pub fn finish(mut node: Node, ending: Ending) -> ! {
    stop_everything();
    for problem in unmount_all() {
        node.console.say(Level::Warning, &problem);
    }
    sys::power::sync();
    let done = match ending {
        Ending::PowerOff => "off",
        Ending::Reboot => "restart",
    };
    node.console.say(Level::Notice, &format!("everything is stopped; {done}"));
    let refused = match ending {
        Ending::PowerOff => {
            // An armed watchdog would start the machine again if switching off took long.
            drop(node.watchdog.take().map(sys::watchdog::Watchdog::disarm));
            sys::power::off().err()
        }
        Ending::Reboot => sys::power::restart().err(),
    };
    let why = refused.map_or_else(String::new, |error| error.to_string());
    node.console.say(Level::Emergency, &format!("the kernel did not stop: {why}"));
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Kills every process at once: the root they run from is not to be trusted.
pub(super) fn kill_everything() {
    drop(signal_all(Signal::Kill));
}

fn stop_everything() {
    for signal in [Signal::Term, Signal::Kill] {
        if !somebody_is_left() {
            return;
        }
        drop(signal_all(signal));
        for _ in 0..LEFT_STOP_WITHIN_MS / LOOK_EVERY_MS {
            while sys::process::reap().is_some() {}
            if !somebody_is_left() {
                return;
            }
            std::thread::sleep(Duration::from_millis(u64::from(LOOK_EVERY_MS)));
        }
    }
}

/// Whether there is a process besides us. Threads of the kernel and processes that ended have no
/// command line.
fn somebody_is_left() -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        let is_process =
            name.to_str().is_some_and(|name| name.parse::<u32>().is_ok_and(|pid| pid > 1));
        is_process && fs::read(entry.path().join("cmdline")).is_ok_and(|line| !line.is_empty())
    })
}

/// Unmounts everything but the root and the kernel's own, the last first; what is in use is made
/// read-only. Answers with what could not even be that.
fn unmount_all() -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut problems = Vec::new();
    for target in to_unmount(&table) {
        let path = Path::new(&target);
        let done = sys::mount::unmount(path).or_else(|_| sys::mount::make_read_only(path));
        problems.extend(done.err().map(|error| format!("unmount {target}: {error}")));
    }
    problems
}

/// What is mounted in `table`, the last first, without what needs no unmounting.
fn to_unmount(table: &str) -> Vec<String> {
    let kept = |target: &str| {
        ["/", "/dev", "/proc", "/sys", "/run"].contains(&target)
            || ["/dev/", "/proc/", "/sys/"].iter().any(|below| target.starts_with(below))
    };
    let targets = table.lines().filter_map(|line| line.split(' ').nth(1)).map(unescape);
    let mut targets: Vec<String> = targets.filter(|target| !kept(target)).collect();
    targets.reverse();
    targets
}

/// Blanks and backslashes are written `\040` in the table.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.zip(part.get(3..)) {
            Some((code, rest)) => {
                plain.push(char::from(code));
                plain.push_str(rest);
            }
            None => plain.push_str(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mount_is_unmounted_first() {
        let table = "\
rootfs / rootfs rw 0 0
/dev/dm-0 / erofs ro 0 0
devtmpfs /dev devtmpfs rw 0 0
devpts /dev/pts devpts rw 0 0
tmpfs /run tmpfs rw 0 0
tmpfs /var tmpfs rw 0 0
/dev/vdb /var/lib/a\\040b ext4 rw 0 0
";
        assert_eq!(to_unmount(table), ["/var/lib/a b", "/var"]);
    }

    #[test]
    fn signals_ask_for_an_end_and_children_do_not() {
        assert_eq!(asked_by(Heard::Terminate).map(|(ending, _)| ending), Some(Ending::PowerOff));
        assert_eq!(asked_by(Heard::Interrupt).map(|(ending, _)| ending), Some(Ending::PowerOff));
        assert_eq!(asked_by(Heard::Child), None);
    }
}

//! Speaking to whoever watches: every console and the kernel's log.
//!
//! A line goes to the kernel's log with its level. If the kernel shows that level on its consoles
//! itself, that is enough; if it was told to be quiet, we write to each console too: so everybody
//! sees each of our lines exactly once. A console that is not there or does not take bytes is
//! passed over; nothing here ever waits for one.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// How urgent a line is, in the kernel's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The machine stops.
    Emergency,
    /// Something went wrong and the boot goes on.
    Warning,
    /// What an operator wants to see.
    Notice,
    /// For the log; on consoles only if the kernel shows such lines.
    Info,
}

impl Level {
    const fn number(self) -> u8 {
        match self {
            Self::Emergency => 0,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
        }
    }
}

/// The kernel takes records of 1024 bytes and adds a prefix.
const LINE_LIMIT_BYTES: usize = 900;

/// Every console there is.
#[derive(Debug, Default)]
pub struct Console {
    screens: Vec<File>,
    log: Option<File>,
}

impl Console {
    /// Opens what is there. Before `/dev`, `/sys` are mounted that is nothing.
    #[must_use]
    pub fn open() -> Self {
        let listed = std::fs::read_to_string("/sys/class/tty/console/active").unwrap_or_default();
        let screens = console_names(&listed)
            .into_iter()
            .filter_map(|name| sys::file::open_console(&Path::new("/dev").join(name)).ok())
            .collect();
        let log = sys::file::open_without_waiting(Path::new("/dev/kmsg"), false, true).ok();
        Self { screens, log }
    }

    /// Says a line.
    pub fn say(&mut self, level: Level, text: &str) {
        self.tell(level, "ashlar", text);
    }

    /// Says a line of somebody else.
    pub fn tell(&mut self, level: Level, who: &str, text: &str) {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let logged = self.log(level, &format!("{who}: {}", shorten(&text)));
        let printk = std::fs::read_to_string("/proc/sys/kernel/printk").unwrap_or_default();
        if logged && kernel_shows(level, &printk) || level == Level::Info {
            return;
        }
        for screen in &mut self.screens {
            // A console that takes no bytes is one nobody reads.
            drop(screen.write_all(format!("{who}: {text}\n").as_bytes()));
        }
    }

    fn log(&mut self, level: Level, line: &str) -> bool {
        let record = format!("<{}>{line}\n", level.number());
        self.log.as_mut().is_some_and(|log| log.write_all(record.as_bytes()).is_ok())
    }
}

/// The consoles in `/sys/class/tty/console/active`: the last one is also `/dev/console`, which is
/// all there is if the list cannot be read.
fn console_names(listed: &str) -> Vec<&str> {
    let names: Vec<_> = listed.split_ascii_whitespace().collect();
    if names.is_empty() { vec!["console"] } else { names }
}

/// Whether the kernel writes lines of this level on its consoles: its first number in
/// `/proc/sys/kernel/printk` is above it.
fn kernel_shows(level: Level, printk: &str) -> bool {
    let shown = printk.split_ascii_whitespace().next().and_then(|number| number.parse().ok());
    shown.is_some_and(|shown: u8| level.number() < shown)
}

fn shorten(text: &str) -> &str {
    let end = text.floor_char_boundary(LINE_LIMIT_BYTES);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_shows_what_is_more_urgent_than_its_number() {
        assert!(kernel_shows(Level::Notice, "7\t4\t1\t7\n"));
        assert!(!kernel_shows(Level::Notice, "4\t4\t1\t7\n"));
        assert!(!kernel_shows(Level::Warning, "4\t4\t1\t7\n"));
        assert!(kernel_shows(Level::Emergency, "1 4 1 7"));
        assert!(!kernel_shows(Level::Notice, ""));
    }

    #[test]
    fn every_listed_console_is_spoken_to() {
        assert_eq!(console_names("tty0 ttyS0\n"), ["tty0", "ttyS0"]);
        assert_eq!(console_names(""), ["console"]);
    }

    #[test]
    fn a_line_is_cut_between_letters() {
        let text = "é".repeat(600);
        assert_eq!(shorten(&text).len(), LINE_LIMIT_BYTES);
        assert_eq!(shorten("short"), "short");
    }
}

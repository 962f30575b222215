//! What PID 1 lets others do: the same binary, started as a process of its own.
//!
//! | arguments | does |
//! |---|---|
//! | `kernel` | drivers for what is there, `modules-load.d`, late mounts, `sysctl.d` |
//! | `root-check NODE` | reads every block of the root |
//! | `load ALIAS…` | drivers for devices that appeared |
//! | `-q -- NAME` | what the kernel asks its `modprobe` for |
//!
//! A driver that hangs, or the memory for the indexes of two thousand modules, is then not
//! PID 1's. Lines go to standard output, `<4>` before one that tells of something wrong.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::loading::{Loader, configuration_files, exists, names_in};
use crate::{mounts, sysctl};

/// Where the binary is started again from; the file itself is gone with the initramfs.
pub const OURSELVES: &str = "/proc/self/exe";

/// Where the image may hold this binary for the kernel to call when it wants a module.
const MODPROBE: &str = "/usr/lib/ashlar/init";

/// How much of the root is read at once: a whole verity hash block covers 512 KiB.
const PIECE_BYTES: usize = 512 << 10;

/// The block size of every device there is.
const ALIGNMENT: usize = 4096;

/// Does what the arguments say; answers with the status to exit with.
#[must_use]
pub fn run(arguments: &[String]) -> u8 {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["kernel"] => kernel(),
        ["root-check", node] => root_check(Path::new(node)),
        ["load", aliases @ ..] => load(aliases),
        ["-q", "--", name] => modprobe(name),
        _ => {
            say("<4>this is PID 1 of an Ashlar node; it does nothing else");
            2
        }
    }
}

fn kernel() -> u8 {
    if exists(Path::new(MODPROBE)) {
        warn(
            fs::write("/proc/sys/kernel/modprobe", MODPROBE)
                .err()
                .map(|e| format!("modprobe: {e}")),
        );
    }
    let mut loader = Loader::open();
    for path in configuration_files(&paths("modules-load.d")) {
        let text = fs::read_to_string(path).unwrap_or_default();
        loader.load_named(names_in(&text));
    }
    loader.coldplug();
    say(&format!("{} modules loaded", loader.count()));
    warn(loader.notices);
    // Not every machine has what these are for.
    drop(mounts::mount_all(mounts::LATE));
    for path in configuration_files(&paths("sysctl.d")) {
        let text = fs::read_to_string(path).unwrap_or_default();
        warn(sysctl::apply(&sysctl::parse(&text)));
    }
    0
}

fn paths(name: &str) -> [&Path; 2] {
    match name {
        "sysctl.d" => [Path::new("/etc/sysctl.d"), Path::new("/usr/lib/sysctl.d")],
        _ => [Path::new("/etc/modules-load.d"), Path::new("/usr/lib/modules-load.d")],
    }
}

fn load(aliases: &[&str]) -> u8 {
    let mut loader = Loader::open();
    loader.load_for(&aliases.iter().map(|alias| (*alias).to_owned()).collect::<BTreeSet<_>>());
    warn(loader.notices);
    0
}

fn modprobe(name: &str) -> u8 {
    let mut loader = Loader::open();
    loader.load_for_kernel(name);
    warn(loader.notices);
    0
}

fn root_check(node: &Path) -> u8 {
    match read_through(node) {
        Ok(bytes) => {
            say(&format!("{bytes} bytes of the root are as they were signed"));
            0
        }
        Err((at, error)) => {
            say(&format!("<4>the root cannot be read at byte {at}: {error}"));
            1
        }
    }
}

/// Reads a device to its end, past the page cache; answers with its length, or where it stopped.
fn read_through(node: &Path) -> Result<u64, (u64, io::Error)> {
    let mut file = sys::file::open_direct(node).map_err(|error| (0, error))?;
    let mut room = vec![0; PIECE_BYTES + ALIGNMENT];
    let start = room.as_ptr().align_offset(ALIGNMENT);
    let piece = room.get_mut(start..start.saturating_add(PIECE_BYTES)).unwrap_or_default();
    let mut at = 0_u64;
    loop {
        match file.read(piece) {
            Ok(0) => return Ok(at),
            Ok(count) => at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX)),
            Err(error) => return Err((at, error)),
        }
    }
}

fn warn(problems: impl IntoIterator<Item = String>) {
    problems.into_iter().for_each(|problem| say(&format!("<4>{problem}")));
}

fn say(line: &str) {
    // Whoever started us reads it; if nobody does, there is nobody to tell.
    drop(writeln!(io::stdout(), "{line}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_mean_nothing_are_refused() {
        assert_eq!(run(&["root-check".to_owned()]), 2);
        assert_eq!(run(&[]), 2);
    }

    #[test]
    fn a_root_that_is_not_there_is_not_good() {
        assert_eq!(root_check(Path::new("/no/such/device")), 1);
    }
}

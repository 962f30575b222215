//! The boot record as it grows, and the one line that sums it up.

use std::fs;
use std::io;
use std::path::Path;

use contract::boot::{BootRecord, HaltRecord, Outcome, PATH, Phase, PhaseName};

use crate::firmware::{Look, times};
use crate::halt::Halt;

/// No more notices are kept: a device that fails a thousand times is told about often enough.
const NOTICE_LIMIT: usize = 64;

/// The record of this boot, kept in [`PATH`] once `/run` is there.
#[derive(Debug, Default)]
pub struct Record {
    boot: BootRecord,
    first_look: Option<Look>,
}

impl Record {
    /// The record of the boot that the kernel began at 0 and handed over at `now_us`.
    #[must_use]
    pub fn begin(now_us: u64) -> Self {
        let mut record = Self { first_look: Look::now(), ..Self::default() };
        record.boot.phases.push(phase(PhaseName::Kernel, 0));
        record.enter(PhaseName::Early, now_us);
        record
    }

    /// What is recorded so far.
    #[must_use]
    pub fn boot(&self) -> &BootRecord {
        &self.boot
    }

    /// What is recorded so far, to add to.
    pub fn boot_mut(&mut self) -> &mut BootRecord {
        &mut self.boot
    }

    /// Ends the phase we are in and begins another.
    pub fn enter(&mut self, name: PhaseName, now_us: u64) {
        if let Some(last) = self.boot.phases.last_mut() {
            last.ended_us = Some(now_us);
        }
        self.boot.phases.push(phase(name, now_us));
        self.save();
    }

    /// The phase we are in.
    #[must_use]
    pub fn phase(&self) -> PhaseName {
        self.boot.phases.last().map_or(PhaseName::Kernel, |phase| phase.name)
    }

    /// Adds what went wrong and does not end the boot.
    pub fn notice(&mut self, text: String) {
        if self.boot.notices.len() < NOTICE_LIMIT {
            self.boot.notices.push(text);
        }
    }

    /// Every required service is ready.
    pub fn ready(&mut self, now_us: u64) {
        if let Some(last) = self.boot.phases.last_mut() {
            last.ended_us = Some(now_us);
        }
        self.boot.ready_us = Some(now_us);
        self.boot.firmware = times(self.first_look);
        self.outcome(Outcome::Ready);
    }

    /// Sets how far the boot came.
    pub fn outcome(&mut self, outcome: Outcome) {
        self.boot.outcome = outcome;
        self.save();
    }

    /// The boot came no further.
    pub fn halted(&mut self, halt: &Halt) -> HaltRecord {
        let record = halt.record(self.phase());
        self.boot.halt = Some(record.clone());
        self.outcome(Outcome::Halted);
        record
    }

    fn save(&self) {
        // Before `/run` is mounted there is nowhere to keep it, and later the consoles have told.
        drop(replace(Path::new(PATH), &self.boot.to_json()));
    }
}

/// Takes what `os-release` says of the image.
pub fn read_os_release(boot: &mut BootRecord, text: &str) {
    for line in text.lines() {
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim().trim_matches('"').to_owned();
        match key.trim() {
            "IMAGE_ID" => boot.image = Some(value),
            "IMAGE_VERSION" => boot.version = Some(value),
            _ => {}
        }
    }
}

/// Writes a file under another name first, so that it is there whole or not at all.
///
/// # Errors
///
/// The kernel's.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}

fn phase(name: PhaseName, began_us: u64) -> Phase {
    Phase { name, began_us, ended_us: None }
}

/// `ready in 1.234 s (firmware 1.000 s, loader 0.010 s, kernel 0.800 s, …)`: the sum first, then
/// its parts. The firmware is there if its time is known, the loader if it told us.
#[must_use]
pub fn ready_line(boot: &BootRecord) -> String {
    let mut parts = Vec::new();
    if let Some(firmware) = boot.firmware {
        let all_us = firmware.before_kernel_us;
        let began_us = firmware.loader_began_us.unwrap_or(all_us);
        parts.push(("firmware", began_us));
        let loader_us = firmware.loader_began_us.map(|us| all_us.saturating_sub(us));
        parts.extend(loader_us.map(|us| ("loader", us)));
    }
    for (word, names) in [
        ("kernel", [PhaseName::Kernel].as_slice()),
        ("initrd", &[PhaseName::Early, PhaseName::Grounded]),
        ("root", &[PhaseName::Rooted]),
        ("services", &[PhaseName::Running]),
    ] {
        parts.push((word, names.iter().map(|name| length_us(boot, *name)).sum()));
    }
    let sum = parts.iter().map(|(_, us)| us).sum();
    let parts: Vec<_> = parts.iter().map(|(word, us)| format!("{word} {}", seconds(*us))).collect();
    format!("ready in {} ({})", seconds(sum), parts.join(", "))
}

fn length_us(boot: &BootRecord, name: PhaseName) -> u64 {
    let of_it = boot.phases.iter().filter(|phase| phase.name == name);
    of_it.filter_map(|phase| Some(phase.ended_us?.saturating_sub(phase.began_us))).sum()
}

fn seconds(us: u64) -> String {
    format!("{}.{:03} s", us / 1_000_000, us / 1000 % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::boot::Firmware;

    fn booted() -> BootRecord {
        let mut record = Record::begin(800_000);
        record.enter(PhaseName::Grounded, 900_000);
        record.enter(PhaseName::Rooted, 1_000_000);
        record.enter(PhaseName::Running, 1_050_000);
        record.ready(2_050_999);
        record.boot
    }

    #[test]
    fn the_line_says_the_sum_and_its_parts() {
        let mut boot = booted();
        let expect = "ready in 2.050 s \
                      (kernel 0.800 s, initrd 0.200 s, root 0.050 s, services 1.000 s)";
        assert_eq!(ready_line(&boot), expect);
        let check = |boot: &BootRecord, expect: &str| {
            let line = ready_line(boot);
            assert!(line.starts_with(expect), "{line}");
        };
        boot.firmware = Some(Firmware { before_kernel_us: 3_010_000, loader_began_us: None });
        check(&boot, "ready in 5.060 s (firmware 3.010 s, kernel 0.800 s, ");
        boot.firmware =
            Some(Firmware { before_kernel_us: 3_010_000, loader_began_us: Some(3_000_000) });
        check(&boot, "ready in 5.060 s (firmware 3.000 s, loader 0.010 s, kernel 0.800 s, ");
    }

    #[test]
    fn a_halt_is_recorded_with_its_phase() {
        let mut record = Record::begin(1);
        record.enter(PhaseName::Grounded, 2);
        record.halted(&Halt::new(crate::halt::Reason::RootNotFound, "no disk"));
        let halt = record.boot.halt.unwrap();
        assert_eq!((halt.reason.as_str(), halt.phase), ("root-not-found", PhaseName::Grounded));
    }

    #[test]
    fn os_release_says_which_image_it_is() {
        let mut boot = BootRecord::default();
        read_os_release(
            &mut boot,
            "ID=x\nIMAGE_ID=minimal\nIMAGE_VERSION=\"2026.1\"\n# IMAGE_ID\n",
        );
        assert_eq!(
            (boot.image.as_deref(), boot.version.as_deref()),
            (Some("minimal"), Some("2026.1"))
        );
    }
}

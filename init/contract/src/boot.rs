//! `/run/ashlar/boot.json`: how this boot went.
//!
//! PID 1 writes it after every phase, whole, under a temporary name first, so that a reader never
//! sees half of one; the agent, the operator and the tests read it. All times are microseconds
//! since the kernel began to count (`CLOCK_BOOTTIME`). Readers pass over fields they do not know.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Where the record is kept.
pub const PATH: &str = "/run/ashlar/boot.json";

/// The number of this format.
pub const FORMAT: u32 = 1;

/// The record of one boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootRecord {
    /// The number of this format: [`FORMAT`].
    pub format: u32,
    /// `IMAGE_ID` of the root's `os-release`.
    pub image: Option<String>,
    /// `IMAGE_VERSION` of the root's `os-release`.
    pub version: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The root hash the command line named.
    pub root_hash: Option<Digest>,
    /// The label of the partition the root came from.
    pub slot: Option<String>,
    /// What came before the kernel, where the firmware's side tells.
    pub firmware: Option<Firmware>,
    /// The phases, in their order.
    pub phases: Vec<Phase>,
    /// How far it came.
    pub outcome: Outcome,
    /// When every required service was ready.
    pub ready_us: Option<u64>,
    /// Why it came no further.
    pub halt: Option<HaltRecord>,
    /// What went wrong and did not end the boot: a module that did not load, a sysctl refused.
    pub notices: Vec<String>,
}

impl Default for BootRecord {
    fn default() -> Self {
        Self {
            format: FORMAT,
            image: None,
            version: None,
            kernel: None,
            root_hash: None,
            slot: None,
            firmware: None,
            phases: Vec::new(),
            outcome: Outcome::Booting,
            ready_us: None,
            halt: None,
            notices: Vec::new(),
        }
    }
}

/// What came before the kernel began to count, from the machine's reset on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// All of it: the firmware, the boot loader, unpacking the kernel.
    pub before_kernel_us: u64,
    /// When the boot loader began, if it told: `LoaderTimeInitUSec` of the Boot Loader Interface
    /// (UAPI). systemd-boot keeps silent in virtual machines.
    pub loader_began_us: Option<u64>,
}

/// One phase of the boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Which one.
    pub name: PhaseName,
    /// When it began.
    pub began_us: u64,
    /// When it ended, if it did.
    pub ended_us: Option<u64>,
}

/// The phases of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseName {
    /// The kernel, until PID 1 began.
    Kernel,
    /// The kernel's own file systems, the console, the watchdog, modules for storage.
    Early,
    /// The root's two partitions are found.
    Grounded,
    /// The root is verified, mounted and is the root.
    Rooted,
    /// Services start.
    Running,
}

impl PhaseName {
    /// The phase in one word, as in the JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Early => "early",
            Self::Grounded => "grounded",
            Self::Rooted => "rooted",
            Self::Running => "running",
        }
    }
}

/// How far a boot came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Still under way.
    Booting,
    /// Every required service is ready and every block of the root was found good.
    Ready,
    /// It runs, and a required service is not ready.
    Degraded,
    /// It stopped for good; the machine restarts.
    Halted,
    /// It is being shut down.
    Stopping,
}

/// Why a boot ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltRecord {
    /// One word for programs, as listed in `docs/BOOT.md`.
    pub reason: String,
    /// The phase it happened in.
    pub phase: PhaseName,
    /// What happened, and each cause behind it.
    pub what: String,
    /// What an operator may try.
    pub try_this: String,
}

impl BootRecord {
    /// The text of the file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// Bytes that are no record.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut record = BootRecord { version: Some("2026.1".into()), ..BootRecord::default() };
        record.phases.push(Phase { name: PhaseName::Early, began_us: 1, ended_us: Some(u64::MAX) });
        record.halt = Some(HaltRecord {
            reason: "no-root".into(),
            phase: PhaseName::Grounded,
            what: "\"quoted\"\n".into(),
            try_this: String::new(),
        });
        assert_eq!(BootRecord::from_json(record.to_json().as_bytes()).unwrap(), record);
    }

    #[test]
    fn fields_of_a_newer_node_are_passed_over() {
        let text = BootRecord::default().to_json().replacen('{', "{\"new\": 1,", 1);
        assert_eq!(BootRecord::from_json(text.as_bytes()).unwrap(), BootRecord::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _answer = BootRecord::from_json(&bytes);
        }
    }
}

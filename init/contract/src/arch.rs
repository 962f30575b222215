//! The architectures an image is built for, and the names the world has for each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An architecture that Ashlar builds for. Text form: the kernel's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    /// 64-bit x86, Debian's `amd64`.
    X86_64,
    /// 64-bit ARM, Debian's `arm64`.
    Aarch64,
}

impl Arch {
    /// Every architecture, in the order of listings.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The architecture this program was compiled for, where it is one of ours.
    #[must_use]
    pub fn of_this_program() -> Option<Self> {
        std::env::consts::ARCH.parse().ok()
    }

    /// The name `uname -m` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Debian's name.
    #[must_use]
    pub const fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// The directory below `/usr/lib` that holds this architecture's libraries.
    #[must_use]
    pub const fn multiarch(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-linux-gnu",
            Self::Aarch64 => "aarch64-linux-gnu",
        }
    }

    /// The target triple of the Rust compiler.
    #[must_use]
    pub const fn rust_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// The suffix of removable-media boot files: `BOOTX64.EFI`, `BOOTAA64.EFI`
    /// (UEFI 2.10, section 3.5.1.1).
    #[must_use]
    pub const fn efi_suffix(self) -> &'static str {
        match self {
            Self::X86_64 => "x64",
            Self::Aarch64 => "aa64",
        }
    }
}

/// Text that names no architecture of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchError {
    /// The text that was given.
    pub found: String,
}

impl fmt::Display for ArchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no architecture of ours; they are x86_64 and aarch64", self.found)
    }
}

impl std::error::Error for ArchError {}

impl FromStr for Arch {
    type Err = ArchError;

    fn from_str(text: &str) -> Result<Self, ArchError> {
        Self::ALL
            .into_iter()
            .find(|arch| text == arch.name())
            .ok_or_else(|| ArchError { found: text.chars().take(80).collect() })
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

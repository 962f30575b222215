//! What came before the kernel.
//!
//! The processor counts ticks from its reset on, the kernel microseconds from its own beginning.
//! Two looks at both clocks, seconds apart, say how long a tick is, and so how long the machine
//! had been running when the kernel began. The boot loader may say when it began itself, in an EFI
//! variable (the Boot Loader Interface of UAPI).

use std::path::Path;

use contract::boot::Firmware;

const LOADER_BEGAN: &str =
    "/sys/firmware/efi/efivars/LoaderTimeInitUSec-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// No firmware takes longer than an hour; a count that says so was not reset with the machine.
const LONGEST_US: u64 = 3_600_000_000;

/// One look at both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The processor's count.
    pub ticks: u64,
    /// The kernel's, in microseconds.
    pub boot_us: u64,
}

impl Look {
    /// Looks now.
    #[must_use]
    pub fn now() -> Option<Self> {
        Some(Self { ticks: sys::clock::ticks()?, boot_us: sys::clock::boot_us() })
    }
}

/// What came before the kernel, by a look at the beginning and one now.
#[must_use]
pub fn times(first: Option<Look>) -> Option<Firmware> {
    let loader_began_us =
        std::fs::read(Path::new(LOADER_BEGAN)).ok().and_then(|v| microseconds(&v));
    let before_kernel_us = before_kernel_us(first?, Look::now()?)?;
    let loader_began_us = loader_began_us.filter(|us| *us <= before_kernel_us);
    Some(Firmware { before_kernel_us, loader_began_us })
}

fn before_kernel_us(first: Look, second: Look) -> Option<u64> {
    let passed_ticks = u128::from(second.ticks.checked_sub(first.ticks)?);
    let passed_us = u128::from(second.boot_us.checked_sub(first.boot_us)?);
    let since_reset_us =
        u128::from(second.ticks).checked_mul(passed_us)?.checked_div(passed_ticks)?;
    let before_us = u64::try_from(since_reset_us).ok()?.checked_sub(second.boot_us)?;
    (before_us <= LONGEST_US).then_some(before_us)
}

/// Reads a variable's file: 4 bytes of attributes, then UTF-16, little-endian, ended by a NUL.
fn microseconds(bytes: &[u8]) -> Option<u64> {
    let (letters, _) = bytes.get(4..)?.as_chunks::<2>();
    let letters = letters.iter().map(|pair| u16::from_le_bytes(*pair)).take_while(|c| *c != 0);
    char::decode_utf16(letters).collect::<Result<String, _>>().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_variable_holds_digits() {
        assert_eq!(microseconds(b"\x06\0\0\x001\x002\x003\0\0\0"), Some(123));
        assert_eq!(microseconds(b"\x06\0\0\0-\x001\0"), None);
        assert_eq!(microseconds(b"\x06\0"), None);
    }

    #[test]
    fn two_looks_say_what_came_before() {
        let check = |first: (u64, u64), second: (u64, u64), expect: Option<u64>| {
            let look = |(ticks, boot_us)| Look { ticks, boot_us };
            assert_eq!(before_kernel_us(look(first), look(second)), expect);
        };
        // 3 ticks a microsecond, 5 s before the kernel.
        check((18_000_000, 1_000_000), (24_000_000, 3_000_000), Some(5_000_000));
        check((18_000_000, 1_000_000), (18_000_000, 3_000_000), None);
        check((18_000_000, 1_000_000), (17_000_000, 3_000_000), None);
        // A count that was set to nothing after the reset.
        check((1, 1_000_000), (1_000_001, 3_000_000), None);
        // One that is older than any firmware.
        check((u64::MAX / 2, 0), (u64::MAX / 2 + 1_000_000, 1_000_000), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _answer = microseconds(&bytes);
        }

        #[test]
        fn any_looks_are_answered(a: u64, b: u64, c: u64, d: u64) {
            let (first, second) = (Look { ticks: a, boot_us: b }, Look { ticks: c, boot_us: d });
            let _answer = before_kernel_us(first, second);
        }
    }
}

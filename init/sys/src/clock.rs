//! The one clock of the boot record.

use nix::time::{ClockId, clock_gettime};

/// Microseconds since the kernel began to count, suspended time included (`CLOCK_BOOTTIME`).
/// Never goes back; 0 if the kernel has no such clock, which is older than 2.6.39.
#[must_use]
pub fn boot_us() -> u64 {
    let Ok(time) = clock_gettime(ClockId::CLOCK_BOOTTIME) else { return 0 };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or_default();
    seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1000)
}

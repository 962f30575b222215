//! The clock of the boot record, and the processor's own count of what came before it.

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

/// The processor's count of ticks since the machine was reset: the time-stamp counter on x86-64,
/// the generic timer on ARM64. How long a tick is must be measured against [`boot_us`].
#[must_use]
#[cfg(target_arch = "x86_64")]
pub fn ticks() -> Option<u64> {
    // SAFETY: every 64-bit x86 processor has the instruction, and Linux lets programs use it; it
    // reads a register and touches no memory.
    Some(unsafe { std::arch::x86_64::_rdtsc() })
}

/// The processor's count of ticks since the machine was reset: the time-stamp counter on x86-64,
/// the generic timer on ARM64. How long a tick is must be measured against [`boot_us`].
#[must_use]
#[cfg(target_arch = "aarch64")]
pub fn ticks() -> Option<u64> {
    let ticks: u64;
    // SAFETY: Linux lets programs read this register; reading it touches no memory.
    unsafe { std::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack)) };
    Some(ticks)
}

/// No count is known on this architecture.
#[must_use]
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn ticks() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_clock_goes_back() {
        assert!(boot_us() <= boot_us());
        assert!(ticks() <= ticks());
    }
}

//! Time limits that hold even while PID 1 hangs in the kernel.
//!
//! A driver that never answers keeps `finit_module` or `mount` from returning, and no check in our
//! own loop would ever run. So until services start, a second thread watches the clock and ends
//! the boot. Once [`crate::running`] has its loop the hardware watchdog is what watches it, and
//! this thread is gone before the first process is started.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use contract::boot::{BootRecord, PATH, PhaseName};

use crate::console::Console;
use crate::halt::{self, Halt, Reason};
use crate::record::Record;

/// How long each phase may take. Disks behind slow controllers take half a minute to appear;
/// everything else is done in a second or never.
pub const LIMITS: &[(PhaseName, u32)] =
    &[(PhaseName::Early, 60), (PhaseName::Grounded, 90), (PhaseName::Rooted, 60)];

/// A watch over the phases before services start.
#[derive(Debug)]
pub struct Guard {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// When the phase must be over; 0: the watch is.
    deadline_us: AtomicU64,
}

impl Guard {
    /// Begins to watch.
    ///
    /// # Errors
    ///
    /// The kernel gives no thread.
    pub fn begin() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.deadline_us.store(deadline_us(PhaseName::Early), Ordering::Release);
        let watched = Arc::clone(&shared);
        let builder = thread::Builder::new().name("guard".to_owned()).stack_size(128 << 10);
        let thread = builder.spawn(move || watch(&watched))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The next phase begins.
    pub fn enter(&self, phase: PhaseName) {
        self.shared.deadline_us.store(deadline_us(phase), Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.deadline_us.store(0, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // It holds nothing that could be lost.
            drop(thread.join());
        }
    }
}

fn deadline_us(phase: PhaseName) -> u64 {
    let limit = LIMITS.iter().find(|(name, _)| *name == phase).map_or(60, |(_, limit)| *limit);
    sys::clock::boot_us().saturating_add(u64::from(limit).saturating_mul(1_000_000))
}

fn watch(shared: &Shared) {
    loop {
        match remaining_us(shared.deadline_us.load(Ordering::Acquire), sys::clock::boot_us()) {
            None => return,
            Some(0) => end_boot(),
            Some(us) => thread::park_timeout(Duration::from_micros(us)),
        }
    }
}

/// What is left; nothing: the watch is over.
fn remaining_us(deadline_us: u64, now_us: u64) -> Option<u64> {
    (deadline_us != 0).then(|| deadline_us.saturating_sub(now_us))
}

fn end_boot() -> ! {
    let saved = std::fs::read(PATH).ok().and_then(|bytes| BootRecord::from_json(&bytes).ok());
    let mut record = Record::default();
    *record.boot_mut() = saved.unwrap_or_default();
    let what = format!("the phase {} took too long", record.phase().word());
    halt::end(&Halt::new(Reason::TimeLimit, what), &mut record, &mut Console::open())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_is_over_ends_nothing() {
        assert_eq!(remaining_us(0, 5), None);
        assert_eq!(remaining_us(9, 5), Some(4));
        assert_eq!(remaining_us(5, 9), Some(0));
        let guard = Guard::begin().unwrap();
        guard.enter(PhaseName::Rooted);
        drop(guard);
    }
}

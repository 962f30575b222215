//! What several tests of this crate need.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Resource, Rlimit, setrlimit};

/// From now on, no file of this process may grow beyond this size.
pub(crate) fn limit_file_size(bytes: u64) {
    // The signal that comes with the refusal would end the process.
    signal_hook::flag::register(25, Arc::new(AtomicBool::new(false))).unwrap();
    setrlimit(Resource::Fsize, Rlimit { current: Some(bytes), maximum: Some(bytes) }).unwrap();
}

//! System calls the node needs, as safe functions: the only crate with `unsafe`.
//!
//! It holds no policy. A function here does one thing the kernel offers and returns the kernel's
//! answer as [`std::io::Error`]; what to mount, whom to kill and when to stop is decided by its
//! callers. What the standard library offers is not wrapped again.

#![expect(unsafe_code, reason = "this crate is where it lives")]

pub mod clock;
pub mod dm;
pub mod file;
pub mod loopback;
pub mod module;
pub mod mount;
pub mod poll;
pub mod power;
pub mod process;
pub mod signal;
pub mod uevent;
pub mod watchdog;

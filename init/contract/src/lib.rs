//! The formats that the builder and the node must agree on.
//!
//! A node in the field cannot be changed when the builder is, so the reader owns the format:
//! this crate lives under `init/`, and the builder depends on it. It is pure: no I/O, no clock,
//! no async, and few dependencies. What is parsed here came from outside, so every parser
//! answers any bytes with a value or an error, never a panic.

pub mod arch;
pub mod boot;
pub mod cmdline;
pub mod control;
pub mod digest;
pub mod gpt;
pub mod manifest;
pub mod modules;
pub mod partition;
pub mod service;
pub mod verity;

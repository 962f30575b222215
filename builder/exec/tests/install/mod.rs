//! Both ways of installing, and what is compared.
#![allow(clippy::disallowed_methods, reason = "a test starts the reference tool itself")]

pub mod differences;
pub mod listing;
pub mod ordinary;
pub mod ours;

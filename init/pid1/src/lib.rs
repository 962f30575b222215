//! PID 1
pub mod kernel;
pub mod supervise;

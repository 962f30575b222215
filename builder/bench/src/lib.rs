//! Benchmarks that print their figures beside their peers.

//! Tests that prove what the documents say: who depends on whom, how large files are, that links
//! lead somewhere and that the top of the repository holds what it should. The crate has no code
//! of its own; see `tests/`.

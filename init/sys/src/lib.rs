//! The only unsafe code: system calls the node needs.

//! Stories on a real kernel in QEMU.

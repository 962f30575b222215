//! PID 1 of an Ashlar node: from the kernel's hand-over to the machine's end.
//!
//! In the initrd it finds the root by the identifiers that the root hash gives, has the kernel
//! verify it, and makes it the root ([`phases`]); in the root it supervises the image's services
//! ([`running`]). It never panics and never exits: what it cannot get over is a [`halt::Halt`]. It
//! talks to no network, holds no async runtime, and waits in one place. `docs/BOOT.md` is for
//! those who watch it.

pub mod accounts;
pub mod console;
pub mod devices;
pub mod firmware;
pub mod guard;
pub mod halt;
pub mod kernel;
pub mod loading;
pub mod mounts;
pub mod phases;
pub mod record;
pub mod running;
pub mod state;
pub mod supervise;
pub mod sysctl;
pub mod worker;

/// Boots and runs the machine.
pub fn boot() -> ! {
    stand_in_for_panics();
    match phases::boot().and_then(phases::Rooted::run) {
        Ok((node, ending)) => running::finish(node, ending),
        Err(mut ended) => halt::end(&ended.halt, &mut ended.record, &mut ended.console),
    }
}

/// There should be none. If there is one after all, it ends like everything else: told, recorded,
/// and the machine restarts, instead of a panic of the kernel over a PID 1 that exited.
fn stand_in_for_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let halt = halt::Halt::new(halt::Reason::Internal, panic.to_string());
        halt::end(&halt, &mut record::Record::default(), &mut console::Console::open())
    }));
}

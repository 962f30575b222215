//! `ashlar run`: an image on a machine of QEMU's, with nothing asked of the host.
//!
//! The machine starts from a copy of the disk that shares its blocks with nothing: the built image
//! stays what its manifest says. With a state file the copy is kept and used again; a new build is
//! put into a new file, never over somebody's state.

use std::fs;
use std::path::{Path, PathBuf};

use contract::arch::Arch;

use super::image;
use super::session::{How, Session};
use super::tooling;
use crate::failure::Failure;
use crate::qemu::{Accelerator, Bus, Disk, Machine, Writes, probe};
use crate::runner::{Command, Ending};

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The image.
    pub image: &'a str,
    /// Its architecture.
    pub arch: Arch,
    /// How it is built where it is not yet.
    pub how: How,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Processors.
    pub cpus: u32,
    /// The disk to keep over runs.
    pub state: Option<&'a Path>,
}

/// A machine that can be started.
pub struct Ready {
    command: Command,
    accelerator: Accelerator,
    disk: PathBuf,
    /// Holds what goes when the machine does.
    _scratch: tempfile::TempDir,
}

/// Builds what is missing and prepares a machine.
///
/// # Errors
/// The image cannot be built, or QEMU cannot be had.
pub fn prepare(session: &Session<'_>, ask: &Ask<'_>) -> Result<Ready, Failure> {
    let built = image::build(session, ask.image, ask.arch, ask.how)?;
    let tools = tooling::tree(session, tooling::RUN, &[])?;
    let scratch = session
        .store
        .temporary_directory()
        .map_err(|error| Failure::machine("making a folder for the machine").because(error))?;
    let accelerator = probe(ask.arch, &tools, scratch.path())?;
    let image = built.folder.join("disk.raw");
    let (disk, writes) = match ask.state {
        None => (image, Writes::ThrownAway),
        Some(state) => (kept(&image, state)?, Writes::Kept),
    };
    let variables = match ask.state {
        None => scratch.path().join("variables.fd"),
        Some(state) => state.with_extension("variables.fd"),
    };
    let disk_of = Disk { path: disk.clone(), writes, bus: Bus::Virtio };
    let mut machine = Machine::new(ask.arch, accelerator, disk_of, variables);
    machine.memory_mib = ask.memory_mib;
    machine.cpus = ask.cpus;
    let command = machine.command(&tools)?.interactive();
    Ok(Ready { command, accelerator, disk, _scratch: scratch })
}

/// The disk that is kept: a sparse copy of the image, made at first.
fn kept(image: &Path, state: &Path) -> Result<PathBuf, Failure> {
    if !state.exists() {
        let failed = |error: std::io::Error| {
            Failure::machine(format!("copying the disk to `{}`", state.display())).because(error)
        };
        // The kernel copies holes as holes where the file system can.
        let partial = state.with_extension("partial");
        crate::artefact::copy_sparse(image, &partial).map_err(failed)?;
        fs::rename(&partial, state).map_err(failed)?;
    }
    Ok(state.to_owned())
}

impl Ready {
    /// The command that starts it.
    #[must_use]
    pub const fn command(&self) -> &Command {
        &self.command
    }

    /// What is about to run, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        format!(
            "booting {} under {}; Ctrl-a x ends the machine",
            self.disk.display(),
            self.accelerator.describe()
        )
    }

    /// Runs it until it is switched off.
    ///
    /// # Errors
    /// QEMU could not be started, or ended badly.
    pub fn start(self) -> Result<(), Failure> {
        let finished = self
            .command
            .finish()
            .map_err(|error| Failure::machine("starting the machine").because(error))?;
        match finished.ending {
            Ending::Code(0) => Ok(()),
            ending => Err(Failure::machine(format!("the machine ended with {ending}"))),
        }
    }
}

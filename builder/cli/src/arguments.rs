//! The command line as data: what can be asked, and with which words.
//!
//! The names of commands and options are kept stable; scripts depend on them. This module decides
//! nothing. The generated reference is `docs/CLI.md`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use contract::arch::Arch;

/// Build, run, explain and compare minimal, verified hypervisor node images.
#[derive(Debug, Parser)]
#[command(name = "ashlar", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Options that every command takes.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The folder that holds `images/` and `recipes/` [default: the nearest above the current one]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) repository: Option<PathBuf>,

    /// Architecture of the image: x86_64 or aarch64 [default: this machine's]
    #[arg(long, global = true, value_name = "ARCH")]
    pub(crate) arch: Option<Arch>,

    /// Where built images are: DIR/IMAGE/ARCH/
    #[arg(long, global = true, value_name = "DIR", default_value = "out")]
    pub(crate) out: PathBuf,

    /// Take the versions of the lock or stop; never resolve anew
    #[arg(long, global = true)]
    pub(crate) locked: bool,

    /// Use only what is in the store already; never ask a mirror
    #[arg(long, global = true)]
    pub(crate) offline: bool,

    /// A mirror of the distribution, asked in the order given [default: the host's apt sources]
    #[arg(long = "mirror", global = true, value_name = "URL")]
    pub(crate) mirrors: Vec<String>,

    /// Results as text for people or as JSON for programs
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) format: Format,

    /// How many threads to use [default: one per processor]; the bytes do not depend on it
    #[arg(long, global = true, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
}

/// How results are written to standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the declarations of images and say what is wrong with them
    Check(Images),
    /// Resolve the packages of images and write images/IMAGE/ARCH.lock
    Lock(Images),
    /// Build images
    Build(Build),
    /// Boot an image in QEMU, built first where it is not yet
    Run(Run),
    /// List what is in an image and how large it is, by package
    Show(Show),
    /// Say what keeps a file or a package in an image
    Why(Why),
    /// Compare two built images by package and file
    Diff(Diff),
    /// Build again from a manifest and compare every digest
    Verify(Verify),
    /// Name the partition, file, package and index a byte of a disk comes from
    Explain(Explain),
    /// Write a completion script for a shell
    Completions(Completions),
    /// Write the manual pages into a folder
    Man(Man),
}

/// Which images.
#[derive(Debug, Args)]
pub(crate) struct Images {
    /// Names of folders below images/
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
}

/// How to build.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Which images.
    #[command(flatten)]
    pub(crate) images: Images,

    /// How to build them.
    #[command(flatten)]
    pub(crate) how: How,
}

/// How an image is built.
#[derive(Debug, Clone, Args)]
pub(crate) struct How {
    /// Compression: quick to build, or small
    #[arg(long, value_enum, default_value_t)]
    pub(crate) level: Level,

    /// Who compiles what runs on the node
    #[arg(long, value_enum, default_value_t, value_name = "COMPILER")]
    pub(crate) node_binaries: Compiler,
}

/// How much time goes into compression.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Quick to build, for daily work
    Development,
    /// Small, for images that are shipped
    #[default]
    Release,
}

/// Who compiles the node's programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compiler {
    /// The locked compiler of the tools tree: the same bytes everywhere
    #[default]
    Locked,
    /// The host's cargo: quick, for this machine's architecture only, marked in the manifest
    Host,
}

/// What to boot and on what.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The image's name
    pub(crate) image: String,

    /// How to build it.
    #[command(flatten)]
    pub(crate) how: How,

    /// Memory of the machine in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub(crate) memory: u32,

    /// Processors of the machine
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) cpus: u32,

    /// Keep the machine's disk in this file over runs; without it changes are thrown away
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// Only print the command that would run the machine
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Which images.
    #[command(flatten)]
    pub(crate) images: Images,

    /// How they are built where they are not yet.
    #[command(flatten)]
    pub(crate) how: How,

    /// List every file too
    #[arg(long)]
    pub(crate) files: bool,
}

/// What to explain.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// A path in the image (`/usr/bin/…`) or the name of a package
    pub(crate) what: String,

    /// The image's name
    pub(crate) image: String,
}

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Folder of a built image: DIR/IMAGE/ARCH
    pub(crate) before: PathBuf,

    /// Folder of another
    pub(crate) after: PathBuf,
}

/// What to verify.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Folder of a built image, with its manifest.json
    pub(crate) folder: PathBuf,

    /// Who compiles what runs on the node
    #[arg(long, value_enum, default_value_t, value_name = "COMPILER")]
    pub(crate) node_binaries: Compiler,
}

/// Which byte.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A disk image that was built here, beside its manifest
    pub(crate) disk: PathBuf,

    /// Offset in bytes: decimal, or hexadecimal with 0x
    #[arg(value_parser = offset)]
    pub(crate) offset: u64,
}

/// For which shell.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Where to.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder, made where it is missing
    pub(crate) folder: PathBuf,
}

fn offset(text: &str) -> Result<u64, std::num::ParseIntError> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn offsets_are_decimal_or_hexadecimal() {
        assert_eq!(offset("4096"), Ok(4096));
        assert_eq!(offset("0x1000"), Ok(4096));
        assert!(offset("0xg").is_err() && offset("").is_err() && offset("-1").is_err());
    }
}

//! One command, one file.

mod build;
mod check;
mod diff;
mod explain;
mod generate;
mod lock;
mod run;
mod show;
mod verify;
mod why;

use exec::failure::Failure;

use crate::arguments::{Arguments, Command};

/// Does what is asked.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let common = &arguments.common;
    match &arguments.command {
        Command::Check(images) => check::run(common, images),
        Command::Lock(images) => lock::run(common, images),
        Command::Build(build) => build::run(common, build),
        Command::Run(run) => run::run(common, run),
        Command::Show(show) => show::run(common, show),
        Command::Why(why) => why::run(common, why),
        Command::Diff(diff) => diff::run(common, diff),
        Command::Verify(verify) => verify::run(common, verify),
        Command::Explain(explain) => explain::run(common, explain),
        Command::Completions(completions) => generate::completions(completions),
        Command::Man(man) => generate::manual(man),
    }
}

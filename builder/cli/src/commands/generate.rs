//! `ashlar completions` and `ashlar man`: from the same description of the command line that
//! reads it.

use clap::CommandFactory;
use exec::failure::Failure;

use crate::arguments::{Arguments, Completions, Man};
use crate::say;

pub(super) fn completions(asked: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "ashlar", &mut script);
    say::plain(&String::from_utf8_lossy(&script))
}

pub(super) fn manual(asked: &Man) -> Result<(), Failure> {
    let refused = |error: std::io::Error| {
        Failure::machine(format!("writing manual pages to `{}`", asked.folder.display()))
            .because(error)
    };
    std::fs::create_dir_all(&asked.folder).map_err(refused)?;
    clap_mangen::generate_to(Arguments::command(), &asked.folder).map_err(refused)
}

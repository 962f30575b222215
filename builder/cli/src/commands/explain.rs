//! `ashlar explain`

use exec::build::explain;
use exec::failure::Failure;

use crate::arguments::{Common, Explain};
use crate::say;

pub(super) fn run(common: &Common, asked: &Explain) -> Result<(), Failure> {
    let origin = explain::explain(&asked.disk, asked.offset)?;
    say::result(common.format, &origin, &origin.text())
}

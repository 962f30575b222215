//! `ashlar diff`

use exec::build::{diff, explain};
use exec::failure::Failure;

use crate::arguments::{Common, Diff};
use crate::say;

pub(super) fn run(common: &Common, asked: &Diff) -> Result<(), Failure> {
    let (old, old_report) = explain::records(&asked.before)?;
    let (new, new_report) = explain::records(&asked.after)?;
    let changes = diff::diff((&old, &old_report), (&new, &new_report));
    say::result(common.format, &changes, &changes.text())
}

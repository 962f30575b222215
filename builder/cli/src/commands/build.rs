//! `ashlar build`

use exec::build::image;
use exec::failure::Failure;

use crate::arguments::{Build, Common};
use crate::context::{Context, how};
use crate::say;

pub(super) fn run(common: &Common, build: &Build) -> Result<(), Failure> {
    let context = Context::new(common)?;
    let arch = context.arch()?;
    let mut text = String::new();
    let mut reports = Vec::new();
    for name in &build.images.images {
        let built = image::build(&context.session(), name, arch, how(&build.how))?;
        text.push_str(&built.report.table());
        text.push_str(&format!("  in {}\n", built.folder.display()));
        reports.push(built.report);
    }
    context.quiet();
    say::result(common.format, &reports, &text)
}

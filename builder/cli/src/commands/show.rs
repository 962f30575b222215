//! `ashlar show`

use exec::build::image;
use exec::build::report::{Report, size};
use exec::failure::Failure;

use crate::arguments::{Common, Show};
use crate::context::{Context, how};
use crate::say;

pub(super) fn run(common: &Common, show: &Show) -> Result<(), Failure> {
    let context = Context::new(common)?;
    let arch = context.arch()?;
    let mut reports = Vec::new();
    for name in &show.images.images {
        reports.push(image::build(&context.session(), name, arch, how(&show.how))?.report);
    }
    context.quiet();
    let text: String = reports.iter().map(|report| table(report, show.files)).collect();
    say::result(common.format, &reports, &text)
}

fn table(report: &Report, files: bool) -> String {
    let mut text = report.table();
    text.push_str(&format!("{:>10} {:>10} {:>7}  package\n", "stored", "content", "entries"));
    for package in &report.packages {
        let (stored, content) = (size(package.stored_bytes), size(package.size_bytes));
        let (entries, name, version) = (package.entries, &package.name, &package.version);
        text.push_str(&format!("{stored:>10} {content:>10} {entries:>7}  {name} {version}\n"));
    }
    if files {
        for (path, file) in &report.files {
            let (stored, content) = (size(file.stored_bytes), size(file.size_bytes));
            let (mode, owner, origin) = (&file.mode, &file.owner, &file.origin);
            text.push_str(&format!(
                "{stored:>10} {content:>10} {mode} {owner:<9} /{path} ({origin})\n"
            ));
        }
    }
    text
}

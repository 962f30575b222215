//! `ashlar verify`

use exec::build::verify;
use exec::failure::Failure;

use crate::arguments::{Common, Verify};
use crate::context::{Context, compiler};
use crate::say;

pub(super) fn run(common: &Common, asked: &Verify) -> Result<(), Failure> {
    let context = Context::new(common)?;
    let session = context.session();
    let verified = verify::verify(&session, &asked.folder, compiler(asked.node_binaries))?;
    context.quiet();
    let mut text = format!("{} {}: built again, the same\n", verified.image, verified.version);
    for (name, artefact) in &verified.artefacts {
        text.push_str(&format!("  {} {name}\n", artefact.sha256));
    }
    say::result(common.format, &verified, &text)
}

//! `ashlar why`

use exec::build::session::{Compiler, How, Level};
use exec::build::why;
use exec::failure::Failure;

use crate::arguments::{Common, Why};
use crate::context::Context;
use crate::say;

pub(super) fn run(common: &Common, asked: &Why) -> Result<(), Failure> {
    let context = Context::new(common)?;
    let arch = context.arch()?;
    let how = How { level: Level::Release, compiler: Compiler::Locked };
    let chain = why::why(&context.session(), &asked.what, &asked.image, arch, how)?;
    context.quiet();
    say::result(common.format, &chain, &chain.text())
}

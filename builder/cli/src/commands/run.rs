//! `ashlar run`

use exec::build::running::{self, Ask};
use exec::failure::Failure;

use crate::arguments::{Common, Run};
use crate::context::{Context, how};
use crate::say;

pub(super) fn run(common: &Common, asked: &Run) -> Result<(), Failure> {
    let context = Context::new(common)?;
    let ask = Ask {
        image: &asked.image,
        arch: context.arch()?,
        how: how(&asked.how),
        memory_mib: asked.memory,
        cpus: asked.cpus,
        state: asked.state.as_deref(),
    };
    let ready = running::prepare(&context.session(), &ask)?;
    context.quiet();
    if asked.dry_run {
        return say::plain(&ready.command().describe());
    }
    say::note(&ready.describe());
    ready.start()
}

//! `deployer schema`

use super::run::Run;
use super::{Exit, OK};
use crate::report::planned;
use crate::spec::schema;

pub(super) fn run(run: &Run, plan: bool) -> Exit {
    let schema = if plan { planned::schema() } else { schema::editor() };
    run.terminal.object(&schema);
    Ok(OK)
}

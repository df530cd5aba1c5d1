//! `deployer schema`

use super::run::Run;
use super::{Exit, OK};
use crate::spec::schema;

pub(super) fn run(run: &Run) -> Exit {
    run.terminal.data(&format!("{:#}\n", schema::editor()));
    Ok(OK)
}

//! `deployer drift`

use clap::Args;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{CHANGES, Exit, OK};
use crate::pipeline;
use crate::plan::Goal;
use crate::report::ready as form;

/// Show changes made outside the deployer; exit with 2 if there are any
#[derive(Debug, Args)]
#[command(
    add = EXAMPLES,
    // They are accepted, so that a script can give all commands the same options.
    mut_arg("replace", |arg| arg.hide(true)),
    mut_arg("adopt", |arg| arg.hide(true)),
    mut_arg("prune", |arg| arg.hide(true)),
    mut_arg("detailed_exitcode", |arg| arg.hide(true)),
    mut_arg("create_state_bucket", |arg| arg.hide(true)),
)]
pub struct Drift {
    #[command(flatten)]
    choice: Choice,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer drift", "changes made outside the deployer; exit with 2 if there are any"),
    ("deployer drift --json", "the same for scripts"),
]);

impl Drift {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let settings = pipeline::Settings { ask_bedrock: false, ..run.settings_to_operate(&self.choice, "drift")? };
        let loaded = run.recall(&settings).await?;
        let ready = run.plan(loaded, &settings, &Goal::Apply).await?;
        form::print_drift(&run.terminal, &ready);
        Ok(if ready.plan.drift().is_empty() { OK } else { CHANGES })
    }
}

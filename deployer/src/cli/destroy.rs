//! `deployer destroy`

use clap::Args;

use super::Exit;
use super::examples::Examples;
use super::execution::Change;
use super::options::{Approval, Choice, ExpectedPlan, Refresh};
use super::run::Run;
use crate::plan::Goal;

/// Delete everything that the stack owns
#[derive(Debug, Args)]
// A destroy follows dependencies in the opposite direction from an apply.
#[command(
    add = EXAMPLES,
    // They are accepted, so that a script can give all commands the same options.
    mut_arg("replace", |arg| arg.hide(true)),
    mut_arg("adopt", |arg| arg.hide(true)),
    mut_arg("create_state_bucket", |arg| arg.hide(true)),
    mut_arg("target", |arg| arg.help("Only this address or element, and what needs it (repeatable)")),
    mut_arg("exclude", |arg| arg.help("Not this address or element, nor what it needs (repeatable)")),
)]
pub struct Destroy {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    refresh: Refresh,
    #[command(flatten)]
    approval: Approval,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer destroy", "show what would go, ask for a typed `yes`, delete it"),
    ("deployer destroy --target apis.couch", "only the API, and what needs it"),
]);

impl Destroy {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { choice, refresh, approval } = self;
        let goal = refresh.or(Goal::Destroy);
        Change { command: "destroy", goal, choice, approval, expected: ExpectedPlan::default() }.make(run).await
    }
}

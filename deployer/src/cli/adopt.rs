//! `deployer adopt`

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::examples::Examples;
use super::execution::Change;
use super::options::{Approval, Choice, ExpectedPlan};
use super::run::Run;
use super::{Exit, complete};
use crate::plan::{Adoption, Goal};

/// Take over an existing resource that this stack did not make
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Adopt {
    /// An address or element of stack.yaml, such as `queues.orders`.
    #[arg(add = ArgValueCompleter::new(complete::addresses))]
    address: String,
    /// Its id in AWS. Needed for REST APIs, which have no unique name; otherwise checked.
    id: Option<String>,
    #[command(flatten)]
    approval: Approval,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer adopt queues.orders", "take over the queue that has the name in stack.yaml"),
    ("deployer adopt apis.couch a1b2c3", "an API, by its id"),
]);

impl Adopt {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { address, id, approval } = self;
        let goal = Goal::Adopt(Adoption { address, id });
        let (choice, expected) = (Choice::default(), ExpectedPlan::default());
        Change { command: "adopt", goal, choice, approval, expected }.make(run).await
    }
}

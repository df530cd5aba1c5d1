//! `deployer adopt`

use std::collections::BTreeSet;

use clap::Args;
use clap_complete::ArgValueCompleter;
use tokio::time::Instant;

use super::examples::Examples;
use super::execution::{carry_out, still_so};
use super::options::{Approval, Choice};
use super::run::Run;
use super::{Exit, approval, complete};
use crate::failure::Failure;
use crate::kinds::Ownership;
use crate::pipeline::{self, Ready};
use crate::plan::{Action, Goal, Planned, Selection};
use crate::report::ready as form;

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
        let Self { address, id, approval: approved } = self;
        approval::possible(run, &approved, "adopt")?;
        let began = Instant::now();
        let selection = Selection {
            target: vec![address.clone()],
            adopt: vec![address.clone()],
            alone: true,
            ..Selection::default()
        };
        let claim = id.clone().map(|id| (address.clone(), id));
        let settings = pipeline::Settings { selection, claim, ..run.settings(&Choice::default(), "adopt")? };
        let loaded = run.load(&settings)?;
        let mut ready = run.plan_to_write(loaded, &settings, Goal::Apply).await?;
        let whole = ready.plan.clone();
        let left = match only_adoptions(&mut ready, &address, id.as_deref()) {
            Ok(left) => left,
            Err(refused) => {
                ready.abandon().await;
                return Err(refused);
            }
        };
        form::announce(&run.terminal, &ready, "adopt");
        for address in left {
            run.terminal
                .say(&format!("`{address}` needs what does not exist yet: the next `deployer apply` takes it up."));
        }
        let agreed = async {
            approval::given(run, &approved, "adopt", "Adopt this? Type `yes` to continue:").await?;
            if approved.auto_approve {
                return Ok(());
            }
            ready.plan = whole;
            still_so(run, &mut ready).await?;
            only_adoptions(&mut ready, &address, id.as_deref()).map(drop)
        };
        if let Err(refused) = agreed.await {
            ready.abandon().await;
            return Err(refused);
        }
        Ok(carry_out(run, ready, began).await?.code)
    }
}

/// Keeps only the adoptions in the plan. Fails if there is nothing to adopt, or if an adoption needs a resource that
/// does not exist.
///
/// Returns the addresses of the parts that are left for the next apply.
fn only_adoptions(ready: &mut Ready, address: &str, id: Option<&str>) -> Result<BTreeSet<String>, Failure> {
    let refused = |code, message: String, help: String| Err(Failure::plain(code, message, help));
    let actions = ready.plan.actions();
    let Some(first) = actions.iter().find(|planned| planned.action() == Action::Adopt) else {
        return if actions.iter().any(|planned| planned.action() == Action::Create) {
            let help =
                "check the name and the region in stack.yaml, and the id of a REST API; `deployer apply` creates it";
            refused("adopt::absent", format!("AWS has nothing that `{address}` means"), help.into())
        } else {
            let message = format!("`{address}` belongs to this stack already");
            refused("adopt::ours", message, "`deployer plan` shows whether it differs from stack.yaml".into())
        };
    };
    let is = |planned: &Planned, id: &str| {
        let live = planned.live();
        live.is_some_and(|live| live.physical_id == id || live.outputs.values().any(|output| output == id))
    };
    let mut adoptions = actions.iter().filter(|planned| planned.action() == Action::Adopt);
    if let Some(id) = id
        && !adoptions.clone().any(|planned| is(planned, id))
    {
        let meant = adoptions.find(|planned| planned.address == address).unwrap_or(first);
        let live = meant.live().map_or("nothing", |live| &live.physical_id);
        let message = format!("`{}` means {live}, not {id}", meant.address);
        return refused("adopt::other", message, "its name in stack.yaml decides: correct it there".into());
    }
    let adopted: BTreeSet<String> =
        actions.iter().filter(|p| p.action() == Action::Adopt).map(|planned| planned.address.clone()).collect();
    let made: BTreeSet<&String> =
        actions.iter().filter(|p| p.action() == Action::Create).map(|planned| &planned.address).collect();
    let mut left = BTreeSet::new();
    for planned in actions.iter().filter(|p| p.action() == Action::Adopt && !p.changes().is_empty()) {
        let missing = planned.dependencies.iter().find(|needed| !adopted.contains(*needed) && !ready.exists(needed));
        match missing {
            // A part that needs another new part of its element is left for the next apply. That apply creates the
            // needed part, and then adopts this one as a part of our resource.
            Some(needed) if made.contains(needed) && planned.address != address && is_part(planned) => {
                left.insert(planned.address.clone());
            }
            Some(needed) => {
                let message = format!("`{address}` needs `{needed}`, which does not exist yet");
                let help = format!("make that first: `deployer apply --target '{needed}'`");
                return refused("adopt::incomplete", message, help);
            }
            None => {}
        }
    }
    ready.plan.keep(|planned| planned.action() == Action::Adopt && !left.contains(&planned.address));
    Ok(left)
}

/// Tells whether the resource belongs to its parent's owner.
fn is_part(planned: &Planned) -> bool {
    planned.kind.ownership() == Ownership::Parent
}

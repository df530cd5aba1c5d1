//! `deployer apply`

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::time::Instant;

use super::Exit;
use super::examples::Examples;
use super::execution::{Change, carry_out};
use super::options::{Approval, Choice, ExpectedPlan, Refresh};
use super::run::Run;
use crate::failure::Failure;
use crate::pipeline;
use crate::plan::Goal;
use crate::plan::saved::{SavedPlan, describe_moves};
use crate::report::ready as form;
use crate::spec::nearest::quoted;

/// Make AWS match stack.yaml
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Apply {
    /// Carry out exactly this saved plan, or refuse.
    #[arg(value_name = "PLANFILE", conflicts_with_all = ["target", "exclude", "replace", "adopt", "prune", "expect_plan", "refresh_only"])]
    plan_file: Option<PathBuf>,
    #[command(flatten)]
    expected: ExpectedPlan,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    refresh: Refresh,
    #[command(flatten)]
    approval: Approval,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer apply", "plan, ask, apply"),
    ("deployer apply --auto-approve", "do not ask, for scripts"),
    ("deployer apply stack.plan", "exactly the plan that was reviewed, or nothing"),
    ("deployer apply --adopt queues.orders", "take over a queue that exists already"),
    ("deployer apply --replace functions.worker", "recreate it"),
]);

impl Apply {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { plan_file, expected, choice, refresh, approval } = self;
        if let Some(file) = plan_file {
            return apply_saved(run, &file, choice).await;
        }
        let goal = refresh.or(Goal::Apply);
        // A refresh changes nothing in AWS, so no review is about it.
        let expected = if goal == Goal::Refresh { ExpectedPlan::default() } else { expected };
        Change { command: "apply", goal, choice, approval, expected }.make(run).await
    }
}

/// Carries out a saved plan, if it is still the current plan. Asks nobody: the plan was reviewed.
async fn apply_saved(run: &Run, file: &Path, choice: Choice) -> Exit {
    let began = Instant::now();
    let saved = read(file)?;
    if !saved.not_given.is_empty() {
        let message = format!(
            "the plan in {} was made without {}: it is for reading",
            file.display(),
            quoted(saved.not_given.iter().map(String::as_str))
        );
        let help =
            "nothing was changed; plan with the secrets, and without `--keep-secrets`: `deployer plan --out FILE`";
        return Err(Failure::plain("plan::secrets-not-given", message, help));
    }
    let settings = pipeline::Settings { selection: saved.selection, ..run.settings(&choice, "apply")? };
    let loaded = run.load(&settings)?;
    let ready = run.plan_to_write(loaded, &settings, &Goal::Apply).await?;
    let moved = describe_moves(&saved.basis, &ready.basis(&saved.basis.salt));
    if !moved.is_empty() && !ready.plan.has_changes() {
        ready.abandon().await;
        let message = format!("this plan was already applied: nothing remains of {}", file.display());
        return Err(Failure::plain("plan::stale", message, "nothing was changed; AWS is as stack.yaml says"));
    }
    if !moved.is_empty() {
        let message = format!("the plan in {} is stale: {}", file.display(), moved.join("; "));
        let message = ready.loaded.document.secrets().mask(&message).into_owned();
        ready.abandon().await;
        let help = "nothing was changed; review a new plan: `deployer plan --out FILE`";
        return Err(Failure::plain("plan::stale", message, help));
    }
    form::announce(&run.terminal, &ready, "apply");
    Ok(carry_out(run, ready, began).await?.code)
}

/// Reads a saved plan.
pub(super) fn read(file: &Path) -> Result<SavedPlan, Failure> {
    let bytes = std::fs::read(file).map_err(|error| {
        let message = format!("cannot read {}: {error}", file.display());
        Failure::plain("plan::unreadable", message, "save a plan: `deployer plan --out FILE`")
    })?;
    SavedPlan::parse(&bytes).map_err(|error| {
        let message = format!("{} cannot be applied: {error}", file.display());
        Failure::plain("plan::not-a-plan", message, "save it again: `deployer plan --out FILE`")
    })
}

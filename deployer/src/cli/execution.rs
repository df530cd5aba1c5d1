//! The way of the verbs that change AWS: plan, ask, carry out, print the result.

use tokio::time::Instant;

use super::local::tell_waiting;
use super::options::{Approval, Choice, ExpectedPlan, KeepSecrets};
use super::run::Run;
use super::{ERROR, Exit, INTERRUPTED, OK, approval};
use crate::execute::ExecutionOutcome;
use crate::failure::{Failure, refusals};
use crate::pipeline::{ApplyResult, LoadedStack, Ready, Review, Settings};
use crate::plan::Goal;
use crate::report::heading::Heading;
use crate::report::progress::Progress;
use crate::report::ready as form;

/// A change to AWS or to the state that the user asked for.
pub(super) struct Change {
    /// The command, for messages.
    pub command: &'static str,
    pub goal: Goal,
    pub choice: Choice,
    pub approval: Approval,
    pub expected: ExpectedPlan,
}

impl Change {
    /// Plans the change, asks, and carries it out.
    pub(super) async fn make(self, run: &Run) -> Exit {
        let can_go_on = approval::is_possible(run, &self.approval);
        // A destroy shows first what it would do. A program that reads JSON has `plan --destroy` for that.
        if !can_go_on && (self.goal != Goal::Destroy || run.terminal.json) {
            return Err(approval::needed(self.command));
        }
        let reviewed = Review::read(self.expected.word())?;
        let began = Instant::now();
        let (settings, loaded) = loaded(run, &self.choice, KeepSecrets::default(), &self.goal, self.command).await?;
        if !can_go_on {
            form::print_plan(&run.terminal, &run.plan(loaded, &settings, &self.goal).await?);
            return Err(approval::needed(self.command));
        }
        let mut ready = run.plan_to_write(loaded, &settings, &self.goal).await?;
        form::announce(&run.terminal, &ready, self.command);
        if let Err(refused) = self.agree(run, &mut ready, reviewed).await {
            ready.abandon().await;
            return Err(refused);
        }
        if self.goal != Goal::Refresh {
            return Ok(carry_out(run, ready, began).await?.code);
        }
        let region = ready.loaded.document.region().to_owned();
        if ready.plan.has_changes() {
            form::print_refreshed(&run.terminal, &ready.refresh().await?);
        } else {
            form::print_nothing_to_refresh(&run.terminal, &ready);
            ready.abandon().await;
        }
        tell_waiting(run, &region).await;
        Ok(OK)
    }

    /// Fails if the plan is not the reviewed one, if the user does not agree to it, or if it changed meanwhile.
    async fn agree(&self, run: &Run, ready: &mut Ready, reviewed: Option<Review>) -> Result<(), Failure> {
        if let Some(reviewed) = reviewed {
            reviewed.hold(&ready.effects(), false).map_err(|other| other.refusal(&reviewed, true))?;
        }
        if !ready.plan.has_changes() {
            return Ok(());
        }
        approval::ask_for_yes(run, &self.approval, self.command, &self.question(&form::heading(ready))).await?;
        // A refresh records what was read.
        if self.approval.auto_approve || self.goal == Goal::Refresh {
            return Ok(());
        }
        still_so(run, ready).await
    }

    fn question(&self, heading: &Heading) -> String {
        let stack = heading.named();
        let asked = match self.goal {
            Goal::Apply => format!("Apply these changes to {stack}?"),
            Goal::Refresh => format!("Record this in the state of {stack}? AWS is not changed."),
            Goal::Destroy => format!("Destroy these resources of {stack}?"),
            Goal::Adopt(_) => format!("Adopt this into {stack}?"),
        };
        format!("{asked} Type `yes` to confirm:")
    }
}

/// Loads the stack for a plan. A deletion computes no desired value, so variables need no values then.
pub(super) async fn loaded(
    run: &Run,
    choice: &Choice,
    keep: KeepSecrets,
    goal: &Goal,
    command: &str,
) -> Result<(Settings, LoadedStack), Failure> {
    let mut settings = run.settings(choice, command)?;
    settings.inputs.keep_secrets = keep.keep_secrets;
    if *goal != Goal::Destroy {
        let loaded = run.load(&settings)?;
        return Ok((settings, loaded));
    }
    settings.inputs.accept_missing = true;
    let loaded = run.recall(&settings).await?;
    Ok((settings, loaded))
}

/// Fails if AWS has changed in a way that changes the plan, while the approval prompt waited.
async fn still_so(run: &Run, ready: &mut Ready) -> Result<(), Failure> {
    let moved = ready.look_again(&run.stop).await?;
    if moved.is_empty() {
        return Ok(());
    }
    let message = format!("the plan is stale: AWS changed while waiting for your answer: {}", moved.join("; "));
    let message = ready.loaded.document.secrets().mask(&message).into_owned();
    Err(Failure::plain(
        "plan::stale",
        message,
        "nothing was changed; run the same command again and look at the new plan",
    ))
}

/// The result of an execution, already printed.
pub(super) struct ExecutionEnd {
    pub code: u8,
    pub applied: ApplyResult,
    pub heading: Heading,
}

/// Carries out a plan and prints the result.
pub(super) async fn carry_out(run: &Run, ready: Ready, began: Instant) -> Result<ExecutionEnd, Failure> {
    let secrets = ready.loaded.document.secrets().clone();
    let heading = form::heading(&ready);
    let observer = Progress::new(run.terminal, &secrets, &ready.plan);
    let applied = ready.execute(&observer, run.stop.clone()).await?;
    drop(observer);
    run.annotate(&refusals(&applied.outcome, &applied.loaded.document), Some(&secrets));
    form::print_applied(&run.terminal, &applied, &heading, began.elapsed());
    tell_waiting(run, applied.loaded.document.region()).await;
    Ok(ExecutionEnd { code: code(&applied.outcome), applied, heading })
}

fn code(outcome: &ExecutionOutcome) -> u8 {
    match outcome {
        o if o.state_error.is_some() || !o.failed.is_empty() => ERROR,
        o if o.interrupted => INTERRUPTED,
        o if !o.not_started.is_empty() => ERROR,
        _ => OK,
    }
}

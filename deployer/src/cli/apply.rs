//! `deployer apply` and `deployer destroy`

use std::collections::BTreeMap;
use std::path::Path;

use tokio::time::Instant;

use super::expected::Reviewed;
use super::options::{Approval, Choice, Expected};
use super::run::Run;
use super::{ERROR, Exit, INTERRUPTED, OK, approval};
use crate::execute::Outcome;
use crate::failure::{Failure, refusals};
use crate::pipeline::{self, Applied, Loaded, Ready};
use crate::plan::Goal;
use crate::plan::saved::{Saved, moved};
use crate::report::json;
use crate::report::progress::{Preparation, Progress};

pub(super) async fn run(run: &Run, goal: Goal, choice: Choice, approved: Approval, expected: &Expected) -> Exit {
    let command = if goal == Goal::Apply { "apply" } else { "destroy" };
    approval::possible(run, &approved, command)?;
    let reviewed = Reviewed::asked(expected)?;
    let began = Instant::now();
    let settings = run.settings(&choice, command)?;
    let loaded = run.load(&settings)?;
    let mut ready =
        pipeline::prepare(loaded, &settings, goal, true, &Preparation::new(run.terminal), &run.stop).await?;
    announce(run, &ready, command);
    if let Some(reviewed) = reviewed
        && let Err(other) = reviewed.hold(&ready.effects(), false)
    {
        ready.abandon().await;
        return Err(other.refusal(&reviewed, true));
    }
    if ready.plan.has_changes() {
        let agreed = async {
            approval::given(run, &approved, command, question(goal)).await?;
            if approved.auto_approve { Ok(()) } else { still_so(run, &mut ready, &settings, goal).await }
        };
        if let Err(refused) = agreed.await {
            ready.abandon().await;
            return Err(refused);
        }
    }
    Ok(carry_out(run, ready, &settings, began).await?.code)
}

/// Fails if AWS has changed in a way that changes the plan, while the approval prompt waited.
pub(super) async fn still_so(
    run: &Run,
    ready: &mut Ready,
    settings: &pipeline::Settings,
    goal: Goal,
) -> Result<(), Failure> {
    let moved = ready.look_again(settings, goal, &run.stop).await?;
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

/// Updates the state from AWS, and changes nothing in AWS.
pub(super) async fn refresh(run: &Run, command: &str, choice: Choice, approved: Approval) -> Exit {
    approval::possible(run, &approved, command)?;
    let settings = pipeline::Settings { refresh_only: true, ..run.settings(&choice, command)? };
    let loaded = run.load(&settings)?;
    let ready =
        pipeline::prepare(loaded, &settings, Goal::Apply, true, &Preparation::new(run.terminal), &run.stop).await?;
    announce(run, &ready, command);
    if !ready.plan.has_changes() {
        let outputs = ready.outputs_now();
        ready.abandon().await;
        if run.terminal.json {
            run.terminal.data(&format!("{}\n", json::refreshed(&[], &outputs)));
        }
        return Ok(OK);
    }
    let question = "Record this in the state? AWS is not changed. Type `yes` to continue:";
    if let Err(refused) = approval::given(run, &approved, command, question).await {
        ready.abandon().await;
        return Err(refused);
    }
    let refreshed = ready.refresh().await?;
    if run.terminal.json {
        run.terminal.data(&format!("{}\n", json::refreshed(&refreshed.changed, &refreshed.outputs)));
    } else {
        let changed = match refreshed.changed.as_slice() {
            [] => "none of the state's records changed".to_owned(),
            changed => format!("the state's records of {} changed", changed.join(", ")),
        };
        run.terminal.say(&format!("Done: {changed}; AWS was only read."));
    }
    Ok(OK)
}

/// Carries out a saved plan, if it is still the current plan. Asks nobody: the plan was reviewed.
pub(super) async fn saved(run: &Run, file: &Path, choice: Choice) -> Exit {
    let began = Instant::now();
    let saved = read(file)?;
    let settings = pipeline::Settings { selection: saved.selection, ..run.settings(&choice, "apply")? };
    let loaded = run.load(&settings)?;
    let ready =
        pipeline::prepare(loaded, &settings, Goal::Apply, true, &Preparation::new(run.terminal), &run.stop).await?;
    let moved = moved(&saved.basis, &ready.basis(&saved.basis.salt));
    if !moved.is_empty() {
        let message = format!("the plan in {} is stale: {}", file.display(), moved.join("; "));
        let message = ready.loaded.document.secrets().mask(&message).into_owned();
        ready.abandon().await;
        let help = "nothing was changed; review a new plan: `deployer plan --out FILE`";
        return Err(Failure::plain("plan::stale", message, help));
    }
    announce(run, &ready, "apply");
    Ok(carry_out(run, ready, &settings, began).await?.code)
}

/// Reads a saved plan.
pub(super) fn read(file: &Path) -> Result<Saved, Failure> {
    let bytes = std::fs::read(file).map_err(|error| {
        let message = format!("cannot read {}: {error}", file.display());
        Failure::plain("plan::unreadable", message, "save a plan: `deployer plan --out FILE`")
    })?;
    Saved::parse(&bytes).map_err(|error| {
        let message = format!("{} cannot be applied: {error}", file.display());
        Failure::plain("plan::not-a-plan", message, "save it anew: `deployer plan --out FILE`")
    })
}

/// Prints the plan that is about to be carried out; with `--json` only the first line.
pub(super) fn announce(run: &Run, ready: &Ready, command: &str) {
    if run.terminal.json {
        let line = json::version(command, ready.loaded.document.stack(), &ready.aws.place);
        run.terminal.data(&format!("{line}\n"));
    } else {
        super::plan::show(run, ready);
    }
}

fn question(goal: Goal) -> &'static str {
    match goal {
        Goal::Apply => "Apply this plan? Type `yes` to continue:",
        Goal::Destroy => "Destroy all of this? Type `yes` to continue:",
    }
}

/// The result of an execution, already printed.
pub(super) struct Ended {
    pub code: u8,
    pub outcome: Outcome,
    pub loaded: Loaded,
}

/// Carries out a plan and prints the result.
pub(super) async fn carry_out(
    run: &Run,
    ready: Ready,
    settings: &pipeline::Settings,
    began: Instant,
) -> Result<Ended, Failure> {
    let secrets = ready.loaded.document.secrets().clone();
    let observer = Progress::new(run.terminal, &secrets, &ready.plan);
    let applied = ready.execute(settings, &observer, run.stop.clone()).await?;
    drop(observer);
    let Applied { outcome, loaded, calls } = applied;
    let outputs = &outcome.state.outputs;
    run.annotate(&refusals(&outcome, &loaded.document), Some(&secrets));
    if let Some(error) = &outcome.state_error {
        run.terminal.failure(&Failure::state(error.clone()));
    }
    if run.terminal.json {
        run.terminal.refusals(&outcome, &loaded.document);
        let summary = json::summary(&outcome, outputs, calls, began.elapsed().as_secs_f64(), &secrets);
        run.terminal.data(&format!("{summary}\n"));
    } else {
        run.terminal.outcome(&outcome, calls, began.elapsed().as_secs_f64(), &secrets);
        run.terminal.refusals(&outcome, &loaded.document);
        show_outputs(run, outputs, &secrets);
    }
    Ok(Ended { code: code(&outcome), outcome, loaded })
}

fn code(outcome: &Outcome) -> u8 {
    match outcome {
        o if o.state_error.is_some() || !o.failed.is_empty() => ERROR,
        o if o.interrupted => INTERRUPTED,
        o if !o.not_started.is_empty() => ERROR,
        _ => OK,
    }
}

fn show_outputs(run: &Run, outputs: &BTreeMap<String, String>, secrets: &crate::spec::secrets::Secrets) {
    if outputs.is_empty() {
        return;
    }
    let lines: String = outputs.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
    run.terminal.data(&secrets.mask(&lines));
}

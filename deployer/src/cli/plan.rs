//! `deployer plan`

use super::options::Choice;
use super::run::Run;
use super::{CHANGES, Exit, OK};
use crate::pipeline::{self, Ready};
use crate::plan::Goal;
use crate::report::progress::Preparation;
use crate::report::{json, plan};

pub(super) async fn run(run: &Run, choice: Choice) -> Exit {
    let settings = run.settings(&choice, "plan")?;
    let loaded = run.load(&settings)?;
    let ready = pipeline::prepare(loaded, &settings, Goal::Apply, false, &Preparation(run.terminal), &run.stop).await?;
    show(run, &ready);
    let changes = ready.plan.has_changes();
    Ok(if choice.detailed_exitcode && changes { CHANGES } else { OK })
}

/// Prints a plan, as text or as one JSON object.
pub(super) fn show(run: &Run, ready: &Ready) {
    let document = &ready.loaded.document;
    let text = if run.terminal.json {
        json::plan(&ready.plan, document.stack(), &ready.aws.place, ready.cost, document.secrets()).to_string() + "\n"
    } else {
        plan::plan(&ready.plan, ready.cost, view(run, ready))
    };
    run.terminal.data(&text);
}

pub(super) fn view<'a>(run: &Run, ready: &'a Ready) -> plan::View<'a> {
    plan::View { paint: run.terminal.out, verbose: run.terminal.verbose, secrets: ready.loaded.document.secrets() }
}

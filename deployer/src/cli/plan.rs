//! `deployer plan`

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::options::{Choice, Refresh};
use super::run::Run;
use super::{CHANGES, Exit, OK};
use crate::failure::Failure;
use crate::files;
use crate::pipeline::{self, Ready, Recorded};
use crate::plan::saved::Saved;
use crate::plan::{Effects, Goal};
use crate::report::picture::{self, Picture};
use crate::report::progress::Preparation;
use crate::report::shown::Shown;
use crate::report::{json, plan};

/// Further files that a plan is written to.
pub(super) struct Files {
    pub out: Option<PathBuf>,
    pub html: Option<PathBuf>,
}

pub(super) async fn run(run: &Run, choice: Choice, refresh: Refresh, files: Files) -> Exit {
    let Files { out, html } = files;
    let settings = pipeline::Settings { refresh_only: refresh.refresh_only, ..run.settings(&choice, "plan")? };
    let loaded = run.load(&settings)?;
    let ready =
        pipeline::prepare(loaded, &settings, Goal::Apply, false, &Preparation::new(run.terminal), &run.stop).await?;
    if let Some(file) = &out {
        save(&ready, &settings, file)?;
    }
    if let Some(file) = &html {
        super::graph::written(file, files::write(file, page(&ready).as_bytes()))?;
    }
    show(run, &ready);
    if out.is_some() || run.terminal.verbose {
        digest(run, &ready.effects());
    }
    if let Some(file) = &out {
        run.terminal.say(&format!("The plan is saved. Carry it out: `deployer apply {}`", file.display()));
    }
    let changes = ready.plan.has_changes();
    Ok(if choice.detailed_exitcode && changes { CHANGES } else { OK })
}

fn save(ready: &Ready, settings: &pipeline::Settings, file: &Path) -> Result<(), Failure> {
    let report = report(ready);
    let saved = Saved::new(ready.basis_to_save()?, settings.selection.clone(), report, (settings.now)());
    files::write(file, saved.to_text().as_bytes()).map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        Failure::plain("plan::not-saved", message, "name a file in a directory that exists")
    })
}

/// Renders the plan as an HTML page.
fn page(ready: &Ready) -> String {
    let document = &ready.loaded.document;
    let picture = Picture::of(document.stack(), &ready.loaded.graph, Some(&ready.plan), document.secrets());
    let place = &ready.aws.place;
    picture::html(&picture::Page {
        picture: &picture,
        about: format!("{} · account {}", place.region, place.account),
        plan: Some((&Shown::of(&ready.plan, document.secrets()), ready.cost)),
        secrets: document.secrets(),
    })
}

/// Prints a plan, as text or as one JSON object.
pub(super) fn show(run: &Run, ready: &Ready) {
    let text = if run.terminal.json {
        report(ready).to_string() + "\n"
    } else {
        plan::plan(&ready.plan, ready.cost, view(run, ready))
    };
    run.terminal.data(&text);
}

/// Prints a plan that was made from the last state alone.
pub(super) fn show_recorded(run: &Run, recorded: &Recorded) {
    let Recorded { loaded, plan, cost, place, .. } = recorded;
    let (terminal, secrets) = (&run.terminal, loaded.document.secrets());
    let view = plan::View { paint: terminal.out, verbose: terminal.verbose, width: terminal.width, secrets };
    terminal.data(&match terminal.json {
        true => json::plan(plan, loaded.document.stack(), place, *cost, secrets).to_string() + "\n",
        false => plan::plan(plan, *cost, view),
    });
}

/// Returns the plan as one JSON object, with its effects and their digest.
fn report(ready: &Ready) -> Value {
    let document = &ready.loaded.document;
    let mut report = json::plan(&ready.plan, document.stack(), &ready.aws.place, ready.cost, document.secrets());
    let effects = ready.effects();
    report["digest"] = effects.digest().into();
    report["effects"] = serde_json::to_value(&effects).unwrap_or_default();
    report
}

/// Prints the plan's digest, which `--expect-plan` accepts.
pub(super) fn digest(run: &Run, effects: &Effects) {
    if !effects.is_empty() {
        run.terminal.say(&format!("Plan digest: {}", effects.digest()));
    }
}

pub(super) fn view<'a>(run: &Run, ready: &'a Ready) -> plan::View<'a> {
    let terminal = &run.terminal;
    let secrets = ready.loaded.document.secrets();
    plan::View { paint: terminal.out, verbose: terminal.verbose, width: terminal.width, secrets }
}

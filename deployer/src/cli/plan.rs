//! `deployer plan`

use std::path::{Path, PathBuf};

use clap::Args;

use super::examples::Examples;
use super::local::tell_waiting;
use super::options::{Choice, KeepSecrets, Refresh};
use super::run::Run;
use super::{CHANGES, Exit, OK, execution};
use crate::failure::Failure;
use crate::files;
use crate::pipeline::{Ready, Settings};
use crate::plan::Goal;
use crate::plan::saved::SavedPlan;
use crate::report::ready as form;

/// Show what apply would change
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Plan {
    /// Save the plan, for `deployer apply FILE`.
    #[arg(long, value_name = "FILE", conflicts_with = "refresh_only")]
    out: Option<PathBuf>,
    /// Show what destroy would delete.
    #[arg(long, conflicts_with_all = ["out", "refresh_only", "replace", "adopt"])]
    destroy: bool,
    /// Write the plan as a page with a picture, too; it needs no other file and no network.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    keep: KeepSecrets,
    #[command(flatten)]
    refresh: Refresh,
    /// Accepted so that a script can give plan and apply the same options; this command asks nothing.
    #[arg(short = 'y', long = "auto-approve", alias = "yes", hide = true)]
    _auto_approve: bool,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer plan", "show what apply would change"),
    ("deployer plan --out stack.plan", "save it, for `deployer apply stack.plan`"),
    ("deployer plan --target functions.worker", "only this element and what it needs"),
    ("deployer plan --destroy", "what `deployer destroy` would delete"),
    ("deployer plan --keep-secrets", "without the secrets, to read what else would change"),
    ("deployer plan --detailed-exitcode", "exit 2 when something would change"),
    ("deployer plan --json | jq .summary", "count the changes"),
]);

impl Plan {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let Self { out, destroy, html, choice, keep, refresh, .. } = self;
        let goal = refresh.or(if destroy { Goal::Destroy } else { Goal::Apply });
        let (settings, loaded) = execution::loaded(run, &choice, keep, &goal, "plan").await?;
        let ready = run.plan(loaded, &settings, &goal).await?;
        if let Some(file) = &out {
            save(&ready, &settings, file)?;
        }
        if let Some(file) = &html {
            super::graph::check_write(file, files::write(file, form::page(&ready).as_bytes()))?;
        }
        form::print_plan(&run.terminal, &ready);
        if out.is_some() || run.terminal.verbose {
            form::print_digest(&run.terminal, &ready.effects());
        }
        if run.terminal.verbose && !destroy {
            form::print_upcoming(&run.terminal, &ready.loaded.graph, &(settings.now)());
        }
        if let Some(file) = &out {
            form::print_saved(&run.terminal, file, ready.loaded.document.lacking().is_empty());
        }
        tell_waiting(run, ready.loaded.document.region()).await;
        let changes = ready.plan.has_changes();
        Ok(if choice.detailed_exitcode && changes { CHANGES } else { OK })
    }
}

fn save(ready: &Ready, settings: &Settings, file: &Path) -> Result<(), Failure> {
    let report = form::object(ready);
    let not_given = ready.loaded.document.lacking().names().into_iter().map(str::to_owned).collect();
    let saved = SavedPlan::new(ready.basis_to_save()?, settings.selection.clone(), report, (settings.now)());
    let saved = saved.without(not_given);
    files::write(file, saved.to_text().as_bytes()).map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        Failure::plain("plan::not-saved", message, "name a file in a directory that exists")
    })
}

//! `deployer ci`

mod occasion;

use std::path::Path;
use std::process::{Command, Stdio};

use tokio::time::Instant;

use super::apply::{self, Ended};
use super::environment::Environment;
use super::options::Choice;
use super::run::Run;
use super::{CHANGES, Exit, OK};
use crate::failure::{Failure, refusals};
use crate::pipeline::{self, Loaded, Ready, Settings};
use crate::plan::Goal;
use crate::report::progress::Preparation;
use crate::report::{github, markdown};
use crate::spec::finding::Findings;
use crate::spec::secrets::Secrets;
use occasion::{Decision, Occasion};

/// Bytes of the summary that are kept for what comes of the plan.
const FOR_THE_OUTCOME: usize = 100_000;

pub(super) async fn run(run: &Run, choice: Choice) -> Exit {
    let pages = Pages { run, step: run.environment.github_step() };
    let mut secrets = None;
    let result = deploy(run, &choice, &pages, &mut secrets).await;
    if let Err(failure) = &result {
        pages.failed(failure, secrets.as_ref());
    }
    result
}

async fn deploy(run: &Run, choice: &Choice, pages: &Pages<'_>, secrets: &mut Option<Secrets>) -> Exit {
    let began = Instant::now();
    let settings = run.settings(choice, "ci")?;
    let loaded = run.load(&settings)?;
    *secrets = Some(loaded.document.secrets().clone());
    pages.annotate(&loaded.warnings, loaded.document.secrets());
    let occasion = occasion(&run.environment, &run.root());
    let decision = occasion.decide(&loaded.document.ci().apply_on);
    let verb = if decision.apply { "plan and apply" } else { "plan only" };
    run.terminal.say(&loaded.document.secrets().mask(&format!("{verb}: {}", decision.why)));

    let stack = loaded.document.stack().to_owned();
    let preparation = Preparation(run.terminal);
    let prepared = pipeline::prepare(loaded, &settings, Goal::Apply, decision.apply, &preparation, &run.stop).await;
    let ready = match prepared {
        Err(failure) if failure.is_without_credentials() && occasion.is_proposal() => {
            return Ok(pages.only_validated(&stack));
        }
        prepared => prepared?,
    };
    pages.planned(&ready, &decision);
    if decision.apply {
        return carry_out(run, ready, &settings, began, pages).await;
    }
    super::plan::show(run, &ready);
    Ok(if choice.detailed_exitcode && ready.plan.has_changes() { CHANGES } else { OK })
}

async fn carry_out(run: &Run, ready: Ready, settings: &Settings, began: Instant, pages: &Pages<'_>) -> Exit {
    apply::announce(run, &ready, "ci");
    let ended = apply::carry_out(run, ready, settings, began).await?;
    pages.applied(&ended);
    Ok(ended.code)
}

/// What this run is about: by the CI system's variables, else by the branch that git has checked out.
fn occasion(environment: &Environment, root: &Path) -> Occasion {
    let git = || {
        let mut command = Command::new("git");
        command.args(["rev-parse", "--abbrev-ref", "HEAD"]).current_dir(root).stdin(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    Occasion::of(|name| environment.get(name), git)
}

/// What a run leaves for GitHub Actions, if that is where it runs.
struct Pages<'a> {
    run: &'a Run,
    step: Option<github::Step>,
}

impl Pages<'_> {
    fn annotate(&self, findings: &Findings, secrets: &Secrets) {
        if let Some(step) = &self.step {
            self.run.terminal.command(&step.annotations(findings, &self.run.global.file, Some(secrets)));
        }
    }

    fn planned(&self, ready: &Ready, decision: &Decision) {
        let Some(step) = &self.step else { return };
        let Loaded { document, .. } = &ready.loaded;
        let title = format!("{}: {}", document.stack(), if decision.apply { "apply" } else { "plan" });
        let limit = step.room().saturating_sub(FOR_THE_OUTCOME);
        let page = markdown::plan(&ready.plan, ready.cost, &title, &decision.why, document.secrets(), limit);
        self.written(step.summarise(&page));
        self.written(step.set_outputs(&github::counts(&ready.plan)));
    }

    fn applied(&self, ended: &Ended) {
        let Some(step) = &self.step else { return };
        let Ended { outcome, loaded: Loaded { document, .. }, .. } = ended;
        self.annotate(&refusals(outcome, document), document.secrets());
        self.written(step.summarise(&markdown::outcome(outcome, document, step.room())));
        self.written(step.set_outputs(&github::stack_outputs(&outcome.state.outputs, document.secrets())));
    }

    fn failed(&self, failure: &Failure, secrets: Option<&Secrets>) {
        let Some(step) = &self.step else { return };
        self.run.terminal.command(&step.annotations(&failure.findings, &self.run.global.file, secrets));
        self.written(step.summarise(&markdown::failure(failure, "deployer ci failed", secrets, step.room())));
    }

    /// Requests from forks get no credentials; what can be said without AWS has been said.
    fn only_validated(&self, stack: &str) -> u8 {
        let text = format!(
            "{} is valid, but there is no plan: this run has no AWS credentials.",
            self.run.global.file.display()
        );
        self.run.terminal.say(&text);
        if let Some(step) = &self.step {
            self.run.terminal.command(&github::notice("validated only", &text));
            self.written(step.summarise(&markdown::note(&format!("{stack}: validated only"), &text)));
        }
        OK
    }

    /// The stack matters more than a page about it.
    fn written(&self, result: std::io::Result<()>) {
        if let Err(error) = result {
            self.run.terminal.say(&format!("cannot write for GitHub Actions: {error}"));
        }
    }
}

//! `deployer ci`

mod event;
mod occasion;
mod pages;
mod preview;
mod review;
mod seal;

use std::path::Path;
use std::process::{Command, Stdio};

use clap::Args;
use tokio::time::Instant;

use super::environment::ProcessEnvironment;
use super::examples::Examples;
use super::execution;
use super::options::{Choice, ExpectedPlan, KeepSecrets};
use super::run::Run;
use super::{CHANGES, Exit, OK, rehearse};
use crate::failure::Failure;
use crate::pipeline::{self, LoadedStack, Ready, Review, Settings};
use crate::plan::{Effects, Goal};
use crate::report::{ci as form, ready};
use crate::spec::head::ReviewedPlan;
use crate::spec::secrets::Secrets;
use event::Proposal;
use occasion::{Decision, Occasion};
use pages::Pages;
use preview::Fate;
use review::NoReview;
use seal::Seal;

/// In CI: apply on the branches in `ci.apply_on` without asking, plan everywhere else
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Ci {
    #[command(flatten)]
    expected: ExpectedPlan,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    keep: KeepSecrets,
    /// Accepted so that a script can give all commands the same options; this command asks nothing.
    #[arg(short = 'y', long = "auto-approve", alias = "yes", hide = true)]
    _auto_approve: bool,
}

const EXAMPLES: Examples = Examples(&[
    ("deployer ci", "apply on `main`, plan on every other branch and on pull requests"),
    ("deployer ci --create-state-bucket", "make the state's bucket at the first run"),
]);

impl Ci {
    pub(super) async fn run(self, run: &Run) -> Exit {
        let pages = Pages::new(run);
        let mut secrets = None;
        let result = Box::pin(self.deploy(run, &pages, &mut secrets)).await;
        result.map_err(|failure| {
            let failure = match &secrets {
                Some(secrets) => failure.masked(secrets),
                None => failure,
            };
            pages.show_failure(&failure, secrets.as_ref());
            failure
        })
    }

    /// Loads the stack, without its secrets if the run only plans and may keep them. Returns the settings for that.
    fn load(&self, run: &Run, strict: &Settings, occasion: &Occasion) -> Result<(LoadedStack, Settings), Failure> {
        let mut settings = strict.clone();
        settings.inputs.keep_secrets = true;
        let loaded = pipeline::load(&settings)?;
        let ci = loaded.document.ci();
        let may_keep = self.keep.keep_secrets || ci.keep_secrets;
        if loaded.document.lacking().is_empty() || (may_keep && !occasion.decide(&ci.apply_on).apply) {
            return Ok((run.report_loaded(loaded)?, settings));
        }
        Ok((run.load(strict)?, strict.clone()))
    }

    async fn deploy(&self, run: &Run, pages: &Pages<'_>, secrets: &mut Option<Secrets>) -> Exit {
        let began = Instant::now();
        let expected = Review::read(self.expected.word())?;
        let strict = run.settings(&self.choice, "ci")?;
        let occasion = occasion(&run.environment, &run.root());
        if let Some(code) = Box::pin(preview::alone(run, &strict, &occasion, pages, secrets)).await? {
            return Ok(code);
        }
        let (loaded, settings) = self.load(run, &strict, &occasion)?;
        *secrets = Some(loaded.document.secrets().clone());
        pages.mask(&loaded);
        let decision = occasion.decide(&loaded.document.ci().apply_on);
        form::print_mode(&run.terminal, decision.apply, &decision.why);

        if decision.apply {
            pipeline::kept_after_this_job(&loaded.document, &settings)?;
        } else {
            pipeline::known_in_this_job(&loaded.document, &settings)?;
        }
        let fate = preview::fate(run, loaded.document.ci(), &occasion);
        if let Some(Fate::Destroy(env)) = &fate {
            return Box::pin(preview::destroy(run, &strict, env, pages)).await;
        }
        let prepared = match decision.apply {
            true => run.plan_to_write(loaded, &settings, &Goal::Apply).await,
            false => run.plan(loaded, &settings, &Goal::Apply).await,
        };
        let ready = match prepared {
            Err(failure) if failure.is_without_credentials() && occasion.is_proposal() => {
                return without_credentials(run, &settings, &decision, pages).await;
            }
            prepared => prepared?,
        };
        *secrets = Some(ready.loaded.document.secrets().clone());
        pages.mask(&ready.loaded);
        let effects = ready.effects();
        pages.show_plan(&ready, &decision, &effects);
        if occasion.is_proposal() {
            pages.comment(&ready, &decision, &effects, &Proposal::of(&run.environment)).await;
        }
        if decision.apply {
            ready::announce(&run.terminal, &ready, "ci");
            ready::print_digest(&run.terminal, &effects);
            let ready = CiJob { run, occasion: &occasion, pages }.check_review(ready, &effects, expected).await?;
            let ready = rehearsed(run, ready).await?;
            return Box::pin(carry_out(run, ready, began, pages)).await;
        }
        ready::print_plan(&run.terminal, &ready);
        ready::print_digest(&run.terminal, &effects);
        if let Some(Fate::Deploy(env)) = &fate {
            let code = Box::pin(preview::deploy(run, &strict, env, pages, secrets)).await?;
            if code != OK {
                return Ok(code);
            }
        }
        Ok(if self.choice.detailed_exitcode && ready.plan.has_changes() { CHANGES } else { OK })
    }
}

/// Rehearses a plan if `stack.yaml` asks for it. Returns the plan, unless AWS would refuse it.
async fn rehearsed(run: &Run, ready: Ready) -> Result<Ready, Failure> {
    if !ready.loaded.document.ci().rehearse || !ready.plan.has_changes() {
        return Ok(ready);
    }
    match rehearse::before_apply(run, &ready).await {
        Ok(()) => Ok(ready),
        Err(refused) => {
            ready.abandon().await;
            Err(refused)
        }
    }
}

/// Handles a request from a fork: plans against the last state if that can be read, else only validates.
async fn without_credentials(run: &Run, settings: &Settings, decision: &Decision, pages: &Pages<'_>) -> Exit {
    let loaded = pipeline::load(settings)?;
    match pipeline::plan_from_state(loaded, settings).await? {
        Ok(recorded) => {
            pages.show_recorded(&recorded, decision);
            ready::print_recorded(&run.terminal, &recorded);
        }
        Err((loaded, why)) => pages.only_validated(loaded.document.stack(), &why),
    }
    Ok(OK)
}

async fn carry_out(run: &Run, ready: Ready, began: Instant, pages: &Pages<'_>) -> Exit {
    let ended = Box::pin(execution::carry_out(run, ready, began)).await?;
    pages.show_apply(&ended);
    Ok(ended.code)
}

/// A CI job that applies.
struct CiJob<'a> {
    run: &'a Run,
    occasion: &'a Occasion,
    pages: &'a Pages<'a>,
}

impl CiJob<'_> {
    /// Returns the plan if it is the reviewed one, or if no review is required.
    async fn check_review(&self, ready: Ready, effects: &Effects, expected: Option<Review>) -> Result<Ready, Failure> {
        let mode = ready.loaded.document.ci().reviewed_plan;
        let asked = expected.is_some();
        if effects.is_empty() || (mode == ReviewedPlan::Off && !asked) {
            return Ok(ready);
        }
        let found = self.find_review(&ready).await;
        let must = asked || matches!(mode, ReviewedPlan::Match | ReviewedPlan::Require);
        let reviewed = match (expected, found) {
            // The record shows the differences, if its digest is the one that was asked for.
            (Some(asked), Ok(found)) if asked.effects.is_none() && found.digest == asked.digest => found,
            (Some(asked), _) => asked,
            (None, Ok(found)) => found,
            (None, Err(none)) if mode == ReviewedPlan::Require => {
                ready.abandon().await;
                let help = "merge a pull request that `deployer ci` planned, or give the digest with `--expect-plan`";
                return Err(Failure::plain("plan::not-reviewed", format!("nobody reviewed this plan: {none}"), help));
            }
            // A record that somebody may have changed is worse than no record.
            (None, Err(NoReview::Doubtful(why))) if must => {
                ready.abandon().await;
                let help = "nothing was changed; review this plan, then give its digest with `--expect-plan`";
                return Err(Failure::plain("plan::not-reviewed", why, help));
            }
            // If the forge does not answer, there may still be a reviewed plan, so this deserves a warning.
            (None, Err(NoReview::NoAnswer(why) | NoReview::Doubtful(why))) => {
                self.pages
                    .warn("reviewed plan not looked up", &format!("{why}; the plan is applied without a comparison"));
                return Ok(ready);
            }
            (None, Err(NoReview::Missing(why))) => {
                self.pages.warn("no reviewed plan", &format!("{why}; the plan is applied without a comparison"));
                return Ok(ready);
            }
            (None, Err(NoReview::None(why))) => {
                form::print_no_review(&self.run.terminal, &why);
                return Ok(ready);
            }
        };
        match reviewed.hold(effects, ready.was_cut_off() || self.run.environment.is_rerun()) {
            Ok(()) => form::print_reviewed(&self.run.terminal, &reviewed.source),
            Err(other) if must => {
                ready.abandon().await;
                return Err(other.refusal(&reviewed, asked));
            }
            Err(other) => self.pages.warn("not the reviewed plan", &other.message(&reviewed)),
        }
        Ok(ready)
    }

    /// Finds the plan that the merged request recorded, or the reason why there is none.
    async fn find_review(&self, ready: &Ready) -> Result<Review, NoReview> {
        let Occasion::Branch(branch) = self.occasion else {
            return Err(NoReview::None("this run is for no branch".to_owned()));
        };
        let forge = event::forge(&self.run.environment);
        let (stack, seal) = (ready.loaded.document.stack(), Seal::new(ready.review_key()));
        review::find(&self.run.environment, forge.as_ref(), branch, stack, &seal).await
    }
}

/// Determines the occasion of this run: from the CI system's variables, else from the branch that git has checked out.
fn occasion(environment: &ProcessEnvironment, root: &Path) -> Occasion {
    let git = || {
        let mut command = Command::new("git");
        command.args(["rev-parse", "--abbrev-ref", "HEAD"]).current_dir(root).stdin(Stdio::null());
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    Occasion::of(|name| environment.get(name), git)
}

//! Preview environments of pull requests and branches: created, updated with each push, and destroyed at the end.

use tokio::time::Instant;

use super::super::env::destroy_one;
use super::super::execution::carry_out;
use super::super::run::Run;
use super::super::{Exit, OK};
use super::event::{self, Proposal};
use super::occasion::Occasion;
use super::pages::Pages;
use crate::failure::Failure;
use crate::pipeline::{self, Settings};
use crate::plan::Goal;
use crate::report::{env as form, ready};
use crate::spec::env::of_branch;
use crate::spec::head::{Ci, Preview};
use crate::spec::secrets::Secrets;

/// The action to take on an environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Deploy(String),
    Destroy(String),
}

/// Decides which environment this run deploys or destroys. A fork gets none: nobody has approved its code. Dependabot
/// gets none: GitHub gives it no secrets.
pub(super) fn fate(run: &Run, ci: &Ci, occasion: &Occasion) -> Option<Fate> {
    let get = |name: &str| run.environment.get(name);
    if run.global.preview.as_ref().is_some_and(|name| !name.is_empty()) {
        return None;
    }
    match (ci.preview, occasion) {
        (Preview::PullRequest, Occasion::Proposal(_)) => {
            let about = Proposal::of(&run.environment);
            let (number, gitlab) = (about.number?, get("GITLAB_CI") == Some("true"));
            // `pull_request_target` and similar events have the base repository's permissions, whoever wrote the code.
            let own = !about.from_fork
                && !about.from_dependabot
                && (gitlab || get("GITHUB_EVENT_NAME") == Some("pull_request"));
            let name = format!("{}-{number}", if gitlab { "mr" } else { "pr" });
            own.then_some(if about.closed { Fate::Destroy(name) } else { Fate::Deploy(name) })
        }
        (Preview::Branch, Occasion::Branch(name)) if !ci.apply_on.contains(name) => Some(Fate::Deploy(of_branch(name))),
        (Preview::Branch, Occasion::Event(name)) if name == "delete" => {
            let event = event::event(&run.environment);
            if event["ref_type"] != "branch" {
                return None;
            }
            Some(Fate::Destroy(of_branch(event["ref"].as_str()?)))
        }
        _ => None,
    }
}

/// Takes care of a run that names no environment where the stack itself is none, so that there is nothing but a preview.
/// Returns its exit code.
pub(super) async fn alone(
    run: &Run,
    settings: &Settings,
    occasion: &Occasion,
    pages: &Pages<'_>,
    secrets: &mut Option<Secrets>,
) -> Result<Option<u8>, Failure> {
    let declared = pipeline::declared(settings)?;
    if settings.inputs.preview.is_some() || !declared.needs_name() {
        return Ok(None);
    }
    match fate(run, &declared.ci, occasion) {
        Some(Fate::Deploy(env)) => return Box::pin(deploy(run, settings, &env, pages, secrets)).await.map(Some),
        Some(Fate::Destroy(env)) => return Box::pin(destroy(run, settings, &env, pages)).await.map(Some),
        None => {}
    }
    let checked = if declared.ci.preview == Preview::Off { None } else { checked(run, settings, occasion)? };
    Ok(checked.map(|(stack, why)| {
        pages.only_validated(&stack, why);
        OK
    }))
}

/// Checks each environment of a request that gets no preview, if there is nothing else to do for it. Returns the stack's
/// name and the reason.
fn checked(run: &Run, settings: &Settings, occasion: &Occasion) -> Result<Option<(String, &'static str)>, Failure> {
    if !occasion.is_proposal() {
        return Ok(None);
    }
    let about = Proposal::of(&run.environment);
    let why = match () {
        () if about.from_dependabot => "Dependabot's pull requests get no secrets, and no preview",
        () if about.from_fork => "pull requests from forks get no credentials, and no preview",
        () => return Ok(None),
    };
    let mut lenient = settings.clone();
    lenient.inputs.accept_missing = true;
    let mut stack = None;
    for settings in pipeline::in_each_environment(&lenient)? {
        stack = Some(pipeline::load(&settings)?.document.stack_name().to_owned());
    }
    Ok(stack.map(|stack| (stack, why)))
}

/// Makes AWS match the stack in the environment.
pub(super) async fn deploy(
    run: &Run,
    settings: &Settings,
    env: &str,
    pages: &Pages<'_>,
    secrets: &mut Option<Secrets>,
) -> Exit {
    let began = Instant::now();
    let settings = settings.within(env);
    let loaded = pipeline::load(&settings)?;
    *secrets = Some(loaded.document.secrets().clone());
    pages.mask(&loaded);
    form::print_preview_heading(&run.terminal, env);
    let ready = run.plan_to_write(loaded, &settings, &Goal::Apply).await?;
    pages.mask(&ready.loaded);
    ready::announce(&run.terminal, &ready, "ci");
    let ready = super::rehearsed(run, ready).await?;
    let ended = Box::pin(carry_out(run, ready, began)).await?;
    pages.show_preview(env, &ended).await;
    Ok(ended.code)
}

/// Destroys the environment, if it exists.
pub(super) async fn destroy(run: &Run, settings: &Settings, env: &str, pages: &Pages<'_>) -> Exit {
    let mut settings = settings.clone();
    // A deletion computes no desired value.
    settings.inputs.accept_missing = true;
    let environments = pipeline::environments(&settings, &run.stop).await?;
    match environments.found.into_iter().find(|known| known.name == env) {
        Some(known) => {
            let ended = destroy_one(run, known).await?;
            pages.show_destruction(env, &ended).await;
            Ok(ended.code)
        }
        None => {
            form::print_absent(&run.terminal, env);
            Ok(OK)
        }
    }
}

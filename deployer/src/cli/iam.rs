//! `deployer iam …`

use serde_json::Value;

use super::options::{Choice, GithubOptions, IamCommand, IamOptions};
use super::run::Run;
use super::{Exit, OK};
use crate::failure::Failure;
use crate::iam::github::{self, Repository, Source};
use crate::iam::{Document, MANAGED_POLICY_SIZE, Task};
use crate::pipeline::{self, Loaded, Settings, Whereabouts};

pub(super) async fn run(run: &Run, command: IamCommand) -> Exit {
    match command {
        IamCommand::Plan { options } => policy(run, Task::Plan, &options, None, false).await,
        IamCommand::Apply { options, permissions_boundary, create_state_bucket } => {
            policy(run, Task::Apply, &options, permissions_boundary.as_deref(), create_state_bucket).await
        }
        IamCommand::Destroy { options } => policy(run, Task::Destroy, &options, None, false).await,
        IamCommand::Rollback { options } => policy(run, Task::Rollback, &options, None, false).await,
        IamCommand::Github(options) => github(run, &options).await,
    }
}

/// A checked stack, and where its permissions are for.
struct Stack {
    settings: Settings,
    loaded: Loaded,
    at: Whereabouts,
}

impl Stack {
    async fn of(run: &Run, options: &IamOptions, create_state_bucket: bool) -> Result<Self, Failure> {
        let choice = Choice { create_state_bucket, ..Choice::default() };
        let offline = run.settings_offline(&choice)?;
        let loaded = run.load(&offline)?;
        let named = options.account.as_deref();
        let asks_aws = options.with_state || (named.is_none() && loaded.document.account().is_none());
        let settings = if asks_aws { run.settings(&choice, "iam")? } else { offline };
        let at = pipeline::whereabouts(&loaded, &settings, named, options.with_state, &run.stop).await?;
        Ok(Self { settings, loaded, at })
    }

    fn document(&self, task: Task, boundary: Option<&str>) -> Result<Document, Failure> {
        let permissions = pipeline::permissions(&self.loaded, &self.settings, &self.at, task, boundary)?;
        Ok(Document::of(&permissions))
    }

    fn print(&self, run: &Run, value: &Value) {
        run.terminal.object(value);
    }
}

async fn policy(
    run: &Run,
    task: Task,
    options: &IamOptions,
    boundary: Option<&str>,
    create_state_bucket: bool,
) -> Exit {
    let stack = Stack::of(run, options, create_state_bucket).await?;
    let document = stack.document(task, boundary)?;
    if options.split {
        let parts = document.split();
        stack.print(run, &parts.iter().map(Document::to_json).collect());
        return Ok(OK);
    }
    stack.print(run, &document.to_json());
    if !document.fits() {
        run.terminal.say(&format!(
            "This document has {} characters, and a managed policy at most {MANAGED_POLICY_SIZE}: `deployer iam {} --split` prints it as {}.",
            document.size(),
            task.name(),
            document.split().len()
        ));
    }
    Ok(OK)
}

async fn github(run: &Run, options: &GithubOptions) -> Exit {
    let stack = Stack::of(run, &options.stack, options.create_state_bucket).await?;
    // These roles are for jobs, whichever machine prints their policies.
    let there = Settings { in_ci: true, ..stack.settings.clone() };
    pipeline::kept_after_this_job(&stack.loaded.document, &there)?;
    let (owner, name) = options.repo.clone();
    let repository = Repository { owner, name, ids: options.owner_id.zip(options.repo_id) };
    let source = match &options.environment {
        Some(environment) => Source::Environment(environment.clone()),
        None if options.branch.is_empty() => Source::Branches(stack.loaded.document.ci().apply_on.clone()),
        None => Source::Branches(options.branch.clone()),
    };
    let tasks = match options.role {
        Some(role) => vec![role.task()],
        None => vec![Task::Plan, Task::Apply],
    };
    let mut roles = Vec::new();
    for task in tasks {
        let boundary = options.permissions_boundary.as_deref().filter(|_| task == Task::Apply);
        let policies = stack.document(task, boundary)?.split();
        roles.push(github::role(task, stack.loaded.document.stack(), &stack.at.place, &repository, &source, policies));
    }
    stack.print(run, &github::to_json(&stack.at.place, &roles));
    run.terminal.say(&github::commands(&stack.at.place, &roles));
    if repository.ids.is_none() {
        run.terminal.say(&format!(
            "\nThe trust takes any owner and repository number with these names. To name them:\n  \
             gh api repos/{0}/{1} --jq '\"--owner-id \\(.owner.id) --repo-id \\(.id)\"'",
            repository.owner, repository.name
        ));
    }
    if let Source::Environment(environment) = &source {
        run.terminal.say(&format!(
            "\nA job in an environment does not name its branch: limit the environment {environment} to the branches that may apply."
        ));
    }
    Ok(OK)
}

//! `deployer iam …`

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{Exit, OK};
use crate::failure::Failure;
use crate::iam::github::{self, Repository, Source, Trust};
use crate::iam::{Document, Task};
use crate::pipeline::{self, LoadedStack, Settings, Whereabouts};
use crate::report::iam as form;

/// Print the IAM permissions that a command needs for this stack
#[derive(Debug, Args)]
#[command(add = EXAMPLES)]
pub struct Iam {
    #[command(subcommand)]
    command: IamCommand,
}

/// The commands whose permissions are printed.
#[derive(Debug, Subcommand)]
pub enum IamCommand {
    /// Print the policy for `plan`, `drift`, `output`, and `state list|show|history`
    #[command(add = PLAN)]
    Plan {
        #[command(flatten)]
        options: IamOptions,
    },
    /// Print the policy for `apply`
    ///
    /// It covers making, changing, replacing and deleting everything that stack.yaml has now, and the state with its
    /// lock. What the state holds and stack.yaml has no longer is added by --with-state.
    #[command(add = APPLY)]
    Apply {
        #[command(flatten)]
        options: IamOptions,
        /// Let roles be made under this permissions boundary alone; each role of the stack has to carry it.
        #[arg(long, value_name = "ARN", value_parser = policy_arn)]
        permissions_boundary: Option<String>,
        /// Allow creating the state's bucket, too.
        #[arg(long)]
        create_state_bucket: bool,
    },
    /// Print the policy for `destroy`
    #[command(add = DESTROY)]
    Destroy {
        #[command(flatten)]
        options: IamOptions,
    },
    /// Print the policy for `rollback`
    #[command(add = ROLLBACK)]
    Rollback {
        #[command(flatten)]
        options: IamOptions,
    },
    /// Print the OIDC provider and the roles for GitHub Actions
    ///
    /// One role plans, for pull requests and branches; one applies, for the branches in `ci.apply_on` or the jobs of
    /// one environment. The JSON goes to stdout, the AWS CLI's commands that create it to stderr.
    #[command(add = GITHUB)]
    Github(GithubOptions),
}

const EXAMPLES: Examples =
    Examples(&[("deployer iam apply > policy.json", "the permissions of the role that applies")]);
const PLAN: Examples = Examples(&[
    ("deployer iam plan", "what `plan` has to read"),
    ("deployer iam plan --account 123456789012", "without credentials"),
]);
const APPLY: Examples = Examples(&[
    ("deployer iam apply", "what `apply` may do, and nothing else"),
    ("deployer iam apply --with-state", "also delete what stack.yaml no longer has"),
]);
const DESTROY: Examples = Examples(&[("deployer iam destroy", "what `destroy` may do")]);
const ROLLBACK: Examples =
    Examples(&[("deployer iam rollback", "what `rollback` may do: the functions' code, and nothing else")]);
const GITHUB: Examples = Examples(&[
    (
        "deployer iam github --repo acme/couch --owner-id 12 --repo-id 34 > github.json",
        "the provider and the roles for GitHub Actions",
    ),
    (
        "deployer iam github --repo acme/couch --any-id --environment production --role apply",
        "one role, for one environment",
    ),
]);

/// The account and the extent of printed permissions.
#[derive(Debug, Clone, Default, Args)]
pub struct IamOptions {
    /// The AWS account, so that no credentials are needed; default: `account:` in stack.yaml, else the credentials'.
    #[arg(long, value_name = "ID", value_parser = account_id)]
    pub account: Option<String>,
    /// Read the state, and add what stack.yaml no longer has: the next apply deletes it.
    #[arg(long)]
    pub with_state: bool,
    /// Print a list of documents, each within the 6,144 characters of a managed policy.
    #[arg(long)]
    pub split: bool,
}

/// The jobs on GitHub that may plan and apply.
#[derive(Debug, Clone, Args)]
pub struct GithubOptions {
    /// The repository on GitHub, in its exact case.
    #[arg(long, value_name = "ORG/NAME", value_parser = repository)]
    pub repo: (String, String),
    /// A branch that applies (repeatable); default: `ci.apply_on` in stack.yaml, else main.
    #[arg(long, value_name = "BRANCH", value_parser = plain_name, conflicts_with = "environment")]
    pub branch: Vec<String>,
    /// Jobs of this GitHub environment apply, in place of a branch.
    #[arg(long, value_name = "NAME", value_parser = plain_name)]
    pub environment: Option<String>,
    /// Jobs of this GitHub environment plan, in place of pull requests and every branch.
    #[arg(long, value_name = "NAME", value_parser = plain_name)]
    pub plan_environment: Option<String>,
    /// Print this role alone.
    #[arg(long, value_name = "ROLE")]
    pub role: Option<GithubRole>,
    /// GitHub's number of the repository's owner.
    #[arg(long, value_name = "NUMBER", requires = "repo_id")]
    pub owner_id: Option<u64>,
    /// GitHub's number of the repository.
    #[arg(long, value_name = "NUMBER", requires = "owner_id")]
    pub repo_id: Option<u64>,
    /// Trust any owner and repository with these names, also one that takes the names over later.
    #[arg(long, conflicts_with = "owner_id", value_parser = FalseyValueParser::new())]
    pub any_id: bool,
    /// Let roles be made under this permissions boundary alone; each role of the stack has to carry it.
    #[arg(long, value_name = "ARN", value_parser = policy_arn)]
    pub permissions_boundary: Option<String>,
    /// Allow creating the state's bucket, too.
    #[arg(long)]
    pub create_state_bucket: bool,
    #[command(flatten)]
    pub stack: IamOptions,
}

/// A role of GitHub's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum GithubRole {
    Plan,
    Apply,
}

impl GithubRole {
    fn task(self) -> Task {
        match self {
            Self::Plan => Task::Plan,
            Self::Apply => Task::Apply,
        }
    }
}

impl Iam {
    pub(super) async fn run(self, run: &Run) -> Exit {
        match self.command {
            IamCommand::Plan { options } => policy(run, Task::Plan, &options, None, false).await,
            IamCommand::Apply { options, permissions_boundary, create_state_bucket } => {
                policy(run, Task::Apply, &options, permissions_boundary.as_deref(), create_state_bucket).await
            }
            IamCommand::Destroy { options } => policy(run, Task::Destroy, &options, None, false).await,
            IamCommand::Rollback { options } => policy(run, Task::Rollback, &options, None, false).await,
            IamCommand::Github(options) => github(run, &options).await,
        }
    }
}

/// A checked stack, and the place that its permissions apply to.
struct Stack {
    settings: Settings,
    loaded: LoadedStack,
    at: Whereabouts,
}

impl Stack {
    async fn of(run: &Run, options: &IamOptions, create_state_bucket: bool) -> Result<Self, Failure> {
        let choice = Choice { create_state_bucket, ..Choice::default() };
        let mut offline = run.settings_offline(&choice)?;
        offline.inputs.accept_missing = true;
        let loaded = run.load(&offline)?;
        let named = options.account.as_deref();
        let asks_aws = options.with_state || (named.is_none() && loaded.document.account().is_none());
        let settings = if asks_aws { run.settings_to_operate(&choice, "iam")? } else { offline };
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
    form::warn_of_size(&run.terminal, &document, task);
    Ok(OK)
}

async fn github(run: &Run, options: &GithubOptions) -> Exit {
    let stack = Stack::of(run, &options.stack, options.create_state_bucket).await?;
    // These roles are for CI jobs, even if another machine prints their policies.
    let mut there = stack.settings.clone();
    there.machine.in_ci = true;
    pipeline::kept_after_this_job(&stack.loaded.document, &there)?;
    let (owner, name) = options.repo.clone();
    let repository = Repository { owner, name, ids: options.owner_id.zip(options.repo_id) };
    if repository.ids.is_none() && !options.any_id {
        return Err(unnumbered(&repository));
    }
    let mut trusts = vec![(Task::Plan, planning(options)), (Task::Apply, applying(options, &stack)?)];
    trusts.retain(|(task, _)| options.role.is_none_or(|role| role.task() == *task));
    let applies = trusts.iter().any(|(task, _)| *task == Task::Apply);
    let mut roles = Vec::new();
    for (task, source) in &trusts {
        let boundary = if *task == Task::Apply { options.permissions_boundary.as_deref() } else { None };
        let policies = stack.document(*task, boundary)?.split();
        let trust = Trust { repository: &repository, source };
        roles.push(github::role(*task, stack.loaded.document.stack(), &stack.at.place, trust, policies));
    }
    stack.print(run, &github::to_json(&stack.at.place, &roles));
    form::print_roles(&run.terminal, &github::commands(&stack.at.place, &roles), &trusts);
    let equips = stack.loaded.graph.nodes().any(|node| node.kind.about().calls.boundary.is_some() && !node.external);
    if equips && options.permissions_boundary.is_none() && applies {
        form::warn_of_administrator(&run.terminal);
    }
    Ok(OK)
}

fn unnumbered(Repository { owner, name, .. }: &Repository) -> Failure {
    Failure::plain(
        "iam::any-repository",
        format!("a trust in {owner}/{name} without GitHub's numbers is one in whoever takes these names over"),
        format!(
            "add what this prints: `gh api repos/{owner}/{name} --jq '\"--owner-id \\(.owner.id) --repo-id \\(.id)\"'`; or accept it with `--any-id`"
        ),
    )
}

fn planning(options: &GithubOptions) -> Source {
    options.plan_environment.clone().map_or(Source::Everything, Source::Environment)
}

/// Returns the branches or the environment that may apply.
///
/// # Errors
/// Returns an error if `ci.apply_on` has a pattern: `deployer ci` compares names, but IAM would trust every branch that
/// matches.
fn applying(options: &GithubOptions, stack: &Stack) -> Result<Source, Failure> {
    if let Some(environment) = &options.environment {
        return Ok(Source::Environment(environment.clone()));
    }
    if !options.branch.is_empty() {
        return Ok(Source::Branches(options.branch.clone()));
    }
    let branches = &stack.loaded.document.ci().apply_on;
    if let Some(pattern) = branches.iter().find(|branch| plain_name(branch).is_err()) {
        let message = format!("`ci.apply_on` has `{pattern}`, which IAM would read as a pattern");
        let help = "name each branch that applies, in `ci.apply_on` or with `--branch`, or use `--environment`";
        return Err(Failure::plain("iam::branch-pattern", message, help));
    }
    Ok(Source::Branches(branches.clone()))
}

fn account_id(text: &str) -> Result<String, String> {
    let valid = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if valid { Ok(text.to_owned()) } else { Err("an account is 12 digits".to_owned()) }
}

fn policy_arn(text: &str) -> Result<String, String> {
    let valid = text.starts_with("arn:") && text.contains(":iam::") && text.contains(":policy/");
    if valid { Ok(text.to_owned()) } else { Err("a boundary is written arn:aws:iam::ACCOUNT:policy/NAME".to_owned()) }
}

fn repository(text: &str) -> Result<(String, String), String> {
    let named = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match text.split_once('/') {
        Some((owner, name)) if named(owner) && named(name) => Ok((owner.to_owned(), name.to_owned())),
        _ => Err("a repository is written ORG/NAME".to_owned()),
    }
}

/// Rejects `*` and `?`, which IAM would read as patterns, and `$`, which it would read as a variable.
fn plain_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['*', '?', '$']) {
        Err("no `*`, `?` or `$`".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

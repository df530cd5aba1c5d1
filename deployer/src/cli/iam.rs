//! `deployer iam …`

mod access;
mod github;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::examples::Examples;
use super::options::Choice;
use super::run::Run;
use super::{Exit, OK};
use crate::failure::Failure;
use crate::iam::{Document, NamePatterns, Permissions, Task};
use crate::pipeline::{self, Extent, LoadedStack, Settings, Whereabouts};
use crate::report::iam as form;
use crate::spec::env;
use github::GithubOptions;

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
        #[command(flatten)]
        prefix: Prefix,
    },
    /// Print the policy for `apply`
    ///
    /// It covers making, changing, replacing and deleting everything that stack.yaml has now, and the state with its
    /// lock. What the state holds and stack.yaml has no longer is added by --with-state.
    #[command(add = APPLY)]
    Apply {
        #[command(flatten)]
        options: IamOptions,
        #[command(flatten)]
        prefix: Prefix,
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
        #[command(flatten)]
        prefix: Prefix,
    },
    /// Print the policy for `rollback`
    #[command(add = ROLLBACK)]
    Rollback {
        #[command(flatten)]
        options: IamOptions,
        #[command(flatten)]
        prefix: Prefix,
    },
    /// Print the policy for `verify`
    #[command(add = VERIFY)]
    Verify {
        #[command(flatten)]
        options: IamOptions,
    },
    /// Print or create the OIDC provider and the roles for GitHub Actions
    ///
    /// One role plans, for pull requests and branches; one applies, for the branches in `ci.apply_on` or the jobs of
    /// one environment; with `ci.preview` one is for the previews of pull requests. With --apply they are created and
    /// updated. Else the JSON goes to stdout, the AWS CLI's commands that create it to stderr.
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
    ("deployer iam apply --prefix", "everything named STACK-*: a new element needs no new policy"),
    ("deployer --env 'pr-*' iam apply --prefix", "previews of pull requests, and nothing of the stack itself"),
]);
const DESTROY: Examples = Examples(&[
    ("deployer iam destroy", "what `destroy` may do"),
    ("deployer iam destroy --prefix", "delete everything named STACK-*, also elements that come later"),
]);
const ROLLBACK: Examples = Examples(&[
    ("deployer iam rollback", "what `rollback` may do: the functions' code, and nothing else"),
    ("deployer iam rollback --prefix", "also for functions that come later"),
]);
const VERIFY: Examples = Examples(&[("deployer iam verify", "what `verify` may send, and where it may look")]);
const GITHUB: Examples = Examples(&[
    (
        "deployer iam github --repo acme/couch --owner-id 12 --repo-id 34 > github.json",
        "the provider and the roles for GitHub Actions",
    ),
    (
        "deployer iam github --repo acme/couch --any-id --environment production --role apply",
        "one role, for one environment",
    ),
    (
        "deployer iam github --repo acme/couch --owner-id 12 --repo-id 34 --prefix --apply",
        "create the provider and the roles, or bring them up to date",
    ),
]);

/// Permissions by the beginning of names.
#[derive(Debug, Clone, Default, Args)]
pub struct Prefix {
    /// Allow everything whose name matches, so that a new element needs no new policy; without a value: STACK-*.
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, default_missing_value = "", value_parser = pattern)]
    prefix: Option<String>,
}

impl Prefix {
    /// Returns the pattern for a stack, if one was asked for.
    fn of(&self, stack: &str) -> Option<String> {
        self.prefix.clone().map(|pattern| if pattern.is_empty() { own_names(stack) } else { pattern })
    }
}

/// Returns the pattern of the names that elements get without a name of their own.
fn own_names(stack: &str) -> String {
    format!("{stack}-*")
}

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

impl Iam {
    pub(super) async fn run(self, run: &Run) -> Exit {
        match self.command {
            IamCommand::Plan { options, prefix } => by_names(run, Task::Plan, &options, &prefix).await,
            IamCommand::Apply { options, prefix, permissions_boundary, create_state_bucket } => {
                let stack = Stack::of(run, &options, create_state_bucket).await?;
                let (boundary, prefix) = (permissions_boundary.as_deref(), prefix.of(stack.name()));
                policy(run, &stack, &options, Extent { task: Task::Apply, boundary, prefix: prefix.as_deref() })
            }
            IamCommand::Destroy { options, prefix } => by_names(run, Task::Destroy, &options, &prefix).await,
            IamCommand::Rollback { options, prefix } => by_names(run, Task::Rollback, &options, &prefix).await,
            IamCommand::Verify { options } => by_names(run, Task::Verify, &options, &Prefix::default()).await,
            IamCommand::Github(options) => github::run(run, &options).await,
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
        if options.with_state && offline.inputs.preview.as_deref().is_some_and(env::is_pattern) {
            return Err(open_environment("`--with-state` reads the state of one environment"));
        }
        offline.inputs.accept_missing = true;
        let loaded = run.load(&offline)?;
        let named = options.account.as_deref();
        let asks_aws = options.with_state || (named.is_none() && loaded.document.account().is_none());
        let settings = if asks_aws { run.settings_to_operate(&choice, "iam")? } else { offline };
        let at = pipeline::whereabouts(&loaded, &settings, named, options.with_state, &run.stop).await?;
        Ok(Self { settings, loaded, at })
    }

    /// Returns the stack's name in stack.yaml.
    fn name(&self) -> &str {
        self.loaded.document.stack_name()
    }

    /// Tells whether the stack was loaded for all environments of a pattern: only their own role is in question then.
    fn is_open(&self) -> bool {
        self.loaded.document.env().is_some_and(env::is_pattern)
    }

    /// Returns the name that the roles of CI begin with.
    fn roles_name(&self) -> &str {
        if self.is_open() { self.name() } else { self.loaded.document.stack() }
    }

    fn permissions(&self, extent: &Extent<'_>) -> Result<Permissions, Failure> {
        pipeline::permissions(&self.loaded, &self.settings, &self.at, extent)
    }

    fn print(&self, run: &Run, value: &Value) {
        run.terminal.object(value);
    }
}

/// Prints the policy of a task that needs no other options.
async fn by_names(run: &Run, task: Task, options: &IamOptions, prefix: &Prefix) -> Exit {
    let stack = Stack::of(run, options, false).await?;
    let prefix = prefix.of(stack.name());
    policy(run, &stack, options, Extent { prefix: prefix.as_deref(), ..task.into() })
}

fn policy(run: &Run, stack: &Stack, options: &IamOptions, extent: Extent<'_>) -> Exit {
    let document = Document::of(&stack.permissions(&extent)?);
    if options.split {
        let parts = document.split();
        stack.print(run, &parts.iter().map(Document::to_json).collect());
    } else {
        stack.print(run, &document.to_json());
        form::warn_of_size(&run.terminal, &document, extent.task);
    }
    if let Some(prefix) = extent.prefix {
        let names = NamePatterns::of(prefix, stack.loaded.document.env()).shown();
        form::warn_of_prefix(&run.terminal, &names, extent.task);
    }
    Ok(OK)
}

/// Parses a pattern of names: a beginning of at least two characters, and `*`.
fn pattern(text: &str) -> Result<String, String> {
    let beginning = text.strip_suffix('*').unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || (beginning.len() >= 2 && beginning.chars().all(plain)) {
        return Ok(text.to_owned());
    }
    Err("a pattern is the beginning of names and `*`, such as \"shop-*\"".to_owned())
}

fn account_id(text: &str) -> Result<String, String> {
    let valid = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if valid { Ok(text.to_owned()) } else { Err("an account is 12 digits".to_owned()) }
}

fn policy_arn(text: &str) -> Result<String, String> {
    let valid = text.starts_with("arn:") && text.contains(":iam::") && text.contains(":policy/");
    if valid { Ok(text.to_owned()) } else { Err("a boundary is written arn:aws:iam::ACCOUNT:policy/NAME".to_owned()) }
}

/// Refuses a pattern of environments where one environment is needed.
pub(super) fn open_environment(why: &str) -> Failure {
    let help = "name one environment, such as `--env pr-7`; a pattern is for `iam plan`, `iam apply`, `iam destroy`";
    Failure::plain("env::pattern", format!("`--env` has a pattern, but {why}"), help)
}

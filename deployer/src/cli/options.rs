//! The command line's words. Their doc comments are the help texts.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::ArgValueCompleter;

use super::completions;

/// Makes AWS match a declarative stack.yaml.
///
/// Try it without AWS: `deployer local start`, then `deployer --local apply`.
#[derive(Debug, Parser)]
#[command(name = "deployer", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The stack's file.
    #[arg(short, long, global = true, env = "DEPLOYER_FILE", default_value = "stack.yaml", value_name = "FILE")]
    pub file: PathBuf,
    /// Work in this directory.
    #[arg(short = 'C', global = true, env = "DEPLOYER_DIRECTORY", value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Set a variable of the stack (repeatable).
    #[arg(long, global = true, value_name = "NAME=VALUE", add = ArgValueCompleter::new(completions::variables))]
    pub var: Vec<String>,
    /// Read variables from a YAML or JSON file (repeatable).
    #[arg(long, global = true, env = "DEPLOYER_VAR_FILE", value_name = "FILE")]
    pub var_file: Vec<PathBuf>,
    /// Work on this preview environment of the stack instead of the stack itself.
    #[arg(long = "env", global = true, env = "DEPLOYER_ENV", value_name = "NAME", value_parser = environment)]
    pub preview: Option<String>,
    /// Use the local cloud instead of AWS.
    #[arg(long, global = true, env = "DEPLOYER_LOCAL", value_parser = FalseyValueParser::new())]
    pub local: bool,
    /// Send every AWS call to this address.
    #[arg(long, global = true, env = "DEPLOYER_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Calls and actions at the same time.
    #[arg(long, global = true, env = "DEPLOYER_PARALLELISM", default_value = "64", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub parallelism: u16,
    /// Wait this long for a lock that another run holds: 30, 30s, 2m.
    #[arg(long, global = true, env = "DEPLOYER_LOCK_TIMEOUT", default_value = "30s", value_name = "DURATION", value_parser = duration)]
    pub lock_timeout: std::time::Duration,
    /// How long the lock outlives its last renewal: 3s to 1h.
    #[arg(long, global = true, hide = true, env = "DEPLOYER_LEASE", default_value = "30s", value_name = "DURATION", value_parser = lease)]
    pub lease: crate::state::Terms,
    /// Write data as JSON.
    #[arg(long, global = true, env = "DEPLOYER_JSON", value_parser = FalseyValueParser::new())]
    pub json: bool,
    /// Write without colour.
    #[arg(long, global = true, env = "DEPLOYER_NO_COLOR", value_parser = FalseyValueParser::new())]
    pub no_color: bool,
    /// Show more.
    #[arg(short, long, global = true, env = "DEPLOYER_VERBOSE", value_parser = FalseyValueParser::new())]
    pub verbose: bool,
    /// Show no progress and no warnings.
    #[arg(short, long, global = true, env = "DEPLOYER_QUIET", value_parser = FalseyValueParser::new(), conflicts_with = "verbose")]
    pub quiet: bool,
}

/// An empty name is none: workflows hand on what they were not given.
fn environment(name: &str) -> Result<String, String> {
    if name.is_empty() { Ok(String::new()) } else { crate::spec::env::parse(name) }
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::spec::values::Seconds::parse(text)
        .map(|seconds| std::time::Duration::from_secs(seconds.0.into()))
        .ok_or_else(|| "a duration is written 30, 30s or 2m".to_owned())
}

fn lease(text: &str) -> Result<crate::state::Terms, String> {
    crate::state::Terms::new(duration(text)?.as_secs()).ok_or_else(|| "a lease lasts 3s to 1h".to_owned())
}

/// What a plan is about.
#[derive(Debug, Clone, Default, Args)]
pub struct Choice {
    /// Only this address or element, and what it needs (repeatable).
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(completions::addresses))]
    pub target: Vec<String>,
    /// Not this address or element, nor what needs it (repeatable).
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(completions::addresses))]
    pub exclude: Vec<String>,
    /// Make this address anew (repeatable).
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(completions::addresses))]
    pub replace: Vec<String>,
    /// Take over this existing resource (repeatable).
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(completions::addresses))]
    pub adopt: Vec<String>,
    /// Exit with 2 when changes are pending at the end: a plan that has some, never an apply that made them.
    #[arg(long, env = "DEPLOYER_DETAILED_EXITCODE", value_parser = FalseyValueParser::new())]
    pub detailed_exitcode: bool,
    /// Create the state's bucket if it is missing.
    #[arg(long, env = "DEPLOYER_CREATE_STATE_BUCKET", value_parser = FalseyValueParser::new())]
    pub create_state_bucket: bool,
}

/// The plan that was reviewed.
#[derive(Debug, Clone, Default, Args)]
pub struct Expected {
    /// Refuse when the plan does anything else than this one: its digest, or a file of `plan --json`; empty is none.
    #[arg(long, env = "DEPLOYER_EXPECT_PLAN", value_name = "DIGEST|FILE")]
    pub expect_plan: Option<String>,
}

/// A run that changes nothing in AWS.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Refresh {
    /// Only let the state learn what AWS has; nothing in AWS is changed.
    #[arg(long, env = "DEPLOYER_REFRESH_ONLY", value_parser = FalseyValueParser::new(), conflicts_with = "replace")]
    pub refresh_only: bool,
}

/// Which log lines.
#[derive(Debug, Clone, Args)]
pub struct Lines {
    /// How far back: 30s, 10m, 2h, 1d.
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub since: std::time::Duration,
}

/// Who says yes.
#[derive(Debug, Clone, Default, Args)]
pub struct Approval {
    /// Do it without asking.
    #[arg(short = 'y', long = "auto-approve", visible_alias = "yes", env = "DEPLOYER_AUTO_APPROVE", value_parser = FalseyValueParser::new())]
    pub auto_approve: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check stack.yaml without AWS
    Validate {
        /// Say what a finding's code means, how it comes about and what to do; without CODE, list all.
        #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "", add = ArgValueCompleter::new(completions::codes))]
        explain: Option<String>,
    },
    /// Show what apply would change
    Plan {
        /// Save the plan, for `deployer apply FILE`.
        #[arg(long, value_name = "FILE", conflicts_with = "refresh_only")]
        out: Option<PathBuf>,
        /// Write the plan as a page with a picture, too; it needs no other file and no network.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        refresh: Refresh,
    },
    /// Show a saved plan: as text, with --json, or as Markdown for a comment on a pull request
    Show {
        #[arg(value_name = "PLANFILE")]
        plan_file: PathBuf,
        /// Write Markdown that fits into a comment on GitHub.
        #[arg(long, conflicts_with = "json", value_parser = FalseyValueParser::new())]
        markdown: bool,
    },
    /// Make AWS match stack.yaml
    Apply {
        /// Carry out exactly this saved plan, or refuse.
        #[arg(value_name = "PLANFILE", conflicts_with_all = ["target", "exclude", "replace", "adopt", "expect_plan", "refresh_only"])]
        plan_file: Option<PathBuf>,
        #[command(flatten)]
        expected: Expected,
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        refresh: Refresh,
        #[command(flatten)]
        approval: Approval,
    },
    /// Delete everything that the stack owns
    Destroy {
        #[command(flatten)]
        choice: Choice,
        #[command(flatten)]
        refresh: Refresh,
        #[command(flatten)]
        approval: Approval,
    },
    /// In CI: apply on the branches in `ci.apply_on` without asking, plan everywhere else
    Ci {
        #[command(flatten)]
        expected: Expected,
        #[command(flatten)]
        choice: Choice,
    },
    /// Show what other hands changed; exit 2 when there is any
    Drift {
        #[command(flatten)]
        choice: Choice,
    },
    /// Show every resource at a glance: whether it exists, has drifted, is well
    Status,
    /// Take over an existing resource that this stack did not make
    Adopt {
        /// An address or element of stack.yaml, such as `queues.orders`.
        address: String,
        /// Its id in AWS. Needed for REST APIs, which have no unique name; otherwise checked.
        id: Option<String>,
        #[command(flatten)]
        approval: Approval,
    },
    /// Print what functions logged, oldest first
    Logs {
        /// Only these functions.
        function: Vec<String>,
        #[command(flatten)]
        lines: Lines,
        /// Only lines that match this CloudWatch Logs filter pattern.
        #[arg(long, value_name = "PATTERN")]
        filter: Option<String>,
        /// Go on until interrupted.
        #[arg(long)]
        follow: bool,
    },
    /// Call a function and print its answer
    Invoke {
        function: String,
        /// JSON, `@FILE`, or `-` for standard input.
        #[arg(default_value = "{}")]
        payload: String,
    },
    /// Follow one request or message through all functions' logs
    Trace {
        /// A correlation id, request id or message id.
        id: String,
        #[command(flatten)]
        lines: Lines,
    },
    /// Print the stack's outputs, or one bare value
    Output {
        #[arg(add = ArgValueCompleter::new(completions::outputs))]
        name: Option<String>,
    },
    /// Print the IAM permissions that a command needs for this stack
    #[command(subcommand)]
    Iam(IamCommand),
    /// Draw the stack: what there is and what flows between it, without AWS
    Graph {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Write to this file instead of stdout.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List and destroy preview environments
    #[command(subcommand)]
    Env(EnvCommand),
    /// Look at the state and repair it
    #[command(subcommand)]
    State(StateCommand),
    /// Start, stop or show the local cloud
    #[command(subcommand)]
    Local(LocalCommand),
    /// Print the JSON Schema of stack.yaml
    Schema {
        /// Print that of `plan --json` instead.
        #[arg(long, value_parser = FalseyValueParser::new())]
        plan: bool,
    },
    /// Print a completion script
    Completions { shell: Shell },
    /// Print the manual page of the program or of one command
    Man {
        /// The command: `plan`, `state show`.
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
        /// Write the pages of all commands to this directory.
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        out: Option<PathBuf>,
    },
}

/// Shells that the deployer completes in.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
// A shell's name is its name.
#[allow(clippy::enum_variant_names)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// What permissions are printed for.
#[derive(Debug, Subcommand)]
pub enum IamCommand {
    /// Print the policy for `plan`, `drift`, `output`, and `state list|show|history`
    Plan {
        #[command(flatten)]
        options: IamOptions,
    },
    /// Print the policy for `apply`
    ///
    /// It covers making, changing, replacing and deleting everything that stack.yaml has now, and the state with its
    /// lock. What the state holds and stack.yaml has no longer is added by --with-state.
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
    Destroy {
        #[command(flatten)]
        options: IamOptions,
    },
    /// Print the OIDC provider and the roles for GitHub Actions
    ///
    /// One role plans, for pull requests and branches; one applies, for the branches in `ci.apply_on` or the jobs of
    /// one environment. The JSON goes to stdout, the AWS CLI's commands that create it to stderr.
    Github(GithubOptions),
}

/// Where permissions are for.
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

/// Who on GitHub may do what.
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
    /// Print this role alone.
    #[arg(long, value_name = "ROLE")]
    pub role: Option<GithubRole>,
    /// GitHub's number of the repository's owner.
    #[arg(long, value_name = "NUMBER", requires = "repo_id")]
    pub owner_id: Option<u64>,
    /// GitHub's number of the repository.
    #[arg(long, value_name = "NUMBER", requires = "owner_id")]
    pub repo_id: Option<u64>,
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
    pub fn task(self) -> crate::iam::Task {
        match self {
            Self::Plan => crate::iam::Task::Plan,
            Self::Apply => crate::iam::Task::Apply,
        }
    }
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

/// IAM would read `*` and `?` as patterns.
fn plain_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['*', '?', '$']) {
        Err("no `*`, `?` or `$`".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// How a picture is written down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For GitHub and other places that draw mermaid.
    #[default]
    Mermaid,
    /// For Graphviz.
    Dot,
    Svg,
    /// One page with details, for a browser.
    Html,
}

/// The environments' verbs.
#[derive(Debug, Subcommand)]
pub enum EnvCommand {
    /// List the environments that have a state beside the stack's
    List,
    /// Destroy environments with all that they own
    Destroy {
        /// These environments.
        #[arg(required_unless_present = "stale", conflicts_with = "stale")]
        name: Vec<String>,
        /// All that nobody has applied for this long: 12h, 7d.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        stale: Option<std::time::Duration>,
        #[command(flatten)]
        approval: Approval,
    },
}

/// The state's verbs.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the resources in the state
    List,
    /// Print what the state holds of one resource
    Show {
        #[arg(add = ArgValueCompleter::new(completions::addresses))]
        address: String,
    },
    /// List the versions of the state that are kept
    History,
    /// Make a kept version the state again
    Restore { serial: u64 },
    /// Take a resource out of the state; AWS keeps it
    Forget {
        #[arg(add = ArgValueCompleter::new(completions::addresses))]
        address: String,
        #[command(flatten)]
        approval: Approval,
    },
    /// Remove the lock of a run that is dead
    Unlock {
        /// Remove only the lock of this id.
        id: Option<String>,
        #[command(flatten)]
        approval: Approval,
    },
}

/// The local cloud's verbs.
#[derive(Debug, Subcommand)]
pub enum LocalCommand {
    /// Start the local cloud, with the buckets that the stack expects to find
    Start {
        /// Create this bucket, too (repeatable).
        #[arg(long, value_name = "NAME")]
        bucket: Vec<String>,
        /// Enforce IAM permissions.
        #[arg(long, value_parser = FalseyValueParser::new())]
        check_permissions: bool,
        /// Let the picture models that Bedrock has retired answer.
        #[arg(long, value_parser = FalseyValueParser::new())]
        allow_retired_models: bool,
    },
    /// Stop the local cloud; its data stays
    Stop,
    /// Show whether the local cloud runs, and where
    Status,
    /// Serve the stand-in for Bedrock's picture models
    #[command(hide = true)]
    Bedrock {
        #[arg(long)]
        port: u16,
        #[arg(long, value_parser = FalseyValueParser::new())]
        allow_retired: bool,
    },
}

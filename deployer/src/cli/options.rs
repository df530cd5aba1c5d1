//! Options that several commands share.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;

use super::complete;
use super::environment::since;
use crate::failure::Failure;
use crate::plan::Goal;
use crate::spec::env;
use crate::spec::values::Seconds;
use crate::state::Terms;

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The stack's file.
    #[arg(short, long, global = true, env = "DEPLOYER_FILE", default_value = "stack.yaml", value_name = "FILE")]
    pub file: PathBuf,
    /// Work in this directory.
    #[arg(short = 'C', global = true, env = "DEPLOYER_DIRECTORY", value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Set a variable of the stack (repeatable).
    #[arg(long, global = true, value_name = "NAME=VALUE", add = ArgValueCompleter::new(complete::variables))]
    pub var: Vec<String>,
    /// Read variables from a YAML or JSON file (repeatable).
    #[arg(long, global = true, env = "DEPLOYER_VAR_FILE", value_name = "FILE")]
    pub var_file: Vec<PathBuf>,
    /// Work on this environment: `staging`, `production`, or a preview such as `pr-7`.
    #[arg(long = "env", global = true, env = "DEPLOYER_ENV", value_name = "NAME", value_parser = environment, add = ArgValueCompleter::new(complete::environments))]
    pub preview: Option<String>,
    /// Use the local cloud instead of AWS.
    #[arg(long, global = true, env = "DEPLOYER_LOCAL", value_parser = FalseyValueParser::new())]
    pub local: bool,
    /// Send every AWS call to this address; default: AWS_ENDPOINT_URL, else AWS itself.
    #[arg(long, global = true, env = "DEPLOYER_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Run at most this many actions, and calls, at the same time.
    #[arg(long, global = true, env = "DEPLOYER_PARALLELISM", default_value = "192", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub parallelism: u16,
    /// Wait this long for a lock that another run holds: 30, 30s, 2m.
    #[arg(long, global = true, env = "DEPLOYER_LOCK_TIMEOUT", default_value = "30s", value_name = "DURATION", value_parser = duration)]
    pub lock_timeout: Duration,
    /// Expire the lock this long after its last renewal: 3s to 1h.
    #[arg(long, global = true, hide = true, env = "DEPLOYER_LEASE", default_value = "30s", value_name = "DURATION", value_parser = lease)]
    pub lease: Terms,
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

/// The resources that a plan is about, and further options of the commands that plan.
#[derive(Debug, Clone, Default, Args)]
pub struct Choice {
    /// Only this address or element, and everything that it needs (repeatable).
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(complete::addresses))]
    pub target: Vec<String>,
    /// Everything but this address or element, and but everything that needs it (repeatable).
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(complete::addresses))]
    pub exclude: Vec<String>,
    /// Recreate this address (repeatable).
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(complete::addresses))]
    pub replace: Vec<String>,
    /// Take over this existing resource (repeatable).
    #[arg(long, value_name = "ADDRESS", add = ArgValueCompleter::new(complete::addresses))]
    pub adopt: Vec<String>,
    /// Delete a `--target`, too, that carries this stack's ownership tags and that neither stack.yaml nor the state has.
    #[arg(long, env = "DEPLOYER_PRUNE", value_parser = FalseyValueParser::new())]
    pub prune: bool,
    /// Exit with 2 when changes are pending at the end: a plan that has some, never an apply that made them.
    #[arg(long, env = "DEPLOYER_DETAILED_EXITCODE", value_parser = FalseyValueParser::new())]
    pub detailed_exitcode: bool,
    /// Create the state's bucket if it is missing.
    #[arg(long, env = "DEPLOYER_CREATE_STATE_BUCKET", value_parser = FalseyValueParser::new())]
    pub create_state_bucket: bool,
}

/// Plans without secrets.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct KeepSecrets {
    /// Plan without the secrets that are not given, to read the plan: what AWS has in their place is kept and not
    /// compared.
    #[arg(long, env = "DEPLOYER_KEEP_SECRETS", value_parser = FalseyValueParser::new())]
    pub keep_secrets: bool,
}

/// The plan that was reviewed.
#[derive(Debug, Clone, Default, Args)]
pub struct ExpectedPlan {
    /// Refuse to apply any plan but this one: its digest, or a file of `plan --json`. Empty accepts every plan.
    #[arg(long, env = "DEPLOYER_EXPECT_PLAN", value_name = "DIGEST|FILE")]
    pub expect_plan: Option<String>,
}

impl ExpectedPlan {
    /// Returns the given digest or file. An empty text means none: workflows pass on inputs that were not set.
    pub fn word(&self) -> Option<&str> {
        self.expect_plan.as_deref().filter(|word| !word.is_empty())
    }
}

/// A run that changes nothing in AWS.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Refresh {
    /// Only record in the state what AWS has; change nothing in AWS.
    #[arg(long, env = "DEPLOYER_REFRESH_ONLY", value_parser = FalseyValueParser::new(), conflicts_with = "replace")]
    pub refresh_only: bool,
}

impl Refresh {
    /// Returns the goal of the run: `goal`, unless only the state is to be updated.
    pub fn or(self, goal: Goal) -> Goal {
        if self.refresh_only { Goal::Refresh } else { goal }
    }
}

/// The log lines to print.
#[derive(Debug, Clone, Args)]
pub struct Lines {
    /// How far back: 30s, 10m, 2h, 1d.
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub since: Duration,
    /// Up to how long ago; without it, up to now.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub until: Option<Duration>,
}

impl Lines {
    /// Returns the time of the lines, in milliseconds since 1970, UTC.
    ///
    /// # Errors
    /// When the time ends before it begins.
    pub fn time(&self) -> Result<Range<i64>, Failure> {
        if self.until.is_some_and(|until| until >= self.since) {
            let message = "`--since` must be longer ago than `--until`";
            return Err(Failure::plain("run::usage", message, "for example `--since 14h --until 8h`"));
        }
        Ok(since(self.since)..self.until.map_or(i64::MAX, since))
    }
}

/// The user's approval, given beforehand.
#[derive(Debug, Clone, Default, Args)]
pub struct Approval {
    /// Do it without asking.
    #[arg(short = 'y', long = "auto-approve", visible_alias = "yes", env = "DEPLOYER_AUTO_APPROVE", value_parser = FalseyValueParser::new())]
    pub auto_approve: bool,
}

/// Parses an environment's name, or a pattern of names for `iam`. An empty name means none: workflows pass on inputs
/// that were not set.
fn environment(name: &str) -> Result<String, String> {
    match name {
        "" => Ok(String::new()),
        pattern if pattern.contains('*') => env::parse_pattern(pattern),
        name => env::parse(name),
    }
}

/// Parses a duration: `30`, `30s`, `2m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    Seconds::parse(text)
        .map(|seconds| Duration::from_secs(seconds.0.into()))
        .ok_or_else(|| "a duration is written 30, 30s or 2m".to_owned())
}

/// Parses the time after which a lock expires.
fn lease(text: &str) -> Result<Terms, String> {
    Terms::new(duration(text)?.as_secs())
        .ok_or_else(|| "DEPLOYER_LEASE, how long the lock outlives its last renewal, is 3s to 1h".to_owned())
}

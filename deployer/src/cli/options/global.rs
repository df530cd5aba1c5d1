//! The options of every command.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;

use super::super::completions;

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
    #[arg(long, global = true, value_name = "NAME=VALUE", add = ArgValueCompleter::new(completions::variables))]
    pub var: Vec<String>,
    /// Read variables from a YAML or JSON file (repeatable).
    #[arg(long, global = true, env = "DEPLOYER_VAR_FILE", value_name = "FILE")]
    pub var_file: Vec<PathBuf>,
    /// Work on this preview environment of the stack instead of the stack itself.
    #[arg(long = "env", global = true, env = "DEPLOYER_ENV", value_name = "NAME", value_parser = environment, add = ArgValueCompleter::new(completions::environments))]
    pub preview: Option<String>,
    /// Use the local cloud instead of AWS.
    #[arg(long, global = true, env = "DEPLOYER_LOCAL", value_parser = FalseyValueParser::new())]
    pub local: bool,
    /// Send every AWS call to this address; default: AWS_ENDPOINT_URL, else AWS itself.
    #[arg(long, global = true, env = "DEPLOYER_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Actions, and calls, at the same time.
    #[arg(long, global = true, env = "DEPLOYER_PARALLELISM", default_value = "192", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub parallelism: u16,
    /// Wait this long for a lock that another run holds: 30, 30s, 2m.
    #[arg(long, global = true, env = "DEPLOYER_LOCK_TIMEOUT", default_value = "30s", value_name = "DURATION", value_parser = duration)]
    pub lock_timeout: std::time::Duration,
    /// Expire the lock this long after its last renewal: 3s to 1h.
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

/// Parses an environment's name. An empty name means none: workflows pass on inputs that were not set.
pub(super) fn environment(name: &str) -> Result<String, String> {
    if name.is_empty() { Ok(String::new()) } else { crate::spec::env::parse(name) }
}

pub(super) fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::spec::values::Seconds::parse(text)
        .map(|seconds| std::time::Duration::from_secs(seconds.0.into()))
        .ok_or_else(|| "a duration is written 30, 30s or 2m".to_owned())
}

pub(super) fn lease(text: &str) -> Result<crate::state::Terms, String> {
    crate::state::Terms::new(duration(text)?.as_secs())
        .ok_or_else(|| "DEPLOYER_LEASE, how long the lock outlives its last renewal, is 3s to 1h".to_owned())
}

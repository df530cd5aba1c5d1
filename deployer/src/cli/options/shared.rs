//! Options that several commands share.

use clap::Args;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;

use super::super::completions;
use super::global::duration;

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

/// The plan that was reviewed.
#[derive(Debug, Clone, Default, Args)]
pub struct Expected {
    /// Refuse to apply any plan but this one: its digest, or a file of `plan --json`. Empty accepts every plan.
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

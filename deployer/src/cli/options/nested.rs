//! The commands below `deployer env`, `state` and `local`.

use clap::Subcommand;
use clap::builder::FalseyValueParser;
use clap_complete::ArgValueCompleter;

use super::super::completions;
use super::global::duration;
use super::shared::Approval;

/// The environments' verbs.
#[derive(Debug, Subcommand)]
pub enum EnvCommand {
    /// List the environments that have a state beside the stack's
    List,
    /// Destroy environments with all that they own
    Destroy {
        /// These environments.
        #[arg(required_unless_present = "stale", conflicts_with = "stale", add = ArgValueCompleter::new(completions::environments))]
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
        /// An address, such as `queues.orders`.
        #[arg(add = ArgValueCompleter::new(completions::addresses))]
        address: String,
    },
    /// List the versions of the state that are kept
    History,
    /// Make a kept version the state again
    Restore {
        /// The version's number in `deployer state history`.
        serial: u64,
        /// Nothing is asked; taken as by the other commands.
        #[arg(short = 'y', long = "auto-approve", alias = "yes", hide = true)]
        _auto_approve: bool,
    },
    /// Take a resource out of the state; AWS keeps it
    Forget {
        /// An address, such as `queues.orders`.
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
        /// The secret that requests are signed with
        #[arg(long, env = crate::local::SECRET_VARIABLE, hide_env_values = true)]
        secret: String,
    },
}

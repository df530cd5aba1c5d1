//! The command line's definitions. Their doc comments are the help texts.

mod global;
mod iam;
mod nested;
mod queue;
mod shared;

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use clap_complete::ArgValueCompleter;

use super::completions;

pub use global::Global;
pub use iam::{GithubOptions, IamCommand, IamOptions, plain_name};
pub use nested::{EnvCommand, LocalCommand, StateCommand};
pub use queue::QueueCommand;
pub use shared::{Approval, Choice, Expected, Lines, Refresh};

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
        /// Nothing is asked; taken so that a script may hand plan and apply the same options.
        #[arg(short = 'y', long = "auto-approve", alias = "yes", hide = true)]
        _auto_approve: bool,
    },
    /// Show a saved plan: as text, with --json, or as Markdown for a comment on a pull request
    Show {
        /// A file that `deployer plan --out` wrote.
        #[arg(value_name = "PLANFILE")]
        plan_file: PathBuf,
        /// Write Markdown that fits into a comment on GitHub.
        #[arg(long, conflicts_with = "json", value_parser = FalseyValueParser::new())]
        markdown: bool,
    },
    /// Make AWS match stack.yaml
    Apply {
        /// Carry out exactly this saved plan, or refuse.
        #[arg(value_name = "PLANFILE", conflicts_with_all = ["target", "exclude", "replace", "adopt", "prune", "expect_plan", "refresh_only"])]
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
        /// Nothing is asked; taken so that a script may hand all commands the same options.
        #[arg(short = 'y', long = "auto-approve", alias = "yes", hide = true)]
        _auto_approve: bool,
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
        #[arg(add = ArgValueCompleter::new(completions::addresses))]
        address: String,
        /// Its id in AWS. Needed for REST APIs, which have no unique name; otherwise checked.
        id: Option<String>,
        #[command(flatten)]
        approval: Approval,
    },
    /// Print what functions logged, oldest first
    Logs {
        /// Only these functions.
        #[arg(add = ArgValueCompleter::new(completions::functions))]
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
        /// A function's name in stack.yaml.
        #[arg(add = ArgValueCompleter::new(completions::functions))]
        function: String,
        /// JSON, `@FILE`, or `-` for standard input.
        #[arg(default_value = "{}")]
        payload: String,
    },
    /// Put the previous code of functions back, as AWS keeps it
    ///
    /// Each function whose code the last apply changed goes back to the code that it ran before; one that is named goes
    /// back in any case. Settings stay as they are, and so does
    /// stack.yaml, which still means the newer code: the next apply brings it again. To stay there, go back in the
    /// source and apply that.
    Rollback {
        /// Only these functions.
        #[arg(add = ArgValueCompleter::new(completions::functions))]
        function: Vec<String>,
        /// Put the code of this version there; one function has to be named.
        #[arg(long, value_name = "VERSION")]
        to: Option<u64>,
        /// List the versions that AWS keeps, and change nothing.
        #[arg(long, conflicts_with = "to", value_parser = FalseyValueParser::new())]
        list: bool,
        #[command(flatten)]
        approval: Approval,
    },
    /// Look at failed messages, move them back, or delete a queue's messages
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Follow one request or message through all functions' logs
    Trace {
        /// A correlation id, request id or message id.
        id: String,
        #[command(flatten)]
        lines: Lines,
    },
    /// Print the stack's outputs, or one bare value
    Output {
        /// Print the bare value of this output alone.
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
    Completions {
        /// The shell that is to complete.
        shell: Shell,
    },
    /// Print the manual page of the program or of one command
    Man {
        /// The command: `plan`, `state show`.
        #[arg(value_name = "COMMAND", add = ArgValueCompleter::new(completions::commands))]
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

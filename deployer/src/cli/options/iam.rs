//! The options of `deployer iam`.

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};

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
    /// Print the policy for `rollback`
    Rollback {
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

/// Rejects `*` and `?`, which IAM would read as patterns, and `$`, which it would read as a variable.
pub fn plain_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['*', '?', '$']) {
        Err("no `*`, `?` or `$`".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

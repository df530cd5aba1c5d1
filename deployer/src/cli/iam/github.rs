//! `deployer iam github`

use clap::Args;
use clap::builder::FalseyValueParser;

use super::super::options::Approval;
use super::super::run::Run;
use super::super::{Exit, OK};
use super::access::{self, AccessChange};
use super::{IamOptions, Prefix, Stack, open_environment, own_names, policy_arn};
use crate::failure::Failure;
use crate::iam::github::{self, Duty, Repository, Role, Source, Trust};
use crate::iam::{self, Document, NamePatterns, Permissions, Task};
use crate::pipeline::{self, Extent, LoadedStack};
use crate::report::iam as form;
use crate::spec::env;
use crate::spec::head::Preview;

/// The environments of pull requests.
const PREVIEWS: &str = "pr-*";

/// The previews that get a role.
struct PreviewRole {
    /// Stands for the names of their environments.
    environment: String,
    source: Source,
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
    /// With `ci.preview: branch`, the branches whose previews get a role, such as feature/*.
    #[arg(long, value_name = "PATTERN", value_parser = branch_pattern)]
    pub preview_branches: Option<String>,
    /// Accept a preview role that may give the roles of previews every right: no boundary limits them.
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub unbounded_previews: bool,
    /// Let roles be made under this permissions boundary alone; each role of the stack has to carry it.
    #[arg(long, value_name = "ARN", value_parser = policy_arn)]
    pub permissions_boundary: Option<String>,
    /// Allow creating the state's bucket, too.
    #[arg(long)]
    pub create_state_bucket: bool,
    /// Create and update the provider, the roles and their policies; shows the changes and asks.
    #[arg(long, value_parser = FalseyValueParser::new())]
    pub apply: bool,
    /// Delete the roles and their policies; shows them and asks. The provider stays.
    #[arg(long, conflicts_with = "apply", value_parser = FalseyValueParser::new())]
    pub remove: bool,
    #[command(flatten)]
    pub approval: Approval,
    #[command(flatten)]
    pub prefix: Prefix,
    #[command(flatten)]
    pub stack: IamOptions,
}

/// A role of GitHub's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum GithubRole {
    Plan,
    Apply,
    Preview,
}

impl GithubRole {
    fn duty(self) -> Duty {
        match self {
            Self::Plan => Duty::Plan,
            Self::Apply => Duty::Apply,
            Self::Preview => Duty::Preview,
        }
    }
}

/// Prints the provider and the roles, or brings the account to them.
pub(super) async fn run(run: &Run, options: &GithubOptions) -> Exit {
    let stack = Stack::of(run, &options.stack, options.create_state_bucket).await?;
    // These roles are for CI jobs, even if another machine prints their policies.
    let mut there = stack.settings.clone();
    there.machine.in_ci = true;
    pipeline::kept_after_this_job(&stack.loaded.document, &there)?;
    let (owner, name) = &options.repo;
    let only = if stack.is_open() { Some(Duty::Preview) } else { options.role.map(GithubRole::duty) };
    let change =
        |roles| AccessChange { roles, only, repository: format!("{owner}/{name}"), approval: &options.approval };
    if options.remove {
        return access::change(run, &stack, &change(&[])).await;
    }
    let roles = roles(options, &stack)?;
    if options.apply {
        warn(run, options, &stack, &roles);
        return access::change(run, &stack, &change(&roles)).await;
    }
    stack.print(run, &github::to_json(&stack.at.place, &roles));
    form::print_roles(&run.terminal, &github::commands(&stack.at.place, &roles), &roles);
    warn(run, options, &stack, &roles);
    Ok(OK)
}

/// Builds the roles.
fn roles(options: &GithubOptions, stack: &Stack) -> Result<Vec<Role>, Failure> {
    let (owner, name) = options.repo.clone();
    let repository = Repository { owner, name, ids: options.owner_id.zip(options.repo_id) };
    if repository.ids.is_none() && !options.any_id {
        return Err(unnumbered(&repository));
    }
    let previews = preview_role(options, stack)?;
    let mut trusts = Vec::new();
    if !stack.is_open() {
        trusts = vec![(Duty::Plan, planning(options)), (Duty::Apply, applying(options, stack)?)];
    }
    trusts.extend(previews.as_ref().map(|previews| (Duty::Preview, previews.source.clone())));
    trusts.retain(|(duty, _)| options.role.is_none_or(|role| role.duty() == *duty));
    let mut roles = Vec::new();
    for (duty, source) in &trusts {
        let policies = Document::of(&permissions(*duty, options, stack, previews.as_ref())?).split();
        let trust = Trust { repository: &repository, source };
        roles.push(github::role(*duty, stack.roles_name(), &stack.at.place, trust, policies));
    }
    Ok(roles)
}

/// Returns the previews that get a role, if `ci.preview` and the options ask for one.
fn preview_role(options: &GithubOptions, stack: &Stack) -> Result<Option<PreviewRole>, Failure> {
    let document = &stack.loaded.document;
    let (pattern, source) = match (document.ci().preview, &options.preview_branches) {
        (Preview::PullRequest, _) => (PREVIEWS.to_owned(), Source::PullRequests),
        (Preview::Branch, Some(branches)) => {
            let mut trusted = vec![branches.clone()];
            if let Source::Branches(applying) = applying(options, stack)? {
                let beginning = branches.trim_end_matches('*');
                if let Some(branch) = applying.iter().find(|branch| branch.starts_with(beginning)) {
                    let message =
                        format!("the branch {branch} applies, and `--preview-branches {branches}` matches it");
                    let help = "give the branches of previews another beginning";
                    return Err(Failure::plain("iam::preview-name", message, help));
                }
                trusted.extend(applying);
            }
            (env::pattern_of_branches(branches), Source::Branches(trusted))
        }
        _ if stack.is_open() => return Err(open_environment("`ci.preview` asks for no previews that get a role")),
        _ => return Ok(None),
    };
    let environment = env::parse_pattern(&pattern).map_err(|why| Failure::internal(&why))?;
    match document.env() {
        None => Ok(Some(PreviewRole { environment, source })),
        Some(own) if own == environment => Ok(Some(PreviewRole { environment, source })),
        Some(own) if env::is_pattern(own) => {
            Err(open_environment(&format!("the environments of previews are {pattern}")))
        }
        Some(_) => Ok(None),
    }
}

/// Collects the permissions of a role.
fn permissions(
    duty: Duty,
    options: &GithubOptions,
    stack: &Stack,
    previews: Option<&PreviewRole>,
) -> Result<Permissions, Failure> {
    let prefix = options.prefix.of(stack.name());
    let of = |task, boundary| stack.permissions(&Extent { task, boundary, prefix: prefix.as_deref() });
    match (duty, previews) {
        (Duty::Plan, _) => of(Task::Plan, None),
        (Duty::Apply, _) => of(Task::Apply, options.permissions_boundary.as_deref()),
        (Duty::Preview, None) => Err(Failure::internal("a role of previews was asked for without previews")),
        (Duty::Preview, Some(role)) => {
            let previews = of_previews(options, stack, &role.environment)?;
            if stack.is_open() {
                // Beside declared environments there is no stack of its own to plan.
                return Ok(previews);
            }
            let plan = of(Task::Plan, None)?;
            Ok(Permissions { allow: [plan.allow, previews.allow].concat(), deny: [plan.deny, previews.deny].concat() })
        }
    }
}

/// Collects the permissions to create, change and destroy the environments of previews. Their names always count by
/// pattern: a pull request may add elements.
fn of_previews(options: &GithubOptions, stack: &Stack, environment: &str) -> Result<Permissions, Failure> {
    let pattern = own_names(stack.name());
    let names = NamePatterns::of(&pattern, Some(environment));
    if stack.is_open() {
        for declared in pipeline::in_each_environment(&stack.settings.of_stack())? {
            apart_from_previews(&names, &pipeline::load(&declared)?, stack)?;
        }
    } else {
        apart_from_previews(&names, &stack.loaded, stack)?;
    }
    let settings = stack.settings.within(environment);
    let loaded = pipeline::load(&settings)?;
    let boundary = options.permissions_boundary.clone().or_else(|| iam::common_boundary(&loaded.graph));
    // A stack without roles is no exception: a pull request can add some.
    if boundary.is_none() && !options.unbounded_previews {
        let message = "whoever may push a branch could give the roles of a preview every right in the account";
        let help = "give each role the same `permissions_boundary:`, which then limits the roles of previews, too (a stack without roles: `--permissions-boundary ARN`); or accept it with `--unbounded-previews`; or print the other roles alone: `--role plan`, `--role apply`";
        return Err(Failure::plain("iam::unbounded-previews", message, help));
    }
    let extent = Extent { task: Task::Apply, boundary: boundary.as_deref(), prefix: Some(&pattern) };
    pipeline::permissions(&loaded, &settings, &stack.at.without_state(), &extent)
}

/// Fails if an element of the stack itself, or of a declared environment, has a name like those of previews.
fn apart_from_previews(names: &NamePatterns, loaded: &LoadedStack, stack: &Stack) -> Result<(), Failure> {
    let [first, ..] = names.elements(&loaded.graph, &stack.at.place)[..] else { return Ok(()) };
    let message = format!("`{first}` is named like the resources of previews, {}", names.shown().join(", "));
    let help = "give it another `name:`: the preview role could change it";
    Err(Failure::plain("iam::preview-name", message, help))
}

/// Prints the consequences of what the roles may do.
fn warn(run: &Run, options: &GithubOptions, stack: &Stack, roles: &[Role]) {
    let document = &stack.loaded.document;
    let has = |duty: Duty| roles.iter().any(|role| role.duty == duty);
    let equips = iam::equips_roles(&stack.loaded.graph) || options.prefix.of(stack.name()).is_some();
    if has(Duty::Apply) && equips && options.permissions_boundary.is_none() {
        form::warn_of_administrator(&run.terminal);
    }
    if let Some(prefix) = options.prefix.of(stack.name())
        && (has(Duty::Apply) || has(Duty::Plan))
    {
        let names = NamePatterns::of(&prefix, document.env()).shown();
        form::warn_of_prefix(&run.terminal, &names, if has(Duty::Apply) { Task::Apply } else { Task::Plan });
    }
    if document.ci().preview == Preview::Branch && options.preview_branches.is_none() {
        form::warn_of_branch_previews(&run.terminal);
    }
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

fn repository(text: &str) -> Result<(String, String), String> {
    let named = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match text.split_once('/') {
        Some((owner, name)) if named(owner) && named(name) => Ok((owner.to_owned(), name.to_owned())),
        _ => Err("a repository is written ORG/NAME".to_owned()),
    }
}

/// Parses a pattern of branches: a beginning with a letter or digit, then `/` or `-`, then `*`.
fn branch_pattern(text: &str) -> Result<String, String> {
    let beginning = text.strip_suffix('*').filter(|beginning| beginning.ends_with(['/', '-'])).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    if beginning.starts_with(|c: char| c.is_ascii_alphanumeric()) && beginning.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err("a pattern is the beginning of branches and `*`, such as \"feature/*\"".to_owned())
}

/// Rejects `*` and `?`, which IAM would read as patterns, and `$`, which it would read as a variable.
fn plain_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['*', '?', '$']) {
        Err("no `*`, `?` or `$`".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

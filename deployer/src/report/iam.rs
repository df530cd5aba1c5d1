//! Prints what a user of printed permissions should know.

use super::terminal::Terminal;
use crate::iam::github::{Duty, Role, Source};
use crate::iam::{Document, MANAGED_POLICY_SIZE, Task};

/// Warns about a role that may write other roles.
const ADMINISTRATOR: &str = "\nThe applying role may write the policies of the stack's roles and give these roles to functions. Whoever gets a commit to a branch \
    that applies, or a build script into its dependencies, can so reach everything in the account. `--permissions-boundary ARN` limits that: \
    each role is then made under that boundary.";

/// Warns if a document is longer than a managed policy may be.
pub fn warn_of_size(terminal: &Terminal, document: &Document, task: Task) {
    if !document.fits() {
        terminal.say(&format!(
            "This document has {} characters, and a managed policy at most {MANAGED_POLICY_SIZE}: `deployer iam {} --split` prints it as {}.",
            document.size(),
            task.name(),
            document.split().len()
        ));
    }
}

/// Prints the commands that create roles for GitHub Actions, and the consequences of the roles' trust policies.
pub fn print_roles(terminal: &Terminal, commands: &str, roles: &[Role]) {
    terminal.say(commands);
    for role in roles {
        if let Some(note) = consequence(role.duty, &role.source) {
            terminal.say(&format!("\n{note}"));
        }
    }
}

/// Warns that permissions by the beginning of names reach other stacks.
pub fn warn_of_prefix(terminal: &Terminal, names: &[String], task: Task) {
    let verbs = match task {
        Task::Plan | Task::Verify => "read",
        Task::Apply => "read, change and delete",
        Task::Destroy => "delete",
        Task::Rollback => "change the code of",
    };
    terminal.say(&format!(
        "\nNew elements need no new policy: the names {} are allowed in place of exact names. The price: the role may {verbs} everything in the account \
         with such a name, whoever owns it. Give no other stack a name that begins alike.",
        names.join(", ")
    ));
}

/// Explains why there is no role for the previews of branches.
pub fn warn_of_branch_previews(terminal: &Terminal) {
    terminal.say(
        "\n`ci.preview: branch` gets no role: names of its previews end in the branch, and no pattern tells those from the stack's own names. \
         If the branches of previews begin alike, name them: `--preview-branches 'feature/*'`. Or use `ci.preview: pull_request`.",
    );
}

/// Warns that the applying role is not limited by a boundary.
pub fn warn_of_administrator(terminal: &Terminal) {
    terminal.say(ADMINISTRATOR);
}

fn consequence(duty: Duty, source: &Source) -> Option<String> {
    match (duty, source) {
        (Duty::Plan, Source::Everything) => Some(
            "Everybody who can push a branch can take on the planning role. It changes nothing, but it reads the functions' environment variables, \
             secrets among them, and the state. To allow reviewed jobs alone: `--plan-environment NAME`."
                .to_owned(),
        ),
        (_, Source::Environment(environment)) => Some(format!(
            "A job in an environment does not name its branch: limit the environment {environment} to the branches that may use it."
        )),
        (Duty::Apply, Source::Branches(_)) => Some(
            "Jobs that pull_request_target, issue_comment or workflow_run start have the default branch's token, too: keep such workflows out of this \
             repository, or let an environment with required reviewers apply (`--environment NAME`)."
                .to_owned(),
        ),
        (Duty::Preview, Source::Branches(branches)) => Some(format!(
            "Everybody who can push a branch {} can take on the preview role. It changes previews alone, but it reads whatever the planning role reads. \
             A branch that is deleted is no ref any more: GitHub runs that job for the default branch, so the role trusts the applying branches, too.",
            branches.first().map(String::as_str).unwrap_or_default()
        )),
        (Duty::Preview, _) => Some(
            "Every pull request of this repository can take on the preview role before anybody has read it. The role changes previews alone, \
             but it reads whatever the planning role reads."
                .to_owned(),
        ),
        _ => None,
    }
}

//! Prints what a user of printed permissions should know.

use super::terminal::Terminal;
use crate::iam::github::Source;
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
pub fn print_roles(terminal: &Terminal, commands: &str, trusts: &[(Task, Source)]) {
    terminal.say(commands);
    for (task, source) in trusts {
        if let Some(note) = consequence(*task, source) {
            terminal.say(&format!("\n{note}"));
        }
    }
}

/// Warns that the applying role is not limited by a boundary.
pub fn warn_of_administrator(terminal: &Terminal) {
    terminal.say(ADMINISTRATOR);
}

fn consequence(task: Task, source: &Source) -> Option<String> {
    match (task, source) {
        (Task::Plan, Source::Everything) => Some(
            "Everybody who can push a branch can take on the planning role. It changes nothing, but it reads the functions' environment variables, \
             secrets among them, and the state. To allow reviewed jobs alone: `--plan-environment NAME`."
                .to_owned(),
        ),
        (_, Source::Environment(environment)) => Some(format!(
            "A job in an environment does not name its branch: limit the environment {environment} to the branches that may use it."
        )),
        (Task::Apply, Source::Branches(_)) => Some(
            "Jobs that pull_request_target, issue_comment or workflow_run start have the default branch's token, too: keep such workflows out of this \
             repository, or let an environment with required reviewers apply (`--environment NAME`)."
                .to_owned(),
        ),
        _ => None,
    }
}

//! Prints the steps to the access of GitHub's runs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::terminal::Terminal;
use crate::aws::Place;
use crate::aws::policy::{size, statement_diff};
use crate::iam::github::{self, Duty, Role};
use crate::operate::access::AccessStep;

/// Asks before the account's provider is changed, which other roles may use.
pub const AUDIENCE_QUESTION: &str = "The account's provider for GitHub does not accept the audience sts.amazonaws.com, \
    which the roles need. Other roles may use this provider; they keep working. Add the audience? Type `yes` to continue:";

/// Asks before the steps are carried out.
pub fn question(account: &str) -> String {
    format!("Change the access of GitHub's runs to the account {account} like this? Type `yes` to continue:")
}

/// Prints the steps, before the question.
pub fn print_steps(terminal: &Terminal, steps: &[AccessStep]) {
    if terminal.json {
        let actions: Vec<Value> = steps.iter().map(object).collect();
        return terminal.data(&format!("{}\n", json!({ "type": "plan", "actions": actions })));
    }
    let mut out = String::new();
    for step in steps {
        let _ = writeln!(out, "{} {}", sign(step), words(step));
        for line in details(step) {
            let _ = writeln!(out, "    {line}");
        }
    }
    if !steps.is_empty() {
        let count = |wanted: char| steps.iter().filter(|step| sign(step) == wanted).count();
        let _ = writeln!(out, "\n{} to create, {} to update, {} to delete.", count('+'), count('~'), count('-'));
    }
    terminal.data(&out);
}

/// Prints that a step was carried out.
pub fn print_done(terminal: &Terminal, step: &AccessStep) {
    if terminal.json {
        let Value::Object(mut line) = object(step) else { return };
        line.insert("type".to_owned(), "action_done".into());
        return terminal.data(&format!("{}\n", Value::Object(line)));
    }
    let verb = match sign(step) {
        '+' => "created",
        '~' => "updated",
        _ => "deleted",
    };
    terminal.say(&format!("✓ {verb} {}", words(step)));
}

/// Prints the end, and the commands that remain for the user.
pub fn print_end(terminal: &Terminal, done: usize, repository: &str, roles: &[Role], place: &Place) {
    let variable = |role: &Role| (variable(role.duty), github::role_arn(&role.name, place));
    if terminal.json {
        let variables: serde_json::Map<String, Value> =
            roles.iter().map(variable).map(|(name, arn)| (name.to_owned(), arn.into())).collect();
        let line = json!({ "type": "summary", "result": "ok", "done": done, "variables": variables });
        return terminal.data(&format!("{line}\n"));
    }
    if done == 0 {
        terminal.say("Nothing to do.");
    }
    if roles.is_empty() {
        return;
    }
    terminal.say("\nThe workflow reads the roles from the repository's variables:\n");
    for (name, arn) in roles.iter().map(variable) {
        terminal.data(&format!("gh variable set {name} --repo {repository} --body {arn}\n"));
    }
}

/// Returns the name of the repository's variable with a role's ARN.
fn variable(duty: Duty) -> &'static str {
    match duty {
        Duty::Plan => "AWS_PLAN_ROLE_ARN",
        Duty::Apply => "AWS_ROLE_ARN",
        Duty::Preview => "AWS_PREVIEW_ROLE_ARN",
    }
}

fn sign(step: &AccessStep) -> char {
    match step {
        AccessStep::CreateProvider | AccessStep::CreatePolicy { .. } | AccessStep::CreateRole(_) => '+',
        AccessStep::AddAudience | AccessStep::UpdatePolicy { .. } | AccessStep::UpdateRole { .. } => '~',
        AccessStep::DeleteRole(_) | AccessStep::DeletePolicy { .. } => '-',
    }
}

/// Returns the kind and the name of the resource that a step is about.
fn subject(step: &AccessStep) -> (&'static str, &str) {
    match step {
        AccessStep::CreateProvider | AccessStep::AddAudience => ("identity provider", github::ISSUER),
        AccessStep::CreatePolicy { name, .. }
        | AccessStep::UpdatePolicy { name, .. }
        | AccessStep::DeletePolicy { name } => ("policy", name),
        AccessStep::CreateRole(role) => ("role", &role.name),
        AccessStep::UpdateRole { want, .. } => ("role", &want.name),
        AccessStep::DeleteRole(live) => ("role", &live.physical_id),
    }
}

fn words(step: &AccessStep) -> String {
    let (kind, name) = subject(step);
    format!("{kind} {name}")
}

/// Describes what a step changes, one line for each grant or property.
fn details(step: &AccessStep) -> Vec<String> {
    let diff = |before: &Value, after: &Value| statement_diff(Some(before), Some(after));
    match step {
        AccessStep::CreateProvider | AccessStep::AddAudience => vec![format!("audience: {}", github::AUDIENCE)],
        AccessStep::CreatePolicy { document, .. } => vec![format!("{} characters", size(document))],
        AccessStep::UpdatePolicy { before, document, .. } => {
            diff(before, document).iter().map(ToString::to_string).collect()
        }
        AccessStep::CreateRole(role) => {
            statement_diff(None, Some(&role.assume_role_policy)).iter().map(ToString::to_string).collect()
        }
        AccessStep::UpdateRole { live, want, changes } => {
            let trust = diff(&live.spec.assume_role_policy, &want.assume_role_policy);
            changes.iter().cloned().chain(trust.iter().map(ToString::to_string)).collect()
        }
        AccessStep::DeleteRole(_) | AccessStep::DeletePolicy { .. } => Vec::new(),
    }
}

fn object(step: &AccessStep) -> Value {
    let (kind, name) = subject(step);
    let action = match sign(step) {
        '+' => "create",
        '~' => "update",
        _ => "delete",
    };
    json!({ "action": action, "kind": kind, "name": name, "changes": details(step) })
}

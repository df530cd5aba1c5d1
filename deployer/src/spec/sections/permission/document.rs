//! Checks of whole policy documents. Sources: IAM user guide, "Grammar of the IAM JSON policy language" and "IAM JSON
//! policy elements"; SQS developer guide, "Amazon SQS policy quotas".

use std::collections::BTreeSet;

use serde_json::Value;

use super::{actions, check_characters, condition, is_resource, refuse_resource, wildcards};
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::{nearest, quoted};

/// The use of a policy document. Each use forbids other parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Permissions of a role.
    Role,
    /// Principals that may assume a role.
    Trust,
    /// Principals that may use a queue, a topic or a bucket: the prefix of the service's actions.
    Resource(&'static str),
}

const KEYS: &[&str] = &["Id", "Statement", "Version"];
const STATEMENT_KEYS: &[&str] =
    &["Action", "Condition", "Effect", "NotAction", "NotPrincipal", "NotResource", "Principal", "Resource", "Sid"];
const VERSIONS: &[&str] = &["2008-10-17", "2012-10-17"];
/// The most statements of a queue's policy, and the most actions of a statement in it.
const QUEUE_STATEMENTS: usize = 20;
const QUEUE_ACTIONS: usize = 7;
/// Actions that SNS refuses in a topic's policy ("Policy statement action out of service scope"): it takes no pattern
/// that covers all actions, and no action that is about no topic.
const NOT_OF_TOPICS: &[&str] =
    &["*", "sns:*", "sns:createtopic", "sns:getsubscriptionattributes", "sns:setsubscriptionattributes"];

/// Checks the shape of a policy document, and warns of wildcards in the permissions of a role.
pub fn check_document(document: &Value, of: Of, path: &DocPath, findings: &mut Findings) {
    let statements = path.then("Statement");
    let listed: Vec<(DocPath, &Value)> = match document.get("Statement") {
        Some(Value::Array(all)) => {
            all.iter().enumerate().map(|(index, one)| (statements.then(index.to_string()), one)).collect()
        }
        Some(one @ Value::Object(_)) => vec![(statements.clone(), one)],
        _ => {
            findings
                .error("policy::shape", path.clone(), "a policy document is a map with `Version` and `Statement`")
                .help("write `{ Version: \"2012-10-17\", Statement: [ … ] }`");
            Vec::new()
        }
    };
    if document.get("Statement").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        let (path, message) = (statements.clone(), "a policy without statements permits nothing");
        let finding = match of {
            Of::Resource(_) => findings.warning("policy::shape", path, message),
            Of::Role | Of::Trust => findings.error("policy::shape", path, message),
        };
        finding.help("add a statement, or remove the policy");
    }
    if !listed.is_empty() {
        check_keys(document, KEYS, "a policy document", path, findings);
        check_version(document, path, findings);
    }
    if of == Of::Resource("sqs") && listed.len() > QUEUE_STATEMENTS {
        let message =
            format!("the policy has {} statements; SQS takes {QUEUE_STATEMENTS} in a queue's policy", listed.len());
        findings
            .error("stack::too-many", statements, message)
            .at_key()
            .help("join statements: a condition takes a list of ARNs, and `*` stands for any characters");
    }
    let mut sids = BTreeSet::new();
    for (path, statement) in listed {
        check_statement(statement, of, &path, findings);
        if !matches!(of, Of::Resource(_)) {
            check_sid(statement, &mut sids, &path, findings);
        }
    }
    check_characters(document, path, findings);
}

fn check_version(document: &Value, path: &DocPath, findings: &mut Findings) {
    let Some(version) = document.get("Version") else { return };
    let text = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
    if !VERSIONS.contains(&text.as_str()) && !text.contains("${") {
        findings
            .error("policy::shape", path.then("Version"), format!("`{text}` is no version of IAM's policy language"))
            .help("write `Version: \"2012-10-17\"`, whatever the date is");
    }
}

/// Reports keys that IAM does not know.
fn check_keys(map: &Value, known: &[&str], what: &str, path: &DocPath, findings: &mut Findings) {
    for key in map.as_object().into_iter().flat_map(|map| map.keys()) {
        if known.contains(&key.as_str()) {
            continue;
        }
        let help = match nearest(key, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it has {}", quoted(known.iter().copied())),
        };
        findings.error("policy::shape", path.then(key), format!("{what} has no `{key}`")).at_key().help(help);
    }
}

fn check_sid<'s>(statement: &'s Value, sids: &mut BTreeSet<&'s str>, path: &DocPath, findings: &mut Findings) {
    let Some(sid) = statement.get("Sid").and_then(Value::as_str).filter(|sid| !sid.contains("${")) else { return };
    if !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
        findings
            .error("policy::shape", path.then("Sid"), format!("IAM takes no `{sid}` as a `Sid`"))
            .help("use only letters and digits");
    } else if !sid.is_empty() && !sids.insert(sid) {
        findings
            .error("policy::shape", path.then("Sid"), format!("two statements have the `Sid` `{sid}`"))
            .help("give each statement a `Sid` of its own, or leave it out");
    }
}

/// Lists the elements that a statement needs, each with its negation, and those that it cannot have.
fn elements(of: Of) -> (&'static [[&'static str; 2]], &'static [&'static str]) {
    match of {
        Of::Role => (
            &[["Effect", "Effect"], ["Action", "NotAction"], ["Resource", "NotResource"]],
            &["Principal", "NotPrincipal"],
        ),
        Of::Trust => (
            &[["Effect", "Effect"], ["Action", "NotAction"], ["Principal", "NotPrincipal"]],
            &["Resource", "NotResource"],
        ),
        Of::Resource(_) => (
            &[
                ["Effect", "Effect"],
                ["Action", "NotAction"],
                ["Principal", "NotPrincipal"],
                ["Resource", "NotResource"],
            ],
            &[],
        ),
    }
}

fn check_statement(statement: &Value, of: Of, path: &DocPath, findings: &mut Findings) {
    let (needed, forbidden) = elements(of);
    check_keys(statement, STATEMENT_KEYS, "a statement", path, findings);
    for [name, other] in needed {
        match (statement.get(name), statement.get(other)) {
            (None, None) => {
                findings
                    .error("policy::shape", path.clone(), format!("a statement of this policy needs `{name}`"))
                    .help(format!("add `{name}: …`: IAM's own keys begin with a capital letter"));
            }
            (Some(_), Some(_)) if name != other => {
                findings
                    .error("policy::shape", path.then(*other), format!("a statement has `{name}` or `{other}`"))
                    .at_key()
                    .help("remove one of the two");
            }
            _ => {}
        }
    }
    for name in forbidden.iter().filter(|name| statement.get(**name).is_some()) {
        let policy = if of == Of::Trust { "a trust policy" } else { "a role's own policy" };
        findings
            .error("policy::shape", path.then(*name), format!("a statement of {policy} has no `{name}`"))
            .at_key()
            .help(format!("remove `{name}`: {policy} is about its role alone"));
    }
    let effect = statement.get("Effect").and_then(Value::as_str);
    if let Some(effect) = effect.filter(|effect| !matches!(*effect, "Allow" | "Deny") && !effect.contains("${")) {
        findings
            .error("policy::shape", path.then("Effect"), format!("`Effect` cannot be `{effect}`"))
            .help("write `Allow` or `Deny`");
    }
    if let Some(block) = statement.get("Condition") {
        condition::check(block, &path.then("Condition"), findings);
    }
    let texts = |name: &str| match statement.get(name) {
        Some(Value::String(one)) => vec![(path.then(name), one.as_str())],
        Some(Value::Array(many)) => {
            let texts = many.iter().enumerate().filter_map(|(index, text)| Some((index, text.as_str()?)));
            texts.map(|(index, text)| (path.then(name).then(index.to_string()), text)).collect()
        }
        _ => Vec::new(),
    };
    for name in ["Action", "NotAction"] {
        actions::check(&texts(name), findings);
        check_service(&texts(name), of, path, findings);
    }
    if of == Of::Role {
        let resources = ["Resource", "NotResource"].map(texts).concat();
        let no_arns = resources.into_iter().filter(|(_, text)| !is_resource(text) && !text.starts_with('*'));
        no_arns.for_each(|(place, text)| refuse_resource(text, place, findings));
    }
    if of == Of::Role && effect == Some("Allow") {
        wildcards(&texts("Action"), &texts("Resource"), statement.get("Condition").is_some(), findings);
    }
}

/// Reports actions that the policy of this use cannot have: of another service, or too many.
fn check_service(actions: &[(DocPath, &str)], of: Of, path: &DocPath, findings: &mut Findings) {
    let (service, refuses) = match of {
        Of::Role => return,
        Of::Trust => ("sts", "IAM takes only actions of STS in a trust policy"),
        Of::Resource(service) => (service, "AWS takes only actions of the resource's own service in its policy"),
    };
    for (place, action) in actions.iter().filter(|(_, action)| !action.contains("${")) {
        let lower = action.to_lowercase();
        let prefix = lower.split_once(':').map(|(prefix, _)| prefix);
        let is_refused = prefix.is_some_and(|prefix| prefix != service && !prefix.contains(['*', '?']));
        let is_too_wide = service == "sns" && NOT_OF_TOPICS.contains(&lower.as_str());
        if is_refused || is_too_wide {
            let help = match of {
                Of::Trust => "write `sts:AssumeRole`; other actions belong to `permissions`".to_owned(),
                _ => format!("name actions on this resource, such as `{}`", example(service)),
            };
            findings.error("policy::action", place.clone(), format!("{refuses}, not `{action}`")).help(help);
        }
    }
    if of == Of::Resource("sqs") && actions.len() > QUEUE_ACTIONS {
        let message = format!("the statement has {} actions; SQS takes {QUEUE_ACTIONS} in one", actions.len());
        findings
            .error("stack::too-many", path.then("Action"), message)
            .at_key()
            .help("write a second statement for the others, or a pattern: `sqs:Get*`");
    }
}

fn example(service: &str) -> &'static str {
    match service {
        "dynamodb" => "dynamodb:GetItem",
        "events" => "events:PutEvents",
        "sqs" => "sqs:SendMessage",
        "sns" => "sns:Publish",
        _ => "s3:GetObject",
    }
}

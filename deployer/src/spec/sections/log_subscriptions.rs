//! The subscriptions of a log group: functions and streams that get its lines as they arrive.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::about::OneOf;
use super::scheduling::{names_within, target_arn};
use super::{LoweredStack, Scope, permission, reference, roles};
use crate::kinds::iam_role::{IamRole, MAX_SESSION_DURATION, PERMISSIONS, Role};
use crate::kinds::lambda_permission::{LambdaPermission, Permission, statement_id};
use crate::kinds::subscription_filter::{BY_LOG_STREAM, SubscriptionFilter, SubscriptionFilterKind};
use crate::spec::finding::{DocPath, Findings};

/// A receiver of a log group's lines: exactly one of `function`, `stream` and `firehose`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSubscriptionElement {
    /// A function to call with the lines: its name in this stack, which gets the permission, or its ARN.
    #[schemars(length(min = 1))]
    pub function: Option<String>,
    /// ARN of a Kinesis stream to write to.
    #[schemars(regex(pattern = r"^arn:"))]
    pub stream: Option<String>,
    /// ARN of a Firehose stream to write to.
    #[schemars(regex(pattern = r"^arn:"))]
    pub firehose: Option<String>,
    /// The lines that are sent, as a filter pattern of CloudWatch Logs: `{ $.level = "ERROR" }`. Default: all lines.
    #[schemars(length(max = 1024))]
    pub filter: Option<String>,
    /// The filter's name in the log group. Default: the receiver's name.
    #[schemars(length(min = 1, max = 512), regex(pattern = r"^[^:*]+$"))]
    pub name: Option<String>,
    /// The role that writes to the stream: its name under `roles`, or its ARN. Without it the log group gets a role for its streams.
    #[schemars(length(min = 1))]
    pub role: Option<String>,
    /// How the lines are spread over the shards of a Kinesis stream: by log stream, which keeps their order, or evenly.
    pub distribution: Option<LogDistribution>,
}

/// How lines are spread over the shards of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LogDistribution {
    ByLogStream,
    Random,
}

/// The properties that name a receiver.
pub(super) const ONE_OF: OneOf = OneOf { map: Some("LogSubscriptionElement"), names: NAMES };
const NAMES: &[&str] = &["function", "stream", "firehose"];

/// The service that sends the lines.
const SERVICE: &str = "logs.amazonaws.com";

impl LogSubscriptionElement {
    /// Returns the property that names the receiver, and its text. `None` if there is none, or several.
    fn named(&self) -> Option<(&'static str, &str)> {
        let all = [&self.function, &self.stream, &self.firehose];
        let mut named = NAMES.iter().zip(all).filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        named.next().filter(|_| named.next().is_none())
    }

    /// Returns the filter's name: the stated one, or the end of the receiver's ARN.
    fn label(&self) -> Option<String> {
        let (_, named) = self.named()?;
        let own = || {
            let end = named.trim_end_matches('}').rsplit([':', '/']).next().unwrap_or(named);
            end.trim_start_matches("${").to_owned()
        };
        Some(self.name.clone().unwrap_or_else(own))
    }

    /// Returns the receiver's ARN.
    fn arn(&self) -> Option<String> {
        Some(match self.named()? {
            ("function", named) => target_arn("functions", named),
            (_, arn) => arn.to_owned(),
        })
    }

    /// Returns the statement that a role needs to write to the receiver. A function admits its callers itself.
    fn statement(&self) -> Option<Value> {
        let action = match self.named()?.0 {
            "stream" => "kinesis:PutRecord",
            "firehose" => "firehose:PutRecord",
            _ => return None,
        };
        Some(json!({ "Effect": "Allow", "Action": action, "Resource": self.arn()? }))
    }
}

/// Checks the subscriptions in the list at `whole`. `own` is the name of the function whose log group it is, if any.
pub(super) fn check(all: &[LogSubscriptionElement], own: Option<&str>, whole: &DocPath, findings: &mut Findings) {
    let mut labels = BTreeSet::new();
    for (index, one) in all.iter().enumerate() {
        let path = whole.then(index.to_string());
        let Some((property, named)) = one.named() else {
            findings
                .error(
                    "log_group::subscription",
                    path,
                    "a subscription is exactly one of function, stream and firehose",
                )
                .help("write `{ function: NAME }`, `{ stream: ARN }` or `{ firehose: ARN }`");
            continue;
        };
        super::service::check(property, named, path.then(property), "log_group::subscription", findings);
        if let Some(filter) = &one.filter {
            check_filter(filter, path.then("filter"), findings);
        }
        if property == "function" && own == Some(named) {
            findings
                .error(
                    "log_group::subscription-loop",
                    path.then("function"),
                    "the function would be called for the lines of its own calls, without end",
                )
                .help("name another function");
        }
        for (name, given) in [("role", one.role.is_some()), ("distribution", one.distribution.is_some())] {
            let belongs = if name == "role" { property != "function" } else { property == "stream" };
            if given && !belongs {
                let of = if name == "role" { "`stream` and `firehose`" } else { "`stream`" };
                findings
                    .error("log_group::subscription-property", path.then(name), format!("`{name}` belongs to {of}"))
                    .at_key()
                    .help("remove it");
            }
        }
        if !labels.insert(one.label()) {
            let name = one.label().unwrap_or_default();
            findings
                .error(
                    "log_group::subscription-name",
                    path,
                    format!("two filters of the log group have the name `{name}`"),
                )
                .help("give this one a name of its own: `name: errors`");
        }
    }
}

/// Reports a filter pattern that is not closed, or compares with nothing.
fn check_filter(filter: &str, path: DocPath, findings: &mut Findings) {
    const ENCLOSED: &[(char, char)] = &[('{', '}'), ('[', ']')];
    let filter = filter.trim();
    let Some((open, close)) = ENCLOSED.iter().find(|(open, _)| filter.starts_with(*open)) else { return };
    let (message, help) = match filter.strip_suffix(*close) {
        None => (format!("the filter begins with `{open}` and has no `{close}` at its end"), format!("add `{close}`")),
        Some(inner) if *open == '{' && inner.trim_end().ends_with(['=', '<', '>', '&', '|', '{']) => {
            let help = "write what is compared: `{ $.level = \"ERROR\" }`".to_owned();
            ("a comparison in the filter has no right side".to_owned(), help)
        }
        Some(_) => return,
    };
    findings.error("log_group::filter", path, message).help(help);
}

/// The log group that subscriptions belong to, and the names of the parts that they are lowered to.
pub(super) struct Subscribed<'a> {
    /// The address of the log group.
    pub group: String,
    /// The name of the element's role for streams, before it is cut.
    pub role_name: String,
    /// ARN of a managed policy that limits this role.
    pub boundary: Option<String>,
    /// The beginning of the parts' names: `log_subscription`.
    pub part: &'a str,
}

/// Adds the subscriptions, each with the permission or the role that it needs.
pub(super) fn lower(all: &[LogSubscriptionElement], of: &Subscribed<'_>, at: &Scope<'_>, out: &mut LoweredStack) {
    let role = at.part(&format!("{}_role", of.part));
    let statements: Vec<Value> =
        all.iter().filter(|one| one.role.is_none()).filter_map(LogSubscriptionElement::statement).collect();
    if !statements.is_empty() {
        out.add::<IamRole>(at, role.clone(), &role_for_streams(statements, of, at, &role));
    }
    for one in all {
        // `check` reports a subscription that names nothing, or several things.
        let (Some(label), Some(arn)) = (one.label(), one.arn()) else { continue };
        let permission = add_permission(&arn, of, at, out);
        let derived = || one.statement().map(|_| reference(&role, "arn"));
        let filter = SubscriptionFilter {
            log_group_name: reference(&of.group, "name"),
            filter_name: label.clone(),
            filter_pattern: one.filter.clone().unwrap_or_default(),
            destination_arn: arn,
            role_arn: one.role.as_deref().map(|role| target_arn("roles", role)).or_else(derived),
            distribution: match one.distribution {
                Some(LogDistribution::Random) => "Random".to_owned(),
                _ => BY_LOG_STREAM.to_owned(),
            },
        };
        let address = at.part(&format!("{}[{label}]", of.part));
        out.add::<SubscriptionFilterKind>(at, address, &filter).depends_on.extend(permission);
    }
}

/// Adds the permission to call a function of this stack with the lines of the group, once for all of its filters. Returns
/// its address.
fn add_permission(arn: &str, of: &Subscribed<'_>, at: &Scope<'_>, out: &mut LoweredStack) -> Option<String> {
    let function = arn.strip_prefix("${functions.")?.strip_suffix(".arn}")?;
    let function_name = reference(&format!("functions.{function}"), "name");
    let lines = format!("{}:*", reference(&of.group, "arn"));
    let permission = Permission {
        // Log groups of the same name in several stacks may call one function.
        statement_id: statement_id(&function_name, SERVICE, &format!("{} {lines}", at.stack)),
        function_name,
        action: "lambda:InvokeFunction".to_owned(),
        principal: SERVICE.to_owned(),
        source_arn: Some(lines),
        source_account: Some("${aws.account_id}".to_owned()),
        ..Permission::default()
    };
    let address = at.part(&format!("{}_permission[{function}]", of.part));
    if !out.resources.iter().any(|resource| resource.address == address) {
        out.add::<LambdaPermission>(at, address.clone(), &permission);
    }
    Some(address)
}

/// Returns the role by which CloudWatch Logs writes to streams. It serves log groups of this account alone.
fn role_for_streams(statements: Vec<Value>, of: &Subscribed<'_>, at: &Scope<'_>, address: &str) -> Role {
    let groups = "arn:${aws.partition}:logs:${aws.region}:${aws.account_id}:*";
    let trust = json!({
        "Effect": "Allow",
        "Principal": { "Service": SERVICE },
        "Action": "sts:AssumeRole",
        "Condition": { "StringLike": { "aws:SourceArn": groups } },
    });
    Role {
        name: names_within(&of.role_name, roles::NAME_LENGTH),
        path: "/".into(),
        description: Some("Writes lines of a log group to streams".to_owned()),
        max_session_duration: MAX_SESSION_DURATION,
        assume_role_policy: permission::document(vec![trust]),
        inline_policies: [(PERMISSIONS.to_owned(), permission::document(statements))].into(),
        permissions_boundary: of.boundary.clone(),
        tags: at.tags(address),
        ..Role::default()
    }
}

#[cfg(test)]
mod tests;

//! Rules of EventBridge, as functions and `rules:` have them: the checks of patterns and targets, and what they are
//! lowered to.

mod ids;
mod lint;
mod pattern;
mod policies;
mod transform;

use serde_json::Value;

pub(super) use self::ids::target_id;
pub(super) use self::lint::rule as lint;
pub(super) use self::pattern::check as check_pattern;
pub(super) use self::policies::{Sender, Source, Sources, derive as derive_policies, extend_policies};
pub(super) use self::transform::{Delivery, InputTransformerElement};
use super::about::Draw;
use super::{LoweredStack, Scope, reference};
use crate::kinds::event_bus::DEFAULT_BUS;
use crate::kinds::lambda_permission::{LambdaPermission, Permission, statement_id};

/// The service that calls functions and sends messages for rules.
pub(super) const SERVICE: &str = "events.amazonaws.com";

/// Returns the name of a bus for AWS's calls: that of an element of `buses`, unless it is the account's own.
pub(super) fn bus_name(bus: Option<&str>) -> String {
    match bus.unwrap_or(DEFAULT_BUS) {
        DEFAULT_BUS => DEFAULT_BUS.to_owned(),
        name if name.contains("${") => name.to_owned(),
        name => reference(&format!("buses.{name}"), "name"),
    }
}

/// Returns the ARN of a rule as a text of its names, so that a policy need not wait for the rule.
pub(super) fn rule_arn(bus_name: &str, rule: &str) -> String {
    let path = if bus_name == DEFAULT_BUS { rule.to_owned() } else { format!("{bus_name}/{rule}") };
    format!("arn:${{aws.partition}}:events:${{aws.region}}:${{aws.account_id}}:rule/{path}")
}

/// Adds the permission of a rule to call a function of this stack. Returns its address, for the rule to wait for.
pub(super) fn add_permission(
    at: &Scope<'_>,
    address: String,
    function_arn: &str,
    rule_arn: &str,
    out: &mut LoweredStack,
) -> Option<String> {
    let function = function_arn.strip_prefix("${")?.strip_suffix(".arn}")?;
    let function_name = reference(function, "name");
    let permission = Permission {
        statement_id: statement_id(&function_name, SERVICE, rule_arn),
        function_name,
        action: "lambda:InvokeFunction".to_owned(),
        principal: SERVICE.to_owned(),
        source_arn: Some(rule_arn.to_owned()),
        ..Permission::default()
    };
    out.add::<LambdaPermission>(at, address.clone(), &permission);
    Some(address)
}

/// Draws the arrows of a rule: events come from its bus and go to its targets.
pub(super) fn arrows(rule: &Value, address: &str) -> Vec<Draw> {
    let about = format!("${{{address}.");
    let names = |value: &Value| value.as_str().is_some_and(|text| text.contains(&about));
    let targets = || rule["targets"].as_object().into_iter().flatten().map(|(_, target)| target);
    let bus = names(&rule["event_bus_name"]).then_some(Draw::From("events"));
    let target = targets().any(|target| names(&target["arn"])).then_some(Draw::To("events"));
    let dead_letter =
        targets().any(|target| names(&target["dead_letter_config"]["arn"])).then_some(Draw::To("dead letters"));
    bus.into_iter().chain(target).chain(dead_letter).collect()
}

/// Writes a pattern as AWS gets it.
pub(super) fn pattern_text(pattern: &Value) -> String {
    pattern.to_string()
}

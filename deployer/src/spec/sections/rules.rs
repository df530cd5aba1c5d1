//! `rules:` — rules of EventBridge, which send events of a bus to functions, queues, topics and other buses.

mod check;
mod target;
mod uncovered;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::target::TargetElement;
use super::about::{About, Arrow, Draw, OneOf, Part, PartPlace, PictureStyle, Refusals, Shape, Suffix, longest_name};
use super::eventing::{self, SERVICE, add_permission, bus_name, check_pattern, pattern_text, rule_arn};
use super::scheduling::names_within;
use super::{LoweredStack, Resource, Resources, Scope, Section, permission, reference, roles};
use crate::kinds::Kind;
use crate::kinds::event_rule::{EventRule, EventRuleKind, TARGETS};
use crate::kinds::iam_role::{IamRole, MAX_SESSION_DURATION, PERMISSIONS, Role};
use crate::kinds::lambda_function::LambdaFunction;
use crate::kinds::lambda_permission::LambdaPermission;
use crate::spec::document::Document;
use crate::spec::finding::Findings;

/// Longest name of a rule, in characters.
const NAME_LENGTH: usize = longest_name::<EventRuleKind>();
/// The part for the role that EventBridge assumes for some targets.
const ROLE: &str = "role";

/// The rules section.
pub struct Rules;

/// A rule: the events of a bus that match a pattern go to each target.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleElement {
    /// The rule's name in AWS. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[._A-Za-z0-9-]+$"))]
    pub name: Option<String>,
    /// The purpose of the rule.
    #[schemars(length(max = 512))]
    pub description: Option<String>,
    /// The bus: its name under `buses`, or `default` for the account's own, which gets the events of AWS. Default:
    /// `default`.
    #[schemars(length(min = 1))]
    pub bus: Option<String>,
    /// The events that match: `{ source: [shop], detail-type: [OrderPaid], detail: { total: [ { numeric: [">", 100] } ] } }`.
    #[schemars(with = "Map<String, Value>")]
    pub pattern: Value,
    /// Whether the rule sends events. `false` pauses it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The receivers of the events.
    #[schemars(length(min = 1, max = TARGETS))]
    pub targets: Vec<TargetElement>,
    /// ARN of a managed policy that limits the role for buses, streams and state machines.
    #[schemars(regex(pattern = r"^arn:"))]
    pub permissions_boundary: Option<String>,
}

fn yes() -> bool {
    true
}

impl Section for Rules {
    const ABOUT: &'static About = &About {
        name: "rules",
        singular: "rule",
        example: include_str!("examples/rules.yaml"),
        synonyms: &[
            ("inputpaths", "paths"),
            ("deadletterconfig", "dead_letter"),
            ("eventbus", "bus"),
            ("eventbusname", "bus"),
            ("eventpattern", "pattern"),
            ("eventrules", "rules"),
            ("inputpathsmap", "paths"),
            ("inputtemplate", "template"),
            ("lambda", "function"),
            ("sns", "topic"),
            ("sqs", "queue"),
            ("transformer", "input_transformer"),
        ],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M4 5 H20 L14 12 V19 L10 17 V12 Z",
            shape: Shape::Rectangle,
            arrows: &[
                Arrow { from: LambdaPermission::NAME, to: Some(LambdaFunction::NAME), draw: Draw::Nothing },
                Arrow { from: LambdaPermission::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: IamRole::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: EventRuleKind::NAME, to: Some(IamRole::NAME), draw: Draw::Uses("runs as") },
                Arrow { from: EventRuleKind::NAME, to: None, draw: Draw::ByUse(eventing::arrows) },
            ],
        },
        one_of: &[OneOf { map: Some("TargetElement"), names: target::NAMES }],
        key: None,
        usage: None,
        refusals: Refusals {
            operations: &[
                ("events:PutTargets", &["targets"]),
                ("events:RemoveTargets", &["targets"]),
                ("iam:PutRolePermissionsBoundary", &["permissions_boundary"]),
                ("iam:PutRolePolicy", &["targets"]),
            ],
            codes: &[("EntityAlreadyExists", &["name"]), ("InvalidEventPatternException", &["pattern"])],
            words: &[("event_bus", &["bus"]), ("event_bus_name", &["bus"]), ("event_pattern", &["pattern"])],
            parts: &[Part { name: "permission", property: "targets", place: PartPlace::Item }],
        },
    };
    type Element = RuleElement;

    fn check(rule: &RuleElement, at: &Scope<'_>, findings: &mut Findings) {
        check_pattern(&rule.pattern, rule.bus.as_deref(), &at.path(["pattern"]), findings);
        check::targets(rule, at, findings);
    }

    fn lower(element: RuleElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let name = element.name.clone().unwrap_or_else(|| at.name_within(NAME_LENGTH));
        let bus = bus_name(element.bus.as_deref());
        let arn = rule_arn(&bus, &name);
        if at.common.external {
            let rule = EventRule { event_bus_name: bus, name, ..EventRule::default() };
            out.add::<EventRuleKind>(at, at.element(), &rule);
            return;
        }
        add_role(&element, &name, &arn, at, out);
        let mut waits = Vec::new();
        let mut targets = BTreeMap::new();
        for target in &element.targets {
            let Some((id, lowered)) = target.lower(&reference(&at.part(ROLE), "arn")) else { continue };
            if let Some(function) = lowered.arn.strip_prefix("${functions.").and_then(|rest| rest.strip_suffix(".arn}"))
            {
                let address = at.part(&format!("permission[{function}]"));
                let is_known = out.resources.iter().any(|resource| resource.address == address);
                if !is_known {
                    waits.extend(add_permission(at, address, &lowered.arn, &arn, out));
                }
            }
            targets.insert(id, lowered);
        }
        let rule = EventRule {
            event_bus_name: bus,
            name,
            event_pattern: pattern_text(&element.pattern),
            state: if element.enabled { "ENABLED" } else { "DISABLED" }.to_owned(),
            description: element.description.filter(|text| !text.is_empty()),
            targets,
            tags: at.tags(&at.element()),
        };
        out.add::<EventRuleKind>(at, at.element(), &rule).depends_on.extend(waits);
    }

    fn complete(lowered: &mut LoweredStack) {
        eventing::derive_policies(lowered);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        if resource.kind == EventRuleKind::NAME {
            eventing::lint(document, all, resource, findings);
        }
    }
}

/// Adds the role by which EventBridge writes to buses, streams and state machines, if the rule has such a target.
fn add_role(element: &RuleElement, name: &str, rule: &str, at: &Scope<'_>, out: &mut LoweredStack) {
    let mut statements: Vec<Value> = Vec::new();
    for target in element.targets.iter().filter(|target| target.role.is_none()) {
        let Some((action, arn)) = target.action() else { continue };
        let statement = json!({ "Effect": "Allow", "Action": action, "Resource": arn });
        if !statements.contains(&statement) {
            statements.push(statement);
        }
    }
    if statements.is_empty() {
        return;
    }
    let address = at.part(ROLE);
    let trust = json!({
        "Effect": "Allow",
        "Principal": { "Service": SERVICE },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "aws:SourceAccount": "${aws.account_id}" }, "ArnEquals": { "aws:SourceArn": rule } },
    });
    let role = Role {
        name: names_within(&format!("{name}-rule"), roles::NAME_LENGTH),
        path: "/".into(),
        description: Some(format!("Lets EventBridge send the events of the rule {name}")),
        max_session_duration: MAX_SESSION_DURATION,
        assume_role_policy: permission::document(vec![trust]),
        inline_policies: [(PERMISSIONS.to_owned(), permission::document(statements))].into(),
        permissions_boundary: element.permissions_boundary.clone(),
        tags: at.tags(&address),
        ..Role::default()
    };
    out.add::<IamRole>(at, address, &role);
}

#[cfg(test)]
mod tests;

//! `schedules:` — schedules of EventBridge Scheduler for other targets than a function's own `events`: queues, topics,
//! event buses, functions, and calls of AWS's API.

mod call;
mod check;
mod target;
mod uncovered;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::about::{About, Arrow, Draw, OneOf, PictureStyle, Refusals, Shape, Suffix};
use super::permission::{self, Permission, Texts};
use super::scheduling::{self, Derived, Options, Payload, target_arn};
use super::{LoweredStack, Resource, Resources, Scope, Section};
use crate::kinds::Kind;
use crate::kinds::iam_role::IamRole;
use crate::kinds::schedule::{NAME_LENGTH, ScheduleKind};
use crate::kinds::schedule_group::ScheduleGroupKind;
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::values::Seconds;

/// The parts of an element: the group of its schedule, and the role that Scheduler assumes.
const GROUP: &str = "group";
const ROLE: &str = "role";
/// The group of external schedules that name none.
const DEFAULT_GROUP: &str = "default";

/// The schedules section.
pub struct Schedules;

/// A schedule and its target: exactly one of `function`, `queue`, `topic`, `bus`, `stream`, `state_machine` and `call`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleElement {
    /// The schedule's name in AWS, which its group and its role have too. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[0-9A-Za-z_.-]+$"))]
    pub name: Option<String>,
    /// The purpose of the schedule.
    #[schemars(length(max = 512))]
    pub description: Option<String>,
    /// When it fires: `rate(5 minutes)`, `cron(0 6 * * ? *)` with minutes, hours, day of month, month, day of week and
    /// year, or `at(2030-01-31T06:00:00)` for once.
    #[schemars(length(min = 1, max = 256))]
    pub schedule: String,
    /// The time zone of `cron` and `at`, by its name in IANA's database. Default: UTC.
    #[schemars(length(min = 1, max = 50))]
    pub timezone: Option<String>,
    /// The time within which AWS may choose the moment, in whole minutes. Without it the schedule fires within its
    /// minute.
    #[schemars(range(min = 60, max = 86_400))]
    pub flexible_window: Option<Seconds>,
    /// The moment before which it does not fire, and from which a rate counts: `2030-01-31T06:00:00Z`.
    pub start: Option<String>,
    /// The moment after which it does not fire.
    pub end: Option<String>,
    /// Whether it fires. `false` pauses it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether AWS deletes the schedule once it fires no more. The next apply creates it again.
    #[serde(default)]
    pub delete_after_completion: bool,
    /// The group of others to put the schedule into, by its name. Default: a group of its own.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[0-9A-Za-z_.-]+$"))]
    pub group: Option<String>,
    /// A function to call: its name in this stack, or its ARN.
    #[schemars(length(min = 1))]
    pub function: Option<String>,
    /// A queue to send to: its name in this stack, or its ARN.
    #[schemars(length(min = 1))]
    pub queue: Option<String>,
    /// A topic to publish to: its name in this stack, or its ARN.
    #[schemars(length(min = 1))]
    pub topic: Option<String>,
    /// An event bus to send an event to: its name under `buses`, `default`, or its ARN. Needs `source` and `detail_type`.
    #[schemars(length(min = 1))]
    pub bus: Option<String>,
    /// ARN of a Kinesis stream to write to. Needs `partition_key`.
    #[schemars(regex(pattern = r"^arn:"))]
    pub stream: Option<String>,
    /// ARN of a state machine to start.
    #[schemars(regex(pattern = r"^arn:"))]
    pub state_machine: Option<String>,
    /// A call of AWS's API, `SERVICE:ACTION` by their names in the SDK: `dynamodb:updateTable`. `input` has the call's
    /// parameters. Needs `on` or `permissions`.
    #[schemars(regex(pattern = r"^[a-z0-9]+:[A-Za-z0-9]+$"))]
    pub call: Option<String>,
    /// ARNs of the resources that the `call` is about. The derived role may make this call for them, and nothing else.
    pub on: Option<Texts>,
    /// Permissions of the derived role, in place of those that follow from the target.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// A role to use: its name under `roles`, or its ARN. Without it the schedule gets a role of its own.
    #[schemars(length(min = 1))]
    pub role: Option<String>,
    /// ARN of a managed policy that limits the derived role.
    #[schemars(regex(pattern = r"^arn:"))]
    pub permissions_boundary: Option<String>,
    /// The message: a text, or a map or list that is sent as JSON.
    pub input: Option<Payload>,
    /// The message group, for a FIFO queue.
    #[schemars(length(min = 1, max = 128))]
    pub message_group_id: Option<String>,
    /// The partition key, for a stream.
    #[schemars(length(min = 1, max = 256))]
    pub partition_key: Option<String>,
    /// The event's source, for a bus. It does not begin with `aws.`.
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[/._A-Za-z0-9-]+$"))]
    pub source: Option<String>,
    /// The event's type, for a bus.
    #[schemars(length(min = 1, max = 128))]
    pub detail_type: Option<String>,
    /// How often a failed call is repeated. Default: 185.
    #[schemars(range(max = 185))]
    pub retries: Option<u32>,
    /// For how long a failed call is repeated. Default: a day.
    #[schemars(range(min = 60, max = 86_400))]
    pub max_age: Option<Seconds>,
    /// The queue that receives calls that failed: its name in this stack, or its ARN. It cannot be FIFO.
    #[schemars(length(min = 1))]
    pub dead_letter: Option<String>,
    /// ARN of the KMS key for the schedule's data.
    #[schemars(regex(pattern = r"^arn:"))]
    pub kms_key_arn: Option<String>,
}

fn yes() -> bool {
    true
}

impl ScheduleElement {
    fn options(&self) -> Options<'_> {
        Options {
            expression: &self.schedule,
            timezone: self.timezone.as_deref(),
            flexible_window: self.flexible_window,
            start: self.start.as_deref(),
            end: self.end.as_deref(),
            enabled: self.enabled,
            delete_after_completion: self.delete_after_completion,
            description: self.description.as_deref(),
            kms_key_arn: self.kms_key_arn.as_deref(),
            input: self.input.as_ref(),
            retries: self.retries,
            max_age: self.max_age,
            dead_letter: self.dead_letter.as_deref(),
            group: self.group.as_deref(),
        }
    }
}

impl Section for Schedules {
    const ABOUT: &'static About = &About {
        name: "schedules",
        singular: "schedule",
        example: include_str!("examples/schedules.yaml"),
        synonyms: &[
            ("groupname", "group"),
            ("cron", "schedule"),
            ("deadletterconfig", "dead_letter"),
            ("expression", "schedule"),
            ("flexibletimewindow", "flexible_window"),
            ("lambda", "function"),
            ("payload", "input"),
            ("rate", "schedule"),
            ("rolearn", "role"),
            ("scheduleexpression", "schedule"),
            ("scheduleexpressiontimezone", "timezone"),
            ("scheduler", "schedules"),
            ("sns", "topic"),
            ("sqs", "queue"),
        ],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M12 12 m-8.5 0 a8.5 8.5 0 1 0 17 0 a8.5 8.5 0 1 0 -17 0 M12 7 V12 L15.5 14",
            shape: Shape::Circle,
            arrows: &[
                Arrow { from: IamRole::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: ScheduleKind::NAME, to: Some(IamRole::NAME), draw: Draw::Uses("runs as") },
                Arrow { from: ScheduleKind::NAME, to: Some(ScheduleGroupKind::NAME), draw: Draw::Nothing },
            ],
        },
        one_of: &[OneOf { map: None, names: target::NAMES }, permission::ONE_OF],
        key: None,
        usage: None,
        refusals: Refusals {
            operations: &[
                ("iam:PutRolePermissionsBoundary", &["permissions_boundary"]),
                ("iam:PutRolePolicy", &["permissions", "on"]),
            ],
            codes: &[("ConflictException", &["name"]), ("EntityAlreadyExists", &["name"])],
            words: &[
                ("assume_the_role", &["role"]),
                ("dead_letter_config", &["dead_letter"]),
                ("execution_role", &["role"]),
                ("flexible_time_window", &["flexible_window"]),
                ("pass_role", &["role"]),
                ("schedule_expression", &["schedule"]),
                ("schedule_expression_timezone", &["timezone"]),
                ("target", target::NAMES),
            ],
            parts: &[],
        },
    };
    type Element = ScheduleElement;

    fn check(element: &ScheduleElement, at: &Scope<'_>, findings: &mut Findings) {
        if at.common.external {
            return;
        }
        element.options().check(&at.path::<&str>([]), findings);
        check::target(element, at, findings);
        check::role(element, at, findings);
    }

    fn lower(element: ScheduleElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let name = element.name.clone().unwrap_or_else(|| at.name_within(NAME_LENGTH));
        let derived = Derived::new(at, name.clone(), [GROUP, ROLE]);
        // `check` reports an element without a target. Of an external one only the name counts.
        let target = target::of(&element);
        if at.common.external {
            let group = element.group.as_deref().or(Some(DEFAULT_GROUP));
            let options = Options { group, ..element.options() };
            derived.add_schedule([at.element(), name], &options, target.unwrap_or_default(), out);
            return;
        }
        let Some(mut target) = target else { return };
        if element.group.is_none() {
            derived.add_group(out);
        }
        match &element.role {
            Some(role) => target.role_arn = target_arn("roles", role),
            None => {
                let boundary = element.permissions_boundary.clone();
                derived.add_role(&[element.group.as_deref()], (target::statements(&element, &target), boundary), out);
                target.role_arn = derived.role_arn();
                out.alias(at, "role_arn", &at.part(ROLE), "arn");
            }
        }
        derived.add_schedule([at.element(), name], &element.options(), target, out);
    }

    fn complete(lowered: &mut LoweredStack) {
        scheduling::derive_keys(lowered);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        match resource.kind {
            ScheduleKind::NAME => scheduling::lint(document, all, resource, findings),
            IamRole::NAME => permission::lint(document, all, resource, findings),
            _ => {}
        }
    }

    fn hints(hints: &mut super::Hints<'_>) {
        let forms = r"^(rate|cron|at)\(.+\)$";
        hints.property("schedule", "pattern", Value::from(forms));
    }
}

#[cfg(test)]
mod tests;

//! Lowers schedules to their group, their role and themselves.

use serde_json::{Value, json};

use super::options::{UTC, in_utc};
use super::{Options, window};
use crate::kinds::iam_role::{IamRole, MAX_SESSION_DURATION, PERMISSIONS, Role};
use crate::kinds::schedule::{
    DeadLetterConfig, MAX_AGE_S, NAME_LENGTH, RETRIES, RetryPolicy, Schedule, ScheduleKind, Target,
};
use crate::kinds::schedule_group::{ScheduleGroup, ScheduleGroupKind};
use crate::spec::sections::{self, LoweredStack, Scope, permission, reference, roles};

/// The parts that an element's schedules share. Each element has a group of its own: AWS has no tags for schedules, so
/// the group carries the ownership tags, and a role that trusts the group alone serves no schedule of anybody else.
pub struct Derived<'a> {
    at: &'a Scope<'a>,
    /// The name of the group and of the role.
    name: String,
    group_part: &'static str,
    role_part: &'static str,
}

impl<'a> Derived<'a> {
    pub fn new(at: &'a Scope<'a>, name: String, [group_part, role_part]: [&'static str; 2]) -> Self {
        Self { at, name, group_part, role_part }
    }

    /// Adds the group, unless every schedule is in a group of others.
    pub fn add_group(&self, out: &mut LoweredStack) {
        let address = self.at.part(self.group_part);
        let group = ScheduleGroup { name: self.name.clone(), tags: self.at.tags(&address) };
        out.add::<ScheduleGroupKind>(self.at, address, &group);
    }

    /// Adds the role, which only Scheduler can assume, and only for schedules of `groups`: `None` for the own group.
    /// `boundary` limits it.
    pub fn add_role(
        &self,
        groups: &[Option<&str>],
        (statements, boundary): (Vec<Value>, Option<String>),
        out: &mut LoweredStack,
    ) {
        let address = self.at.part(self.role_part);
        let mut arns: Vec<String> = groups.iter().map(|group| self.group_arn(*group)).collect();
        arns.sort();
        arns.dedup();
        let arns = if let [one] = &arns[..] { json!(one) } else { json!(arns) };
        let trust = json!({
            "Effect": "Allow",
            "Principal": { "Service": "scheduler.amazonaws.com" },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "aws:SourceAccount": "${aws.account_id}", "aws:SourceArn": arns } },
        });
        let role = Role {
            name: names_within(&self.name, roles::NAME_LENGTH),
            path: "/".into(),
            description: Some(format!("Lets EventBridge Scheduler call the targets of {}", self.name)),
            max_session_duration: MAX_SESSION_DURATION,
            assume_role_policy: permission::document(vec![trust]),
            inline_policies: [(PERMISSIONS.to_owned(), permission::document(statements))].into(),
            permissions_boundary: boundary,
            tags: self.at.tags(&address),
            ..Role::default()
        };
        out.add::<IamRole>(self.at, address, &role);
    }

    /// Returns the reference to the role.
    pub fn role_arn(&self) -> String {
        reference(&self.at.part(self.role_part), "arn")
    }

    fn group_arn(&self, group: Option<&str>) -> String {
        match group {
            Some(name) => {
                format!("arn:${{aws.partition}}:scheduler:${{aws.region}}:${{aws.account_id}}:schedule-group/{name}")
            }
            None => reference(&self.at.part(self.group_part), "arn"),
        }
    }

    /// Adds a schedule with this address and name.
    pub fn add_schedule(
        &self,
        [address, name]: [String; 2],
        options: &Options<'_>,
        target: Target,
        out: &mut LoweredStack,
    ) {
        let owned = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let group = options.group.map(str::to_owned);
        let schedule = Schedule {
            group_name: group.unwrap_or_else(|| reference(&self.at.part(self.group_part), "name")),
            name: names_within(&name, NAME_LENGTH),
            schedule_expression: options.expression.to_owned(),
            schedule_expression_timezone: options.timezone.unwrap_or(UTC).to_owned(),
            flexible_time_window: window::of(options.flexible_window),
            state: if options.enabled { "ENABLED" } else { "DISABLED" }.to_owned(),
            description: owned(options.description),
            start_date: options.start.map(in_utc),
            end_date: options.end.map(in_utc),
            kms_key_arn: owned(options.kms_key_arn),
            action_after_completion: if options.delete_after_completion { "DELETE" } else { "NONE" }.to_owned(),
            target: Target {
                input: options.input.map(super::Payload::text),
                retry_policy: RetryPolicy {
                    maximum_event_age_in_seconds: options.max_age.map_or(MAX_AGE_S, |age| age.0),
                    maximum_retry_attempts: options.retries.unwrap_or(RETRIES),
                },
                dead_letter_config: options
                    .dead_letter
                    .map(|queue| DeadLetterConfig { arn: target_arn("queues", queue) }),
                ..target
            },
        };
        out.add::<ScheduleKind>(self.at, address, &schedule);
    }
}

/// Keeps a name of at most `most` characters. A name with a reference cannot be cut before the reference is resolved.
pub fn names_within(name: &str, most: usize) -> String {
    if name.contains("${") { name.to_owned() } else { sections::shorten_name(name, most) }
}

/// Returns the ARN of an element of `section` that is named by its name, its address, its ARN or a reference.
pub fn target_arn(section: &str, named: &str) -> String {
    let name = named.strip_prefix(section).and_then(|rest| rest.strip_prefix('.'));
    let named = name.unwrap_or(named);
    if named.starts_with("arn:") || named.contains("${") {
        named.to_owned()
    } else {
        reference(&format!("{section}.{named}"), "arn")
    }
}

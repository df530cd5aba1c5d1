//! `log_groups:` — CloudWatch Logs log groups. A function needs none here: it gets a log group of its own.

mod uncovered;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::about::{About, Arrow, Draw, Part, PartPlace, PictureStyle, Refusals, Shape, Suffix, longest_name};
use super::log_subscriptions::{self, LogSubscriptionElement, Subscribed};
use super::{Hints, LoweredStack, Scope, Section};
use crate::kinds::Kind;
use crate::kinds::iam_role::IamRole;
use crate::kinds::lambda_permission::LambdaPermission;
use crate::kinds::log_group::{DELIVERY, LogGroup, LogGroupKind, RETENTION_DAYS, STANDARD};
use crate::kinds::subscription_filter::SubscriptionFilterKind;
use crate::spec::finding::{DocPath, Findings};

/// Longest name of a log group, in characters.
const NAME_LENGTH: usize = longest_name::<LogGroupKind>();

/// The log groups section.
pub struct LogGroups;

/// A CloudWatch Logs log group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogGroupElement {
    /// The group's name in AWS. Default: the stack's name and the element's.
    #[schemars(length(min = 1, max = NAME_LENGTH), regex(pattern = r"^[.\-_/#A-Za-z0-9]+$"))]
    pub name: Option<String>,
    /// Days that log events are kept: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192,
    /// 2557, 2922, 3288 or 3653. Default: for ever.
    #[schemars(range(min = 1, max = 3653))]
    pub retention_in_days: Option<u32>,
    /// ARN of the KMS key for encryption at rest. The key's policy has to let CloudWatch Logs use it.
    pub kms_key_id: Option<String>,
    /// The class, which decides features and price. AWS cannot change it.
    #[serde(default)]
    pub log_group_class: Class,
    /// Functions and streams that get the group's lines as they arrive, at most two.
    #[serde(default)]
    #[schemars(length(max = 2))]
    pub subscriptions: Vec<LogSubscriptionElement>,
    /// Whether AWS refuses to delete the group. A plan that would delete it is then an error.
    #[serde(default)]
    pub deletion_protection_enabled: bool,
}

/// A class of log groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Class {
    #[default]
    Standard,
    InfrequentAccess,
    Delivery,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Standard => STANDARD,
            Self::InfrequentAccess => "INFREQUENT_ACCESS",
            Self::Delivery => DELIVERY,
        }
    }
}

/// Checks that AWS offers a retention time.
pub fn check_retention(days: u32, path: DocPath, findings: &mut Findings) {
    if RETENTION_DAYS.contains(&days) {
        return;
    }
    let longer = RETENTION_DAYS.iter().copied().find(|known| *known > days);
    let help = match longer {
        Some(longer) => {
            let known: Vec<String> = RETENTION_DAYS.iter().map(u32::to_string).collect();
            format!("write `{longer}`, the next longer time; there are {}", known.join(", "))
        }
        None => "leave it out to keep events for ever".to_owned(),
    };
    findings
        .error("log_group::retention", path, format!("CloudWatch Logs cannot keep events for {days} days"))
        .help(help);
}

/// Replaces the characters of a group's name that a role's name cannot have.
fn role_name(group: &str) -> String {
    if group.contains("${") {
        return group.to_owned();
    }
    let name: String = group.chars().map(|c| if matches!(c, '/' | '#') { '-' } else { c }).collect();
    name.trim_matches('-').to_owned()
}

impl Section for LogGroups {
    const ABOUT: &'static About = &About {
        name: "log_groups",
        singular: "log group",
        example: include_str!("examples/log_groups.yaml"),
        synonyms: &[
            ("subscriptionfilters", "subscriptions"),
            ("filterpattern", "filter"),
            ("retention", "retention_in_days"),
            ("retentiondays", "retention_in_days"),
        ],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M5 4 H19 V20 H5 Z M8.5 9 H15.5 M8.5 12.5 H15.5 M8.5 16 H12.5",
            shape: Shape::Rectangle,
            arrows: &[
                Arrow { from: LambdaPermission::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: SubscriptionFilterKind::NAME, to: Some(IamRole::NAME), draw: Draw::Nothing },
                Arrow { from: SubscriptionFilterKind::NAME, to: None, draw: Draw::To("log lines") },
            ],
        },
        one_of: &[log_subscriptions::ONE_OF],
        key: None,
        usage: None,
        refusals: Refusals {
            operations: &[
                ("logs:AssociateKmsKey", &["kms_key_id"]),
                ("logs:PutRetentionPolicy", &["retention_in_days"]),
            ],
            codes: &[],
            words: &[],
            parts: &[
                Part { name: "subscription", property: "subscriptions", place: PartPlace::Item },
                Part { name: "subscription_permission", property: "subscriptions", place: PartPlace::Beside },
                Part { name: "subscription_role", property: "subscriptions", place: PartPlace::Beside },
            ],
        },
    };
    type Element = LogGroupElement;

    fn check(group: &LogGroupElement, at: &Scope<'_>, findings: &mut Findings) {
        if let Some(name) = &group.name
            && name.starts_with("aws/")
        {
            findings
                .error("log_group::name", at.path(["name"]), "names that begin with `aws/` belong to AWS")
                .help(format!("write `name: /{name}`"));
        }
        if let Some(days) = group.retention_in_days {
            check_retention(days, at.path(["retention_in_days"]), findings);
            if group.log_group_class == Class::Delivery {
                findings
                    .error(
                        "log_group::delivery-retention",
                        at.path(["retention_in_days"]),
                        "AWS alone decides how long a group of class DELIVERY keeps its events",
                    )
                    .help("remove this property");
            }
        }
        log_subscriptions::check(&group.subscriptions, None, &at.path(["subscriptions"]), findings);
        if group.log_group_class != Class::Standard && !group.subscriptions.is_empty() {
            findings
                .error(
                    "log_group::subscription-class",
                    at.path(["subscriptions"]),
                    "only groups of class STANDARD have subscriptions",
                )
                .at_key()
                .help("remove `log_group_class`, or the subscriptions");
        }
        if let Some(key) = &group.kms_key_id
            && !key.starts_with("arn:")
            && !key.starts_with("${")
        {
            findings
                .error("log_group::kms-key", at.path(["kms_key_id"]), "CloudWatch Logs takes a key's ARN only")
                .help("write `arn:aws:kms:REGION:ACCOUNT:key/ID`");
        }
    }

    fn lower(element: LogGroupElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let name = element.name.clone().unwrap_or_else(|| at.name_within(NAME_LENGTH));
        let subscribed = Subscribed {
            group: at.element(),
            role_name: format!("{}-logs", role_name(&name)),
            boundary: None,
            part: "subscription",
        };
        log_subscriptions::lower(&element.subscriptions, &subscribed, at, out);
        let group = LogGroup {
            name,
            retention_in_days: element.retention_in_days,
            kms_key_id: element.kms_key_id,
            log_group_class: element.log_group_class.name().to_owned(),
            deletion_protection_enabled: element.deletion_protection_enabled,
            tags: at.tags(&at.element()),
        };
        out.add::<LogGroupKind>(at, at.element(), &group);
    }

    fn hints(hints: &mut Hints<'_>) {
        hints.property("retention_in_days", "enum", json!(RETENTION_DAYS));
    }
}

//! The facts about the section.

use super::{NAME_LENGTH, asynchronous};
use crate::kinds::Kind;
use crate::kinds::dynamodb_stream::DynamodbStream;
use crate::kinds::event_invoke_config::EventInvokeConfigKind;
use crate::kinds::event_rule::EventRuleKind;
use crate::kinds::event_source_mapping::EventSourceMapping;
use crate::kinds::iam_role::IamRole;
use crate::kinds::lambda_function::LambdaFunction;
use crate::kinds::lambda_layer::LambdaLayer;
use crate::kinds::lambda_permission::LambdaPermission;
use crate::kinds::lambda_url::LambdaUrl;
use crate::kinds::schedule::ScheduleKind;
use crate::kinds::subscription_filter::SubscriptionFilterKind;
use crate::spec::sections::about::{
    About, Arrow, Draw, OneOf, Part, PartPlace, PictureStyle, Refusals, Shape, Suffix, Usage,
};
use crate::spec::sections::{eventing, log_subscriptions, permission};

pub(super) const ABOUT: &About = &About {
    name: "functions",
    singular: "function",
    example: include_str!("../examples/functions.yaml"),
    synonyms: &[
        ("filename", "zip"),
        ("codeuri", "zip"),
        ("httpapi", "http_apis"),
        ("dynamodb", "table"),
        ("functionresponsetypes", "report_batch_item_failures"),
        ("filtercriteria", "filter"),
        ("scalingconfig", "maximum_concurrency"),
        ("retentionindays", "log_retention"),
        ("binaryname", "bin"),
        ("eventbusname", "bus"),
        ("tracingconfig", "tracing"),
        ("environmentvariable", "environment"),
        ("bisectbatchonerror", "bisect_batch_on_function_error"),
        ("deadletterconfig", "dead_letter"),
        ("environmentvariables", "environment"),
        ("cron", "schedule"),
        ("envvars", "environment"),
        ("eventbus", "bus"),
        ("eventpattern", "pattern"),
        ("functionname", "name"),
        ("functionurl", "url"),
        ("functionurlauthtype", "authorization"),
        ("functionurlconfig", "url"),
        ("authtype", "authorization"),
        ("asyncinvokeconfig", "async"),
        ("eventinvokeconfig", "async"),
        ("maximumeventageinseconds", "max_age"),
        ("maximumretryattempts", "retries"),
        ("kinesis", "stream"),
        ("filterpattern", "filter"),
        ("lambda", "functions"),
        ("subscriptionfilters", "log_subscriptions"),
        ("lambdas", "functions"),
        ("maximumrecordageinseconds", "maximum_record_age"),
        ("rate", "schedule"),
        ("reservedconcurrentexecutions", "reserved_concurrency"),
        ("rolearn", "role"),
        ("scheduleexpression", "schedule"),
        ("scheduleexpressiontimezone", "timezone"),
        ("sqs", "queue"),
        ("streamarn", "stream"),
        ("tumblingwindowinseconds", "tumbling_window"),
    ],
    uncovered: super::uncovered::TABLE,
    protected: false,
    suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
    picture: PictureStyle {
        icon: "M6 4 H9 L17 20 H20 M11.5 10 L6 20",
        shape: Shape::Rectangle,
        arrows: &[
            Arrow { from: EventInvokeConfigKind::NAME, to: None, draw: Draw::Each(asynchronous::arrows) },
            Arrow { from: EventSourceMapping::NAME, to: Some(LambdaFunction::NAME), draw: Draw::Nothing },
            Arrow { from: EventSourceMapping::NAME, to: Some(DynamodbStream::NAME), draw: Draw::From("changes") },
            Arrow { from: EventSourceMapping::NAME, to: None, draw: Draw::From("messages") },
            Arrow { from: IamRole::NAME, to: None, draw: Draw::Each(permission::arrow_labels) },
            Arrow { from: LambdaPermission::NAME, to: None, draw: Draw::Nothing },
            Arrow { from: SubscriptionFilterKind::NAME, to: Some(IamRole::NAME), draw: Draw::Nothing },
            Arrow { from: SubscriptionFilterKind::NAME, to: None, draw: Draw::To("log lines") },
            Arrow { from: LambdaUrl::NAME, to: None, draw: Draw::Nothing },
            Arrow { from: EventRuleKind::NAME, to: None, draw: Draw::ByUse(eventing::arrows) },
            Arrow { from: ScheduleKind::NAME, to: None, draw: Draw::Nothing },
            Arrow { from: LambdaFunction::NAME, to: Some(IamRole::NAME), draw: Draw::Uses("runs as") },
            Arrow { from: LambdaFunction::NAME, to: Some(LambdaLayer::NAME), draw: Draw::Uses("has") },
        ],
    },
    one_of: &[
        OneOf { map: None, names: &["crate", "zip", "binary", "dir"] },
        OneOf {
            map: Some("EventElement"),
            names: &["queue", "queue_arn", "table", "stream", "schedule", "pattern", "bucket"],
        },
        OneOf { map: Some("DestinationElement"), names: asynchronous::NAMES },
        log_subscriptions::ONE_OF,
        permission::ONE_OF,
    ],
    key: None,
    usage: Some(Usage { kind: LambdaFunction::NAME, allow: &["lambda:InvokeFunction"], on: "" }),
    refusals: Refusals {
        operations: &[
            ("iam:AttachRolePolicy", &["managed_policy_arns"]),
            ("iam:DeleteRolePermissionsBoundary", &["permissions_boundary"]),
            ("iam:PutRolePermissionsBoundary", &["permissions_boundary"]),
            ("iam:PutRolePolicy", &["permissions"]),
            ("lambda:PutFunctionConcurrency", &["reserved_concurrency"]),
            ("logs:AssociateKmsKey", &["log_kms_key_arn"]),
            ("logs:PutRetentionPolicy", &["log_retention"]),
        ],
        codes: &[
            ("EntityAlreadyExists", &["name"]),
            ("MalformedPolicyDocument", &["permissions"]),
            ("ResourceConflictException", &["name"]),
        ],
        words: &[
            ("architectures", &["architecture"]),
            ("cannot_be_assumed", &["role"]),
            ("dead_letter_config", &["dead_letter"]),
            ("destination_config", &["async", "on_failure"]),
            ("execution_role", &["role"]),
            ("auth_type", &["url"]),
            ("cors", &["url"]),
            ("function_name", &["name"]),
            ("maximum_event_age_in_seconds", &["max_age"]),
            ("maximum_retry_attempts", &["retries"]),
            ("invoke_mode", &["url"]),
            ("kms", &["kms_key_arn"]),
            ("kms_key", &["kms_key_arn"]),
            ("layer_version", &["layers"]),
            ("pass_role", &["role"]),
            ("policy_document", &["permissions"]),
            ("reserved_concurrent_executions", &["reserved_concurrency"]),
            ("retention_in_days", &["log_retention"]),
            ("role_name", &["name"]),
            ("security_group", &["vpc"]),
            ("security_group_ids", &["vpc"]),
            ("subnet", &["vpc"]),
            ("subnet_ids", &["vpc"]),
        ],
        parts: &[
            Part { name: "async", property: "async", place: PartPlace::Inside },
            Part { name: "event", property: "events", place: PartPlace::Item },
            Part { name: "schedule", property: "events", place: PartPlace::Item },
            Part { name: "rule", property: "events", place: PartPlace::Item },
            Part { name: "url", property: "url", place: PartPlace::Inside },
            Part { name: "url_permission", property: "url", place: PartPlace::Beside },
            Part { name: "log_subscription", property: "log_subscriptions", place: PartPlace::Item },
            Part { name: "log_subscription_permission", property: "log_subscriptions", place: PartPlace::Beside },
            Part { name: "log_subscription_role", property: "log_subscriptions", place: PartPlace::Beside },
            Part { name: "log_group", property: "log_retention", place: PartPlace::Beside },
        ],
    },
};

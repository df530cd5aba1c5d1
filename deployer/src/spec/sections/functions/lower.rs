//! Lowers a function to its log group, role, function and event source mappings.

use serde_json::{Value, json};

use super::event::element_name;
use super::{
    EventElement, FunctionElement, LogFormat, NAME_LENGTH, Tracing, asynchronous, objects, rules, schedules, text, url,
};
use crate::kinds::event_source_mapping::{EventSource, EventSourceMapping, StreamSettings, pattern};
use crate::kinds::iam_role::{IamRole, MAX_SESSION_DURATION, PERMISSIONS, Role};
use crate::kinds::lambda_function::{Function, FunctionZip, LambdaFunction, LoggingConfig, TracingConfig, VpcConfig};
use crate::kinds::log_group::{LogGroup, LogGroupKind};
use crate::spec::sections::log_subscriptions::{self, Subscribed};
use crate::spec::sections::scheduling::target_arn;
use crate::spec::sections::{self, CodeSource, LoweredStack, Scope, files, permission, reference, roles};

pub(super) fn lower(element: &FunctionElement, at: &Scope<'_>, out: &mut LoweredStack) {
    let name = element.name.clone().unwrap_or_else(|| at.name_within(NAME_LENGTH));
    if at.common.external {
        out.add::<LambdaFunction>(at, at.element(), &function(element, at, &name));
        return;
    }
    let log_group = at.part("log_group");
    let group = LogGroup {
        name: log_group_name(&name),
        retention_in_days: element.log_retention.days(),
        kms_key_id: element.log_kms_key_arn.clone(),
        tags: at.tags(&log_group),
        ..LogGroup::default()
    };
    out.add::<LogGroupKind>(at, log_group.clone(), &group);
    out.alias(at, "log_group", &log_group, "name");
    if element.role.is_none() {
        let address = at.part("role");
        out.add::<IamRole>(at, address.clone(), &role(element, at, &name));
        out.alias(at, "role_arn", &address, "arn");
    }
    let code = code(element, at);
    out.add::<LambdaFunction>(at, at.element(), &function(element, at, &name)).code = code;
    asynchronous::lower(element, at, out);
    let subscribed = Subscribed {
        group: log_group.clone(),
        role_name: format!("{name}-logs"),
        boundary: element.permissions_boundary.clone(),
        part: "log_subscription",
    };
    log_subscriptions::lower(&element.log_subscriptions, &subscribed, at, out);
    url::lower(element, at, out);
    schedules::lower(element, at, &name, out);
    rules::lower(element, at, &name, out);
    objects::lower(element, at, out);
    for event in element.mappings() {
        let address = at.part(&format!("event[{}]", event.label()));
        out.add::<EventSourceMapping>(at, address.clone(), &mapping(event, at, &address));
    }
}

/// Returns the role's name. A name with a reference cannot be cut before the reference is resolved.
fn role_name(function: &str) -> String {
    let name = format!("{function}-role");
    if name.contains("${") { name } else { sections::shorten_name(&name, roles::NAME_LENGTH) }
}

fn log_group_name(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

fn code(element: &FunctionElement, at: &Scope<'_>) -> Option<sections::LoweredCode> {
    let cargo = element.package.as_ref().map(|package| CodeSource::Cargo {
        package: package.clone(),
        bin: element.bin.clone().unwrap_or_else(|| at.name.to_owned()),
        or_only: element.bin.is_none(),
        profile: element.profile.clone(),
        features: element.features.clone(),
    });
    let source = cargo
        .or_else(|| element.zip.clone().map(CodeSource::Zip))
        .or_else(|| element.binary.clone().map(CodeSource::Binary))
        .or_else(|| element.dir.clone().map(CodeSource::Directory))?;
    let layers = !element.layers.is_empty();
    Some(sections::LoweredCode {
        source,
        architecture: text(element.architecture),
        runtime: element.runtime.clone(),
        layers,
        files: files::lower(&element.files),
        executable: None,
    })
}

fn function(element: &FunctionElement, at: &Scope<'_>, name: &str) -> Function {
    let levels = element.log_format == LogFormat::Json;
    let level = |level: Option<String>| levels.then(|| level.unwrap_or_else(|| "INFO".into()));
    // An external function is only looked up by its name, so it has no parts to refer to.
    let derived = |part: &str, output: &str, external: String| {
        if at.common.external { external } else { reference(&at.part(part), output) }
    };
    Function {
        function_name: name.to_owned(),
        role: match &element.role {
            Some(role) => target_arn("roles", role),
            None => derived("role", "arn", String::new()),
        },
        code: FunctionZip::default(),
        runtime: element.runtime.clone(),
        handler: element.handler.clone(),
        architectures: vec![text(element.architecture)],
        memory_size: element.memory_size,
        timeout: element.timeout.0,
        description: element.description.clone().filter(|text| !text.is_empty()),
        environment: element.environment.iter().map(|(key, value)| (key.clone(), value.to_string())).collect(),
        ephemeral_storage: element.ephemeral_storage,
        tracing_config: TracingConfig { mode: text(element.tracing) },
        logging_config: LoggingConfig {
            log_format: text(element.log_format),
            application_log_level: level(element.application_log_level.map(text)),
            system_log_level: level(element.system_log_level.map(text)),
            log_group: derived("log_group", "name", log_group_name(name)),
        },
        dead_letter_target_arn: element.dead_letter.as_deref().map(|queue| target_arn("queues", queue)),
        layers: element.layers.iter().map(|layer| layer_arn(layer)).collect(),
        reserved_concurrent_executions: element.reserved_concurrency,
        kms_key_arn: element.kms_key_arn.clone(),
        vpc_config: element.vpc.as_ref().map(|vpc| VpcConfig {
            subnet_ids: sorted(&vpc.subnet_ids),
            security_group_ids: sorted(&vpc.security_group_ids),
        }),
        tags: at.tags(&at.element()),
    }
}

/// Returns the ARN of a layer that is given by its ARN or by its name under `layers`.
pub(super) fn layer_arn(layer: &str) -> String {
    let is_arn = layer.starts_with("arn:") || layer.contains("${");
    if is_arn { layer.to_owned() } else { reference(&format!("layers.{layer}"), "arn") }
}

fn sorted(texts: &[String]) -> Vec<String> {
    let mut texts = texts.to_vec();
    texts.sort();
    texts
}

fn role(element: &FunctionElement, at: &Scope<'_>, name: &str) -> Role {
    let document = permission::document(statements(element, at));
    Role {
        name: role_name(name),
        path: "/".into(),
        description: Some(format!("Runs the function {name}")),
        max_session_duration: MAX_SESSION_DURATION,
        assume_role_policy: permission::trust(&["lambda.amazonaws.com".to_owned()]),
        inline_policies: [(PERMISSIONS.to_owned(), document)].into(),
        managed_policy_arns: sorted(&element.managed_policy_arns),
        permissions_boundary: element.permissions_boundary.clone(),
        tags: at.tags(&at.part("role")),
    }
}

/// Lists the role's statements: the user's permissions, and those that Lambda needs to run the function.
///
/// `logs:CreateLogGroup` is missing: a late log line after a destroy would create the group again, without tags.
fn statements(element: &FunctionElement, at: &Scope<'_>) -> Vec<Value> {
    let mut all = permission::statements(&element.permissions);
    let mut allow = |actions: &[&str], resource: &str| {
        all.push(json!({ "Effect": "Allow", "Action": actions, "Resource": resource }));
    };
    allow(&["logs:CreateLogStream", "logs:PutLogEvents"], &format!("{}:*", reference(&at.part("log_group"), "arn")));
    for event in element.mappings() {
        match source_of(event) {
            Source::Queue(arn) => allow(&["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], &arn),
            // A stream's own ARN is known only once it exists, and another one takes its place.
            Source::Table(address) => allow(READ_TABLE, &format!("{}/stream/*", reference(&address, "arn"))),
            Source::Stream(arn) if arn.contains(":kinesis:") => allow(READ_KINESIS, &arn),
            Source::Stream(arn) => allow(READ_TABLE, &arn),
        }
        if let Some(target) = &event.on_failure {
            let target = target_arn("queues", target);
            allow(&[send_action(&target)], &target);
        }
    }
    if element.tracing == Tracing::Active {
        allow(&["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*");
    }
    if let Some(target) = &element.dead_letter {
        let target = target_arn("queues", target);
        allow(&[send_action(&target)], &target);
    }
    if element.vpc.is_some() {
        let actions = [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ];
        allow(&actions, "*");
    }
    if let Some(key) = &element.kms_key_arn {
        allow(&["kms:Decrypt"], key);
    }
    for statement in asynchronous::statements(element) {
        if !all.contains(&statement) {
            all.push(statement);
        }
    }
    all
}

const READ_TABLE: &[&str] =
    &["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];
const READ_KINESIS: &[&str] = &[
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
    "kinesis:SubscribeToShard",
];

/// Returns the action that sends to a queue or a topic.
fn send_action(target: &str) -> &'static str {
    let topic = target.starts_with("${topics.") || target.contains(":sns:");
    if topic { "sns:Publish" } else { "sqs:SendMessage" }
}

/// The source of an event.
enum Source {
    /// By its ARN.
    Queue(String),
    /// A table of the stack, by its address.
    Table(String),
    /// By its ARN.
    Stream(String),
}

fn source_of(event: &EventElement) -> Source {
    match (&event.queue, &event.table, &event.stream) {
        (Some(queue), ..) if queue.starts_with("arn:") => Source::Queue(queue.clone()),
        (Some(queue), ..) => Source::Queue(reference(&format!("queues.{}", element_name(queue, "queues")), "arn")),
        (None, Some(table), _) => Source::Table(format!("tables.{}", element_name(table, "tables"))),
        (None, None, Some(stream)) => Source::Stream(stream.clone()),
        (None, None, None) => Source::Queue(event.queue_arn.clone().unwrap_or_default()),
    }
}

fn source_arn(event: &EventElement) -> String {
    match source_of(event) {
        Source::Queue(arn) | Source::Stream(arn) => arn,
        Source::Table(address) => reference(&format!("{address}.stream"), "arn"),
    }
}

fn stream_settings(event: &EventElement) -> StreamSettings {
    StreamSettings {
        starting_position: text(event.starting_position.unwrap_or_default()),
        parallelization_factor: event.parallelization_factor.unwrap_or(1),
        bisect_batch_on_function_error: event.bisect_batch_on_function_error.unwrap_or(false),
        maximum_retry_attempts: event.maximum_retry_attempts,
        maximum_record_age_in_seconds: event.maximum_record_age.map(|age| age.0),
        tumbling_window_in_seconds: event.tumbling_window.map_or(0, |window| window.0),
        on_failure: event.on_failure.as_deref().map(|queue| target_arn("queues", queue)),
    }
}

fn mapping(event: &EventElement, at: &Scope<'_>, address: &str) -> EventSource {
    let mut filter_patterns: Vec<String> = event.filter.iter().map(pattern).collect();
    filter_patterns.sort();
    EventSource {
        event_source_arn: source_arn(event),
        function_name: reference(&at.element(), "name"),
        batch_size: event.batch_size(),
        maximum_batching_window_in_seconds: event.maximum_batching_window(),
        enabled: event.enabled,
        function_response_types: event
            .report_batch_item_failures
            .unwrap_or(true)
            .then(|| "ReportBatchItemFailures".to_owned())
            .into_iter()
            .collect(),
        maximum_concurrency: event.maximum_concurrency,
        filter_patterns,
        provisioned_poller_config: None,
        stream: event.is_of_stream().then(|| stream_settings(event)),
        tags: at.tags(address),
    }
}

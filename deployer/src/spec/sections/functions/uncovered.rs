//! Words of functions and events that are no property.

use crate::spec::sections::permission;
use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

const SCHEDULE: &str = "write `events: [ { schedule: rate(5 minutes) } ]`";
const RULE: &str = "write `events: [ { bus: default, pattern: { source: [aws.s3] } } ]`";
const ROUTE: &str = "routes stand in an API: `apis: { NAME: { routes: { \"GET /items\": FUNCTION } } }`";
const QUEUE: &str = "write `events: [ { queue: NAME } ]` or `events: [ { table: NAME } ]`; `queue_arn: ARN` and `stream: ARN` are for those outside this stack";
const OF_EVENT: &str = "it belongs to an event: `events: [ { queue: NAME, batch_size: 10 } ]`";

/// The words of a function, and of its events.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    permission::WORDS,
    UncoveredWords::of(
        &["function_url", "function_urls", "function_url_config"],
        Otherwise("write `url: true`, or `url: { authorization: AWS_IAM }`"),
    ),
    UncoveredWords::of(
        &["cors"],
        Otherwise("it belongs to a URL: `url: { cors: { allow_origins: [https://www.example.com] } }`; an HTTP API has `cors`, too"),
    ),
    UncoveredWords::of(
        &["domain", "domain_name", "custom_domain"],
        unmanaged("custom domains", "create the domain and its mapping elsewhere, for the id of the API that has the function's routes"),
    ),
    UncoveredWords::of(
        &["alias", "aliases", "auto_publish_alias", "version", "versions", "publish"],
        unmanaged("aliases and versions by name", "leave it out: AWS keeps each code as a version, and `deployer rollback` deploys an earlier one"),
    ),
    UncoveredWords::of(
        &["deployment", "deployment_preference", "canary", "traffic_shifting", "weights"],
        unmanaged("gradual deployments", "try a change in a copy of the stack first: `--env NAME`; `deployer rollback` goes back"),
    ),
    UncoveredWords::of(
        &["provisioned_concurrency", "provisioned_concurrency_config", "provisioned_concurrent_executions", "warmup"],
        unmanaged("provisioned concurrency", "leave it out. `reserved_concurrency` is a limit: it keeps no instance ready"),
    ),
    UncoveredWords::of(
        &["auto_scaling", "scaling"],
        unmanaged("scaling", "leave it out: Lambda starts instances as needed. `reserved_concurrency` limits a function, `maximum_concurrency` of an event limits a queue"),
    ),
    UncoveredWords::of(&["snap_start"], unmanaged("SnapStart", "leave it out: AWS has it for Java, Python and .NET alone")),
    UncoveredWords::of(
        &["schedule", "schedules", "schedule_expression", "cron", "rate"],
        Otherwise(SCHEDULE),
    ),
    UncoveredWords::of(&["event_pattern", "rules", "event_bus"], Otherwise(RULE)),
    UncoveredWords::of(
        &["image", "image_uri", "image_config", "package_type", "ecr", "dockerfile", "container"],
        unmanaged("functions from container images", "write `crate: PACKAGE`, `zip: FILE`, `binary: FILE` or `dir: DIRECTORY`"),
    ),
    UncoveredWords::of(
        &["destinations", "destination_config", "on_success", "on_failure", "event_invoke_config", "async_invoke_config", "maximum_retry_attempts", "retries", "retry_attempts", "maximum_event_age", "max_age"],
        Otherwise("write `async: { retries: 1, on_failure: { queue: NAME } }`"),
    ),
    UncoveredWords::of(
        &["file_system", "file_systems", "file_system_configs", "efs", "mounts", "volumes"],
        unmanaged("file systems of functions", "keep files in a bucket, or up to 10 GB under /tmp with `ephemeral_storage`"),
    ),
    UncoveredWords::of(&["code_signing", "code_signing_config", "code_signing_config_arn"], unmanaged("code signing", "leave it out: the plan shows the hash of each code")),
    UncoveredWords::of(&["runtime_management_config", "recursive_loop"], unmanaged("this setting", "set it elsewhere: the deployer leaves it as it is")),
    UncoveredWords::of(
        &["resource_policy", "invoke_permissions", "allowed_callers"],
        unmanaged("permissions of callers outside the stack", "topics, APIs and alarms of the stack may call the function by themselves. For others run `aws lambda add-permission`: the deployer leaves that permission as it is"),
    ),
    UncoveredWords::of(
        &["code", "code_uri", "source", "source_dir", "src", "artifact", "s3_bucket", "s3_key", "entry", "directory"],
        Otherwise("write `crate: PACKAGE`, `zip: FILE`, `binary: FILE` or `dir: DIRECTORY`"),
    ),
    UncoveredWords::of(
        &["package", "include", "includes", "patterns", "additional_files", "extra_files", "assets", "copy_files", "exclude"],
        Otherwise("write `files: [ \"templates/**\", { from: PATH, to: PATH } ]` for the files beside the code; nothing else is zipped"),
    ),
    UncoveredWords::of(
        &["trigger", "triggers", "event_source", "event_sources", "event_source_mapping", "queue", "queues"],
        Otherwise(QUEUE),
    ),
    UncoveredWords::of(
        &["batch_size", "maximum_batching_window", "maximum_concurrency", "scaling_config", "filter_criteria"],
        Otherwise(OF_EVENT),
    ),
    UncoveredWords::of(&["http", "http_api", "api", "apis", "path", "method", "route", "routes"], Otherwise(ROUTE)),
    UncoveredWords::of(
        &["topic", "topics", "subscription", "subscriptions"],
        Otherwise("write it in the topic: `topics: { NAME: { subscriptions: [ { lambda: FUNCTION } ] } }`"),
    ),
    UncoveredWords::of(
        &["iam_role_statements", "statements", "policies", "policy", "allow", "access"],
        Otherwise("write `permissions: [ { allow: sqs:SendMessage, on: \"${queues.NAME.arn}\" } ]`"),
    ),
    UncoveredWords::of(
        &["log_group", "log_group_name", "logging_config", "logging"],
        Otherwise("the log group `/aws/lambda/NAME` comes with the function: `log_retention`, `log_format` and the levels are its settings"),
    ),
    UncoveredWords::of(
        &["vpc_config", "vpc_id", "subnets", "subnet_ids", "security_groups", "security_group_ids"],
        Otherwise("write `vpc: { subnet_ids: [ … ], security_group_ids: [ … ] }`"),
    ),
    UncoveredWords::of(
        &["subscription_filter", "subscription_filters", "log_subscription", "log_destination"],
        Otherwise("write `log_subscriptions: [ { function: NAME } ]`"),
    ),
    UncoveredWords::of(
        &["concurrency"],
        Otherwise("write `reserved_concurrency` to limit the function, or `maximum_concurrency` in an event to limit a queue"),
    ),
    UncoveredWords::of(&["build", "build_command", "target", "toolchain"], Otherwise("cargo builds the package that `crate:` names; `profile`, `features` and `architecture` are what it takes")),

    UncoveredWords::inside("events", &["rule", "event_bridge", "eventbridge_rule"], Otherwise(RULE)),
    UncoveredWords::inside(
        "events",
        &["starting_position_timestamp"],
        unmanaged("a start at a time", "write `starting_position: TRIM_HORIZON` for the oldest record that is kept, or `LATEST` for the next one"),
    ),
    UncoveredWords::inside("events", &["s3", "buckets", "notification"], Otherwise("write `{ bucket: NAME, events: [\"s3:ObjectCreated:*\"], prefix: in/ }`")),
    UncoveredWords::inside("events", &["rules", "filter_rules", "event"], Otherwise("write `events`, `prefix` and `suffix`: `{ bucket: NAME, events: [\"s3:ObjectCreated:*\"], suffix: .png }`")),
    UncoveredWords::inside(
        "events",
        &["kafka", "msk", "self_managed_kafka", "mq", "active_mq", "rabbitmq", "document_db"],
        unmanaged("events of Kafka, MQ and DocumentDB", "create the mapping elsewhere: `aws lambda create-event-source-mapping`"),
    ),
    UncoveredWords::inside("events", &["cognito", "iot", "alexa", "alb", "cloudwatch_logs", "logs"], unmanaged("callers of this kind", "let the caller's service call the function: `aws lambda add-permission`. The deployer leaves that permission as it is")),
    UncoveredWords::inside(
        "events",
        &["provisioned_poller_config", "metrics_config"],
        unmanaged("this setting of an event", "leave it out: the queue's `redrive` decides how often a message comes back, and where it goes then"),
    ),
    UncoveredWords::inside(
        "events",
        &["destination_config", "destination"],
        Otherwise("a queue's `redrive` takes the messages that failed; an event of a stream has `on_failure: ARN`"),
    ),
    UncoveredWords::inside("events", &["type", "properties", "arn"], Otherwise("write `{ queue: NAME }` or `{ table: NAME }`; `queue_arn: ARN` and `stream: ARN` are for those outside this stack")),
    UncoveredWords::inside("events", &["topic", "topics", "sns"], Otherwise("write it in the topic: `topics: { NAME: { subscriptions: [ { lambda: FUNCTION } ] } }`")),
    UncoveredWords::inside("events", &["http", "http_api", "api", "path", "method", "route"], Otherwise(ROUTE)),
    UncoveredWords::inside("events", &["alarm", "alarms"], Otherwise("name the function in the alarm: `alarm_actions: [ \"${functions.NAME.arn}\" ]`")),
];

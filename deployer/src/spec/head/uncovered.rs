//! Words of the top level that are no section: services of AWS, and words of CloudFormation, SAM, Serverless and
//! Terraform.

use crate::spec::uncovered::UncoveredAnswer::{Elsewhere, Otherwise};
use crate::spec::uncovered::{UncoveredWords, unmanaged};

/// The words of the top level.
#[rustfmt::skip]
pub const TABLE: &[UncoveredWords] = &[
    // Services that functions use by an ARN.
    UncoveredWords::of(
        &["secrets", "secret", "secrets_manager"],
        unmanaged("secrets of Secrets Manager", "create the secret elsewhere. Plan and apply read its value: `vars: { token: { from_secret: NAME, key: KEY } }`. A function reads it by itself with `permissions: [ { allow: secretsmanager:GetSecretValue, on: \"${vars.secret_arn}\" } ]`"),
    ),
    UncoveredWords::of(
        &["ssm", "ssm_parameters", "parameter_store", "parameters", "parameter"],
        unmanaged("parameters of the Parameter Store", "create the parameter elsewhere. Plan and apply read its value: `vars: { key: { from_ssm: /shop/key } }`. A function reads it by itself with `permissions: [ { allow: ssm:GetParameter, on: \"${vars.parameter_arn}\" } ]`. CloudFormation's parameters are `vars:`"),
    ),
    UncoveredWords::of(
        &["streams", "stream", "kinesis", "kinesis_streams", "data_streams"],
        Elsewhere { things: "Kinesis streams", variable: "stream_arn", allow: &["kinesis:PutRecord", "kinesis:PutRecords"], on: &[""] },
    ),
    UncoveredWords::of(
        &["firehose", "delivery_streams"],
        Elsewhere { things: "Firehose streams", variable: "stream_arn", allow: &["firehose:PutRecord", "firehose:PutRecordBatch"], on: &[""] },
    ),
    UncoveredWords::of(
        &["state_machines", "state_machine", "step_functions"],
        Elsewhere { things: "state machines of Step Functions", variable: "state_machine_arn", allow: &["states:StartExecution"], on: &[""] },
    ),
    UncoveredWords::of(
        &["kms_keys", "kms_key", "kms", "kms_aliases"],
        Elsewhere { things: "KMS keys", variable: "key_arn", allow: &["kms:Decrypt", "kms:GenerateDataKey"], on: &[""] },
    ),
    UncoveredWords::of(
        &["user_pools", "user_pool", "cognito", "identity_pools"],
        Elsewhere { things: "Cognito pools", variable: "user_pool_arn", allow: &["cognito-idp:AdminGetUser"], on: &[""] },
    ),
    UncoveredWords::of(
        &["databases", "database", "rds", "aurora", "db_instances", "db_clusters"],
        Elsewhere { things: "databases of RDS", variable: "cluster_arn", allow: &["rds-data:ExecuteStatement"], on: &[""] },
    ),
    UncoveredWords::of(
        &["opensearch", "elasticsearch", "search_domains"],
        Elsewhere { things: "OpenSearch domains", variable: "domain_arn", allow: &["es:ESHttpGet", "es:ESHttpPost"], on: &["/*"] },
    ),
    UncoveredWords::of(
        &["email_identities", "ses", "identities"],
        Elsewhere { things: "SES identities", variable: "identity_arn", allow: &["ses:SendEmail"], on: &[""] },
    ),
    UncoveredWords::of(
        &["file_systems", "efs"],
        unmanaged("EFS file systems", "a function of this stack cannot mount one: keep files in a bucket, or up to 10 GB under /tmp with `ephemeral_storage`"),
    ),

    // Callers of functions.
    UncoveredWords::of(
        &["pipes", "event_source_mappings"],
        unmanaged("EventBridge Pipes and mappings of their own", "let a function receive a queue: `functions: { NAME: { events: [ { queue: QUEUE } ] } }`"),
    ),

    // Ways to an API.
    UncoveredWords::of(
        &["websocket_apis", "websockets"],
        unmanaged("WebSocket APIs", "write an HTTP API: `http_apis: { NAME: { routes: { \"GET /items\": FUNCTION } } }`"),
    ),
    UncoveredWords::of(
        &["graphql_apis", "graphql", "appsync"],
        unmanaged("AppSync APIs", "let a function of an API answer: `http_apis: { NAME: { routes: { \"POST /graphql\": FUNCTION } } }`"),
    ),
    UncoveredWords::of(
        &["domains", "domain", "domain_names", "custom_domains", "base_path_mappings"],
        unmanaged("custom domains", "create the domain and its mapping elsewhere, for the id and the stage of the API: `outputs: { api: \"${apis.NAME.id}\" }`"),
    ),
    UncoveredWords::of(
        &["certificates", "certificate", "acm"],
        unmanaged("certificates", "create the certificate elsewhere, with the domain that uses it"),
    ),
    UncoveredWords::of(
        &["hosted_zones", "zones", "dns", "dns_records", "record_sets", "route53"],
        unmanaged("names of Route 53", "create the record elsewhere, for the address that `outputs: { url: \"${apis.NAME.url}\" }` prints"),
    ),
    UncoveredWords::of(
        &["distributions", "distribution", "cloudfront"],
        unmanaged("CloudFront distributions", "create the distribution elsewhere, with `${apis.NAME.url}` or `${buckets.NAME.domain_name}` as its origin; `endpoint_type: EDGE` gives an API CloudFront's network without one"),
    ),
    UncoveredWords::of(
        &["websites", "website", "static_sites", "static_site"],
        Otherwise("write `buckets: { NAME: { website: { index_document: index.html } } }`, and upload the files after the apply"),
    ),
    UncoveredWords::of(
        &["waf", "web_acls"],
        unmanaged("web ACLs", "create the ACL elsewhere, for the stage's ARN. An API's `throttling_rate_limit` limits requests without one"),
    ),
    UncoveredWords::of(
        &["api_keys", "usage_plans"],
        unmanaged("API keys and usage plans", "create them elsewhere for the API's id, and write `api_key_required: true` at the route"),
    ),
    UncoveredWords::of(
        &["authorizers", "authorizer"],
        unmanaged("authorizers", "check the caller in the function, or write `authorization: AWS_IAM` at the route"),
    ),
    UncoveredWords::of(
        &["function_urls", "function_url"],
        unmanaged("function URLs", "give the function a route: `apis: { NAME: { routes: { \"ANY /{proxy+}\": FUNCTION } } }`"),
    ),

    // Networks and machines.
    UncoveredWords::of(
        &["vpcs", "vpc", "networks", "subnets", "security_groups", "nat_gateways", "vpc_endpoints"],
        unmanaged("networks", "create the network elsewhere, and name its parts: `functions: { NAME: { vpc: { subnet_ids: [ … ], security_group_ids: [ … ] } } }`"),
    ),
    UncoveredWords::of(
        &["caches", "cache", "elasticache", "redis", "valkey"],
        unmanaged("caches of ElastiCache", "create the cache elsewhere, and let the function reach its network: `vpc: { subnet_ids: [ … ], security_group_ids: [ … ] }`"),
    ),
    UncoveredWords::of(
        &["instances", "ec2", "containers", "ecs", "fargate", "eks", "tasks", "clusters", "batch"],
        unmanaged("servers and containers", "let functions do the work, each at most 30 minutes at a time; larger work goes to a queue in parts"),
    ),
    UncoveredWords::of(
        &["repositories", "ecr", "images", "docker"],
        unmanaged("container images", "a function is a zip: `crate: PACKAGE`, `zip: FILE` or `binary: FILE`"),
    ),

    // Identities, measurements, other stacks.
    UncoveredWords::of(
        &["users", "groups", "policies", "policy", "managed_policies", "iam", "instance_profiles"],
        unmanaged("IAM users, groups and managed policies", "write what a function may do under its `permissions:`, and other roles under `roles:`; managed policies that exist are listed in `managed_policy_arns:`"),
    ),
    UncoveredWords::of(
        &["dashboards", "dashboard"],
        unmanaged("dashboards", "create the dashboard elsewhere; `deployer status` shows what each resource reports"),
    ),
    UncoveredWords::of(
        &["metric_filters", "subscription_filters", "metrics", "log_subscriptions"],
        unmanaged("metric and subscription filters", "create the filter elsewhere, for the log group `${functions.NAME.log_group}`"),
    ),
    UncoveredWords::of(
        &["composite_alarms", "anomaly_detectors"],
        unmanaged("composite alarms and anomaly detectors", "write an alarm on one metric under `alarms:`"),
    ),
    UncoveredWords::of(
        &["budgets", "budget"],
        unmanaged("budgets", "create the budget elsewhere; it may publish to a topic of this stack whose `policy` lets `budgets.amazonaws.com` publish"),
    ),
    UncoveredWords::of(
        &["stacks", "nested_stacks", "imports", "import", "include", "includes", "extends", "modules", "module"],
        unmanaged("stacks within stacks", "a file is one stack: write one file for each, run each with `-f FILE`, and pass values by `--var`"),
    ),

    // Words of other tools for things that stack.yaml has.
    UncoveredWords::of(
        &["resources", "resource", "data"],
        Otherwise("resources stand in a section for their kind: `queues: { NAME: { … } }`; those of others get `external: true` there"),
    ),
    UncoveredWords::of(
        &["globals", "defaults"],
        Otherwise("write shared properties once, `x-defaults: &defaults { timeout: 20s }`, and `<<: *defaults` in each element that takes them"),
    ),
    UncoveredWords::of(
        &["provider", "providers", "aws"],
        Otherwise("write `region: eu-west-1` and `account: \"123456789012\"`; each function has its own `memory_size`, `timeout` and `runtime`"),
    ),
    UncoveredWords::of(&["profile", "aws_profile", "credentials"], Otherwise("name the profile in the variable AWS_PROFILE")),
    UncoveredWords::of(&["custom", "locals", "params", "inputs"], Otherwise("write values under `vars:`, and `${vars.NAME}` where they are used")),
    UncoveredWords::of(&["backend", "terraform", "remote_state"], Otherwise("write `state: { bucket: BUCKET, key: KEY }`")),
    UncoveredWords::of(
        &["env", "envs", "environment", "stage", "stages"],
        Otherwise("environment variables stand in each function. For copies of the stack, write `environments: [staging, production]` and pass `--env NAME`"),
    ),
    UncoveredWords::of(&["package", "build", "artifacts"], Otherwise("write `crate: PACKAGE` in the function: plan and apply build it. `files: [ … ]` adds files to its zip")),
    UncoveredWords::of(&["plugins", "hooks", "scripts", "commands"], Otherwise("the deployer runs nothing besides cargo: run it before or after the deployer")),
    UncoveredWords::of(
        &["aws_template_format_version", "transform", "description", "metadata", "version", "framework_version"],
        Otherwise("leave it out, or make it a comment: `# …`"),
    ),
    UncoveredWords::of(
        &["conditions", "condition", "if"],
        Otherwise("write the condition in the element or entry that it decides on: `when: ${vars.stage} == production`"),
    ),
    UncoveredWords::of(
        &["mappings"],
        Otherwise("pass what differs as a variable: `vars: { size: { default: small, allowed: [small, large] } }`"),
    ),
    UncoveredWords::of(&["routes", "endpoints", "paths"], Otherwise("write `apis: { NAME: { routes: { \"GET /items\": FUNCTION } } }`")),
    UncoveredWords::of(&["subscriptions", "subscription"], Otherwise("write them in the topic: `topics: { NAME: { subscriptions: [ { sqs: QUEUE } ] } }`")),
    UncoveredWords::of(&["permissions", "permission"], Otherwise("write them in the function or the role: `permissions: [ { allow: sqs:SendMessage, on: \"${queues.NAME.arn}\" } ]`")),
    UncoveredWords::of(
        &["logs", "cloudwatch"],
        Otherwise("log groups stand under `log_groups:`, alarms under `alarms:`; the log group of a function comes with it"),
    ),
];

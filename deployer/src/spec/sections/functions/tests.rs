use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{FunctionElement, Functions};
use crate::aws::tags::Tags;
use crate::spec::finding::Findings;
use crate::spec::secrets::Secrets;
use crate::spec::sections::{CodeSource, Common, LoweredStack, Resource, Scope, Section};

fn element(value: Value) -> FunctionElement {
    serde_json::from_value(value).unwrap()
}

fn with_scope<T>(external: bool, run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let common = Common { external, ..Common::default() };
    let stack_tags = Tags::from([("course".into(), "pgr301".into())]);
    run(&Scope {
        is_preview: false,
        stack: "couch",
        section: "functions",
        name: "paint",
        common: &common,
        stack_tags: &stack_tags,
        secrets: &Secrets::default(),
    })
}

fn codes(value: Value) -> BTreeSet<(&'static str, String)> {
    let mut findings = Findings::default();
    with_scope(false, |at| Functions::check(&element(value), at, &mut findings));
    findings.0.into_iter().map(|f| (f.code, f.path.to_string())).collect()
}

fn lower(value: Value) -> LoweredStack {
    let mut out = LoweredStack::default();
    with_scope(false, |at| Functions::lower(element(value), at, &mut out));
    out
}

fn at<'a>(out: &'a LoweredStack, address: &str) -> &'a Resource {
    out.resources.iter().find(|r| r.address == address).unwrap_or_else(|| panic!("{address} in {:#?}", out.resources))
}

fn statements(out: &LoweredStack) -> Vec<Value> {
    let role = &at(out, "functions.paint.role").spec;
    role["inline_policies"]["permissions"]["Statement"].as_array().unwrap().clone()
}

#[test]
fn a_function_of_one_line_gets_its_log_group_its_role_and_lambdas_defaults() {
    let out = lower(json!({ "crate": "functions" }));
    let addresses: Vec<_> = out.resources.iter().map(|r| (r.address.as_str(), r.kind)).collect();
    assert_eq!(
        addresses,
        [
            ("functions.paint.log_group", "logs.log_group"),
            ("functions.paint.role", "iam.role"),
            ("functions.paint", "lambda.function"),
        ]
    );
    assert_eq!(
        at(&out, "functions.paint").spec,
        json!({
            "function_name": "couch-paint",
            "role": "${functions.paint.role.arn}",
            "code": { "sha256": "" },
            "runtime": "provided.al2023",
            "handler": "bootstrap",
            "architectures": ["x86_64"],
            "memory_size": 128,
            "timeout": 3,
            "environment": {},
            "ephemeral_storage": 512,
            "tracing_config": { "mode": "PassThrough" },
            "logging_config": {
                "log_format": "JSON", "application_log_level": "INFO", "system_log_level": "INFO",
                "log_group": "${functions.paint.log_group.name}",
            },
            "layers": [],
            "tags": { "course": "pgr301", "deployer:stack": "couch", "deployer:address": "functions.paint" },
        })
    );
    assert_eq!(at(&out, "functions.paint.log_group").spec["name"], "/aws/lambda/couch-paint");
    assert_eq!(at(&out, "functions.paint.log_group").spec["retention_in_days"], 14);
    let code = at(&out, "functions.paint").code.clone().unwrap();
    assert_eq!((code.architecture.as_str(), code.runtime.as_str()), ("x86_64", "provided.al2023"));
    assert!(matches!(code.source, CodeSource::Cargo { package, bin, .. } if package == "functions" && bin == "paint"));
}

#[test]
fn a_derived_role_allows_what_the_function_was_given_and_no_more() {
    let out = lower(json!({
        "crate": "functions",
        "permissions": [{ "allow": "s3:PutObject", "on": "arn:aws:s3:::b/*" }],
        "events": [{ "queue": "jobs" }],
    }));
    assert_eq!(
        statements(&out),
        [
            json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*" }),
            json!({
                "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "${functions.paint.log_group.arn}:*",
            }),
            json!({
                "Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                "Resource": "${queues.jobs.arn}",
            }),
        ]
    );
    let trust = &at(&out, "functions.paint.role").spec["assume_role_policy"]["Statement"][0];
    assert_eq!(trust["Principal"]["Service"], "lambda.amazonaws.com");
}

#[test]
fn tracing_a_dead_letter_target_a_vpc_and_a_key_bring_their_permissions() {
    let out = lower(json!({
        "zip": "f.zip", "tracing": "Active", "dead_letter": "${topics.failed.arn}", "kms_key_arn": "arn:aws:kms:::key/1",
        "vpc": { "subnet_ids": ["subnet-2", "subnet-1"], "security_group_ids": ["sg-1"] },
    }));
    let text = json!(statements(&out)).to_string();
    for action in ["xray:PutTraceSegments", "sns:Publish", "ec2:CreateNetworkInterface", "kms:Decrypt"] {
        assert!(text.contains(action), "{action} in {text}");
    }
    assert_eq!(at(&out, "functions.paint").spec["vpc_config"]["subnet_ids"], json!(["subnet-1", "subnet-2"]));
    let out = lower(json!({ "zip": "f.zip", "dead_letter": "arn:aws:sqs:eu-west-1:1:failed" }));
    assert!(json!(statements(&out)).to_string().contains("sqs:SendMessage"));
}

#[test]
fn an_event_becomes_a_mapping_that_reports_failed_messages() {
    let out = lower(json!({
        "crate": "functions",
        "events": [
            { "queue": "jobs", "batch_size": 5, "maximum_concurrency": 2, "filter": [{ "body": { "b": [1], "a": [2] } }] },
            { "queue_arn": "arn:aws:sqs:eu-west-1:1:others", "report_batch_item_failures": false, "enabled": false },
        ],
    }));
    assert_eq!(
        at(&out, "functions.paint.event[jobs]").spec,
        json!({
            "event_source_arn": "${queues.jobs.arn}",
            "function_name": "${functions.paint.name}",
            "batch_size": 5,
            "maximum_batching_window_in_seconds": 0,
            "enabled": true,
            "function_response_types": ["ReportBatchItemFailures"],
            "maximum_concurrency": 2,
            "filter_patterns": [r#"{"body":{"a":[2],"b":[1]}}"#],
            "tags": {
                "course": "pgr301", "deployer:stack": "couch", "deployer:address": "functions.paint.event_jobs_",
            },
        })
    );
    let other = &at(&out, "functions.paint.event[others]").spec;
    assert_eq!((&other["enabled"], &other["function_response_types"]), (&json!(false), &json!([])));
}

#[test]
fn an_explicit_role_takes_the_place_of_the_derived_one() {
    let out = lower(json!({ "binary": "paint", "role": "${roles.painter.arn}" }));
    assert!(out.resources.iter().all(|r| r.kind != "iam.role"));
    assert_eq!(at(&out, "functions.paint").spec["role"], "${roles.painter.arn}");
    let both =
        json!({ "binary": "p", "role": "arn:r", "permissions": [{ "allow": "s3:GetObject", "on": "arn:aws:s3:::b" }] });
    assert_eq!(codes(both), [("function::role-and-permissions", "functions.paint.permissions".into())].into());
}

#[test]
fn an_external_function_is_looked_up_and_nothing_is_derived_for_it() {
    let mut out = LoweredStack::default();
    with_scope(true, |at| Functions::lower(element(json!({ "name": "theirs" })), at, &mut out));
    assert_eq!(out.resources.len(), 1);
    assert_eq!(out.resources[0].spec["function_name"], "theirs");
    assert!(!out.resources[0].spec.to_string().contains("${"));
    let mut findings = Findings::default();
    with_scope(true, |at| Functions::check(&element(json!({ "name": "theirs" })), at, &mut findings));
    assert!(findings.0.is_empty());
}

#[test]
fn a_default_name_that_is_too_long_is_cut_and_stays_unique() {
    let common = Common::default();
    let tags = Tags::new();
    let name = |stack: &str| {
        let at = Scope {
            is_preview: false,
            stack,
            section: "functions",
            name: "paint",
            common: &common,
            stack_tags: &tags,
            secrets: &Secrets::default(),
        };
        let mut out = LoweredStack::default();
        Functions::lower(element(json!({ "zip": "f.zip" })), &at, &mut out);
        let of = |address: &str, property: &str| self::at(&out, address).spec[property].as_str().unwrap().to_owned();
        (of("functions.paint", "function_name"), of("functions.paint.role", "name"))
    };
    let (long, role) = name(&"a".repeat(80));
    assert_eq!((long.len(), role.len()), (64, 64));
    assert_ne!(long, name(&"a".repeat(81)).0);
}

#[test]
fn code_is_given_exactly_once() {
    assert_eq!(codes(json!({})), [("function::code", "functions.paint".into())].into());
    assert_eq!(
        codes(json!({ "crate": "c", "zip": "f.zip" })),
        [("function::code", "functions.paint.zip".into())].into()
    );
    assert_eq!(
        codes(json!({ "zip": "f.zip", "bin": "b" })),
        [("function::only-with-crate", "functions.paint.bin".into())].into()
    );
}

#[test]
fn what_lambda_would_refuse_is_found_before_any_call() {
    for (property, value, code) in [
        ("environment", json!({ "AWS_REGION": "x" }), "function::reserved-variable"),
        ("environment", json!({ "1X": "x" }), "function::variable-name"),
        ("environment", json!({ "X": "x" }), "function::variable-name"),
        ("log_retention", json!(15), "function::log-retention"),
        ("events", json!([{ "queue": "a", "queue_arn": "b" }]), "function::event-source"),
        ("events", json!([{}]), "function::event-source"),
        ("events", json!([{ "queue": "a" }, { "queue_arn": "${queues.a.arn}" }]), "function::event-twice"),
        ("events", json!([{ "queue_arn": "arn:x:a", "batch_size": 11 }]), "function::batch-window"),
        ("events", json!([{ "queue": "a", "table": "a" }]), "function::event-source"),
        (
            "events",
            json!([{ "table": "a", "maximum_record_age": 60, "maximum_concurrency": 2 }]),
            "function::event-property",
        ),
        ("events", json!([{ "queue": "a", "on_failure": "arn:x" }]), "function::event-property"),
        ("events", json!([{ "table": "a" }]), "function::endless-retries"),
        ("events", json!([{ "queue_arn": "arn:x:a.fifo", "batch_size": 11 }]), "function::batch-size"),
    ] {
        let found = codes(json!({ "zip": "f.zip", property: value }));
        assert_eq!(found.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [code]);
    }
    let allowed = json!({
        "zip": "f.zip", "environment": { "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://x", "COUNT": 3, "ON": true },
        "events": [{ "queue_arn": "arn:x:a", "batch_size": 11, "maximum_batching_window": "1s" }],
    });
    assert!(codes(allowed).is_empty());
}

#[test]
fn levels_belong_to_json_lines() {
    let text = json!({ "zip": "f.zip", "log_format": "Text", "application_log_level": "DEBUG" });
    assert_eq!(codes(text), [("function::log-level", "functions.paint.application_log_level".into())].into());
    let out = lower(json!({ "zip": "f.zip", "log_format": "Text" }));
    let logging = &at(&out, "functions.paint").spec["logging_config"];
    assert_eq!(*logging, json!({ "log_format": "Text", "log_group": "${functions.paint.log_group.name}" }));
}

#[test]
fn a_concurrency_that_the_reservation_cannot_serve_is_doubted() {
    let value = json!({
        "zip": "f.zip", "reserved_concurrency": 3, "events": [{ "queue": "a", "maximum_concurrency": 5 }],
    });
    let expected = ("function::event-concurrency", "functions.paint.events.0.maximum_concurrency".to_owned());
    assert_eq!(codes(value), [expected].into());
}

#[test]
fn a_table_gives_its_stream_and_the_role_may_read_whichever_stream_it_has() {
    let out = lower(json!({ "zip": "f.zip", "events": [
        { "table": "orders", "maximum_retry_attempts": 3, "on_failure": "${queues.failed.arn}", "tumbling_window": "1m" },
        { "queue": "orders" },
    ] }));
    let mapping = &at(&out, "functions.paint.event[table:orders]").spec;
    assert_eq!(mapping["event_source_arn"], "${tables.orders.stream.arn}");
    assert_eq!((&mapping["batch_size"], &mapping["enabled"]), (&json!(100), &json!(true)));
    let stream = json!({
        "starting_position": "TRIM_HORIZON", "parallelization_factor": 1, "bisect_batch_on_function_error": false,
        "maximum_retry_attempts": 3, "tumbling_window_in_seconds": 60, "on_failure": "${queues.failed.arn}",
    });
    assert_eq!(mapping["stream"], stream);
    assert!(
        at(&out, "functions.paint.event[orders]").spec.get("stream").is_none(),
        "a queue of the same name is another"
    );
    let all = statements(&out);
    let on = |resource: &str| all.iter().find(|s| s["Resource"] == resource).map(|s| s["Action"].clone());
    let read = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"];
    assert_eq!(on("${tables.orders.arn}/stream/*"), Some(json!(read)));
    assert_eq!(on("${queues.failed.arn}"), Some(json!(["sqs:SendMessage"])));
}

#[test]
fn a_stream_of_kinesis_is_read_with_its_own_actions() {
    let arn = "arn:aws:kinesis:eu-west-1:1:stream/clicks";
    let out = lower(json!({ "zip": "f.zip", "events": [{ "stream": arn, "starting_position": "LATEST" }] }));
    let mapping = &at(&out, "functions.paint.event[stream/clicks]").spec;
    assert_eq!(
        (&mapping["event_source_arn"], &mapping["stream"]["starting_position"]),
        (&json!(arn), &json!("LATEST"))
    );
    let statement = statements(&out).into_iter().find(|s| s["Resource"] == arn).expect("a statement");
    assert!(statement["Action"].as_array().unwrap().contains(&json!("kinesis:GetRecords")));
}

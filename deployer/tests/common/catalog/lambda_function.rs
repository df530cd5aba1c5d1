//! `lambda.function`.

use std::io::{Cursor, Write};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LayerVersionContentInput;
use base64::Engine;
use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Case, Entry, Thing, maybe, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "lambda.function", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let lambda = &aws.clients.lambda;
    let thing = |name: String| {
        Thing::new(format!("function {name}"), async move {
            let whole = sure(lambda.get_function().function_name(&name).send().await);
            // The SDK redacts the environment in its `Debug` text.
            let environment = whole.configuration().and_then(|own| own.environment()).and_then(|own| own.variables());
            let asynchronous = lambda.get_function_event_invoke_config().function_name(&name).send().await;
            json!({ "function": told(&whole), "environment": environment, "asynchronous": maybe(asynchronous) })
        })
    };
    names(aws).await.into_iter().map(thing).collect()
}

/// Names all functions.
pub async fn names(aws: &Aws) -> Vec<String> {
    let functions = sure(aws.clients.lambda.list_functions().max_items(1000).send().await).functions;
    functions.unwrap_or_default().into_iter().filter_map(|function| function.function_name).collect()
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let account = aws.place.account.clone();
    let everything = json!({
        "role": format!("arn:aws:iam::{account}:role/other"),
        "code": code(aws, "two"),
        "runtime": "provided.al2",
        "handler": "main",
        "architectures": ["arm64"],
        "memory_size": 512,
        "timeout": 30,
        "description": "paints",
        "environment": { "BUCKET": "images", "PREFIX": "" },
        "ephemeral_storage": 1024,
        "tracing_config": { "mode": "Active" },
        "logging_config": {
            "log_format": "JSON", "application_log_level": "DEBUG", "system_log_level": "WARN", "log_group": "/couch/all",
        },
        "dead_letter_target_arn": aws.place.arn("sqs", "failed"),
        "layers": [layer(aws).await],
        "reserved_concurrent_executions": 5,
        "kms_key_arn": aws.place.arn("kms", "key/1"),
        "vpc_config": { "subnet_ids": ["subnet-1", "subnet-2"], "security_group_ids": ["sg-1"] },
        "tags": { "deployer:stack": "couch", "deployer:address": "functions.generate-image", "team": "sofa" },
    });
    let there = vec![
        "role",
        "code.sha256",
        "runtime",
        "handler",
        "architectures",
        "memory_size",
        "timeout",
        "environment.BUCKET",
        "environment.PREFIX",
        "ephemeral_storage",
        "tracing_config.mode",
        "logging_config.log_format",
        "logging_config.application_log_level",
        "logging_config.system_log_level",
        "logging_config.log_group",
        "layers",
        "tags.team",
        "description",
        "dead_letter_target_arn",
        "reserved_concurrent_executions",
        "kms_key_arn",
        "vpc_config.subnet_ids",
        "vpc_config.security_group_ids",
    ];
    let back = vec![
        "role",
        "code.sha256",
        "runtime",
        "handler",
        "architectures",
        "memory_size",
        "timeout",
        "environment.BUCKET",
        "environment.PREFIX",
        "ephemeral_storage",
        "tracing_config.mode",
        "logging_config.log_format",
        "logging_config.log_group",
        "logging_config.application_log_level",
        "logging_config.system_log_level",
        "layers",
        "tags.team",
        "description",
        "dead_letter_target_arn",
        "reserved_concurrent_executions",
        "kms_key_arn",
        "vpc_config.subnet_ids",
        "vpc_config.security_group_ids",
    ];
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: function(aws, &json!({})),
        steps: vec![
            ("one number", function(aws, &json!({ "timeout": 30 })), vec!["timeout"]),
            ("new code", function(aws, &json!({ "timeout": 30, "code": code(aws, "three") })), vec!["code.sha256"]),
            ("the defaults", function(aws, &json!({})), vec!["code.sha256", "timeout"]),
            ("everything", function(aws, &everything), there),
            ("everything back", function(aws, &json!({})), back),
            ("no call at all", function(aws, &json!({})), vec![]),
        ],
    }]
}

/// Builds a zip with one executable, `bootstrap`, that prints `word`.
pub fn zip_of(word: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default().unix_permissions(0o755)).expect("an entry");
    zip.write_all(format!("#!/bin/sh\necho {word}\n").as_bytes()).expect("its content");
    zip.finish().expect("a zip").into_inner()
}

/// Registers a zip and returns the spec's `code`.
pub fn code(aws: &Aws, word: &str) -> Value {
    let zip = zip_of(word);
    let sha256 = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&zip));
    let code = json!({ "sha256": sha256 });
    aws.put_code(sha256, zip.len() as u64, move || Ok(zip.clone()));
    code
}

pub fn owner() -> Value {
    json!({ "deployer:stack": "couch", "deployer:address": "functions.generate-image" })
}

pub fn function(aws: &Aws, changes: &Value) -> Value {
    let spec = json!({
        "function_name": "generate-image",
        "role": format!("arn:aws:iam::{}:role/generate-image", aws.place.account),
        "code": code(aws, "one"),
        "runtime": "provided.al2023",
        "handler": "bootstrap",
        "architectures": ["x86_64"],
        "memory_size": 128,
        "timeout": 3,
        "environment": {},
        "ephemeral_storage": 512,
        "tracing_config": { "mode": "PassThrough" },
        "logging_config": { "log_format": "Text", "log_group": "/aws/lambda/generate-image" },
        "layers": [],
        "tags": owner(),
    });
    with(spec, changes)
}

pub async fn layer(aws: &Aws) -> String {
    let content = LayerVersionContentInput::builder().zip_file(Blob::new(zip_of("layer"))).build();
    let call = aws.clients.lambda.publish_layer_version().layer_name("tools").content(content);
    call.send().await.expect("a layer").layer_version_arn.expect("its ARN")
}

use std::io::{Cursor, Write};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LayerVersionContentInput;
use base64::Engine;
use deployer::aws::Aws;
use deployer::kinds::{self, Changes};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::account;
use crate::contract::{Case, contract, read};

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
    let mut spec = json!({
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
    for (key, value) in changes.as_object().expect("a map").clone() {
        spec[key] = value;
    }
    spec
}

async fn layer(aws: &Aws) -> String {
    let content = LayerVersionContentInput::builder().zip_file(Blob::new(zip_of("layer"))).build();
    let call = aws.clients.lambda.publish_layer_version().layer_name("tools").content(content);
    call.send().await.expect("a layer").layer_version_arn.expect("its ARN")
}

#[tokio::test]
async fn a_function_keeps_the_contract() {
    let aws = account().await;
    let account = aws.place.account.clone();
    let everything = json!({
        "role": format!("arn:aws:iam::{account}:role/other"),
        "code": code(&aws, "two"),
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
        "layers": [layer(&aws).await],
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
    let case = Case {
        kind: "lambda.function",
        lost: &[],
        left_out: &[],
        create: function(&aws, &json!({})),
        steps: vec![
            ("one number", function(&aws, &json!({ "timeout": 30 })), vec!["timeout"]),
            ("new code", function(&aws, &json!({ "timeout": 30, "code": code(&aws, "three") })), vec!["code.sha256"]),
            ("the defaults", function(&aws, &json!({})), vec!["code.sha256", "timeout"]),
            ("everything", function(&aws, &everything), there),
            ("everything back", function(&aws, &json!({})), back),
            ("no call at all", function(&aws, &json!({})), vec![]),
        ],
    };
    contract(&aws, case).await;
}

#[tokio::test]
async fn code_that_was_not_packaged_is_refused_before_any_call() {
    let aws = account().await;
    let kind = kinds::find("lambda.function").expect("it");
    let spec = function(&aws, &json!({ "code": { "sha256": "unknown" } }));
    let refused = kind.create(&aws, &spec).await.expect_err("no zip");
    assert!(refused.to_string().contains("no zip with CodeSha256 `unknown`"), "{refused}");
    assert!(aws.calls_made().is_empty());
}

#[tokio::test]
async fn only_what_changed_is_sent() {
    let aws = account().await;
    let kind = kinds::find("lambda.function").expect("it");
    kind.create(&aws, &function(&aws, &json!({}))).await.expect("created");
    for (change, path, expected) in [
        (json!({ "timeout": 9 }), "timeout", "lambda:UpdateFunctionConfiguration"),
        (json!({ "timeout": 9, "code": code(&aws, "two") }), "code.sha256", "lambda:UpdateFunctionCode"),
        (
            json!({ "timeout": 9, "code": code(&aws, "two"), "reserved_concurrent_executions": 0 }),
            "reserved_concurrent_executions",
            "lambda:PutFunctionConcurrency",
        ),
    ] {
        let want = function(&aws, &change);
        let live = read(kind, &aws, &want).await.expect("present");
        let before = aws.calls_made().len();
        kind.update(&aws, &live, &want, &Changes(vec![path.to_owned()])).await.expect("updated");
        let mut written = aws.calls_made().split_off(before);
        written.retain(|operation| deployer::aws::is_write(operation));
        assert_eq!(written, [expected]);
    }
}

#[tokio::test]
async fn every_code_is_kept_as_a_version_the_newest_ten_of_them() {
    let aws = account().await;
    let kind = kinds::find("lambda.function").expect("it");
    let lambda = &aws.clients.lambda;
    let versions = async || {
        let listed = lambda.list_versions_by_function().function_name("generate-image").send().await.expect("versions");
        let numbers = listed.versions().iter().filter_map(|version| version.version()?.parse::<u32>().ok());
        numbers.collect::<Vec<_>>()
    };
    let update = async |word: &str, path: &str, changes: Value| {
        let want = function(&aws, &changes);
        let live = read(kind, &aws, &want).await.expect("present");
        kind.update(&aws, &live, &want, &Changes(vec![path.to_owned()]))
            .await
            .unwrap_or_else(|e| panic!("{word}: {e}"));
    };
    kind.create(&aws, &function(&aws, &json!({}))).await.expect("created");
    update("no code", "timeout", json!({ "timeout": 9 })).await;
    assert_eq!(versions().await, [1], "what is no code makes no version");
    for number in 2..=10 {
        let word = format!("code {number}");
        update(&word, "code.sha256", json!({ "code": code(&aws, &word) })).await;
    }
    assert!(!aws.calls_made().contains(&"lambda:DeleteFunction"), "ten need no call");
    let alias = lambda.create_alias().function_name("generate-image").name("old").function_version("1");
    alias.send().await.expect("an alias");
    for number in 11..=20 {
        let word = format!("code {number}");
        update(&word, "code.sha256", json!({ "code": code(&aws, &word) })).await;
    }
    let newest: Vec<u32> = (11..=20).collect();
    assert_eq!(versions().await, [&[1][..], &newest].concat(), "an alias keeps its version");
    let listings = aws.calls_made().iter().filter(|call| **call == "lambda:ListVersionsByFunction").count();
    assert_eq!(listings, 1, "once in ten versions");
    lambda.delete_alias().function_name("generate-image").name("old").send().await.expect("no alias");
    for number in 21..=30 {
        let word = format!("code {number}");
        update(&word, "code.sha256", json!({ "code": code(&aws, &word) })).await;
    }
    assert_eq!(versions().await, (21..=30).collect::<Vec<_>>(), "what was left behind is found later");
    let live = read(kind, &aws, &function(&aws, &json!({}))).await.expect("present");
    kind.delete(&aws, &live).await.expect("deleted");
    assert!(lambda.list_versions_by_function().function_name("generate-image").send().await.is_err());
}

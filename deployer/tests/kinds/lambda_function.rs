use deployer::kinds::{self, Changes};
use serde_json::{Value, json};

use crate::catalog::lambda_function::{code, function};
use crate::common::account;
use crate::contract::read;

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

//! Checks the contract of every kind with a real SDK client and a local AWS.

#[path = "../common/mod.rs"]
mod common;

#[path = "../common/catalog/mod.rs"]
#[allow(dead_code)]
mod catalog;

mod contract;

mod api_route;
mod api_stage;
mod cloudwatch_alarm;
mod event_source_mapping;
mod http_api;
mod iam_role;
mod lambda_function;
mod lambda_permission;
mod log_group;
mod rest_api;
mod s3_bucket;
mod sns;
mod sqs_queue;

use std::collections::BTreeSet;

use deployer::kinds::REGISTRY;

#[test]
fn every_kind_is_in_the_catalogue() {
    let listed: Vec<&str> = catalog::ALL.iter().map(|entry| entry.kind).collect();
    let known: BTreeSet<&str> = REGISTRY.iter().map(|kind| kind.name()).collect();
    assert_eq!(listed.len(), known.len(), "{listed:?}");
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), known, "a kind adds itself to tests/common/catalog");
}

/// Each kind has an account of its own. `DEPLOYER_KIND=sqs.queue` tries one kind alone.
#[tokio::test]
async fn every_kind_keeps_its_contract() {
    let only = std::env::var("DEPLOYER_KIND").ok();
    let chosen = catalog::ALL.iter().filter(|entry| only.as_deref().is_none_or(|only| only == entry.kind));
    let tried: Vec<_> = chosen.map(|entry| (entry.kind, tokio::spawn(keeps_its_contract(*entry)))).collect();
    assert!(!tried.is_empty(), "there is no kind {only:?}");
    let mut broken = Vec::new();
    for (kind, tried) in tried {
        if let Err(error) = tried.await {
            let panic = error.into_panic();
            let text = panic.downcast_ref::<String>().map(String::as_str);
            broken.push(format!("{kind}: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

async fn keeps_its_contract(entry: catalog::Entry) {
    let aws = common::account().await;
    for case in (entry.cases)(&aws).await {
        contract::contract(&aws, &entry, case).await;
    }
}

//! The listing of `iam.instance_profile`, and the steps of its contract.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use crate::catalog::{Case, Entry, Thing, told};

pub const ENTRY: Entry =
    Entry { kind: "iam.instance_profile", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let profiles = aws.clients.iam.list_instance_profiles().send().await.expect("IAM lists").instance_profiles;
    let thing = |name: String, whole: Value| Thing::new(format!("profile {name}"), async move { whole });
    profiles.into_iter().map(|profile| thing(profile.instance_profile_name.clone(), told(&profile))).collect()
}

async fn cases(_: &Aws) -> Vec<Case> {
    let toy = |tags: Value| json!({ "name": "shop-bear", "path": "/shelf/", "tags": tags });
    let owner = || json!({ "deployer:stack": "shop", "deployer:address": "toys.bear" });
    let mut team = owner();
    team["team"] = json!("sofa");
    vec![Case {
        create: toy(owner()),
        steps: vec![("a tag", toy(team), vec!["tags.team"]), ("no tag", toy(owner()), vec!["tags.team"])],
        left_out: &[],
        lost: &[],
        variant: false,
    }]
}

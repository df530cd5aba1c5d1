//! `logs.subscription_filter`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::lambda_function::function;
use super::log_group::group;
use super::{Case, Entry, Thing, sure, told, with};

pub const ENTRY: Entry =
    Entry { kind: "logs.subscription_filter", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let logs = &aws.clients.logs;
    let mut things = Vec::new();
    for group in sure(logs.describe_log_groups().limit(50).send().await).log_groups.unwrap_or_default() {
        let group = group.log_group_name.unwrap_or_default();
        let call = logs.describe_subscription_filters().log_group_name(&group);
        for filter in sure(call.send().await).subscription_filters.unwrap_or_default() {
            let name = format!("filter {group} {}", filter.filter_name().unwrap_or_default());
            let mut found = told(&filter);
            found.as_object_mut().expect("a map").remove("creation_time");
            things.push(Thing::new(name, async move { found }));
        }
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let create = |kind: &'static str, spec: Value| async move {
        kinds::find(kind).expect("it").create(aws, &spec).await.expect("it is created");
    };
    create("logs.log_group", group(json!({}))).await;
    create("lambda.function", function(aws, &json!({}))).await;
    let lines = format!("{}:*", aws.place.arn("logs", "log-group:/couch/worker"));
    let permission = json!({
        "function_name": "generate-image", "statement_id": "logs-1", "action": "lambda:InvokeFunction",
        "principal": "logs.amazonaws.com", "source_arn": lines,
    });
    create("lambda.permission", permission).await;
    let role = json!({
        "name": "couch-lines", "path": "/", "max_session_duration": 3600, "tags": {},
        "assume_role_policy": { "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "Service": "logs.amazonaws.com" }, "Action": "sts:AssumeRole" } ] },
        "inline_policies": { "permissions": { "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "kinesis:PutRecord", "Resource": "*" } ] } },
        "managed_policy_arns": [],
    });
    create("iam.role", role).await;
    let own = |changes: Value| filter(aws, &changes);
    let stream = json!({
        "destination_arn": aws.place.arn("kinesis", "stream/lines"),
        "role_arn": format!("arn:aws:iam::{}:role/couch-lines", aws.place.account),
        "distribution": "Random",
    });
    let moved = vec!["destination_arn", "distribution", "role_arn"];
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: own(json!({})),
        steps: vec![
            ("some lines", own(json!({ "filter_pattern": "ERROR" })), vec!["filter_pattern"]),
            ("a stream", own(stream), [vec!["filter_pattern"], moved.clone()].concat()),
            ("the function", own(json!({})), moved),
        ],
    }]
}

fn filter(aws: &Aws, changes: &Value) -> Value {
    let spec = json!({
        "log_group_name": "/couch/worker",
        "filter_name": "generate-image",
        "filter_pattern": "",
        "destination_arn": aws.place.arn("lambda", "function:generate-image"),
        "distribution": "ByLogStream",
    });
    with(spec, changes)
}

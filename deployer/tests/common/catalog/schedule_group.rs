//! `scheduler.schedule_group`.

use deployer::aws::Aws;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{Case, Entry, Thing, maybe, sure, with};

pub const ENTRY: Entry =
    Entry { kind: "scheduler.schedule_group", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Returns the names of all groups but AWS's own.
pub(super) async fn names(aws: &Aws) -> Vec<String> {
    let page = sure(aws.clients.scheduler.list_schedule_groups().max_results(100).send().await);
    let named = page.schedule_groups.into_iter().filter_map(|group| group.name);
    named.filter(|name| name != "default").collect()
}

async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let scheduler = &aws.clients.scheduler;
    let thing = |name: String| {
        Thing::new(format!("schedule group {name}"), async move {
            let group = scheduler.get_schedule_group().name(&name).send().await;
            let arn = aws.place.arn("scheduler", &format!("schedule-group/{name}"));
            let tags = scheduler.list_tags_for_resource().resource_arn(arn).send().await;
            json!({ "group": maybe(group), "tags": maybe(tags) })
        })
    };
    names(aws).await.into_iter().map(thing).collect()
}

async fn cases(_: &Aws) -> Vec<Case> {
    let owner = json!({ "deployer:stack": "couch", "deployer:address": "schedules.report.group" });
    let tagged = with(owner.clone(), &json!({ "team": "sofa", "cost": "a" }));
    let retagged = with(owner, &json!({ "team": "chair" }));
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: group(json!({})),
        steps: vec![
            ("tags", group(json!({ "tags": tagged })), vec!["tags.team", "tags.cost"]),
            ("tags changed and removed", group(json!({ "tags": retagged })), vec!["tags.team", "tags.cost"]),
        ],
    }]
}

pub fn group(changes: Value) -> Value {
    let spec = json!({
        "name": "couch-report",
        "tags": { "deployer:stack": "couch", "deployer:address": "schedules.report.group" },
    });
    with(spec, &changes)
}

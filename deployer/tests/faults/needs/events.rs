//! The permissions for requests to EventBridge and its Scheduler. Source: Service Authorization Reference.

use super::asked::ApiRequest;
use super::{NeedParts, need, under};

/// EventBridge names its operations. A rule's ARN has its bus, unless that is the account's own.
pub fn found(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let operation = asked.operation();
    let action = format!("events:{operation}");
    let bus = |name: &str| asked.arn("events", &format!("event-bus/{name}"));
    let rule = |name: &str| match asked.text("EventBusName") {
        "" | "default" => asked.arn("events", &format!("rule/{name}")),
        bus => asked.arn("events", &format!("rule/{bus}/{name}")),
    };
    let resource = match operation.as_str() {
        "ListEventBuses" | "ListRules" => "*".to_owned(),
        "ListTagsForResource" | "TagResource" | "UntagResource" => asked.text("ResourceARN").to_owned(),
        "CreateEventBus" | "DeleteEventBus" | "DescribeEventBus" | "UpdateEventBus" => bus(asked.text("Name")),
        "PutPermission" | "RemovePermission" => bus(asked.text("EventBusName")),
        "DeleteRule" | "DescribeRule" | "PutRule" => rule(asked.text("Name")),
        "ListTargetsByRule" | "PutTargets" | "RemoveTargets" => rule(asked.text("Rule")),
        other => panic!("no resource is known of events:{other}"),
    };
    let mut found = vec![need(action, &resource)];
    if asked.has("Tags") && operation != "TagResource" {
        found.push(need("events:TagResource", resource));
    }
    let targets = asked.body["Targets"].as_array().into_iter().flatten();
    let roles = targets.filter_map(|target| target["RoleArn"].as_str());
    found.extend(roles.map(|role| under("iam:PassRole", role, "iam:PassedToService", "events.amazonaws.com")));
    found
}

/// The Scheduler's operations follow from method and path. Whoever deletes a group deletes its schedules.
pub fn scheduler(asked: &ApiRequest<'_>) -> Vec<NeedParts> {
    let (method, name) = (asked.request.method(), asked.path.get(1).map_or("", String::as_str));
    let group = match (asked.text("GroupName"), asked.query.get("groupName")) {
        ("", Some(group)) => group,
        ("", None) => "default",
        (group, _) => group,
    };
    let verb = match method {
        "POST" => "Create",
        "PUT" => "Update",
        "DELETE" => "Delete",
        _ => "Get",
    };
    match (asked.path[0].as_str(), name) {
        ("tags", arn) => {
            let action = match method {
                "POST" => "scheduler:TagResource",
                "DELETE" => "scheduler:UntagResource",
                _ => "scheduler:ListTagsForResource",
            };
            vec![need(action, arn)]
        }
        ("schedule-groups", "") => vec![need("scheduler:ListScheduleGroups", "*")],
        ("schedules", "") => vec![need("scheduler:ListSchedules", "*")],
        ("schedule-groups", name) => {
            let own = asked.arn("scheduler", &format!("schedule-group/{name}"));
            let mut found = vec![need(format!("scheduler:{verb}ScheduleGroup"), &own)];
            if asked.has("Tags") {
                found.push(need("scheduler:TagResource", own));
            }
            if verb == "Delete" {
                let schedules = asked.arn("scheduler", &format!("schedule/{name}/any"));
                found.push(need("scheduler:DeleteSchedule", schedules));
            }
            found
        }
        (_, name) => {
            let own = asked.arn("scheduler", &format!("schedule/{group}/{name}"));
            let role = asked.body["Target"]["RoleArn"].as_str();
            let pass = |role: &str| under("iam:PassRole", role, "iam:PassedToService", "scheduler.amazonaws.com");
            let own = need(format!("scheduler:{verb}Schedule"), own);
            [own].into_iter().chain(role.map(pass)).collect()
        }
    }
}

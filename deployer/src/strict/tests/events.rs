//! Schedules and rules of EventBridge.

use super::*;

const SCHEDULER: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"scheduler.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const LAMBDA: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn role_answer(trust: &str) -> String {
    let trust = trust.replace('"', "&quot;");
    format!(
        "<GetRoleResponse><GetRoleResult><Role><Path>/</Path><RoleName>tidy</RoleName><RoleId>AROA</RoleId>\
         <Arn>arn:aws:iam::123456789012:role/tidy</Arn><CreateDate>2026-12-01T00:00:00Z</CreateDate>\
         <AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>"
    )
}

fn create_schedule(changes: &Value) -> Sent {
    let mut body = json!({
        "GroupName": "shop", "ScheduleExpression": "rate(5 minutes)", "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": { "Arn": "arn:aws:sqs:eu-west-1:123456789012:jobs", "RoleArn": "arn:aws:iam::123456789012:role/tidy" },
    });
    body.as_object_mut().expect("a map").extend(changes.as_object().expect("a map").clone());
    rest("scheduler", "POST", "/schedules/tidy", &body)
}

#[tokio::test]
async fn scheduler_takes_a_role_that_trusts_it_alone() {
    const REFUSED: &str = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.";
    for (trust, status) in [(LAMBDA, 400), (SCHEDULER, 200)] {
        let trial = Trial::new();
        trial.knows("Action=GetRole", 200, role_answer(trust));
        let (answered, body) = trial.send(&create_schedule(&json!({})), &json!({})).await;
        assert_eq!(answered, status, "{body}");
        assert!(status == 200 || body["message"] == REFUSED, "{body}");
    }
}

#[tokio::test]
async fn scheduler_assumes_a_role_ten_seconds_after_its_creation() {
    let trial = Trial::new();
    trial.knows("Action=GetRole", 200, role_answer(SCHEDULER));
    trial.send(&create_role("tidy"), &Value::Null).await;
    assert_eq!(trial.send(&create_schedule(&json!({})), &json!({})).await.0, 400);
    trial.pass(10.0);
    assert_eq!(trial.send(&create_schedule(&json!({})), &json!({})).await.0, 200);
}

#[tokio::test]
async fn expressions_zones_and_windows_are_judged() {
    for changes in [
        json!({ "ScheduleExpression": "cron(0 6 * * *)" }),
        json!({ "ScheduleExpression": "rate(5 minute)" }),
        json!({ "ScheduleExpressionTimezone": "CEST" }),
        json!({ "FlexibleTimeWindow": { "Mode": "FLEXIBLE" } }),
        json!({ "FlexibleTimeWindow": { "Mode": "OFF", "MaximumWindowInMinutes": 5 } }),
    ] {
        let trial = Trial::new();
        let (status, body) = trial.send(&create_schedule(&changes), &json!({})).await;
        assert_eq!(status, 400, "{changes} {body}");
    }
    let off = Trial::with(Switches::as_slow_as_aws().without(["schedule-expressions"]));
    assert_eq!(off.send(&create_schedule(&json!({ "ScheduleExpressionTimezone": "CEST" })), &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_deleted_group_is_deleting_for_a_while() {
    let trial = Trial::new();
    let group = |method| rest("scheduler", method, "/schedule-groups/shop", &Value::Null);
    let create = || rest("scheduler", "POST", "/schedule-groups/shop", &json!({}));
    assert_eq!(trial.send(&create(), &json!({})).await.0, 200);
    trial.send(&group("DELETE"), &json!({})).await;
    assert_eq!(trial.send(&create(), &json!({})).await.0, 409);
    assert_eq!(trial.send(&create_schedule(&json!({})), &json!({})).await.0, 409);
    let read = trial.forward(&group("GET"), async || (404, "{}".to_owned())).await;
    assert_eq!((read.status, &read.json()["State"]), (200, &json!("DELETING")));
    trial.pass(5.0);
    assert_eq!(trial.send(&create(), &json!({})).await.0, 200);
    let read = trial.forward(&group("GET"), async || (404, "{}".to_owned())).await;
    assert_eq!(read.status, 404);
}

fn event_call(operation: &str, body: &Value) -> Sent {
    target("events", &format!("AWSEvents.{operation}"), body)
}

#[tokio::test]
async fn a_rule_has_five_targets_and_is_deleted_after_them() {
    let trial = Trial::new();
    let known: Vec<Value> =
        (0..5).map(|n| json!({ "Id": n.to_string(), "Arn": "arn:aws:sqs:eu-west-1:1:q" })).collect();
    trial.knows("ListTargetsByRule", 200, json!({ "Targets": known }));
    let put = |id: &str| {
        let one = json!({ "Id": id, "Arn": "arn:aws:sqs:eu-west-1:123456789012:q" });
        event_call("PutTargets", &json!({ "Rule": "paid", "Targets": [one] }))
    };
    let (status, body) = trial.send(&put("new"), &json!({})).await;
    assert_eq!((status, &body["__type"]), (400, &json!("LimitExceededException")));
    assert_eq!(trial.send(&put("4"), &json!({})).await.0, 200, "a target that is there is changed");
    let (status, body) = trial.send(&event_call("DeleteRule", &json!({ "Name": "paid" })), &json!({})).await;
    assert_eq!((status, &body["message"]), (400, &json!("Rule can't be deleted since it has targets.")));
}

#[tokio::test]
async fn a_bus_is_deleted_after_its_rules() {
    let trial = Trial::new();
    let delete = event_call("DeleteEventBus", &json!({ "Name": "orders" }));
    assert_eq!(trial.send(&delete, &json!({})).await.0, 200, "in doubt for the request");
    trial.knows("ListRules", 200, json!({ "Rules": [{ "Name": "paid" }] }));
    assert_eq!(trial.send(&delete, &json!({})).await.0, 400);
    trial.knows("ListRules", 200, json!({ "Rules": [] }));
    assert_eq!(trial.send(&delete, &json!({})).await.0, 200);
}

use futures::future::join_all;
use serde_json::{Value, json};

use crate::common::account;
use crate::contract::{Case, contract, read};
use deployer::kinds;

fn alarm(changes: Value) -> Value {
    let mut spec = json!({
        "alarm_name": "32-sqs-ApproximateAgeOfOldestMessage-alarm",
        "namespace": "AWS/SQS",
        "metric_name": "ApproximateAgeOfOldestMessage",
        "dimensions": { "QueueName": "image-requests-32" },
        "statistic": "Maximum",
        "period": 60,
        "evaluation_periods": 1,
        "datapoints_to_alarm": 1,
        "threshold": 30.0,
        "comparison_operator": "GreaterThanThreshold",
        "treat_missing_data": "missing",
        "actions_enabled": true,
        "alarm_actions": ["arn:aws:sns:eu-west-1:123456789012:a", "arn:aws:sns:eu-west-1:123456789012:b"],
        "ok_actions": [],
        "insufficient_data_actions": [],
        "tags": owner(),
    });
    for (key, value) in changes.as_object().expect("a map").clone() {
        match value {
            Value::Null => drop(spec.as_object_mut().expect("a map").remove(&key)),
            value => spec[key] = value,
        }
    }
    spec
}

fn owner() -> Value {
    json!({ "deployer:stack": "couch", "deployer:address": "alarms.oldest-message" })
}

#[tokio::test]
async fn an_alarm_keeps_the_contract() {
    let aws = account().await;
    let mut team = owner();
    team["team"] = json!("sofa");
    let topic = "arn:aws:sns:eu-west-1:123456789012:c";
    let case = Case {
        kind: "cloudwatch.metric_alarm",
        lost: &[],
        left_out: &[("evaluate_low_sample_count_percentile", "the emulator does not keep it")],
        create: alarm(json!({})),
        steps: vec![
            ("the threshold", alarm(json!({"threshold": 45.5})), vec!["threshold"]),
            (
                "every number",
                alarm(json!({"threshold": 0.0, "period": 300, "evaluation_periods": 5, "datapoints_to_alarm": 3})),
                vec!["period", "evaluation_periods", "datapoints_to_alarm", "threshold"],
            ),
            (
                "every text",
                alarm(json!({
                    "threshold": 0.0, "period": 300, "evaluation_periods": 5, "datapoints_to_alarm": 3,
                    "alarm_description": "look at the queue", "namespace": "Couch", "metric_name": "Age",
                    "comparison_operator": "LessThanOrEqualToThreshold", "treat_missing_data": "notBreaching",
                    "unit": "Seconds", "dimensions": { "Sofa": "left" },
                })),
                vec![
                    "namespace",
                    "metric_name",
                    "dimensions.Sofa",
                    "dimensions.QueueName",
                    "comparison_operator",
                    "treat_missing_data",
                    "alarm_description",
                    "unit",
                ],
            ),
            (
                "everything back",
                alarm(json!({})),
                vec![
                    "namespace",
                    "metric_name",
                    "dimensions.QueueName",
                    "dimensions.Sofa",
                    "period",
                    "evaluation_periods",
                    "datapoints_to_alarm",
                    "threshold",
                    "comparison_operator",
                    "treat_missing_data",
                    "alarm_description",
                    "unit",
                ],
            ),
            (
                "other actions, none enabled",
                alarm(
                    json!({"alarm_actions": [], "ok_actions": [topic], "insufficient_data_actions": [topic], "actions_enabled": false}),
                ),
                vec!["actions_enabled", "alarm_actions", "ok_actions", "insufficient_data_actions"],
            ),
            (
                "actions back, a tag",
                alarm(json!({"tags": team})),
                vec!["actions_enabled", "alarm_actions", "ok_actions", "insufficient_data_actions", "tags.team"],
            ),
            ("no tag", alarm(json!({})), vec!["tags.team"]),
            (
                "a percentile",
                alarm(json!({"statistic": null, "extended_statistic": "p99"})),
                vec!["extended_statistic", "statistic"],
            ),
            ("a statistic again", alarm(json!({})), vec!["statistic", "extended_statistic"]),
        ],
    };
    contract(&aws, case).await;
}

#[tokio::test]
async fn a_tag_alone_does_not_write_the_definition_again() {
    let aws = account().await;
    let kind = kinds::find("cloudwatch.metric_alarm").expect("registered");
    kind.create(&aws, &alarm(json!({}))).await.expect("create");
    let live = read(kind, &aws, &alarm(json!({}))).await.expect("present");
    let mut team = owner();
    team["team"] = json!("sofa");
    let before = aws.calls_made().len();
    let changes = deployer::kinds::Changes(vec!["tags.team".into()]);
    kind.update(&aws, &live, &alarm(json!({"tags": team})), &changes).await.expect("update");
    assert_eq!(aws.calls_made()[before..], ["cloudwatch:TagResource"]);
}

#[tokio::test]
async fn alarms_read_at_once_share_one_call_for_each_hundred() {
    let aws = account().await;
    let kind = kinds::find("cloudwatch.metric_alarm").expect("registered");
    let named = |n: usize| alarm(json!({"alarm_name": format!("alarm-{n}"), "threshold": n as f64}));
    for n in [0, 100, 119] {
        kind.create(&aws, &named(n)).await.expect("create");
    }
    let before = aws.calls_made().len();
    let specs: Vec<Value> = (0..120).map(named).collect();
    let seen = join_all(specs.iter().map(|spec| read(kind, &aws, spec))).await;
    let present: Vec<usize> = (0..120).filter(|n| seen[*n].is_some()).collect();
    assert_eq!(present, [0, 100, 119]);
    assert_eq!(seen[119].as_ref().map(|live| &live.spec["threshold"]), Some(&json!(119.0)));
    let describes = aws.calls_made()[before..].iter().filter(|op| **op == "cloudwatch:DescribeAlarms").count();
    assert_eq!(describes, 2);
}

#[tokio::test]
async fn a_read_after_a_write_sees_it() {
    let aws = account().await;
    let kind = kinds::find("cloudwatch.metric_alarm").expect("registered");
    let want = alarm(json!({}));
    assert!(read(kind, &aws, &want).await.is_none());
    kind.create(&aws, &want).await.expect("create");
    assert!(read(kind, &aws, &want).await.is_some());
}

use futures::future::join_all;
use serde_json::{Value, json};

use crate::catalog::cloudwatch_alarm::{alarm, owner};
use crate::common::account;
use crate::contract::read;
use deployer::kinds;

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

use serde_json::json;

use super::*;
use crate::aws::played;

fn rule(name: &str) -> EventRule {
    EventRule { event_bus_name: "default".into(), name: name.into(), ..EventRule::default() }
}

#[test]
fn the_default_bus_is_in_no_arn() {
    let place = Place { account: "1".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None };
    assert_eq!(arn(&rule("r"), &place), "arn:aws:events:eu-west-1:1:rule/r");
    let other = EventRule { event_bus_name: "shop".into(), ..rule("r") };
    assert_eq!(arn(&other, &place), "arn:aws:events:eu-west-1:1:rule/shop/r");
    for spec in [rule("r"), other] {
        let path = arn(&spec, &place).splitn(6, ':').nth(5).map(str::to_owned).expect("a resource");
        assert_eq!(EventRuleKind::by_arn(&path, &Tags::new()).expect("a rule").spec, Some(spec));
    }
}

#[test]
fn a_long_pattern_is_doubted_and_a_longer_one_refused() {
    let doubts = |size: usize| {
        let spec = EventRule { event_pattern: "x".repeat(size), ..EventRule::default() };
        EventRuleKind::limits(&spec).into_iter().map(|excess| excess.doubt).collect::<Vec<_>>()
    };
    assert_eq!((doubts(2_048), doubts(2_049), doubts(4_097)), (vec![], vec![true], vec![false]));
}

#[tokio::test]
async fn a_rule_that_another_stack_has_taken_is_not_overwritten() {
    let found = played::json(r#"{"Name": "r", "State": "ENABLED"}"#);
    let tags = json!({ "Tags": [{ "Key": tags::STACK, "Value": "shop" }] }).to_string();
    let aws = played::answering(&[&found, &played::json(&tags)]).await;
    let tags = Tags::from([(tags::STACK.to_owned(), "couch".to_owned())]);
    let refused = EventRuleKind::create(&aws, &EventRule { tags, ..rule("r") }).await.expect_err("another stack's");
    assert!(refused.to_string().contains("belongs to the stack \"shop\""), "{refused}");
    assert_eq!(aws.calls().1, 0, "nothing is written");
}

#[tokio::test]
async fn a_target_that_aws_refuses_in_its_answer_fails_the_call() {
    let answer = r#"{"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "a", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "busy"}]}"#;
    let aws = played::answering(&[&played::json(answer)]).await;
    let targets =
        BTreeMap::from([("a".to_owned(), Target { arn: "arn:aws:sqs:eu-west-1:1:q".into(), ..Target::default() })]);
    let want = EventRule { targets, ..rule("r") };
    let error = targets::put(&aws, &want, want.targets.keys()).await.expect_err("a failed entry");
    assert_eq!((error.code(), error.message()), ("ConcurrentModificationException", "busy (target a)"));
}

#[tokio::test]
async fn old_targets_go_first_only_where_aws_has_no_room_for_both() {
    let none = r#"{"FailedEntryCount": 0, "FailedEntries": []}"#;
    let with = |ids: &[&str]| {
        let target = |id: &&str| {
            ((*id).to_owned(), Target { arn: format!("arn:aws:sqs:eu-west-1:1:{id}"), ..Target::default() })
        };
        EventRule { targets: ids.iter().map(target).collect(), ..rule("r") }
    };
    let roomy = played::answering(&[&played::json(none)]).await;
    targets::add(&roomy, &with(&["a", "b"]), &with(&["c"])).await.expect("added");
    assert_eq!(roomy.calls_made(), ["events:PutTargets"]);
    let full = played::answering(&[&played::json(none), &played::json(none)]).await;
    targets::add(&full, &with(&["a", "b", "c", "d", "e"]), &with(&["f"])).await.expect("added");
    assert_eq!(full.calls_made(), ["events:RemoveTargets", "events:PutTargets"]);
}

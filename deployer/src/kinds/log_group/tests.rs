use super::*;
use crate::aws::owner::Foreign;
use crate::aws::played;

#[tokio::test]
async fn a_group_that_another_stack_has_taken_is_not_deleted() {
    let tags = r#"{"tags": {"deployer:stack": "shop"}}"#;
    let aws = played::answering(&[&played::json(tags)]).await;
    let group = LogGroup { name: "/couch/worker".into(), ..LogGroup::default() };
    tagged::trust_listing(&aws, &arn(&group.name, &aws.place));
    let recorded = Tags::from([(tags::STACK.to_owned(), "couch".to_owned())]);
    aws.run.record(LogGroupKind::NAME, &[&group.name], &group.name, Some(recorded));
    let live = ObservedResource::new(group.name.clone(), group, Outputs::new());
    let refused = LogGroupKind::delete(&aws, &live).await.expect_err("another stack's");
    assert!(matches!(refused, AwsError::Foreign { owner: Foreign::OtherStack { stack }, .. } if stack == "shop"));
    assert_eq!(aws.calls(), (1, 0));
}

#[test]
fn names_share_what_all_of_them_begin_with() {
    let of = |names: &[&str]| common_prefix(&names.iter().map(|n| (*n).to_owned()).collect()).to_owned();
    assert_eq!(of(&["/aws/lambda/shop-a", "/aws/lambda/shop-b", "/aws/lambda/shop"]), "/aws/lambda/shop");
    assert_eq!(of(&["/aws/lambda/shop", "audit"]), "");
    assert_eq!(of(&["é1", "é2"]), "é");
    assert_eq!(of(&[]), "");
}

#[test]
fn a_group_that_says_nothing_is_standard_and_never_expires() {
    let group = to_spec("a", &Live::builder().log_group_name("a").build(), Tags::new()).unwrap();
    assert_eq!(group, LogGroup { name: "a".into(), ..LogGroup::default() });
}

#[test]
fn the_retention_of_a_delivery_group_is_not_read() {
    let live = |class| Live::builder().log_group_class(class).retention_in_days(1).build();
    assert_eq!(to_spec("a", &live(LogGroupClass::Delivery), Tags::new()).unwrap().retention_in_days, None);
    assert_eq!(to_spec("a", &live(LogGroupClass::Standard), Tags::new()).unwrap().retention_in_days, Some(1));
}

#[tokio::test]
async fn a_protected_group_is_unprotected_before_its_deletion() {
    let answers = [r#"{"tags": {}}"#, "{}", "{}"].map(played::json);
    let aws = played::answering(&answers.each_ref().map(String::as_str)).await;
    let group = LogGroup { name: "/couch/audit".into(), deletion_protection_enabled: true, ..LogGroup::default() };
    let live = ObservedResource::new(group.name.clone(), group, Outputs::new());
    LogGroupKind::delete(&aws, &live).await.expect("a deletion");
    let calls = aws.calls_made();
    let writes: Vec<_> = calls.iter().copied().filter(|call| call.contains("Put") || call.contains("Delete")).collect();
    assert_eq!(writes, ["logs:PutLogGroupDeletionProtection", "logs:DeleteLogGroup"], "{calls:?}");
}

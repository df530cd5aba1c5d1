//! Tests of the meaning of IAM's answers.

use super::*;

fn place() -> Place {
    Place { account: "123456789012".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None }
}

fn live(arn: &str) -> Live {
    Live::builder()
        .path("/team/")
        .role_name("worker")
        .role_id("AROAEXAMPLE")
        .arn(arn)
        .create_date(aws_smithy_types::DateTime::from_secs(0))
        .assume_role_policy_document("%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D")
        .description("")
        .build()
        .unwrap()
}

#[test]
fn an_arn_that_is_the_bare_unique_id_is_replaced_by_the_one_it_will_be() {
    let whole = "arn:aws:iam::123456789012:role/team/worker";
    assert_eq!(outputs(&live("AROAEXAMPLE"), &place())["arn"], whole);
    assert_eq!(outputs(&live(whole), &place())["arn"], whole);
    assert!(!is_arn("AROAEXAMPLE"));
}

#[test]
fn what_iam_leaves_out_reads_as_its_default() {
    let role = to_spec(live("AROAEXAMPLE"), BTreeMap::new(), BTreeSet::new()).unwrap();
    assert_eq!(role.max_session_duration, MAX_SESSION_DURATION);
    assert_eq!(role.description, None);
    assert_eq!(role.assume_role_policy["Version"], "2012-10-17");
}

#[tokio::test]
async fn a_tag_whose_key_changes_its_capitals_is_set_and_not_removed() {
    let done = "<TagRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"/>";
    let answer = format!(
        "200 OK\r\nconnection: close\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n{done}",
        done.len()
    );
    // Only TagRole is answered; any other call fails.
    let aws = crate::aws::played::answering_to(vec![("Action=TagRole", answer.into_bytes())]).await;
    let role = |key: &str| {
        let mut role = to_spec(live("AROAEXAMPLE"), BTreeMap::new(), BTreeSet::new()).unwrap();
        role.tags = [(key.to_owned(), "sofa".to_owned())].into();
        role
    };
    let seen = ObservedResource::new("worker", role("Team"), Outputs::new());
    let changes = Changes(vec!["tags.Team".into(), "tags.team".into()]);
    IamRole::update(&aws, &seen, &role("team"), &changes).await.expect("one call");
    assert_eq!(aws.calls().1, 1);
}

fn allowing(name: &str, statements: Value) -> Role {
    let document = serde_json::json!({ "Version": "2012-10-17", "Statement": statements });
    Role { name: "r".into(), inline_policies: [(name.to_owned(), document)].into(), ..Role::default() }
}

#[test]
fn what_a_role_may_no_more_it_may_until_its_functions_have_moved_on() {
    let allow = |action: &str| serde_json::json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
    let deny = serde_json::json!({ "Effect": "Deny", "Action": "s3:*", "Resource": "*" });
    let (put, network) = (allow("s3:PutObject"), allow("ec2:DeleteNetworkInterface"));
    let live = allowing("permissions", serde_json::json!([put, network, deny]));
    let want = allowing("permissions", serde_json::json!([put]));
    let meanwhile = IamRole::meanwhile(&live, &want).expect("something is taken away");
    assert_eq!(meanwhile.inline_policies["permissions"]["Statement"], serde_json::json!([put, network]));
    // No permission is taken away: AWS has the same one in another form, or the new one comes at once.
    let same = serde_json::json!({ "Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["*"] });
    assert_eq!(IamRole::meanwhile(&allowing("permissions", same), &want), None);
    assert_eq!(IamRole::meanwhile(&want, &live), None);
    let attached = |arns: &[&str]| Role {
        managed_policy_arns: arns.iter().map(|arn| (*arn).to_owned()).collect(),
        ..want.clone()
    };
    let meanwhile = IamRole::meanwhile(&attached(&["arn:a", "arn:c"]), &attached(&["arn:b"])).expect("two go");
    assert_eq!(meanwhile.managed_policy_arns, ["arn:a", "arn:b", "arn:c"]);
    // If both documents together exceed the limit, the change is made at once.
    let long = allow(&"x".repeat(INLINE_SIZE - 200));
    assert_eq!(IamRole::meanwhile(&allowing("old", long), &allowing("permissions", allow(&"y".repeat(200)))), None);
}

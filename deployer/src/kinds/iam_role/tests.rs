//! What IAM's answers mean.

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
    let role = observed(live("AROAEXAMPLE"), BTreeMap::new(), BTreeSet::new()).unwrap();
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
    // Only TagRole is answered: any other call finds nobody.
    let aws = crate::aws::played::answering_to(vec![("Action=TagRole", answer.into_bytes())]).await;
    let role = |key: &str| {
        let mut role = observed(live("AROAEXAMPLE"), BTreeMap::new(), BTreeSet::new()).unwrap();
        role.tags = [(key.to_owned(), "sofa".to_owned())].into();
        role
    };
    let seen = Observed::new("worker", role("Team"), Outputs::new());
    let changes = Changes(vec!["tags.Team".into(), "tags.team".into()]);
    IamRole::update(&aws, &seen, &role("team"), &changes).await.expect("one call");
    assert_eq!(aws.calls().1, 1);
}

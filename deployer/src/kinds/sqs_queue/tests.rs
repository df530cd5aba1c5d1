use super::*;
use crate::aws::played::{answering, answering_to, json};

#[test]
fn a_redrive_policy_reads_the_same_with_its_count_as_text() {
    let number = redrive(r#"{"maxReceiveCount":3,"deadLetterTargetArn":"arn:x"}"#).unwrap();
    let text = redrive(r#"{"deadLetterTargetArn":"arn:x","maxReceiveCount":"3"}"#).unwrap();
    assert_eq!(number, text);
}

#[test]
fn a_removed_redrive_policy_is_cleared_not_left_out() {
    let sent: HashMap<_, _> = attributes(&Queue::default()).collect();
    assert_eq!(sent[&Attribute::RedrivePolicy], "");
}

fn queue_with_key(key: Option<&str>) -> Queue {
    Queue {
        name: "orders".into(),
        visibility_timeout: 30,
        message_retention_period: 345_600,
        kms_master_key_id: key.map(str::to_owned),
        ..Queue::default()
    }
}

#[tokio::test]
async fn a_queue_whose_key_is_taken_off_has_sqss_own_instead_of_none() {
    let sent = vec![("\"SqsManagedSseEnabled\":\"true\"", json("{}").into_bytes())];
    let aws = answering_to(sent).await;
    let live = ObservedResource::new("url", queue_with_key(Some("alias/orders")), Outputs::new());
    let changes = Changes(vec!["kms_master_key_id".into()]);
    SqsQueue::update(&aws, &live, &queue_with_key(None), &changes).await.expect("both in one call");
    assert_eq!(aws.calls(), (0, 1));
}

#[tokio::test]
async fn a_changed_queue_is_watched_until_all_of_sqs_tells_the_change() {
    let told = |seconds: u32| {
        let attributes = serde_json::json!({ "Attributes": {
            "VisibilityTimeout": seconds.to_string(), "MessageRetentionPeriod": "60", "SqsManagedSseEnabled": "true",
            "Policy": "{\"Version\":\"2008-10-17\",\"Statement\":{\"Sid\":\"\",\"Effect\":\"Allow\"}}",
        } });
        json(&attributes.to_string())
    };
    let answers = [30, 180, 30, 180, 180, 180, 180].map(told);
    let aws = answering(&answers.each_ref().map(String::as_str)).await;
    let policy = r#"{"Statement":[{"Effect":"Allow"}]}"#.to_owned();
    let want = Queue { visibility_timeout: 180, policy: Some(policy), ..queue_with_key(None) };
    let changed = |path: &str| WatchedOperation::Updated(Changes(vec![path.into()]));
    SqsQueue::watch(&aws, &want, &changed("visibility_timeout")).await.expect("spread");
    assert_eq!(aws.calls(), (7, 0));
    SqsQueue::watch(&aws, &want, &changed("message_retention_period")).await.expect("nobody waits");
    assert_eq!(aws.calls(), (7, 0));
}

#[test]
fn a_malformed_policy_is_not_taken_for_one_whose_principal_is_new() {
    let refused = || {
        AwsError::Service(Box::new(crate::aws::ServiceError {
            operation: "sqs:SetQueueAttributes",
            code: "InvalidAttributeValue".into(),
            message: "Invalid value for the parameter Policy.".into(),
            status: 400,
            request_id: None,
            retry_after_s: None,
            needed: None,
        }))
    };
    let of = |principal: &str| Queue { policy: Some(principal.into()), ..Queue::default() };
    let role = of(r#"{"Principal":{"AWS":"arn:aws:iam::1:role/r"}}"#);
    assert!(told_apart(refused(), &role).message().contains("parameter Policy"));
    let service = of(r#"{"Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:Snd"}"#);
    assert!(told_apart(refused(), &service).message().contains("an action or a principal"));
}

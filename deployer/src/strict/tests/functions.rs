//! The states of functions, and changes of one function at the same time.

use super::*;

fn publish(name: &str) -> Sent {
    rest("lambda", "PUT", &format!("/2015-03-31/functions/{name}/code"), &json!({"ZipFile": "", "Publish": true}))
}

fn invoke(name: &str) -> Sent {
    rest("lambda", "POST", &format!("/2015-03-31/functions/{name}/invocations"), &json!({}))
}

fn tag(name: &str) -> Sent {
    let arn = format!("arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{name}");
    rest("lambda", "POST", &format!("/2017-03-31/tags/{}", arn.replace(':', "%3A")), &json!({"Tags": {"a": "b"}}))
}

fn message(body: &Value) -> &str {
    body["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_new_function_is_pending_and_refuses_calls_and_changes_until_it_is_active() {
    let trial = Trial::new();
    let function = json!({"FunctionName": "draw", "State": "Active"});
    assert_eq!(trial.send(&create_function("draw", "draw"), &function).await.1["State"], "Pending");
    let read = rest("lambda", "GET", "/2015-03-31/functions/draw", &Value::Null);
    let shown = trial.send(&read, &json!({"Configuration": function})).await.1;
    assert_eq!(shown["Configuration"]["State"], "Pending");
    let update = update_function("draw", &json!({"Timeout": 5}));
    let (status, body) = trial.send(&update, &function).await;
    assert_eq!(status, 409);
    assert!(message(&body).ends_with("in the following state: 'Pending'. StateReasonCode: 'Creating'"), "{body}");
    let (status, body) = trial.send(&invoke("draw"), &function).await;
    assert_eq!(status, 409);
    assert!(message(&body).ends_with("The function is currently in the following state: Pending"), "{body}");
    assert_eq!(trial.send(&tag("draw"), &function).await.0, 200);
    trial.pass(3.0);
    assert_eq!(trial.send(&invoke("draw"), &function).await.0, 200);
    assert_eq!(trial.send(&update, &function).await.1["LastUpdateStatus"], "InProgress");
    for change in [&update, &tag("draw")] {
        let (status, body) = trial.send(change, &function).await;
        assert_eq!(status, 409);
        assert!(message(&body).contains("An update is in progress for resource: arn:aws:lambda:"), "{body}");
    }
    assert_eq!(trial.send(&invoke("draw"), &function).await.0, 200, "the former code answers");
    trial.pass(2.0);
    assert_eq!(trial.send(&read, &json!({"Configuration": function})).await.1["Configuration"]["State"], "Active");
    assert_eq!(trial.send(&update, &function).await.0, 200);
}

#[tokio::test]
async fn a_published_version_is_pending_and_a_deleted_function_is_forgotten() {
    let trial = Trial::new();
    let published = json!({"FunctionName": "draw", "Version": "7", "State": "Active"});
    trial.send(&publish("draw"), &published).await;
    let read = rest("lambda", "GET", "/2015-03-31/functions/draw?Qualifier=7", &Value::Null);
    assert_eq!(trial.send(&read, &json!({"Configuration": published})).await.1["Configuration"]["State"], "Pending");
    assert_eq!(trial.send(&invoke("draw:7"), &published).await.0, 409);
    assert_eq!(trial.send(&invoke("draw:6"), &published).await.0, 200);
    trial.send(&rest("lambda", "DELETE", "/2015-03-31/functions/draw", &Value::Null), &json!({})).await;
    assert_eq!(trial.send(&invoke("draw:7"), &published).await.0, 200);
}

#[tokio::test]
async fn one_of_two_changes_of_a_function_at_once_is_refused() {
    let trial = Trial::new();
    let permit = |function: &str| {
        let body = json!({"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "sns.amazonaws.com"});
        rest("lambda", "POST", &format!("/2015-03-31/functions/{function}/policy"), &body)
    };
    let revoke = rest("lambda", "DELETE", "/2015-03-31/functions/draw/policy/s", &Value::Null);
    let first = permit("draw");
    let during = trial.forward(&first, async || {
        let (status, body) = trial.send(&revoke, &json!({})).await;
        assert_eq!(
            (status, message(&body)),
            (409, "The function could not be updated due to a concurrent update operation.")
        );
        assert_eq!(trial.send(&permit("other"), &json!({})).await.0, 200);
        (500, "{}".to_owned())
    });
    assert_eq!(during.await.status, 500);
    // A call that failed has ended as well.
    assert_eq!(trial.send(&revoke, &json!({})).await.0, 200);
}

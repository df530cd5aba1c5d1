//! Of two requests for the same resource at the same time, one is refused.

use futures::channel::oneshot;

use super::*;

fn api(method: &'static str, path: &str, body: &Value) -> Sent {
    rest("apigateway", method, &format!("/restapis/a1{path}"), body)
}

/// Sends `second` while `first` is with the emulator. Returns the second answer's status and code.
async fn overlap(trial: &Trial, first: &Sent, second: &Sent) -> (u16, String) {
    let (arrived, has_arrived) = oneshot::channel();
    let (done, is_done) = oneshot::channel::<()>();
    let first = trial.forward(first, async move || {
        arrived.send(()).unwrap();
        is_done.await.unwrap();
        (200, String::new())
    });
    let second = async {
        has_arrived.await.unwrap();
        let answer = trial.send_raw(second, String::new()).await;
        done.send(()).unwrap();
        answer
    };
    let (first, second) = futures::join!(first, second);
    assert_eq!(first.status, 200);
    let code = second.headers.get("x-amzn-errortype").map(|code| code.to_str().unwrap().to_owned());
    (second.status, code.or_else(|| second.xml("Code").map(str::to_owned)).unwrap_or_default())
}

#[tokio::test]
async fn two_changes_of_one_api_do_not_overlap() {
    let (one, other) = (|id: &str| api("DELETE", &format!("/resources/{id}"), &Value::Null), Trial::new());
    assert_eq!(overlap(&other, &one("a"), &one("b")).await, (409, "ConflictException".into()));
    assert_eq!(other.send(&one("b"), &json!({})).await.0, 200, "the first has ended");
    let read = api("GET", "", &Value::Null);
    assert_eq!(overlap(&other, &one("a"), &read).await.0, 200);
    let of_another = rest("apigateway", "DELETE", "/restapis/b2/resources/a", &Value::Null);
    assert_eq!(overlap(&other, &one("a"), &of_another).await.0, 200);
}

#[tokio::test]
async fn a_change_whose_client_went_away_is_over() {
    let trial = Trial::new();
    let one = api("DELETE", "/resources/a", &Value::Null);
    let waits = trial.forward(&one, async || futures::future::pending().await);
    assert!(futures::FutureExt::now_or_never(waits).is_none());
    assert_eq!(trial.send(&one, &json!({})).await.0, 200);
}

#[tokio::test]
async fn a_conditional_write_meets_another_write_of_the_object() {
    let put = |key: &str, condition: Option<&str>| {
        let headers = condition.map(|name| (if name == "*" { "if-none-match" } else { "if-match" }, name.to_owned()));
        let headers = headers.into_iter().collect();
        Sent { key: ACCOUNT, signing: "s3", method: "PUT", path: format!("/state/{key}"), headers, body: "1".into() }
    };
    let trial = Trial::new();
    let conflict = (409, "ConditionalRequestConflict".to_owned());
    assert_eq!(overlap(&trial, &put("lock", None), &put("lock", Some("*"))).await, conflict);
    assert_eq!(overlap(&trial, &put("lock", Some("*")), &put("lock", Some("\"a\""))).await, conflict);
    assert_eq!(overlap(&trial, &put("lock", Some("*")), &put("lock", None)).await.0, 200);
    assert_eq!(overlap(&trial, &put("lock", None), &put("other", Some("*"))).await.0, 200);
}

#[tokio::test]
async fn two_changes_of_a_log_group_or_of_a_buckets_settings_do_not_overlap() {
    let trial = Trial::new();
    let group = |call: &str, name: &str| {
        target("logs", &format!("Logs_20140328.{call}"), &json!({"logGroupName": name, "retentionInDays": 7}))
    };
    let aborted = |status| (status, "OperationAborted".to_owned());
    let (status, _) = overlap(&trial, &group("PutRetentionPolicy", "a"), &group("DeleteLogGroup", "a")).await;
    assert_eq!(status, 400);
    assert_eq!(overlap(&trial, &group("PutRetentionPolicy", "a"), &group("DeleteLogGroup", "b")).await.0, 200);
    let settings = |bucket: &str, setting: &str| {
        let body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        let body = if setting == "versioning" { body.to_owned() } else { String::new() };
        let method = if setting == "versioning" { "PUT" } else { "DELETE" };
        Sent { key: ACCOUNT, signing: "s3", method, path: format!("/{bucket}?{setting}"), headers: Vec::new(), body }
    };
    let versioning = settings("pictures", "versioning");
    assert_eq!(overlap(&trial, &versioning, &settings("pictures", "lifecycle")).await, aborted(409));
    assert_eq!(overlap(&trial, &versioning, &settings("letters", "lifecycle")).await.0, 200);
    let object = Sent { path: "/pictures/a".into(), ..settings("pictures", "lifecycle") };
    assert_eq!(overlap(&trial, &versioning, &object).await.0, 200, "an object is no setting");
}

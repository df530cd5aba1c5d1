//! New buckets are known by degrees.

use super::*;

fn s3(method: &'static str, path: &str, body: &str) -> Sent {
    Sent { key: ACCOUNT, signing: "s3", method, path: path.into(), headers: Vec::new(), body: body.into() }
}

fn create(name: &str) -> Sent {
    create_in(name, Some("eu-west-1"))
}

fn create_in(name: &str, region: Option<&str>) -> Sent {
    let constraint = region.map(|region| format!("<LocationConstraint>{region}</LocationConstraint>"));
    let inner = constraint.unwrap_or_default();
    s3("PUT", &format!("/{name}"), &format!("<CreateBucketConfiguration>{inner}</CreateBucketConfiguration>"))
}

fn versioning() -> Sent {
    let body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    s3("PUT", "/pictures?versioning", body)
}

async fn codes(trial: &Trial, sent: &Sent, times: usize) -> Vec<String> {
    let mut codes = Vec::new();
    for _ in 0..times {
        let answer = trial.send_raw(sent, String::new()).await;
        codes.push(answer.xml("Code").unwrap_or_default().to_owned());
    }
    codes
}

#[tokio::test]
async fn some_servers_do_not_know_a_new_bucket() {
    let trial = Trial::new();
    assert_eq!(codes(&trial, &create("pictures"), 1).await, [""]);
    let (none, busy) = ("NoSuchBucket", "OperationAborted");
    assert_eq!(codes(&trial, &versioning(), 7).await, [none, "", "", busy, "", "", none]);
    assert_eq!(codes(&trial, &s3("HEAD", "/pictures", ""), 3).await, ["", "", ""]);
    assert_eq!(codes(&trial, &s3("GET", "/others?versioning", ""), 3).await, ["", "", ""]);
    trial.pass(5.0);
    assert_eq!(codes(&trial, &versioning(), 3).await, ["", "", ""]);
}

#[tokio::test]
async fn an_object_is_missed_now_and_then_after_versioning_was_switched_on() {
    let trial = Trial::new();
    codes(&trial, &create("pictures"), 1).await;
    trial.pass(5.0);
    let (read, write) = (s3("GET", "/pictures/state?x-id=GetObject", ""), s3("PUT", "/pictures/state", "1"));
    codes(&trial, &write, 1).await;
    codes(&trial, &versioning(), 1).await;
    assert_eq!(codes(&trial, &read, 3).await, ["", "", ""], "it was written before");
    codes(&trial, &write, 1).await;
    let missed = |codes: &[String]| codes.iter().filter(|code| *code == "NoSuchKey").count();
    assert_eq!(missed(&codes(&trial, &read, 40).await), 2);
    let mut conditional = s3("PUT", "/pictures/state", "2");
    conditional.headers.push(("if-match", "\"a\"".into()));
    assert_eq!(missed(&codes(&trial, &conditional, 20).await), 1);
    assert_eq!(missed(&codes(&trial, &write, 20).await), 0, "an unconditional write asks for nothing");
    trial.pass(900.0);
    assert_eq!(missed(&codes(&trial, &read, 40).await), 0);
}

#[tokio::test]
async fn a_bucket_that_kept_versions_before_misses_nothing() {
    let trial = Trial::new();
    codes(&trial, &versioning(), 1).await;
    codes(&trial, &s3("PUT", "/pictures/state", "1"), 1).await;
    assert!(codes(&trial, &s3("GET", "/pictures/state?x-id=GetObject", ""), 40).await.iter().all(String::is_empty));
}

#[tokio::test]
async fn the_name_of_a_deleted_bucket_stays_taken_for_a_while() {
    let trial = Trial::new();
    codes(&trial, &create("pictures"), 1).await;
    trial.pass(5.0);
    assert_eq!(codes(&trial, &s3("DELETE", "/pictures", ""), 1).await, [""]);
    assert_eq!(codes(&trial, &create("pictures"), 1).await, ["OperationAborted"]);
    trial.pass(30.0);
    assert_eq!(codes(&trial, &create("pictures"), 1).await, [""]);
}

#[tokio::test]
async fn names_and_regions_that_s3_refuses() {
    let trial = Trial::new();
    let long = "a".repeat(64);
    for name in
        ["ab", &long, "Pictures", "pic_tures", "10.0.0.1", "-pictures", "pictures-", "a..b", "xn--a", "a-s3alias"]
    {
        assert_eq!(codes(&trial, &create(name), 1).await, ["InvalidBucketName"], "{name}");
    }
    for name in ["abc", &long[1..], "a.b-c", "10.0.0.1.a", "1a2"] {
        assert_eq!(codes(&trial, &create(name), 1).await, [""], "{name}");
    }
    for region in [None, Some("eu-central-1")] {
        let refused = codes(&trial, &create_in("pictures", region), 1).await;
        assert_eq!(refused, ["IllegalLocationConstraintException"], "{region:?}");
    }
    let without_model = Trial::with(Switches::default().without(["model"]));
    let refused = codes(&without_model, &create_in("pictures", Some("us-east-1")), 1).await;
    assert_eq!(refused, ["InvalidLocationConstraint"]);
}

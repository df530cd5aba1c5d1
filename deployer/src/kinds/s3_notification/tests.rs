//! Overlaps, the switch of EventBridge, and the edges to verify.

use serde_json::json;

use super::*;

fn entry(events: &[&str], prefix: &str, suffix: &str) -> Entry {
    Entry {
        destination: "arn:aws:sqs:eu-west-1:1:jobs".to_owned(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        prefix: prefix.to_owned(),
        suffix: suffix.to_owned(),
    }
}

#[test]
fn entries_overlap_that_share_an_event_and_a_key() {
    let all = entry(&["s3:ObjectCreated:*"], "", "");
    let put = |prefix, suffix| entry(&["s3:ObjectCreated:Put"], prefix, suffix);
    assert_eq!(overlap(&all, &put("in/", ".png")), Some("s3:ObjectCreated:*"));
    assert_eq!(overlap(&put("in/", ""), &put("in/a/", "")), Some("s3:ObjectCreated:Put"));
    assert_eq!(overlap(&put("in/", ".png"), &put("", "g")), Some("s3:ObjectCreated:Put"));
    assert_eq!(overlap(&put("in/", ""), &put("out/", "")), None);
    assert_eq!(overlap(&put("in/", ".png"), &put("in/", ".jpg")), None);
    assert_eq!(overlap(&all, &entry(&["s3:ObjectRemoved:*"], "", "")), None);
}

#[test]
fn a_switch_that_was_set_here_goes_back_and_one_of_others_stays() {
    let place = Place { account: "1".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None };
    let want = Notification::default();
    let last = |keeps: bool| json!({ "event_bridge": true, "keeps_event_bridge": keeps });
    assert_eq!(S3Notification::given_back(&last(false), &want, &place), [("event_bridge", json!(false))]);
    assert_eq!(S3Notification::given_back(&last(true), &want, &place), [("event_bridge", json!(true))]);
    let given_back = json!({ "event_bridge": false, "keeps_event_bridge": true });
    assert!(S3Notification::given_back(&given_back, &want, &place).is_empty());
    assert!(S3Notification::given_back(&json!({}), &want, &place).is_empty());
}

#[test]
fn a_probe_takes_the_edges_of_new_objects_only() {
    let place = Place { account: "1".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None };
    let entries = [
        ("a".to_owned(), entry(&["s3:ObjectCreated:*"], "in/", "")),
        ("b".to_owned(), entry(&["s3:ObjectRemoved:*"], "in/", "")),
    ];
    let spec = Notification { bucket: "images".to_owned(), entries: entries.into(), ..Notification::default() };
    let Verification { passages, grants } = S3Notification::verification(&spec, &place);
    assert_eq!(passages[0].from.as_deref(), Some("arn:aws:s3:::images"));
    assert_eq!(passages.iter().map(|passage| passage.closed.is_some()).collect::<Vec<_>>(), [false, true]);
    assert_eq!(grants[0].resources[0], "arn:aws:s3:::images/in/*");
}

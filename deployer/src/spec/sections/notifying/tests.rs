//! Notices of functions and of buckets become one resource, with what lets S3 reach each receiver.

use serde_json::{Value, json};

use crate::pipeline;
use crate::spec::sections::Resource;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

fn lower(text: &str) -> (Vec<Resource>, Vec<(&'static str, String)>) {
    let text = format!("stack: shop\nregion: eu-west-1\n{text}");
    let source = SourceText::new("stack.yaml", text.as_bytes());
    match pipeline::check(source, &Inputs::default()) {
        Ok(loaded) => {
            let found = loaded.warnings.0.iter().map(|finding| (finding.code, finding.path.to_string())).collect();
            (loaded.document.lower().0.resources, found)
        }
        Err(failure) => {
            let found = failure.findings.0.iter().map(|finding| (finding.code, finding.path.to_string())).collect();
            (Vec::new(), found)
        }
    }
}

fn find<'r>(resources: &'r [Resource], address: &str) -> &'r Resource {
    resources.iter().find(|resource| resource.address == address).unwrap_or_else(|| panic!("{address}"))
}

const BOTH: &str = r#"
buckets:
  uploads:
    retain: true
    event_bridge: true
    notifications:
      - { queue: jobs, events: ["s3:ObjectRemoved:*"] }
      - { topic: news, prefix: news/ }
queues: { jobs: {} }
topics: { news: {} }
functions:
  draw:
    zip: draw.zip
    environment: { UPLOADS: "${buckets.uploads.name}" }
    permissions: [ { allow: s3:GetObject, on: "${buckets.uploads.arn}/*" } ]
    events:
      - { bucket: uploads, prefix: in/, suffix: .png }
      - { bucket: uploads, prefix: in/, suffix: .jpg, events: ["s3:ObjectCreated:Put", "s3:ObjectCreated:Copy"] }
      - { bucket: uploads, prefix: off/, enabled: false }
"#;

#[test]
fn all_notices_of_a_bucket_are_one_resource_that_goes_although_the_bucket_stays() {
    let (resources, found) = lower(BOTH);
    assert_eq!(found, [], "{found:?}");
    let notifications = find(&resources, "buckets.uploads.notifications");
    assert!(!notifications.retain && find(&resources, "buckets.uploads").retain);
    assert_eq!(notifications.depends_on, ["buckets.uploads.permission[draw]".to_owned()].into());
    let draw = "${functions.draw.arn}";
    assert_eq!(
        notifications.spec,
        json!({
            "bucket": "${buckets.uploads.name}",
            "owner": "shop",
            "entries": {
                "function-draw": { "destination": draw, "events": ["s3:ObjectCreated:Copy", "s3:ObjectCreated:Put"], "prefix": "in/", "suffix": ".jpg" },
                "function-draw-2": { "destination": draw, "events": ["s3:ObjectCreated:*"], "prefix": "in/", "suffix": ".png" },
                "queue-jobs": { "destination": "${queues.jobs.arn}", "events": ["s3:ObjectRemoved:*"] },
                "topic-news": { "destination": "${topics.news.arn}", "events": ["s3:ObjectCreated:*"], "prefix": "news/" },
            },
            "event_bridge": true,
            "keeps_event_bridge": false,
        })
    );
}

#[test]
fn s3_may_reach_each_receiver_for_this_bucket_of_this_account_alone() {
    let (resources, _) = lower(BOTH);
    let permission = &find(&resources, "buckets.uploads.permission[draw]").spec;
    assert_eq!(permission["source_arn"], "arn:${aws.partition}:s3:::shop-uploads");
    assert_eq!(permission["source_account"], "${aws.account_id}");
    for (receiver, action) in [("queues.jobs", "sqs:SendMessage"), ("topics.news", "sns:Publish")] {
        let policy = find(&resources, receiver).spec["policy"].as_str().expect("a policy").to_owned();
        let policy: Value = serde_json::from_str(&policy).expect("JSON");
        let statement = policy["Statement"].as_array().and_then(|all| all.last()).expect("a statement");
        assert_eq!(statement["Principal"], json!({ "Service": "s3.amazonaws.com" }), "{receiver}");
        assert_eq!(statement["Action"], action);
        let condition = json!({
            "ArnEquals": { "aws:SourceArn": "arn:${aws.partition}:s3:::shop-uploads" },
            "StringEquals": { "aws:SourceAccount": "${aws.account_id}" },
        });
        assert_eq!(statement["Condition"], condition);
    }
}

#[test]
fn a_bucket_of_others_gets_entries_and_keeps_its_switch() {
    let (resources, found) = lower(
        "buckets: { theirs: { name: theirs, external: true, event_bridge: true } }\n\
         functions: { draw: { zip: draw.zip, events: [ { bucket: theirs } ] } }\n",
    );
    assert_eq!(found, [], "{found:?}");
    let notifications = find(&resources, "buckets.theirs.notifications");
    assert!(!notifications.external && !notifications.retain);
    assert_eq!(notifications.spec["keeps_event_bridge"], true);
    let (alone, _) = lower("buckets: { theirs: { name: theirs, external: true, event_bridge: true } }\n");
    assert!(find(&alone, "buckets.theirs.notifications").retain, "nothing of it is to be deleted");
}

#[test]
fn entries_that_s3_refuses_are_found_where_they_are_written() {
    let function = |events: &str| {
        format!(
            "functions: {{ draw: {{ zip: d.zip, events: [ {events} ] }}, copy: {{ zip: c.zip, events: [ {{ bucket: uploads, prefix: in/ }} ] }} }}\n"
        )
    };
    let buckets = "buckets: { uploads: {} }\n";
    let found = lower(&format!(
        "{buckets}{}",
        function("{ bucket: uploads, prefix: out/ }, { bucket: uploads, prefix: in/a/ }")
    ))
    .1;
    assert_eq!(found, [("bucket::notification-overlap", "functions.draw.events.1".to_owned())]);
    assert_eq!(lower(&format!("{buckets}{}", function("{ bucket: uploads, prefix: out/ }"))).1, []);
    let unknown = lower(&function("{ bucket: uplods, prefix: out/ }")).1;
    assert!(
        unknown.contains(&("stack::unknown-reference", "functions.draw.events.0.bucket".to_owned())),
        "{unknown:?}"
    );
    let of = |notification: &str, rest: &str| {
        lower(&format!("buckets: {{ uploads: {{ notifications: [ {notification} ] }} }}\n{rest}")).1
    };
    let place = || "buckets.uploads.notifications.0".to_owned();
    assert_eq!(of("{ queue: jobs }", "queues: { jobs: { fifo_queue: true } }\n"), [("bucket::fifo-receiver", place())]);
    assert_eq!(
        of("{ queue: jobs }", "queues: { jobs: { name: j, external: true } }\n"),
        [("bucket::external-receiver", place())]
    );
    assert_eq!(
        of("{ queue: jobs }", "queues: { jobs: { kms_master_key_id: alias/aws/sqs } }\n"),
        [("bucket::receiver-key", place())]
    );
    let event = format!("{}.events.0", place());
    assert_eq!(
        of("{ queue: jobs, events: [\"ObjectCreated:Put\"] }", "queues: { jobs: {} }\n"),
        [("bucket::event", event)]
    );
    assert_eq!(of("{ events: [\"s3:ObjectCreated:*\"] }", ""), [("bucket::receiver", place())]);
}

#[test]
fn a_function_that_may_write_what_calls_it_is_doubted() {
    let stack = |filter: &str, on: &str| {
        let permission = format!("permissions: [ {{ allow: s3:PutObject, on: \"{on}\" }} ]");
        lower(&format!(
            "buckets: {{ uploads: {{}}, drawn: {{}} }}\nfunctions: {{ draw: {{ zip: d.zip, {permission}, events: [ {{ bucket: uploads, {filter} }} ] }} }}\n"
        ))
        .1
        .into_iter()
        .filter(|(code, _)| *code == "bucket::recursion")
        .collect::<Vec<_>>()
    };
    let doubted = [("bucket::recursion", "functions.draw.events.0".to_owned())];
    assert_eq!(stack("prefix: in/", "${buckets.uploads.arn}/*"), doubted);
    assert_eq!(stack("prefix: in/", "${buckets.uploads.arn}/in/a.png"), doubted);
    assert_eq!(stack("prefix: in/", "*"), doubted);
    assert_eq!(stack("prefix: in/", "${buckets.uploads.arn}/out/*"), []);
    assert_eq!(stack("suffix: .png", "${buckets.uploads.arn}/*.jpg"), []);
    assert_eq!(stack("prefix: in/", "${buckets.drawn.arn}/*"), []);
    assert_eq!(stack("events: [\"s3:ObjectRemoved:*\"]", "${buckets.uploads.arn}/*"), []);
}

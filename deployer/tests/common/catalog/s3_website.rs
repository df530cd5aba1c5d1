//! `s3.website`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::s3_bucket::bucket;
use super::{Case, Entry, Thing, sure, with};

pub const ENTRY: Entry = Entry { kind: "s3.website", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Lists the buckets with a website, except those of states: `state-…`.
async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let s3 = &aws.clients.s3;
    let mut things = Vec::new();
    let buckets = sure(s3.list_buckets().send().await).buckets.unwrap_or_default();
    let names = buckets.into_iter().filter_map(|bucket| bucket.name).filter(|name| !name.starts_with("state-"));
    for bucket in names {
        let Ok(found) = s3.get_bucket_website().bucket(&bucket).send().await else { continue };
        let parts = (found.index_document(), found.error_document(), found.redirect_all_requests_to());
        let whole = json!(format!("{parts:?} {:?}", found.routing_rules()));
        things.push(Thing::new(format!("website of {bucket}"), async move { whole }));
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let kind = kinds::find("s3.bucket").expect("registered");
    kind.create(aws, &bucket(aws, json!({}))).await.expect("it is created");
    let of = |changes: Value| with(json!({ "bucket": format!("images-{}", aws.place.account) }), &changes);
    let rule = json!({ "key_prefix_equals": "old/", "http_error_code_returned_equals": "404", "protocol": "https",
        "host_name": "www.example.com", "http_redirect_code": "302", "replace_key_prefix_with": "" });
    let page = json!({ "http_error_code_returned_equals": "403", "replace_key_with": "index.html" });
    let index = json!({ "index_document": "index.html" });
    let rules = with(index.clone(), &json!({ "error_document": "404.html", "routing_rules": [rule, page] }));
    let all = |to: Value| of(json!({ "redirect_all_requests_to": to }));
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: of(index.clone()),
        steps: vec![
            ("an error document and rules", of(rules), vec!["error_document", "routing_rules"]),
            ("the index alone", of(index), vec!["error_document", "routing_rules"]),
            (
                "a redirection of all requests",
                all(json!({ "host_name": "www.example.com", "protocol": "https" })),
                vec!["redirect_all_requests_to.host_name", "redirect_all_requests_to.protocol", "index_document"],
            ),
            (
                "with the protocol of the request",
                all(json!({ "host_name": "www.example.com" })),
                vec!["redirect_all_requests_to.protocol"],
            ),
            (
                "an index again",
                of(json!({ "index_document": "home.html" })),
                vec!["index_document", "redirect_all_requests_to.host_name"],
            ),
        ],
    }]
}

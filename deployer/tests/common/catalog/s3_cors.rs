//! `s3.cors`.

use deployer::aws::Aws;
use deployer::kinds;
use futures::FutureExt;
use serde_json::{Value, json};

use super::s3_bucket::bucket;
use super::{Case, Entry, Thing, sure};

pub const ENTRY: Entry = Entry { kind: "s3.cors", list: |aws| list(aws).boxed(), cases: |aws| cases(aws).boxed() };

/// Lists the buckets with CORS rules, except those of states: `state-…`.
async fn list(aws: &Aws) -> Vec<Thing<'_>> {
    let s3 = &aws.clients.s3;
    let mut things = Vec::new();
    let buckets = sure(s3.list_buckets().send().await).buckets.unwrap_or_default();
    let names = buckets.into_iter().filter_map(|bucket| bucket.name).filter(|name| !name.starts_with("state-"));
    for bucket in names {
        let Ok(found) = s3.get_bucket_cors().bucket(&bucket).send().await else { continue };
        let whole = json!(format!("{:?}", found.cors_rules()));
        things.push(Thing::new(format!("CORS rules of {bucket}"), async move { whole }));
    }
    things
}

async fn cases(aws: &Aws) -> Vec<Case> {
    let kind = kinds::find("s3.bucket").expect("registered");
    kind.create(aws, &bucket(aws, json!({}))).await.expect("it is created");
    let of = |rules: Value| json!({ "bucket": format!("images-{}", aws.place.account), "cors_rules": rules });
    let plain = json!({ "allowed_origins": ["https://a.example"], "allowed_methods": ["GET"] });
    let whole = json!({ "id": "form", "allowed_origins": ["*"], "allowed_methods": ["POST", "PUT"],
        "allowed_headers": ["content-type"], "expose_headers": ["ETag"], "max_age_seconds": 600 });
    vec![Case {
        variant: false,
        lost: &[],
        left_out: &[],
        create: of(json!([plain])),
        steps: vec![
            ("another rule before it", of(json!([whole, plain])), vec!["cors_rules"]),
            ("the other order", of(json!([plain, whole])), vec!["cors_rules"]),
            ("one rule alone", of(json!([plain])), vec!["cors_rules"]),
        ],
    }]
}

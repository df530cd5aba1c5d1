use serde_json::{Value, json};

use super::*;
use crate::spec::secrets::Secrets;
use crate::spec::sections::Common;

fn with_scope<T>(external: bool, run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let (common, tags) = (Common { external, ..Common::default() }, Default::default());
    run(&Scope {
        is_preview: false,
        stack: "couch",
        section: "buckets",
        name: "images",
        common: &common,
        stack_tags: &tags,
        secrets: &Secrets::default(),
    })
}

fn element(bucket: Value) -> BucketElement {
    serde_json::from_value(bucket).unwrap()
}

fn codes(external: bool, bucket: Value) -> Vec<&'static str> {
    let mut findings = Findings::default();
    with_scope(external, |at| Buckets::check(&element(bucket), at, &mut findings));
    findings.0.into_iter().map(|f| f.code).collect()
}

#[test]
fn names_that_s3_refuses_are_found() {
    for good in ["abc", "pgr301-couch-explorers", "1-2"] {
        assert!(codes(false, json!({"name": good})).is_empty(), "{good}");
    }
    let long = "a".repeat(64);
    for bad in ["ab", &long, "Images", "a_b", "-ab", "ab-", "a..b", "192.168.0.1", "xn--a", "a-s3alias", "a--x-s3"] {
        assert_eq!(codes(false, json!({"name": bad})), ["bucket::name"], "{bad}");
    }
    assert_eq!(codes(false, json!({"name": "a.b"})), ["bucket::dots"]);
}

#[test]
fn an_external_bucket_needs_its_name_and_nothing_else() {
    assert_eq!(codes(true, json!({})), ["bucket::external-name"]);
    assert!(codes(true, json!({"name": "Old_Bucket"})).is_empty());
    let mut out = LoweredStack::default();
    with_scope(true, |at| Buckets::lower(element(json!({"name": "shared"})), at, &mut out));
    assert!(out.resources[0].external);
}

#[test]
fn rules_that_do_nothing_or_have_one_id_are_found() {
    let rule = json!({"id": "a", "expiration_days": 1});
    assert_eq!(codes(false, json!({"lifecycle_rules": [rule, rule]})), ["bucket::lifecycle-id"]);
    assert_eq!(codes(false, json!({"lifecycle_rules": [{"id": "a"}]})), ["bucket::lifecycle-empty"]);
    let versions = json!([{"id": "a", "noncurrent_version_expiration_days": 1}]);
    assert_eq!(codes(false, json!({"lifecycle_rules": versions})), ["bucket::lifecycle-versions"]);
    assert!(codes(false, json!({"versioning": true, "lifecycle_rules": versions})).is_empty());
}

#[test]
fn a_kms_key_needs_kms() {
    let key = |algorithm: &str| json!({"encryption": {"sse_algorithm": algorithm, "kms_master_key_id": "k"}});
    assert_eq!(codes(false, key("AES256")), ["bucket::kms-key"]);
    assert!(codes(false, key("aws:kms")).is_empty());
}

#[test]
fn what_is_left_out_is_stated_as_awss_default() {
    let mut out = LoweredStack::default();
    let rules = json!([{"id": "b", "expiration_days": 1}, {"id": "a", "expiration_days": 2}]);
    with_scope(false, |at| Buckets::lower(element(json!({"lifecycle_rules": rules})), at, &mut out));
    let spec = &out.resources[0].spec;
    assert_eq!(spec["bucket"], "couch-images");
    assert_eq!(spec["versioning"], false);
    assert_eq!(spec["encryption"], json!({"sse_algorithm": "AES256"}));
    assert_eq!(spec["public_access_block"]["restrict_public_buckets"], true);
    assert_eq!(spec["object_ownership"], "BucketOwnerEnforced");
    assert!(spec.get("acl").is_none() && spec.get("parts").is_none());
    assert_eq!(spec["lifecycle_rules"][0]["id"], "a");
    assert_eq!(spec["tags"]["deployer:address"], "buckets.images");
}

#[test]
fn an_access_list_needs_an_ownership_with_which_it_counts_and_an_open_bucket() {
    let bucket = |ownership: &str, block: Value| json!({"acl": "public-read", "object_ownership": ownership, "public_access_block": block});
    let open = json!({"block_public_acls": false, "ignore_public_acls": false});
    assert_eq!(codes(false, bucket("BucketOwnerEnforced", open.clone())), ["bucket::acl-ownership"]);
    assert_eq!(codes(false, bucket("ObjectWriter", json!({}))), ["bucket::public-acl"]);
    assert_eq!(codes(false, bucket("ObjectWriter", json!({"block_public_acls": false}))), ["bucket::acl-ignored"]);
    assert_eq!(codes(false, bucket("ObjectWriter", open)), [""; 0]);
    assert_eq!(codes(false, json!({"acl": "private"})), [""; 0]);
    assert_eq!(codes(true, json!({"name": "theirs", "acl": "public-read"})), ["bucket::external-setting"]);
}

#[test]
fn cors_rules_that_s3_refuses_are_found() {
    let cors = |rule: Value| {
        let mut whole = json!({"allowed_origins": ["*"], "allowed_methods": ["GET"]});
        for (key, value) in rule.as_object().unwrap() {
            whole[key] = value.clone();
        }
        codes(false, json!({"cors": [whole]}))
    };
    assert_eq!(cors(json!({"allowed_origins": ["https://*.example.com", "http://localhost:3000"]})), [""; 0]);
    assert_eq!(cors(json!({"allowed_origins": ["https://*.*.com"]})), ["bucket::cors-pattern"]);
    assert_eq!(cors(json!({"allowed_origins": ["https://example.com/"]})), ["bucket::cors-origin"]);
    assert_eq!(cors(json!({"allowed_headers": ["*"], "expose_headers": ["ETag"]})), [""; 0]);
    assert_eq!(cors(json!({"expose_headers": ["x-amz-*"]})), ["bucket::cors-pattern"]);
    let named = json!({"id": "a", "allowed_origins": ["*"], "allowed_methods": ["GET"]});
    assert_eq!(codes(false, json!({"cors": [named, named]})), ["bucket::cors-id"]);
}

/// A website that everybody may read.
fn site(changes: Value) -> Value {
    let statement =
        json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "${buckets.images.arn}/*"});
    let mut bucket = json!({
        "policy": {"Version": "2012-10-17", "Statement": [statement]},
        "public_access_block": {"block_public_policy": false, "restrict_public_buckets": false},
        "website": {"index_document": "index.html", "error_document": "404.html"},
    });
    for (key, value) in changes.as_object().unwrap() {
        bucket[key] = value.clone();
    }
    bucket
}

#[test]
fn a_website_has_an_index_document_or_redirects_all_requests() {
    let website = |website: Value| codes(false, site(json!({"website": website})));
    assert_eq!(codes(false, site(json!({}))), [""; 0]);
    assert_eq!(website(json!({})), ["bucket::website"]);
    assert_eq!(website(json!({"index_document": "a/index.html"})), ["bucket::website"]);
    assert_eq!(website(json!({"redirect_all_requests_to": "https://www.example.com"})), [""; 0]);
    assert_eq!(website(json!({"redirect_all_requests_to": "https://www.example.com/a"})), ["bucket::website"]);
    let both = json!({"redirect_all_requests_to": "www.example.com", "index_document": "index.html"});
    assert_eq!(website(both), ["bucket::website"]);
    let rule = |rule: Value| website(json!({"index_document": "index.html", "routing_rules": [rule]}));
    assert_eq!(rule(json!({"key_prefix_equals": "old/", "replace_key_prefix_with": "new/"})), [""; 0]);
    assert_eq!(rule(json!({"key_prefix_equals": "old/"})), ["bucket::routing-rule"]);
    assert_eq!(rule(json!({"replace_key_with": "a", "replace_key_prefix_with": "b"})), ["bucket::routing-rule"]);
}

#[test]
fn a_website_that_no_visitor_can_read_is_found() {
    let private = ["bucket::website-private"];
    assert_eq!(codes(false, site(json!({"policy": null}))), private);
    let half = json!({"block_public_policy": false});
    assert_eq!(codes(false, site(json!({"public_access_block": half}))), private);
    assert_eq!(codes(false, site(json!({"encryption": {"sse_algorithm": "aws:kms"}}))), private);
    let lists = json!({"policy": null, "object_ownership": "ObjectWriter",
        "public_access_block": {"block_public_acls": false, "ignore_public_acls": false}});
    assert_eq!(codes(false, site(lists)), [""; 0], "each object may have a public access list");
}

#[test]
fn cors_rules_and_a_website_are_parts_of_their_bucket_and_an_external_one_has_none() {
    let mut bucket = site(json!({"cors": [{"allowed_origins": ["*"], "allowed_methods": ["PUT", "GET"]}]}));
    let mut out = LoweredStack::default();
    with_scope(false, |at| Buckets::lower(element(bucket.clone()), at, &mut out));
    let of = |address: &str| out.resources.iter().find(|resource| resource.address == address).unwrap();
    assert_eq!(of("buckets.images.cors").spec["cors_rules"][0]["allowed_methods"], json!(["GET", "PUT"]));
    assert_eq!(of("buckets.images.website").spec["bucket"], "${buckets.images.name}");
    assert_eq!(of("buckets.images").spec["parts"], json!(["cors", "website"]));
    assert!(out.aliases.contains_key(&("buckets.images".into(), "website_url".into())));
    bucket["name"] = "theirs".into();
    let mut out = LoweredStack::default();
    with_scope(true, |at| Buckets::lower(element(bucket), at, &mut out));
    assert_eq!(out.resources.len(), 1);
}

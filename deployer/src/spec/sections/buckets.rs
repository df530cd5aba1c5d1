//! `buckets:` — S3 buckets of the stack, and buckets of others (`external: true`).

mod check;
mod element;
mod uncovered;

use self::element::RECEIVERS;
pub use self::element::{Algorithm, BucketElement, NotificationElement, OwnershipElement, RuleElement};
use super::about::{
    About, Arrow, Draw, KeyProperty, OneOf, Part, PartPlace, PictureStyle, Refusals, Shape, Suffix, Usage, longest_name,
};
use super::notifying::{self, Notice};
use super::permission::{Of, check_document};
use super::{LoweredStack, Resource, Resources, Scope, Section};
use crate::kinds::Kind;
use crate::kinds::lambda_permission::LambdaPermission;
use crate::kinds::s3_bucket::{Bucket, Encryption, LifecycleRule, PublicAccessBlock, S3Bucket};
use crate::kinds::s3_notification::S3Notification;
use crate::spec::document::Document;
use crate::spec::finding::Findings;

/// Shortest and longest name of a bucket, in characters.
const SHORTEST_NAME: usize = 3;
const NAME_LENGTH: usize = longest_name::<S3Bucket>();

/// The buckets section.
pub struct Buckets;

impl Section for Buckets {
    const ABOUT: &'static About = &About {
        name: "buckets",
        singular: "bucket",
        example: include_str!("examples/buckets.yaml"),
        synonyms: &[
            ("bucketencryption", "encryption"),
            ("serversideencryptionconfiguration", "encryption"),
            ("autodeleteobjects", "force_destroy"),
            ("publicaccessblockconfiguration", "public_access_block"),
            ("bucket", "name"),
            ("expire", "expiration_days"),
            ("s3", "buckets"),
        ],
        uncovered: uncovered::TABLE,
        protected: false,
        suffix: Suffix::Property { property: "name", longest: NAME_LENGTH, fifo: None },
        picture: PictureStyle {
            icon: "M4 6 L6.5 20 H17.5 L20 6 M4 6 A8 2.6 0 1 0 20 6 A8 2.6 0 1 0 4 6",
            shape: Shape::Cylinder,
            arrows: &[
                Arrow { from: LambdaPermission::NAME, to: None, draw: Draw::Nothing },
                Arrow { from: S3Notification::NAME, to: None, draw: Draw::ByUse(notifying::arrows) },
            ],
        },
        one_of: &[OneOf { map: Some("NotificationElement"), names: RECEIVERS }],
        key: Some(KeyProperty { kind: S3Bucket::NAME, pointer: "/encryption/kms_master_key_id", service: "s3" }),
        usage: Some(Usage { kind: S3Bucket::NAME, allow: &["s3:GetObject", "s3:PutObject"], on: "/*" }),
        refusals: Refusals {
            operations: &[
                ("s3:DeleteBucket", &["force_destroy"]),
                ("s3:PutBucketEncryption", &["encryption"]),
                ("s3:PutBucketLifecycleConfiguration", &["lifecycle_rules"]),
                ("s3:PutBucketNotificationConfiguration", &["notifications", "event_bridge"]),
                ("s3:PutBucketOwnershipControls", &["object_ownership"]),
                ("s3:PutBucketPolicy", &["policy"]),
                ("s3:PutBucketVersioning", &["versioning"]),
                ("s3:PutPublicAccessBlock", &["public_access_block"]),
            ],
            codes: &[
                ("BucketAlreadyExists", &["name"]),
                ("BucketAlreadyOwnedByYou", &["name"]),
                ("InvalidBucketName", &["name"]),
                ("MalformedPolicy", &["policy"]),
            ],
            words: &[
                ("bucket_name", &["name"]),
                ("kms", &["kms_master_key_id"]),
                ("kms_key", &["kms_master_key_id"]),
                ("policy_document", &["policy"]),
            ],
            parts: &[
                Part { name: "notifications", property: "notifications", place: PartPlace::Beside },
                Part { name: "permission", property: "notifications", place: PartPlace::Item },
            ],
        },
    };
    type Element = BucketElement;

    fn check(bucket: &BucketElement, at: &Scope<'_>, findings: &mut Findings) {
        check::name(bucket, at, findings);
        check::lifecycle(bucket, at, findings);
        check::notifications(bucket, at, findings);
        if let Some(policy) = &bucket.policy {
            check_document(policy, Of::Resource("s3"), &at.path(["policy"]), findings);
            check::public_policy(policy, &bucket.public_access_block, at, findings);
            check::policy_resources(policy, bucket, at, findings);
        }
        let encryption = &bucket.encryption;
        if encryption.sse_algorithm == Algorithm::Aes256 && encryption.kms_master_key_id.is_some() {
            findings
                .error(
                    "bucket::kms-key",
                    at.path(["encryption", "kms_master_key_id"]),
                    "`AES256` uses keys of S3's own, not this one",
                )
                .help("add `sse_algorithm: aws:kms` or remove the key");
        }
    }

    fn lower(element: BucketElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let notices: Vec<Notice<'_>> = element.notifications.iter().filter_map(NotificationElement::notice).collect();
        notifying::add(at, at.name, &notices, element.event_bridge, out);
        let block = element.public_access_block;
        let bucket = Bucket {
            bucket: element.name.unwrap_or_else(|| at.default_name()),
            versioning: element.versioning,
            encryption: Encryption {
                sse_algorithm: element.encryption.sse_algorithm.name().to_owned(),
                kms_master_key_id: element.encryption.kms_master_key_id,
                bucket_key_enabled: element.encryption.bucket_key_enabled,
            },
            public_access_block: PublicAccessBlock {
                block_public_acls: block.block_public_acls,
                ignore_public_acls: block.ignore_public_acls,
                block_public_policy: block.block_public_policy,
                restrict_public_buckets: block.restrict_public_buckets,
            },
            object_ownership: match element.object_ownership {
                OwnershipElement::BucketOwnerEnforced => "BucketOwnerEnforced",
                OwnershipElement::BucketOwnerPreferred => "BucketOwnerPreferred",
                OwnershipElement::ObjectWriter => "ObjectWriter",
            }
            .to_owned(),
            lifecycle_rules: lowered_rules(element.lifecycle_rules),
            policy: element.policy.map(|document| document.to_string()),
            force_destroy: element.force_destroy,
            tags: at.tags(&at.element()),
        };
        out.add::<S3Bucket>(at, at.element(), &bucket);
    }

    fn complete(lowered: &mut LoweredStack) {
        notifying::complete(lowered);
    }

    fn lint(document: &Document, all: &Resources<'_>, resource: &Resource, findings: &mut Findings) {
        if resource.kind == S3Notification::NAME {
            notifying::lint(document, all, resource, findings);
        }
    }
}

fn lowered_rules(rules: Vec<RuleElement>) -> Vec<LifecycleRule> {
    let mut rules: Vec<LifecycleRule> = rules
        .into_iter()
        .map(|rule| LifecycleRule {
            id: rule.id,
            enabled: rule.enabled,
            prefix: rule.prefix,
            expiration_days: rule.expiration_days,
            noncurrent_version_expiration_days: rule.noncurrent_version_expiration_days,
            abort_incomplete_multipart_upload_days: rule.abort_incomplete_multipart_upload_days,
            beyond: Vec::new(),
        })
        .collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

#[cfg(test)]
mod tests {
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
        for bad in ["ab", &long, "Images", "a_b", "-ab", "ab-", "a..b", "192.168.0.1", "xn--a", "a-s3alias", "a--x-s3"]
        {
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
        assert_eq!(spec["lifecycle_rules"][0]["id"], "a");
        assert_eq!(spec["tags"]["deployer:address"], "buckets.images");
    }
}

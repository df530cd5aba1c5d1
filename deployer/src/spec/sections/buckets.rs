//! `buckets:` — S3 buckets of the stack, and buckets of others (`external: true`).

mod check;
mod cors;
mod element;
mod uncovered;
mod website;

use self::element::RECEIVERS;
pub use self::element::{AclElement, Algorithm, BucketElement, NotificationElement, OwnershipElement, RuleElement};
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
            ("accesscontrol", "acl"),
            ("cannedacl", "acl"),
            ("corsrule", "cors"),
            ("corsrules", "cors"),
            ("origins", "allowed_origins"),
            ("methods", "allowed_methods"),
            ("headers", "allowed_headers"),
            ("hostname", "host_name"),
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
                ("s3:PutBucketAcl", &["acl", "object_ownership"]),
                ("s3:PutBucketCors", &["cors"]),
                ("s3:PutBucketEncryption", &["encryption"]),
                ("s3:PutBucketLifecycleConfiguration", &["lifecycle_rules"]),
                ("s3:PutBucketNotificationConfiguration", &["notifications", "event_bridge"]),
                ("s3:PutBucketOwnershipControls", &["object_ownership"]),
                ("s3:PutBucketPolicy", &["policy"]),
                ("s3:PutBucketVersioning", &["versioning"]),
                ("s3:PutBucketWebsite", &["website"]),
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
                Part { name: "cors", property: "cors", place: PartPlace::Inside },
                Part { name: "website", property: "website", place: PartPlace::Inside },
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
        check::acl(bucket, at, findings);
        check::external_settings(bucket, at, findings);
        check::visitors(bucket, at, findings);
        cors::check(&bucket.cors, at, findings);
        if let Some(website) = &bucket.website {
            website::check(website, at, findings);
        }
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
        check::bucket_key(encryption, at, findings);
    }

    fn lower(element: BucketElement, at: &Scope<'_>, out: &mut LoweredStack) {
        let notices: Vec<Notice<'_>> = element.notifications.iter().filter_map(NotificationElement::notice).collect();
        notifying::add(at, at.name, &notices, element.event_bridge, out);
        cors::lower(&element.cors, at, out);
        website::lower(element.website.as_ref(), at, out);
        let parts = [("cors", !element.cors.is_empty()), ("website", element.website.is_some())];
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
            acl: element.acl.name().map(str::to_owned),
            lifecycle_rules: lowered_rules(element.lifecycle_rules),
            policy: element.policy.map(|document| document.to_string()),
            force_destroy: element.force_destroy,
            parts: parts.into_iter().filter(|(_, is_stated)| *is_stated).map(|(part, _)| part.to_owned()).collect(),
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
mod tests;

//! Words of buckets and lifecycle rules that are no property.

use crate::spec::uncovered::UncoveredAnswer::Otherwise;
use crate::spec::uncovered::{UncoveredWords, unmanaged};

const STAYS: &str = "set it elsewhere: the deployer leaves it as it is";

/// The words of a bucket, and of its lifecycle rules.
#[rustfmt::skip]
pub(super) const TABLE: &[UncoveredWords] = &[
    UncoveredWords::of(
        &["index_document", "error_document", "redirect", "redirect_all_requests_to", "routing_rules"],
        Otherwise("write it inside `website: { index_document: index.html }`"),
    ),
    UncoveredWords::of(
        &["allowed_origins", "allow_origins", "allowed_methods"],
        Otherwise("write it inside `cors: [ { allowed_origins: [https://www.example.com], allowed_methods: [GET] } ]`"),
    ),
    UncoveredWords::of(
        &["notification", "notification_configuration", "events", "trigger", "triggers", "lambda", "function", "queue", "topic"],
        Otherwise("write `notifications: [ { queue: NAME, events: [\"s3:ObjectCreated:*\"] } ]` in the bucket, or `events: [ { bucket: NAME } ]` in the function"),
    ),
    UncoveredWords::of(&["event_bridge_configuration", "event_bus"], Otherwise("write `event_bridge: true`, and let rules of the bus `default` send the events on")),
    UncoveredWords::of(&["replication", "replication_configuration"], unmanaged("replication", STAYS)),
    UncoveredWords::of(&["logging", "access_logs", "server_access_logging"], unmanaged("access logs of buckets", STAYS)),
    UncoveredWords::of(&["object_lock", "object_lock_configuration", "mfa_delete"], unmanaged("object locks", "create the bucket elsewhere, and write `external: true` here")),
    UncoveredWords::of(
        &["inventory", "analytics", "intelligent_tiering", "metrics", "acceleration", "accelerate", "request_payer", "access_points", "access_point"],
        unmanaged("this setting of a bucket", STAYS),
    ),
    UncoveredWords::of(&["objects", "files", "folders", "uploads", "source"], unmanaged("objects", "upload them after the apply: `aws s3 sync DIR s3://BUCKET`")),
    UncoveredWords::of(
        &["acls", "grant", "grants", "access_control_policy"],
        Otherwise("`acl` takes one of S3's canned lists; write who may use the bucket in its `policy`; functions get `permissions: [ { allow: s3:GetObject, on: \"${buckets.NAME.arn}/*\" } ]`"),
    ),
    UncoveredWords::of(
        &["permissions", "bucket_policy", "access"],
        Otherwise("a function gets `permissions: [ { allow: s3:GetObject, on: \"${buckets.NAME.arn}/*\" } ]`; others stand in the bucket's `policy`"),
    ),
    UncoveredWords::of(
        &["public", "public_read", "block_public_access"],
        Otherwise("write `public_access_block: { block_public_policy: false, restrict_public_buckets: false }` and a `policy` that lets everybody read"),
    ),
    UncoveredWords::of(&["kms_master_key_id", "kms_key", "sse", "sse_algorithm"], Otherwise("write `encryption: { sse_algorithm: \"aws:kms\", kms_master_key_id: KEY }`")),
    UncoveredWords::of(&["expiration", "expiration_days", "expire", "ttl"], Otherwise("write `lifecycle_rules: [ { id: old, expiration_days: 30 } ]`")),

    UncoveredWords::inside(
        "cors",
        &["allow_credentials", "credentials"],
        Otherwise("remove it: S3 always lets browsers send credentials to the sites of `allowed_origins`, unless it is `*`"),
    ),
    UncoveredWords::inside(
        "website",
        &["condition", "redirect", "redirect_rule", "routing_rule_condition"],
        Otherwise("a rule has the properties of both: `routing_rules: [ { key_prefix_equals: old/, replace_key_prefix_with: new/ } ]`"),
    ),
    UncoveredWords::inside(
        "lifecycle_rules",
        &["transition", "transitions", "storage_class", "noncurrent_version_transitions"],
        unmanaged("transitions to other storage classes", "upload objects with the storage class that they shall have"),
    ),
    UncoveredWords::inside(
        "lifecycle_rules",
        &["filter", "tags", "tag", "object_size_greater_than", "object_size_less_than", "newer_noncurrent_versions", "expired_object_delete_marker"],
        unmanaged("this part of a lifecycle rule", "a rule goes by `prefix`: give objects that shall be deleted a prefix of their own"),
    ),
];

//! The properties of a bucket, as they are written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::cors::CorsElement;
use super::website::WebsiteElement;
use super::{NAME_LENGTH, SHORTEST_NAME};
use crate::spec::sections::notifying::Notice;

/// An S3 bucket. With `external: true` only `name` matters.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BucketElement {
    /// The bucket's name, unique among all accounts of AWS. Default: the stack's name and the element's.
    #[schemars(length(min = SHORTEST_NAME, max = NAME_LENGTH), regex(pattern = r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$"))]
    pub name: Option<String>,
    /// Whether S3 keeps overwritten and deleted objects as old versions.
    #[serde(default)]
    pub versioning: bool,
    /// The default encryption of objects at rest. Default: with S3's own keys.
    #[serde(default)]
    pub encryption: EncryptionElement,
    /// Limits of public access, whatever access lists and policies allow. Default: all of them.
    #[serde(default)]
    pub public_access_block: BlockElement,
    /// The owner of uploaded objects.
    #[serde(default)]
    pub object_ownership: OwnershipElement,
    /// The bucket's own access list. Anything but `private` needs an `object_ownership` with which access lists count; a
    /// `policy` does not.
    #[serde(default)]
    pub acl: AclElement,
    /// Rules that delete old objects.
    #[serde(default)]
    #[schemars(length(max = 1_000))]
    pub lifecycle_rules: Vec<RuleElement>,
    /// A resource policy: an IAM policy document.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub policy: Option<Value>,
    /// Requests that pages of other sites may send. S3 uses the first rule that matches.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub cors: Vec<CorsElement>,
    /// The website that S3 serves from the bucket, over HTTP only. Its objects have to be readable for everybody.
    pub website: Option<WebsiteElement>,
    /// The receivers of messages about objects. Functions can state the same with `events: [ { bucket: NAME } ]`.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub notifications: Vec<NotificationElement>,
    /// Whether all events of the bucket go to the account's bus `default`, for rules to send on. On an external bucket it
    /// stays on after the stack is gone, because others may rely on it.
    #[serde(default)]
    pub event_bridge: bool,
    /// Whether the deletion of the bucket deletes every version of every object. Otherwise only an empty bucket is
    /// deleted. It counts for the bucket of a former `name`, too.
    #[serde(default)]
    pub force_destroy: bool,
}

/// A receiver of messages about objects: exactly one of `function`, `queue` and `topic`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationElement {
    /// A function to call: its name in this stack, which gets the permission, or its ARN.
    #[schemars(length(min = 1))]
    pub function: Option<String>,
    /// A standard queue to send to: its name in this stack, whose policy is extended, or its ARN.
    #[schemars(length(min = 1))]
    pub queue: Option<String>,
    /// A standard topic to publish to: its name in this stack, whose policy is extended, or its ARN.
    #[schemars(length(min = 1))]
    pub topic: Option<String>,
    /// The events: `s3:ObjectCreated:*`, `s3:ObjectRemoved:Delete`. Default: every new object, `s3:ObjectCreated:*`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub events: Vec<String>,
    /// The beginning of the keys of the objects, with special characters as in a URL. Default: any.
    #[schemars(length(max = 1_024))]
    pub prefix: Option<String>,
    /// The end of the keys of the objects: `.png`. Default: any.
    #[schemars(length(max = 1_024))]
    pub suffix: Option<String>,
}

/// The properties that name a receiver.
pub(super) const RECEIVERS: &[&str] = &["function", "queue", "topic"];

impl NotificationElement {
    /// Lists the receivers that it names, with the properties.
    fn named(&self) -> Vec<(&'static str, &str)> {
        let all = [&self.function, &self.queue, &self.topic];
        RECEIVERS.iter().zip(all).filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect()
    }

    /// Returns what the receiver is told of; `None` without exactly one receiver.
    pub(super) fn notice(&self) -> Option<Notice<'_>> {
        let [receiver] = self.named()[..] else { return None };
        let (prefix, suffix) = (self.prefix.as_deref(), self.suffix.as_deref());
        Some(Notice { receiver, events: &self.events, prefix, suffix })
    }
}

/// Encryption of objects at rest.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncryptionElement {
    /// The keys: S3's own (`AES256`), of KMS (`aws:kms`), or of KMS in two layers (`aws:kms:dsse`).
    #[serde(default)]
    pub sse_algorithm: Algorithm,
    /// The KMS key. Default: the account's `alias/aws/s3`.
    pub kms_master_key_id: Option<String>,
    /// KMS only: whether one key for the bucket saves calls to KMS. Unchanged if not stated.
    pub bucket_key_enabled: Option<bool>,
}

/// The keys that encrypt objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Algorithm {
    #[default]
    #[serde(rename = "AES256")]
    Aes256,
    #[serde(rename = "aws:kms")]
    Kms,
    #[serde(rename = "aws:kms:dsse")]
    KmsTwice,
}

impl Algorithm {
    /// Returns S3's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes256 => "AES256",
            Self::Kms => "aws:kms",
            Self::KmsTwice => "aws:kms:dsse",
        }
    }
}

/// Limits of public access.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BlockElement {
    /// Refuses new access lists that let the public in.
    pub block_public_acls: bool,
    /// Ignores existing access lists that let the public in.
    pub ignore_public_acls: bool,
    /// Refuses new policies that let the public in.
    pub block_public_policy: bool,
    /// Lets only the account and AWS services use an existing public policy.
    pub restrict_public_buckets: bool,
}

impl Default for BlockElement {
    fn default() -> Self {
        Self {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        }
    }
}

/// The owner of uploaded objects. `BucketOwnerEnforced` switches access lists off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum OwnershipElement {
    #[default]
    BucketOwnerEnforced,
    BucketOwnerPreferred,
    ObjectWriter,
}

/// An access list of a bucket. `public-read` lets everybody list its objects, `public-read-write` store and delete them,
/// too, and `authenticated-read` lets every AWS account list them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AclElement {
    #[default]
    Private,
    PublicRead,
    PublicReadWrite,
    AuthenticatedRead,
}

impl AclElement {
    /// Returns S3's name for a list that lets in others than the owner.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Private => None,
            Self::PublicRead => Some("public-read"),
            Self::PublicReadWrite => Some("public-read-write"),
            Self::AuthenticatedRead => Some("authenticated-read"),
        }
    }
}

/// A rule that deletes old objects. Times are days.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleElement {
    /// The rule's name, unique in the bucket.
    #[schemars(length(min = 1, max = 255))]
    pub id: String,
    /// The beginning of the keys of the objects. Default: all objects.
    #[serde(default)]
    #[schemars(length(max = 1_024))]
    pub prefix: String,
    /// Whether S3 applies the rule.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Days from the creation of an object to its deletion.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub expiration_days: Option<u32>,
    /// Days from the replacement of a version to its deletion.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub noncurrent_version_expiration_days: Option<u32>,
    /// Days from the start of an upload to the deletion of its parts, if it was never completed.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub abort_incomplete_multipart_upload_days: Option<u32>,
}

fn yes() -> bool {
    true
}

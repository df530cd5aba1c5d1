//! `s3.bucket`: an S3 bucket and its settings.
//!
//! **Guarantees**: each setting has a call of its own and is written only if it changed. A bucket in another account or
//! region is an error and never counts as absent; an external one may be in any region. An update is watched until S3
//! reports it.
//! **Assumptions**: bucket names are global, so the ARN needs only the partition.
//! **Caveats**: a bucket with objects is deleted only with `force_destroy`, which deletes every version of every object
//! first; AWS has no such property. S3 spreads settings over some seconds, and refuses a deleted bucket's name for a
//! while. Access lists are read only where they count. Transitions and the tag and size filters of lifecycle rules are detected and removed, but cannot be stated.

mod acl;
mod empty;
mod lifecycle;
mod setting;
mod settings;
mod spread;
mod unstated;
mod words;

use std::sync::Mutex;

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, ObjectOwnership};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::storage::until_told;
use super::{
    About, Bound, Calls, Changes, CreatedResource, Excess, FoundResource, Grant, Kind, NameProperty, ObservedResource,
    Op, Outputs, Person, References, Rule, WatchedOperation,
};
use crate::aws::service::{PRINCIPAL, S3, cure};
use crate::aws::tags::{self, Tags};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError, Place, ServiceError, Trust};
use crate::mutex::{into_inner, lock};

/// The bucket kind.
pub struct S3Bucket;

/// A bucket; times in days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    pub bucket: String,
    /// S3's states "never enabled" and "suspended" both read as false.
    pub versioning: bool,
    pub encryption: Encryption,
    pub public_access_block: PublicAccessBlock,
    /// `BucketOwnerEnforced`, `BucketOwnerPreferred` or `ObjectWriter`.
    pub object_ownership: String,
    /// A canned access list, or the permissions of another one. Without it only the owner has access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<String>,
    /// Sorted by id.
    pub lifecycle_rules: Vec<LifecycleRule>,
    /// A resource policy, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Deletes the objects with the bucket.
    pub force_destroy: bool,
    /// The settings of the bucket that are resources of their own in `stack.yaml`: `cors`, `website`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    pub tags: Tags,
}

impl Bucket {
    /// Returns a bucket of which only the name is known.
    fn blank(name: &str) -> Self {
        Self {
            bucket: name.to_owned(),
            versioning: false,
            encryption: Encryption::default(),
            public_access_block: PublicAccessBlock {
                block_public_acls: true,
                ignore_public_acls: true,
                block_public_policy: true,
                restrict_public_buckets: true,
            },
            object_ownership: acl::WITHOUT_LISTS.to_owned(),
            acl: None,
            lifecycle_rules: Vec::new(),
            policy: None,
            force_destroy: false,
            // They end with the bucket.
            parts: vec!["cors".to_owned(), "website".to_owned()],
            tags: Tags::new(),
        }
    }
}

/// The encryption of objects that do not state their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub sse_algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_master_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_key_enabled: Option<bool>,
}

impl Default for Encryption {
    fn default() -> Self {
        Self { sse_algorithm: "AES256".to_owned(), kms_master_key_id: None, bucket_key_enabled: None }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    pub block_public_acls: bool,
    pub ignore_public_acls: bool,
    pub block_public_policy: bool,
    pub restrict_public_buckets: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LifecycleRule {
    pub id: String,
    pub enabled: bool,
    /// Empty: the rule applies to every object.
    pub prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_version_expiration_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_incomplete_multipart_upload_days: Option<u32>,
    /// Actions of a live rule that a spec cannot state: always a difference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<String>,
}

const LISTS: &str = "the bucket's new access list or ownership is not known everywhere yet";
const BUCKET_KEY: &str = "encryption.bucket_key_enabled";
/// The most bytes of a bucket's policy: S3 user guide, "Bucket policies … are limited to 20 KB in size".
const POLICY_SIZE: usize = 20_480;

impl Kind for S3Bucket {
    const ABOUT: About = About {
        outputs: &["name", "arn", "domain_name"],
        identity: &["bucket"],
        rules: &[
            ("bucket", Rule::Replace("S3 cannot rename a bucket")),
            (BUCKET_KEY, Rule::Unmanaged),
            ("lifecycle_rules", Rule::Unordered),
            ("policy", Rule::Policy),
            ("parts", Rule::Hint),
        ],
        bounds: &[
            ("public_access_block.block_public_acls", Bound::SwitchedOn),
            ("public_access_block.ignore_public_acls", Bound::SwitchedOn),
            ("public_access_block.block_public_policy", Bound::SwitchedOn),
            ("public_access_block.restrict_public_buckets", Bound::SwitchedOn),
            ("object_ownership", Bound::Shut(acl::WITHOUT_LISTS)),
            ("acl", Bound::Grant),
            ("encryption.sse_algorithm", Bound::Open("AES256")),
            ("encryption.kms_master_key_id", Bound::Pattern),
        ],
        tags: Some(tags::TagRules::strict("S3")),
        named: Some(NameProperty::of("bucket", 63)),
        references: References { loose: &["policy", "tags"], ..References::DEFAULT },
        calls: Calls {
            exists: &["BucketAlreadyOwnedByYou"],
            cures: &[
                cure("s3:PutBucketPolicy", "MalformedPolicy", "nvalid principal", 120, PRINCIPAL),
                cure("s3:Put", "NoSuchBucket", "", 120, "the new bucket is not visible everywhere yet"),
                cure("s3:PutBucketAcl", "AccessControlListNotSupported", "", 60, LISTS),
                cure("s3:PutBucketOwnershipControls", "InvalidBucketAclWithObjectOwnership", "", 60, LISTS),
            ],
            watched: true,
            read_by_deletion: Some("force_destroy"),
            provided_locally: true,
            ..Calls::DEFAULT
        },
        person: Person {
            lost: Some("the objects in it"),
            gap: Some("uploads and downloads fail for minutes; somebody else may take the name"),
            moved: Some("whoever reads or writes it needs its new name; no object is moved"),
            seconds: (1.5, 1.0),
            ..Person::DEFAULT
        },
        ..About::of("s3.bucket", &S3)
    };
    type Spec = Bucket;

    fn limits(spec: &Bucket) -> Vec<Excess> {
        let size = spec.policy.as_ref().map_or(0, String::len);
        let excess = || Excess::size("policy::size", &["policy"], "the bucket's policy", [size, POLICY_SIZE]);
        (size > POLICY_SIZE).then(excess).into_iter().collect()
    }

    fn predict(spec: &Bucket, place: &Place) -> Outputs {
        Outputs::from([
            ("name".into(), spec.bucket.clone()),
            ("arn".into(), arn(&spec.bucket, place)),
            ("domain_name".into(), format!("{}.s3.{}.{}", spec.bucket, place.region, place.suffix())),
        ])
    }

    /// Returns nothing without `force_destroy`: then only an empty bucket is deleted.
    fn data_loss(spec: &Bucket) -> Option<&'static str> {
        Self::ABOUT.person.lost.filter(|_| spec.force_destroy)
    }

    fn lapses(live: &ObservedResource<Bucket>, _: bool) -> Option<&'static str> {
        (!live.spec.force_destroy).then_some(words::EMPTY_ALONE)
    }

    fn remarks(live: &Bucket, want: &Bucket) -> Vec<String> {
        words::remarks(live, want)
    }

    fn given_back(last: &Value, want: &Bucket, _: &Place) -> Vec<(&'static str, Value)> {
        let stated = last["encryption"].get("bucket_key_enabled").is_some_and(|stated| !stated.is_null());
        let gone = stated && want.encryption.bucket_key_enabled.is_none();
        gone.then(|| (BUCKET_KEY, false.into())).into_iter().collect()
    }

    fn iam(op: Op, spec: &Bucket, place: &Place) -> Vec<Grant> {
        let arn = arn(&spec.bucket, place);
        let policy = match (op, &spec.policy) {
            (_, Some(_)) => &["s3:PutBucketPolicy"][..],
            (Op::Update, None) => &["s3:DeleteBucketPolicy"],
            _ => &[],
        };
        match op {
            Op::Read | Op::Present => vec![Grant::new(settings::READS, arn)],
            Op::Create => {
                vec![
                    Grant::new(&["s3:CreateBucket", "s3:TagResource", "s3:ListBucket"], &arn),
                    Grant::new(settings::WRITES, &arn),
                    Grant::new(policy, arn),
                ]
            }
            Op::Update => vec![Grant::new(settings::WRITES, &arn), Grant::new(policy, arn)],
            Op::Delete if spec.force_destroy => vec![
                Grant::new(&["s3:DeleteBucket", "s3:ListBucketVersions"], &arn),
                Grant::new(&["s3:DeleteObject", "s3:DeleteObjectVersion"], format!("{arn}/*")),
            ],
            Op::Delete => vec![Grant::new(&["s3:DeleteBucket"], arn)],
        }
    }

    fn any_named(names: &str, _: &Place) -> Vec<Bucket> {
        let blank = Bucket::blank(names);
        vec![Bucket { policy: Some(String::new()), ..blank.clone() }, blank]
    }

    /// Calls HeadBucket and reads every setting at once.
    async fn read(aws: &Aws, spec: &Bucket, _: Trust) -> Result<Option<ObservedResource<Bucket>>, AwsError> {
        let (found, settings) = tokio::join!(head(aws, &spec.bucket), settings::read(aws, spec));
        match found? {
            None => return Ok(None),
            Some(region) if region != aws.place.region => return Err(elsewhere(&spec.bucket, &region, aws)),
            Some(_) => {}
        }
        let Some(bucket) = settings? else { return Ok(None) };
        let seen = ObservedResource::new(&spec.bucket, bucket, Self::predict(spec, &aws.place));
        let notes = match aws.run.has_record(Self::NAME, &[&spec.bucket]) {
            true => Vec::new(),
            false => unstated::notes(aws, spec).await?,
        };
        Ok(Some(ObservedResource { notes, ..seen }))
    }

    /// Calls HeadBucket alone: the settings of another stack's bucket are not needed here, and may be closed to the
    /// caller. The bucket may be in any region: its name and ARN do not contain the region, its domain name does.
    async fn find(aws: &Aws, spec: &Bucket) -> Result<Option<ObservedResource<Bucket>>, AwsError> {
        let Some(region) = head(aws, &spec.bucket).await? else { return Ok(None) };
        let there = Place { region, ..aws.place.clone() };
        Ok(Some(ObservedResource::new(&spec.bucket, spec.clone(), Self::predict(spec, &there))))
    }

    /// A bucket with objects is not deleted as an orphan: that needs `force_destroy` in `stack.yaml`.
    fn by_arn(name: &str, _: &Tags) -> Option<FoundResource<Bucket>> {
        (!name.contains('/')).then(|| FoundResource::of(name, Bucket::blank(name)))
    }

    /// Calls CreateBucket with tags and ownership. Then writes the settings that differ from AWS's defaults, and always
    /// the public access block, which older local clouds leave open.
    async fn create(aws: &Aws, want: &Bucket) -> Result<CreatedResource, AwsError> {
        let mut configuration = CreateBucketConfiguration::builder().set_tags(Some(settings::sdk_tags(&want.tags)?));
        if aws.place.region != "us-east-1" {
            configuration =
                configuration.location_constraint(BucketLocationConstraint::from(aws.place.region.as_str()));
        }
        let call = aws
            .clients
            .s3
            .create_bucket()
            .bucket(&want.bucket)
            .object_ownership(ObjectOwnership::from(want.object_ownership.as_str()))
            .create_bucket_configuration(configuration.build());
        aws.call("s3:CreateBucket", call.send()).await?;
        if aws.place.endpoint_url.is_some() {
            // Some emulators ignore tags at creation.
            settings::write_tags(aws, want, &[]).await?;
        }
        aws.until("the new bucket to be found", FOUND_WITHIN, || async {
            let found = head(aws, &want.bucket).await?;
            Ok(found.map_or_else(|| Poll::Pending("not found".to_owned()), |_| Poll::Ready(())))
        })
        .await?;
        settings::write(aws, &settings::new_bucket(want), want).await?;
        Ok(CreatedResource { physical_id: want.bucket.clone(), outputs: Self::predict(want, &aws.place) })
    }

    async fn update(aws: &Aws, live: &ObservedResource<Bucket>, want: &Bucket, _: &Changes) -> Result<(), AwsError> {
        settings::write(aws, &live.spec, want).await
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Bucket>) -> Result<(), AwsError> {
        let bucket = &live.physical_id;
        if live.spec.force_destroy && !empty::empty(aws, bucket).await? {
            return Ok(());
        }
        let call = aws.clients.s3.delete_bucket().bucket(bucket).send();
        match aws.find("s3:DeleteBucket", ABSENT, call).await {
            Err(AwsError::Service(mut e)) if e.code == "BucketNotEmpty" => {
                e.message = format!(
                    "{bucket} still holds objects or old versions: empty it, or apply `force_destroy: true` first"
                );
                Err(AwsError::Service(e))
            }
            done => done.map(drop),
        }
    }

    /// Reads the settings until S3 reports the changes, so that the next plan does not mistake the old values for
    /// somebody else's changes. A setting that S3 has not reported in time appears later; that is no failure.
    async fn watch(aws: &Aws, spec: &Bucket, event: &WatchedOperation) -> Result<(), AwsError> {
        let WatchedOperation::Updated(changes) = event else { return Ok(()) };
        until_told(aws, "S3 to tell the bucket's new settings", || async {
            let told = settings::read(aws, spec).await?;
            Ok(told.is_none_or(|told| spread::tells(&told, spec, changes)))
        })
        .await
    }
}

const ABSENT: &[&str] = &["NoSuchBucket", "NotFound"];
const FOUND_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

fn arn(bucket: &str, place: &Place) -> String {
    format!("arn:{}:s3:::{bucket}", place.partition)
}

/// Looks for a bucket: HeadBucket, whose answer contains the bucket's region. S3 answers 301 to a call from another
/// region.
async fn head(aws: &Aws, bucket: &str) -> Result<Option<String>, AwsError> {
    const REGION: &str = "x-amz-bucket-region";
    let told = Mutex::new(None);
    let call = async {
        let answer = aws.clients.s3.head_bucket().bucket(bucket).send().await;
        let refusal = answer.as_ref().err().and_then(|refused| refused.raw_response());
        *lock(&told) = refusal.and_then(|answer| answer.headers().get(REGION)).map(str::to_owned);
        answer
    };
    let found = aws.find("s3:HeadBucket", ABSENT, call).await;
    let told = into_inner(told);
    match (found, told) {
        (Ok(None), _) => Ok(None),
        (Ok(Some(found)), _) => Ok(Some(found.bucket_region.unwrap_or_else(|| aws.place.region.clone()))),
        (Err(e), Some(region)) if e.status() == 301 => Ok(Some(region)),
        (Err(e), None) if e.status() == 301 => Err(elsewhere(bucket, "another region", aws)),
        (Err(e), _) => Err(e),
    }
}

/// Returns the error for a bucket of this name in another region; bucket names are global.
fn elsewhere(bucket: &str, region: &str, aws: &Aws) -> AwsError {
    AwsError::Service(Box::new(ServiceError {
        operation: "s3:HeadBucket",
        code: "PermanentRedirect".to_owned(),
        message: format!("the bucket {bucket} is in {region}, the stack in {}", aws.place.region),
        status: 301,
        request_id: None,
        retry_after_s: None,
        needed: None,
    }))
}

#[cfg(test)]
mod tests;

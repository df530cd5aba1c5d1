//! Buckets that a stack refers to but does not create: its `external` ones and the one that holds its state.

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use aws_sdk_s3::{Client, Config};

use super::{LocalCloud, LocalError};

/// `CreateBucket` does not accept this region by name: it is the default when no region is given.
const DEFAULT_REGION: &str = "us-east-1";

/// Creates the buckets in a local cloud (S3 `CreateBucket`); a bucket that exists is left as it is.
pub async fn ensure_buckets(cloud: &LocalCloud, region: &str, buckets: &[String]) -> Result<(), LocalError> {
    if buckets.is_empty() {
        return Ok(());
    }
    let keys = cloud.keys();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(keys.access_key_id, keys.secret_access_key, None, None, "local cloud"))
        .endpoint_url(cloud.endpoint_url())
        .force_path_style(true)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(region.to_owned()))
        .build();
    let client = Client::from_conf(config);
    for bucket in buckets {
        ensure(&client, region, bucket).await?;
    }
    Ok(())
}

async fn ensure(client: &Client, region: &str, bucket: &str) -> Result<(), LocalError> {
    let mut request = client.create_bucket().bucket(bucket);
    if region != DEFAULT_REGION {
        let place = BucketLocationConstraint::from(region);
        request = request
            .create_bucket_configuration(CreateBucketConfiguration::builder().location_constraint(place).build());
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.code(), Some("BucketAlreadyOwnedByYou" | "BucketAlreadyExists")) => Ok(()),
        Err(error) => {
            Err(LocalError::Bucket { bucket: bucket.to_owned(), message: DisplayErrorContext(&error).to_string() })
        }
    }
}

//! Deletes the objects of a bucket.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::ABSENT;
use super::setting::shape;
use crate::aws::{Aws, AwsError, ServiceError};

/// Deletes every version of every object, 1,000 a call. Returns false if the bucket does not exist.
pub(super) async fn empty(aws: &Aws, bucket: &str) -> Result<bool, AwsError> {
    loop {
        let call = aws.clients.s3.list_object_versions().bucket(bucket).send();
        let Some(page) = aws.find("s3:ListObjectVersions", ABSENT, call).await? else { return Ok(false) };
        let versions = page.versions.unwrap_or_default().into_iter().map(|v| (v.key, v.version_id));
        let markers = page.delete_markers.unwrap_or_default().into_iter().map(|m| (m.key, m.version_id));
        let objects = versions
            .chain(markers)
            .filter_map(|(key, version)| Some(ObjectIdentifier::builder().key(key?).set_version_id(version).build()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| shape("object version", &e))?;
        if objects.is_empty() {
            return Ok(true);
        }
        let objects = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let objects = objects.map_err(|e| shape("objects to delete", &e))?;
        let call = aws.clients.s3.delete_objects().bucket(bucket).delete(objects).send();
        let done = aws.call("s3:DeleteObjects", call).await?;
        if let Some(first) = done.errors.unwrap_or_default().into_iter().next() {
            return Err(AwsError::Service(Box::new(ServiceError {
                operation: "s3:DeleteObjects",
                code: first.code.unwrap_or_default(),
                message: format!("{}: {}", first.key.unwrap_or_default(), first.message.unwrap_or_default()),
                status: 200,
                request_id: None,
                retry_after_s: None,
                needed: None,
            })));
        }
    }
}
